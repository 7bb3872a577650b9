/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-error.h"
#include "bpg-stream.h"

#include <unistd.h>

typedef struct {
  int write_fd;
  BpgStreamReader *reader;
  GMainLoop *loop;
  GArray *sequences;
  gint64 sum;
  gboolean ended;
  gboolean stop_at_first;
  GError *error;
} Fixture;

static void
on_record (BpgStreamReader *reader, const BpgStreamHeader *header, const void *body, gpointer user_data)
{
  Fixture *fixture = user_data;
  const gint16 *samples = body;

  g_array_append_val (fixture->sequences, header->sequence);
  for (guint i = 0; i < header->length / 2; i++)
    fixture->sum += samples[i];
  if (fixture->stop_at_first) {
    bpg_stream_reader_stop (reader);
    g_main_loop_quit (fixture->loop);
  }
}

static void
on_end (BpgStreamReader *reader, const GError *error, gpointer user_data)
{
  Fixture *fixture = user_data;

  g_assert_false (fixture->ended);
  fixture->ended = TRUE;
  fixture->error = error != NULL ? g_error_copy (error) : NULL;
  g_main_loop_quit (fixture->loop);
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  int ends[2];

  g_assert_cmpint (pipe (ends), ==, 0);
  fixture->write_fd = ends[1];
  fixture->loop = g_main_loop_new (NULL, FALSE);
  fixture->sequences = g_array_new (FALSE, FALSE, sizeof (guint32));
  fixture->reader = bpg_stream_reader_new (ends[0], on_record, on_end, fixture);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  if (fixture->write_fd >= 0)
    close (fixture->write_fd);
  g_object_unref (fixture->reader);
  g_main_loop_unref (fixture->loop);
  g_array_unref (fixture->sequences);
  g_clear_error (&fixture->error);
}

static GByteArray *
make_record (guint32 sequence, guint16 n_samples)
{
  GByteArray *bytes = g_byte_array_new ();
  BpgStreamHeader header = {BPG_STREAM_MAGIC, sizeof header, BPG_STREAM_SAMPLES, n_samples * 2u, sequence};

  g_byte_array_append (bytes, (const guint8 *) &header, sizeof header);
  for (gint16 i = 0; i < n_samples; i++)
    g_byte_array_append (bytes, (const guint8 *) &i, sizeof i);
  return bytes;
}

static void
send (Fixture *fixture, const guint8 *data, gsize length)
{
  g_assert_cmpint (write (fixture->write_fd, data, length), ==, (gssize) length);
}

static void
finish (Fixture *fixture)
{
  close (fixture->write_fd);
  fixture->write_fd = -1;
  g_main_loop_run (fixture->loop);
}

/* However the bytes arrive, the same records come out. */
static void
test_any_cut (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GByteArray) first = make_record (1, 3);
  g_autoptr (GByteArray) second = make_record (2, 0);
  g_autoptr (GByteArray) third = make_record (3, 5);

  g_byte_array_append (first, second->data, second->len);
  g_byte_array_append (first, third->data, third->len);
  for (guint i = 0; i < first->len; i++) {
    send (fixture, first->data + i, 1);
    while (g_main_context_iteration (NULL, FALSE))
      ;
  }
  finish (fixture);

  g_assert_true (fixture->ended);
  g_assert_no_error (fixture->error);
  g_assert_cmpuint (fixture->sequences->len, ==, 3);
  g_assert_cmpint (fixture->sum, ==, 3 + 10);
}

static void
test_garbage_is_corrupt (Fixture *fixture, gconstpointer data)
{
  g_autofree guint8 *garbage = g_malloc0 (200);

  send (fixture, garbage, 200);
  g_main_loop_run (fixture->loop);
  g_assert_true (fixture->ended);
  g_assert_error (fixture->error, BPG_ERROR, BPG_ERROR_CORRUPT);
}

static void
test_oversized_body_is_corrupt (Fixture *fixture, gconstpointer data)
{
  BpgStreamHeader header = {BPG_STREAM_MAGIC, sizeof header, BPG_STREAM_SAMPLES, BPG_STREAM_MAX_BODY + 1};

  send (fixture, (const guint8 *) &header, sizeof header);
  g_main_loop_run (fixture->loop);
  g_assert_error (fixture->error, BPG_ERROR, BPG_ERROR_CORRUPT);
}

static void
test_stop_in_the_callback (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GByteArray) record = make_record (1, 1);

  fixture->stop_at_first = TRUE;
  send (fixture, record->data, record->len);
  send (fixture, record->data, record->len);
  g_main_loop_run (fixture->loop);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_cmpuint (fixture->sequences->len, ==, 1);
  g_assert_false (fixture->ended);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/stream/any-cut", Fixture, NULL, set_up, test_any_cut, tear_down);
  g_test_add ("/stream/garbage-is-corrupt", Fixture, NULL, set_up, test_garbage_is_corrupt, tear_down);
  g_test_add ("/stream/oversized-body-is-corrupt", Fixture, NULL, set_up, test_oversized_body_is_corrupt, tear_down);
  g_test_add ("/stream/stop-in-the-callback", Fixture, NULL, set_up, test_stop_in_the_callback, tear_down);
  return g_test_run ();
}
