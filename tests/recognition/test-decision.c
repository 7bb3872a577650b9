/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib.h>
#include <string.h>

#include "recognition/decision.h"

/* A model of three movements, rest among them, that exists only as far as decisions need it. */
struct little_model
{
  guint8 table[3 * 32];
  struct bpg_bpm bpm;
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
  model->bpm.rest = 0;
  model->bpm.decision = (struct bpg_decision_parameters) {
    .reject_distance = 100 * 256,
    .confidence_scale = 96,
    .reject_confidence = 400,
    .evidence_keep = 16384,
    .evidence_margin = 6 * 256,
    .evidence_limit = 8 * 256,
    .speed_rise = 100,
    .speed_fall = 200,
    .strength_new = 32767,
    .rest_strength = 10 * 16,
  };
}

static struct bpg_decision
step (struct bpg_decider        *decider,
      const struct little_model *model,
      guint8                     nearest,
      guint                      confidence,
      guint                      square,
      guint                      strength)
{
  struct bpg_classification classification = { .nearest = nearest, .square = square * 256,
                                               .confidence = (guint16) confidence };
  struct bpg_decision decision = { 0 };

  for (guint m = 0; m < 3; m++)
    classification.behind[m] = m == nearest ? 0 : 6 * 256;
  bpg_decider_step (decider, &model->bpm, &classification, strength * 16, &decision);
  return decision;
}

static void
test_one_outlier_changes_nothing (void)
{
  struct little_model model;
  struct bpg_decider decider;

  init_model (&model);
  bpg_decider_init (&decider, &model.bpm);
  for (guint i = 0; i < 10; i++)
    g_assert_cmpuint (step (&decider, &model, 1, 900, 5, 50).movement, ==, i < 1 ? 0 : 1);
  g_assert_cmpuint (step (&decider, &model, 2, 900, 5, 50).movement, ==, 1);
  g_assert_cmpuint (step (&decider, &model, 1, 900, 5, 50).movement, ==, 1);
  step (&decider, &model, 2, 900, 5, 50);
  g_assert_cmpuint (step (&decider, &model, 2, 900, 5, 50).movement, ==, 2);
}

static void
test_raw_is_untouched (void)
{
  struct little_model model;
  struct bpg_decider decider;

  init_model (&model);
  bpg_decider_init (&decider, &model.bpm);
  g_assert_cmpuint (step (&decider, &model, 2, 100, 1000, 50).raw, ==, 2);
}

static void
test_unknown_is_rest (void)
{
  struct little_model model;
  struct bpg_decider decider;
  struct bpg_decision decision;

  init_model (&model);
  bpg_decider_init (&decider, &model.bpm);
  for (guint i = 0; i < 10; i++)
    step (&decider, &model, 1, 900, 5, 50);
  decision = step (&decider, &model, 1, 900, 101, 50);
  g_assert_cmpuint (decision.movement, ==, 0);
  g_assert_cmpuint (decision.speed, ==, 0);
  g_assert_true ((decision.flags & BPG_DECISION_UNKNOWN) != 0);
}

static void
test_unsure_starts_nothing (void)
{
  struct little_model model;
  struct bpg_decider decider;
  struct bpg_decision decision = { 0 };

  init_model (&model);
  bpg_decider_init (&decider, &model.bpm);
  for (guint i = 0; i < 10; i++)
    decision = step (&decider, &model, 1, 300, 5, 50);
  g_assert_cmpuint (decision.movement, ==, 0);
  g_assert_true ((decision.flags & BPG_DECISION_UNSURE) != 0);
  decision = step (&decider, &model, 1, 900, 5, 50);
  g_assert_cmpuint (decision.movement, ==, 1);
  g_assert_true ((decision.flags & BPG_DECISION_CHANGED) != 0);
  decision = step (&decider, &model, 1, 300, 5, 50);
  g_assert_cmpuint (decision.movement, ==, 1);
}

static guint
settled_speed (guint strength)
{
  struct little_model model;
  struct bpg_decider decider;
  guint speed = 0;

  init_model (&model);
  bpg_decider_init (&decider, &model.bpm);
  for (guint i = 0; i < 40; i++)
    speed = step (&decider, &model, 1, 900, 5, strength).speed;
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
  struct bpg_decider decider;
  guint last = 0;

  init_model (&model);
  bpg_decider_init (&decider, &model.bpm);
  for (guint i = 0; i < 20; i++)
    {
      guint speed = step (&decider, &model, 1, 900, 5, 200).speed;

      g_assert_cmpuint (speed, <=, last + 100);
      last = speed;
    }
  g_assert_cmpuint (last, ==, 1000);
  step (&decider, &model, 2, 900, 5, 200);
  g_assert_cmpuint (step (&decider, &model, 2, 900, 5, 200).speed, <=, 100);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/recognition/decision/outlier", test_one_outlier_changes_nothing);
  g_test_add_func ("/recognition/decision/raw", test_raw_is_untouched);
  g_test_add_func ("/recognition/decision/unknown-is-rest", test_unknown_is_rest);
  g_test_add_func ("/recognition/decision/unsure-starts-nothing", test_unsure_starts_nothing);
  g_test_add_func ("/recognition/decision/speed-follows-strength", test_speed_follows_strength);
  g_test_add_func ("/recognition/decision/ramp", test_ramp);
  return g_test_run ();
}
