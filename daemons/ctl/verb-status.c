/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-table.h"
#include "bpg-wait.h"

#include <stdio.h>
#include <string.h>

static const BpgField service_columns[] = {
  {"name", N_("SERVICE")},
  {"state", N_("STATE")},
  {"version", N_("VERSION")},
  {"problems", NULL},
  {NULL},
};

static const BpgField problem_columns[] = {
  {"since", N_("SINCE"), bpg_format_time},
  {"error", N_("PROBLEM"), bpg_format_error},
  {"subject", N_("ABOUT")},
  {"message", N_("WHAT TO DO")},
  {NULL},
};

static const BpgField request_columns[] = {
  {"message", N_("SOMEBODY HAS TO"), NULL, "Request1.Message"},
  {"kind", NULL, NULL, "Request1.Kind"},
  {"expires", N_("UNTIL"), bpg_format_time, "Request1.Expires"},
  {"path"},
  {NULL},
};

static const BpgField job_columns[] = {
  {"kind", N_("RUNNING"), NULL, "Job1.Kind"},
  {"phase", N_("PHASE"), NULL, "Job1.Phase"},
  {"progress", N_("DONE"), bpg_format_fraction, "Job1.Progress"},
  {"message", N_("MESSAGE"), NULL, "Job1.Message"},
  {"path"},
  {NULL},
};

typedef struct {
  GPtrArray *services, *problems, *prostheses, *requests, *jobs;
} Status;

static GVariant *
read_service (BpgCtl *ctl, const BpgDaemon *daemon, GPtrArray *problems)
{
  g_autofree char *program = g_strdup_printf ("bionicpro-%sd", daemon->word);
  g_autofree char *interface = g_strdup (strrchr (daemon->name, '.') + 1);
  g_autoptr (BpgObject) manager = bpg_ctl_reload (ctl, daemon->path, interface, NULL);
  GVariantDict row;

  g_variant_dict_init (&row, NULL);
  g_variant_dict_insert (&row, "name", "s", program);
  if (manager == NULL) {
    g_variant_dict_insert (&row, "state", "s", "not running");
  } else {
    g_autofree char *state = g_strconcat (interface, ".State", NULL);
    g_autofree char *version = g_strconcat (interface, ".Version", NULL);
    g_autofree char *list = g_strconcat (interface, ".Problems", NULL);
    g_autoptr (GVariant) found = bpg_object_lookup (manager, list, "aa{sv}");

    bpg_object_copy (manager, state, &row, "state");
    bpg_object_copy (manager, version, &row, "version");
    bpg_object_copy (manager, list, &row, "problems");
    for (gsize i = 0; found != NULL && i < g_variant_n_children (found); i++)
      g_ptr_array_add (problems, g_variant_get_child_value (found, i));
  }
  return g_variant_ref_sink (g_variant_dict_end (&row));
}

static void
read_objects (BpgCtl *ctl, const char *daemon, const char *interface, const BpgField *fields, GPtrArray *rows)
{
  g_autoptr (GPtrArray) objects = bpg_ctl_load (ctl, daemon, interface, NULL);

  for (guint i = 0; objects != NULL && i < objects->len; i++) {
    g_autofree char *state = bpg_object_get_string (objects->pdata[i], "Job1.State");

    if (strcmp (state, "finished") != 0)
      g_ptr_array_add (rows, bpg_object_to_row (objects->pdata[i], fields));
  }
}

static GVariant *
as_array (GPtrArray *rows)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < rows->len; i++)
    g_variant_builder_add_value (&builder, rows->pdata[i]);
  return g_variant_builder_end (&builder);
}

static void
print_section (BpgCtl *ctl, const BpgField *fields, GPtrArray *rows)
{
  if (rows->len == 0)
    return;
  putchar ('\n');
  bpg_output_table (ctl->output, fields, rows, "");
}

static void
print (BpgCtl *ctl, Status *status)
{
  const BpgTable *table = bpg_table_get (BPG_THING_PROSTHESIS);
  GVariantDict document;

  if (ctl->output->mode == BPG_OUTPUT_HUMAN) {
    bpg_output_table (ctl->output, service_columns, status->services, "");
    putchar ('\n');
    bpg_output_table (ctl->output, table->columns, status->prostheses, _(table->empty));
    print_section (ctl, problem_columns, status->problems);
    print_section (ctl, request_columns, status->requests);
    print_section (ctl, job_columns, status->jobs);
    return;
  }
  g_variant_dict_init (&document, NULL);
  g_variant_dict_insert_value (&document, "services", as_array (status->services));
  g_variant_dict_insert_value (&document, "prostheses", as_array (status->prostheses));
  g_variant_dict_insert_value (&document, "problems", as_array (status->problems));
  g_variant_dict_insert_value (&document, "requests", as_array (status->requests));
  g_variant_dict_insert_value (&document, "jobs", as_array (status->jobs));
  bpg_output_document (ctl->output, g_variant_dict_end (&document));
}

static GPtrArray *
new_rows (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
}

static gboolean
run (BpgCtl *ctl, GError **error)
{
  g_autoptr (GPtrArray) services = new_rows ();
  g_autoptr (GPtrArray) problems = new_rows ();
  g_autoptr (GPtrArray) prostheses = new_rows ();
  g_autoptr (GPtrArray) requests = new_rows ();
  g_autoptr (GPtrArray) jobs = new_rows ();
  Status status = {services, problems, prostheses, requests, jobs};

  if (bpg_ctl_connect (ctl, error) == NULL)
    return FALSE;
  read_objects (ctl, "pairing", "Prosthesis1", bpg_table_get (BPG_THING_PROSTHESIS)->columns, prostheses);
  for (guint i = 0; i < bpg_n_daemons; i++) {
    g_autoptr (GVariant) row = read_service (ctl, &bpg_daemons[i], problems);
    const char *state = "";

    g_variant_lookup (row, "state", "&s", &state);
    if (strcmp (state, "not running") == 0)
      ctl->status = BPG_EXIT_NO_SERVICE;
    else {
      read_objects (ctl, bpg_daemons[i].word, "Request1", request_columns, requests);
      read_objects (ctl, bpg_daemons[i].word, "Job1", job_columns, jobs);
    }
    g_ptr_array_add (services, g_steal_pointer (&row));
  }
  print (ctl, &status);
  return TRUE;
}

const BpgVerb bpg_verb_status = {
  .name = "status",
  .arguments = "",
  .summary = N_("Show the services, the arms, problems, and what is going on"),
  .details = N_("Exit status 9 when a service is not running.\n\nExample:\n  bionicctl status --json"),
  .run = run,
};
