/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The options of a method, as any caller on the bus may send them. */
#include <stdint.h>

#include "bpg-error.h"
#include "bpg-options.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
parse (GVariant *options)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) words = NULL, paths = NULL;
  g_autofree char *text = NULL, *path = NULL;
  g_autoptr (GVariant) other = NULL;
  gboolean flag = FALSE;
  guint8 byte = 0;
  gint32 number = 0;
  guint32 count = 1;
  guint64 large = 0;
  double real = 0;
  const BpgOption table[] = {
    {"b", "b", &flag},       {"y", "y", &byte, 0, 9},       {"i", "i", &number, -5, 5},  {"u", "u", &count, 1, 20},
    {"t", "t", &large},      {"d", "d", &real, 0.5, 30},    {"s", "s", &text, 0, 16},    {"o", "o", &path},
    {"as", "as", &words, 1, 4}, {"ao", "ao", &paths, 1, 4}, {"v", "a{sd}", &other},      {NULL},
  };

  if (bpg_options_parse (options, table, &error)) {
    g_assert_cmpuint (count, >=, 1);
    g_assert_cmpuint (count, <=, 20);
    g_assert_true (real == 0 || (real >= 0.5 && real <= 30));
  } else
    g_assert_true (error->domain == BPG_ERROR);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  /* The bus hands out values in normal form only. */
  g_autoptr (GBytes) bytes = g_bytes_new (data, size);
  g_autoptr (GVariant) raw = g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE_VARDICT, bytes, FALSE));
  g_autoptr (GVariant) options = g_variant_get_normal_form (raw);
  g_autoptr (GError) error = NULL;

  parse (options);
  bpg_options_none (options, &error);
  return 0;
}
