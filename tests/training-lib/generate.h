/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "training/lib/bpg-emg-recording.h"

G_BEGIN_DECLS

/**
 * GeneratedSignal: a person's recording, made up.
 * @rate: Hz.
 * @channels: electrodes.
 * @movements: gesture codes 0 (rest) to movements - 1.
 * @repetitions: of each, one after the other: all movements once, then again.
 * @segment_ms: length of each.
 * @amplitude: of the strongest electrode, counts.
 * @seed: another seed is another day of the same person.
 * @shift: turns the band by this many electrodes.
 */
typedef struct
{
  guint rate;
  guint channels;
  guint movements;
  guint repetitions;
  guint segment_ms;
  double amplitude;
  guint64 seed;
  guint shift;
} GeneratedSignal;

/** generate_recording: noise through a low-pass, electrodes loud or soft as the movement has it. */
BpgEmgRecording *generate_recording (const GeneratedSignal *signal);

/** generate_save: write @recording as DIRECTORY/NAME.json and .bin; returns the former's path. */
char *generate_save (BpgEmgRecording *recording,
                     const char      *directory,
                     const char      *name);

/** generate_directory: a fresh temporary directory; generate_remove() takes it away. */
char *generate_directory (void);
void generate_remove (char *directory);

G_END_DECLS
