/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake-arm.h"

#include <fcntl.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <pty.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define CHANNELS 8u

static void
write_all (FakeArm *self, const guint8 *bytes, gsize length)
{
  gssize n;

  if (self->fd < 0)
    return;
  /* Nobody who does not read may stop the test. */
  n = write (self->fd, bytes, length);
  if (n != (gssize) length)
    g_debug ("%zd of %zu bytes taken", n, length);
}

static void
send_packet (FakeArm *self, const guint8 *packet, gsize length)
{
  guint8 line[BPG_SMP_CONSOLE_MAX];

  if (self->hold)
    g_queue_push_tail (&self->held, g_bytes_new (packet, length));
  else
    write_all (self, line, bpg_smp_console_encode (packet, length, line, sizeof line));
  self->most_outstanding = MAX (self->most_outstanding, self->held.length);
}

void
fake_arm_release (FakeArm *self)
{
  GBytes *bytes;

  self->hold = FALSE;
  while ((bytes = g_queue_pop_head (&self->held)) != NULL) {
    gsize length;
    const guint8 *packet = g_bytes_get_data (bytes, &length);

    send_packet (self, packet, length);
    g_bytes_unref (bytes);
  }
}

static void
put_identity (FakeArm *self, struct bpg_cbor_writer *writer)
{
  static const char other[] = "0000000000000000000000000000000000000000000000000000000000000000";
  gsize length;
  const guint8 *key = g_bytes_get_data (self->key, &length);
  struct bpg_identity identity = {
    .id = bpg_text (self->id),
    .fp = bpg_text (self->other_fingerprint ? other : self->fingerprint),
    .key = {key, length},
    .hw = bpg_text ("fake-1"),
    .side = bpg_text (self->side),
    .state = bpg_text (self->state),
    .fw = bpg_text ("1.2.3"),
    .schema = 1,
    .patient = bpg_text (self->patient),
  };

  bpg_identity_encode (&identity, writer);
}

static void
put_signature (FakeArm *self, const guint8 *payload, gsize length, struct bpg_cbor_writer *writer)
{
  struct bpg_challenge_request request = {0};
  struct bpg_challenge_reply reply;
  g_autoptr (GByteArray) text = g_byte_array_new ();
  gnutls_datum_t data, signature;

  g_assert_true (bpg_challenge_request_decode (payload, length, &request));
  g_assert_cmpuint (request.nonce.length, ==, 32);
  g_byte_array_append (text, (const guint8 *) BPG_CHALLENGE_PREFIX, strlen (BPG_CHALLENGE_PREFIX));
  g_byte_array_append (text, (const guint8 *) self->id, (guint) strlen (self->id));
  g_byte_array_append (text, request.nonce.bytes, (guint) request.nonce.length);
  if (self->bad_signature)
    text->data[text->len - 1] ^= 1;
  data = (gnutls_datum_t){text->data, text->len};
  g_assert_cmpint (gnutls_privkey_sign_data2 (self->private_key, GNUTLS_SIGN_ECDSA_SHA256, 0, &data, &signature), ==, 0);
  reply.sig = (struct bpg_bytes){signature.data, signature.size};
  bpg_challenge_reply_encode (&reply, writer);
  gnutls_free (signature.data);
}

static void
put_parameters (FakeArm *self, struct bpg_cbor_writer *writer)
{
  static const guint8 model[32] = {0xab};
  struct bpg_parameters parameters = {1000, CHANNELS, 250, bpg_text ("microvolt"), 20, 50, {model, sizeof model}};

  bpg_parameters_encode (&parameters, writer);
}

static void
put_status (FakeArm *self, struct bpg_cbor_writer *writer)
{
  struct bpg_status status = {
    .bat = 77, .mv = 3900, .temp = 315, .worn = true, .dead = 4, .up = self->uptime, .boot = bpg_text ("power-on")};

  self->uptime += 10;
  status.lat[20] = 5;
  bpg_status_encode (&status, writer);
}

static void
take_bind (FakeArm *self, const guint8 *payload, gsize length, struct bpg_cbor_writer *writer)
{
  struct bpg_bind_request request = {0};
  struct bpg_state_reply reply = {bpg_text ("binding")};
  guint refusal = self->refuse_bind;

  g_assert_true (bpg_bind_request_decode (payload, length, &request));
  if (self->busy_while_asked && g_str_equal (self->state, "binding"))
    refusal = BPG_ARM_ERROR_BUSY;
  if (refusal != 0) {
    bpg_error_encode (1, BPG_GROUP_ARM, (guint16) refusal, writer);
    return;
  }
  g_free (self->state);
  g_free (self->side);
  g_free (self->patient);
  g_clear_pointer (&self->clinic_key, g_bytes_unref);
  self->state = g_strdup ("binding");
  self->patient = g_strndup (request.patient.bytes, request.patient.length);
  self->side = g_strndup (request.side.bytes, request.side.length);
  self->clinic_key = g_bytes_new (request.key.bytes, request.key.length);
  bpg_state_reply_encode (&reply, writer);
}

static void
set_state (FakeArm *self, const char *state)
{
  g_free (self->state);
  self->state = g_strdup (state);
  if (g_str_equal (state, "unbound")) {
    g_free (self->side);
    g_free (self->patient);
    self->side = g_strdup ("");
    self->patient = g_strdup ("");
  }
}

static void
take_unbind (FakeArm *self, struct bpg_cbor_writer *writer)
{
  struct bpg_state_reply reply;

  /* While something waits for the button, this takes it back. */
  if (g_str_equal (self->state, "binding"))
    set_state (self, "unbound");
  else if (g_str_equal (self->state, "unbinding"))
    set_state (self, "bound");
  else if (g_str_equal (self->state, "bound"))
    set_state (self, "unbinding");
  else {
    bpg_error_encode (1, BPG_GROUP_ARM, BPG_ARM_ERROR_WRONG_STATE, writer);
    return;
  }
  reply.state = bpg_text (self->state);
  bpg_state_reply_encode (&reply, writer);
}

void
fake_arm_press (FakeArm *self)
{
  if (g_str_equal (self->state, "binding"))
    set_state (self, "bound");
  else if (g_str_equal (self->state, "unbinding"))
    set_state (self, "unbound");
  fake_arm_send_event (self, BPG_EVENT_BUTTON);
}

static void
answer_arm (FakeArm *self, const struct bpg_smp_header *header, const guint8 *payload, struct bpg_cbor_writer *writer)
{
  static const struct bpg_rc_reply ok = {0};

  switch (header->command) {
  case BPG_ARM_IDENTITY:
    put_identity (self, writer);
    break;
  case BPG_ARM_CHALLENGE:
    put_signature (self, payload, header->length, writer);
    break;
  case BPG_ARM_PARAMETERS:
    put_parameters (self, writer);
    break;
  case BPG_ARM_STATUS:
    put_status (self, writer);
    break;
  case BPG_ARM_STREAM:
    g_assert_true (bpg_stream_request_decode (payload, header->length, &self->stream));
    bpg_rc_reply_encode (&ok, writer);
    break;
  case BPG_ARM_BIND:
    take_bind (self, payload, header->length, writer);
    break;
  case BPG_ARM_UNBIND:
    take_unbind (self, writer);
    break;
  case BPG_ARM_IDENTIFY:
    bpg_rc_reply_encode (&ok, writer);
    break;
  default:
    bpg_error_encode (1, BPG_GROUP_ARM, BPG_ARM_ERROR_UNKNOWN, writer);
    break;
  }
}

static void
answer_os (FakeArm *self, const struct bpg_smp_header *header, const guint8 *payload, struct bpg_cbor_writer *writer)
{
  struct bpg_params_reply params = {BPG_SMP_PACKET_MAX, self->buffers};
  struct bpg_echo_request echo = {{NULL, 0}};
  struct bpg_echo_reply reply;

  if (header->command == BPG_OS_PARAMS) {
    bpg_params_reply_encode (&params, writer);
  } else if (header->command == BPG_OS_ECHO && bpg_echo_request_decode (payload, header->length, &echo)) {
    reply.r = echo.d;
    bpg_echo_reply_encode (&reply, writer);
  } else {
    bpg_error_encode (header->version, BPG_GROUP_OS, BPG_SMP_ERROR_NOT_SUPPORTED, writer);
  }
}

static gboolean
on_flood (gpointer user_data)
{
  FakeArm *self = user_data;
  guint8 rubbish[4096];

  memset (rubbish, 'U', sizeof rubbish);
  write_all (self, rubbish, sizeof rubbish);
  return G_SOURCE_CONTINUE;
}

static void
take_request (FakeArm *self, const guint8 *bytes, gsize length)
{
  struct bpg_smp_header header, reply;
  struct bpg_cbor_writer writer;
  guint8 packet[BPG_SMP_PACKET_MAX];

  g_assert_true (bpg_smp_header_decode (bytes, length, &header));
  self->requests++;
  if (self->babble)
    write_all (self, (const guint8 *) "login: ", 7);
  if (self->flood && self->flood_id == 0)
    self->flood_id = g_idle_add (on_flood, self);
  if (self->silent || (self->drop_every > 0 && self->requests % self->drop_every == 0))
    return;

  bpg_packet_begin (&writer, packet, sizeof packet);
  if (header.group == BPG_GROUP_ARM && !self->no_arm)
    answer_arm (self, &header, bytes + BPG_SMP_HEADER_SIZE, &writer);
  else if (header.group == BPG_GROUP_OS)
    answer_os (self, &header, bytes + BPG_SMP_HEADER_SIZE, &writer);
  else
    bpg_error_encode (0, header.group, BPG_SMP_ERROR_NOT_SUPPORTED, &writer);
  reply = header;
  reply.op = header.op + 1;
  send_packet (self, packet, bpg_packet_finish (&writer, &reply));
}

static gboolean
on_readable (int fd, GIOCondition condition, gpointer user_data)
{
  FakeArm *self = user_data;
  guint8 buffer[4096];
  gssize n = read (fd, buffer, sizeof buffer);
  gsize used = 0;

  if (n <= 0)
    return G_SOURCE_CONTINUE;
  while (used < (gsize) n) {
    struct bpg_demux_event event;

    used += bpg_demux_push (&self->demux, buffer + used, (gsize) n - used, &event);
    if (event.kind == BPG_DEMUX_PACKET)
      take_request (self, event.packet, event.packet_length);
  }
  return G_SOURCE_CONTINUE;
}

void
fake_arm_plug (FakeArm *self)
{
  struct termios raw;
  char name[64];

  memset (&raw, 0, sizeof raw);
  cfmakeraw (&raw);
  g_assert_cmpint (openpty (&self->fd, &self->slave, name, &raw, NULL), ==, 0);
  g_unix_set_fd_nonblocking (self->fd, TRUE, NULL);
  bpg_demux_init (&self->demux);
  g_unlink (self->path);
  g_assert_cmpint (symlink (name, self->path), ==, 0);
  self->source = g_unix_fd_source_new (self->fd, G_IO_IN);
  g_source_set_callback (self->source, G_SOURCE_FUNC (on_readable), self, NULL);
  g_source_attach (self->source, NULL);
}

void
fake_arm_unplug (FakeArm *self)
{
  g_clear_handle_id (&self->flood_id, g_source_remove);
  g_source_destroy (self->source);
  g_clear_pointer (&self->source, g_source_unref);
  close (self->fd);
  close (self->slave);
  self->fd = -1;
  g_unlink (self->path);
  memset (&self->stream, 0, sizeof self->stream);
}

static void
make_key (FakeArm *self)
{
  gnutls_pubkey_t public_key;
  gnutls_datum_t der;

  g_assert_cmpint (gnutls_privkey_init (&self->private_key), ==, 0);
  g_assert_cmpint (gnutls_privkey_generate (self->private_key, GNUTLS_PK_EC,
                                            GNUTLS_CURVE_TO_BITS (GNUTLS_ECC_CURVE_SECP256R1), 0),
                   ==, 0);
  g_assert_cmpint (gnutls_pubkey_init (&public_key), ==, 0);
  g_assert_cmpint (gnutls_pubkey_import_privkey (public_key, self->private_key, 0, 0), ==, 0);
  g_assert_cmpint (gnutls_pubkey_export2 (public_key, GNUTLS_X509_FMT_DER, &der), ==, 0);
  self->key = g_bytes_new (der.data, der.size);
  self->fingerprint = g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, self->key);
  gnutls_free (der.data);
  gnutls_pubkey_deinit (public_key);
}

static void
copy_key (FakeArm *self, const FakeArm *other)
{
  gnutls_x509_privkey_t key;

  g_assert_cmpint (gnutls_privkey_export_x509 (other->private_key, &key), ==, 0);
  g_assert_cmpint (gnutls_privkey_import_x509 (self->private_key, key, GNUTLS_PRIVKEY_IMPORT_COPY), ==, 0);
  gnutls_x509_privkey_deinit (key);
  g_bytes_unref (self->key);
  self->key = g_bytes_ref (other->key);
  g_free (self->fingerprint);
  self->fingerprint = g_strdup (other->fingerprint);
}

FakeArm *
fake_arm_new (const char *id)
{
  FakeArm *self = g_new0 (FakeArm, 1);
  g_autofree char *folder = g_dir_make_tmp ("bionicpro-arm-XXXXXX", NULL);

  self->id = g_strdup (id);
  self->path = g_build_filename (folder, "line", NULL);
  self->buffers = 4;
  self->uptime = 1000;
  self->tick = 1000000;
  self->state = g_strdup ("unbound");
  self->side = g_strdup ("");
  self->patient = g_strdup ("");
  g_queue_init (&self->held);
  make_key (self);
  fake_arm_plug (self);
  return self;
}

FakeArm *
fake_arm_new_twin (const FakeArm *other)
{
  FakeArm *self = fake_arm_new (other->id);

  gnutls_privkey_deinit (self->private_key);
  g_assert_cmpint (gnutls_privkey_init (&self->private_key), ==, 0);
  copy_key (self, other);
  return self;
}

FakeArm *
fake_arm_new_impostor (const FakeArm *other)
{
  return fake_arm_new (other->id);
}

void
fake_arm_free (FakeArm *self)
{
  g_autofree char *folder = g_path_get_dirname (self->path);

  if (self->fd >= 0)
    fake_arm_unplug (self);
  g_rmdir (folder);
  g_queue_clear_full (&self->held, (GDestroyNotify) g_bytes_unref);
  gnutls_privkey_deinit (self->private_key);
  g_bytes_unref (self->key);
  g_clear_pointer (&self->clinic_key, g_bytes_unref);
  g_free (self->fingerprint);
  g_free (self->state);
  g_free (self->side);
  g_free (self->patient);
  g_free (self->path);
  g_free (self->id);
  g_free (self);
}

char *
fake_arm_get_code (const FakeArm *self)
{
  gsize length;
  const guint8 *key = g_bytes_get_data (self->key, &length);
  g_autofree char *encoded = g_base64_encode (key, length);

  return g_strdup_printf ("{\"deviceId\": \"%s\", \"fingerprint\": \"%s\", \"publicKey\": \"%s\"}", self->id,
                          self->fingerprint, encoded);
}

static void
send_frame (FakeArm *self, guint8 type, const guint8 *body, gsize length)
{
  guint8 wire[BPG_FRAME_WIRE_MAX];
  struct bpg_frame frame = {type, BPG_FRAME_VERSION, self->sequence++, self->tick, body, length};

  write_all (self, wire, bpg_frame_encode (&frame, wire, sizeof wire));
}

void
fake_arm_send_samples (FakeArm *self, guint count)
{
  guint8 body[BPG_FRAME_BODY_MAX];
  gint16 values[64 * CHANNELS];
  struct bpg_samples samples = {self->next_sample, (guint8) count, CHANNELS, 4, (const guint8 *) values};

  g_assert_cmpuint (count, <=, 60);
  for (guint i = 0; i < count * CHANNELS; i++)
    values[i] = (gint16) (self->next_sample + i / CHANNELS + i % CHANNELS);
  self->tick += count * 1000;
  send_frame (self, BPG_FRAME_SAMPLES, body, bpg_samples_encode (&samples, body));
  self->next_sample += count;
}

void
fake_arm_send_decision (FakeArm *self)
{
  guint8 body[BPG_FRAME_BODY_MAX];
  struct bpg_decision_report report = {self->next_sample - 1, 3, 2, 1, 900, 500, -7, 1234};

  send_frame (self, BPG_FRAME_DECISION, body, bpg_decision_encode (&report, body));
}

void
fake_arm_send_event (FakeArm *self, guint kind)
{
  guint8 body[BPG_FRAME_BODY_MAX];
  struct bpg_event event = {(guint8) kind, 5, 6};

  send_frame (self, BPG_FRAME_EVENT, body, bpg_event_encode (&event, body));
}

void
fake_arm_send_raw (FakeArm *self, const void *bytes, gsize length)
{
  write_all (self, bytes, length);
}

void
fake_arm_restart (FakeArm *self)
{
  self->uptime = 0;
  self->tick = 1000;
  self->next_sample = 0;
  self->sequence = 0;
  memset (&self->stream, 0, sizeof self->stream);
}
