/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prints every field of every decision; built by several compilers at several levels.
 *
 * usage: decisions MODEL.bpm SAMPLES (int16, little-endian, interleaved) */
#include <stdio.h>
#include <stdlib.h>

#include "recognition/recognizer.h"

static uint8_t *
read_all (const char *path,
          size_t     *length)
{
  FILE *file = fopen (path, "rb");
  uint8_t *bytes;
  long size;

  if (file == NULL || fseek (file, 0, SEEK_END) != 0 || (size = ftell (file)) < 0)
    {
      perror (path);
      exit (EXIT_FAILURE);
    }
  rewind (file);
  bytes = malloc ((size_t) size + 1);
  *length = fread (bytes, 1, (size_t) size, file);
  fclose (file);
  return bytes;
}

int
main (int    argc,
      char **argv)
{
  static struct bpg_recognizer recognizer;
  struct bpg_bpm model;
  size_t model_length, samples_length;
  uint8_t *model_bytes, *samples;
  int error;

  if (argc != 3)
    return 2;
  model_bytes = read_all (argv[1], &model_length);
  samples = read_all (argv[2], &samples_length);
  error = bpg_bpm_parse (model_bytes, model_length, &model);
  if (error != 0)
    {
      fprintf (stderr, "%s\n", bpg_bpm_strerror (error));
      return EXIT_FAILURE;
    }
  bpg_recognizer_init (&recognizer, &model);
  for (size_t at = 0; at + 2 * model.channels <= samples_length; at += 2 * (size_t) model.channels)
    {
      int16_t sample[BPG_CHANNELS_MAX];
      struct bpg_decision decision;

      for (size_t c = 0; c < model.channels; c++)
        sample[c] = bpg_load_i16 (samples + at + 2 * c);
      if (bpg_recognizer_push (&recognizer, sample, &decision))
        printf ("%u,%u,%u,%u,%u,%u,%d,%u\n", decision.sample, decision.raw, decision.movement, decision.flags,
                decision.confidence, decision.speed, decision.distance, decision.dead_electrodes);
    }
  free (model_bytes);
  free (samples);
  return EXIT_SUCCESS;
}
