/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-trainer.h"

#include <math.h>
#include <string.h>

#include "bpg-consistency.h"
#include "bpg-discriminant.h"
#include "bpg-matrix.h"
#include "bpg-model-writer.h"
#include "bpg-parallel.h"
#include "bpg-rotation.h"
#include "bpg-statistics.h"
#include "bpg-training-error.h"
#include "bpg-training-section.h"
#include "recognition/classifier.h"

#define TAU 0.65       /* weight of today's means against the prior's */
#define USUAL 100.0    /* squared distance up to which a movement has changed as movements do */
#define LAMBDA 0.4     /* weight of today's covariance against the prior's */
#define NOVEL 4        /* directions that tell movements from those never learnt */
#define EXTRA 4        /* directions that tell movements by their shape */
#define DRIFT_THRESHOLD 1.9 /* of the figure in bpg-drift.h; docs/recognition.md tells how it was found */
#define REJECT 1.1     /* times the 99th percentile of the training's scores */
#define FEW_REPETITIONS 10u /* of a movement; with more, what is unseen is like what was seen */
#define UNSEEN_PER_MILLE 950 /* of the scores of a repetition that was left out */
#define KEPT_LIMIT 0.9 /* of the limit of the model that is adapted */
#define REJECT_MS 600.0 /* over which scores are smoothed */
/* With decisions every 10 ms.  A movement in force never falls below the chance of a change to it: a margin beyond
 * what that leaves would hold it against all evidence but overwhelming one. */
#define MARGIN_REST 100.0
#define MARGIN_MOVEMENT 1000.0
/* What happens so often a second; docs/recognition.md tells the trials. */
#define CHANGES 0.9     /* from a movement to any other */
#define BEGINNINGS 6.0  /* beyond that, from rest */
#define ENDINGS 1.5     /* beyond that, to rest */
#define TEMPERATURE_MS 70.0   /* a window's evidence counts by its hop over this, */
#define TEMPERATURE_LEAST 2.0 /* and never more than an independent window's by 2 over this */
#define WEAK 10         /* percent of a movement's windows that are weaker than a weak one */
#define QUIET 40        /* squared distance that a strength near rest's speaks against movements */
#define FOLLOW 0.3      /* of the distance to a centre, at usual distances, in hops of FOLLOW_HOP_MS or more; */
#define FOLLOW_HOP_MS 50.0 /* shorter ones' windows overlap more and tell less */
#define FOLLOW_COMMON 0.3 /* of it moves all movements */
#define FOLLOW_REST 1.0   /* times in rest */
#define FOLLOW_BOUND 3.0 /* standard deviations */
#define FOLLOW_CONFIDENCE 990 /* of 1000 */
#define FOLLOW_USUAL 0.4  /* of the usual distance is forgotten a second */
#define UNKNOWN_MS 10000.0 /* over which it is counted how many windows are like no movement */
#define FORGET 0.005       /* of what was followed is forgotten a second */
#define INTERFERENCE_LIMITS { 0.45, 0.3, 0.3 } /* what muscle leaves is hardly ever less: see docs/recognition.md */
#define INTERFERENCE_MS 200.0 /* over which the share that interference leaves is smoothed */
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

/* The number that @place of @values are not greater than, sorted as far as that takes (Hoare 1961). */
static guint32
select_u32 (guint32 *values,
            guint    n,
            guint    place)
{
  guint first = 0, last = n - 1;

  while (first < last)
    {
      guint32 pivot = values[first + (last - first) / 2];
      gint64 low = first, high = last;

      while (low <= high)
        {
          while (values[low] < pivot)
            low++;
          while (values[high] > pivot)
            high--;
          if (low <= high)
            {
              guint32 swap = values[low];

              values[low++] = values[high];
              values[high--] = swap;
            }
        }
      if (place <= high)
        last = (guint) high;
      else if (place >= low)
        first = (guint) low;
      else
        break;
    }
  return values[place];
}

/* Of the movement in the middle: rest is often recorded between all others. */
static guint
usual_repetitions (const BpgStatistics *statistics)
{
  guint n = statistics->movements->len;
  g_autofree guint32 *repetitions = g_memdup2 (statistics->repetitions, n * sizeof (guint32));

  return select_u32 (repetitions, n, n / 2);
}

static gboolean
fits_into_arm (const BpgDiscriminantOptions *options,
               guint                         movements,
               guint                         features)
{
  return bpg_model_length (movements, features, options->most, options->shapes, options->maps ? options->channels : 0) <=
         (options->channels <= 8 ? LENGTH_MAX : BPG_BPM_LENGTH_MAX);
}

/* As many extra directions as fit the arm; no maps for lost electrodes, then movements without their own shape
 * (and maps if they fit now), when none do; the strongest directions alone when even those are too many. */
static void
fit_into_arm (BpgDiscriminantOptions *options,
              guint                   movements,
              guint                   features,
              guint                   needed)
{
  while (options->most > needed && !fits_into_arm (options, movements, features))
    options->most--;
  options->maps = fits_into_arm (options, movements, features);
  options->shapes = fits_into_arm (options, movements, features);
  if (!options->shapes)
    {
      options->maps = TRUE;
      options->maps = fits_into_arm (options, movements, features);
    }
  while (options->most > 1 && !fits_into_arm (options, movements, features))
    options->most--;
}

static BpgDiscriminant *
discriminate (const BpgStatistics  *statistics,
              const BpgTrainingSet *set,
              gboolean              maps,
              GError              **error)
{
  guint movements = statistics->movements->len, needed = MIN (movements - 1, BPG_DIMENSIONS_MAX);
  BpgDiscriminantOptions options = { .channels = set->channels,
                                     .window_ms = set->framing.window * 1000 / set->rate,
                                     .repetitions = usual_repetitions (statistics),
                                     .novel = NOVEL,
                                     .extra = EXTRA,
                                     .most = MIN (needed + NOVEL + EXTRA, BPG_DIMENSIONS_MAX),
                                     .shapes = TRUE,
                                     .maps = TRUE };

  fit_into_arm (&options, movements, statistics->features, needed);
  options.maps &= maps;
  return bpg_discriminant_new (statistics, &options, error);
}

/* Strength that @percent of the movement's windows stay below; 0 without windows. */
static guint32
strength_percentile (const BpgTrainingSet *set,
                     guint8                gesture,
                     guint                 percent)
{
  g_autofree guint32 *strengths = g_new (guint32, set->windows->len);
  guint n = 0;

  for (guint r = 0; r < set->repetitions->len; r++)
    {
      const BpgTrainingRepetition *repetition = &g_array_index (set->repetitions, BpgTrainingRepetition, r);
      const BpgTrainingWindow *windows = &g_array_index (set->windows, BpgTrainingWindow, repetition->first);

      if (g_array_index (set->movements, BpgTrainingMovement, repetition->movement).gesture != gesture)
        continue;
      for (guint i = 0; i < repetition->count; i++)
        strengths[n++] = windows[i].strength;
    }
  return n > 0 ? select_u32 (strengths, n, (n - 1) * percent / 100) : 0;
}

static void
find_strengths (BpgModelDraft        *draft,
                const BpgTrainingSet *set,
                BpgModel             *from)
{
  GArray *movements = draft->statistics->movements;
  guint32 rest = strength_percentile (set, 0, 90), weakest = G_MAXUINT32, least = G_MAXUINT32;

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
        {
          guint32 weak = strength_percentile (set, gesture, WEAK);

          weakest = MIN (weakest, full);
          least = MIN (least, weak > 0 ? weak : full / 2);
        }
    }
  /* a restless rest must not swallow the weakest movement */
  draft->decision.rest_strength = MIN (rest, weakest / 3);
  draft->filter.quiet_strength = (guint32) MIN (pow (rest, 0.6) * pow (least, 0.4), weakest / 2);
}

/* What a model makes of windows, evenly taken. */
struct reception
{
  const struct bpg_bpm *model;
  const BpgTrainingSet *set;
  guint stride;
  guint n;
  struct bpg_classification *classifications; /* of every @stride-th window */
};
typedef struct reception Reception;

static void
clear_reception (Reception *reception)
{
  g_free (reception->classifications);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Reception, clear_reception)

#define WINDOWS_A_TASK 128u

static void
receive (BpgParallel *parallel,
         gpointer     data)
{
  const Reception *reception = data;
  const BpgTrainingSet *set = reception->set;
  guint task;

  while (bpg_parallel_take (parallel, &task))
    {
      for (guint i = task * WINDOWS_A_TASK; i < MIN ((task + 1) * WINDOWS_A_TASK, reception->n); i++)
        {
          gint32 features[BPG_FEATURES_MAX];

          memcpy (features, bpg_training_set_row (set, i * reception->stride), set->features * sizeof *features);
          bpg_classify (reception->model, features, NULL, BPG_NO_ELECTRODE, &reception->classifications[i]);
        }
    }
}

static void
receive_all (Reception            *reception,
             BpgModel             *model,
             const BpgTrainingSet *set)
{
  reception->model = bpg_model_get_bpm (model);
  reception->set = set;
  reception->stride = 1 + set->windows->len / WINDOWS_LOOKED_AT;
  reception->n = (set->windows->len + reception->stride - 1) / reception->stride;
  reception->classifications = g_new (struct bpg_classification, reception->n);
  bpg_parallel_run ((reception->n + WINDOWS_A_TASK - 1) / WINDOWS_A_TASK, receive, reception);
}

/* Score that so many of a thousand windows stay below. */
static double
score_percentile (const Reception *reception,
                  guint            per_mille)
{
  g_autofree guint32 *scores = g_new (guint32, reception->n);

  for (guint i = 0; i < reception->n; i++)
    scores[i] = reception->classifications[i].score;
  return select_u32 (scores, reception->n, (guint) ((guint64) (reception->n - 1) * per_mille / 1000));
}

static BpgModel *train_on_set (const BpgTrainingSet  *set,
                               BpgModel              *from,
                               const BpgTrainOptions *options,
                               gboolean               limits,
                               BpgTrainReport        *report,
                               GError               **error);

/* How far a repetition lies that a model has not seen: farther than those it was made of.  0 where there is but one. */
static double
score_of_the_unseen (const BpgTrainingSet  *set,
                     const BpgTrainOptions *options)
{
  g_autoptr (GArray) numbers = bpg_training_set_numbers (set);
  g_autoptr (BpgTrainingSet) seen = NULL;
  g_autoptr (BpgTrainingSet) spare = NULL;
  g_autoptr (BpgModel) model = NULL;
  g_auto (Reception) reception = { 0 };

  if (numbers->len < 2)
    return 0;
  seen = bpg_training_set_split (set, g_array_index (numbers, guint, numbers->len - 1), FALSE);
  spare = bpg_training_set_split (set, g_array_index (numbers, guint, numbers->len - 1), TRUE);
  if (spare->windows->len == 0 || seen->windows->len == 0)
    return 0;
  model = train_on_set (seen, NULL, options, FALSE, NULL, NULL);
  if (model == NULL)
    return 0;
  receive_all (&reception, model, spare);
  return score_percentile (&reception, UNSEEN_PER_MILLE);
}

static void
find_limits (BpgModelDraft         *draft,
             BpgModel              *model,
             const BpgTrainingSet  *set,
             const BpgTrainOptions *options)
{
  g_auto (Reception) reception = { 0 };
  g_autofree guint32 *active = NULL;
  guint n_active = 0;
  double usual, doubt = 0, far;

  receive_all (&reception, model, set);
  active = g_new (guint32, reception.n);
  for (guint i = 0; i < reception.n; i++)
    {
      const struct bpg_classification *one = &reception.classifications[i];
      guint movement = g_array_index (set->windows, BpgTrainingWindow, i * reception.stride).movement;

      if (g_array_index (set->movements, BpgTrainingMovement, movement).gesture == 0)
        continue;
      active[n_active++] = one->squares[one->nearest];
      doubt -= log (MAX (one->confidence, 1) / 1000.0);
    }
  usual = n_active > 0 ? select_u32 (active, n_active, n_active * 3 / 4) : 256;
  far = score_percentile (&reception, 990) * REJECT;
  /* a model of many repetitions knows how they differ */
  if (usual_repetitions (draft->statistics) <= FEW_REPETITIONS)
    far = MAX (far, score_of_the_unseen (set, options));
  /* one repetition a movement does not tell; what told it is forgotten, so that one bad day does not stay */
  if (draft->parent != NULL)
    far = MAX (far, KEPT_LIMIT * bpg_model_get_bpm (draft->parent)->decision.reject_score);
  draft->decision.reject_score = (guint32) CLAMP (far, 256.0, 1 << 24);
  draft->drift_typical = (guint32) CLAMP (sqrt (usual * 256), 1.0, 1e6);
  draft->drift_doubt = (guint32) CLAMP (doubt / MAX (n_active, 1) * 65536, 0.0, 1e6);
  draft->drift_threshold = (guint32) lround (DRIFT_THRESHOLD * 256);
}

/* Of something that happens so often a second, the chance that it happens in @ms. */
static double
chance (double rate,
        double ms)
{
  return 1 - exp (-rate * ms / 1000);
}

static void
set_decision_defaults (BpgModelDraft *draft)
{
  double hop_ms = 1000.0 * draft->hop / draft->rate;

  draft->decision.confidence_scale = 96;
  draft->decision.reject_confidence = 400;
  draft->decision.reject_score = 1 << 24;
  draft->decision.reject_new = (guint16) lround (32767 * chance (1000 / REJECT_MS, hop_ms));
  draft->decision.margin_rest = (guint16) CLAMP (lround (MARGIN_REST * 10 / hop_ms), 2, 1000);
  draft->decision.margin_movement = (guint16) CLAMP (lround (MARGIN_MOVEMENT * 10 / hop_ms), 2, 1000);
  draft->decision.speed_rise = (guint16) CLAMP (lround (1000 * hop_ms / 200), 1, 1000);
  draft->decision.speed_fall = (guint16) CLAMP (lround (1000 * hop_ms / 100), 1, 1000);
  draft->decision.strength_new = (guint16) lround (32767 * chance (1000 / 40.0, hop_ms));
}

static void
set_filter_defaults (BpgModelDraft *draft)
{
  double hop_ms = 1000.0 * draft->hop / draft->rate, others = draft->statistics->movements->len - 1;
  double temperature = MAX (TEMPERATURE_MS / hop_ms, TEMPERATURE_LEAST), left;

  draft->filter.change = (guint32) MAX (1, lround (BPG_BPM_CERTAIN * chance (CHANGES, hop_ms) / (others + 1)));
  left = BPG_BPM_CERTAIN - draft->filter.change * (others + 1);
  draft->filter.begin = (guint32) floor (left * chance (BEGINNINGS, hop_ms) / others);
  draft->filter.rest = (guint32) floor (left * chance (ENDINGS, hop_ms));
  draft->filter.quiet = QUIET;
  draft->filter.scale = (guint16) MAX (1, lround (4096 / (temperature * G_LN2)));
}

static void
set_follow_defaults (BpgModelDraft *draft)
{
  double hop_ms = 1000.0 * draft->hop / draft->rate;
  double rate = chance (FOLLOW, hop_ms) * sqrt (MIN (hop_ms / FOLLOW_HOP_MS, 1));

  draft->follow.rate = (guint16) MIN (lround (65536 * rate), 1 << 13);
  draft->follow.common = (guint16) lround (32768 * FOLLOW_COMMON);
  draft->follow.rest = (guint16) lround (32768 * FOLLOW_REST);
  draft->follow.bound = (guint16) lround (256 * FOLLOW_BOUND);
  draft->follow.confidence = FOLLOW_CONFIDENCE;
  draft->follow.forget = (guint16) lround (65535 * chance (FORGET, 64 * hop_ms));
  draft->follow.unknown_new = (guint16) MAX (1, lround (32767 * chance (1000 / UNKNOWN_MS, hop_ms)));
  draft->follow.usual_new = (guint16) lround (32767 * chance (FOLLOW_USUAL, hop_ms));
}

static void
set_interference_defaults (BpgModelDraft *draft)
{
  static const double frequencies[] = { 50, 60, 0 }, limits[] = INTERFERENCE_LIMITS;
  guint lag = MAX (1, (draft->rate + 100) / 200);

  draft->interference.lag = (guint8) lag;
  draft->interference.share_new = (guint16) lround (32767 * chance (1000 / INTERFERENCE_MS, 1000.0 * draft->hop / draft->rate));
  for (guint i = 0; i < BPG_INTERFERENCES; i++)
    {
      draft->interference.turn[i] = (gint16) lround (CLAMP (2 * cos (2 * G_PI * frequencies[i] * lag / draft->rate), -1.999, 1.999) * 16384);
      draft->interference.limit[i] = (guint16) lround (32768 * limits[i]);
    }
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

static BpgModel *
train_on_set (const BpgTrainingSet  *set,
              BpgModel              *from,
              const BpgTrainOptions *options,
              gboolean               limits,
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
  /* a model that is made to see how far the unseen lies runs on no arm */
  discriminant = discriminate (statistics, set, limits, error);
  if (discriminant == NULL)
    return NULL;
  draft.discriminant = discriminant;
  set_decision_defaults (&draft);
  set_filter_defaults (&draft);
  set_follow_defaults (&draft);
  set_interference_defaults (&draft);
  find_strengths (&draft, set, from);
  provisional = bpg_model_draft_write (&draft, error);
  if (provisional == NULL || !limits)
    return g_steal_pointer (&provisional);
  find_limits (&draft, provisional, set, options);
  return bpg_model_draft_write (&draft, error);
}

BpgModel *
bpg_train_on_set (const BpgTrainingSet  *set,
                  BpgModel              *from,
                  const BpgTrainOptions *options,
                  BpgTrainReport        *report,
                  GError               **error)
{
  return train_on_set (set, from, options, TRUE, report, error);
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
