/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-trainer.h"

#include <math.h>
#include <string.h>

#include "bpg-consistency.h"
#include "bpg-discriminant.h"
#include "bpg-matrix.h"
#include "bpg-model-writer.h"
#include "bpg-rotation.h"
#include "bpg-statistics.h"
#include "bpg-training-error.h"
#include "bpg-training-section.h"
#include "recognition/classifier.h"

#define TAU 0.7        /* weight of today's means against the prior's */
#define USUAL 100.0    /* squared distance up to which a movement has changed as movements do */
#define LAMBDA 0.4     /* weight of today's covariance against the prior's */
#define EXTRA 6        /* directions that tell movements by their shape */
#define DRIFT_THRESHOLD 1.9 /* of the figure in bpg-drift.h; docs/recognition.md tells how it was found */
#define WINDOWS_LOOKED_AT 2000u /* to tell what distances are usual */
#define LENGTH_MAX 16384 /* of a model of up to 8 electrodes, bytes */

static gboolean
check_movements (const BpgStatistics *statistics,
                 GError             **error)
{
  if (statistics->movements->len < BPG_MOVEMENTS_MIN)
    {
      g_set_error_literal (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_TOO_FEW_MOVEMENTS,
                           "Fewer than two movements (rest counts as one) have a window to train on; "
                           "record at least one more");
      return FALSE;
    }
  if (statistics->movements->len > BPG_MOVEMENTS_MAX)
    {
      g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_LIMIT,
                   "More than %u movements; leave some out", BPG_MOVEMENTS_MAX);
      return FALSE;
    }
  return TRUE;
}

/* The movements of both, in rising order of gesture code. */
static GArray *
unite_movements (const BpgStatistics *old,
                 const BpgStatistics *today)
{
  GArray *movements = g_array_new (FALSE, TRUE, sizeof (BpgTrainingMovement));
  guint a = 0, b = 0;

  while (a < old->movements->len || b < today->movements->len)
    {
      const BpgTrainingMovement *left =
          a < old->movements->len ? &g_array_index (old->movements, BpgTrainingMovement, a) : NULL;
      const BpgTrainingMovement *right =
          b < today->movements->len ? &g_array_index (today->movements, BpgTrainingMovement, b) : NULL;

      if (right == NULL || (left != NULL && left->gesture <= right->gesture))
        {
          g_array_append_val (movements, *left);
          a++;
          b += right != NULL && right->gesture == left->gesture;
        }
      else
        {
          g_array_append_val (movements, *right);
          b++;
        }
    }
  return movements;
}

static void
blend_mean (BpgStatistics       *self,
            guint                movement,
            const BpgStatistics *old,
            const BpgStatistics *today,
            double               tau)
{
  guint8 gesture = g_array_index (self->movements, BpgTrainingMovement, movement).gesture;
  int before = bpg_statistics_find (old, gesture);
  int now = bpg_statistics_find (today, gesture);
  double weight = before < 0 ? 1.0 : now < 0 ? 0.0 : tau;

  for (guint f = 0; f < self->features; f++)
    {
      double prior = before < 0 ? 0.0 : old->means[(gsize) before * self->features + f];
      double fresh = now < 0 ? 0.0 : today->means[(gsize) now * self->features + f];

      self->means[(gsize) movement * self->features + f] = (1 - weight) * prior + weight * fresh;
    }
  self->windows[movement] = (before < 0 ? 0 : old->windows[before]) + (now < 0 ? 0 : today->windows[now]);
  self->repetitions[movement] = (before < 0 ? 0 : old->repetitions[before]) + (now < 0 ? 0 : today->repetitions[now]);
}

static void
blend_matrix (double       *out,
              const double *old,
              const double *today,
              double        weight,
              gsize         count)
{
  for (gsize i = 0; i < count; i++)
    out[i] = (1 - weight) * old[i] + weight * today[i];
}

static void
blend_shape (BpgStatistics       *self,
             guint                movement,
             const BpgStatistics *old,
             const BpgStatistics *today)
{
  guint8 gesture = g_array_index (self->movements, BpgTrainingMovement, movement).gesture;
  int before = bpg_statistics_find (old, gesture), now = bpg_statistics_find (today, gesture);
  gsize square = (gsize) self->features * self->features;
  const double *prior = before < 0 ? NULL : old->shapes + (gsize) before * square;
  const double *fresh = now < 0 ? NULL : today->shapes + (gsize) now * square;

  blend_matrix (self->shapes + movement * square, prior != NULL ? prior : fresh, fresh != NULL ? fresh : prior, LAMBDA,
                square);
}

static BpgStatistics *
blend_statistics (const BpgStatistics  *old,
                  const BpgStatistics  *today,
                  const BpgTrainReport *report)
{
  g_autoptr (GArray) movements = unite_movements (old, today);
  g_autofree double *distances = bpg_movement_distances (old, today);
  BpgStatistics *self = bpg_statistics_new (old->features, movements);

  self->scaling = old->scaling;
  for (guint m = 0; m < movements->len; m++)
    {
      guint8 gesture = g_array_index (movements, BpgTrainingMovement, m).gesture;
      gboolean swapped = report->swapped &&
                         (gesture == report->swapped_gestures[0] || gesture == report->swapped_gestures[1]);

      int before = bpg_statistics_find (old, gesture);
      double usual = before < 0 ? 1 : MIN (1, USUAL / MAX (distances[before], 1));

      blend_mean (self, m, old, today, swapped ? 1.0 : 1 - (1 - TAU) * usual);
      blend_shape (self, m, old, today);
    }
  blend_matrix (self->covariance, old->covariance, today->covariance, LAMBDA, (gsize) self->features * self->features);
  return self;
}

static BpgStatistics *
adapt (BpgStatistics         *old,
       const BpgStatistics   *today,
       guint                  channels,
       const BpgTrainOptions *options,
       BpgTrainReport        *report,
       GError               **error)
{
  guint pair[2];

  report->turned = bpg_rotation_find (old, today, channels);
  bpg_rotation_apply (old, channels, report->turned);
  report->swapped = bpg_find_swapped (old, today, &pair[0], &pair[1]);
  if (report->swapped)
    {
      const BpgTrainingMovement *first = &g_array_index (old->movements, BpgTrainingMovement, pair[0]);
      const BpgTrainingMovement *second = &g_array_index (old->movements, BpgTrainingMovement, pair[1]);

      if (!options->accept_swapped)
        {
          g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_INCONSISTENT,
                       "“%s” and “%s” look as if they had been swapped since the model was made; "
                       "record these two again, or train anew without the earlier model",
                       first->name, second->name);
          return NULL;
        }
      report->swapped_gestures[0] = first->gesture;
      report->swapped_gestures[1] = second->gesture;
    }
  return blend_statistics (old, today, report);
}

/* As many extra directions as fit the arm; movements without their own shape when none do; the
 * strongest directions alone when even those are too many. */
static BpgDiscriminant *
discriminate (const BpgStatistics *statistics,
              guint                channels,
              GError             **error)
{
  guint movements = statistics->movements->len, features = statistics->features;
  guint needed = MIN (movements - 1, BPG_DIMENSIONS_MAX), most = MIN (needed + EXTRA, BPG_DIMENSIONS_MAX);
  double repetitions = 0;
  gboolean shapes = TRUE;

  for (guint m = 0; m < movements; m++)
    repetitions += (double) statistics->repetitions[m] / movements;
  if (channels <= 8)
    {
      while (most > needed && bpg_model_length (movements, features, most, TRUE) > LENGTH_MAX)
        most--;
      shapes = bpg_model_length (movements, features, most, TRUE) <= LENGTH_MAX;
      while (most > 1 && bpg_model_length (movements, features, most, shapes) > LENGTH_MAX)
        most--;
    }
  return bpg_discriminant_new (statistics, channels, repetitions, EXTRA, most, shapes, error);
}

static int
compare_u32 (gconstpointer a,
             gconstpointer b)
{
  guint32 left = *(const guint32 *) a, right = *(const guint32 *) b;

  return left < right ? -1 : left > right;
}

/* Strength that @percent of the movement's windows stay below; 0 without windows. */
static guint32
strength_percentile (const BpgTrainingSet *set,
                     guint8                gesture,
                     guint                 percent)
{
  g_autoptr (GArray) strengths = g_array_new (FALSE, FALSE, sizeof (guint32));

  for (guint i = 0; i < set->windows->len; i++)
    {
      const BpgTrainingWindow *window = &g_array_index (set->windows, BpgTrainingWindow, i);

      if (g_array_index (set->movements, BpgTrainingMovement, window->movement).gesture == gesture)
        g_array_append_val (strengths, window->strength);
    }
  if (strengths->len == 0)
    return 0;
  g_array_sort (strengths, compare_u32);
  return g_array_index (strengths, guint32, (strengths->len - 1) * percent / 100);
}

static void
find_strengths (BpgModelDraft        *draft,
                const BpgTrainingSet *set,
                BpgModel             *from)
{
  GArray *movements = draft->statistics->movements;
  guint32 rest = strength_percentile (set, 0, 90), weakest = G_MAXUINT32;

  if (rest == 0 && from != NULL)
    rest = bpg_model_get_bpm (from)->decision.rest_strength;
  draft->full_strength = g_new0 (guint32, movements->len);
  for (guint m = 0; m < movements->len; m++)
    {
      guint8 gesture = g_array_index (movements, BpgTrainingMovement, m).gesture;
      guint32 full = strength_percentile (set, gesture, 75);
      int before = from != NULL ? bpg_model_find (from, gesture) : -1;

      if (full == 0 && before >= 0)
        full = bpg_bpm_full_strength (bpg_model_get_bpm (from), (unsigned) before);
      draft->full_strength[m] = full;
      if (gesture != 0)
        weakest = MIN (weakest, full);
    }
  /* a restless rest must not swallow the weakest movement */
  draft->decision.rest_strength = MIN (rest, weakest / 3);
}

/* What the model itself makes of the windows it was trained on, evenly taken. */
struct reception
{
  GArray *all;    /* squared distances, Q8 */
  GArray *active; /* the same, without rest */
  double doubt;   /* mean of -ln (confidence) over the active ones */
};

static void
receive (struct reception     *reception,
         BpgModel             *model,
         const BpgTrainingSet *set)
{
  guint stride = 1 + set->windows->len / WINDOWS_LOOKED_AT;

  for (guint i = 0; i < set->windows->len; i += stride)
    {
      guint movement = g_array_index (set->windows, BpgTrainingWindow, i).movement;
      struct bpg_classification classification;
      gint32 features[BPG_FEATURES_MAX];

      memcpy (features, bpg_training_set_row (set, i), set->features * sizeof *features);
      bpg_classify (bpg_model_get_bpm (model), features, &classification);
      g_array_append_val (reception->all, classification.square);
      if (g_array_index (set->movements, BpgTrainingMovement, movement).gesture == 0)
        continue;
      g_array_append_val (reception->active, classification.square);
      reception->doubt -= log (MAX (classification.confidence, 1) / 1000.0);
    }
  reception->doubt /= MAX (reception->active->len, 1);
  g_array_sort (reception->all, compare_u32);
  g_array_sort (reception->active, compare_u32);
}

static void
find_limits (BpgModelDraft        *draft,
             BpgModel             *model,
             const BpgTrainingSet *set)
{
  g_autoptr (GArray) all = g_array_new (FALSE, FALSE, sizeof (guint32));
  g_autoptr (GArray) active = g_array_new (FALSE, FALSE, sizeof (guint32));
  struct reception reception = { all, active, 0 };
  double far, usual;

  receive (&reception, model, set);
  far = g_array_index (all, guint32, (guint) ((all->len - 1) * 0.995));
  usual = active->len > 0 ? g_array_index (active, guint32, active->len * 3 / 4)
                          : g_array_index (all, guint32, all->len * 3 / 4);
  draft->decision.reject_distance = (guint32) CLAMP (far * 4, 256.0, 4e9);
  draft->drift_typical = (guint32) CLAMP (sqrt (usual * 256), 1.0, 1e6);
  draft->drift_doubt = (guint32) CLAMP (reception.doubt * 65536, 0.0, 1e6);
  draft->drift_threshold = (guint32) lround (DRIFT_THRESHOLD * 256);
}

static void
set_decision_defaults (BpgModelDraft *draft)
{
  double hop_ms = 1000.0 * draft->hop / draft->rate;

  draft->decision.confidence_scale = 96;
  draft->decision.reject_confidence = 400;
  draft->decision.evidence_keep = (guint16) lround (32767 * exp (-hop_ms / 15.0));
  draft->decision.evidence_limit = 8 * 256;
  draft->decision.evidence_margin = (guint16) CLAMP (lround (8 * 256 * 10 / hop_ms), 256, 16 * 256);
  draft->decision.speed_rise = (guint16) CLAMP (lround (1000 * hop_ms / 200), 1, 1000);
  draft->decision.speed_fall = (guint16) CLAMP (lround (1000 * hop_ms / 100), 1, 1000);
  draft->decision.strength_new = (guint16) lround (32767 * (1 - exp (-hop_ms / 40.0)));
}

static void
describe_signal (BpgModelDraft         *draft,
                 const BpgTrainingSet  *set,
                 BpgModel              *from,
                 const BpgTrainOptions *options)
{
  draft->rate = set->rate;
  draft->scale_nano = set->scale_nano;
  draft->unit = set->unit;
  draft->channels = set->channels;
  draft->window = set->framing.window;
  draft->hop = set->framing.hop;
  draft->excluded = set->excluded;
  draft->feature = set->parameters;
  draft->subject = set->subject;
  draft->parent = from;
  draft->notes = options->notes;
  draft->created_us = options->created_us != 0 ? options->created_us : (guint64) g_get_real_time ();
}

static void
clear_draft (BpgModelDraft *draft)
{
  g_free (draft->full_strength);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (BpgModelDraft, clear_draft)

BpgModel *
bpg_train_on_set (const BpgTrainingSet  *set,
                  BpgModel              *from,
                  const BpgTrainOptions *options,
                  BpgTrainReport        *report,
                  GError               **error)
{
  BpgTrainReport unread = { 0 };
  g_autoptr (BpgStatistics) old = NULL;
  g_autoptr (BpgStatistics) statistics = NULL;
  g_autoptr (BpgDiscriminant) discriminant = NULL;
  g_autoptr (BpgModel) provisional = NULL;
  g_auto (BpgModelDraft) draft = { 0 };

  if (set->windows->len == 0)
    {
      g_set_error_literal (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_NO_SAMPLES,
                           "No window is left to train on; select more repetitions");
      return NULL;
    }
  if (from != NULL)
    {
      g_autoptr (BpgStatistics) today = NULL;

      old = bpg_training_section_decode (from, error);
      if (old == NULL)
        return NULL;
      today = bpg_statistics_from_set (set, &old->scaling);
      statistics = adapt (old, today, set->channels, options, report != NULL ? report : &unread, error);
    }
  else
    {
      BpgScaling scaling;

      bpg_scaling_from_set (set, &scaling);
      statistics = bpg_statistics_from_set (set, &scaling);
    }
  if (statistics == NULL || !check_movements (statistics, error))
    return NULL;

  draft.statistics = statistics;
  describe_signal (&draft, set, from, options);
  discriminant = discriminate (statistics, set->channels, error);
  if (discriminant == NULL)
    return NULL;
  draft.discriminant = discriminant;
  set_decision_defaults (&draft);
  find_strengths (&draft, set, from);
  draft.decision.reject_distance = G_MAXUINT32;
  provisional = bpg_model_draft_write (&draft, error);
  if (provisional == NULL)
    return NULL;
  find_limits (&draft, provisional, set);
  return bpg_model_draft_write (&draft, error);
}

static gboolean
choose_framing (const BpgSelection    *selections,
                BpgModel              *from,
                const BpgTrainOptions *options,
                BpgFraming            *framing,
                GError               **error)
{
  guint rate = bpg_emg_recording_get_rate (selections[0].recording);

  if (options->window_ms > 60000 || options->hop_ms > 60000 || options->trim_start_ms > 3600000 ||
      options->trim_end_ms > 3600000)
    {
      g_set_error_literal (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_INVALID_ARGUMENT,
                           "A window, hop or trim is longer than any recording; give milliseconds");
      return FALSE;
    }
  framing->window = ((options->window_ms != 0 ? options->window_ms : BPG_WINDOW_MS_DEFAULT) * rate + 500) / 1000;
  framing->hop = MAX (1, ((options->hop_ms != 0 ? options->hop_ms : BPG_HOP_MS_DEFAULT) * rate + 500) / 1000);
  framing->trim_start_ms = options->trim_start_ms;
  framing->trim_end_ms = options->trim_end_ms;
  framing->transitions = TRUE;
  if (from == NULL)
    return TRUE;

  if (options->window_ms == 0)
    framing->window = bpg_model_get_bpm (from)->window;
  if (options->hop_ms == 0)
    framing->hop = bpg_model_get_bpm (from)->hop;
  if (framing->window != bpg_model_get_bpm (from)->window)
    {
      g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_INCOMPATIBLE,
                   "A window of %u samples cannot adapt a model of %u; leave the window out or train anew",
                   framing->window, bpg_model_get_bpm (from)->window);
      return FALSE;
    }
  return TRUE;
}

BpgTrainingSet *
bpg_train_features (const BpgSelection    *selections,
                    guint                  n_selections,
                    BpgModel              *from,
                    const BpgTrainOptions *options,
                    GError               **error)
{
  BpgFraming framing;

  if (!choose_framing (selections, from, options, &framing, error))
    return NULL;
  return bpg_training_set_new (selections, n_selections, &framing, from, error);
}

BpgModel *
bpg_train (const BpgSelection    *selections,
           guint                  n_selections,
           BpgModel              *from,
           const BpgTrainOptions *options,
           BpgTrainReport        *report,
           GError               **error)
{
  g_autoptr (BpgTrainingSet) set = NULL;
  BpgModel *model;

  set = bpg_train_features (selections, n_selections, from, options, error);
  if (set == NULL)
    return NULL;
  model = bpg_train_on_set (set, from, options, report, error);
  if (model != NULL && report != NULL)
    {
      report->movements = bpg_model_get_bpm (model)->movements;
      report->repetitions = set->repetitions->len;
      report->windows = set->windows->len;
      report->excluded = set->excluded;
      report->clipped = set->clipped;
    }
  return model;
}
