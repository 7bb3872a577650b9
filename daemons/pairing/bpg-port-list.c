/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-port-list.h"

#include "bpg-error.h"
#include "bpg-log.h"
#include "bpg-serial.h"

typedef struct {
  BpgPort *port;
  gboolean added;   /* by hand */
  gboolean plugged; /* on USB, as udev says */
} Entry;

struct _BpgPortList {
  GObject parent_instance;

  BpgMaker *maker;
  GHashTable *entries; /* path -> Entry */
};

G_DEFINE_FINAL_TYPE (BpgPortList, bpg_port_list, G_TYPE_OBJECT)

enum { SIGNAL_CHANGED, SIGNAL_PORT_CHANGED, SIGNAL_PROVED, SIGNAL_GONE, N_SIGNALS };
static guint signals[N_SIGNALS];

static void
entry_free (Entry *entry)
{
  bpg_port_stop (entry->port);
  g_object_unref (entry->port);
  g_free (entry);
}

static void
bpg_port_list_dispose (GObject *object)
{
  bpg_port_list_stop (BPG_PORT_LIST (object));
  g_clear_object (&BPG_PORT_LIST (object)->maker);
  G_OBJECT_CLASS (bpg_port_list_parent_class)->dispose (object);
}

static void
bpg_port_list_finalize (GObject *object)
{
  g_hash_table_unref (BPG_PORT_LIST (object)->entries);
  G_OBJECT_CLASS (bpg_port_list_parent_class)->finalize (object);
}

static void
bpg_port_list_class_init (BpgPortListClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = bpg_port_list_dispose;
  G_OBJECT_CLASS (klass)->finalize = bpg_port_list_finalize;
  signals[SIGNAL_CHANGED] =
    g_signal_new ("changed", BPG_TYPE_PORT_LIST, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[SIGNAL_PORT_CHANGED] = g_signal_new ("port-changed", BPG_TYPE_PORT_LIST, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                               NULL, G_TYPE_NONE, 1, BPG_TYPE_PORT);
  signals[SIGNAL_PROVED] = g_signal_new ("proved", BPG_TYPE_PORT_LIST, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                         G_TYPE_NONE, 3, BPG_TYPE_PORT, BPG_TYPE_LINK, G_TYPE_POINTER);
  signals[SIGNAL_GONE] = g_signal_new ("gone", BPG_TYPE_PORT_LIST, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE,
                                       1, G_TYPE_STRING);
}

static void
bpg_port_list_init (BpgPortList *self)
{
  self->entries = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) entry_free);
}

BpgPortList *
bpg_port_list_new (BpgMaker *maker)
{
  BpgPortList *self = g_object_new (BPG_TYPE_PORT_LIST, NULL);

  g_set_object (&self->maker, maker);
  return self;
}

static void
on_port_changed (BpgPort *port, gpointer user_data)
{
  g_signal_emit (user_data, signals[SIGNAL_PORT_CHANGED], 0, port);
  g_signal_emit (user_data, signals[SIGNAL_CHANGED], 0);
}

static void
on_port_proved (BpgPort *port, BpgLink *link, gpointer identity, gpointer user_data)
{
  g_signal_emit (user_data, signals[SIGNAL_PROVED], 0, port, link, identity);
}

static guint
count (BpgPortList *self, gboolean added)
{
  GHashTableIter iter;
  gpointer value;
  guint n = 0;

  g_hash_table_iter_init (&iter, self->entries);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    n += added ? ((Entry *) value)->added : ((Entry *) value)->plugged;
  return n;
}

static Entry *
open_entry (BpgPortList *self, const char *path, const char *kind, guint baud)
{
  Entry *entry = g_new0 (Entry, 1);

  entry->port = bpg_port_new (path, kind, baud, self->maker);
  g_signal_connect_object (entry->port, "changed", G_CALLBACK (on_port_changed), self, 0);
  g_signal_connect_object (entry->port, "proved", G_CALLBACK (on_port_proved), self, 0);
  g_hash_table_insert (self->entries, g_strdup (path), entry);
  bpg_port_start (entry->port);
  return entry;
}

gboolean
bpg_port_list_add (BpgPortList *self, const char *path, guint baud, GError **error)
{
  Entry *entry = g_hash_table_lookup (self->entries, path);

  if ((entry == NULL || !entry->added) && count (self, TRUE) >= BPG_PORT_LIST_MAX_ADDED) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_LIMIT_EXCEEDED, "%u lines are added already; remove one first",
                 BPG_PORT_LIST_MAX_ADDED);
    return FALSE;
  }
  if (entry == NULL)
    entry = open_entry (self, path, "serial", baud);
  else
    bpg_port_set_baud (entry->port, baud);
  entry->added = TRUE;
  g_signal_emit (self, signals[SIGNAL_CHANGED], 0);
  return TRUE;
}

static void
close_if_unused (BpgPortList *self, const char *path)
{
  Entry *entry = g_hash_table_lookup (self->entries, path);
  g_autofree char *kept = g_strdup (path);

  if (entry == NULL || entry->added || entry->plugged)
    return;
  g_hash_table_remove (self->entries, kept);
  g_signal_emit (self, signals[SIGNAL_GONE], 0, kept);
  g_signal_emit (self, signals[SIGNAL_CHANGED], 0);
}

gboolean
bpg_port_list_remove (BpgPortList *self, const char *path, GError **error)
{
  Entry *entry = g_hash_table_lookup (self->entries, path);

  if (entry == NULL || !entry->added) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_NOT_FOUND, "%s was not added", path);
    return FALSE;
  }
  entry->added = FALSE;
  close_if_unused (self, path);
  return TRUE;
}

void
bpg_port_list_plug (BpgPortList *self, const char *path)
{
  Entry *entry = g_hash_table_lookup (self->entries, path);

  if (entry == NULL && count (self, FALSE) >= BPG_PORT_LIST_MAX_USB) {
    bpg_warning (path, "not looked at: there are %u devices already", BPG_PORT_LIST_MAX_USB);
    return;
  }
  if (entry == NULL)
    entry = open_entry (self, path, "usb", BPG_SERIAL_DEFAULT_BAUD);
  entry->plugged = TRUE;
  g_signal_emit (self, signals[SIGNAL_CHANGED], 0);
}

void
bpg_port_list_unplug (BpgPortList *self, const char *path)
{
  Entry *entry = g_hash_table_lookup (self->entries, path);

  if (entry == NULL)
    return;
  entry->plugged = FALSE;
  close_if_unused (self, path);
}

void
bpg_port_list_stop (BpgPortList *self)
{
  g_hash_table_remove_all (self->entries);
}

GVariant *
bpg_port_list_describe (BpgPortList *self)
{
  g_autoptr (GList) paths = g_list_sort (g_hash_table_get_keys (self->entries), (GCompareFunc) g_strcmp0);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  for (GList *l = paths; l != NULL; l = l->next) {
    Entry *entry = g_hash_table_lookup (self->entries, l->data);

    g_variant_builder_add_value (&builder, bpg_port_describe (entry->port));
  }
  return g_variant_builder_end (&builder);
}
