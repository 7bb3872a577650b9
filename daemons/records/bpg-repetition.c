/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-repetition.h"

#include "bpg-error.h"
#include "bpg-file.h"
#include "bpg-options.h"

#include <glib/gstdio.h>
#include <string.h>

#define HEX "0123456789abcdef"

BpgRepetition *
bpg_repetition_new (void)
{
  BpgRepetition *self = g_new0 (BpgRepetition, 1);

  self->lost = g_variant_ref_sink (g_variant_new ("a(tt)", NULL));
  self->clock = g_variant_ref_sink (g_variant_new ("a(ttt)", NULL));
  self->verdict = g_variant_ref_sink (g_variant_new ("a{sv}", NULL));
  return self;
}

void
bpg_repetition_free (BpgRepetition *self)
{
  g_free (self->movement);
  g_variant_unref (self->lost);
  g_variant_unref (self->clock);
  g_variant_unref (self->verdict);
  g_free (self->file);
  g_free (self->digest);
  g_free (self);
}

gboolean
bpg_repetition_check (const BpgRepetition *self, GError **error)
{
  GVariantIter iter;
  guint64 start, count;

  if (self->movement == NULL || self->movement[0] == '\0' || strlen (self->movement) > BPG_MOVEMENT_NAME_MAX) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "A movement's name has 1 to %u bytes",
                 BPG_MOVEMENT_NAME_MAX);
    return FALSE;
  }
  if (self->count == 0 || self->count > BPG_RECORDING_MAX_BYTES / 2) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT,
                 "A repetition of %" G_GUINT64_FORMAT " samples cannot be kept", self->count);
    return FALSE;
  }
  if (self->repetition == 0) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "Repetitions are counted from 1");
    return FALSE;
  }

  g_variant_iter_init (&iter, self->lost);
  while (g_variant_iter_next (&iter, "(tt)", &start, &count))
    if (start > self->count || count > self->count - start) {
      g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "A gap lies outside the repetition");
      return FALSE;
    }
  return TRUE;
}

static gboolean
require (GVariant *details, const char *const *keys, GError **error)
{
  for (guint i = 0; keys[i] != NULL; i++) {
    g_autoptr (GVariant) value = g_variant_lookup_value (details, keys[i], NULL);

    if (value == NULL) {
      g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "'%s' is missing", keys[i]);
      return FALSE;
    }
  }
  return TRUE;
}

BpgRepetition *
bpg_repetition_parse (GVariant *details, gboolean *replaces, GError **error)
{
  static const char *const required[] = {"movement", "code", "repetition", "count", NULL};
  g_autoptr (BpgRepetition) self = bpg_repetition_new ();
  const BpgOption table[] = {
    {"movement", "s", &self->movement, 1, BPG_MOVEMENT_NAME_MAX},
    {"code", "y", &self->code},
    {"repetition", "u", &self->repetition, 1, 65535},
    {"count", "t", &self->count, 1, BPG_RECORDING_MAX_BYTES / 2},
    {"lost", "a(tt)", &self->lost, 0, BPG_MAX_GAPS},
    {"clock", "a(ttt)", &self->clock, 0, BPG_MAX_GAPS},
    {"verdict", "a{sv}", &self->verdict, 0, 64},
    {"replaces", "b", replaces},
    {NULL},
  };

  if (!bpg_options_parse (details, table, error) || !require (details, required, error) ||
      !bpg_repetition_check (self, error))
    return NULL;
  return g_steal_pointer (&self);
}

guint64
bpg_repetition_count_lost (const BpgRepetition *self)
{
  GVariantIter iter;
  guint64 start, count, sum = 0;

  g_variant_iter_init (&iter, self->lost);
  while (g_variant_iter_next (&iter, "(tt)", &start, &count))
    sum += count;
  return sum;
}

gboolean
bpg_repetition_write (BpgRepetition *self, BpgArchive *archive, const char *patient, GBytes *samples, GError **error)
{
  g_autofree char *file = bpg_archive_new_id (16, HEX);
  g_autofree char *path = g_build_filename (bpg_archive_get_folder (archive), file, NULL);
  g_autoptr (GBytes) stored = bpg_seal_close (bpg_archive_get_seal (archive), patient, samples, error);

  if (stored == NULL ||
      !bpg_file_write_durable (path, g_bytes_get_data (stored, NULL), g_bytes_get_size (stored), 0600, error))
    return FALSE;
  g_free (self->file);
  g_free (self->digest);
  self->file = g_steal_pointer (&file);
  self->digest = g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, stored);
  return TRUE;
}

static GBytes *
read_checked (const BpgRepetition *self, BpgArchive *archive, GError **error)
{
  g_autofree char *path = g_build_filename (bpg_archive_get_folder (archive), self->file, NULL);
  g_autoptr (GError) local = NULL;
  g_autoptr (GBytes) stored = bpg_file_read (path, BPG_RECORDING_MAX_BYTES + 4096, &local);
  g_autofree char *digest = stored != NULL ? g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, stored) : NULL;

  if (g_strcmp0 (digest, self->digest) == 0)
    return g_steal_pointer (&stored);
  g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, "The samples of %s, repetition %u, are %s", self->movement,
               self->repetition, stored != NULL ? "damaged" : local->message);
  return NULL;
}

GBytes *
bpg_repetition_read (const BpgRepetition *self, BpgArchive *archive, const char *patient, guint channels,
                     GError **error)
{
  g_autoptr (GBytes) stored = read_checked (self, archive, error);
  g_autoptr (GBytes) samples =
    stored != NULL ? bpg_seal_open (bpg_archive_get_seal (archive), patient, stored, error) : NULL;

  if (samples == NULL)
    return NULL;
  if (g_bytes_get_size (samples) != self->count * channels * 2) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, "The samples of %s, repetition %u, have the wrong length",
                 self->movement, self->repetition);
    return NULL;
  }
  return g_steal_pointer (&samples);
}

gboolean
bpg_repetition_store (const BpgRepetition *self, BpgStore *store, const char *recording, guint place, GError **error)
{
  g_autofree char *lost = g_variant_print (self->lost, TRUE);
  g_autofree char *clock = g_variant_print (self->clock, TRUE);
  g_autofree char *verdict = g_variant_print (self->verdict, TRUE);

  return bpg_store_run (store, error,
                        "INSERT OR REPLACE INTO repetition (recording, place, movement, code, repetition, count, lost,"
                        " clock, verdict, file, digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", "susuutsssss",
                        recording, place, self->movement, (guint) self->code, self->repetition, self->count, lost,
                        clock, verdict, self->file, self->digest);
}

static void
take_variant (GVariant **target, const char *type, const unsigned char *text)
{
  GVariant *value =
    text != NULL ? g_variant_parse (G_VARIANT_TYPE (type), (const char *) text, NULL, NULL, NULL) : NULL;

  if (value == NULL)
    return;
  g_variant_unref (*target);
  *target = value;
}

static BpgRepetition *
load_one (sqlite3_stmt *statement)
{
  BpgRepetition *self = bpg_repetition_new ();

  self->movement = g_strdup ((const char *) sqlite3_column_text (statement, 0));
  self->code = (guint8) sqlite3_column_int (statement, 1);
  self->repetition = (guint32) sqlite3_column_int64 (statement, 2);
  self->count = (guint64) sqlite3_column_int64 (statement, 3);
  take_variant (&self->lost, "a(tt)", sqlite3_column_text (statement, 4));
  take_variant (&self->clock, "a(ttt)", sqlite3_column_text (statement, 5));
  take_variant (&self->verdict, "a{sv}", sqlite3_column_text (statement, 6));
  self->file = g_strdup ((const char *) sqlite3_column_text (statement, 7));
  self->digest = g_strdup ((const char *) sqlite3_column_text (statement, 8));
  return self;
}

GPtrArray *
bpg_repetitions_load (BpgStore *store, const char *recording, GError **error)
{
  g_autoptr (GPtrArray) repetitions = g_ptr_array_new_with_free_func ((GDestroyNotify) bpg_repetition_free);
  g_autoptr (sqlite3_stmt) statement =
    bpg_store_prepare (store, error,
                       "SELECT movement, code, repetition, count, lost, clock, verdict, file, digest FROM repetition"
                       " WHERE recording = ? ORDER BY place", "s", recording);
  int more = -1;

  while (statement != NULL && (more = bpg_store_step (store, statement, error)) > 0)
    g_ptr_array_add (repetitions, load_one (statement));
  return more == 0 ? g_steal_pointer (&repetitions) : NULL;
}
