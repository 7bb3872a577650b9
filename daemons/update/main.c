/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-update.h"

int
main (int argc, char **argv)
{
  return bpg_service_main (&bpg_update_info, argc, argv);
}
