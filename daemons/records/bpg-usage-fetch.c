/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-usage-fetch.h"

#include "bpg-error.h"
#include "bpg-management.h"
#include "bpg-usage-record.h"

#include <string.h>

/* So many pages are read before they are stored and confirmed. */
#define PAGES_A_ROUND 40u

typedef struct {
  guint64 sequence;
  guint8 bytes[BPG_USAGE_RECORD_BYTES];
} Record;

typedef struct {
  BpgArchive *archive;
  BpgArm *arm;
  BpgManagement *management;
  GArray *records; /* Record, of this round */
  guint64 from;    /* where the round begins, then where the next one does */
  guint64 lost;
  gboolean at_end;
  gsize stored;
} Fetch;

static void read_round (GTask *task);

static void
fetch_free (Fetch *fetch)
{
  g_clear_object (&fetch->management);
  g_array_unref (fetch->records);
  bpg_arm_free (fetch->arm);
  g_object_unref (fetch->archive);
  g_free (fetch);
}

/* The chain's own task goes from step to step; each step's worker has one of its own. */
static void
fail (GTask *task, GError *error)
{
  Fetch *fetch = g_task_get_task_data (task);

  g_clear_object (&fetch->management);
  g_task_return_error (task, error);
  g_object_unref (task);
}

static void
succeed (GTask *task)
{
  Fetch *fetch = g_task_get_task_data (task);

  g_clear_object (&fetch->management);
  g_task_return_int (task, (gssize) fetch->stored);
  g_object_unref (task);
}

static gboolean
take_page (Fetch *fetch, const BpgSmpReply *reply, GError **error)
{
  struct bpg_usage_reply page;
  struct bpg_cbor_item list;
  struct bpg_cbor_reader reader;
  const uint8_t *bytes;
  guint64 sequence;

  if (!bpg_usage_reply_decode (reply->payload, reply->length, &page, &list) || page.first > page.next ||
      page.next > G_MAXINT64) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, "The arm's usage log is not one the protocol knows");
    return FALSE;
  }
  sequence = page.first;
  bpg_cbor_reader_init (&reader, list.bytes, list.length);
  while (sequence < page.next && (bytes = bpg_usage_next_record (&reader)) != NULL) {
    Record record = {.sequence = sequence++};

    memcpy (record.bytes, bytes, sizeof record.bytes);
    g_array_append_val (fetch->records, record);
  }
  /* What is confirmed up to `next` is cleared on the arm: every record before it must have come. */
  if (sequence != page.next) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, "The arm's usage log does not hold the records it promises");
    return FALSE;
  }
  fetch->lost = page.lost;
  /* Without a step forward there is nothing more, or an arm that goes round in circles. */
  fetch->at_end = page.next <= fetch->from || sequence == page.first;
  fetch->from = MAX (fetch->from, page.next);
  return TRUE;
}

static gboolean
read_page (Fetch *fetch, GCancellable *cancellable, GError **error)
{
  const struct bpg_usage_request message = {fetch->from};
  BpgSmpRequest request = {BPG_SMP_READ, BPG_GROUP_ARM, BPG_ARM_USAGE, NULL, 0};
  struct bpg_cbor_writer writer;
  BpgSmpReply reply;
  guint8 payload[32];

  bpg_cbor_writer_init (&writer, payload, sizeof payload);
  bpg_usage_request_encode (&message, &writer);
  request.payload = payload;
  request.length = writer.length;
  return bpg_management_call (fetch->management, &request, BPG_MANAGEMENT_MILLISECONDS, BPG_MANAGEMENT_TRIES, &reply,
                              cancellable, error) &&
         take_page (fetch, &reply, error);
}

static void
read_in_worker (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  Fetch *fetch = task_data;
  GError *error = NULL;

  g_array_set_size (fetch->records, 0);
  fetch->at_end = FALSE;
  for (guint i = 0; i < PAGES_A_ROUND && !fetch->at_end; i++)
    if (!read_page (fetch, cancellable, &error)) {
      g_task_return_error (task, error);
      return;
    }
  g_task_return_boolean (task, TRUE);
}

static void
confirm_in_worker (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  Fetch *fetch = task_data;
  const struct bpg_usage_confirm_request message = {fetch->from};
  BpgSmpRequest request = {BPG_SMP_WRITE, BPG_GROUP_ARM, BPG_ARM_USAGE_CONFIRM, NULL, 0};
  struct bpg_cbor_writer writer;
  BpgSmpReply reply;
  guint8 payload[32];
  GError *error = NULL;

  bpg_cbor_writer_init (&writer, payload, sizeof payload);
  bpg_usage_confirm_request_encode (&message, &writer);
  request.payload = payload;
  request.length = writer.length;
  if (bpg_management_call (fetch->management, &request, BPG_MANAGEMENT_MILLISECONDS, BPG_MANAGEMENT_TRIES, &reply,
                           cancellable, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
run_in_worker (GTask *task, GTaskThreadFunc func, GAsyncReadyCallback callback)
{
  g_autoptr (GTask) step = g_task_new (NULL, g_task_get_cancellable (task), callback, task);

  g_task_set_task_data (step, g_task_get_task_data (task), NULL);
  g_task_run_in_thread (step, func);
}

static gboolean
store_record (Fetch *fetch, const Record *record, GError **error)
{
  g_autoptr (GBytes) content = g_bytes_new_static (record->bytes, sizeof record->bytes);
  g_autoptr (GBytes) stored =
    bpg_seal_close (bpg_archive_get_seal (fetch->archive), fetch->arm->patient, content, error);

  return stored != NULL &&
         bpg_store_run (bpg_archive_get_store (fetch->archive), error,
                        "INSERT OR IGNORE INTO usage (prosthesis, sequence, patient, time, content)"
                        " VALUES (?, ?, ?, ?, ?)", "ststb", fetch->arm->device_id, record->sequence,
                        fetch->arm->patient, bpg_usage_record_get_time (record->bytes), stored);
}

static gboolean
store_rows (Fetch *fetch, GError **error)
{
  for (guint i = 0; i < fetch->records->len; i++)
    if (!store_record (fetch, &g_array_index (fetch->records, Record, i), error))
      return FALSE;
  return bpg_store_run (bpg_archive_get_store (fetch->archive), error,
                        "INSERT OR REPLACE INTO prosthesis (id, next, overwritten, fetched) VALUES (?, ?, ?, ?)",
                        "sttt", fetch->arm->device_id, fetch->from, fetch->lost, (guint64) g_get_real_time ());
}

/* An arm goes on being bound to a patient who was deleted, until somebody presses its button: what it tells of them must
 * not come back. */
static gboolean
check_patient (Fetch *fetch, GError **error)
{
  BpgStore *store = bpg_archive_get_store (fetch->archive);
  g_autoptr (sqlite3_stmt) statement =
    bpg_store_prepare (store, error, "SELECT 1 FROM patient WHERE id = ?", "s", fetch->arm->patient);
  int found = statement != NULL ? bpg_store_step (store, statement, error) : -1;

  if (found == 0)
    g_set_error (error, BPG_ERROR, BPG_ERROR_NOT_FOUND,
                 "There is no patient %s here; the log stays on the prosthesis, unbind it", fetch->arm->patient);
  return found == 1;
}

static gboolean
store_round (Fetch *fetch, GError **error)
{
  BpgStore *store = bpg_archive_get_store (fetch->archive);

  if (!bpg_store_begin (store, error))
    return FALSE;
  if (!check_patient (fetch, error) || !store_rows (fetch, error)) {
    bpg_store_roll_back (store);
    return FALSE;
  }
  if (!bpg_store_commit (store, error))
    return FALSE;
  fetch->stored += fetch->records->len;
  return TRUE;
}

static void
on_confirmed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  Fetch *fetch = g_task_get_task_data (task);
  GError *error = NULL;

  if (!g_task_propagate_boolean (G_TASK (result), &error))
    fail (task, error);
  else if (fetch->at_end)
    succeed (task);
  else
    read_round (task);
}

static void
on_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  Fetch *fetch = g_task_get_task_data (task);
  GError *error = NULL;

  if (!g_task_propagate_boolean (G_TASK (result), &error) || !store_round (fetch, &error))
    fail (task, error);
  else
    run_in_worker (task, confirm_in_worker, on_confirmed);
}

static void
read_round (GTask *task)
{
  run_in_worker (task, read_in_worker, on_read);
}

static void
on_acquired (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  Fetch *fetch = g_task_get_task_data (task);
  GError *error = NULL;

  fetch->management = bpg_management_acquire_finish (result, &error);
  if (fetch->management == NULL)
    fail (task, error);
  else
    read_round (task);
}

static guint64
load_next (Fetch *fetch)
{
  BpgStore *store = bpg_archive_get_store (fetch->archive);
  g_autoptr (sqlite3_stmt) statement =
    bpg_store_prepare (store, NULL, "SELECT next FROM prosthesis WHERE id = ?", "s", fetch->arm->device_id);

  /* Asking for what is stored already is harmless. */
  if (statement == NULL || bpg_store_step (store, statement, NULL) != 1)
    return 0;
  return (guint64) sqlite3_column_int64 (statement, 0);
}

void
bpg_usage_fetch_async (BpgArchive *archive, const BpgArm *arm, GCancellable *cancellable, GAsyncReadyCallback callback,
                       gpointer user_data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);
  Fetch *fetch = g_new0 (Fetch, 1);
  BpgService *service = bpg_archive_get_service (archive);
  GError *error = NULL;

  fetch->archive = g_object_ref (archive);
  fetch->arm = bpg_arm_copy (arm);
  fetch->records = g_array_new (FALSE, FALSE, sizeof (Record));
  fetch->from = load_next (fetch);
  g_task_set_source_tag (task, bpg_usage_fetch_async);
  g_task_set_task_data (task, fetch, (GDestroyNotify) fetch_free);
  if (!check_patient (fetch, &error)) {
    fail (task, error);
    return;
  }
  bpg_management_acquire_async (bpg_service_get_connection (service), arm->path, "fetching the usage log", cancellable,
                                on_acquired, task);
}

gssize
bpg_usage_fetch_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_int (G_TASK (result), error);
}
