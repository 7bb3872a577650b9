/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What lies at the electrodes: a recording being played, its rest, the
 * generator, or noise; with stuck and loose electrodes and hum on top. It
 * keeps a list of what was played at which sample.
 */

#include <glib.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "control/port.h"
#include "sim-generator.h"
#include "sim-recording.h"

enum sim_source
{
  SIM_SOURCE_NOISE,
  SIM_SOURCE_REST,
  SIM_SOURCE_PLAY,
  SIM_SOURCE_GENERATE,
};

/* A stretch of a recording to be played. */
struct sim_piece
{
  const struct sim_recording *recording;
  guint64 start;
  guint64 count;
  bool loop;
};

struct sim_electrodes
{
  struct sim_converter converter;
  struct bpg_port_electrodes port; /* the same, as the arm sees it */
  GHashTable *recordings;          /* path -> struct sim_recording */
  struct sim_generator *generator;
  struct sim_random random;
  enum sim_source source;
  struct sim_piece piece; /* what plays */
  GQueue *queue;          /* struct sim_piece, what comes then */
  const struct sim_recording *rest;
  guint64 position;
  guint64 next; /* index of the next sample */
  guint16 stuck;
  guint16 loose;
  gint16 held[BPG_PORT_MAX_CHANNELS]; /* what a stuck electrode shows */
  double hum_microvolt;
  double hum_phase;
  GArray *truth; /* struct sim_truth */
};

/* What was played from one sample on, until the next entry. */
struct sim_truth
{
  guint64 from;
  enum sim_source source;
  const struct sim_recording *recording;
  guint64 position; /* in the recording */
  unsigned gesture; /* of the generator */
  double strength;
};

/* Starts with noise at electrodes whose converter is not set yet. */
void sim_electrodes_init (struct sim_electrodes *electrodes, uint64_t seed);
void sim_electrodes_clear (struct sim_electrodes *electrodes);

/* Sets what the converter delivers. */
void sim_electrodes_set_converter (struct sim_electrodes *electrodes,
                                   const struct sim_converter *converter);

/* Lets the generator feed the electrodes; the unit becomes the microvolt. */
void sim_electrodes_set_generator (struct sim_electrodes *electrodes, uint64_t seed, unsigned rate,
                                   unsigned channels);

/* Loads a recording; the first one sets the converter. Refused when it is
 * another converter's. */
const struct sim_recording *sim_electrodes_load (struct sim_electrodes *electrodes,
                                                 const char *path, GError **error);

/* Plays a stretch from the next sample on, or after what plays now. Returns
 * the index of its first sample; 0 with an error when it is out of bounds. */
bool sim_electrodes_play (struct sim_electrodes *electrodes, const struct sim_piece *piece,
                          bool append, guint64 *sample, GError **error);

/* Rests: plays the recording's rest, generates it, or makes noise. */
void sim_electrodes_rest (struct sim_electrodes *electrodes, const struct sim_recording *recording);

/* Generates a movement. Refused when the converter is not the generator's. */
bool sim_electrodes_generate (struct sim_electrodes *electrodes, unsigned gesture, double strength,
                              GError **error);

/* The next sample of all channels. */
void sim_electrodes_next (struct sim_electrodes *electrodes, gint16 *values);

/* The arm starts anew: samples count from 0, and so does the truth. */
void sim_electrodes_restart (struct sim_electrodes *electrodes);

/* Writes what was played from @from to before @to as an array of segments. */
void sim_electrodes_write_truth (const struct sim_electrodes *electrodes, guint64 from, guint64 to,
                                 JsonBuilder *builder);
