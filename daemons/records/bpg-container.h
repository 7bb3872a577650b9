/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-repetition.h"

/*
 * The .bpr container, in which a recording travels: "BPGREC1\n", u32 little-endian length of the JSON, the JSON
 * side-car, then all samples as int16 little-endian, interleaved.
 *
 * The side-car has `fs_hz`, `channels`, `samples`, `dtype` ("int16le"), `lsb`, `unit`, `subject` and `patient`,
 * `prosthesis`, `session`, `recording`, `placement` and `electrodes`, `filters`, `purpose`, `source`, `note`,
 * `segments` (`start`, `count`, `gesture`, `name`, `rep`, `verdict`), `gaps` (`start`, `count`) and `clock`
 * (arm tick, monotonic, real, in µs).
 */

#define BPG_CONTAINER_MAX_JSON (4u * 1024u * 1024u)

/**
 * BpgRecordingInfo:
 * @lsb: unit per count
 *
 * What is known of a recording besides its repetitions. Texts are never %NULL.
 */
typedef struct {
  char *id;
  char *patient;
  char *prosthesis;
  guint32 rate;     /* Hz */
  guint32 channels; /* electrodes */
  double lsb;
  char *unit;
  char *filters;
  char *electrodes;
  char *purpose;
  char *source;
  char *session;
  char *note;
} BpgRecordingInfo;

BpgRecordingInfo *bpg_recording_info_new (void);
BpgRecordingInfo *bpg_recording_info_copy (const BpgRecordingInfo *self);
void bpg_recording_info_free (BpgRecordingInfo *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BpgRecordingInfo, bpg_recording_info_free)

/**
 * bpg_recording_info_check:
 *
 * Returns: %FALSE with InvalidArgument when rate, channels or scale are senseless or a text is too long.
 */
gboolean bpg_recording_info_check (const BpgRecordingInfo *self, GError **error);

/**
 * bpg_container_build:
 * @repetitions: (element-type BpgRepetition): in their order
 * @samples: (element-type GBytes): of each
 *
 * Returns: a sealed memory file, or -1. Blocks for as long as copying takes; for workers.
 */
int bpg_container_build (const BpgRecordingInfo *info, GPtrArray *repetitions, GPtrArray *samples, GError **error);

/**
 * bpg_container_parse:
 * @container: the whole file, of whoever
 * @repetitions: (out) (element-type BpgRepetition): one a segment, without file and digest
 * @samples: (out) (element-type GBytes): of each, views into @container
 *
 * Every length, count and text is checked before it is used. What lies in no segment is left out.
 *
 * Returns: what the side-car says, or %NULL with Corrupt or LimitExceeded.
 */
BpgRecordingInfo *bpg_container_parse (GBytes *container, GPtrArray **repetitions, GPtrArray **samples, GError **error);
