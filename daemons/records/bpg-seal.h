/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

/*
 * The one place through which patients' data passes on its way to the disk and back: names, references, samples, usage.
 *
 * Today it seals nothing: the content is stored plainly, behind a mark, in a folder that only the daemon's own user can
 * enter (0700). The manager's Features say so with the word BPG_SEAL_FEATURE. A seal with the patient's own key takes
 * this one's place behind the same two functions.
 */

#define BPG_SEAL_FEATURE "unsealed"

#define BPG_TYPE_SEAL (bpg_seal_get_type ())
G_DECLARE_FINAL_TYPE (BpgSeal, bpg_seal, BPG, SEAL, GObject)

BpgSeal *bpg_seal_new (void);

/**
 * bpg_seal_close:
 * @patient: pseudonym of whose data it is
 * @content: what to keep
 *
 * May be called in any thread.
 *
 * Returns: (transfer full): the bytes to store.
 */
GBytes *bpg_seal_close (BpgSeal *self, const char *patient, GBytes *content, GError **error);

/**
 * bpg_seal_open:
 * @stored: what bpg_seal_close() gave; treated as damaged when it is anything else
 *
 * May be called in any thread.
 *
 * Returns: (transfer full): the content, or %NULL with Corrupt.
 */
GBytes *bpg_seal_open (BpgSeal *self, const char *patient, GBytes *stored, GError **error);
