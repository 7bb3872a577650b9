/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-bookkeeper.h"
#include "bpg-code.h"
#include "bpg-prosthesis.h"

#define BPG_TYPE_BINDING (bpg_binding_get_type ())
G_DECLARE_FINAL_TYPE (BpgBinding, bpg_binding, BPG, BINDING, GObject)

/**
 * bpg_binding_start_bind:
 * @job: kind `bind`; ended by this object exactly once
 * @code: (transfer full): the QR code that was scanned
 * @patient: an object of Records1
 * @timeout: seconds to wait for the person at the arm
 *
 * Binds the prosthesis: compares the code, challenges the arm, asks Records1 for the patient and Update1 for the
 * clinic's key, asks the arm, waits for the button, writes it down.
 *
 * Signal "done": the job has ended; the object is of no more use.
 */
BpgBinding *bpg_binding_start_bind (BpgProsthesis *prosthesis, BpgBookkeeper *bookkeeper, BpgJob *job, BpgCode *code,
                                    const char *patient, const char *side, guint timeout);

/**
 * bpg_binding_start_unbind:
 * @job: kind `unbind`
 */
BpgBinding *bpg_binding_start_unbind (BpgProsthesis *prosthesis, BpgBookkeeper *bookkeeper, BpgJob *job, guint timeout);

/**
 * bpg_binding_resume:
 * @job: a job of the process before, with its payload
 *
 * Takes up a job that was cut off: once the arm is back, its state decides how the job ends.
 *
 * Returns: (nullable): %NULL when the arm had not been asked yet: there is nothing to take up.
 */
BpgBinding *bpg_binding_resume (BpgProsthesis *prosthesis, BpgBookkeeper *bookkeeper, BpgJob *job);
