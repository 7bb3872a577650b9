/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-model-writer.h"

#include <math.h>
#include <string.h>

#include "bpg-training-error.h"
#include "bpg-training-section.h"

#define WEIGHT_MAX 32767.0
#define WEIGHT_SUM_MAX 130000.0 /* under the parser's bound even after rounding */
#define PLACE_SHIFT 3           /* standardised features are Q11, places Q8 */

static void
store (guint8 *at,
       guint64 value,
       guint   bytes)
{
  for (guint i = 0; i < bytes; i++)
    at[i] = (guint8) (value >> (8 * i));
}

static void
append (GByteArray *out,
        guint64     value,
        guint       bytes)
{
  guint8 buffer[8];

  store (buffer, value, bytes);
  g_byte_array_append (out, buffer, bytes);
}

static void
store_decision (guint8                               *header,
                const struct bpg_decision_parameters *decision)
{
  store (header + 132, decision->reject_score, 4);
  store (header + 136, decision->confidence_scale, 2);
  store (header + 138, decision->reject_confidence, 2);
  store (header + 140, decision->reject_new, 2);
  store (header + 142, decision->margin_rest, 2);
  store (header + 144, decision->margin_movement, 2);
  store (header + 146, decision->speed_rise, 2);
  store (header + 148, decision->speed_fall, 2);
  store (header + 150, decision->strength_new, 2);
  store (header + 152, decision->rest_strength, 4);
}

static void
store_filter (guint8                             *header,
              const struct bpg_filter_parameters *filter,
              const struct bpg_follow_parameters *follow)
{
  store (header + 384, filter->change, 4);
  store (header + 388, filter->begin, 4);
  store (header + 392, filter->rest, 4);
  store (header + 396, filter->scale, 2);
  store (header + 398, follow->rate, 2);
  store (header + 400, follow->common, 2);
  store (header + 402, follow->rest, 2);
  store (header + 404, follow->bound, 2);
  store (header + 406, follow->confidence, 2);
  store (header + 408, follow->forget, 2);
  store (header + 410, follow->usual_new, 2);
  store (header + 412, filter->quiet, 2);
  store (header + 414, follow->unknown_new, 2);
  store (header + 416, filter->quiet_strength, 4);
}

static void
store_interference (guint8                            *header,
             const struct bpg_interference_parameters *interference)
{
  header[420] = interference->lag;
  for (guint i = 0; i < BPG_INTERFERENCES; i++)
    {
      store (header + 422 + 2 * i, (guint16) interference->turn[i], 2);
      store (header + 428 + 2 * i, interference->limit[i], 2);
    }
  store (header + 434, interference->share_new, 2);
}

static void
store_origin (guint8              *header,
              const BpgModelDraft *draft)
{
  guint32 windows = 0, repetitions = 0;

  for (guint m = 0; m < draft->statistics->movements->len; m++)
    {
      windows += draft->statistics->windows[m];
      repetitions += draft->statistics->repetitions[m];
    }
  store (header + 168, draft->created_us, 8);
  store (header + 176, BPG_TRAINER_VERSION, 4);
  if (draft->parent != NULL)
    memcpy (header + 180, bpg_model_get_bpm (draft->parent)->digest, BPG_BPM_DIGEST_LENGTH);
  g_strlcpy ((char *) header + 212, draft->subject != NULL ? draft->subject : "", BPG_BPM_SUBJECT_LENGTH);
  store (header + 244, MIN (repetitions, G_MAXUINT16), 2);
  store (header + 248, windows, 4);
  g_strlcpy ((char *) header + 252, draft->notes != NULL ? draft->notes : "", BPG_BPM_NOTES_LENGTH);
}

static void
store_header (guint8              *header,
              const BpgModelDraft *draft)
{
  memcpy (header, "BPM1", 4);
  store (header + 4, BPG_BPM_SCHEMA, 2);
  store (header + 6, BPG_BPM_HEADER_LENGTH, 2);
  store (header + 44, draft->rate, 4);
  store (header + 48, draft->scale_nano, 8);
  header[56] = (guint8) draft->unit;
  header[57] = (guint8) draft->channels;
  header[58] = (guint8) draft->statistics->movements->len;
  header[59] = (guint8) draft->discriminant->dimensions;
  store (header + 60, draft->window, 2);
  store (header + 62, draft->hop, 2);
  store (header + 64, draft->excluded, 2);
  store (header + 66,
         (draft->discriminant->shapes != NULL ? BPG_BPM_FLAG_SHAPES : 0) |
             (draft->discriminant->maps != NULL ? BPG_BPM_FLAG_MAPS : 0),
         2);
  store (header + 68, draft->feature.variance_floor, 8);
  store (header + 76, draft->feature.amplitude_floor, 4);
  store (header + 80, draft->feature.least_step, 4);
  for (guint i = 0; i < BPG_BPM_POLYNOMIAL; i++)
    store (header + 84 + 4 * i, (guint32) draft->feature.polynomial[i], 4);
  store_decision (header, &draft->decision);
  store_filter (header, &draft->filter, &draft->follow);
  store_interference (header, &draft->interference);
  store (header + 156, draft->drift_threshold, 4);
  store (header + 160, draft->drift_typical, 4);
  store (header + 164, draft->drift_doubt, 4);
  store_origin (header, draft);
}

static void
append_movements (GByteArray          *out,
                  const BpgModelDraft *draft)
{
  for (guint m = 0; m < draft->statistics->movements->len; m++)
    {
      const BpgTrainingMovement *movement = &g_array_index (draft->statistics->movements, BpgTrainingMovement, m);

      append (out, movement->gesture, 1);
      append (out, 0, 1);
      append (out, MIN (draft->statistics->repetitions[m], G_MAXUINT16), 2);
      append (out, MIN (draft->full_strength[m], 1u << 20), 4);
      g_byte_array_append (out, (const guint8 *) movement->name, BPG_BPM_NAME_LENGTH);
    }
}

/* The largest power of two by which a direction can be multiplied inside its integers. */
static int
weight_shift (const double *direction,
              guint         features)
{
  double largest = 0, sum = 0;
  int shift = 28;

  for (guint f = 0; f < features; f++)
    {
      largest = MAX (largest, fabs (direction[f]));
      sum += fabs (direction[f]);
    }
  while (shift >= -PLACE_SHIFT && (ldexp (largest, shift) > WEIGHT_MAX || ldexp (sum, shift) > WEIGHT_SUM_MAX))
    shift--;
  return isfinite (sum) ? shift : -PLACE_SHIFT - 1;
}

static gboolean
append_directions (GByteArray          *out,
                   const BpgModelDraft *draft,
                   GError             **error)
{
  guint features = draft->statistics->features;
  g_autofree int *shifts = g_new (int, draft->discriminant->dimensions);

  for (guint d = 0; d < draft->discriminant->dimensions; d++)
    {
      shifts[d] = weight_shift (draft->discriminant->directions + (gsize) d * features, features);
      if (shifts[d] < -PLACE_SHIFT)
        {
          g_set_error_literal (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_FAILED,
                               "The movements are told apart by a difference too small for the arm's integers; "
                               "record them again, more distinctly");
          return FALSE;
        }
      append (out, (guint) (shifts[d] + PLACE_SHIFT), 2);
    }
  for (guint d = 0; d < draft->discriminant->dimensions; d++)
    {
      for (guint f = 0; f < features; f++)
        append (out, (guint16) (gint16) lround (ldexp (draft->discriminant->directions[(gsize) d * features + f], shifts[d])), 2);
    }
  return TRUE;
}

static void
append_centres (GByteArray          *out,
                const BpgModelDraft *draft)
{
  guint movements = draft->statistics->movements->len;

  for (gsize i = 0; i < (gsize) movements * draft->discriminant->dimensions; i++)
    append (out, (guint16) (gint16) lround (CLAMP (draft->discriminant->centres[i] * 256, -16383.0, 16383.0)), 2);
  for (guint m = 0; m < movements; m++)
    append (out, (guint32) (gint32) lround (CLAMP (draft->discriminant->offsets[m] * 256, -1048576.0, 1048576.0)), 4);
}

static void
append_shapes (GByteArray            *out,
               const BpgDiscriminant *discriminant)
{
  guint dimensions = discriminant->dimensions;

  for (guint m = 0; discriminant->shapes != NULL && m < discriminant->movements; m++)
    {
      const double *shape = discriminant->shapes + (gsize) m * dimensions * dimensions;

      for (guint i = 0; i < dimensions; i++)
        {
          for (guint j = i; j < dimensions; j++)
            append (out, (guint16) (gint16) lround (CLAMP (shape[i * dimensions + j] * 2048, -32767.0, 32767.0)), 2);
        }
    }
}

/* The largest power of two by which a map, less the identity, can be multiplied inside eight bits. */
static guint
map_shift (const double *map,
           guint         dimensions)
{
  double largest = 0;
  guint shift = 14;

  for (guint i = 0; i < dimensions * dimensions; i++)
    largest = MAX (largest, fabs (map[i] - (i % (dimensions + 1) == 0 ? 1 : 0)));
  while (shift > 0 && ldexp (largest, (int) shift) > 127.0)
    shift--;
  return shift;
}

static void
append_maps (GByteArray            *out,
             const BpgDiscriminant *discriminant)
{
  guint dimensions = discriminant->dimensions;

  for (guint c = 0; discriminant->maps != NULL && c < discriminant->channels; c++)
    {
      const double *map = discriminant->maps + (gsize) c * dimensions * dimensions;
      guint shift = map_shift (map, dimensions);

      append (out, shift, 2);
      for (guint i = 0; i < dimensions; i++)
        append (out, (guint16) (gint16) lround (CLAMP (discriminant->map_offsets[c * dimensions + i] * 256, -16383.0, 16383.0)), 2);
      for (guint i = 0; i < dimensions * dimensions; i++)
        {
          double entry = ldexp (map[i] - (i % (dimensions + 1) == 0 ? 1 : 0), (int) shift);

          append (out, (guint8) (gint8) lround (CLAMP (entry, -127.0, 127.0)), 1);
        }
      if (dimensions % 2 != 0)
        append (out, 0, 1);
    }
}

gsize
bpg_model_length (guint    movements,
                  guint    features,
                  guint    dimensions,
                  gboolean shapes,
                  guint    maps)
{
  return BPG_BPM_HEADER_LENGTH + (gsize) movements * 32 + (gsize) features * 6 + (gsize) dimensions * 2 +
         (gsize) dimensions * features * 2 + (gsize) movements * dimensions * 2 + (gsize) movements * 4 +
         (shapes ? (gsize) movements * dimensions * (dimensions + 1) : 0) +
         maps * BPG_BPM_MAP_LENGTH ((gsize) dimensions) +
         bpg_training_section_length (movements, features, dimensions, shapes);
}

static GBytes *
seal (GByteArray *out)
{
  guint8 digest[BPG_BPM_DIGEST_LENGTH];

  store (out->data + 8, out->len, 4);
  bpg_bpm_digest (out->data + BPG_BPM_HASHED_FROM, out->len - BPG_BPM_HASHED_FROM, digest);
  memcpy (out->data + 12, digest, sizeof digest);
  return g_byte_array_free_to_bytes (out);
}

BpgModel *
bpg_model_draft_write (const BpgModelDraft *draft,
                       GError             **error)
{
  g_autoptr (GByteArray) out = g_byte_array_new ();
  g_autoptr (GByteArray) training = bpg_training_section_encode (draft->statistics, draft->discriminant);
  g_autoptr (GBytes) bytes = NULL;
  guint8 header[BPG_BPM_HEADER_LENGTH] = { 0 };
  guint features = draft->statistics->features;

  store_header (header, draft);
  store (header + 380, training->len, 4);
  g_byte_array_append (out, header, sizeof header);
  append_movements (out, draft);
  for (guint f = 0; f < features; f++)
    {
      append (out, (guint32) draft->statistics->scaling.centre[f], 4);
      append (out, draft->statistics->scaling.scale[f], 2);
    }
  if (!append_directions (out, draft, error))
    return NULL;
  append_centres (out, draft);
  append_shapes (out, draft->discriminant);
  append_maps (out, draft->discriminant);
  g_byte_array_append (out, training->data, training->len);
  bytes = seal (g_steal_pointer (&out));
  return bpg_model_new (bytes, error);
}
