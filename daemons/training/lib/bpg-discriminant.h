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
 */
typedef struct
{
  guint movements;
  guint features;
  guint dimensions;
  double *directions;
  double *centres;
  double *shapes;
  double *offsets;
} BpgDiscriminant;

void bpg_discriminant_free (BpgDiscriminant *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BpgDiscriminant, bpg_discriminant_free)

/**
 * bpg_discriminant_new:
 * @statistics: of this person.
 * @channels: electrodes; decides on whether people in general are known.
 * @repetitions: how many of each movement the covariances stand for.
 * @extra: directions beyond those that separate the means: those in which movements' own covariances
 *   differ most from the common one.
 * @most: directions at most; where the means need more, the strongest.
 * @shapes: whether movements have their own covariance.
 *
 * The common covariance is the person's and people's in the proportion of the repetitions to
 * NU; a share of what changes between sessions is added, so that directions that change overnight
 * count less (within-class covariance normalisation; Hatch, Kajarekar, Stolcke 2006).  Movements'
 * own covariances likewise, and held to the common one (Friedman 1989).
 *
 * Returns: (transfer full): or %NULL with #BpgTrainingError FAILED or SIGNAL_POOR.
 */
BpgDiscriminant *bpg_discriminant_new (const BpgStatistics *statistics,
                                       guint                channels,
                                       double               repetitions,
                                       guint                extra,
                                       guint                most,
                                       gboolean             shapes,
                                       GError             **error);

G_END_DECLS
