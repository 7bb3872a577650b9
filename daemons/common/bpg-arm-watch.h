/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#define BPG_TYPE_ARM_WATCH (bpg_arm_watch_get_type ())
G_DECLARE_FINAL_TYPE (BpgArmWatch, bpg_arm_watch, BPG, ARM_WATCH, GObject)

/**
 * BpgArm:
 *
 * What org.bionicpro.Pairing1 says of a prosthesis now, see Prosthesis1. The strings are never %NULL.
 */
typedef struct {
  char *path;
  char *device_id;
  char *hardware;
  char *side;
  char *patient;
  char *model_hash;
  gboolean connected;
  gboolean bound;
  guint32 schema;
  guint32 trial_seconds_left;
} BpgArm;

BpgArm *bpg_arm_copy (const BpgArm *arm);
void bpg_arm_free (BpgArm *arm);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BpgArm, bpg_arm_free)

/**
 * bpg_arm_watch_new:
 *
 * Watches the prostheses of bionicpro-pairingd, whether it runs already or not.
 *
 * Signal "changed" (path): a prosthesis has appeared, or a property of it has changed. Signal "gone" (path): it has
 * left the bus; when pairingd ends, every one does. Signal "ready": once, when those that were there at the beginning
 * are known.
 */
BpgArmWatch *bpg_arm_watch_new (GDBusConnection *connection);

/**
 * bpg_arm_watch_is_ready:
 *
 * Returns: whether it is known which prostheses there are.
 */
gboolean bpg_arm_watch_is_ready (BpgArmWatch *self);

/**
 * bpg_arm_watch_get:
 *
 * Returns: (transfer full) (nullable): the prosthesis at @path, %NULL when there is none.
 */
BpgArm *bpg_arm_watch_get (BpgArmWatch *self, const char *path);
