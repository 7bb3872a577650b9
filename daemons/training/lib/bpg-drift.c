/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-drift.h"

#include <math.h>
#include <string.h>

#include "bpg-run.h"

#define DOUBT 0.5         /* weight of the logarithm of doubt against the usual doubt */
#define DOUBT_FLOOR 0.01  /* below, doubt is rounding */

struct collection
{
  gsize start;
  gsize end;
  GArray *decisions;
};

static int
compare_distances (gconstpointer a,
                   gconstpointer b)
{
  const BpgDriftDecision *left = a, *right = b;

  return left->distance < right->distance ? -1 : left->distance > right->distance;
}

void
bpg_drift_from_decisions (BpgModel               *model,
                          const BpgDriftDecision *decisions,
                          guint                   n_decisions,
                          BpgDrift               *drift)
{
  const struct bpg_bpm *bpm = bpg_model_get_bpm (model);
  g_autoptr (GArray) sorted = g_array_new (FALSE, FALSE, sizeof (BpgDriftDecision));
  double doubt = 0;

  memset (drift, 0, sizeof *drift);
  drift->decisions = n_decisions;
  drift->threshold = bpm->drift_threshold / 256.0;
  if (n_decisions == 0)
    return;
  g_array_append_vals (sorted, decisions, n_decisions);
  g_array_sort (sorted, compare_distances);
  for (guint i = 0; i < n_decisions; i++)
    doubt -= log (CLAMP (decisions[i].confidence, 1, 1000) / 1000.0) / n_decisions;
  drift->distance = g_array_index (sorted, BpgDriftDecision, n_decisions * 3 / 4).distance / 256.0;
  drift->figure = drift->distance / (MAX (bpm->drift_typical, 1u) / 256.0) +
                  DOUBT * log ((doubt + DOUBT_FLOOR) / (bpm->drift_doubt / 65536.0 + DOUBT_FLOOR));
  drift->drifted = n_decisions >= BPG_DRIFT_DECISIONS_MIN && drift->figure > drift->threshold;
}

static void
collect (const struct bpg_decision *decision,
         gpointer                   user_data)
{
  struct collection *collection = user_data;
  BpgDriftDecision entry = { decision->distance, decision->confidence };

  if (decision->raw != 0 && decision->sample >= collection->start && decision->sample < collection->end)
    g_array_append_val (collection->decisions, entry);
}

gboolean
bpg_drift_measure (BpgModel        *model,
                   BpgEmgRecording *recording,
                   gsize            start,
                   gsize            count,
                   BpgDrift        *drift,
                   GError         **error)
{
  g_autoptr (GArray) decisions = g_array_new (FALSE, FALSE, sizeof (BpgDriftDecision));
  struct collection collection = { start, count != 0 ? start + count : G_MAXSIZE, decisions };

  if (!bpg_run (model, recording, collect, &collection, error))
    return FALSE;
  bpg_drift_from_decisions (model, (const BpgDriftDecision *) (void *) decisions->data, decisions->len, drift);
  return TRUE;
}
