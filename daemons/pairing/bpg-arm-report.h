/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-arm-identity.h"
#include "bpg-dbus.h"

/* From the arm's replies (hostile) to the properties of org.bionicpro.Prosthesis1. Corrupt when a reply is not the
 * message it should be, or says what cannot be; no property is touched then. */

/**
 * bpg_arm_report_status:
 * @uptime: (out): ms since the arm was started
 */
gboolean bpg_arm_report_status (GBytes *payload, BpgDBusProsthesis1 *skeleton, guint64 *uptime, GError **error);

gboolean bpg_arm_report_parameters (GBytes *payload, BpgDBusProsthesis1 *skeleton, GError **error);

void bpg_arm_report_identity (const BpgArmIdentity *identity, BpgDBusProsthesis1 *skeleton);
