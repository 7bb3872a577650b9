/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-bus.h"
#include "bpg-find.h"

static int baud_option;

static char *
format_prosthesis (GVariant *value)
{
  return bpg_ctl_get_name (g_variant_get_string (value, NULL));
}

static const BpgField fields[] = {
  {"path", N_("PORT")},
  {"transport", N_("BY")},
  {"state", N_("STATE")},
  {"prosthesis", N_("PROSTHESIS"), format_prosthesis},
  {"error", N_("ERROR"), bpg_format_error},
  {"message", N_("MESSAGE")},
  {NULL},
};

static gboolean
run_list (BpgCtl *ctl, GError **error)
{
  g_autoptr (BpgObject) manager = bpg_ctl_reload (ctl, BPG_PATH_PAIRING, "Pairing1", error);
  g_autoptr (GVariant) ports = NULL;
  g_autoptr (GPtrArray) rows = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);

  if (manager == NULL)
    return FALSE;
  ports = bpg_object_lookup (manager, "Pairing1.Ports", "aa{sv}");
  for (gsize i = 0; ports != NULL && i < g_variant_n_children (ports); i++)
    g_ptr_array_add (rows, g_variant_get_child_value (ports, i));
  bpg_output_table (ctl->output, fields, rows,
                    _("No serial line is being looked at. USB arms appear by themselves; 'ports add' names others."));
  return TRUE;
}

static gboolean
run_add (BpgCtl *ctl, GError **error)
{
  g_autofree char *path = g_canonicalize_filename (ctl->arguments[0], NULL);
  GVariantDict options;
  g_autoptr (GVariant) reply = NULL;

  if (baud_option != 0 && (baud_option < 9600 || baud_option > 921600))
    return bpg_ctl_usage (error, _("--baud is 9600 to 921600"));
  g_variant_dict_init (&options, NULL);
  if (baud_option > 0)
    g_variant_dict_insert (&options, "baud", "u", (guint32) baud_option);
  reply = bpg_ctl_call (ctl, BPG_PATH_PAIRING, "Pairing1.AddPort",
                        g_variant_new ("(s@a{sv})", path, g_variant_dict_end (&options)), "()", error);
  return reply != NULL;
}

static gboolean
run_remove (BpgCtl *ctl, GError **error)
{
  g_autofree char *path = g_canonicalize_filename (ctl->arguments[0], NULL);
  g_autoptr (GVariant) reply = bpg_ctl_call (ctl, BPG_PATH_PAIRING, "Pairing1.RemovePort",
                                             g_variant_new ("(sa{sv})", path, NULL), "()", error);

  return reply != NULL;
}

static const GOptionEntry add_options[] = {
  {"baud", 'b', 0, G_OPTION_ARG_INT, &baud_option, N_("Speed of the line (115200)"), N_("BAUD")},
  {NULL},
};

const BpgVerb bpg_verb_ports = {
  .name = "ports",
  .arguments = "",
  .summary = N_("List the serial lines that are looked at"),
  .details = N_("Example:\n  bionicctl ports --json"),
  .run = run_list,
};

const BpgVerb bpg_verb_ports_add = {
  .name = "ports add",
  .arguments = N_("DEVICE"),
  .summary = N_("Look for an arm on a serial line"),
  .details = N_("For lines that announce themselves by no hotplug event. The line is tried again for as long as it is\n"
                "not removed.\n\nExample:\n  bionicctl ports add /dev/ttyS1 --baud 921600"),
  .minimum = 1,
  .maximum = 1,
  .options = add_options,
  .run = run_add,
};

const BpgVerb bpg_verb_ports_remove = {
  .name = "ports remove",
  .arguments = N_("DEVICE"),
  .summary = N_("Leave a serial line alone again"),
  .details = N_("Example:\n  bionicctl ports remove /dev/ttyS1"),
  .minimum = 1,
  .maximum = 1,
  .run = run_remove,
};
