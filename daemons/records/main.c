/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-records.h"

int
main (int argc, char **argv)
{
  return bpg_service_main (&bpg_records_info, argc, argv);
}
