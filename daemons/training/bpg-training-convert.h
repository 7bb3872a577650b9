/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-error.h"

/**
 * bpg_training_convert:
 * @error: (transfer full): of the training library or any other domain
 *
 * Returns: (transfer full): the same in the gateway's domain.
 */
GError *bpg_training_convert (GError *error);
