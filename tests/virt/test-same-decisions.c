/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* This machine and the RISC-V one make the same decisions, every field of every one of them. */
#include <string.h>

#include "../training-lib/generate.h"
#include "lab-virt.h"
#include "training/lib/bpg-run.h"
#include "training/lib/bpg-trainer.h"

typedef struct
{
  const char *name;
  guint channels;
  guint rate;
  guint movements;
  guint window_ms;
  guint hop_ms;
} Case;

static const Case cases[] = {
  { "/virt/usual", 8, 200, 8, 100, 10 },
  { "/virt/long-window", 8, 200, 8, 200, 50 },
  { "/virt/every-sample", 8, 200, 4, 100, 5 },
  { "/virt/few-electrodes", 4, 2000, 5, 100, 10 },
  { "/virt/many-electrodes", 16, 1000, 6, 150, 10 },
  { "/virt/fullest", 16, 2000, 9, 250, 10 },
  { "/virt/odd-electrodes", 7, 500, 7, 120, 20 },
  { "/virt/two-movements", 8, 1000, 2, 100, 10 },
  { "/virt/many-movements", 8, 200, 32, 200, 50 },
  { "/virt/many-of-all", 16, 200, 32, 200, 20 },
};

static gboolean
is_there (void)
{
  g_autofree char *qemu = g_find_program_in_path ("qemu-system-riscv32");

  if (qemu == NULL)
    g_test_skip ("qemu-system-riscv32 is not installed");
  else if (g_getenv ("BIONICPRO_VIRT_IMAGE") == NULL)
    g_test_skip ("there is no RISC-V build: its compiler is not installed");
  else
    return TRUE;
  return FALSE;
}

static BpgModel *
train (const Case *one)
{
  GeneratedSignal signal = { .rate = one->rate, .channels = one->channels, .movements = one->movements,
                             .repetitions = 3, .segment_ms = 500, .amplitude = 3000, .seed = 41 };
  BpgTrainOptions options = { .window_ms = one->window_ms, .hop_ms = one->hop_ms, .created_us = 1 };
  g_autoptr (BpgEmgRecording) recording = generate_recording (&signal);
  g_autoptr (GError) error = NULL;
  BpgSelection selection = { recording, NULL };
  BpgModel *model = bpg_train (&selection, 1, NULL, &options, NULL, &error);

  g_assert_no_error (error);
  return model;
}

/* Another day with the band turned, in which an electrode dies and one comes loose, then all are at their ends. */
static BpgEmgRecording *
make_trouble (const Case *one)
{
  GeneratedSignal signal = { .rate = one->rate, .channels = one->channels, .movements = one->movements,
                             .repetitions = 1, .segment_ms = 700, .amplitude = 3500, .seed = 42, .shift = 1 };
  g_autoptr (BpgEmgRecording) recording = generate_recording (&signal);
  gsize n_samples = bpg_emg_recording_get_n_samples (recording);
  g_autofree gint16 *samples = g_memdup2 (bpg_emg_recording_get_sample (recording, 0),
                                          n_samples * one->channels * sizeof (gint16));
  g_autoptr (GRand) random = g_rand_new_with_seed (43);

  for (gsize i = n_samples / 4; i < n_samples / 2; i++)
    {
      samples[i * one->channels + 1] = 17;
      samples[i * one->channels + 2] = (gint16) g_rand_int_range (random, G_MININT16, G_MAXINT16 + 1);
    }
  for (gsize i = n_samples * 7 / 8 * one->channels; i < n_samples * one->channels; i++)
    samples[i] = g_rand_boolean (random) ? G_MAXINT16 : G_MININT16;
  return bpg_emg_recording_new (
      one->rate, one->channels, bpg_emg_recording_get_scale_nano (recording), bpg_emg_recording_get_unit (recording),
      g_bytes_new (samples, n_samples * one->channels * sizeof (gint16)), g_array_new (FALSE, TRUE, sizeof (BpgSegment)),
      g_array_new (FALSE, TRUE, sizeof (BpgGap)));
}

static void
keep (const struct bpg_decision *decision,
      gpointer                   user_data)
{
  g_array_append_vals (user_data, decision, 1);
}

static void
compare (const struct bpg_decision *a,
         const struct bpg_decision *b)
{
  g_assert_cmpuint (a->sample, ==, b->sample);
  g_assert_cmpuint (a->raw, ==, b->raw);
  g_assert_cmpuint (a->movement, ==, b->movement);
  g_assert_cmpuint (a->flags, ==, b->flags);
  g_assert_cmpuint (a->confidence, ==, b->confidence);
  g_assert_cmpuint (a->speed, ==, b->speed);
  g_assert_cmpint (a->distance, ==, b->distance);
  g_assert_cmpuint (a->dead_electrodes, ==, b->dead_electrodes);
}

static void
test_case (gconstpointer data)
{
  const Case *one = data;
  g_autoptr (BpgModel) model = NULL;
  g_autoptr (BpgEmgRecording) recording = NULL;
  g_autoptr (GArray) here = g_array_new (FALSE, FALSE, sizeof (struct bpg_decision));
  g_autoptr (GArray) there = g_array_new (FALSE, FALSE, sizeof (struct bpg_decision));
  g_autoptr (GError) error = NULL;
  BpgVirtStats stats = { 0 };

  if (!is_there ())
    return;
  model = train (one);
  recording = make_trouble (one);
  g_assert_true (bpg_run (model, recording, keep, here, &error));
  bpg_virt_run (model, recording, &stats, keep, there, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (here->len, >, 10);
  g_assert_cmpuint (here->len, ==, there->len);
  for (guint i = 0; i < here->len; i++)
    compare (&g_array_index (here, struct bpg_decision, i), &g_array_index (there, struct bpg_decision, i));

  g_assert_cmpuint (stats.decisions, ==, here->len);
  g_assert_cmpuint (stats.last.most, <=, stats.whole.most);
  g_assert_cmpuint (stats.whole.p99, <=, stats.whole.most);
  g_assert_cmpuint (stats.state + stats.stack, <=, 32 * 1024);
  g_assert_cmpuint (stats.model, ==, g_bytes_get_size (bpg_model_get_bytes (model)));
}

/* What came before does not matter for what is counted: the same twice gives the same figures. */
static void
test_counts (void)
{
  g_autoptr (BpgModel) model = NULL;
  g_autoptr (BpgEmgRecording) recording = NULL;
  g_autoptr (GArray) decisions = g_array_new (FALSE, FALSE, sizeof (struct bpg_decision));
  g_autoptr (GError) error = NULL;
  BpgVirtStats stats[2] = { 0 };

  if (!is_there ())
    return;
  model = train (&cases[0]);
  recording = make_trouble (&cases[0]);
  for (guint i = 0; i < 2; i++)
    {
      bpg_virt_run (model, recording, &stats[i], keep, decisions, &error);
      g_assert_no_error (error);
    }
  g_assert_cmpmem (&stats[0], sizeof stats[0], &stats[1], sizeof stats[1]);
  /* more samples a decision cost more, and all of it but the last push lies before the last sample */
  g_assert_cmpuint (stats[0].whole.mean, >, stats[0].last.mean);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    g_test_add_data_func (cases[i].name, &cases[i], test_case);
  g_test_add_func ("/virt/counts", test_counts);
  return g_test_run ();
}
