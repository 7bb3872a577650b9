/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-drift.h"

#include <string.h>

#include "bpg-run.h"

struct collection
{
  gsize start;
  gsize end;
  GArray *distances;
};

static int
compare_i32 (gconstpointer a,
             gconstpointer b)
{
  gint32 left = *(const gint32 *) a, right = *(const gint32 *) b;

  return left < right ? -1 : left > right;
}

void
bpg_drift_from_distances (BpgModel     *model,
                          const gint32 *distances,
                          guint         n_distances,
                          BpgDrift     *drift)
{
  const struct bpg_bpm *bpm = bpg_model_get_bpm (model);
  g_autoptr (GArray) sorted = g_array_new (FALSE, FALSE, sizeof (gint32));
  double typical = MAX (bpm->drift_typical, 1u) / 256.0;

  memset (drift, 0, sizeof *drift);
  drift->decisions = n_distances;
  drift->threshold = bpm->drift_threshold / 256.0 / typical;
  if (n_distances == 0)
    return;
  g_array_append_vals (sorted, distances, n_distances);
  g_array_sort (sorted, compare_i32);
  drift->distance = g_array_index (sorted, gint32, n_distances / 2) / 256.0;
  drift->figure = drift->distance / typical;
  drift->drifted = n_distances >= BPG_DRIFT_DECISIONS_MIN && drift->figure > drift->threshold;
}

static void
collect (const struct bpg_decision *decision,
         gpointer                   user_data)
{
  struct collection *collection = user_data;

  if (decision->sample >= collection->start && decision->sample < collection->end)
    g_array_append_val (collection->distances, decision->distance);
}

gboolean
bpg_drift_measure (BpgModel        *model,
                   BpgEmgRecording *recording,
                   gsize            start,
                   gsize            count,
                   BpgDrift        *drift,
                   GError         **error)
{
  g_autoptr (GArray) distances = g_array_new (FALSE, FALSE, sizeof (gint32));
  struct collection collection = { start, count != 0 ? start + count : G_MAXSIZE, distances };

  if (!bpg_run (model, recording, collect, &collection, error))
    return FALSE;
  bpg_drift_from_distances (model, (const gint32 *) (void *) distances->data, distances->len, drift);
  return TRUE;
}
