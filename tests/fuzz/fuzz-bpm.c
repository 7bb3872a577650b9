/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A model, with its length and hash put right so that the fuzzer gets behind them; what is accepted is
 * run on the loudest and the strangest samples there are: also with one electrode stuck, then all. */
#include <glib.h>
#include <string.h>

#include "recognition/digest.h"
#include "recognition/recognizer.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
put_right (uint8_t *bytes, size_t size)
{
  if (size < BPG_BPM_HEADER_LENGTH)
    return;
  for (int i = 0; i < 4; i++)
    bytes[8 + i] = (uint8_t) (size >> (8 * i));
  bpg_bpm_digest (bytes + BPG_BPM_HASHED_FROM, size - BPG_BPM_HASHED_FROM, bytes + 12);
}

static int16_t
sample_at (unsigned i, unsigned channel, unsigned samples)
{
  if ((channel == 1 && i > samples / 4) || i > samples * 7 / 8)
    return 17;
  return (i + channel) % 3 == 0 ? INT16_MIN : (i + channel) % 3 == 1 ? INT16_MAX : (int16_t) (i * 7919);
}

static void
run (const struct bpg_bpm *model)
{
  g_autofree struct bpg_recognizer *recognizer = g_new0 (struct bpg_recognizer, 1);
  struct bpg_decision decision;
  unsigned samples = MIN (3u * model->window + 4u * model->hop + model->rate, 4096u);

  bpg_recognizer_init (recognizer, model);
  for (unsigned i = 0; i < samples; i++) {
    int16_t sample[BPG_CHANNELS_MAX];

    for (unsigned channel = 0; channel < BPG_CHANNELS_MAX; channel++)
      sample[channel] = sample_at (i, channel, samples);
    if (bpg_recognizer_push (recognizer, sample, &decision)) {
      g_assert_cmpuint (decision.confidence, <=, 1000);
      g_assert_cmpuint (decision.speed, <=, 1000);
    }
  }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree uint8_t *bytes = g_memdup2 (data, size);
  struct bpg_bpm model;

  bpg_bpm_parse (data, size, &model);
  put_right (bytes, size);
  if (bpg_bpm_parse (bytes, size, &model) == 0)
    run (&model);
  return 0;
}
