/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-error.h"
#include "bpg-link.h"

#include "link/demux.h"

#include <string.h>

/* A line that keeps what is sent, and gives what a test wants. */

#define TEST_TYPE_LINE (test_line_get_type ())
G_DECLARE_FINAL_TYPE (TestLine, test_line, TEST, LINE, GObject)

struct _TestLine {
  GObject parent_instance;

  const BpgTransportFuncs *funcs;
  gpointer user_data;
  struct bpg_demux *demux;
  GPtrArray *sent; /* GBytes: SMP packets */
  gboolean closed;
};

static void test_line_transport_init (BpgTransportInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (TestLine, test_line, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (BPG_TYPE_TRANSPORT, test_line_transport_init))

static void
test_line_finalize (GObject *object)
{
  g_free (TEST_LINE (object)->demux);
  g_ptr_array_unref (TEST_LINE (object)->sent);
  G_OBJECT_CLASS (test_line_parent_class)->finalize (object);
}

static void
test_line_class_init (TestLineClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = test_line_finalize;
}

static void
test_line_init (TestLine *self)
{
  self->demux = g_new0 (struct bpg_demux, 1);
  bpg_demux_init (self->demux);
  self->sent = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
}

static void
line_start (BpgTransport *transport, const BpgTransportFuncs *funcs, gpointer user_data)
{
  TEST_LINE (transport)->funcs = funcs;
  TEST_LINE (transport)->user_data = user_data;
}

static gboolean
line_send (BpgTransport *transport, const guint8 *bytes, gsize length)
{
  TestLine *self = TEST_LINE (transport);
  struct bpg_demux_event event;

  while (length > 0) {
    gsize used = bpg_demux_push (self->demux, bytes, length, &event);

    bytes += used;
    length -= used;
    if (event.kind == BPG_DEMUX_PACKET)
      g_ptr_array_add (self->sent, g_bytes_new (event.packet, event.packet_length));
  }
  return TRUE;
}

static void
line_close (BpgTransport *transport)
{
  TEST_LINE (transport)->closed = TRUE;
}

static const char *
line_get_text (BpgTransport *transport)
{
  return "test";
}

static guint
line_get_speed (BpgTransport *transport)
{
  return 0;
}

static void
test_line_transport_init (BpgTransportInterface *iface)
{
  iface->start = line_start;
  iface->send = line_send;
  iface->close = line_close;
  iface->get_kind = line_get_text;
  iface->get_name = line_get_text;
  iface->get_speed = line_get_speed;
}

typedef struct {
  TestLine *line;
  BpgLink *link;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->line = g_object_new (TEST_TYPE_LINE, NULL);
  fixture->link = bpg_link_new (BPG_TRANSPORT (fixture->line));
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_clear_object (&fixture->link);
  g_assert_true (fixture->line->closed);
  g_clear_object (&fixture->line);
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

typedef struct {
  gboolean done;
  GBytes *payload;
  GError *error;
} Answer;

static void
on_answer (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Answer *answer = user_data;

  answer->payload = bpg_link_request_finish (BPG_LINK (source), result, &answer->error);
  answer->done = TRUE;
}

static void
ask (Fixture *fixture, guint milliseconds, guint tries, GCancellable *cancellable, Answer *answer)
{
  BpgLinkRequest request = {BPG_SMP_READ, BPG_GROUP_ARM, BPG_ARM_STATUS, NULL, NULL, milliseconds, tries};

  memset (answer, 0, sizeof *answer);
  bpg_link_request_async (fixture->link, &request, cancellable, on_answer, answer);
}

static void
wait_for (Answer *answer)
{
  while (!answer->done)
    g_main_context_iteration (NULL, TRUE);
}

static void
expect_error (Answer *answer, BpgError code)
{
  wait_for (answer);
  g_assert_null (answer->payload);
  g_assert_error (answer->error, BPG_ERROR, (int) code);
  g_clear_error (&answer->error);
}

static void
expect_success (Answer *answer)
{
  wait_for (answer);
  g_assert_no_error (answer->error);
  g_clear_pointer (&answer->payload, g_bytes_unref);
}

static struct bpg_smp_header
sent_header (Fixture *fixture, guint index)
{
  struct bpg_smp_header header;
  gsize length;
  const guint8 *bytes;

  g_assert_cmpuint (index, <, fixture->line->sent->len);
  bytes = g_bytes_get_data (g_ptr_array_index (fixture->line->sent, index), &length);
  g_assert_true (bpg_smp_header_decode (bytes, length, &header));
  return header;
}

/* Answers the request that was sent as number @index; @change is added to what a good reply has in op. */
static void
reply_as (Fixture *fixture, guint index, int change, guint16 rc)
{
  struct bpg_smp_header header = sent_header (fixture, index);
  struct bpg_rc_reply ok = {0};
  struct bpg_cbor_writer writer;
  guint8 packet[256], line[BPG_SMP_CONSOLE_MAX];

  header.op = (guint8) (header.op + 1 + change);
  bpg_packet_begin (&writer, packet, sizeof packet);
  if (rc == 0)
    bpg_rc_reply_encode (&ok, &writer);
  else
    bpg_error_encode (1, BPG_GROUP_ARM, rc, &writer);
  fixture->line->funcs->received (line,
                                  bpg_smp_console_encode (packet, bpg_packet_finish (&writer, &header), line, sizeof line),
                                  fixture->line->user_data);
}

static void
test_answered (Fixture *fixture, gconstpointer data)
{
  Answer answer;

  ask (fixture, 0, 1, NULL, &answer);
  g_assert_cmpuint (sent_header (fixture, 0).group, ==, BPG_GROUP_ARM);
  g_assert_cmpuint (sent_header (fixture, 0).version, ==, 1);
  reply_as (fixture, 0, 0, 0);
  expect_success (&answer);
  g_assert_cmpint (bpg_link_get_heard (fixture->link), >, 0);

  ask (fixture, 0, 1, NULL, &answer);
  reply_as (fixture, 1, 0, BPG_ARM_ERROR_BATTERY_LOW);
  expect_error (&answer, BPG_ERROR_BATTERY_TOO_LOW);
}

static void
test_tries (Fixture *fixture, gconstpointer data)
{
  Answer answer;

  ask (fixture, 20, 3, NULL, &answer);
  expect_error (&answer, BPG_ERROR_TIMED_OUT);
  g_assert_cmpuint (fixture->line->sent->len, ==, 3);
  g_assert_cmpuint (sent_header (fixture, 0).sequence, !=, sent_header (fixture, 1).sequence);
  /* The answer to a try that was given up finds nobody. */
  reply_as (fixture, 0, 0, 0);
}

static void
test_not_its_answer (Fixture *fixture, gconstpointer data)
{
  static const guint8 no_packet[] = "\x06\x09" "AAA=\n";
  Answer answer;

  ask (fixture, 100, 1, NULL, &answer);
  reply_as (fixture, 0, -1, 0);
  reply_as (fixture, 0, 2, 0);
  fixture->line->funcs->received (no_packet, sizeof no_packet - 1, fixture->line->user_data);
  g_assert_false (answer.done);
  expect_error (&answer, BPG_ERROR_TIMED_OUT);
}

static void
test_window (Fixture *fixture, gconstpointer data)
{
  Answer answers[10];

  for (guint i = 0; i < G_N_ELEMENTS (answers); i++)
    ask (fixture, 0, 1, NULL, &answers[i]);
  g_assert_cmpuint (fixture->line->sent->len, ==, 1);
  bpg_link_set_window (fixture->link, 4);
  g_assert_cmpuint (fixture->line->sent->len, ==, 4);
  bpg_link_set_window (fixture->link, 1000);
  g_assert_cmpuint (fixture->line->sent->len, ==, BPG_LINK_MAX_WINDOW);
  for (guint i = 0; i < G_N_ELEMENTS (answers); i++)
    reply_as (fixture, i, 0, 0);
  for (guint i = 0; i < G_N_ELEMENTS (answers); i++)
    expect_success (&answers[i]);
}

static void
test_cancelled (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Answer flying, waiting, late, next;

  ask (fixture, 0, 1, cancellable, &flying);
  ask (fixture, 0, 1, cancellable, &waiting);
  g_cancellable_cancel (cancellable);
  expect_error (&flying, BPG_ERROR_CANCELLED);
  expect_error (&waiting, BPG_ERROR_CANCELLED);
  ask (fixture, 0, 1, cancellable, &late);
  expect_error (&late, BPG_ERROR_CANCELLED);
  g_assert_cmpuint (fixture->line->sent->len, ==, 1);

  ask (fixture, 0, 1, NULL, &next);
  reply_as (fixture, 1, 0, 0);
  expect_success (&next);
}

static void
on_closed (BpgLink *link, const GError *error, gpointer user_data)
{
  g_assert_error (error, BPG_ERROR, BPG_ERROR_DISCONNECTED);
  (*(guint *) user_data)++;
}

static void
test_closed (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = g_error_new_literal (BPG_ERROR, BPG_ERROR_DISCONNECTED, "gone");
  Answer flying, waiting, late;
  guint closed = 0;

  g_signal_connect (fixture->link, "closed", G_CALLBACK (on_closed), &closed);
  ask (fixture, 0, 1, NULL, &flying);
  ask (fixture, 0, 1, NULL, &waiting);
  fixture->line->funcs->closed (error, fixture->line->user_data);
  expect_error (&flying, BPG_ERROR_DISCONNECTED);
  expect_error (&waiting, BPG_ERROR_DISCONNECTED);
  g_assert_false (bpg_link_is_open (fixture->link));
  ask (fixture, 0, 1, NULL, &late);
  expect_error (&late, BPG_ERROR_DISCONNECTED);
  bpg_link_close (fixture->link, error);
  g_assert_cmpuint (closed, ==, 1);
}

static void
test_too_many (Fixture *fixture, gconstpointer data)
{
  g_autofree Answer *answers = g_new0 (Answer, 200);
  g_autoptr (GError) error = g_error_new_literal (BPG_ERROR, BPG_ERROR_DISCONNECTED, "gone");
  guint busy = 0;

  for (guint i = 0; i < 200; i++)
    ask (fixture, 0, 1, NULL, &answers[i]);
  bpg_link_close (fixture->link, error);
  for (guint i = 0; i < 200; i++) {
    wait_for (&answers[i]);
    busy += g_error_matches (answers[i].error, BPG_ERROR, BPG_ERROR_BUSY);
    g_clear_error (&answers[i].error);
  }
  g_assert_cmpuint (busy, ==, 200 - 128 - 1);
}

typedef struct {
  guint answered;
  guint given_up;
  guint8 sequence;
} Holder;

static void
on_forwarded (const guint8 *packet, gsize length, gpointer user_data)
{
  Holder *holder = user_data;

  if (packet == NULL) {
    holder->given_up++;
    return;
  }
  holder->answered++;
  holder->sequence = packet[6];
}

static void
forward (Fixture *fixture, guint8 sequence, Holder *holder)
{
  struct bpg_smp_header header = bpg_request_header (BPG_SMP_READ, BPG_GROUP_IMAGE, BPG_IMAGE_STATE, sequence);
  guint8 packet[BPG_SMP_HEADER_SIZE];

  bpg_smp_header_encode (&header, packet);
  bpg_link_forward (fixture->link, packet, sizeof packet, on_forwarded, holder);
}

static void
test_forwarded (Fixture *fixture, gconstpointer data)
{
  Holder holder = {0}, other = {0};
  Answer own;

  bpg_link_set_window (fixture->link, 8);
  ask (fixture, 0, 1, NULL, &own);
  forward (fixture, 0, &holder);
  forward (fixture, 0, &other);
  g_assert_cmpuint (fixture->line->sent->len, ==, 3);
  reply_as (fixture, 2, 0, 0);
  g_assert_cmpuint (other.answered, ==, 1);
  g_assert_cmpuint (holder.answered, ==, 0);
  g_assert_cmpuint (other.sequence, ==, 0);

  /* The same number again: the first one is given up. */
  forward (fixture, 0, &holder);
  g_assert_cmpuint (holder.given_up, ==, 1);
  reply_as (fixture, 1, 0, 0);
  g_assert_cmpuint (holder.answered, ==, 0);
  reply_as (fixture, 3, 0, 0);
  g_assert_cmpuint (holder.answered, ==, 1);

  forward (fixture, 5, &holder);
  bpg_link_forget (fixture->link, &holder);
  reply_as (fixture, 4, 0, 0);
  g_assert_cmpuint (holder.answered, ==, 1);
  g_assert_cmpuint (holder.given_up, ==, 1);
  reply_as (fixture, 0, 0, 0);
  expect_success (&own);
}

int
main (int argc, char **argv)
{
  static const struct {
    const char *name;
    void (*func) (Fixture *, gconstpointer);
  } tests[] = {
    {"/pairing/link/answered", test_answered}, {"/pairing/link/tries", test_tries},
    {"/pairing/link/not-its-answer", test_not_its_answer}, {"/pairing/link/window", test_window},
    {"/pairing/link/cancelled", test_cancelled}, {"/pairing/link/closed", test_closed},
    {"/pairing/link/too-many", test_too_many}, {"/pairing/link/forwarded", test_forwarded},
  };

  g_test_init (&argc, &argv, NULL);
  bpg_error_quark ();
  for (guint i = 0; i < G_N_ELEMENTS (tests); i++)
    g_test_add (tests[i].name, Fixture, NULL, set_up, tests[i].func, tear_down);
  return g_test_run ();
}
