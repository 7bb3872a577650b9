/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-pacer.h"

#include "bpg-error.h"

#define RATE 200
#define CHANNELS 4

typedef struct {
  BpgPacer *pacer;
  guint ticks;
  guint ended;
  guint broken;
  guint64 ended_at;
  double next; /* seconds of the phase that follows, 0 for none */
} Fixture;

static void
on_event (BpgPacer *pacer, BpgPacerEvent event, gpointer user_data)
{
  Fixture *fixture = user_data;

  fixture->ticks += event == BPG_PACER_TICK;
  fixture->broken += event == BPG_PACER_BROKEN;
  if (event != BPG_PACER_ENDED)
    return;
  fixture->ended++;
  fixture->ended_at = bpg_pacer_get_index (pacer);
  if (fixture->next > 0)
    bpg_pacer_start (pacer, fixture->next, TRUE);
  fixture->next = 0;
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->pacer = bpg_pacer_new (RATE, CHANNELS, on_event, fixture);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_object_unref (fixture->pacer);
}

/* Samples whose values tell their index. */
static gboolean
feed (Fixture *fixture, guint64 first, guint count, GError **error)
{
  gint16 samples[256 * CHANNELS];
  BpgStreamHeader header = {
    .type = BPG_STREAM_SAMPLES,
    .length = count * CHANNELS * (guint) sizeof (gint16),
    .tick = (first + count) * 5000,
    .first_sample = first,
    .count = count,
    .channels = CHANNELS,
  };

  for (guint i = 0; i < count * CHANNELS; i++)
    samples[i] = (gint16) (first + i / CHANNELS);
  return bpg_pacer_feed (fixture->pacer, &header, samples, error);
}

static gint16
kept (BpgRepetitionBuffer *buffer, gsize index)
{
  return g_array_index (buffer->samples, gint16, index * CHANNELS);
}

static void
test_phases (Fixture *fixture, gconstpointer data)
{
  g_autoptr (BpgRepetitionBuffer) buffer = NULL;

  g_assert_true (feed (fixture, 1000, 10, NULL));
  bpg_pacer_start (fixture->pacer, 0.5, FALSE);
  fixture->next = 0.25;
  g_assert_cmpfloat (bpg_pacer_get_seconds_left (fixture->pacer), ==, 0.5);
  for (guint i = 0; i < 4; i++)
    g_assert_true (feed (fixture, 1010 + 30 * i, 30, NULL));
  /* The second phase began in the middle of a record. */
  g_assert_cmpuint (fixture->ended, ==, 1);
  g_assert_cmpuint (fixture->ended_at, ==, 1110);
  g_assert_cmpfloat (bpg_pacer_get_seconds_left (fixture->pacer), ==, 0.15);
  g_assert_true (feed (fixture, 1130, 100, NULL));
  g_assert_cmpuint (fixture->ended, ==, 2);
  g_assert_cmpuint (fixture->ended_at, ==, 1160);
  g_assert_cmpfloat (bpg_pacer_get_seconds_left (fixture->pacer), ==, 0);

  buffer = bpg_pacer_take (fixture->pacer);
  g_assert_cmpuint (bpg_repetition_buffer_get_count (buffer), ==, 50);
  g_assert_cmpint (kept (buffer, 0), ==, 1110);
  g_assert_cmpint (kept (buffer, 49), ==, 1159);
  g_assert_cmpuint (buffer->gaps->len, ==, 0);
  g_assert_null (bpg_pacer_take (fixture->pacer));
  g_assert_cmpuint (fixture->ticks, >=, 2);
}

static void
test_lost (Fixture *fixture, gconstpointer data)
{
  g_autoptr (BpgRepetitionBuffer) buffer = NULL;
  const BpgSpan *gap;

  g_assert_true (feed (fixture, 0, 10, NULL));
  bpg_pacer_start (fixture->pacer, 0.5, TRUE);
  g_assert_true (feed (fixture, 10, 20, NULL));
  g_assert_true (feed (fixture, 37, 80, NULL));
  g_assert_cmpuint (fixture->ended, ==, 1);
  buffer = bpg_pacer_take (fixture->pacer);
  g_assert_cmpuint (bpg_repetition_buffer_get_count (buffer), ==, 100);
  g_assert_cmpuint (buffer->gaps->len, ==, 1);
  gap = &g_array_index (buffer->gaps, BpgSpan, 0);
  g_assert_cmpuint (gap->start, ==, 20);
  g_assert_cmpuint (gap->count, ==, 7);
  g_assert_cmpint (kept (buffer, 19), ==, 29);
  g_assert_cmpint (kept (buffer, 20), ==, 29);
  g_assert_cmpint (kept (buffer, 27), ==, 37);
  g_assert_cmpuint (buffer->clock->len, ==, 1);
}

/* A gap over the end of one phase and the beginning of the next lies in both. */
static void
test_lost_between (Fixture *fixture, gconstpointer data)
{
  g_autoptr (BpgRepetitionBuffer) buffer = NULL;

  g_assert_true (feed (fixture, 0, 10, NULL));
  bpg_pacer_start (fixture->pacer, 0.1, FALSE);
  fixture->next = 0.1;
  g_assert_true (feed (fixture, 35, 40, NULL));
  g_assert_cmpuint (fixture->ended, ==, 2);
  buffer = bpg_pacer_take (fixture->pacer);
  g_assert_cmpuint (bpg_repetition_buffer_get_count (buffer), ==, 20);
  g_assert_cmpuint (g_array_index (buffer->gaps, BpgSpan, 0).start, ==, 0);
  g_assert_cmpuint (g_array_index (buffer->gaps, BpgSpan, 0).count, ==, 5);
  g_assert_cmpint (kept (buffer, 0), ==, 0);
  g_assert_cmpint (kept (buffer, 5), ==, 35);
}

static void
test_broken (Fixture *fixture, gconstpointer data)
{
  g_assert_true (feed (fixture, 500, 10, NULL));
  bpg_pacer_start (fixture->pacer, 1, TRUE);
  g_assert_true (feed (fixture, 510, 10, NULL));
  g_assert_true (feed (fixture, 0, 10, NULL));
  g_assert_cmpuint (fixture->broken, ==, 1);
  g_assert_null (bpg_pacer_take (fixture->pacer));
  g_assert_cmpuint (bpg_pacer_get_index (fixture->pacer), ==, 10);
  bpg_pacer_start (fixture->pacer, 1, TRUE);
  g_assert_true (feed (fixture, 10 + RATE + 1, 10, NULL));
  g_assert_cmpuint (fixture->broken, ==, 2);
  /* Without a phase nobody is disturbed. */
  g_assert_true (feed (fixture, 0, 10, NULL));
  g_assert_cmpuint (fixture->broken, ==, 2);
}

static void
test_before_first (Fixture *fixture, gconstpointer data)
{
  bpg_pacer_start (fixture->pacer, 0.1, FALSE);
  g_assert_true (feed (fixture, 4000, 19, NULL));
  g_assert_cmpuint (fixture->ended, ==, 0);
  g_assert_true (feed (fixture, 4019, 1, NULL));
  g_assert_cmpuint (fixture->ended, ==, 1);
}

static void
test_foreign (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  gint16 samples[8 * 8] = {0};
  BpgStreamHeader header = {.length = sizeof samples, .count = 8, .channels = 8};

  g_assert_false (bpg_pacer_feed (fixture->pacer, &header, samples, &error));
  g_assert_error (error, BPG_ERROR, BPG_ERROR_INCOMPATIBLE);
  g_clear_error (&error);
  header.channels = CHANNELS;
  header.count = 0xffffffff;
  g_assert_false (bpg_pacer_feed (fixture->pacer, &header, samples, &error));
  g_assert_error (error, BPG_ERROR, BPG_ERROR_INCOMPATIBLE);
}

int
main (int argc, char **argv)
{
  static const struct {
    const char *name;
    void (*func) (Fixture *, gconstpointer);
  } cases[] = {
    {"/pacer/phases", test_phases},       {"/pacer/lost", test_lost},
    {"/pacer/lost-between", test_lost_between}, {"/pacer/broken", test_broken},
    {"/pacer/before-first", test_before_first}, {"/pacer/foreign", test_foreign},
  };

  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    g_test_add (cases[i].name, Fixture, NULL, set_up, cases[i].func, tear_down);
  return g_test_run ();
}
