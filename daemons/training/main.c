/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-trainingd.h"

int
main (int argc, char **argv)
{
  return bpg_service_main (bpg_trainingd_info (), argc, argv);
}
