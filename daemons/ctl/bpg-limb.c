/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-limb.h"
#include "bpg-file.h"

#include <gio/gunixsocketaddress.h>
#include <json-glib/json-glib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_SECONDS 30
#define START_SECONDS 20
#define POLL_MS 20
#define MAX_CODE 4096
#define MAX_LOG 65536

static char *
get_path (const char *folder, const char *file)
{
  return g_build_filename (folder, file, NULL);
}

char *
bpg_limb_get_folder (const char *given)
{
  if (given != NULL)
    return g_canonicalize_filename (given, NULL);
  return g_build_filename (g_get_user_runtime_dir (), "bionicpro-limb", NULL);
}

char *
bpg_limb_send (const char *folder, const char *command, GError **error)
{
  g_autofree char *path = get_path (folder, "control");
  g_autofree char *line = g_strconcat (command, "\n", NULL);
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketConnection) connection = NULL;
  g_autoptr (GSocketAddress) address = NULL;
  g_autoptr (GDataInputStream) input = NULL;
  g_autofree char *answer = NULL;
  g_autoptr (GError) local = NULL;

  if (strlen (path) >= sizeof (((struct sockaddr_un *) NULL)->sun_path)) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, _("%s is too long for a socket; choose a shorter folder"),
                 path);
    return NULL;
  }
  address = g_unix_socket_address_new (path);
  g_socket_client_set_timeout (client, ANSWER_SECONDS);
  connection = g_socket_client_connect (client, G_SOCKET_CONNECTABLE (address), NULL, &local);
  if (connection == NULL) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_NOT_FOUND, _("No virtual arm runs in %s (%s)"), folder, local->message);
    return NULL;
  }
  if (!g_output_stream_write_all (g_io_stream_get_output_stream (G_IO_STREAM (connection)), line, strlen (line), NULL,
                                  NULL, &local)) {
    bpg_error_take (error, g_steal_pointer (&local), _("Sending to the virtual arm"));
    return NULL;
  }
  input = g_data_input_stream_new (g_io_stream_get_input_stream (G_IO_STREAM (connection)));
  answer = g_data_input_stream_read_line_utf8 (input, NULL, NULL, &local);
  if (answer != NULL)
    return g_steal_pointer (&answer);
  if (local != NULL)
    bpg_error_take (error, g_steal_pointer (&local), _("The virtual arm's answer"));
  else
    g_set_error (error, BPG_ERROR, BPG_ERROR_DISCONNECTED, _("The virtual arm ended without an answer"));
  return NULL;
}

static char *
find_program (GError **error)
{
  static const char *const names[] = {"bionicpro-simlimb", "simlimb"};
  const char *given = g_getenv ("BIONICPRO_SIMLIMB");

  if (given != NULL)
    return g_strdup (given);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *beside = g_build_filename (BPG_LIBEXECDIR, names[i], NULL);
    char *found = g_find_program_in_path (names[i]);

    if (found != NULL)
      return found;
    if (g_file_test (beside, G_FILE_TEST_IS_EXECUTABLE))
      return g_steal_pointer (&beside);
  }
  g_set_error (error, BPG_ERROR, BPG_ERROR_NOT_FOUND,
               _("bionicpro-simlimb is not installed; put it on PATH or name it in BIONICPRO_SIMLIMB"));
  return NULL;
}

static GPtrArray *
build_command (const char *program, const char *folder, const char *const *options)
{
  GPtrArray *command = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *code = get_path (folder, "qr.json");

  g_ptr_array_add (command, g_strdup (program));
  g_ptr_array_add (command, g_strdup ("--dir"));
  g_ptr_array_add (command, g_strdup (folder));
  g_ptr_array_add (command, g_strdup ("--link"));
  g_ptr_array_add (command, get_path (folder, "port"));
  g_ptr_array_add (command, g_strdup ("--control"));
  g_ptr_array_add (command, get_path (folder, "control"));
  if (!g_file_test (code, G_FILE_TEST_EXISTS))
    g_ptr_array_add (command, g_strdup ("--manufacture"));
  for (guint i = 0; options[i] != NULL; i++)
    g_ptr_array_add (command, g_strdup (options[i]));
  g_ptr_array_add (command, NULL);
  return command;
}

/* The arm outlives us and the terminal. */
static void
set_up_child (gpointer user_data)
{
  setsid ();
}

static GSubprocess *
spawn (const char *folder, const char *const *options, GError **error)
{
  g_autofree char *program = find_program (error);
  g_autofree char *log = get_path (folder, "simlimb.log");
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_NONE);
  g_autoptr (GPtrArray) command = NULL;
  GSubprocess *child;
  GError *local = NULL;

  if (program == NULL)
    return NULL;
  command = build_command (program, folder, options);
  g_subprocess_launcher_set_stdout_file_path (launcher, log);
  g_subprocess_launcher_set_flags (launcher, G_SUBPROCESS_FLAGS_STDERR_MERGE);
  g_subprocess_launcher_set_child_setup (launcher, set_up_child, NULL, NULL);
  child = g_subprocess_launcher_spawnv (launcher, (const char *const *) command->pdata, &local);
  if (child == NULL)
    bpg_error_take (error, local, program);
  return child;
}

static void
on_child_exit (GObject *source, GAsyncResult *result, gpointer user_data)
{
  *(gboolean *) user_data = TRUE;
}

static char *
read_log_tail (const char *folder)
{
  g_autofree char *log = get_path (folder, "simlimb.log");
  g_autoptr (GBytes) bytes = bpg_file_read (log, MAX_LOG, NULL);
  g_autofree char *text = NULL;
  const char *last;

  if (bytes == NULL)
    return g_strdup (log);
  text = g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  g_strchomp (text);
  last = strrchr (text, '\n');
  return g_strdup (last != NULL ? last + 1 : text);
}

/* Waits until the arm answers or has ended. */
static gboolean
wait_for_answer (const char *folder, GSubprocess *child, GError **error)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (GError) last = NULL;
  gint64 deadline = g_get_monotonic_time () + START_SECONDS * G_USEC_PER_SEC;
  gboolean ended = FALSE, answered = FALSE;

  g_main_context_push_thread_default (context);
  g_subprocess_wait_async (child, NULL, on_child_exit, &ended);
  while (!ended && !answered && g_get_monotonic_time () < deadline) {
    g_autofree char *answer = NULL;

    g_usleep (POLL_MS * 1000);
    while (g_main_context_iteration (context, FALSE))
      continue;
    g_clear_error (&last);
    answer = ended ? NULL : bpg_limb_send (folder, "status", &last);
    answered = answer != NULL;
  }
  g_main_context_pop_thread_default (context);
  if (answered)
    return TRUE;
  if (ended) {
    g_autofree char *tail = read_log_tail (folder);

    g_set_error (error, BPG_ERROR, BPG_ERROR_FAILED, _("The virtual arm ended at once: %s"), tail);
  } else {
    g_subprocess_force_exit (child);
    g_set_error (error, BPG_ERROR, BPG_ERROR_TIMED_OUT, _("The virtual arm does not answer: %s"), last->message);
  }
  return FALSE;
}

GPid
bpg_limb_start (const char *folder, const char *const *options, GError **error)
{
  g_autofree char *present = NULL;
  g_autofree char *file = get_path (folder, "pid");
  g_autoptr (GSubprocess) child = NULL;
  const char *pid;

  if (!bpg_file_ensure_folder (folder, error))
    return 0;
  present = bpg_limb_send (folder, "status", NULL);
  if (present != NULL) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_BUSY, _("A virtual arm runs in %s already"), folder);
    return 0;
  }
  child = spawn (folder, options, error);
  if (child == NULL)
    return 0;
  pid = g_subprocess_get_identifier (child);
  if (!wait_for_answer (folder, child, error) || pid == NULL ||
      !bpg_file_write_durable (file, pid, strlen (pid), 0600, error))
    return 0;
  return atoi (pid);
}

GPid
bpg_limb_get_pid (const char *folder)
{
  g_autofree char *file = get_path (folder, "pid");
  g_autofree char *text = NULL;

  return g_file_get_contents (file, &text, NULL, NULL) ? atoi (text) : 0;
}

char *
bpg_limb_get_device_id (const char *folder, GError **error)
{
  g_autofree char *file = get_path (folder, "qr.json");
  g_autoptr (GBytes) bytes = bpg_file_read (file, MAX_CODE, error);
  g_autoptr (JsonParser) parser = json_parser_new ();
  JsonNode *root;
  const char *id = NULL;

  if (bytes == NULL)
    return NULL;
  if (json_parser_load_from_data (parser, g_bytes_get_data (bytes, NULL), (gssize) g_bytes_get_size (bytes), NULL)) {
    root = json_parser_get_root (parser);
    if (root != NULL && JSON_NODE_HOLDS_OBJECT (root))
      id = json_object_get_string_member_with_default (json_node_get_object (root), "deviceId", NULL);
  }
  if (id == NULL)
    g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, _("%s names no deviceId"), file);
  return g_strdup (id);
}
