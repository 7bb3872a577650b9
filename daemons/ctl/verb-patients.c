/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-table.h"
#include "bpg-wait.h"

#include <stdio.h>
#include <unistd.h>

static char *name_option;
static char *reference_option;
static gboolean names_option;
static gboolean yes_option;

static void
add_details (BpgCtl *ctl, GPtrArray *rows)
{
  for (guint i = 0; i < rows->len; i++) {
    GVariantDict row;
    const char *path;
    g_autoptr (GVariant) reply = NULL;
    g_autoptr (GVariant) details = NULL;

    g_variant_lookup (rows->pdata[i], "path", "&o", &path);
    reply = bpg_ctl_call (ctl, path, "Patient1.GetDetails", g_variant_new ("(a{sv})", NULL), "(a{sv})", NULL);
    g_variant_dict_init (&row, rows->pdata[i]);
    g_variant_dict_remove (&row, "name");
    if (reply != NULL) {
      const char *keys[] = {"name", "reference"};

      details = g_variant_get_child_value (reply, 0);
      for (guint k = 0; k < G_N_ELEMENTS (keys); k++) {
        g_autoptr (GVariant) value = g_variant_lookup_value (details, keys[k], G_VARIANT_TYPE_STRING);

        if (value != NULL)
          g_variant_dict_insert_value (&row, keys[k], value);
      }
    }
    g_variant_unref (rows->pdata[i]);
    rows->pdata[i] = g_variant_ref_sink (g_variant_dict_end (&row));
  }
}

/* Names of people are read only when they are asked for. */
static void
remove_names (GPtrArray *rows)
{
  for (guint i = 0; i < rows->len; i++) {
    GVariantDict row;

    g_variant_dict_init (&row, rows->pdata[i]);
    g_variant_dict_remove (&row, "name");
    g_variant_unref (rows->pdata[i]);
    rows->pdata[i] = g_variant_ref_sink (g_variant_dict_end (&row));
  }
}

static gboolean
run_list (BpgCtl *ctl, GError **error)
{
  const BpgTable *table = bpg_table_get (BPG_THING_PATIENT);
  g_autoptr (GPtrArray) rows = bpg_table_load (ctl, table, NULL, NULL, error);

  if (rows == NULL)
    return FALSE;
  if (names_option)
    add_details (ctl, rows);
  else
    remove_names (rows);
  bpg_output_table (ctl->output, table->columns, rows, _(table->empty));
  return TRUE;
}

static gboolean
run_add (BpgCtl *ctl, GError **error)
{
  GVariantDict options;
  g_autoptr (GVariant) reply = NULL;

  g_variant_dict_init (&options, NULL);
  if (name_option != NULL)
    g_variant_dict_insert (&options, "name", "s", name_option);
  if (reference_option != NULL)
    g_variant_dict_insert (&options, "reference", "s", reference_option);
  reply = bpg_ctl_call (ctl, BPG_PATH_RECORDS, "Records1.CreatePatient",
                        g_variant_new ("(@a{sv})", g_variant_dict_end (&options)), "(o)", error);
  if (reply == NULL)
    return FALSE;
  bpg_ctl_print_made (ctl, reply);
  return TRUE;
}

static gboolean
is_confirmed (const char *id, GError **error)
{
  char answer[8] = "";

  if (yes_option)
    return TRUE;
  if (!isatty (STDIN_FILENO))
    return bpg_ctl_usage (error, _("This deletes every recording of the patient; say --yes"));
  fprintf (stderr, _("Delete patient %s with every recording? [y/N] "), id);
  if (fgets (answer, sizeof answer, stdin) != NULL &&
      (g_ascii_strncasecmp (answer, "y", 1) == 0 || g_ascii_strncasecmp (answer, _("y"), 1) == 0))
    return TRUE;
  g_set_error (error, BPG_ERROR, BPG_ERROR_CANCELLED, _("Nothing was deleted"));
  return FALSE;
}

static gboolean
run_delete (BpgCtl *ctl, GError **error)
{
  g_autoptr (BpgObject) patient = bpg_ctl_find (ctl, BPG_THING_PATIENT, ctl->arguments[0], error);
  g_autofree char *id = NULL;
  g_autoptr (GVariant) result = NULL;

  if (patient == NULL)
    return FALSE;
  id = bpg_ctl_get_name (patient->path);
  if (!is_confirmed (id, error))
    return FALSE;
  result = bpg_ctl_run_job (ctl, patient->path, "Patient1.Delete", g_variant_new ("(a{sv})", NULL), _("Deleting"), TRUE,
                            error);
  if (result == NULL)
    return FALSE;
  if (ctl->output->mode != BPG_OUTPUT_HUMAN)
    bpg_output_document (ctl->output, result);
  return TRUE;
}

static const GOptionEntry list_options[] = {
  {"names", 0, 0, G_OPTION_ARG_NONE, &names_option, N_("Show names and references too"), NULL},
  {NULL},
};

static const GOptionEntry add_options[] = {
  {"name", 'n', 0, G_OPTION_ARG_STRING, &name_option, N_("Name, kept apart from everything else"), N_("NAME")},
  {"reference", 'r', 0, G_OPTION_ARG_STRING, &reference_option, N_("The clinic's own number"), N_("TEXT")},
  {NULL},
};

static const GOptionEntry delete_options[] = {
  {"yes", 'y', 0, G_OPTION_ARG_NONE, &yes_option, N_("Do not ask"), NULL},
  {NULL},
};

const BpgVerb bpg_verb_patients = {
  .name = "patients",
  .arguments = "",
  .summary = N_("List the patients"),
  .details = N_("Example:\n  bionicctl patients --names"),
  .options = list_options,
  .run = run_list,
};

const BpgVerb bpg_verb_patients_add = {
  .name = "patients add",
  .arguments = "",
  .summary = N_("Add a patient, under a new pseudonym"),
  .details = N_("Prints the pseudonym, which every other verb takes.\n\n"
                "Example:\n  bionicctl patients add --name 'Ada Example' --reference 4711"),
  .options = add_options,
  .run = run_add,
};

const BpgVerb bpg_verb_patients_delete = {
  .name = "patients delete",
  .arguments = N_("PATIENT"),
  .summary = N_("Delete a patient with every recording"),
  .details = N_("Example:\n  bionicctl patients delete P7K2 --yes"),
  .minimum = 1,
  .maximum = 1,
  .options = delete_options,
  .run = run_delete,
};
