/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-ctl.h"

int
main (int argc, char **argv)
{
  return bpg_ctl_main (argc, argv);
}
