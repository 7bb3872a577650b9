/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-archive.h"

#define BPG_TYPE_PATIENT (bpg_patient_get_type ())
G_DECLARE_FINAL_TYPE (BpgPatient, bpg_patient, BPG, PATIENT, GObject)

/**
 * bpg_patient_create:
 * @name: @reference: personal data, may be empty
 *
 * Writes a new patient into the index, under a random pseudonym, and exports it.
 *
 * Returns: (transfer full): the patient, or %NULL with NoSpace.
 */
BpgPatient *bpg_patient_create (BpgArchive *archive, const char *name, const char *reference, GError **error);

/**
 * bpg_patients_load:
 *
 * Returns: (transfer full) (element-type BpgPatient): every patient of the index, exported.
 */
GPtrArray *bpg_patients_load (BpgArchive *archive, GError **error);

/* The strings belong to the patient. */
const char *bpg_patient_get_id (BpgPatient *self);
const char *bpg_patient_get_path (BpgPatient *self);

/**
 * bpg_patient_bind:
 * @prosthesis: deviceId
 *
 * Writes down that @prosthesis is bound to this patient from now on. The same binding once more changes nothing.
 */
gboolean bpg_patient_bind (BpgPatient *self, const char *prosthesis, const char *fingerprint, const char *side,
                           GError **error);

/**
 * bpg_patient_unbind:
 *
 * Ends the binding to @prosthesis.
 *
 * Returns: %FALSE with NotFound when there is none.
 */
gboolean bpg_patient_unbind (BpgPatient *self, const char *prosthesis, GError **error);

/**
 * bpg_patient_is_bound:
 */
gboolean bpg_patient_is_bound (BpgPatient *self, const char *prosthesis);

/**
 * BpgPatientDeleteFunc:
 *
 * What Patient1.Delete calls once the caller has the right; it answers the call. Set with
 * bpg_patient_set_delete_func() by whoever can delete recordings as well.
 */
typedef void (*BpgPatientDeleteFunc) (BpgPatient *patient, GDBusMethodInvocation *invocation, gpointer user_data);
void bpg_patient_set_delete_func (BpgPatient *self, BpgPatientDeleteFunc func, gpointer user_data);

/**
 * bpg_patient_withdraw:
 *
 * Takes the patient off the bus after the rows were deleted.
 */
void bpg_patient_withdraw (BpgPatient *self);
