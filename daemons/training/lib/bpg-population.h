/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-statistics.h"

G_BEGIN_DECLS

/**
 * BpgPopulation: what is known of people in general, for one number of electrodes and one length of
 * windows: covariances of features in units of Q10, F x F each.
 * @window_ms: length of the windows.
 * @within: of windows about their movement's mean, mean over people.
 * @rest: the same of rest alone.
 * @active: the same of the other movements alone, mean over movements.
 * @session: of movements' means from one session to another of the same person.
 * @between: of the means of movements other than rest about their own mean, mean over people: where a
 *   movement is to be looked for that the model does not know.
 *
 * A few repetitions do not tell a 68 x 68 covariance; people's are alike enough to begin with.  The
 * data are made by make-population from recordings of the data folder; see docs/recognition.md.
 */
typedef struct
{
  guint window_ms;
  guint channels;
  guint features;
  double *within;
  double *rest;
  double *active;
  double *session;
  double *between;
} BpgPopulation;

/**
 * bpg_population_for: (transfer full) (nullable): what is known for @channels electrodes, of the windows
 *   whose length is nearest to @window_ms by its logarithm.
 */
BpgPopulation *bpg_population_for (guint channels,
                                   guint window_ms);
void bpg_population_free (BpgPopulation *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BpgPopulation, bpg_population_free)

/** bpg_population_encode: appends @self, as bpg_population_decode() reads it. */
void bpg_population_encode (const BpgPopulation *self,
                            GByteArray          *out);

/**
 * bpg_population_decode: (transfer full) (nullable): one of the populations of a file or of the built-in
 *   data, which stand one after the other.
 * @bytes: (inout): moved past it.
 * @length: (inout): what is left.
 */
BpgPopulation *bpg_population_decode (const guint8 **bytes,
                                      gsize         *length);

/** bpg_population_replace: use @bytes instead of the built-in data, to measure on people it knows. */
void bpg_population_replace (GBytes *bytes);

/**
 * bpg_population_standardise:
 * @covariance: one of the population's, Q10.
 * @out: the same under @scaling.
 */
void bpg_population_standardise (const BpgPopulation *self,
                                 const double        *covariance,
                                 const BpgScaling    *scaling,
                                 double              *out);

extern const guint8 bpg_population_data[];
extern const gsize bpg_population_data_length;

G_END_DECLS
