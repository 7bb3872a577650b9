/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-arm-identity.h"
#include "bpg-service.h"

#define BPG_TYPE_REGISTRY (bpg_registry_get_type ())
G_DECLARE_FINAL_TYPE (BpgRegistry, bpg_registry, BPG, REGISTRY, GObject)

/* One prosthesis that was seen here. */
typedef struct {
  const char *device_id;
  const char *fingerprint;
  const char *patient; /* pseudonym, empty when not bound here */
  const char *side;
  const char *hardware;
} BpgRegistryRow;

typedef void (*BpgRegistryRowFunc) (const BpgRegistryRow *row, gpointer user_data);
typedef void (*BpgRegistryPortFunc) (const char *path, guint baud, gpointer user_data);

/* A binding that Records1 has not written down yet. */
typedef void (*BpgRegistryDebtFunc) (const char *device_id, const char *fingerprint, const char *patient, const char *side,
                                     gboolean bound, gpointer user_data);

/**
 * bpg_registry_new:
 *
 * What the daemon remembers: which deviceId has which key, who is bound to whom, which lines were added. Everything is
 * on the disk when a function returns %TRUE.
 */
BpgRegistry *bpg_registry_new (BpgService *service, GError **error);

/**
 * bpg_registry_admit:
 * @identity: of an arm that has just proved its key
 *
 * Compares it with what is remembered of its deviceId, and remembers it the first time. Errors: WrongProsthesis (that
 * deviceId has another key).
 */
gboolean bpg_registry_admit (BpgRegistry *self, const BpgArmIdentity *identity, GError **error);

/**
 * bpg_registry_forget:
 *
 * Forgets which key belongs to @device_id, and its binding. Errors: NotFound, NoSpace, Failed.
 */
gboolean bpg_registry_forget (BpgRegistry *self, const char *device_id, GError **error);

/**
 * bpg_registry_get_connections:
 *
 * Returns: how often the arm was admitted, over all time.
 */
guint64 bpg_registry_get_connections (BpgRegistry *self, const char *device_id);

/**
 * bpg_registry_dup_patient:
 *
 * Returns: (transfer full): the patient it is bound to, by what is remembered; empty when to none.
 */
char *bpg_registry_dup_patient (BpgRegistry *self, const char *device_id);

/**
 * bpg_registry_set_binding:
 * @patient: pseudonym; empty when it was unbound from @former
 * @former: (nullable): the patient it was unbound from
 *
 * Remembers the binding, and that Records1 has to be told.
 */
gboolean bpg_registry_set_binding (BpgRegistry *self, const char *device_id, const char *patient, const char *side,
                                   const char *former, GError **error);

/**
 * bpg_registry_pay_debt:
 *
 * Records1 has written down what there was of this arm.
 */
gboolean bpg_registry_pay_debt (BpgRegistry *self, const char *device_id, const char *patient, GError **error);

/**
 * bpg_registry_foreach_debt:
 *
 * The newest of an arm comes first. @func may pay.
 */
void bpg_registry_foreach_debt (BpgRegistry *self, BpgRegistryDebtFunc func, gpointer user_data);

void bpg_registry_foreach (BpgRegistry *self, BpgRegistryRowFunc func, gpointer user_data);

gboolean bpg_registry_add_port (BpgRegistry *self, const char *path, guint baud, GError **error);
gboolean bpg_registry_remove_port (BpgRegistry *self, const char *path, GError **error);
void bpg_registry_foreach_port (BpgRegistry *self, BpgRegistryPortFunc func, gpointer user_data);
