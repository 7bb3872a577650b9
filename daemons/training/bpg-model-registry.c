/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-model-registry.h"

#include "bpg-file.h"
#include "bpg-log.h"

#include <errno.h>
#include <unistd.h>

#define MOST_MODELS 4096

struct _BpgModelRegistry {
  GObject parent_instance;

  BpgService *service;
  BpgStore *store;
  char *folder;
  GHashTable *entries; /* hash -> BpgModelEntry */
};

G_DEFINE_FINAL_TYPE (BpgModelRegistry, bpg_model_registry, G_TYPE_OBJECT)

enum { SIGNAL_ADDED, N_SIGNALS };

static guint signals[N_SIGNALS];

static const char *const migrations[] = {
  "CREATE TABLE model (hash TEXT PRIMARY KEY, digest TEXT NOT NULL, prosthesis TEXT NOT NULL, patient TEXT NOT NULL,"
  " state TEXT NOT NULL, created INTEGER NOT NULL, parent TEXT NOT NULL, size INTEGER NOT NULL, rate INTEGER NOT NULL,"
  " channels INTEGER NOT NULL, window INTEGER NOT NULL, hop INTEGER NOT NULL, movements TEXT NOT NULL,"
  " recordings TEXT NOT NULL, evaluation TEXT NOT NULL, note TEXT NOT NULL) WITHOUT ROWID;",
};

static void
bpg_model_registry_finalize (GObject *object)
{
  BpgModelRegistry *self = BPG_MODEL_REGISTRY (object);

  g_hash_table_unref (self->entries);
  g_clear_object (&self->store);
  g_clear_object (&self->service);
  g_free (self->folder);
  G_OBJECT_CLASS (bpg_model_registry_parent_class)->finalize (object);
}

static void
bpg_model_registry_class_init (BpgModelRegistryClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = bpg_model_registry_finalize;
  signals[SIGNAL_ADDED] =
    g_signal_new ("added", BPG_TYPE_MODEL_REGISTRY, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
bpg_model_registry_init (BpgModelRegistry *self)
{
  self->entries = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_object_unref);
}

static char *
file_of (BpgModelRegistry *self, const char *hash)
{
  g_autofree char *name = g_strconcat (hash, ".bpm", NULL);

  return g_build_filename (self->folder, name, NULL);
}

/* The row goes first: a file without a row is only space, a row without a file would be a broken promise. */
static gboolean
on_deleted (BpgModelEntry *entry, GError **error, gpointer user_data)
{
  BpgModelRegistry *self = user_data;
  g_autofree char *hash = g_strdup (bpg_model_entry_get_hash (entry));

  if (!bpg_store_run (self->store, error, "DELETE FROM model WHERE hash = ?", "s", hash))
    return FALSE;
  if (unlink (bpg_model_entry_get_file (entry)) < 0 && errno != ENOENT)
    bpg_warning (bpg_model_entry_get_path (entry), "its file could not be deleted: %s", g_strerror (errno));
  bpg_model_entry_close (entry);
  g_hash_table_remove (self->entries, hash);
  return TRUE;
}

static BpgModelEntry *
export_row (BpgModelRegistry *self, const BpgModelRow *row)
{
  g_autofree char *file = file_of (self, row->hash);
  BpgModelEntry *entry = bpg_model_entry_new (self->service, row, file);

  g_signal_connect_object (entry, "deleted", G_CALLBACK (on_deleted), self, 0);
  g_hash_table_insert (self->entries, g_strdup (row->hash), entry);
  return entry;
}

static GVariant *
parse_column (sqlite3_stmt *statement, int column, const char *type)
{
  const char *text = (const char *) sqlite3_column_text (statement, column);
  GVariant *value = text != NULL ? g_variant_parse (G_VARIANT_TYPE (type), text, NULL, NULL, NULL) : NULL;

  if (value != NULL)
    return value;
  return g_variant_ref_sink (g_variant_new_array (g_variant_type_element (G_VARIANT_TYPE (type)), NULL, 0));
}

static void
load_row (BpgModelRegistry *self, sqlite3_stmt *statement)
{
  g_autoptr (GVariant) names = parse_column (statement, 12, "as");
  g_autofree const char **movements = g_variant_get_strv (names, NULL);
  g_autoptr (GVariant) recordings = parse_column (statement, 13, "ao");
  g_autoptr (GVariant) evaluation = parse_column (statement, 14, "a{sv}");
  BpgModelRow row = {
    .hash = (const char *) sqlite3_column_text (statement, 0),
    .digest = (const char *) sqlite3_column_text (statement, 1),
    .prosthesis = (const char *) sqlite3_column_text (statement, 2),
    .patient = (const char *) sqlite3_column_text (statement, 3),
    .state = (const char *) sqlite3_column_text (statement, 4),
    .created = (guint64) sqlite3_column_int64 (statement, 5),
    .parent = (const char *) sqlite3_column_text (statement, 6),
    .size = (guint) sqlite3_column_int64 (statement, 7),
    .rate = (guint) sqlite3_column_int64 (statement, 8),
    .channels = (guint) sqlite3_column_int64 (statement, 9),
    .window = (guint) sqlite3_column_int64 (statement, 10),
    .hop = (guint) sqlite3_column_int64 (statement, 11),
    .movements = movements,
    .recordings = recordings,
    .evaluation = evaluation,
    .note = (const char *) sqlite3_column_text (statement, 15),
  };

  export_row (self, &row);
}

static gboolean
load (BpgModelRegistry *self, GError **error)
{
  g_autoptr (sqlite3_stmt) statement =
    bpg_store_prepare (self->store, error,
                       "SELECT hash, digest, prosthesis, patient, state, created, parent, size, rate, channels, window,"
                       " hop, movements, recordings, evaluation, note FROM model",
                       "");
  int more = -1;

  while (statement != NULL && (more = bpg_store_step (self->store, statement, error)) > 0)
    load_row (self, statement);
  return statement != NULL && more == 0;
}

BpgModelRegistry *
bpg_model_registry_new (BpgService *service, GError **error)
{
  g_autoptr (BpgModelRegistry) self = g_object_new (BPG_TYPE_MODEL_REGISTRY, NULL);

  self->service = g_object_ref (service);
  self->folder = g_build_filename (bpg_service_get_state_dir (service), "models", NULL);
  self->store = bpg_service_open_store (service, "models.db", migrations, G_N_ELEMENTS (migrations), error);
  if (self->store == NULL || !bpg_file_ensure_folder (self->folder, error) || !load (self, error))
    return NULL;
  return g_steal_pointer (&self);
}

BpgModelEntry *
bpg_model_registry_find_hash (BpgModelRegistry *self, const char *hash)
{
  GHashTableIter iter;
  gpointer entry = g_hash_table_lookup (self->entries, hash);

  if (entry != NULL)
    return entry;
  g_hash_table_iter_init (&iter, self->entries);
  while (g_hash_table_iter_next (&iter, NULL, &entry)) {
    if (g_str_equal (bpg_model_entry_get_digest (entry), hash))
      return entry;
  }
  return NULL;
}

BpgModelEntry *
bpg_model_registry_find_path (BpgModelRegistry *self, const char *path)
{
  GHashTableIter iter;
  gpointer entry;

  g_hash_table_iter_init (&iter, self->entries);
  while (g_hash_table_iter_next (&iter, NULL, &entry)) {
    if (g_str_equal (bpg_model_entry_get_path (entry), path))
      return entry;
  }
  return NULL;
}

gboolean
bpg_model_registry_has_seen (BpgModelRegistry *self, BpgModelEntry *entry, const char *recording)
{
  /* The bound is for a registry whose file was tampered with into a circle. */
  for (guint i = 0; entry != NULL && i < MOST_MODELS; i++) {
    if (bpg_model_entry_has_recording (entry, recording))
      return TRUE;
    entry = bpg_model_registry_find_hash (self, bpg_model_entry_get_parent (entry));
  }
  return FALSE;
}

/* A model on its way into the registry. */
typedef struct {
  BpgModel *model;
  char *file;
  char *prosthesis;
  char *patient;
  char *state;
  char *parent;
  char *note;
  GVariant *recordings;
  GVariant *evaluation;
} Addition;

static void
addition_free (Addition *addition)
{
  g_object_unref (addition->model);
  g_free (addition->file);
  g_free (addition->prosthesis);
  g_free (addition->patient);
  g_free (addition->state);
  g_free (addition->parent);
  g_free (addition->note);
  g_variant_unref (addition->recordings);
  g_variant_unref (addition->evaluation);
  g_free (addition);
}

static char *
hex_of (const uint8_t *digest)
{
  GString *text = g_string_sized_new (2 * BPG_BPM_DIGEST_LENGTH);

  for (guint i = 0; i < BPG_BPM_DIGEST_LENGTH; i++)
    g_string_append_printf (text, "%02x", digest[i]);
  return g_string_free (text, FALSE);
}

static gboolean
insert (BpgModelRegistry *self, const BpgModelRow *row, GError **error)
{
  g_autoptr (GVariant) names = g_variant_ref_sink (g_variant_new_strv (row->movements, -1));
  g_autofree char *movements = g_variant_print (names, TRUE);
  g_autofree char *recordings = g_variant_print (row->recordings, TRUE);
  g_autofree char *evaluation = g_variant_print (row->evaluation, TRUE);

  return bpg_store_run (self->store, error,
                        "INSERT INTO model (hash, digest, prosthesis, patient, state, created, parent, size, rate,"
                        " channels, window, hop, movements, recordings, evaluation, note)"
                        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                        "ssssstsuuuuussss", row->hash, row->digest, row->prosthesis, row->patient, row->state,
                        row->created, row->parent, row->size, row->rate, row->channels, row->window, row->hop, movements,
                        recordings, evaluation, row->note);
}

/* Names travel on the bus, which carries only UTF-8. */
static gboolean
check_names (const struct bpg_bpm *bpm, GError **error)
{
  for (guint i = 0; i < bpm->movements; i++) {
    if (!g_utf8_validate (bpg_bpm_name (bpm, i), -1, NULL)) {
      g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, "The name of movement %u is not text", i);
      return FALSE;
    }
  }
  return TRUE;
}

static BpgModelEntry *
enter (BpgModelRegistry *self, const Addition *addition, GError **error)
{
  const struct bpg_bpm *bpm = bpg_model_get_bpm (addition->model);
  g_autofree char *digest = hex_of (bpm->digest);
  g_autofree const char **movements = g_new0 (const char *, bpm->movements + 1);
  BpgModelRow row = {
    .hash = bpg_model_get_hash (addition->model),
    .digest = digest,
    .prosthesis = addition->prosthesis,
    .patient = addition->patient,
    .state = addition->state,
    .created = bpm->created_us,
    .parent = addition->parent,
    .size = (guint) bpm->length,
    .rate = bpm->rate,
    .channels = bpm->channels,
    .window = bpm->window,
    .hop = bpm->hop,
    .movements = movements,
    .recordings = addition->recordings,
    .evaluation = addition->evaluation,
    .note = addition->note,
  };

  movements[0] = bpg_bpm_name (bpm, bpm->rest);
  for (guint i = 0, n = 1; i < bpm->movements; i++) {
    if (i != bpm->rest)
      movements[n++] = bpg_bpm_name (bpm, i);
  }
  return check_names (bpm, error) && insert (self, &row, error) ? export_row (self, &row) : NULL;
}

static void
write_in_worker (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  Addition *addition = task_data;
  GBytes *bytes = bpg_model_get_bytes (addition->model);
  GError *error = NULL;

  if (bpg_file_write_durable (addition->file, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), 0600, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
on_written (GObject *source, GAsyncResult *result, gpointer user_data)
{
  BpgModelRegistry *self = BPG_MODEL_REGISTRY (source);
  g_autoptr (GTask) task = user_data;
  Addition *addition = g_task_get_task_data (task);
  BpgModelEntry *entry = NULL;
  GError *error = NULL;

  if (g_task_propagate_boolean (G_TASK (result), &error)) {
    entry = g_hash_table_lookup (self->entries, bpg_model_get_hash (addition->model));
    if (entry == NULL)
      entry = enter (self, addition, &error);
  }
  if (entry == NULL)
    g_task_return_error (task, bpg_error_convert (error, "Keeping the model"));
  else
    g_task_return_pointer (task, g_object_ref (entry), g_object_unref);
  if (entry != NULL)
    g_signal_emit (self, signals[SIGNAL_ADDED], 0);
}

void
bpg_model_registry_add_async (BpgModelRegistry *self, BpgModel *model, const BpgModelOrigin *origin,
                              GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  g_autoptr (GTask) writing = NULL;
  Addition *addition = g_new0 (Addition, 1);

  g_task_set_source_tag (task, bpg_model_registry_add_async);
  addition->model = g_object_ref (model);
  addition->file = file_of (self, bpg_model_get_hash (model));
  addition->prosthesis = g_strdup (origin->prosthesis);
  addition->patient = g_strdup (origin->patient);
  addition->state = g_strdup (origin->state);
  addition->parent = g_strdup (origin->parent != NULL ? origin->parent : "");
  addition->note = g_strdup (origin->note != NULL ? origin->note : "");
  addition->recordings = g_variant_ref_sink (origin->recordings != NULL ? origin->recordings : g_variant_new ("ao", NULL));
  addition->evaluation =
    g_variant_ref_sink (origin->evaluation != NULL ? origin->evaluation : g_variant_new ("a{sv}", NULL));
  g_task_set_task_data (task, addition, (GDestroyNotify) addition_free);
  if (g_hash_table_size (self->entries) >= MOST_MODELS) {
    g_task_return_new_error (task, BPG_ERROR, BPG_ERROR_LIMIT_EXCEEDED, "There are %d models; delete old ones", MOST_MODELS);
    return;
  }

  writing = g_task_new (self, cancellable, on_written, g_object_ref (task));
  g_task_set_source_tag (writing, bpg_model_registry_add_async);
  g_task_set_task_data (writing, addition, NULL);
  g_task_run_in_thread (writing, write_in_worker);
}

BpgModelEntry *
bpg_model_registry_add_finish (BpgModelRegistry *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
