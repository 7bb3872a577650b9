/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/bpg-verdict.h"

#include <math.h>
#include <string.h>

#define SECONDS 1.5
#define MOST_SAMPLES (3000 * BPG_CHANNELS_MAX)

/* Signals of any scale: the rules may know nothing of volts. */
typedef struct {
  guint rate;
  guint channels;
  double scale; /* counts at rest */
} Kind;

static const Kind kinds[] = {{200, 8, 2}, {200, 8, 150}, {1000, 8, 12}, {2000, 4, 40}, {500, 16, 7}};

typedef struct {
  const Kind *kind;
  BpgJudge *judge;
  guint32 random;
  gsize count;
  gint16 *samples;
} Fixture;

static double
noise (Fixture *fixture)
{
  double sum = -6;

  for (guint i = 0; i < 12; i++) {
    fixture->random = fixture->random * 1664525u + 1013904223u;
    sum += fixture->random / 4294967296.0;
  }
  return sum;
}

/* Level of an electrode over rest: every movement has its own two electrodes. */
static double
gain_of (guint8 code, guint channel, guint channels)
{
  if (code == 0)
    return 1;
  return channel == code % channels ? 14 : channel == (code + 1) % channels ? 6 : 1.5;
}

static void
do_movement (Fixture *fixture, guint8 code, double from, double strength)
{
  guint channels = fixture->kind->channels;

  for (gsize i = 0; i < fixture->count; i++) {
    gboolean active = (double) i >= from * fixture->count;

    for (guint c = 0; c < channels; c++) {
      double level = active ? 1 + strength * (gain_of (code, c, channels) - 1) : 1;

      fixture->samples[i * channels + c] = (gint16) lround (fixture->kind->scale * level * noise (fixture));
    }
  }
}

static BpgVerdict *
judge (Fixture *fixture, guint8 code, guint repetition)
{
  return bpg_judge_repetition (fixture->judge, code, repetition, fixture->samples, fixture->count, NULL, 0);
}

static void
accept (Fixture *fixture, guint8 code, guint repetition)
{
  BpgVerdict *verdict;

  do_movement (fixture, code, code == 0 ? 0 : 0.1, 1);
  verdict = judge (fixture, code, repetition);
  if (!verdict->accepted)
    g_test_message ("movement %u: %s", code, verdict->advice);
  g_assert_true (verdict->accepted);
  g_assert_cmpstr (verdict->advice, ==, "");
  bpg_judge_accept (fixture->judge, verdict);
}

static void
expect (Fixture *fixture, guint8 code, BpgVerdictRule rule, guint16 electrodes)
{
  g_autoptr (BpgVerdict) verdict = judge (fixture, code, 3);

  g_test_message ("%s: reasons %x, figure %g, %s", bpg_verdict_rule_name (rule), verdict->reasons,
                  verdict->figures[rule], verdict->advice);
  g_assert_false (verdict->accepted);
  g_assert_true (verdict->reasons & 1u << rule);
  g_assert_true (isfinite (verdict->figures[rule]));
  g_assert_cmpuint (verdict->electrodes, ==, electrodes);
  g_assert_cmpuint (strlen (verdict->advice), >, 20);
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->kind = data;
  fixture->random = 4711;
  fixture->judge = bpg_judge_new (fixture->kind->rate, fixture->kind->channels);
  fixture->count = (gsize) (SECONDS * fixture->kind->rate);
  fixture->samples = g_new0 (gint16, MOST_SAMPLES);
  for (guint repetition = 1; repetition <= 2; repetition++) {
    accept (fixture, 0, repetition);
    accept (fixture, 1, repetition);
    accept (fixture, 3, repetition);
  }
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_object_unref (fixture->judge);
  g_free (fixture->samples);
}

static gint16 *
at (Fixture *fixture, gsize index, guint channel)
{
  return &fixture->samples[index * fixture->kind->channels + channel];
}

static void
test_good (Fixture *fixture, gconstpointer data)
{
  accept (fixture, 0, 3);
  accept (fixture, 1, 3);
  accept (fixture, 3, 3);
}

static void
test_stuck (Fixture *fixture, gconstpointer data)
{
  do_movement (fixture, 1, 0.1, 1);
  for (gsize i = 0; i < fixture->count; i++)
    *at (fixture, i, 2) = 17;
  expect (fixture, 1, BPG_VERDICT_ELECTRODE_STUCK, 1u << 2);
}

static void
test_loose (Fixture *fixture, gconstpointer data)
{
  do_movement (fixture, 1, 0.1, 1);
  for (gsize i = 0; i < fixture->count; i++)
    *at (fixture, i, 3) =
      (gint16) (fixture->kind->scale * (8 * sin (2 * G_PI * 50 * (double) i / fixture->kind->rate) + noise (fixture)));
  expect (fixture, 1, BPG_VERDICT_ELECTRODE_LOOSE, 1u << 3);
}

static void
test_mains (Fixture *fixture, gconstpointer data)
{
  for (guint hertz = 50; hertz <= 60; hertz += 10) {
    do_movement (fixture, 1, 0.1, 1);
    for (gsize i = 0; i < fixture->count; i++) {
      for (guint c = 0; c < fixture->kind->channels; c++)
        *at (fixture, i, c) = (gint16) (*at (fixture, i, c) + fixture->kind->scale * 30 *
                                                                sin (2 * G_PI * hertz * (double) i / fixture->kind->rate));
    }
    expect (fixture, 1, BPG_VERDICT_MAINS, 0);
  }
}

static void
test_clipped (Fixture *fixture, gconstpointer data)
{
  do_movement (fixture, 1, 0, 1);
  for (gsize i = 0; i < fixture->count; i++) {
    double value = noise (fixture);

    *at (fixture, i, 1) = (gint16) (CLAMP (value, -0.4, 0.4) * MAX (100, 20 * fixture->kind->scale));
  }
  expect (fixture, 1, BPG_VERDICT_CLIPPED, 1u << 1);
}

static void
test_artefact (Fixture *fixture, gconstpointer data)
{
  do_movement (fixture, 1, 0.1, 1);
  for (gsize i = 0; i < fixture->count; i++) {
    double t = (double) i / fixture->count - 0.5;

    *at (fixture, i, 0) = (gint16) (*at (fixture, i, 0) + fixture->kind->scale * 150 * exp (-t * t / 0.005));
  }
  expect (fixture, 1, BPG_VERDICT_ARTEFACT, 1u << 0);
}

static void
test_no_contraction (Fixture *fixture, gconstpointer data)
{
  do_movement (fixture, 0, 0, 1);
  expect (fixture, 1, BPG_VERDICT_NO_CONTRACTION, 0);
  /* Also when it is the first of its movement. */
  expect (fixture, 2, BPG_VERDICT_NO_CONTRACTION, 0);
}

static void
test_weak (Fixture *fixture, gconstpointer data)
{
  do_movement (fixture, 1, 0, 0.18);
  expect (fixture, 1, BPG_VERDICT_WEAK, 0);
}

static void
test_late (Fixture *fixture, gconstpointer data)
{
  do_movement (fixture, 1, 0.65, 1);
  expect (fixture, 1, BPG_VERDICT_LATE, 0);
}

static void
test_inconsistent (Fixture *fixture, gconstpointer data)
{
  g_autoptr (BpgVerdict) verdict = NULL;

  do_movement (fixture, 3, 0.1, 1);
  verdict = judge (fixture, 1, 3);
  g_assert_cmpuint (verdict->reasons, ==, 1u << BPG_VERDICT_INCONSISTENT);
  g_assert_cmpuint (verdict->resembles, ==, 3);
  g_assert_nonnull (strstr (verdict->advice, "radial_deviation"));
  g_assert_nonnull (strstr (verdict->advice, "wrist_flexion"));

  /* Moving during rest. */
  expect (fixture, 0, BPG_VERDICT_INCONSISTENT, 0);
}

static void
test_lost (Fixture *fixture, gconstpointer data)
{
  BpgSpan small = {fixture->count / 2, fixture->count / 100}, large = {fixture->count / 2, fixture->count / 5};
  g_autoptr (BpgVerdict) good = NULL;
  g_autoptr (BpgVerdict) bad = NULL;

  do_movement (fixture, 1, 0.1, 1);
  /* What stands in the place of lost samples must not look like a stuck electrode. */
  for (gsize i = small.start; i < large.start + large.count; i++) {
    for (guint c = 0; c < fixture->kind->channels && i < small.start + small.count; c++)
      *at (fixture, i, c) = *at (fixture, small.start - 1, c);
  }
  good = bpg_judge_repetition (fixture->judge, 1, 3, fixture->samples, fixture->count, &small, 1);
  g_assert_true (good->accepted);
  bad = bpg_judge_repetition (fixture->judge, 1, 3, fixture->samples, fixture->count, &large, 1);
  g_assert_true (bad->reasons & 1u << BPG_VERDICT_SAMPLES_LOST);
  g_assert_cmpfloat_with_epsilon (bad->figures[BPG_VERDICT_SAMPLES_LOST], 0.2, 0.01);
}

static void
test_too_short (Fixture *fixture, gconstpointer data)
{
  for (gsize count = 0; count < 20; count++) {
    g_autoptr (BpgVerdict) verdict = bpg_judge_repetition (fixture->judge, 1, 3, fixture->samples, count, NULL, 0);

    g_assert_false (verdict->accepted);
  }
}

/* The movement was learnt wrong: with both repetitions done anew, the new way is the right one. */
static void
test_replaced (Fixture *fixture, gconstpointer data)
{
  g_autoptr (BpgVerdict) before = NULL;
  g_autoptr (BpgVerdict) after = NULL;

  do_movement (fixture, 3, 0.1, 1);
  before = judge (fixture, 1, 3);
  g_assert_false (before->accepted);
  for (guint repetition = 1; repetition <= 2; repetition++) {
    do_movement (fixture, 3, 0.1, 1);
    bpg_judge_accept (fixture->judge, judge (fixture, 1, repetition));
    do_movement (fixture, 1, 0.1, 1);
    bpg_judge_accept (fixture->judge, judge (fixture, 3, repetition));
  }
  do_movement (fixture, 3, 0.1, 1);
  after = judge (fixture, 1, 3);
  g_assert_true (after->accepted);
}

/* Twice as strongly is still the same movement. */
static void
test_stronger (Fixture *fixture, gconstpointer data)
{
  g_autoptr (BpgVerdict) verdict = NULL;

  do_movement (fixture, 1, 0.1, 2);
  verdict = judge (fixture, 1, 3);
  g_assert_true (verdict->accepted);
  g_assert_cmpfloat (verdict->figures[BPG_VERDICT_WEAK], >, 1.5);
}

static void
test_separability (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GArray) pairs = bpg_judge_get_separability (fixture->judge);
  g_autofree char *nothing = bpg_judge_get_advice (fixture->judge);
  g_autofree char *advice = NULL;
  BpgVerdict *verdict;

  g_assert_cmpuint (pairs->len, ==, 3);
  for (guint i = 0; i < pairs->len; i++)
    g_assert_cmpfloat (g_array_index (pairs, BpgSeparability, i).distance, >, 1);
  g_assert_cmpstr (nothing, ==, "");

  /* A fourth movement that is done like the third. */
  for (guint repetition = 1; repetition <= 2; repetition++) {
    do_movement (fixture, 3, 0.1, 1);
    verdict = judge (fixture, 5, repetition);
    bpg_judge_accept (fixture->judge, verdict);
  }
  advice = bpg_judge_get_advice (fixture->judge);
  g_assert_nonnull (strstr (advice, "radial_deviation and pronation look alike"));
}

int
main (int argc, char **argv)
{
  static const struct {
    const char *name;
    void (*func) (Fixture *, gconstpointer);
  } cases[] = {
    {"good", test_good},         {"stuck", test_stuck},       {"loose", test_loose},
    {"mains", test_mains},       {"clipped", test_clipped},   {"artefact", test_artefact},
    {"no-contraction", test_no_contraction}, {"weak", test_weak}, {"late", test_late},
    {"inconsistent", test_inconsistent}, {"lost", test_lost}, {"too-short", test_too_short},
    {"replaced", test_replaced}, {"stronger", test_stronger}, {"separability", test_separability},
  };

  g_test_init (&argc, &argv, NULL);
  for (guint k = 0; k < G_N_ELEMENTS (kinds); k++) {
    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
      g_autofree char *path = g_strdup_printf ("/verdict/%u-hertz-%u-electrodes-%g/%s", kinds[k].rate, kinds[k].channels,
                                               kinds[k].scale, cases[i].name);

      g_test_add (path, Fixture, &kinds[k], set_up, cases[i].func, tear_down);
    }
  }
  return g_test_run ();
}
