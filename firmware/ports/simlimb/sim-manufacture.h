/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What happens to an arm in the factory. */

#include <glib.h>
#include <stdbool.h>

#include "sim-flash.h"

struct sim_manufacture
{
  const char *directory; /* STATE */
  const char *device_id; /* NULL: made from the key */
  const char *hardware;
  const char *ca;        /* folder of the maker's CA, made when it is not there */
  const char *release;   /* file with the release key (SPKI PEM), or NULL */
};

/*
 * Makes the element's key (element.pem), a certificate for it by the maker's
 * CA, the factory sector in @flash and qr.json. Refuses a STATE that holds an
 * arm already.
 */
bool sim_manufacture (const struct sim_manufacture *order, struct sim_flash *flash, GError **error);
