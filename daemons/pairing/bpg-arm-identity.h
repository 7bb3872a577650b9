/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

/**
 * BpgArmIdentity:
 *
 * What an arm says about itself. Nothing of it is to be believed before bpg_handshake_async() has proved the key.
 */
typedef struct {
  char *device_id;
  char *fingerprint; /* of @key, computed here, 64 lower-case hexadecimal digits */
  GBytes *key;       /* SubjectPublicKeyInfo, DER */
  GBytes *certificate; /* DER, or NULL */
  char *hardware;
  char *firmware;
  guint schema;
  char *state;   /* unbound, binding, bound; open set */
  char *side;    /* left, right, or empty */
  char *patient; /* pseudonym, or empty */
} BpgArmIdentity;

/**
 * bpg_arm_identity_parse:
 * @payload: of the reply to the command identity; hostile
 *
 * Errors: Corrupt (not that message, texts too long or not printable), WrongProsthesis (the fingerprint is not the
 * key's).
 */
BpgArmIdentity *bpg_arm_identity_parse (GBytes *payload, GError **error);

BpgArmIdentity *bpg_arm_identity_ref (BpgArmIdentity *self);
void bpg_arm_identity_unref (BpgArmIdentity *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BpgArmIdentity, bpg_arm_identity_unref)
