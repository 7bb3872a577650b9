/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "harness.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sim-manufacture.h"

#define CHUNK 1024u
#define MODEL_MOST 4096u
#define PATIENT "P-0001"
#define DEVICE_ID "BP-TEST"
#define PLAYED_BYTES 1500u /* at a time */

gnutls_privkey_t
harness_make_key (void)
{
  gnutls_privkey_t key;

  gnutls_privkey_init (&key);
  g_assert_cmpint (gnutls_privkey_generate (key, GNUTLS_PK_RSA, 3072, 0), ==, 0);
  return key;
}

GBytes *
harness_public_key (gnutls_privkey_t key)
{
  gnutls_pubkey_t pubkey;
  gnutls_datum_t der = { NULL, 0 };
  GBytes *bytes;

  gnutls_pubkey_init (&pubkey);
  g_assert_cmpint (gnutls_pubkey_import_privkey (pubkey, key, 0, 0), ==, 0);
  g_assert_cmpint (gnutls_pubkey_export2 (pubkey, GNUTLS_X509_FMT_DER, &der), ==, 0);
  bytes = g_bytes_new (der.data, der.size);
  gnutls_free (der.data);
  gnutls_pubkey_deinit (pubkey);
  return bytes;
}

/* The release key is the clinic's here: one key to make. */
static char *
write_release_key (struct harness *harness)
{
  char *path = g_build_filename (harness->directory, "release.pem", NULL);
  gnutls_pubkey_t pubkey;
  gnutls_datum_t pem = { NULL, 0 };

  gnutls_pubkey_init (&pubkey);
  g_assert_cmpint (gnutls_pubkey_import_privkey (pubkey, harness->key, 0, 0), ==, 0);
  g_assert_cmpint (gnutls_pubkey_export2 (pubkey, GNUTLS_X509_FMT_PEM, &pem), ==, 0);
  g_assert_true (g_file_set_contents (path, (const char *) pem.data, pem.size, NULL));
  gnutls_free (pem.data);
  gnutls_pubkey_deinit (pubkey);
  return path;
}

static void
make_arm (struct harness *harness)
{
  struct simlimb *arm = &harness->arm;
  g_autofree char *flash = g_build_filename (harness->directory, "flash.bin", NULL);
  g_autofree char *key = g_build_filename (harness->directory, "element.pem", NULL);
  g_autofree char *release = write_release_key (harness);
  struct sim_manufacture order = {
    .release = release,
    .directory = harness->directory,
    .device_id = DEVICE_ID,
    .hardware = "simlimb-1",
    .ca = harness->directory,
  };
  g_autoptr (GError) error = NULL;

  simlimb = arm;
  arm->speed = 1;
  arm->battery_percent = 80;
  arm->worn = true;
  for (unsigned i = 0; i < BPG_PORT_ACTUATORS; i++)
    arm->position[i] = 500;
  arm->temperature_dc = 250;
  sim_line_init (&arm->line, NULL, 1);
  sim_electrodes_init (&arm->electrodes, 1);
  sim_electrodes_set_generator (&arm->electrodes, 1, 1000, 8);
  g_assert_true (sim_flash_open (&arm->flash, flash, 1, &error));
  g_assert_true (sim_manufacture (&order, &arm->flash, &error));
  g_assert_true (sim_element_load (&arm->element, key, &error));
  g_assert_no_error (error);
}

struct harness *
harness_new (void)
{
  static gnutls_privkey_t key;
  struct harness *harness = g_new0 (struct harness, 1);

  /* Making one takes a second: all tests of a program are one clinic's. */
  if (key == NULL)
    key = harness_make_key ();
  harness->key = key;
  harness->spki = harness_public_key (key);
  harness->directory = g_dir_make_tmp ("simlimb-XXXXXX", NULL);
  harness->events = g_array_new (FALSE, FALSE, sizeof (struct bpg_event));
  harness->decisions = g_array_new (FALSE, FALSE, sizeof (struct bpg_decision_report));
  harness->samples = g_array_new (FALSE, FALSE, sizeof (gint16));
  harness->fd = -1;
  make_arm (harness);
  harness_power_on (harness);
  return harness;
}

void
harness_free (struct harness *harness)
{
  static const char *const files[]
    = { "release.pem", "flash.bin", "element.pem", "qr.json", "maker-ca.pem", "maker-key.pem" };

  sim_line_unplug (&harness->arm.line);
  sim_element_clear (&harness->arm.element);
  sim_flash_close (&harness->arm.flash);
  sim_electrodes_clear (&harness->arm.electrodes);
  g_free (harness->arm.line.link);
  if (harness->fd >= 0)
    close (harness->fd);
  for (gsize i = 0; i < G_N_ELEMENTS (files); i++)
    {
      g_autofree char *path = g_build_filename (harness->directory, files[i], NULL);

      g_unlink (path);
    }
  g_rmdir (harness->directory);
  g_free (harness->directory);
  g_array_unref (harness->events);
  g_array_unref (harness->decisions);
  g_array_unref (harness->samples);
  g_bytes_unref (harness->spki);
  g_free (harness);
  simlimb = NULL;
}

void
harness_power_on (struct harness *harness)
{
  g_autoptr (GError) error = NULL;
  int pair[2];
  int size = 1 << 20;

  if (harness->fd >= 0)
    close (harness->fd);
  sim_line_unplug (&harness->arm.line);
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), ==, 0);
  setsockopt (pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  setsockopt (pair[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  harness->fd = pair[0];
  harness->last_sequence = -1;
  harness->next_sample = 0;
  bpg_demux_init (&harness->demux);
  g_assert_true (sim_line_take_fd (&harness->arm.line, pair[1], &error));
  g_assert_true (simlimb_power_on (&harness->arm, BPG_BOOT_POWER_ON));
}

static void
take_samples (struct harness *harness, const struct bpg_samples *samples)
{
  if (harness->samples->len == 0)
    harness->first_sample = samples->first;
  else if (samples->first != harness->next_sample)
    harness->gaps++;
  harness->next_sample = samples->first + samples->count;
  for (guint i = 0; i < (guint) samples->count * samples->channels; i++)
    {
      gint16 value = (gint16) (samples->values[2 * i] | samples->values[2 * i + 1] << 8);

      g_array_append_val (harness->samples, value);
    }
}

static void
take_frame (struct harness *harness, const struct bpg_frame *frame)
{
  struct bpg_samples samples;
  struct bpg_decision_report decision;
  struct bpg_event event;

  if (harness->last_sequence >= 0)
    harness->lost_frames += (guint16) (frame->sequence - harness->last_sequence - 1);
  harness->last_sequence = frame->sequence;
  if (bpg_samples_decode (frame, &samples))
    take_samples (harness, &samples);
  else if (bpg_decision_decode (frame, &decision))
    g_array_append_val (harness->decisions, decision);
  else if (bpg_event_decode (frame, &event))
    g_array_append_val (harness->events, event);
  else
    g_assert_not_reached ();
}

static void
take_packet (struct harness *harness, const uint8_t *packet, gsize length)
{
  struct bpg_smp_header header;

  g_assert_true (bpg_smp_header_decode (packet, length, &header));
  harness->replies++;
  if (header.sequence != harness->sequence)
    return;
  memcpy (harness->reply, packet + BPG_SMP_HEADER_SIZE, header.length);
  harness->reply_length = header.length;
  g_assert_true (bpg_error_decode (harness->reply, harness->reply_length, header.group,
                                   &harness->error_group, &harness->error));
}

void
harness_take (struct harness *harness)
{
  uint8_t bytes[8192];
  struct bpg_demux_event event;
  ssize_t got;

  while ((got = read (harness->fd, bytes, sizeof bytes)) > 0)
    {
      for (gssize at = 0; at < got;)
        {
          at += (gssize) bpg_demux_push (&harness->demux, bytes + at, (gsize) (got - at), &event);
          if (event.kind == BPG_DEMUX_FRAME)
            take_frame (harness, &event.frame);
          else if (event.kind == BPG_DEMUX_PACKET)
            take_packet (harness, event.packet, event.packet_length);
        }
    }
}

void
harness_run (struct harness *harness, guint milliseconds)
{
  for (guint i = 0; i < milliseconds && harness->arm.powered; i++)
    {
      simlimb_step (&harness->arm, 1000);
      simlimb_receive (&harness->arm);
      harness_take (harness);
    }
}

static uint8_t request[BPG_SMP_PACKET_MAX];

struct bpg_cbor_writer
harness_begin (struct harness *harness)
{
  struct bpg_cbor_writer writer;

  bpg_packet_begin (&writer, request, sizeof request);
  return writer;
}

void
harness_send (struct harness *harness, enum bpg_smp_op op, uint16_t group, uint8_t command,
              struct bpg_cbor_writer *writer)
{
  struct bpg_smp_header header = bpg_request_header (op, group, command, ++harness->sequence);
  uint8_t line[BPG_SMP_CONSOLE_MAX];
  gsize length = bpg_packet_finish (writer, &header);
  gsize coded;
  ssize_t sent;

  g_assert_cmpuint (length, >, 0);
  coded = bpg_smp_console_encode (request, length, line, sizeof line);
  sent = write (harness->fd, line, coded);
  g_assert_true (sent == (gssize) coded || errno == EPIPE);
}

int
harness_request (struct harness *harness, enum bpg_smp_op op, uint16_t group, uint8_t command,
                 struct bpg_cbor_writer *writer)
{
  guint replies = harness->replies;

  harness_send (harness, op, group, command, writer);
  for (guint i = 0; i < 20000 && harness->arm.powered && harness->replies == replies; i++)
    {
      simlimb_receive (&harness->arm);
      harness_take (harness);
      if (harness->replies == replies)
        simlimb_step (&harness->arm, 1000);
    }
  return harness->replies == replies ? -1 : harness->error;
}

int
harness_ask (struct harness *harness, enum bpg_smp_op op, uint16_t group, uint8_t command)
{
  struct bpg_cbor_writer writer = harness_begin (harness);

  bpg_cbor_open_map (&writer);
  bpg_cbor_close (&writer);
  return harness_request (harness, op, group, command, &writer);
}

struct bpg_status
harness_status (struct harness *harness)
{
  struct bpg_status status;

  g_assert_cmpint (harness_ask (harness, BPG_SMP_READ, BPG_GROUP_ARM, BPG_ARM_STATUS), ==, 0);
  g_assert_true (bpg_status_decode (harness->reply, harness->reply_length, &status));
  return status;
}

char *
harness_state (struct harness *harness)
{
  struct bpg_identity identity;

  g_assert_cmpint (harness_ask (harness, BPG_SMP_READ, BPG_GROUP_ARM, BPG_ARM_IDENTITY), ==, 0);
  g_assert_true (bpg_identity_decode (harness->reply, harness->reply_length, &identity));
  return g_strdup_printf ("%.*s/%.*s/%.*s", (int) identity.state.length, identity.state.bytes,
                          (int) identity.patient.length, identity.patient.bytes,
                          (int) identity.side.length, identity.side.bytes);
}

static char *
to_hex (const uint8_t *bytes, gsize length)
{
  GString *text = g_string_new (NULL);

  for (gsize i = 0; i < length; i++)
    g_string_append_printf (text, "%02x", bytes[i]);
  return g_string_free (text, FALSE);
}

char *
harness_model (struct harness *harness)
{
  struct bpg_parameters parameters;

  g_assert_cmpint (harness_ask (harness, BPG_SMP_READ, BPG_GROUP_ARM, BPG_ARM_PARAMETERS), ==, 0);
  g_assert_true (bpg_parameters_decode (harness->reply, harness->reply_length, &parameters));
  return to_hex (parameters.model.bytes, parameters.model.length);
}

void
harness_bind (struct harness *harness, const char *side)
{
  struct bpg_cbor_writer writer = harness_begin (harness);
  struct bpg_bind_request bind = { .patient = bpg_text (PATIENT), .side = bpg_text (side), .timeout = 60 };
  gsize length;

  bind.key.bytes = g_bytes_get_data (harness->spki, &length);
  bind.key.length = length;
  bpg_bind_request_encode (&bind, &writer);
  g_assert_cmpint (harness_request (harness, BPG_SMP_WRITE, BPG_GROUP_ARM, BPG_ARM_BIND, &writer), ==, 0);
  simlimb_press (&harness->arm);
}

static void
put (uint8_t *at, guint64 value, unsigned size)
{
  for (unsigned i = 0; i < size; i++)
    at[i] = (uint8_t) (value >> 8 * i);
}

/* The hash and length that make @length bytes a model; FALSE when its tables
 * have another size. */
static gboolean
seal_model (uint8_t *bytes, gsize length)
{
  struct bpg_bpm model;

  put (bytes + 8, length, 4);
  bpg_bpm_digest (bytes + BPG_BPM_HASHED_FROM, length - BPG_BPM_HASHED_FROM, bytes + 12);
  return bpg_bpm_parse (bytes, length, &model) == 0;
}

/* Two movements a direction of zeros cannot tell apart: it always rests. How
 * long the tables are is the recogniser's to know. */
static GBytes *
make_model (struct harness *harness, guint8 mark, guint flags)
{
  const struct bpg_port_electrodes *electrodes = &harness->arm.electrodes.port;
  gsize length = BPG_BPM_HEADER_LENGTH;
  uint8_t *bytes = g_malloc0 (MODEL_MOST);

  memcpy (bytes, "BPM1", 4);
  put (bytes + 4, BPG_BPM_SCHEMA, 2);
  put (bytes + 6, BPG_BPM_HEADER_LENGTH, 2);
  put (bytes + 44, electrodes->rate, 4);
  put (bytes + 48, electrodes->lsb_nano, 8);
  bytes[56] = electrodes->unit_code;
  bytes[57] = electrodes->channels;
  bytes[58] = 2;
  bytes[59] = 1;
  put (bytes + 60, 200, 2);
  put (bytes + 62, 10, 2);
  put (bytes + 136, 256, 2);
  put (bytes + 66, flags, 2);
  put (bytes + 132, 1 << 20, 4);
  put (bytes + 140, 16384, 2);
  put (bytes + 142, 1, 2);
  put (bytes + 144, 1, 2);
  put (bytes + 146, 1000, 2);
  put (bytes + 148, 1000, 2);
  put (bytes + 150, 32767, 2);
  bytes[252] = 'A' + mark;
  put (bytes + 384, 1 << 20, 4);
  put (bytes + 396, 512, 2);
  bytes[440] = 0;
  put (bytes + 444, 1000, 4);
  strcpy ((char *) bytes + 448, "rest");
  bytes[472] = 7;
  put (bytes + 476, 1000, 4);
  strcpy ((char *) bytes + 480, "hand_close");
  while (!seal_model (bytes, length))
    g_assert_cmpuint (++length, <, MODEL_MOST);
  return g_bytes_new_take (bytes, length);
}

GBytes *
harness_make_model (struct harness *harness, guint8 mark)
{
  return make_model (harness, mark, 0);
}

GBytes *
harness_make_mapped_model (struct harness *harness)
{
  return make_model (harness, 9, BPG_BPM_FLAG_MAPS);
}

char *
harness_model_hash (GBytes *model)
{
  return g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, model);
}

static void
append (GByteArray *array, guint64 value, unsigned size)
{
  uint8_t bytes[8];

  put (bytes, value, size);
  g_byte_array_append (array, bytes, size);
}

static void
append_tlv (GByteArray *array, guint type, gconstpointer bytes, gsize length)
{
  append (array, type, 2);
  append (array, length, 2);
  g_byte_array_append (array, bytes, (guint) length);
}

static void
append_header (GByteArray *array, gsize payload, gsize protected_size, const struct container *container)
{
  append (array, BPG_IMAGE_MAGIC, 4);
  append (array, 0, 4);
  append (array, BPG_IMAGE_HEADER_SIZE, 2);
  append (array, protected_size, 2);
  append (array, payload, 4);
  append (array, container->flags, 4);
  append (array, container->major != 0 ? container->major : 1, 1);
  append (array, container->minor, 1);
  append (array, 0, 2);
  append (array, 0, 4);
  append (array, 0, 4);
}

static GByteArray *
protected_tlvs (const struct container *container)
{
  const char *hardware = container->hardware != NULL ? container->hardware : "simlimb-1";
  const char *side = container->side != NULL ? container->side : "any";
  GByteArray *tlvs = g_byte_array_new ();
  uint8_t schema[4];

  put (schema, container->schema != 0 ? container->schema : BPG_BPM_SCHEMA, 4);
  append (tlvs, BPG_IMAGE_PROTECTED_MAGIC, 2);
  append (tlvs, 4 + 4 + strlen (hardware) + 4 + strlen (side) + 4 + 4, 2);
  append_tlv (tlvs, BPG_IMAGE_TLV_HARDWARE, hardware, strlen (hardware));
  append_tlv (tlvs, BPG_IMAGE_TLV_SIDE, side, strlen (side));
  append_tlv (tlvs, BPG_IMAGE_TLV_SCHEMA, schema, sizeof schema);
  return tlvs;
}

static void
append_signature (GByteArray *array, gnutls_privkey_t key, const struct container *container)
{
  g_autoptr (GBytes) spki = harness_public_key (key);
  gnutls_datum_t message = { array->data, array->len };
  gnutls_datum_t signature = { NULL, 0 };
  uint8_t hash[32];
  uint8_t key_hash[32];
  const uint8_t *rsa;
  size_t rsa_length;

  sim_element_sha256 (array->data, array->len, hash);
  g_assert_true (bpg_image_rsa_key (g_bytes_get_data (spki, NULL), g_bytes_get_size (spki), &rsa, &rsa_length));
  sim_element_sha256 (rsa, rsa_length, key_hash);
  g_assert_cmpint (gnutls_privkey_sign_data2 (key, GNUTLS_SIGN_RSA_PSS_RSAE_SHA256, 0, &message, &signature), ==, 0);
  g_assert_cmpuint (signature.size, ==, BPG_RSA3072_SIZE);
  if (container->break_hash)
    hash[5] ^= 1;
  if (container->break_signature)
    signature.data[5] ^= 1;

  append (array, BPG_IMAGE_TLV_MAGIC, 2);
  append (array, 4 + 4 + 32 + 4 + (container->whole_key ? rsa_length : 32) + 4 + BPG_RSA3072_SIZE, 2);
  append_tlv (array, BPG_IMAGE_TLV_SHA256, hash, 32);
  if (container->whole_key)
    append_tlv (array, BPG_IMAGE_TLV_PUBLIC_KEY, rsa, rsa_length);
  else
    append_tlv (array, BPG_IMAGE_TLV_KEY_HASH, key_hash, 32);
  append_tlv (array, BPG_IMAGE_TLV_RSA3072_PSS, signature.data, signature.size);
  gnutls_free (signature.data);
}

GBytes *
harness_sign (struct harness *harness, GBytes *payload, const struct container *container)
{
  static const struct container plain;
  GByteArray *array = g_byte_array_new ();
  g_autoptr (GByteArray) tlvs = NULL;

  if (container == NULL)
    container = &plain;
  tlvs = protected_tlvs (container);
  append_header (array, g_bytes_get_size (payload), tlvs->len, container);
  g_byte_array_append (array, g_bytes_get_data (payload, NULL), (guint) g_bytes_get_size (payload));
  g_byte_array_append (array, tlvs->data, tlvs->len);
  append_signature (array, container->key != NULL ? container->key : harness->key, container);
  return g_byte_array_free_to_bytes (array);
}

int
harness_upload (struct harness *harness, guint image, GBytes *bytes)
{
  gsize length;
  const uint8_t *data = g_bytes_get_data (bytes, &length);
  struct bpg_upload_reply reply = { 0 };
  uint8_t sha[32];
  bool first = true;

  sim_element_sha256 (data, length, sha);
  while (first || reply.off < length)
    {
      struct bpg_cbor_writer writer = harness_begin (harness);
      struct bpg_upload_request upload = { .off = reply.off };
      int error;

      upload.data = (struct bpg_bytes){ data + reply.off, MIN (CHUNK, length - reply.off) };
      if (first)
        {
          upload.image = image;
          upload.len = length;
          upload.sha = (struct bpg_bytes){ sha, sizeof sha };
        }
      first = false;
      bpg_upload_request_encode (&upload, &writer);
      error = harness_request (harness, BPG_SMP_WRITE, BPG_GROUP_IMAGE, BPG_IMAGE_UPLOAD, &writer);
      if (error != 0)
        return error;
      g_assert_true (bpg_upload_reply_decode (harness->reply, harness->reply_length, &reply));
    }
  g_assert_true (reply.match);
  return 0;
}

int
harness_set_state (struct harness *harness, GBytes *container, gboolean confirm)
{
  struct bpg_cbor_writer writer = harness_begin (harness);
  struct bpg_image_write_request state = { .confirm = confirm };
  struct bpg_image image;

  if (container != NULL)
    {
      g_assert_cmpint (bpg_image_parse (g_bytes_get_data (container, NULL), g_bytes_get_size (container), &image), ==, 0);
      state.hash = (struct bpg_bytes){ image.hash, BPG_SHA256_SIZE };
    }
  bpg_image_write_request_encode (&state, &writer);
  return harness_request (harness, BPG_SMP_WRITE, BPG_GROUP_IMAGE, BPG_IMAGE_STATE, &writer);
}

int
harness_trial (struct harness *harness, guint64 seconds)
{
  struct bpg_cbor_writer writer = harness_begin (harness);
  struct bpg_trial_request trial = { seconds };

  bpg_trial_request_encode (&trial, &writer);
  return harness_request (harness, BPG_SMP_WRITE, BPG_GROUP_ARM, BPG_ARM_TRIAL, &writer);
}

int
harness_confirm (struct harness *harness)
{
  return harness_set_state (harness, NULL, TRUE);
}

int
harness_fall_back (struct harness *harness)
{
  struct bpg_cbor_writer writer = harness_begin (harness);
  struct bpg_fall_back_request fall_back = { 1 };

  bpg_fall_back_request_encode (&fall_back, &writer);
  return harness_request (harness, BPG_SMP_WRITE, BPG_GROUP_ARM, BPG_ARM_FALL_BACK, &writer);
}

int
harness_install (struct harness *harness, GBytes *container)
{
  int error = harness_upload (harness, 1, container);

  if (error == 0)
    error = harness_set_state (harness, container, FALSE);
  if (error == 0)
    error = harness_trial (harness, 600);
  if (error == 0)
    error = harness_confirm (harness);
  return error;
}

void
harness_order_bench (struct harness *harness, gnutls_privkey_t key, struct bench_order *order)
{
  const struct bpg_port_electrodes *electrodes = bpg_port_electrodes ();
  struct bpg_bench_reply state = harness_bench_state (harness);
  g_autoptr (GByteArray) message = g_byte_array_new ();
  gnutls_datum_t data, made;

  g_byte_array_append (message, (const guint8 *) BPG_BENCH_PREFIX, strlen (BPG_BENCH_PREFIX));
  g_byte_array_append (message, (const guint8 *) DEVICE_ID, strlen (DEVICE_ID));
  g_assert_cmpuint (state.nonce.length, ==, BPG_BENCH_NONCE_SIZE);
  g_byte_array_append (message, state.nonce.bytes, BPG_BENCH_NONCE_SIZE);
  data = (gnutls_datum_t){ message->data, message->len };
  g_assert_cmpint (gnutls_privkey_sign_data2 (key, GNUTLS_SIGN_RSA_PSS_RSAE_SHA256, 0, &data, &made), ==, 0);
  g_assert_cmpuint (made.size, <=, sizeof order->signature);
  memcpy (order->signature, made.data, made.size);
  order->request = (struct bpg_bench_request){
    .sig = { order->signature, made.size },
    .fs = electrodes->rate,
    .ch = electrodes->channels,
    .lsb = electrodes->lsb_nano,
    .unit = bpg_text (electrodes->unit),
  };
  gnutls_free (made.data);
}

int
harness_bench (struct harness *harness, const struct bpg_bench_request *bench)
{
  struct bpg_cbor_writer writer = harness_begin (harness);

  bpg_bench_request_encode (bench, &writer);
  return harness_request (harness, BPG_SMP_WRITE, BPG_GROUP_ARM, BPG_ARM_BENCH, &writer);
}

struct bpg_bench_reply
harness_bench_state (struct harness *harness)
{
  struct bpg_bench_reply state;

  g_assert_cmpint (harness_ask (harness, BPG_SMP_READ, BPG_GROUP_ARM, BPG_ARM_BENCH), ==, 0);
  g_assert_true (bpg_bench_reply_decode (harness->reply, harness->reply_length, &state));
  return state;
}

void
harness_unlock_bench (struct harness *harness, guint rate, guint channels)
{
  struct bench_order order;
  guint64 starts = harness->arm.starts;

  harness_order_bench (harness, harness->key, &order);
  order.request.fs = rate;
  order.request.ch = channels;
  g_assert_cmpint (harness_bench (harness, &order.request), ==, 0);
  while (harness->arm.starts == starts)
    harness_run (harness, 10);
  g_assert_true (harness_bench_state (harness).on);
}

void
harness_play (struct harness *harness, const gint16 *samples, guint count, guint channels)
{
  guint most = PLAYED_BYTES / (2 * channels);

  for (guint at = 0; at < count;)
    {
      guint room = MIN (harness_bench_state (harness).room, most);
      struct bpg_bench_request play = { .data = { (const uint8_t *) (samples + at * channels), 0 } };

      play.data.length = 2 * channels * MIN (room, count - at);
      if (room > 0)
        g_assert_cmpint (harness_bench (harness, &play), ==, 0);
      at += MIN (room, count - at);
      harness_run (harness, 20);
    }
  while (harness->arm.bench.count > 0)
    harness_run (harness, 20);
}

const struct bpg_event *
harness_event (struct harness *harness, enum bpg_event_kind kind)
{
  for (guint i = harness->events->len; i > 0; i--)
    {
      const struct bpg_event *event = &g_array_index (harness->events, struct bpg_event, i - 1);

      if (event->kind == kind)
        return event;
    }
  return NULL;
}
