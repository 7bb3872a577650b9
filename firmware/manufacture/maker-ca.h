/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The maker's CA: maker-key.pem and maker-ca.pem in a folder. */

#include "manufacture/maker-key.h"

/*
 * The certificate (DER) of an arm's key, signed by the CA in @folder, which is
 * made when it is not there.
 */
GBytes *bpg_maker_ca_issue (const char *folder, const char *device_id, GBytes *spki,
                            GError **error);
