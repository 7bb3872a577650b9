/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-verdict.h"

#include "bpg-judge-private.h"
#include "common/bpg-movement.h"

#include <math.h>

#define LOOK_ALIKE 0.6     /* below this a person is told */
#define STANDARD_DEVIATIONS_APART 4.0
#define CHANCE 2.0         /* standard errors */

struct _BpgJudge {
  GObject parent_instance;

  guint rate;
  guint channels;
  GPtrArray *accepted; /* BpgVerdict */
};

G_DEFINE_FINAL_TYPE (BpgJudge, bpg_judge, G_TYPE_OBJECT)

void
bpg_verdict_free (BpgVerdict *self)
{
  g_clear_pointer (&self->signal, bpg_signal_figures_free);
  g_free (self->advice);
  g_free (self);
}

static void
bpg_judge_finalize (GObject *object)
{
  g_ptr_array_unref (BPG_JUDGE (object)->accepted);
  G_OBJECT_CLASS (bpg_judge_parent_class)->finalize (object);
}

static void
bpg_judge_class_init (BpgJudgeClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = bpg_judge_finalize;
}

static void
bpg_judge_init (BpgJudge *self)
{
  self->accepted = g_ptr_array_new_with_free_func ((GDestroyNotify) bpg_verdict_free);
}

BpgJudge *
bpg_judge_new (guint rate, guint channels)
{
  BpgJudge *self = g_object_new (BPG_TYPE_JUDGE, NULL);

  self->rate = rate;
  self->channels = channels;
  return self;
}

BpgVerdict *
bpg_judge_repetition (BpgJudge *self, guint8 code, guint repetition, const gint16 *samples, gsize count,
                      const BpgSpan *gaps, guint n_gaps)
{
  BpgVerdict *verdict = g_new0 (BpgVerdict, 1);

  verdict->code = code;
  verdict->repetition = repetition;
  verdict->signal = bpg_signal_figures_new (self->rate, self->channels, samples, count, gaps, n_gaps);
  verdict->release = (double) count / self->rate;
  for (guint i = 0; i < BPG_VERDICT_N_RULES; i++)
    verdict->figures[i] = NAN;
  bpg_verdict_apply_rules (verdict, self->accepted);
  verdict->accepted = verdict->reasons == 0;
  verdict->advice = bpg_verdict_advise (verdict);
  return verdict;
}

void
bpg_judge_accept (BpgJudge *self, BpgVerdict *verdict)
{
  for (guint i = self->accepted->len; i-- > 0;) {
    BpgVerdict *before = self->accepted->pdata[i];

    if (before->code == verdict->code && before->repetition == verdict->repetition)
      g_ptr_array_remove_index (self->accepted, i);
  }
  g_ptr_array_add (self->accepted, verdict);
}

static void
add_frames (BpgMovementFigures *figures, const BpgVerdict *verdict)
{
  const BpgSignalFigures *signal = verdict->signal;

  for (guint f = 0; f < signal->n_frames; f++) {
    const double *shape = bpg_signal_figures_shape (signal, f);

    if (!bpg_verdict_is_active (verdict, f))
      continue;
    figures->frames++;
    for (guint s = 0; s < signal->n_shapes; s++) {
      double step = shape[s] - figures->mean[s];

      figures->mean[s] += step / figures->frames;
      figures->variance[s] += step * (shape[s] - figures->mean[s]);
    }
  }
}

BpgMovementFigures *
bpg_movement_figures (GPtrArray *accepted, guint8 code, guint except_repetition)
{
  g_autofree BpgMovementFigures *figures = g_new0 (BpgMovementFigures, 1);

  figures->code = code;
  for (guint i = 0; i < accepted->len; i++) {
    const BpgVerdict *verdict = accepted->pdata[i];

    if (verdict->code != code || verdict->repetition == except_repetition)
      continue;
    figures->repetitions++;
    if (isfinite (verdict->figures[BPG_VERDICT_NO_CONTRACTION]))
      figures->contraction += verdict->figures[BPG_VERDICT_NO_CONTRACTION];
    add_frames (figures, verdict);
  }
  if (figures->frames == 0)
    return NULL;
  figures->contraction /= figures->repetitions;
  for (guint s = 0; s < BPG_N_SHAPES_MAX; s++)
    figures->variance[s] /= figures->frames;
  return g_steal_pointer (&figures);
}

/* Mean and variance of the frames of one movement along a direction. */
static void
project (GPtrArray *accepted, guint8 code, const double *direction, double *mean, double *variance)
{
  double sum = 0, squares = 0;
  guint n = 0;

  for (guint i = 0; i < accepted->len; i++) {
    const BpgVerdict *verdict = accepted->pdata[i];

    if (verdict->code != code)
      continue;
    for (guint f = 0; f < verdict->signal->n_frames; f++) {
      const double *shape = bpg_signal_figures_shape (verdict->signal, f);
      double value = 0;

      if (!bpg_verdict_is_active (verdict, f))
        continue;
      for (guint s = 0; s < verdict->signal->n_shapes; s++)
        value += direction[s] * shape[s];
      sum += value;
      squares += value * value;
      n++;
    }
  }
  *mean = n > 0 ? sum / n : 0;
  *variance = n > 0 ? MAX (squares / n - *mean * *mean, 0) : 0;
}

static double
find_distance (BpgJudge *self, const BpgMovementFigures *a, const BpgMovementFigures *b)
{
  guint n_shapes = self->channels + self->channels * (self->channels - 1) / 2;
  double direction[BPG_N_SHAPES_MAX], mean_a, mean_b, variance_a, variance_b;

  /* A difference that chance explains (frames overlap by half, so half of them are independent) tells nothing apart. */
  for (guint s = 0; s < n_shapes; s++) {
    double variance = 0.5 * (a->variance[s] + b->variance[s]) + 0.01;
    double chance = CHANCE * sqrt (variance * (2.0 / a->frames + 2.0 / b->frames));
    double difference = a->mean[s] - b->mean[s];

    direction[s] = fabs (difference) > chance ? (difference - copysign (chance, difference)) / variance : 0;
  }
  project (self->accepted, a->code, direction, &mean_a, &variance_a);
  project (self->accepted, b->code, direction, &mean_b, &variance_b);
  return fabs (mean_a - mean_b) / (STANDARD_DEVIATIONS_APART * sqrt (0.5 * (variance_a + variance_b)) + 1e-9);
}

GArray *
bpg_judge_get_separability (BpgJudge *self)
{
  GArray *pairs = g_array_new (FALSE, FALSE, sizeof (BpgSeparability));
  g_autoptr (GPtrArray) movements = g_ptr_array_new_with_free_func (g_free);

  for (guint code = 0; code <= G_MAXUINT8; code++) {
    BpgMovementFigures *figures = bpg_movement_figures (self->accepted, (guint8) code, 0);

    if (figures != NULL)
      g_ptr_array_add (movements, figures);
  }
  for (guint i = 0; i < movements->len; i++) {
    for (guint j = i + 1; j < movements->len; j++) {
      const BpgMovementFigures *a = movements->pdata[i], *b = movements->pdata[j];
      BpgSeparability pair = {a->code, b->code, find_distance (self, a, b)};

      g_array_append_val (pairs, pair);
    }
  }
  return pairs;
}

char *
bpg_judge_get_advice (BpgJudge *self)
{
  g_autoptr (GArray) pairs = bpg_judge_get_separability (self);
  BpgSeparability closest = {0, 0, LOOK_ALIKE};
  const char *first, *second;

  for (guint i = 0; i < pairs->len; i++) {
    const BpgSeparability *pair = &g_array_index (pairs, BpgSeparability, i);

    if (pair->distance < closest.distance)
      closest = *pair;
  }
  if (closest.first == closest.second)
    return g_strdup ("");
  first = bpg_movement_get_name (closest.first);
  second = bpg_movement_get_name (closest.second);
  if (closest.first == BPG_MOVEMENT_REST)
    return g_strdup_printf ("%s can hardly be told from rest: repeat %s and contract more firmly.", second, second);
  return g_strdup_printf ("%s and %s look alike: repeat %s and make it more different.", first, second, second);
}
