/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

/**
 * BpgDecisionRow:
 * @sample: index in the recording of the last sample that was used
 * @movement: gesture code
 * @confidence: @speed: 0 to 1, negative when not told
 */
typedef struct {
  guint64 sample;
  guint8 movement;
  double confidence;
  double speed;
} BpgDecisionRow;

/**
 * bpg_decisions_load:
 * @path: CSV with a first line of names, `sample` and `movement` at least, as `bionicctl lab run` writes it; or JSON, a
 *   list of objects (or an object with such a list as `decisions`) with these members
 * @names: (out) (optional): (element-type utf8): gesture code -> name, as far as told
 *
 * Confidence and speed may be told as 0 to 1 or as 0 to 1000.
 *
 * Returns: (transfer full) (element-type BpgDecisionRow): in order of samples; %NULL with #BpgTrainingError.
 */
GArray *bpg_decisions_load (const char *path, GPtrArray **names, GError **error);

/**
 * bpg_decisions_parse:
 * @text: what such a file holds
 * @json: whether it is JSON
 *
 * Returns: as bpg_decisions_load().
 */
GArray *bpg_decisions_parse (const char *text, gboolean json, GPtrArray **names, GError **error);
