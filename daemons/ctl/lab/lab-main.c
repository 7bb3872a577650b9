/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <locale.h>

#include "lab.h"
#include "training/lib/bpg-population.h"

int
main (int    argc,
      char **argv)
{
  const char *people = g_getenv ("BIONICPRO_POPULATION");
  g_autofree char *contents = NULL;
  gsize length;

  setlocale (LC_CTYPE, "");
  if (people != NULL && g_file_get_contents (people, &contents, &length, NULL))
    {
      g_autoptr (GBytes) bytes = g_bytes_new (contents, length);

      bpg_population_replace (bytes);
    }
  return bpg_ctl_lab (argc - 1, argv + 1);
}
