/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-file.h"
#include "bpg-find.h"
#include "bpg-wait.h"

#include <json-glib/json-glib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CODE_MAX 4096

static char *code_option;
static char *patient_option;
static char *side_option;
static int wait_option;
static gboolean no_wait_option;

static char *
read_standard_input (GError **error)
{
  g_autofree char *code = g_malloc0 (CODE_MAX + 2);
  gsize length = 0;

  if (isatty (STDIN_FILENO))
    fprintf (stderr, "%s\n", _("Scan the QR code of the arm, then press Enter and Ctrl-D:"));
  length = fread (code, 1, CODE_MAX + 1, stdin);
  if (length == 0 || length > CODE_MAX) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, length == 0 ? _("No code was given")
                                                                           : _("The code is longer than 4096 bytes"));
    return NULL;
  }
  return g_steal_pointer (&code);
}

static char *
read_code (const char *source, GError **error)
{
  g_autoptr (GBytes) bytes = NULL;

  if (strcmp (source, "-") == 0)
    return read_standard_input (error);
  if (*source == '{')
    return g_strdup (source);
  bytes = bpg_file_read (source, CODE_MAX, error);
  return bytes != NULL ? g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes)) : NULL;
}

/* Which arm the code is of, so that nobody has to type it. */
static char *
get_device_id (const char *code)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  JsonNode *root;

  if (!json_parser_load_from_data (parser, code, -1, NULL))
    return NULL;
  root = json_parser_get_root (parser);
  if (root == NULL || !JSON_NODE_HOLDS_OBJECT (root))
    return NULL;
  return g_strdup (json_object_get_string_member_with_default (json_node_get_object (root), "deviceId", NULL));
}

static gboolean
check_options (GError **error)
{
  if (code_option == NULL || patient_option == NULL || side_option == NULL)
    return bpg_ctl_usage (error, _("bind needs --code, --patient and --side"));
  if (strcmp (side_option, "left") != 0 && strcmp (side_option, "right") != 0)
    return bpg_ctl_usage (error, _("--side is left or right"));
  if (wait_option != 0 && (wait_option < 5 || wait_option > 300))
    return bpg_ctl_usage (error, _("--wait is 5 to 300 seconds"));
  return TRUE;
}

static GVariant *
build_options (void)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  if (wait_option > 0)
    g_variant_dict_insert (&dict, "timeout", "u", (guint32) wait_option);
  return g_variant_dict_end (&dict);
}

static gboolean
run_bind (BpgCtl *ctl, GError **error)
{
  g_autofree char *code = NULL;
  g_autofree char *id = NULL;
  g_autoptr (BpgObject) prosthesis = NULL;
  g_autoptr (BpgObject) patient = NULL;
  g_autoptr (GVariant) result = NULL;

  if (!check_options (error))
    return FALSE;
  code = read_code (code_option, error);
  if (code == NULL)
    return FALSE;
  id = ctl->n_arguments > 0 ? g_strdup (ctl->arguments[0]) : get_device_id (code);
  prosthesis = bpg_ctl_find (ctl, BPG_THING_PROSTHESIS, id, error);
  if (prosthesis == NULL)
    return FALSE;
  patient = bpg_ctl_find (ctl, BPG_THING_PATIENT, patient_option, error);
  if (patient == NULL)
    return FALSE;
  result = bpg_ctl_run_job (ctl, prosthesis->path, "Prosthesis1.Bind",
                            g_variant_new ("(sos@a{sv})", g_strchomp (code), patient->path, side_option, build_options ()),
                            _("Binding"), !no_wait_option, error);
  if (result == NULL)
    return FALSE;
  if (ctl->output->mode != BPG_OUTPUT_HUMAN)
    bpg_output_document (ctl->output, result);
  else if (!no_wait_option)
    bpg_ctl_note (ctl, "%s", g_str_equal (side_option, "left") ? _("The arm is bound to the patient's left side")
                                                               : _("The arm is bound to the patient's right side"));
  return TRUE;
}

static gboolean
run_unbind (BpgCtl *ctl, GError **error)
{
  g_autoptr (BpgObject) prosthesis =
    bpg_ctl_find (ctl, BPG_THING_PROSTHESIS, ctl->n_arguments > 0 ? ctl->arguments[0] : NULL, error);
  g_autoptr (GVariant) result = NULL;

  if (prosthesis == NULL)
    return FALSE;
  if (wait_option != 0 && (wait_option < 5 || wait_option > 300))
    return bpg_ctl_usage (error, _("--wait is 5 to 300 seconds"));
  result = bpg_ctl_run_job (ctl, prosthesis->path, "Prosthesis1.Unbind", g_variant_new ("(@a{sv})", build_options ()),
                            _("Unbinding"), !no_wait_option, error);
  if (result == NULL)
    return FALSE;
  if (ctl->output->mode != BPG_OUTPUT_HUMAN)
    bpg_output_document (ctl->output, result);
  else if (!no_wait_option)
    bpg_ctl_note (ctl, _("The arm is unbound"));
  return TRUE;
}

static const GOptionEntry bind_options[] = {
  {"code", 'c', 0, G_OPTION_ARG_STRING, &code_option, N_("File with the QR code's text, - for standard input"),
   N_("FILE")},
  {"patient", 'p', 0, G_OPTION_ARG_STRING, &patient_option, N_("Whom it belongs to"), N_("PATIENT")},
  {"side", 's', 0, G_OPTION_ARG_STRING, &side_option, N_("left or right"), N_("SIDE")},
  {"wait", 'w', 0, G_OPTION_ARG_INT, &wait_option, N_("Wait so long for the button on the arm, 5 to 300 (60)"),
   N_("SECONDS")},
  {"no-wait", 0, 0, G_OPTION_ARG_NONE, &no_wait_option, N_("Start the job and return"), NULL},
  {NULL},
};

static const GOptionEntry unbind_options[] = {
  {"wait", 'w', 0, G_OPTION_ARG_INT, &wait_option, N_("Wait so long for the button on the arm, 5 to 300 (60)"),
   N_("SECONDS")},
  {"no-wait", 0, 0, G_OPTION_ARG_NONE, &no_wait_option, N_("Start the job and return"), NULL},
  {NULL},
};

const BpgVerb bpg_verb_bind = {
  .name = "bind",
  .arguments = N_("[PROSTHESIS] --code FILE --patient PATIENT --side SIDE"),
  .summary = N_("Bind an arm to a patient and a side"),
  .details = N_("Compares the QR code with the arm's key, challenges the arm, and waits until its button is pressed.\n"
                "Without a name the arm that the code is of is meant.\n\n"
                "Examples:\n  bionicctl bind --code qr.json --patient P7K2 --side left\n"
                "  zbarcam -1 --raw | bionicctl bind --code - --patient P7K2 --side right"),
  .maximum = 1,
  .options = bind_options,
  .run = run_bind,
};

const BpgVerb bpg_verb_unbind = {
  .name = "unbind",
  .arguments = N_("[PROSTHESIS]"),
  .summary = N_("Take the binding back"),
  .details = N_("The button on the arm has to be pressed.\n\nExample:\n  bionicctl unbind BP-0001"),
  .maximum = 1,
  .options = unbind_options,
  .run = run_unbind,
};
