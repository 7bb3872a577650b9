/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-find.h"
#include "bpg-limb.h"
#include "bpg-session-files.h"

#include <json-glib/json-glib.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define CONNECT_SECONDS 30
#define STOP_SECONDS 10
#define POLL_MS 50

static char *folder_option;
static char *data_option;
static gboolean generate_option;
static gboolean no_port_option;
static gboolean no_wait_option;
static int speed_option;
static int baud_option;

static const BpgField limb_fields[] = {
  {"id", N_("Prosthesis")},
  {"running", N_("Running"), bpg_format_yes_no},
  {"connected", N_("Connected"), bpg_format_yes_no},
  {"pid", N_("Process")},
  {"folder", N_("Folder")},
  {"port", N_("Port")},
  {"control", N_("Control socket")},
  {"code", N_("QR code")},
  {NULL},
};

static GVariant *
describe (const char *folder, gboolean running, gboolean connected)
{
  g_autofree char *id = bpg_limb_get_device_id (folder, NULL);
  g_autofree char *port = g_build_filename (folder, "port", NULL);
  g_autofree char *control = g_build_filename (folder, "control", NULL);
  g_autofree char *code = g_build_filename (folder, "qr.json", NULL);
  GVariantDict row;

  g_variant_dict_init (&row, NULL);
  if (id != NULL)
    g_variant_dict_insert (&row, "id", "s", id);
  g_variant_dict_insert (&row, "running", "b", running);
  g_variant_dict_insert (&row, "connected", "b", connected);
  g_variant_dict_insert (&row, "pid", "i", running ? (gint32) bpg_limb_get_pid (folder) : 0);
  g_variant_dict_insert (&row, "folder", "s", folder);
  g_variant_dict_insert (&row, "port", "s", port);
  g_variant_dict_insert (&row, "control", "s", control);
  g_variant_dict_insert (&row, "code", "s", code);
  return g_variant_ref_sink (g_variant_dict_end (&row));
}

static gboolean
is_connected (BpgCtl *ctl, const char *id, GError **error)
{
  g_autoptr (GPtrArray) objects = bpg_ctl_load (ctl, "pairing", "Prosthesis1", error);

  for (guint i = 0; objects != NULL && i < objects->len; i++) {
    g_autofree char *there = bpg_object_get_string (objects->pdata[i], "Prosthesis1.DeviceId");

    if (strcmp (there, id) == 0)
      return bpg_object_get_boolean (objects->pdata[i], "Prosthesis1.Connected");
  }
  return FALSE;
}

static gboolean
wait_connected (BpgCtl *ctl, const char *folder, GError **error)
{
  g_autofree char *id = bpg_limb_get_device_id (folder, error);
  int seconds = ctl->timeout > 0 ? ctl->timeout : CONNECT_SECONDS;
  gint64 deadline = g_get_monotonic_time () + seconds * G_USEC_PER_SEC;

  if (id == NULL)
    return FALSE;
  while (g_get_monotonic_time () < deadline) {
    g_autoptr (GError) local = NULL;

    if (is_connected (ctl, id, &local))
      return TRUE;
    if (local != NULL) {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
    g_usleep (POLL_MS * 1000);
  }
  g_set_error (error, BPG_ERROR, BPG_ERROR_TIMED_OUT,
               _("The virtual arm runs, but bionicpro-pairingd has not recognised it; see 'bionicctl ports'"));
  return FALSE;
}

/* All recordings of a session, so that any of them can be played without a wait. */
static gboolean
add_recordings (BpgCtl *ctl, GPtrArray *options, GError **error)
{
  g_autoptr (BpgSessionFiles) files = bpg_session_files_find (data_option, error);

  if (files == NULL)
    return FALSE;
  for (guint i = 0; i < files->paths->len; i++) {
    g_ptr_array_add (options, g_strdup ("--electrodes"));
    g_ptr_array_add (options, g_strdup (files->paths->pdata[i]));
  }
  bpg_ctl_note (ctl, ngettext ("%u recording: person '%s', session '%s'", "%u recordings: person '%s', session '%s'",
                               files->paths->len),
                files->paths->len, files->subject, files->session);
  return TRUE;
}

static GPtrArray *
build_options (BpgCtl *ctl, GError **error)
{
  g_autoptr (GPtrArray) options = g_ptr_array_new_with_free_func (g_free);

  if (data_option != NULL && generate_option) {
    bpg_ctl_usage (error, _("--data and --generate exclude each other"));
    return NULL;
  }
  if (data_option != NULL && !add_recordings (ctl, options, error))
    return NULL;
  if (data_option == NULL)
    g_ptr_array_add (options, g_strdup ("--generate"));
  if (speed_option > 0) {
    g_ptr_array_add (options, g_strdup ("--speed"));
    g_ptr_array_add (options, g_strdup_printf ("%d", speed_option));
  }
  if (baud_option > 0) {
    g_ptr_array_add (options, g_strdup ("--baud"));
    g_ptr_array_add (options, g_strdup_printf ("%d", baud_option));
  }
  for (guint i = 0; i < ctl->n_arguments; i++)
    g_ptr_array_add (options, g_strdup (ctl->arguments[i]));
  g_ptr_array_add (options, NULL);
  return g_steal_pointer (&options);
}

static gboolean
add_port (BpgCtl *ctl, const char *folder, GError **error)
{
  g_autofree char *port = g_build_filename (folder, "port", NULL);
  GVariantDict options;
  g_autoptr (GVariant) reply = NULL;

  g_variant_dict_init (&options, NULL);
  if (baud_option > 0)
    g_variant_dict_insert (&options, "baud", "u", (guint32) baud_option);
  reply = bpg_ctl_call (ctl, BPG_PATH_PAIRING, "Pairing1.AddPort",
                        g_variant_new ("(s@a{sv})", port, g_variant_dict_end (&options)), "()", error);
  return reply != NULL;
}

static gboolean
run_start (BpgCtl *ctl, GError **error)
{
  g_autofree char *folder = bpg_limb_get_folder (folder_option);
  g_autoptr (GPtrArray) options = build_options (ctl, error);
  g_autoptr (GVariant) row = NULL;

  if (options == NULL || (!no_port_option && bpg_ctl_connect (ctl, error) == NULL) ||
      bpg_limb_start (folder, (const char *const *) options->pdata, error) == 0)
    return FALSE;
  if (!no_port_option && (!add_port (ctl, folder, error) || (!no_wait_option && !wait_connected (ctl, folder, error))))
    return FALSE;
  row = describe (folder, TRUE, !no_port_option && !no_wait_option);
  bpg_output_row (ctl->output, limb_fields, row);
  return TRUE;
}

/* The arm's process has another working folder than whoever types a recording's name. */
static char *
make_absolute (const char *command)
{
  g_auto (GStrv) words = g_strsplit (command, " ", -1);

  for (guint i = 0; words[i] != NULL; i++) {
    if (g_str_has_suffix (words[i], ".json") && !g_path_is_absolute (words[i])) {
      char *absolute = g_canonicalize_filename (words[i], NULL);

      g_free (words[i]);
      words[i] = absolute;
    }
  }
  return g_strjoinv (" ", words);
}

static gboolean
is_refusal (const char *answer, char **reason)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  JsonNode *root;
  JsonObject *object;

  if (!json_parser_load_from_data (parser, answer, -1, NULL))
    return FALSE;
  root = json_parser_get_root (parser);
  if (root == NULL || !JSON_NODE_HOLDS_OBJECT (root))
    return FALSE;
  object = json_node_get_object (root);
  if (json_object_get_boolean_member_with_default (object, "ok", TRUE) && !json_object_has_member (object, "error"))
    return FALSE;
  *reason = g_strdup (json_object_get_string_member_with_default (object, "error", answer));
  return TRUE;
}

static gboolean
run_send (BpgCtl *ctl, GError **error)
{
  gboolean named = ctl->n_arguments > 1 && g_file_test (ctl->arguments[0], G_FILE_TEST_IS_DIR);
  g_autofree char *folder = bpg_limb_get_folder (named ? ctl->arguments[0] : folder_option);
  g_autofree char *joined = g_strjoinv (" ", ctl->arguments + (named ? 1 : 0));
  g_autofree char *command = make_absolute (joined);
  g_autofree char *answer = NULL;
  g_autofree char *reason = NULL;

  if (strchr (command, '\n') != NULL)
    return bpg_ctl_usage (error, _("A command is one line"));
  answer = bpg_limb_send (folder, command, error);
  if (answer == NULL)
    return FALSE;
  if (is_refusal (answer, &reason)) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, _("The virtual arm says: %s"), reason);
    return FALSE;
  }
  puts (answer);
  return TRUE;
}

static gboolean
wait_stopped (const char *folder, GError **error)
{
  GPid pid = bpg_limb_get_pid (folder);
  g_autofree char *file = g_build_filename (folder, "pid", NULL);

  for (int left = STOP_SECONDS * 1000 / POLL_MS; left > 0; left--) {
    g_autofree char *answer = bpg_limb_send (folder, "status", NULL);

    if (answer == NULL && (pid <= 1 || kill (pid, 0) != 0)) {
      remove (file);
      return TRUE;
    }
    g_usleep (POLL_MS * 1000);
  }
  g_set_error (error, BPG_ERROR, BPG_ERROR_TIMED_OUT, _("The virtual arm (process %d) does not end"), pid);
  return FALSE;
}

static gboolean
run_stop (BpgCtl *ctl, GError **error)
{
  g_autofree char *folder = bpg_limb_get_folder (ctl->n_arguments > 0 ? ctl->arguments[0] : folder_option);
  g_autofree char *port = g_build_filename (folder, "port", NULL);
  g_autofree char *answer = bpg_limb_send (folder, "quit", error);
  g_autoptr (GVariant) reply = NULL;

  if (answer == NULL || !wait_stopped (folder, error))
    return FALSE;
  /* The line may never have been added, or the daemon be gone: the arm has ended all the same. */
  if (!no_port_option)
    reply = bpg_ctl_call (ctl, BPG_PATH_PAIRING, "Pairing1.RemovePort", g_variant_new ("(sa{sv})", port, NULL), "()",
                          NULL);
  bpg_ctl_note (ctl, _("The virtual arm in %s has ended"), folder);
  return TRUE;
}

static gboolean
run_show (BpgCtl *ctl, GError **error)
{
  g_autofree char *folder = bpg_limb_get_folder (ctl->n_arguments > 0 ? ctl->arguments[0] : folder_option);
  g_autofree char *answer = bpg_limb_send (folder, "status", NULL);
  g_autofree char *id = bpg_limb_get_device_id (folder, NULL);
  g_autoptr (GVariant) row = NULL;

  row = describe (folder, answer != NULL, answer != NULL && id != NULL && is_connected (ctl, id, NULL));
  bpg_output_row (ctl->output, limb_fields, row);
  ctl->status = answer != NULL ? BPG_EXIT_OK : BPG_EXIT_NOT_FOUND;
  return TRUE;
}

static const GOptionEntry start_options[] = {
  {"dir", 'd', 0, G_OPTION_ARG_FILENAME, &folder_option, N_("Folder of the arm's flash, key and sockets"), N_("DIR")},
  {"data", 0, 0, G_OPTION_ARG_FILENAME, &data_option, N_("Play a person's session: all its recordings in DIR"), N_("DIR")},
  {"generate", 0, 0, G_OPTION_ARG_NONE, &generate_option, N_("Generate the signals (the default)"), NULL},
  {"speed", 0, 0, G_OPTION_ARG_INT, &speed_option, N_("Let the arm's time run so many times faster"), N_("N")},
  {"baud", 0, 0, G_OPTION_ARG_INT, &baud_option, N_("Throttle the line"), N_("N")},
  {"no-port", 0, 0, G_OPTION_ARG_NONE, &no_port_option, N_("Do not tell bionicpro-pairingd of it"), NULL},
  {"no-wait", 0, 0, G_OPTION_ARG_NONE, &no_wait_option, N_("Do not wait until it is recognised"), NULL},
  {NULL},
};

static const GOptionEntry other_options[] = {
  {"dir", 'd', 0, G_OPTION_ARG_FILENAME, &folder_option, N_("Folder of the arm"), N_("DIR")},
  {NULL},
};

static const GOptionEntry stop_options[] = {
  {"dir", 'd', 0, G_OPTION_ARG_FILENAME, &folder_option, N_("Folder of the arm"), N_("DIR")},
  {"no-port", 0, 0, G_OPTION_ARG_NONE, &no_port_option, N_("Leave bionicpro-pairingd alone"), NULL},
  {NULL},
};

const BpgVerb bpg_verb_emulate = {
  .name = "emulate",
  .arguments = N_("[DIR]"),
  .summary = N_("Show a virtual arm; see also emulate start, send, stop"),
  .details = N_("Exit status 3 when none runs there.\n\n"
                "Examples:\n  bionicctl emulate start --data recordings --dir /tmp/arm\n"
                "  bionicctl emulate /tmp/arm\n  bionicctl emulate send /tmp/arm button\n"
                "  bionicctl emulate stop /tmp/arm"),
  .maximum = 1,
  .options = other_options,
  .run = run_show,
};

const BpgVerb bpg_verb_emulate_start = {
  .name = "emulate start",
  .arguments = N_("[-- OPTIONS OF bionicpro-simlimb]"),
  .summary = N_("Start a virtual arm and plug it in"),
  .details = N_("The arm is made (key, certificate, QR code) the first time and keeps its flash in the folder\n"
                "afterwards. It runs on until 'emulate stop'.\n\n"
                "Examples:\n  bionicctl emulate start\n"
                "  bionicctl emulate start --dir /tmp/arm --data recordings --speed 4 -- --noise-per-million 50"),
  .maximum = 64,
  .options = start_options,
  .run = run_start,
};

const BpgVerb bpg_verb_emulate_send = {
  .name = "emulate send",
  .arguments = N_("[DIR] COMMAND…"),
  .summary = N_("Steer a virtual arm: press its button, play a recording, …"),
  .details = N_("Commands: play REC.json START COUNT [loop], rest, generate MOVEMENT STRENGTH, button, stick ELECTRODE,\n"
                "loose ELECTRODE, heal, hum MICROVOLT, battery PERCENT, unplug, plug, power-cut, power-on, speed N,\n"
                "baud N, noise N, status, truth FROM TO, quit. The answer is one line of JSON.\n\n"
                "Examples:\n  bionicctl emulate send button\n  bionicctl emulate send /tmp/arm play day1.json 0 30000"),
  .minimum = 1,
  .maximum = 64,
  .options = other_options,
  .run = run_send,
};

const BpgVerb bpg_verb_emulate_stop = {
  .name = "emulate stop",
  .arguments = N_("[DIR]"),
  .summary = N_("End a virtual arm"),
  .details = N_("Its folder stays, and with it its identity and its models.\n\nExample:\n  bionicctl emulate stop /tmp/arm"),
  .maximum = 1,
  .options = stop_options,
  .run = run_stop,
};
