/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-find.h"
#include "bpg-wait.h"

static gint64 from_option;
static int limit_option = 100;
static gboolean fetch_option;

static const BpgField fields[] = {
  {"sequence", N_("NUMBER")},
  {"time", N_("TIME"), bpg_format_time},
  {"kind", N_("KIND")},
  {"what", N_("WHAT")},
  {NULL},
};

/* Whatever a kind of record carries beside what all have, in one column for people. */
static GVariant *
add_what (GVariant *record)
{
  GVariantIter iter;
  const char *key;
  GVariant *value;
  g_autoptr (GString) what = g_string_new (NULL);
  GVariantDict row;

  g_variant_iter_init (&iter, record);
  while (g_variant_iter_loop (&iter, "{&sv}", &key, &value)) {
    g_autofree char *text = bpg_format_any (value);

    if (!g_str_equal (key, "sequence") && !g_str_equal (key, "tick") && !g_str_equal (key, "time") &&
        !g_str_equal (key, "kind"))
      g_string_append_printf (what, "%s%s=%s", what->len > 0 ? " " : "", key, text);
  }
  g_variant_dict_init (&row, record);
  g_variant_dict_insert (&row, "what", "s", what->str);
  return g_variant_ref_sink (g_variant_dict_end (&row));
}

static gboolean
fetch (BpgCtl *ctl, const char *path, GError **error)
{
  g_autoptr (GVariant) result = bpg_ctl_run_job (ctl, path, "Usage1.Fetch", g_variant_new ("(a{sv})", NULL),
                                                 _("Fetching the usage log"), TRUE, error);

  return result != NULL;
}

static gboolean
print_records (BpgCtl *ctl, const char *path, GError **error)
{
  g_auto (GVariantDict) options = G_VARIANT_DICT_INIT (NULL);
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GVariant) records = NULL;
  g_autoptr (GPtrArray) rows = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);

  g_variant_dict_insert (&options, "limit", "u", (guint32) limit_option);
  reply = bpg_ctl_call (ctl, path, "Usage1.Read",
                        g_variant_new ("(t@a{sv})", (guint64) from_option, g_variant_dict_end (&options)), "(aa{sv})",
                        error);
  if (reply == NULL)
    return FALSE;
  records = g_variant_get_child_value (reply, 0);
  if (ctl->output->mode != BPG_OUTPUT_HUMAN) {
    for (gsize i = 0; i < g_variant_n_children (records); i++)
      bpg_output_line (ctl->output, g_variant_get_child_value (records, i));
    return TRUE;
  }
  for (gsize i = 0; i < g_variant_n_children (records); i++) {
    g_autoptr (GVariant) record = g_variant_get_child_value (records, i);

    g_ptr_array_add (rows, add_what (record));
  }
  bpg_output_table (ctl->output, fields, rows, _("There is no usage record."));
  return TRUE;
}

static gboolean
run (BpgCtl *ctl, GError **error)
{
  g_autoptr (BpgObject) prosthesis = NULL;
  g_autoptr (BpgObject) usage = NULL;

  if (limit_option < 1 || limit_option > 1000 || from_option < 0)
    return bpg_ctl_usage (error, _("--limit is 1 to 1000, --from is not negative"));
  prosthesis = bpg_ctl_find (ctl, BPG_THING_PROSTHESIS, ctl->n_arguments > 0 ? ctl->arguments[0] : NULL, error);
  if (prosthesis == NULL)
    return FALSE;
  usage = bpg_ctl_find_beside (ctl, "records", "Usage1", prosthesis->path);
  if (usage == NULL) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_NOT_FOUND, _("bionicpro-recordsd keeps no usage log of this arm"));
    return FALSE;
  }
  return (!fetch_option || fetch (ctl, usage->path, error)) && print_records (ctl, usage->path, error);
}

static const GOptionEntry options[] = {
  {"from", 0, 0, G_OPTION_ARG_INT64, &from_option, N_("Begin with this number (0)"), N_("N")},
  {"limit", 0, 0, G_OPTION_ARG_INT, &limit_option, N_("At most so many, 1 to 1000 (100)"), N_("N")},
  {"fetch", 0, 0, G_OPTION_ARG_NONE, &fetch_option, N_("Fetch what is new from the arm first"), NULL},
  {NULL},
};

const BpgVerb bpg_verb_usage = {
  .name = "usage",
  .arguments = N_("[PROSTHESIS]"),
  .summary = N_("Read an arm's usage log"),
  .details = N_("With --json, a line for each record.\n\nExample:\n  bionicctl usage BP-0001 --fetch --limit 1000 --json"),
  .maximum = 1,
  .options = options,
  .run = run,
};
