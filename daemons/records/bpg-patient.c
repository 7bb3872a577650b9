/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-patient.h"

#include "bpg-dbus.h"
#include "bpg-error.h"
#include "bpg-method.h"
#include "bpg-names.h"
#include "bpg-options.h"
#include "bpg-path.h"

/* Without letters and digits that are taken for one another when read aloud. */
#define PSEUDONYM_ALPHABET "abcdefghjkmnpqrstuvwxyz23456789"
#define PSEUDONYM_LENGTH 10
#define MAX_NAME 256
#define MAX_REFERENCE 64

struct _BpgPatient {
  GObject parent_instance;

  BpgArchive *archive;
  BpgDBusPatient1 *skeleton;
  char *id;
  char *path;
  BpgPatientDeleteFunc delete_func;
  gpointer delete_data;
};

G_DEFINE_FINAL_TYPE (BpgPatient, bpg_patient, G_TYPE_OBJECT)

static void
bpg_patient_finalize (GObject *object)
{
  BpgPatient *self = BPG_PATIENT (object);

  g_clear_object (&self->skeleton);
  g_clear_object (&self->archive);
  g_free (self->id);
  g_free (self->path);
  G_OBJECT_CLASS (bpg_patient_parent_class)->finalize (object);
}

static void
bpg_patient_class_init (BpgPatientClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = bpg_patient_finalize;
}

static void
bpg_patient_init (BpgPatient *self)
{
}

static gboolean
publish_bindings (BpgPatient *self, GError **error)
{
  BpgStore *store = bpg_archive_get_store (self->archive);
  g_autoptr (GVariantBuilder) builder = g_variant_builder_new (G_VARIANT_TYPE ("aa{sv}"));
  g_autoptr (sqlite3_stmt) statement =
    bpg_store_prepare (store, error,
                       "SELECT prosthesis, fingerprint, side, since, until FROM binding WHERE patient = ?"
                       " ORDER BY number", "s", self->id);
  int more = -1;

  while (statement != NULL && (more = bpg_store_step (store, statement, error)) > 0) {
    static const char *const texts[] = {"prosthesis", "fingerprint", "side"};
    static const char *const times[] = {"since", "until"};

    g_variant_builder_open (builder, G_VARIANT_TYPE_VARDICT);
    for (int i = 0; i < 3; i++)
      g_variant_builder_add (builder, "{sv}", texts[i],
                             g_variant_new_string ((const char *) sqlite3_column_text (statement, i)));
    for (int i = 0; i < 2; i++)
      g_variant_builder_add (builder, "{sv}", times[i],
                             g_variant_new_uint64 ((guint64) sqlite3_column_int64 (statement, 3 + i)));
    g_variant_builder_close (builder);
  }
  if (more != 0)
    return FALSE;
  bpg_dbus_patient1_set_bindings (self->skeleton, g_variant_builder_end (builder));
  g_dbus_interface_skeleton_flush (G_DBUS_INTERFACE_SKELETON (self->skeleton));
  return TRUE;
}

/* Personal data is sealed as one piece, so that its parts tell nothing by their lengths alone. */
static GBytes *
seal_details (BpgArchive *archive, const char *id, const char *name, const char *reference, GError **error)
{
  g_autoptr (GVariant) details = g_variant_ref_sink (g_variant_new ("(ss)", name, reference));
  g_autoptr (GBytes) content = g_variant_get_data_as_bytes (details);

  return bpg_seal_close (bpg_archive_get_seal (archive), id, content, error);
}

static GVariant *
open_details (BpgPatient *self, GError **error)
{
  BpgStore *store = bpg_archive_get_store (self->archive);
  g_autoptr (sqlite3_stmt) statement =
    bpg_store_prepare (store, error, "SELECT details FROM patient WHERE id = ?", "s", self->id);
  g_autoptr (GBytes) stored = NULL;
  g_autoptr (GBytes) content = NULL;
  g_autoptr (GVariant) details = NULL;

  if (statement == NULL || bpg_store_step (store, statement, error) != 1) {
    if (error != NULL && *error == NULL)
      g_set_error (error, BPG_ERROR, BPG_ERROR_NOT_FOUND, "There is no patient %s", self->id);
    return NULL;
  }
  stored = g_bytes_new (sqlite3_column_blob (statement, 0), (gsize) sqlite3_column_bytes (statement, 0));
  content = bpg_seal_open (bpg_archive_get_seal (self->archive), self->id, stored, error);
  if (content == NULL)
    return NULL;
  details = g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE ("(ss)"), content, FALSE));
  if (!g_variant_is_normal_form (details)) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, "The details of patient %s are damaged", self->id);
    return NULL;
  }
  return g_steal_pointer (&details);
}

static void
handle_get_details (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  g_autoptr (GVariant) options = g_variant_get_child_value (parameters, 0);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) details = NULL;
  g_autoptr (GVariantBuilder) builder = g_variant_builder_new (G_VARIANT_TYPE_VARDICT);
  const char *name, *reference;

  if (bpg_options_none (options, &error))
    details = open_details (BPG_PATIENT (object), &error);
  if (details == NULL) {
    g_dbus_method_invocation_return_gerror (invocation, error);
    return;
  }
  g_variant_get (details, "(&s&s)", &name, &reference);
  if (name[0] != '\0')
    g_variant_builder_add (builder, "{sv}", "name", g_variant_new_string (name));
  if (reference[0] != '\0')
    g_variant_builder_add (builder, "{sv}", "reference", g_variant_new_string (reference));
  g_dbus_method_invocation_return_value (invocation, g_variant_new ("(a{sv})", builder));
}

static void
handle_set_details (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  BpgPatient *self = BPG_PATIENT (object);
  g_autoptr (GVariant) details = g_variant_get_child_value (parameters, 0);
  g_autoptr (GVariant) options = g_variant_get_child_value (parameters, 1);
  g_autofree char *name = g_strdup ("");
  g_autofree char *reference = g_strdup ("");
  const BpgOption table[] = {
    {"name", "s", &name, 0, MAX_NAME}, {"reference", "s", &reference, 0, MAX_REFERENCE}, {NULL}};
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) stored = NULL;

  if (bpg_options_none (options, &error) && bpg_options_parse (details, table, &error))
    stored = seal_details (self->archive, self->id, name, reference, &error);
  if (stored == NULL || !bpg_store_run (bpg_archive_get_store (self->archive), &error,
                                        "UPDATE patient SET details = ? WHERE id = ?", "bs", stored, self->id))
    g_dbus_method_invocation_return_gerror (invocation, error);
  else
    g_dbus_method_invocation_return_value (invocation, NULL);
}

static void
handle_delete (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  BpgPatient *self = BPG_PATIENT (object);
  g_autoptr (GVariant) options = g_variant_get_child_value (parameters, 0);
  g_autoptr (GError) error = NULL;

  if (!bpg_options_none (options, &error))
    g_dbus_method_invocation_return_gerror (invocation, error);
  else
    self->delete_func (self, invocation, self->delete_data);
}

static const BpgMethod methods[] = {
  {"handle-get-details", BPG_ACTION_RECORDS_READ, handle_get_details},
  {"handle-set-details", BPG_ACTION_RECORDS_WRITE, handle_set_details},
  {"handle-delete", BPG_ACTION_RECORDS_DELETE, handle_delete},
  {NULL},
};

static BpgPatient *
bpg_patient_new (BpgArchive *archive, const char *id, guint64 created, GError **error)
{
  g_autoptr (BpgPatient) self = g_object_new (BPG_TYPE_PATIENT, NULL);
  BpgService *service = bpg_archive_get_service (archive);

  self->archive = g_object_ref (archive);
  self->id = g_strdup (id);
  self->path = bpg_path_build (BPG_PATH_RECORDS, "patient", id);
  self->skeleton = bpg_dbus_patient1_skeleton_new ();
  g_object_set (self->skeleton, "id", id, "created", created, NULL);
  if (!publish_bindings (self, error))
    return NULL;
  bpg_methods_connect (self->skeleton, bpg_service_get_authority (service), G_OBJECT (self), self->path, methods);
  g_object_unref (bpg_service_export (service, self->path, G_DBUS_INTERFACE_SKELETON (self->skeleton), NULL));
  return g_steal_pointer (&self);
}

BpgPatient *
bpg_patient_create (BpgArchive *archive, const char *name, const char *reference, GError **error)
{
  g_autofree char *id = bpg_archive_new_id (PSEUDONYM_LENGTH, PSEUDONYM_ALPHABET);
  guint64 created = (guint64) g_get_real_time ();
  g_autoptr (GBytes) stored = seal_details (archive, id, name, reference, error);

  if (stored == NULL ||
      !bpg_store_run (bpg_archive_get_store (archive), error,
                      "INSERT INTO patient (id, created, details) VALUES (?, ?, ?)", "stb", id, created, stored))
    return NULL;
  return bpg_patient_new (archive, id, created, error);
}

GPtrArray *
bpg_patients_load (BpgArchive *archive, GError **error)
{
  BpgStore *store = bpg_archive_get_store (archive);
  g_autoptr (GPtrArray) patients = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (sqlite3_stmt) statement =
    bpg_store_prepare (store, error, "SELECT id, created FROM patient ORDER BY created", "");
  int more = -1;

  while (statement != NULL && (more = bpg_store_step (store, statement, error)) > 0) {
    BpgPatient *patient = bpg_patient_new (archive, (const char *) sqlite3_column_text (statement, 0),
                                           (guint64) sqlite3_column_int64 (statement, 1), error);

    if (patient == NULL)
      return NULL;
    g_ptr_array_add (patients, patient);
  }
  return more == 0 ? g_steal_pointer (&patients) : NULL;
}

const char *
bpg_patient_get_id (BpgPatient *self)
{
  return self->id;
}

const char *
bpg_patient_get_path (BpgPatient *self)
{
  return self->path;
}

gboolean
bpg_patient_is_bound (BpgPatient *self, const char *prosthesis)
{
  g_autoptr (GVariant) bindings = g_variant_ref (bpg_dbus_patient1_get_bindings (self->skeleton));
  GVariantIter iter;
  GVariant *binding;
  gboolean bound = FALSE;

  g_variant_iter_init (&iter, bindings);
  while ((binding = g_variant_iter_next_value (&iter)) != NULL) {
    const char *id = "";
    guint64 until = 0;

    g_variant_lookup (binding, "prosthesis", "&s", &id);
    g_variant_lookup (binding, "until", "t", &until);
    bound = bound || (until == 0 && g_str_equal (id, prosthesis));
    g_variant_unref (binding);
  }
  return bound;
}

gboolean
bpg_patient_bind (BpgPatient *self, const char *prosthesis, const char *fingerprint, const char *side, GError **error)
{
  BpgStore *store = bpg_archive_get_store (self->archive);
  guint64 now = (guint64) g_get_real_time ();

  if (bpg_patient_is_bound (self, prosthesis))
    return bpg_store_run (store, error,
                          "UPDATE binding SET fingerprint = ?, side = ? WHERE patient = ? AND prosthesis = ? AND"
                          " until = 0", "ssss", fingerprint, side, self->id, prosthesis) &&
           publish_bindings (self, error);
  return bpg_store_run (store, error,
                        "INSERT INTO binding (patient, prosthesis, fingerprint, side, since, until)"
                        " VALUES (?, ?, ?, ?, ?, 0)", "sssst", self->id, prosthesis, fingerprint, side, now) &&
         publish_bindings (self, error);
}

gboolean
bpg_patient_unbind (BpgPatient *self, const char *prosthesis, GError **error)
{
  if (!bpg_patient_is_bound (self, prosthesis)) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_NOT_FOUND, "Prosthesis %s is not bound to patient %s", prosthesis,
                 self->id);
    return FALSE;
  }
  return bpg_store_run (bpg_archive_get_store (self->archive), error,
                        "UPDATE binding SET until = ? WHERE patient = ? AND prosthesis = ? AND until = 0", "tss",
                        (guint64) g_get_real_time (), self->id, prosthesis) &&
         publish_bindings (self, error);
}

void
bpg_patient_set_delete_func (BpgPatient *self, BpgPatientDeleteFunc func, gpointer user_data)
{
  self->delete_func = func;
  self->delete_data = user_data;
}

void
bpg_patient_withdraw (BpgPatient *self)
{
  bpg_service_unexport (bpg_archive_get_service (self->archive), self->path);
}
