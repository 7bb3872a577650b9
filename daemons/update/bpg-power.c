/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-power.h"

#include <string.h>

/* Returns: (transfer full): an attribute of a supply, empty when it has none. */
static char *
read_attribute (const char *supply, const char *name)
{
  g_autofree char *path = g_build_filename (supply, name, NULL);
  char *text = NULL;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return g_strdup ("");
  return g_strstrip (text);
}

static gboolean
attribute_is (const char *supply, const char *name, const char *value)
{
  g_autofree char *text = read_attribute (supply, name);

  return g_str_equal (text, value);
}

typedef struct {
  gboolean fed;
  gboolean discharging;
  gboolean has_battery;
  guint64 percent;
} Sum;

static void
look_at (Sum *sum, const char *supply)
{
  g_autofree char *capacity = NULL;
  guint64 percent;

  if (attribute_is (supply, "scope", "Device"))
    return;
  if (!attribute_is (supply, "type", "Battery")) {
    sum->fed = sum->fed || attribute_is (supply, "online", "1");
    return;
  }
  capacity = read_attribute (supply, "capacity");
  if (!g_ascii_string_to_unsigned (capacity, 10, 0, 100, &percent, NULL))
    return;
  sum->has_battery = TRUE;
  sum->percent = MAX (sum->percent, percent);
  sum->discharging = sum->discharging || attribute_is (supply, "status", "Discharging");
}

BpgPower
bpg_power_read (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  Sum sum = {FALSE};
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *supply = g_build_filename (folder, name, NULL);

    look_at (&sum, supply);
  }
  if (!sum.has_battery)
    return (BpgPower){FALSE, 100};
  return (BpgPower){sum.discharging && !sum.fed, (guint) sum.percent};
}
