/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-archive.h"

#include <gio/gio.h>

/* Largest recording, all its samples together. */
#define BPG_RECORDING_MAX_BYTES (256u * 1024u * 1024u)
#define BPG_RECORDING_MAX_REPETITIONS 4096u
#define BPG_RECORDING_MAX_CHANNELS 64u
#define BPG_RECORDING_MAX_RATE 100000u
/* As long as the model file can hold, without the final zero. */
#define BPG_MOVEMENT_NAME_MAX 23u
#define BPG_MAX_GAPS 4096u

/**
 * BpgRepetition:
 * @count: samples per electrode
 * @lost: a(tt): start and count of each gap, from the repetition's own beginning
 * @clock: a(ttt): arm tick, monotonic, real, µs
 * @verdict: a{sv}
 * @file: name in the archive's folder, %NULL while not written
 * @digest: SHA-256 (hex) of that file as it stands on the disk
 *
 * One accepted repetition of a movement.
 */
typedef struct {
  char *movement;
  guint8 code;
  guint32 repetition;
  guint64 count;
  GVariant *lost;
  GVariant *clock;
  GVariant *verdict;
  char *file;
  char *digest;
} BpgRepetition;

BpgRepetition *bpg_repetition_new (void);
void bpg_repetition_free (BpgRepetition *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BpgRepetition, bpg_repetition_free)

/**
 * bpg_repetition_parse:
 * @details: as in Recording1.AppendRepetition
 * @replaces: whether it takes the place of the same repetition
 *
 * Returns: (transfer full): what @details say, checked, or %NULL with UnknownOption or InvalidArgument.
 */
BpgRepetition *bpg_repetition_parse (GVariant *details, gboolean *replaces, GError **error);

/**
 * bpg_repetition_check:
 *
 * Checks what came from outside: name, count and gaps.
 */
gboolean bpg_repetition_check (const BpgRepetition *self, GError **error);

/**
 * bpg_repetition_count_lost:
 *
 * Returns: samples in gaps.
 */
guint64 bpg_repetition_count_lost (const BpgRepetition *self);

/**
 * bpg_repetition_write:
 * @samples: int16 little-endian, interleaved
 *
 * Writes the samples durably and fills in @file and @digest. Blocks; for workers.
 */
gboolean bpg_repetition_write (BpgRepetition *self, BpgArchive *archive, const char *patient, GBytes *samples,
                               GError **error);

/**
 * bpg_repetition_read:
 * @channels: electrodes, to check the length
 *
 * Reads the samples back and checks them against the index. Blocks; for workers.
 *
 * Returns: the samples, or %NULL with Corrupt (damaged or missing).
 */
GBytes *bpg_repetition_read (const BpgRepetition *self, BpgArchive *archive, const char *patient, guint channels,
                             GError **error);

/**
 * bpg_repetition_store:
 * @place: its place in the recording
 *
 * Writes its row of the index, in place of the one that is there.
 */
gboolean bpg_repetition_store (const BpgRepetition *self, BpgStore *store, const char *recording, guint place,
                               GError **error);

/**
 * bpg_repetitions_load:
 *
 * Returns: (transfer full) (element-type BpgRepetition): those of @recording in their order.
 */
GPtrArray *bpg_repetitions_load (BpgStore *store, const char *recording, GError **error);
