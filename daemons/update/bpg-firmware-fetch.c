/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-firmware-fetch.h"

#include "bpg-error.h"
#include "bpg-file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <libsoup/soup.h>
#include <unistd.h>

#define NOTE_GROUP "Fetch"
#define NOTE_LIMIT 16384u
#define URL_MAX 2048u
#define REDIRECTIONS 5u
#define ATTEMPTS 4u
/* Patience with a server that says nothing, and with one that says a little now and then. */
#define SILENCE_SECONDS 30u
#define WHOLE_SECONDS 900
#define PIECE 16384u
/* So many half-fetched containers are remembered. */
#define NOTES_MAX 16u

/* What is known of an address: a note, and beside it what has come so far. */
typedef struct {
  char *note_path;
  char *part_path;
  char *etag; /* (nullable) */
  char *hash; /* (nullable): of the container that was there when it had that ETag */
} Memory;

typedef struct {
  BpgFirmwareFetch *order;
  SoupSession *session;
  Memory memory;
  gint64 deadline;
  gsize done; /* bytes in the part */
  int fd;
} Fetch;

static void
memory_clear (Memory *memory)
{
  g_free (memory->note_path);
  g_free (memory->part_path);
  g_free (memory->etag);
  g_free (memory->hash);
}

static void
memory_load (Memory *memory, const BpgFirmwareSettings *settings, const char *url)
{
  g_autofree char *name = g_compute_checksum_for_string (G_CHECKSUM_SHA256, url, -1);
  g_autofree char *folder = g_build_filename (settings->own, "fetch", NULL);
  g_autofree char *stem = g_build_filename (folder, name, NULL);
  g_autoptr (GKeyFile) note = g_key_file_new ();

  memory->note_path = g_strconcat (stem, ".ini", NULL);
  memory->part_path = g_strconcat (stem, ".part", NULL);
  if (!g_key_file_load_from_file (note, memory->note_path, G_KEY_FILE_NONE, NULL))
    return;
  memory->etag = g_key_file_get_string (note, NOTE_GROUP, "etag", NULL);
  memory->hash = g_key_file_get_string (note, NOTE_GROUP, "hash", NULL);
}

static gboolean
memory_save (const Memory *memory, const char *url, GError **error)
{
  g_autoptr (GKeyFile) note = g_key_file_new ();
  g_autofree char *folder = g_path_get_dirname (memory->note_path);
  g_autofree char *text = NULL;
  gsize length;

  g_key_file_set_string (note, NOTE_GROUP, "url", url);
  if (memory->etag != NULL)
    g_key_file_set_string (note, NOTE_GROUP, "etag", memory->etag);
  if (memory->hash != NULL)
    g_key_file_set_string (note, NOTE_GROUP, "hash", memory->hash);
  text = g_key_file_to_data (note, &length, NULL);
  return bpg_file_ensure_folder (folder, error) &&
         bpg_file_write_durable (memory->note_path, text, length, 0600, error);
}

static void
memory_forget (const Memory *memory)
{
  g_unlink (memory->part_path);
  g_unlink (memory->note_path);
}

/* Addresses that nobody asks for any more are forgotten, oldest first. */
static void
forget_oldest (const BpgFirmwareSettings *settings)
{
  g_autofree char *folder = g_build_filename (settings->own, "fetch", NULL);
  g_autofree char *oldest = NULL;
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  gint64 since = G_MAXINT64;
  const char *name;
  guint n = 0;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *path = g_build_filename (folder, name, NULL);
    GStatBuf status;

    if (!g_str_has_suffix (name, ".ini") || g_stat (path, &status) != 0)
      continue;
    n++;
    if (status.st_mtime >= since)
      continue;
    since = status.st_mtime;
    g_free (oldest);
    oldest = g_strndup (path, strlen (path) - strlen (".ini"));
  }
  if (n > NOTES_MAX) {
    const Memory memory = {g_strconcat (oldest, ".ini", NULL), g_strconcat (oldest, ".part", NULL), NULL, NULL};

    memory_forget (&memory);
    g_free (memory.note_path);
    g_free (memory.part_path);
  }
}

gboolean
bpg_firmware_fetch_check (const char *url, GError **error)
{
  g_autoptr (GUri) uri = strlen (url) <= URL_MAX ? g_uri_parse (url, SOUP_HTTP_URI_FLAGS, NULL) : NULL;

  if (uri != NULL && g_str_equal (g_uri_get_scheme (uri), "https") && g_uri_get_host (uri) != NULL &&
      g_uri_get_host (uri)[0] != '\0' && g_uri_get_userinfo (uri) == NULL)
    return TRUE;
  g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT,
               "Firmware is fetched from addresses that begin with https:// and have no name or password in them");
  return FALSE;
}

/* The errors of GIO and libsoup in our words. */
static void
take_error (GError **error, GError *local)
{
  BpgError code = BPG_ERROR_OFFLINE;

  if (local->domain == BPG_ERROR) {
    g_propagate_error (error, local);
    return;
  }
  if (g_error_matches (local, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    code = BPG_ERROR_CANCELLED;
  else if (g_error_matches (local, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
    code = BPG_ERROR_TIMED_OUT;
  else if (local->domain == G_TLS_ERROR)
    code = BPG_ERROR_SIGNATURE_INVALID;
  g_set_error (error, BPG_ERROR, code, "Fetching the firmware: %s", local->message);
  g_error_free (local);
}

static gboolean
open_session (Fetch *self, GError **error)
{
  const char *ca_file = self->order->settings->ca_file;
  g_autoptr (GTlsDatabase) database = NULL;
  GError *local = NULL;

  /* Straight to the server: what a proxy of the desktop says is not this service's to follow. */
  self->session = soup_session_new_with_options ("timeout", SILENCE_SECONDS, "proxy-resolver", NULL, "user-agent",
                                                 "bionicpro-updated", NULL);
  soup_session_remove_feature_by_type (self->session, SOUP_TYPE_CONTENT_DECODER);
  if (ca_file == NULL)
    return TRUE;
  database = g_tls_file_database_new (ca_file, &local);
  if (database == NULL) {
    take_error (error, local);
    return FALSE;
  }
  soup_session_set_tls_database (self->session, database);
  return TRUE;
}

static gboolean
is_strong (const char *etag)
{
  return etag != NULL && etag[0] == '"';
}

static void
add_conditions (Fetch *self, SoupMessageHeaders *headers)
{
  const Memory *memory = &self->memory;

  soup_message_headers_replace (headers, "Accept-Encoding", "identity");
  if (memory->etag != NULL && memory->hash != NULL && bpg_firmware_folder_has (self->order->settings, memory->hash)) {
    soup_message_headers_replace (headers, "If-None-Match", memory->etag);
  } else if (self->done > 0) {
    soup_message_headers_set_range (headers, (goffset) self->done, -1);
    soup_message_headers_replace (headers, "If-Range", memory->etag);
  }
}

/* Where a redirection leads to, which must be as safe as where it comes from. */
static GUri *
follow (SoupMessage *message, GError **error)
{
  const char *location = soup_message_headers_get_one (soup_message_get_response_headers (message), "Location");
  g_autoptr (GUri) uri =
    location != NULL ? g_uri_parse_relative (soup_message_get_uri (message), location, SOUP_HTTP_URI_FLAGS, NULL) : NULL;
  g_autofree char *text = uri != NULL ? g_uri_to_string (uri) : NULL;

  if (text != NULL && bpg_firmware_fetch_check (text, NULL))
    return g_steal_pointer (&uri);
  g_set_error (error, BPG_ERROR, BPG_ERROR_UPSTREAM_REJECTED, "The server sends us on to %s, which is not https",
               text != NULL ? text : "nowhere");
  return NULL;
}

/* Sends the request, and again to wherever the server sends us on. */
static GInputStream *
request (Fetch *self, SoupMessage **message, GError **error)
{
  g_autoptr (GUri) uri = g_uri_parse (self->order->url, SOUP_HTTP_URI_FLAGS, NULL);

  for (guint i = 0; i <= REDIRECTIONS; i++) {
    g_autoptr (GInputStream) body = NULL;
    GError *local = NULL;
    GUri *next;

    g_clear_object (message);
    *message = soup_message_new_from_uri ("GET", uri);
    soup_message_add_flags (*message, SOUP_MESSAGE_NO_REDIRECT);
    add_conditions (self, soup_message_get_request_headers (*message));
    body = soup_session_send (self->session, *message, self->order->cancellable, &local);
    if (body == NULL) {
      take_error (error, local);
      return NULL;
    }
    if (!SOUP_STATUS_IS_REDIRECTION (soup_message_get_status (*message)) ||
        soup_message_get_status (*message) == SOUP_STATUS_NOT_MODIFIED)
      return g_steal_pointer (&body);
    next = follow (*message, error);
    if (next == NULL)
      return NULL;
    g_uri_unref (uri);
    uri = next;
  }
  g_set_error (error, BPG_ERROR, BPG_ERROR_UPSTREAM_REJECTED, "The server sends us on again and again");
  return NULL;
}

static gboolean
set_too_large (GError **error)
{
  g_set_error (error, BPG_ERROR, BPG_ERROR_LIMIT_EXCEEDED, "What the server sends is larger than firmware can be (%u bytes)",
               BPG_FIRMWARE_MAX);
  return FALSE;
}

static gboolean
write_all (Fetch *self, const guint8 *bytes, gsize length, GError **error)
{
  while (length > 0) {
    gssize written = write (self->fd, bytes, length);

    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      return bpg_error_set_errno (error, errno, FALSE, self->memory.part_path);
    bytes += written;
    length -= (gsize) written;
    self->done += (gsize) written;
    self->order->fetched += (guint64) written;
  }
  return TRUE;
}

static void
tell (Fetch *self, const char *phase, double progress)
{
  self->order->func (phase, progress, self->order->user_data);
}

/* Everything from here to the end of the answer goes into the part. */
static gboolean
receive (Fetch *self, GInputStream *body, gsize total, GError **error)
{
  guint8 piece[PIECE];
  GError *local = NULL;
  gssize n;

  while ((n = g_input_stream_read (body, piece, sizeof piece, self->order->cancellable, &local)) > 0) {
    if (self->done + (gsize) n > BPG_FIRMWARE_MAX)
      return set_too_large (error);
    if (g_get_monotonic_time () > self->deadline) {
      g_set_error (error, BPG_ERROR, BPG_ERROR_TIMED_OUT, "The server is too slow: it is not done in %d s",
                   WHOLE_SECONDS);
      return FALSE;
    }
    if (!write_all (self, piece, (gsize) n, error))
      return FALSE;
    tell (self, "downloading", total > 0 ? 0.05 + 0.9 * MIN ((double) self->done / (double) total, 1) : 0.05);
  }
  if (n < 0) {
    take_error (error, local);
    return FALSE;
  }
  if (total == 0 || self->done >= total)
    return TRUE;
  g_set_error (error, BPG_ERROR, BPG_ERROR_OFFLINE, "The server ended in the middle of it");
  return FALSE;
}

static gboolean
open_part (Fetch *self, gboolean anew, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (self->memory.part_path);

  if (!bpg_file_ensure_folder (folder, error))
    return FALSE;
  self->fd = open (self->memory.part_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | (anew ? O_TRUNC : 0), 0600);
  if (self->fd < 0)
    return bpg_error_set_errno (error, errno, FALSE, self->memory.part_path);
  if (anew)
    self->done = 0;
  return TRUE;
}

/* A whole answer: what was there before is of no use. */
static gboolean
take_whole (Fetch *self, SoupMessage *message, GInputStream *body, GError **error)
{
  SoupMessageHeaders *headers = soup_message_get_response_headers (message);
  goffset length = soup_message_headers_get_content_length (headers);

  if (length > (goffset) BPG_FIRMWARE_MAX)
    return set_too_large (error);
  g_free (self->memory.etag);
  self->memory.etag = g_strdup (soup_message_headers_get_one (headers, "ETag"));
  g_clear_pointer (&self->memory.hash, g_free);
  /* The part first: a part that is none of this ETag's must never be there beside the note. */
  return open_part (self, TRUE, error) && memory_save (&self->memory, self->order->url, error) &&
         receive (self, body, (gsize) MAX (length, 0), error);
}

/* The rest of an answer. */
static gboolean
take_rest (Fetch *self, SoupMessage *message, GInputStream *body, GError **error)
{
  goffset start = -1, end = -1, total = -1;

  if (!soup_message_headers_get_content_range (soup_message_get_response_headers (message), &start, &end, &total) ||
      start != (goffset) self->done || total <= start || total > (goffset) BPG_FIRMWARE_MAX) {
    memory_forget (&self->memory);
    g_set_error (error, BPG_ERROR, BPG_ERROR_UPSTREAM_REJECTED, "The server sends another part than was asked for");
    return FALSE;
  }
  return open_part (self, FALSE, error) && receive (self, body, (gsize) total, error);
}

typedef enum { FETCHED, UNCHANGED, CUT, FAILED } Outcome;

static Outcome
refuse (SoupMessage *message, GError **error)
{
  guint status = soup_message_get_status (message);

  g_set_error (error, BPG_ERROR,
               status == SOUP_STATUS_NOT_FOUND || status == SOUP_STATUS_GONE ? BPG_ERROR_NOT_FOUND
                                                                             : BPG_ERROR_UPSTREAM_REJECTED,
               "The server says %u %s", status, soup_message_get_reason_phrase (message));
  return FAILED;
}

/* What comes of an error depends on whether another attempt may help. */
static Outcome
judge (const GError *error)
{
  return g_error_matches (error, BPG_ERROR, BPG_ERROR_OFFLINE) ? CUT : FAILED;
}

static Outcome
take_answer (Fetch *self, SoupMessage *message, GInputStream *body, GError **error)
{
  gboolean taken = FALSE;

  switch (soup_message_get_status (message)) {
  case SOUP_STATUS_NOT_MODIFIED:
    return UNCHANGED;
  case SOUP_STATUS_OK:
    taken = take_whole (self, message, body, error);
    break;
  case SOUP_STATUS_PARTIAL_CONTENT:
    taken = take_rest (self, message, body, error);
    break;
  case SOUP_STATUS_REQUESTED_RANGE_NOT_SATISFIABLE:
    memory_forget (&self->memory);
    g_set_error (error, BPG_ERROR, BPG_ERROR_OFFLINE, "The server no longer has what was half fetched");
    break;
  default:
    return refuse (message, error);
  }
  return taken ? FETCHED : judge (*error);
}

static Outcome
attempt (Fetch *self, GError **error)
{
  g_autoptr (SoupMessage) message = NULL;
  g_autoptr (GInputStream) body = NULL;
  GStatBuf status;
  Outcome outcome;

  self->fd = -1;
  self->done = 0;
  if (is_strong (self->memory.etag) && g_stat (self->memory.part_path, &status) == 0)
    self->done = (gsize) status.st_size;
  body = request (self, &message, error);
  outcome = body != NULL ? take_answer (self, message, body, error) : judge (*error);
  if (self->fd >= 0)
    close (self->fd);
  return outcome;
}

static Outcome
transfer (Fetch *self, GError **error)
{
  Outcome outcome = CUT;

  for (guint i = 0; i < ATTEMPTS && outcome == CUT; i++) {
    gsize before = self->done;

    g_clear_error (error);
    outcome = attempt (self, error);
    /* Who does not answer at all will not a moment later. */
    if (outcome == CUT && self->done <= before)
      return FAILED;
  }
  return outcome;
}

/* The whole part becomes one of the containers that are kept. */
static BpgFirmware *
take_part (Fetch *self, GError **error)
{
  g_autoptr (GBytes) container = bpg_file_read (self->memory.part_path, BPG_FIRMWARE_MAX, error);
  BpgFirmware *firmware = NULL;

  tell (self, "verifying", 0.95);
  if (container != NULL)
    firmware = bpg_firmware_folder_keep (self->order->settings, container, self->order->url, error);
  if (firmware == NULL) {
    memory_forget (&self->memory);
    return NULL;
  }
  g_unlink (self->memory.part_path);
  g_free (self->memory.hash);
  self->memory.hash = g_strdup (firmware->hash);
  if (self->memory.etag != NULL)
    memory_save (&self->memory, self->order->url, NULL);
  else
    memory_forget (&self->memory);
  return firmware;
}

static BpgFirmware *
run (Fetch *self, GError **error)
{
  g_autoptr (GBytes) container = NULL;
  g_autoptr (GError) local = NULL;
  BpgFirmware *firmware = NULL;

  if (!open_session (self, error))
    return NULL;
  tell (self, "connecting", 0);
  switch (transfer (self, &local)) {
  case FETCHED:
    return take_part (self, error);
  case UNCHANGED:
    self->order->unchanged = TRUE;
    container = bpg_firmware_folder_open (self->order->settings, self->memory.hash, &firmware, &local);
    break;
  case CUT:
  case FAILED:
  default:
    break;
  }
  if (firmware != NULL)
    return firmware;
  /* What can never become a container is not gone on with. */
  if (g_error_matches (local, BPG_ERROR, BPG_ERROR_LIMIT_EXCEEDED))
    memory_forget (&self->memory);
  g_propagate_error (error, g_steal_pointer (&local));
  return NULL;
}

BpgFirmware *
bpg_firmware_fetch (BpgFirmwareFetch *self, GError **error)
{
  /* What libsoup does later belongs to this thread, not to the main loop. */
  g_autoptr (GMainContext) context = g_main_context_new ();
  Fetch fetch = {.order = self, .deadline = g_get_monotonic_time () + WHOLE_SECONDS * G_USEC_PER_SEC};
  BpgFirmware *firmware;

  g_main_context_push_thread_default (context);
  memory_load (&fetch.memory, self->settings, self->url);
  firmware = run (&fetch, error);
  if (fetch.session != NULL)
    soup_session_abort (fetch.session);
  g_clear_object (&fetch.session);
  memory_clear (&fetch.memory);
  forget_oldest (self->settings);
  g_main_context_pop_thread_default (context);
  return firmware;
}
