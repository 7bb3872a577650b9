/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <locale.h>

#include "lab.h"

int
main (int    argc,
      char **argv)
{
  setlocale (LC_CTYPE, "");
  return bpg_ctl_lab (argc - 1, argv + 1);
}
