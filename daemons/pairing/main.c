/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-pairing.h"

int
main (int argc, char **argv)
{
  return bpg_service_main (bpg_pairing_get_info (), argc, argv);
}
