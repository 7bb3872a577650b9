/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-judge-private.h"

#include "common/bpg-movement.h"

#include <math.h>
#include <stdlib.h>

/* Limits; how each was chosen and what it does on recordings is told in docs/verdicts.md. */
#define MOST_LOST 0.02
#define STILL_SECONDS 0.25
#define MOST_CLIPPED 0.33
#define MOST_MAINS 0.5
#define LOOSE_MAINS 0.6
#define LOOSE_MAINS_OF_OTHERS 0.25
#define LOOSE_FAINT 4.0
#define LOOSE_STRONG 25.0
#define MOST_WANDER 4.5
#define MOST_RESTLESS 1.25
#define LEAST_CONTRACTION 1.12
#define SCATTER 0.18 /* more at 200 Hz, where a frame has 20 samples; less by the square root of the rate */
#define LEAST_STRENGTH 0.3
#define NO_STRENGTH 0.1
#define LATEST_ONSET 0.5
#define MOST_NEARER_TO_OTHERS 0.75
#define MOST_REST_LEVEL 4.0
#define REST_SHARE_OF_CONTRACTION (1 / 3.0)

static int
compare_doubles (const void *a, const void *b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

/* Quantile of @values, which are sorted on the way; @part from 0 to 1. */
static double
quantile (double *values, guint n, double part)
{
  qsort (values, n, sizeof *values, compare_doubles);
  return values[(guint) (part * (n - 1) + 0.5)];
}

static double
level_quantile (const BpgSignalFigures *signal, guint channel, double part)
{
  g_autofree double *levels = g_new (double, signal->n_frames + 1);

  for (guint f = 0; f < signal->n_frames; f++)
    levels[f] = bpg_signal_figures_level (signal, f, channel);
  return quantile (levels, signal->n_frames, part);
}

static void
speak (BpgVerdict *verdict, BpgVerdictRule rule, guint16 electrodes)
{
  verdict->reasons |= 1u << rule;
  verdict->electrodes |= electrodes;
}

/* Level of each electrode at rest: the middle frame of the quietest of the session's accepted rests, whichever that was
 * for each electrode; and its upper quartile, by which that of a contraction is measured: few samples scatter alike in
 * both. */
static gboolean
find_rest (GPtrArray *accepted, guint channels, double *rest, double *restless)
{
  gboolean found = FALSE;

  for (guint i = 0; i < accepted->len; i++) {
    const BpgVerdict *verdict = accepted->pdata[i];

    if (verdict->code != BPG_MOVEMENT_REST)
      continue;
    for (guint c = 0; c < channels; c++) {
      double level = level_quantile (verdict->signal, c, 0.5);

      if (found && level >= rest[c])
        continue;
      rest[c] = level;
      restless[c] = MIN (level_quantile (verdict->signal, c, 0.75), MOST_RESTLESS * level);
    }
    found = TRUE;
  }
  return found;
}

static void
check_lost (BpgVerdict *verdict)
{
  const BpgSignalFigures *signal = verdict->signal;
  double share = signal->count > 0 ? (double) signal->lost / (double) signal->count : 1;

  verdict->figures[BPG_VERDICT_SAMPLES_LOST] = share;
  if (share > MOST_LOST || signal->n_frames < 4)
    speak (verdict, BPG_VERDICT_SAMPLES_LOST, 0);
}

static guint16
check_stuck (BpgVerdict *verdict)
{
  guint16 stuck = 0;

  verdict->figures[BPG_VERDICT_ELECTRODE_STUCK] = 0;
  for (guint c = 0; c < verdict->signal->channels; c++) {
    double still = verdict->signal->electrodes[c].still;

    verdict->figures[BPG_VERDICT_ELECTRODE_STUCK] = MAX (verdict->figures[BPG_VERDICT_ELECTRODE_STUCK], still);
    if (still > STILL_SECONDS)
      stuck |= (guint16) (1u << c);
  }
  if (stuck != 0)
    speak (verdict, BPG_VERDICT_ELECTRODE_STUCK, stuck);
  return stuck;
}

static void
check_clipped (BpgVerdict *verdict, guint16 stuck)
{
  guint16 clipped = 0;

  verdict->figures[BPG_VERDICT_CLIPPED] = 0;
  for (guint c = 0; c < verdict->signal->channels; c++) {
    double share = verdict->signal->electrodes[c].clipped;

    if (stuck & 1u << c)
      continue;
    verdict->figures[BPG_VERDICT_CLIPPED] = MAX (verdict->figures[BPG_VERDICT_CLIPPED], share);
    if (share > MOST_CLIPPED)
      clipped |= (guint16) (1u << c);
  }
  if (clipped != 0)
    speak (verdict, BPG_VERDICT_CLIPPED, clipped);
}

/* Hum on most electrodes comes from outside; on a few of them it comes from their contact. */
static void
check_mains (BpgVerdict *verdict, guint16 stuck)
{
  const BpgSignalFigures *signal = verdict->signal;
  double shares[BPG_CHANNELS_MAX], most = 0;
  guint16 loose = 0;
  guint n = 0;

  for (guint c = 0; c < signal->channels; c++) {
    if (!(stuck & 1u << c))
      shares[n++] = signal->electrodes[c].mains;
  }
  if (n == 0)
    return;
  verdict->figures[BPG_VERDICT_MAINS] = quantile (shares, n, 0.5);
  if (verdict->figures[BPG_VERDICT_MAINS] > MOST_MAINS) {
    speak (verdict, BPG_VERDICT_MAINS, 0);
    return;
  }
  for (guint c = 0; c < signal->channels; c++) {
    double share = signal->electrodes[c].mains;

    most = stuck & 1u << c ? most : MAX (most, share);
    if (!(stuck & 1u << c) && share > LOOSE_MAINS && verdict->figures[BPG_VERDICT_MAINS] < LOOSE_MAINS_OF_OTHERS)
      loose |= (guint16) (1u << c);
  }
  verdict->figures[BPG_VERDICT_ELECTRODE_LOOSE] = most;
  if (loose != 0)
    speak (verdict, BPG_VERDICT_ELECTRODE_LOOSE, loose);
}

/* An electrode that has fallen off is fainter than it was at rest, or shouts down all others. */
static void
check_off_level (BpgVerdict *verdict, const double *rest, guint16 stuck)
{
  const BpgSignalFigures *signal = verdict->signal;
  guint16 loose = 0;

  for (guint c = 0; c < signal->channels; c++) {
    double rms = signal->electrodes[c].rms, next = 0;

    if (stuck & 1u << c)
      continue;
    for (guint o = 0; o < signal->channels; o++)
      next = o != c ? MAX (next, signal->electrodes[o].rms) : next;
    if ((rest != NULL && verdict->code != BPG_MOVEMENT_REST && rms * LOOSE_FAINT < rest[c]) ||
        rms > LOOSE_STRONG * next) {
      loose |= (guint16) (1u << c);
      verdict->figures[BPG_VERDICT_ELECTRODE_LOOSE] =
        rms > LOOSE_STRONG * next ? rms / next : rest[c] / rms;
    }
  }
  if (loose != 0)
    speak (verdict, BPG_VERDICT_ELECTRODE_LOOSE, loose);
}

static void
check_artefact (BpgVerdict *verdict, guint16 stuck)
{
  guint16 moved = 0;

  verdict->figures[BPG_VERDICT_ARTEFACT] = 0;
  for (guint c = 0; c < verdict->signal->channels; c++) {
    double wander = verdict->signal->electrodes[c].wander;

    if (stuck & 1u << c)
      continue;
    verdict->figures[BPG_VERDICT_ARTEFACT] = MAX (verdict->figures[BPG_VERDICT_ARTEFACT], wander);
    if (wander > MOST_WANDER)
      moved |= (guint16) (1u << c);
  }
  if (moved != 0)
    speak (verdict, BPG_VERDICT_ARTEFACT, moved);
}

/* Strength of each frame over rest: root mean square over the electrodes of level over rest. */
static double
frame_strength (const BpgSignalFigures *signal, guint frame, const double *rest)
{
  double sum = 0;

  for (guint c = 0; c < signal->channels; c++) {
    double ratio = bpg_signal_figures_level (signal, frame, c) / rest[c];

    sum += ratio * ratio;
  }
  return sqrt (sum / signal->channels);
}

/* From the first pair of frames over the limit to the last. */
static void
find_active (BpgVerdict *verdict, const double *strength, double limit)
{
  const BpgSignalFigures *signal = verdict->signal;
  guint first = 0, last = signal->n_frames - 1;

  while (first + 1 < last && (strength[first] < limit || strength[first + 1] < limit))
    first++;
  while (last > first + 1 && (strength[last] < limit || strength[last - 1] < limit))
    last--;
  verdict->onset = (double) signal->frame_start[first] / signal->rate;
  if (last + 1 < signal->n_frames)
    verdict->release = (double) signal->frame_start[last + 1] / signal->rate;
}

static void
find_onset (BpgVerdict *verdict, const double *rest)
{
  const BpgSignalFigures *signal = verdict->signal;
  g_autofree double *strength = g_new (double, signal->n_frames);
  double strong, limit;

  for (guint f = 0; f < signal->n_frames; f++)
    strength[f] = frame_strength (signal, f, rest);
  strong = quantile (strength, signal->n_frames, 0.75);
  limit = 1 + 0.35 * (strong - 1);
  for (guint f = 0; f < signal->n_frames; f++)
    strength[f] = frame_strength (signal, f, rest);
  find_active (verdict, strength, limit);
}

static void
check_contraction (BpgVerdict *verdict, GPtrArray *accepted, const double *rest, const double *restless)
{
  const BpgSignalFigures *signal = verdict->signal;
  g_autofree BpgMovementFigures *others = bpg_movement_figures (accepted, verdict->code, verdict->repetition);
  double least = LEAST_CONTRACTION + SCATTER * sqrt (200.0 / signal->rate);
  double best = 0;

  for (guint c = 0; c < signal->channels; c++)
    best = MAX (best, level_quantile (signal, c, 0.75) / restless[c]);
  verdict->figures[BPG_VERDICT_NO_CONTRACTION] = best;
  if (others != NULL && others->contraction > 1)
    verdict->figures[BPG_VERDICT_WEAK] = (best - 1) / (others->contraction - 1);
  if (best < least || verdict->figures[BPG_VERDICT_WEAK] < NO_STRENGTH) {
    speak (verdict, BPG_VERDICT_NO_CONTRACTION, 0);
    return;
  }
  if (isfinite (verdict->figures[BPG_VERDICT_WEAK])) {
    if (verdict->figures[BPG_VERDICT_WEAK] < LEAST_STRENGTH)
      speak (verdict, BPG_VERDICT_WEAK, 0);
  }
  find_onset (verdict, rest);
  verdict->figures[BPG_VERDICT_LATE] = verdict->onset * signal->rate / (double) signal->count;
  if (verdict->figures[BPG_VERDICT_LATE] > LATEST_ONSET)
    speak (verdict, BPG_VERDICT_LATE, 0);
}

gboolean
bpg_verdict_is_active (const BpgVerdict *verdict, guint frame)
{
  double seconds = (double) verdict->signal->frame_start[frame] / verdict->signal->rate;

  return seconds >= verdict->onset && seconds < verdict->release;
}

/* Distance from a movement's mean, however strongly it was done: the part of the difference that all log levels have in
 * common (their mean, each weighted like its square) is taken off. */
static double
square_distance (const double *shape, const BpgMovementFigures *movement, const double *spread, guint channels,
                 guint n_shapes)
{
  double sum = 0, common = 0, weights = 0;

  for (guint s = 0; s < channels; s++) {
    common += (shape[s] - movement->mean[s]) / spread[s];
    weights += 1 / spread[s];
  }
  common /= weights;
  for (guint s = 0; s < n_shapes; s++) {
    double difference = shape[s] - movement->mean[s] - (s < channels ? common : 0);

    sum += difference * difference / spread[s];
  }
  return sum;
}

/* Every movement of the session, the judged one first. */
static GPtrArray *
find_movements (const BpgVerdict *verdict, GPtrArray *accepted)
{
  g_autoptr (GPtrArray) movements = g_ptr_array_new_with_free_func (g_free);
  BpgMovementFigures *own = bpg_movement_figures (accepted, verdict->code, verdict->repetition);

  if (own == NULL)
    return NULL;
  g_ptr_array_add (movements, own);
  for (guint code = 0; code <= G_MAXUINT8; code++) {
    BpgMovementFigures *other =
      code != verdict->code ? bpg_movement_figures (accepted, (guint8) code, 0) : NULL;

    if (other != NULL)
      g_ptr_array_add (movements, other);
  }
  return movements->len > 1 ? g_steal_pointer (&movements) : NULL;
}

static void
find_spread (GPtrArray *movements, guint n_shapes, double *spread)
{
  for (guint s = 0; s < n_shapes; s++) {
    spread[s] = 0.02;
    for (guint m = 0; m < movements->len; m++)
      spread[s] += ((BpgMovementFigures *) movements->pdata[m])->variance[s] / movements->len;
  }
}

/* Each frame goes to the nearest movement of the session, features weighted by their variance within movements. */
static void
check_consistent (BpgVerdict *verdict, GPtrArray *accepted)
{
  const BpgSignalFigures *signal = verdict->signal;
  g_autoptr (GPtrArray) movements = find_movements (verdict, accepted);
  double spread[BPG_N_SHAPES_MAX];
  g_autofree guint *votes = NULL;
  guint frames = 0, most = 1;

  if (movements == NULL)
    return;
  find_spread (movements, signal->n_shapes, spread);
  votes = g_new0 (guint, movements->len);
  for (guint f = 0; f < signal->n_frames; f++) {
    const double *shape = bpg_signal_figures_shape (signal, f);
    guint nearest = 0;
    double least = INFINITY;

    if (!bpg_verdict_is_active (verdict, f))
      continue;
    for (guint m = 0; m < movements->len; m++) {
      double distance = square_distance (shape, movements->pdata[m], spread, signal->channels, signal->n_shapes);

      if (distance < least) {
        least = distance;
        nearest = m;
      }
    }
    votes[nearest]++;
    frames++;
  }
  for (guint m = 2; m < movements->len; m++)
    most = votes[m] > votes[most] ? m : most;
  verdict->figures[BPG_VERDICT_INCONSISTENT] = (double) votes[most] / MAX (frames, 1);
  if (verdict->figures[BPG_VERDICT_INCONSISTENT] > MOST_NEARER_TO_OTHERS) {
    verdict->resembles = ((BpgMovementFigures *) movements->pdata[most])->code;
    speak (verdict, BPG_VERDICT_INCONSISTENT, 0);
  }
}

/* What the movements of the session reach, over rest. */
static double
mean_contraction (GPtrArray *accepted)
{
  double sum = 0;
  guint n = 0;

  for (guint i = 0; i < accepted->len; i++) {
    const BpgVerdict *verdict = accepted->pdata[i];

    if (isfinite (verdict->figures[BPG_VERDICT_NO_CONTRACTION])) {
      sum += verdict->figures[BPG_VERDICT_NO_CONTRACTION];
      n++;
    }
  }
  return n > 0 ? sum / n : 0;
}

/* Somebody who moves during rest spoils the yardstick of everything that comes after. */
static void
check_rest (BpgVerdict *verdict, GPtrArray *accepted, const double *rest)
{
  double limit = MAX (MOST_REST_LEVEL, REST_SHARE_OF_CONTRACTION * mean_contraction (accepted));
  double best = 0;

  for (guint c = 0; c < verdict->signal->channels; c++)
    best = MAX (best, level_quantile (verdict->signal, c, 0.5) / rest[c]);
  verdict->figures[BPG_VERDICT_INCONSISTENT] = best / limit;
  if (best > limit) {
    verdict->resembles = verdict->code;
    speak (verdict, BPG_VERDICT_INCONSISTENT, 0);
  }
}

void
bpg_verdict_apply_rules (BpgVerdict *verdict, GPtrArray *accepted)
{
  double rest[BPG_CHANNELS_MAX], restless[BPG_CHANNELS_MAX];
  gboolean rested = find_rest (accepted, verdict->signal->channels, rest, restless);
  guint16 stuck;

  check_lost (verdict);
  if (verdict->signal->n_frames < 4)
    return;
  stuck = check_stuck (verdict);
  check_clipped (verdict, stuck);
  check_mains (verdict, stuck);
  check_off_level (verdict, rested ? rest : NULL, stuck);
  check_artefact (verdict, stuck);
  if (!rested)
    return;
  if (verdict->code == BPG_MOVEMENT_REST) {
    check_rest (verdict, accepted, rest);
    return;
  }
  check_contraction (verdict, accepted, rest, restless);
  /* A signal that is bad in itself says nothing about which movement it was. */
  if (verdict->reasons == 0)
    check_consistent (verdict, accepted);
}

static char *
name_electrodes (guint16 mask)
{
  g_autoptr (GString) names = g_string_new (NULL);

  for (guint c = 0; c < BPG_CHANNELS_MAX; c++) {
    if (mask & 1u << c)
      g_string_append_printf (names, "%s%u", names->len > 0 ? ", " : "", c + 1);
  }
  return g_strdup_printf ("Electrode%s %s", (mask & (mask - 1)) != 0 ? "s" : "", names->str);
}

static char *
advise_inconsistent (const BpgVerdict *verdict)
{
  const char *asked = bpg_movement_get_name (verdict->code);

  if (verdict->code == BPG_MOVEMENT_REST)
    return g_strdup ("The muscles were not at rest: let the arm hang loose and try again.");
  return g_strdup_printf ("This looked like %s, not like the %s before: do %s again.",
                          bpg_movement_get_name (verdict->resembles), asked, asked);
}

char *
bpg_verdict_advise (const BpgVerdict *verdict)
{
  g_autofree char *electrodes = name_electrodes (verdict->electrodes);
  guint rule = 0;

  while (rule < BPG_VERDICT_N_RULES && !(verdict->reasons & 1u << rule))
    rule++;
  switch ((BpgVerdictRule) rule) {
  case BPG_VERDICT_SAMPLES_LOST:
    return g_strdup ("Samples were lost on the way: check the cable or come nearer, then repeat.");
  case BPG_VERDICT_ELECTRODE_STUCK:
    return g_strdup_printf ("%s gave no signal: check the contact and the plug, then repeat.", electrodes);
  case BPG_VERDICT_CLIPPED:
    return g_strdup_printf ("%s went to the end of the range: contract less hard or lower the gain, then repeat.",
                            electrodes);
  case BPG_VERDICT_MAINS:
    return g_strdup ("There is hum from the mains: move away from chargers and lamps, check the ground electrode, then "
                     "repeat.");
  case BPG_VERDICT_ELECTRODE_LOOSE:
    return g_strdup_printf ("%s seems loose: press the socket on or moisten the skin, then repeat.", electrodes);
  case BPG_VERDICT_ARTEFACT:
    return g_strdup_printf ("%s picked up a jolt: keep the arm and the cable still, then repeat.", electrodes);
  case BPG_VERDICT_NO_CONTRACTION:
    return g_strdup_printf ("No contraction was seen: do %s when it is asked for.", bpg_movement_get_name (verdict->code));
  case BPG_VERDICT_WEAK:
    return g_strdup_printf ("Weaker than before: do %s as firmly as the other times.",
                            bpg_movement_get_name (verdict->code));
  case BPG_VERDICT_LATE:
    return g_strdup ("The contraction came late: begin when the prompt appears and hold until it ends.");
  case BPG_VERDICT_INCONSISTENT:
    return advise_inconsistent (verdict);
  default:
    return g_strdup ("");
  }
}

const char *
bpg_verdict_rule_name (BpgVerdictRule rule)
{
  static const char *const names[] = {
    [BPG_VERDICT_SAMPLES_LOST] = "samples-lost",
    [BPG_VERDICT_ELECTRODE_STUCK] = "electrode-stuck",
    [BPG_VERDICT_CLIPPED] = "clipped",
    [BPG_VERDICT_MAINS] = "mains",
    [BPG_VERDICT_ELECTRODE_LOOSE] = "electrode-loose",
    [BPG_VERDICT_ARTEFACT] = "artefact",
    [BPG_VERDICT_NO_CONTRACTION] = "no-contraction",
    [BPG_VERDICT_WEAK] = "weak",
    [BPG_VERDICT_LATE] = "late",
    [BPG_VERDICT_INCONSISTENT] = "inconsistent",
  };

  G_STATIC_ASSERT (G_N_ELEMENTS (names) == BPG_VERDICT_N_RULES);
  return names[rule];
}
