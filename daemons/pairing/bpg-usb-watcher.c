/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-usb-watcher.h"

#include "bpg-log.h"

#include <gudev/gudev.h>
#include <string.h>

struct _BpgUsbWatcher {
  GObject parent_instance;

  GUdevClient *client;
  GStrv more;
  GHashTable *present; /* sysfs path -> device path */
};

G_DEFINE_FINAL_TYPE (BpgUsbWatcher, bpg_usb_watcher, G_TYPE_OBJECT)

enum { SIGNAL_ADDED, SIGNAL_REMOVED, N_SIGNALS };
static guint signals[N_SIGNALS];

/* What arms are on USB: Espressif's USB-Serial-JTAG, and its CDC-ACM device of the ROM and of TinyUSB. */
static const char *const kinds[] = {"303a:1001", "303a:0002", "303a:4001", NULL};

static void
bpg_usb_watcher_finalize (GObject *object)
{
  BpgUsbWatcher *self = BPG_USB_WATCHER (object);

  g_clear_object (&self->client);
  g_strfreev (self->more);
  g_hash_table_unref (self->present);
  G_OBJECT_CLASS (bpg_usb_watcher_parent_class)->finalize (object);
}

static void
bpg_usb_watcher_class_init (BpgUsbWatcherClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = bpg_usb_watcher_finalize;
  signals[SIGNAL_ADDED] = g_signal_new ("added", BPG_TYPE_USB_WATCHER, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                        G_TYPE_NONE, 1, G_TYPE_STRING);
  signals[SIGNAL_REMOVED] = g_signal_new ("removed", BPG_TYPE_USB_WATCHER, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                          G_TYPE_NONE, 1, G_TYPE_STRING);
}

static void
bpg_usb_watcher_init (BpgUsbWatcher *self)
{
  self->present = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
}

static gboolean
is_serial_name (const char *name)
{
  return name != NULL && (g_str_has_prefix (name, "ttyACM") || g_str_has_prefix (name, "ttyUSB"));
}

/* "vvvv:pppp" of the USB device behind it, NULL when there is none. */
static char *
find_kind (GUdevDevice *device)
{
  g_autoptr (GUdevDevice) usb = g_udev_device_get_parent_with_subsystem (device, "usb", "usb_device");
  const char *vendor = usb != NULL ? g_udev_device_get_sysfs_attr (usb, "idVendor") : NULL;
  const char *product = usb != NULL ? g_udev_device_get_sysfs_attr (usb, "idProduct") : NULL;
  g_autofree char *kind = NULL;

  if (vendor == NULL || product == NULL)
    return NULL;
  kind = g_strdup_printf ("%s:%s", vendor, product);
  return g_ascii_strdown (kind, -1);
}

static gboolean
is_arm (BpgUsbWatcher *self, GUdevDevice *device)
{
  g_autofree char *kind = NULL;

  if (!is_serial_name (g_udev_device_get_name (device)) || g_udev_device_get_device_file (device) == NULL)
    return FALSE;
  kind = find_kind (device);
  if (kind == NULL)
    return FALSE;
  return g_strv_contains (kinds, kind) ||
         (self->more != NULL && g_strv_contains ((const char *const *) self->more, kind));
}

static void
add (BpgUsbWatcher *self, GUdevDevice *device)
{
  const char *sysfs = g_udev_device_get_sysfs_path (device);
  const char *path = g_udev_device_get_device_file (device);

  if (g_hash_table_contains (self->present, sysfs) || !is_arm (self, device))
    return;
  g_hash_table_insert (self->present, g_strdup (sysfs), g_strdup (path));
  bpg_debug (path, "plugged in");
  g_signal_emit (self, signals[SIGNAL_ADDED], 0, path);
}

static void
drop (BpgUsbWatcher *self, GUdevDevice *device)
{
  g_autofree char *sysfs = NULL;
  g_autofree char *path = NULL;

  if (!g_hash_table_steal_extended (self->present, g_udev_device_get_sysfs_path (device), (gpointer *) &sysfs,
                                    (gpointer *) &path))
    return;
  bpg_debug (path, "unplugged");
  g_signal_emit (self, signals[SIGNAL_REMOVED], 0, path);
}

static void
on_uevent (GUdevClient *client, const char *action, GUdevDevice *device, gpointer user_data)
{
  BpgUsbWatcher *self = BPG_USB_WATCHER (user_data);

  if (g_str_equal (action, "remove"))
    drop (self, device);
  else if (g_str_equal (action, "add") || g_str_equal (action, "change"))
    add (self, device);
}

gboolean
bpg_usb_watcher_is_kind (const char *kind)
{
  if (strlen (kind) != 9 || kind[4] != ':')
    return FALSE;
  for (guint i = 0; i < 9; i++) {
    if (i != 4 && !g_ascii_isxdigit (kind[i]))
      return FALSE;
  }
  return TRUE;
}

BpgUsbWatcher *
bpg_usb_watcher_new (const char *const *more)
{
  static const char *const subsystems[] = {"tty", NULL};
  BpgUsbWatcher *self = g_object_new (BPG_TYPE_USB_WATCHER, NULL);

  self->more = g_strdupv ((GStrv) more);
  for (guint i = 0; self->more != NULL && self->more[i] != NULL; i++) {
    char *lower = g_ascii_strdown (self->more[i], -1);

    g_free (self->more[i]);
    self->more[i] = lower;
  }
  self->client = g_udev_client_new (subsystems);
  g_signal_connect_object (self->client, "uevent", G_CALLBACK (on_uevent), self, 0);
  return self;
}

void
bpg_usb_watcher_start (BpgUsbWatcher *self)
{
  GList *devices = g_udev_client_query_by_subsystem (self->client, "tty");

  for (GList *l = devices; l != NULL; l = l->next)
    add (self, l->data);
  g_list_free_full (devices, g_object_unref);
}
