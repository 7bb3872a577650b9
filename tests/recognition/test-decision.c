/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib.h>
#include <math.h>
#include <string.h>

#include "recognition/decision.h"
#include "recognition/follow.h"

/* A model of three movements, rest among them, in one direction, that exists only as far as decisions need it. */
struct little_model
{
  guint8 table[3 * 32];
  guint8 centres[3 * 2];
  struct bpg_bpm bpm;
};

static const guint16 clean[BPG_INTERFERENCES] = { BPG_INTERFERENCE_NONE, BPG_INTERFERENCE_NONE, BPG_INTERFERENCE_NONE };

struct hand
{
  struct bpg_filter filter;
  struct bpg_decider decider;
};

static void
init_model (struct little_model *model)
{
  memset (model, 0, sizeof *model);
  for (guint8 m = 0; m < 3; m++)
    {
      model->table[m * 32] = m;
      model->table[m * 32 + 4] = 0x40; /* full speed at 0x640 = 100 counts */
      model->table[m * 32 + 5] = 0x06;
      model->table[m * 32 + 8] = 'm';
    }
  model->bpm.movement_table = model->table;
  model->bpm.movements = 3;
  model->bpm.dimensions = 1;
  model->bpm.rest = 0;
  model->bpm.centres = model->centres;
  model->centres[3] = 10; /* movement 1 at 10 standard deviations, 2 at -10 */
  model->centres[5] = (guint8) -10;
  model->bpm.decision = (struct bpg_decision_parameters) {
    .reject_score = 100 * 256,
    .confidence_scale = 96,
    .reject_confidence = 400,
    .reject_new = 16384,
    .margin_rest = 4,
    .margin_movement = 4,
    .speed_rise = 100,
    .speed_fall = 200,
    .strength_new = 32767,
    .rest_strength = 10 * 16,
  };
  model->bpm.filter = (struct bpg_filter_parameters) {
    .change = BPG_BPM_CERTAIN / 300,
    .begin = BPG_BPM_CERTAIN / 100,
    .rest = BPG_BPM_CERTAIN / 100,
    .scale = 4096 / 8,
    .quiet = 40,
  };
  model->bpm.follow = (struct bpg_follow_parameters) {
    .rate = 655,
    .common = 16384,
    .rest = 16384,
    .bound = 2 * 256,
    .confidence = 990,
    .forget = 655,
    .usual_new = 1000,
    .unknown_new = 327,
  };
}

static void
init_hand (struct hand               *hand,
           const struct little_model *model)
{
  bpg_filter_init (&hand->filter, &model->bpm);
  bpg_decider_init (&hand->decider, &model->bpm);
}

/* A window whose nearest movement lies @margin units of squared distance nearer than the others. */
static struct bpg_decision
step (struct hand               *hand,
      const struct little_model *model,
      guint8                     nearest,
      guint                      margin,
      guint                      score,
      guint                      strength)
{
  struct bpg_classification classification = { .nearest = nearest, .score = score * 256, .confidence = 900 };
  struct bpg_decision decision = { 0 };
  unsigned best;

  for (guint m = 0; m < 3; m++)
    {
      classification.behind[m] = m == nearest ? 0 : margin * 256;
      classification.squares[m] = classification.behind[m] + score * 256;
    }
  best = bpg_filter_step (&hand->filter, &model->bpm, &classification, FALSE);
  bpg_decider_step (&hand->decider, &model->bpm, &classification, &hand->filter, best, clean, TRUE, strength * 16,
                    &decision);
  return decision;
}

static void
test_one_outlier_changes_nothing (void)
{
  struct little_model model;
  struct hand hand;

  init_model (&model);
  init_hand (&hand, &model);
  for (guint i = 0; i < 10; i++)
    g_assert_cmpuint (step (&hand, &model, 1, 60, 5, 50).movement, ==, 1);
  g_assert_cmpuint (step (&hand, &model, 2, 60, 5, 50).movement, ==, 1);
  g_assert_cmpuint (step (&hand, &model, 1, 60, 5, 50).movement, ==, 1);
  step (&hand, &model, 2, 60, 5, 50);
  g_assert_cmpuint (step (&hand, &model, 2, 60, 5, 50).movement, ==, 2);
}

static void
test_probabilities (void)
{
  struct little_model model;
  struct hand hand;
  g_autoptr (GRand) rand = g_rand_new_with_seed (3);

  init_model (&model);
  init_hand (&hand, &model);
  for (guint i = 0; i < 20000; i++)
    {
      guint64 sum = 0;

      step (&hand, &model, (guint8) g_rand_int_range (rand, 0, 3), (guint) g_rand_int_range (rand, 0, 513),
            (guint) g_rand_int_range (rand, 0, 1000), 50);
      for (guint m = 0; m < 3; m++)
        sum += hand.filter.probability[m];
      g_assert_cmpuint (sum, <, BPG_BPM_CERTAIN + (BPG_BPM_CERTAIN >> 14));
      g_assert_cmpuint (sum, >, BPG_BPM_CERTAIN - (BPG_BPM_CERTAIN >> 14));
    }
}

/* The forward algorithm in floating point, step by step. */
static void
test_filter_against_floats (void)
{
  struct little_model model;
  struct hand hand;
  g_autoptr (GRand) rand = g_rand_new_with_seed (4);
  double p[3] = { 1 / 3.0, 1 / 3.0, 1 / 3.0 };

  init_model (&model);
  init_hand (&hand, &model);
  for (guint i = 0; i < 1000; i++)
    {
      guint8 nearest = (guint8) g_rand_int_range (rand, 0, 3);
      guint margin = (guint) g_rand_int_range (rand, 0, 30);
      double next[3] = { 0 }, sum = 0;

      for (guint to = 0; to < 3; to++)
        {
          for (guint from = 0; from < 3; from++)
            {
              double out = from == 0 ? 2.0 / 100 : 1.0 / 100, stays = 1 - 2.0 / 300 - out;
              double goes = 1.0 / 300 + (from == 0 || to == 0 ? 1.0 / 100 : 0);

              next[to] += p[from] * (from == to ? stays : goes);
            }
          next[to] *= to == nearest ? 1 : pow (2, -(double) margin / 8);
          sum += next[to];
        }
      step (&hand, &model, nearest, margin, 5, 50);
      for (guint m = 0; m < 3; m++)
        {
          p[m] = next[m] / sum;
          g_assert_cmpfloat_with_epsilon (hand.filter.probability[m] / (double) BPG_BPM_CERTAIN, p[m], 2e-3);
        }
    }
}

static void
test_quiet_is_rest (void)
{
  struct little_model model;
  struct hand hand;
  struct bpg_classification classification = { .nearest = 1, .behind = { 30 * 256, 0, 60 * 256 } };

  init_model (&model);
  init_hand (&hand, &model);
  g_assert_cmpuint (bpg_filter_step (&hand.filter, &model.bpm, &classification, FALSE), ==, 1);
  init_hand (&hand, &model);
  for (guint i = 0; i < 3; i++)
    g_assert_cmpuint (bpg_filter_step (&hand.filter, &model.bpm, &classification, TRUE), ==, 0);
  /* but not when it is much more like a movement */
  classification.behind[0] = 100 * 256;
  init_hand (&hand, &model);
  g_assert_cmpuint (bpg_filter_step (&hand.filter, &model.bpm, &classification, TRUE), ==, 1);
}

static void
test_raw_is_untouched (void)
{
  struct little_model model;
  struct hand hand;

  init_model (&model);
  init_hand (&hand, &model);
  g_assert_cmpuint (step (&hand, &model, 2, 60, 1000, 50).raw, ==, 2);
}

static void
test_unknown_is_rest (void)
{
  struct little_model model;
  struct hand hand;
  struct bpg_decision decision;

  init_model (&model);
  init_hand (&hand, &model);
  for (guint i = 0; i < 10; i++)
    step (&hand, &model, 1, 60, 5, 50);
  /* one window far from everything is not enough, a second is */
  decision = step (&hand, &model, 1, 60, 150, 50);
  g_assert_cmpuint (decision.movement, ==, 1);
  decision = step (&hand, &model, 1, 60, 150, 50);
  g_assert_cmpuint (decision.movement, ==, 0);
  g_assert_cmpuint (decision.speed, ==, 0);
  g_assert_cmpuint (decision.raw, ==, 1);
  g_assert_true ((decision.flags & BPG_DECISION_UNKNOWN) != 0);
  for (guint i = 0; i < 3; i++)
    decision = step (&hand, &model, 1, 60, 5, 50);
  g_assert_cmpuint (decision.movement, ==, 1);
}

static void
test_unsure_starts_nothing (void)
{
  struct little_model model;
  struct hand hand;
  struct bpg_decision decision;

  init_model (&model);
  model.bpm.decision.reject_confidence = 900;
  init_hand (&hand, &model);
  for (guint i = 0; i < 2; i++)
    {
      decision = step (&hand, &model, 1, 6, 5, 50);
      g_assert_cmpuint (decision.movement, ==, 0);
      g_assert_true ((decision.flags & BPG_DECISION_UNSURE) != 0);
    }
  decision = step (&hand, &model, 1, 60, 5, 50);
  g_assert_cmpuint (decision.movement, ==, 1);
  g_assert_true ((decision.flags & BPG_DECISION_CHANGED) != 0);
  decision = step (&hand, &model, 2, 60, 5, 50);
  g_assert_cmpuint (decision.movement, ==, 1);
}

static void
test_unusable_moves_nothing (void)
{
  struct little_model model;
  struct hand hand;
  struct bpg_classification classification = { .nearest = 1, .behind = { 60 * 256, 0, 60 * 256 } };
  struct bpg_decision decision = { 0 };

  init_model (&model);
  init_hand (&hand, &model);
  for (guint i = 0; i < 10; i++)
    {
      unsigned best = bpg_filter_step (&hand.filter, &model.bpm, &classification, FALSE);

      bpg_decider_step (&hand.decider, &model.bpm, &classification, &hand.filter, best, clean, FALSE, 800, &decision);
      g_assert_cmpuint (decision.raw, ==, 1);
      g_assert_cmpuint (decision.movement, ==, 0);
    }
}

/* Windows of a movement at @place standard deviations, so many of them. */
static void
follow (struct bpg_follower       *follower,
        const struct little_model *model,
        unsigned                   movement,
        int                        place,
        guint                      confidence,
        guint                      windows,
        gboolean                   unknown)
{
  struct bpg_classification classification = { .nearest = (guint8) movement, .place = { place * 256 } };

  for (guint i = 0; i < windows; i++)
    {
      gint32 away = place * 256 - bpg_centre (&model->bpm, &follower->shift, movement, 0);

      classification.squares[movement] = (guint32) (away * away) >> 8;
      bpg_follower_step (follower, &model->bpm, &classification, movement, confidence, unknown);
    }
}

static void
test_follows_what_is_sure (void)
{
  struct little_model model;
  struct bpg_follower follower;

  init_model (&model);
  bpg_follower_init (&follower);
  follow (&follower, &model, 1, 11, 980, 1000, FALSE);
  g_assert_cmpint (bpg_centre (&model.bpm, &follower.shift, 1, 0), ==, 10 * 256);
  follow (&follower, &model, 1, 11, 1000, 1000, FALSE);
  g_assert_cmpint (bpg_centre (&model.bpm, &follower.shift, 1, 0), >, 10 * 256 + 200);
  g_assert_cmpint (bpg_centre (&model.bpm, &follower.shift, 1, 0), <=, 11 * 256);
  /* the others follow by half */
  g_assert_cmpint (bpg_centre (&model.bpm, &follower.shift, 2, 0), >, -10 * 256 + 90);
  g_assert_cmpint (bpg_centre (&model.bpm, &follower.shift, 2, 0), <, -10 * 256 + 166);
}

static void
test_never_runs_away (void)
{
  struct little_model model;
  struct bpg_follower follower;

  init_model (&model);
  bpg_follower_init (&follower);
  /* a day of something else that is taken for movement 1 */
  follow (&follower, &model, 1, 60, 1000, 100000, FALSE);
  g_assert_cmpint (follower.shift.common[0] >> 8, <=, 2 * 256);
  g_assert_cmpint (follower.shift.own[1] >> 8, <=, 2 * 256);
  g_assert_cmpint (bpg_centre (&model.bpm, &follower.shift, 2, 0), <=, -8 * 256);
  /* without anything sure to follow, centres return */
  follow (&follower, &model, 1, 60, 0, 64 * 2000, FALSE);
  g_assert_cmpint (ABS (bpg_centre (&model.bpm, &follower.shift, 1, 0) - 10 * 256), <, 30);
}

static guint
settled_speed (guint strength)
{
  struct little_model model;
  struct hand hand;
  guint speed = 0;

  init_model (&model);
  init_hand (&hand, &model);
  for (guint i = 0; i < 40; i++)
    speed = step (&hand, &model, 1, 60, 5, strength).speed;
  return speed;
}

static void
test_speed_follows_strength (void)
{
  guint last = 0;

  g_assert_cmpuint (settled_speed (0), ==, 0);
  g_assert_cmpuint (settled_speed (10), ==, 0);
  for (guint strength = 0; strength < 200; strength++)
    {
      guint speed = settled_speed (strength);

      g_assert_cmpuint (speed, >=, last);
      g_assert_cmpuint (speed - last, <=, 30);
      last = speed;
    }
  g_assert_cmpuint (last, ==, 1000);
}

static void
test_ramp (void)
{
  struct little_model model;
  struct hand hand;
  guint last = 0;

  init_model (&model);
  init_hand (&hand, &model);
  for (guint i = 0; i < 20; i++)
    {
      guint speed = step (&hand, &model, 1, 60, 5, 200).speed;

      g_assert_cmpuint (speed, <=, last + 100);
      last = speed;
    }
  g_assert_cmpuint (last, ==, 1000);
  step (&hand, &model, 2, 60, 5, 200);
  g_assert_cmpuint (step (&hand, &model, 2, 60, 5, 200).speed, <=, 100);
}

/* A socket put on another way makes many windows like no movement, a movement that was never learnt few. */
static void
test_unknown_is_followed_only_by_many (void)
{
  struct little_model model;
  struct bpg_follower follower;

  init_model (&model);
  bpg_follower_init (&follower);
  follow (&follower, &model, 1, 11, 1000, 40, TRUE);
  g_assert_cmpint (bpg_centre (&model.bpm, &follower.shift, 1, 0), >, 10 * 256 + 20);
  bpg_follower_init (&follower);
  follow (&follower, &model, 1, 10, 0, 1000, FALSE);
  follow (&follower, &model, 1, 11, 1000, 40, TRUE);
  g_assert_cmpint (bpg_centre (&model.bpm, &follower.shift, 1, 0), ==, 10 * 256);
  follow (&follower, &model, 1, 11, 1000, 100, TRUE);
  g_assert_cmpint (bpg_centre (&model.bpm, &follower.shift, 1, 0), >, 10 * 256 + 20);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/recognition/decision/outlier", test_one_outlier_changes_nothing);
  g_test_add_func ("/recognition/decision/raw", test_raw_is_untouched);
  g_test_add_func ("/recognition/decision/unusable", test_unusable_moves_nothing);
  g_test_add_func ("/recognition/filter/probabilities", test_probabilities);
  g_test_add_func ("/recognition/filter/against-floats", test_filter_against_floats);
  g_test_add_func ("/recognition/filter/quiet-is-rest", test_quiet_is_rest);
  g_test_add_func ("/recognition/follow/what-is-sure", test_follows_what_is_sure);
  g_test_add_func ("/recognition/follow/never-runs-away", test_never_runs_away);
  g_test_add_func ("/recognition/follow/unknown", test_unknown_is_followed_only_by_many);
  g_test_add_func ("/recognition/decision/unknown-is-rest", test_unknown_is_rest);
  g_test_add_func ("/recognition/decision/unsure-starts-nothing", test_unsure_starts_nothing);
  g_test_add_func ("/recognition/decision/speed-follows-strength", test_speed_follows_strength);
  g_test_add_func ("/recognition/decision/ramp", test_ramp);
  return g_test_run ();
}
