/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-statistics.h"

G_BEGIN_DECLS

/**
 * BpgDiscriminant: what the recogniser's classifier needs, in doubles.
 * @dimensions: D.
 * @directions: D x F: standardised features to a space in which the covariance within movements is
 *   the identity.
 * @centres: K x D.
 * @shapes: K x D x D, upper triangular U with U'U the inverse of the movement's own covariance there;
 *   %NULL when all have the identity.
 * @offsets: K: logarithm of the determinant of that covariance, less the least.
 * @maps: C x D x D: with electrode c lost, what brings the place of a window, its features counted as average,
 *   to the place that is expected; %NULL without.
 * @map_offsets: C x D: what is to be added.
 */
typedef struct
{
  guint movements;
  guint features;
  guint channels;
  guint dimensions;
  double *directions;
  double *centres;
  double *shapes;
  double *offsets;
  double *maps;
  double *map_offsets;
} BpgDiscriminant;

void bpg_discriminant_free (BpgDiscriminant *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BpgDiscriminant, bpg_discriminant_free)

/**
 * BpgDiscriminantOptions:
 * @channels: electrodes.
 * @window_ms: length of a window; with @channels decides what is known of people in general.
 * @repetitions: how many of each movement the covariances stand for.
 * @novel: directions beyond those that separate the means: those in which people's movements differ most, so
 *   that a movement that was never learnt is seen to be far from all; none where people are not known.
 * @extra: directions beyond these: those in which movements' own covariances differ most from the common one.
 * @most: directions at most; where the means need more, the strongest.
 * @shapes: whether movements have their own covariance; without, no directions are added.
 * @maps: whether to be ready for the loss of an electrode.
 */
typedef struct
{
  guint channels;
  guint window_ms;
  double repetitions;
  guint novel;
  guint extra;
  guint most;
  gboolean shapes;
  gboolean maps;
} BpgDiscriminantOptions;

/**
 * bpg_discriminant_new:
 * @statistics: of this person.
 *
 * The common covariance is the person's and people's in the proportion of the repetitions to
 * NU; a share of what changes between sessions is added, so that directions that change overnight
 * count less (within-class covariance normalisation; Hatch, Kajarekar, Stolcke 2006).  Movements'
 * own covariances likewise, and held to the common one (Friedman 1989).
 *
 * Returns: (transfer full): or %NULL with #BpgTrainingError FAILED or SIGNAL_POOR.
 */
BpgDiscriminant *bpg_discriminant_new (const BpgStatistics          *statistics,
                                       const BpgDiscriminantOptions *options,
                                       GError                      **error);

G_END_DECLS
