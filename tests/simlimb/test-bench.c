/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bench mode: who may unlock it, what it takes, and how it ends. */
#include <string.h>

#include "harness.h"

#define RATE 500u
#define CHANNELS 4u

static const struct bpg_bench_request pressed = { .press = true };
static const struct bpg_bench_request ended = { .off = true };

static struct bpg_parameters
read_parameters (struct harness *harness)
{
  struct bpg_parameters parameters;

  g_assert_cmpint (harness_ask (harness, BPG_SMP_READ, BPG_GROUP_ARM, BPG_ARM_PARAMETERS), ==, 0);
  g_assert_true (bpg_parameters_decode (harness->reply, harness->reply_length, &parameters));
  return parameters;
}

static int
play (struct harness *harness, gsize length)
{
  static const uint8_t zeros[BPG_SMP_PACKET_MAX];
  const struct bpg_bench_request data = { .data = { zeros, length } };

  return harness_bench (harness, &data);
}

static void
assert_locked (struct harness *harness)
{
  struct bpg_bench_reply state = harness_bench_state (harness);

  g_assert_false (state.on);
  g_assert_cmpuint (state.room, ==, 0);
  g_assert_cmpint (play (harness, 16), ==, BPG_ARM_ERROR_NOT_AUTHORISED);
  g_assert_cmpint (harness_bench (harness, &pressed), ==, BPG_ARM_ERROR_NOT_AUTHORISED);
  g_assert_cmpint (harness_bench (harness, &ended), ==, BPG_ARM_ERROR_WRONG_STATE);
}

static void
test_locked (void)
{
  g_autoptr (Harness) harness = harness_new ();
  const struct bpg_bench_request nothing = { 0 };

  assert_locked (harness);
  g_assert_cmpint (harness_bench (harness, &nothing), ==, BPG_ARM_ERROR_INVALID);
}

static void
test_signature (void)
{
  g_autoptr (Harness) harness = harness_new ();
  gnutls_privkey_t other = harness_make_key ();
  guint64 starts = harness->arm.starts;
  struct bench_order order;

  /* Another's key. */
  harness_order_bench (harness, other, &order);
  g_assert_cmpint (harness_bench (harness, &order.request), ==, BPG_ARM_ERROR_SIGNATURE);
  gnutls_privkey_deinit (other);

  /* A signature of the right key, changed; its nonce is used up then. */
  harness_order_bench (harness, harness->key, &order);
  order.signature[7] ^= 1;
  g_assert_cmpint (harness_bench (harness, &order.request), ==, BPG_ARM_ERROR_SIGNATURE);
  order.signature[7] ^= 1;
  g_assert_cmpint (harness_bench (harness, &order.request), ==, BPG_ARM_ERROR_NOT_AUTHORISED);

  /* One for an earlier nonce. */
  harness_order_bench (harness, harness->key, &order);
  harness_bench_state (harness);
  g_assert_cmpint (harness_bench (harness, &order.request), ==, BPG_ARM_ERROR_SIGNATURE);

  /* One too short. */
  harness_order_bench (harness, harness->key, &order);
  order.request.sig.length--;
  g_assert_cmpint (harness_bench (harness, &order.request), ==, BPG_ARM_ERROR_SIGNATURE);

  harness_run (harness, 1000);
  g_assert_cmpuint (harness->arm.starts, ==, starts);
  assert_locked (harness);
}

static void
test_electrodes (void)
{
  g_autoptr (Harness) harness = harness_new ();
  struct bench_order order;
  struct bpg_bench_request right;

  harness_order_bench (harness, harness->key, &order);
  right = order.request;
  order.request.fs = 0;
  g_assert_cmpint (harness_bench (harness, &order.request), ==, BPG_ARM_ERROR_INVALID);
  order.request = right;
  order.request.ch = BPG_PORT_MAX_CHANNELS + 1;
  g_assert_cmpint (harness_bench (harness, &order.request), ==, BPG_ARM_ERROR_INVALID);
  order.request = right;
  order.request.lsb = 0;
  g_assert_cmpint (harness_bench (harness, &order.request), ==, BPG_ARM_ERROR_INVALID);
  order.request = right;
  order.request.unit = bpg_text ("inch");
  g_assert_cmpint (harness_bench (harness, &order.request), ==, BPG_ARM_ERROR_INVALID);
  assert_locked (harness);
}

/* The arm starts anew with the electrodes it was told of, and keeps them over
 * a reset, not without power. */
static void
test_life (void)
{
  g_autoptr (Harness) harness = harness_new ();
  struct bpg_parameters own = read_parameters (harness);
  struct bpg_parameters parameters;
  guint64 starts;

  harness_unlock_bench (harness, RATE, CHANNELS);
  parameters = read_parameters (harness);
  g_assert_cmpuint (parameters.fs, ==, RATE);
  g_assert_cmpuint (parameters.ch, ==, CHANNELS);
  g_assert_cmpuint (parameters.lsb, ==, own.lsb);
  g_assert_cmpmem (parameters.unit.bytes, parameters.unit.length, "microvolt", strlen ("microvolt"));

  starts = harness->arm.starts;
  g_assert_cmpint (harness_ask (harness, BPG_SMP_WRITE, BPG_GROUP_OS, BPG_OS_RESET), ==, 0);
  harness_run (harness, 1000);
  g_assert_cmpuint (harness->arm.starts, ==, starts + 1);
  g_assert_true (harness_bench_state (harness).on);
  g_assert_cmpuint (read_parameters (harness).fs, ==, RATE);

  harness_power_on (harness);
  assert_locked (harness);
  g_assert_cmpuint (read_parameters (harness).fs, ==, own.fs);

  harness_unlock_bench (harness, RATE, CHANNELS);
  starts = harness->arm.starts;
  g_assert_cmpint (harness_bench (harness, &ended), ==, 0);
  harness_run (harness, 1000);
  g_assert_cmpuint (harness->arm.starts, ==, starts + 1);
  assert_locked (harness);
  g_assert_cmpuint (read_parameters (harness).ch, ==, own.ch);
}

static void
test_press (void)
{
  g_autoptr (Harness) harness = harness_new ();
  struct bpg_cbor_writer writer;
  struct bpg_bind_request bind = { .patient = bpg_text ("P-7"), .side = bpg_text ("left"), .timeout = 60 };
  g_autofree char *state = NULL;

  harness_unlock_bench (harness, RATE, CHANNELS);
  bind.key.bytes = g_bytes_get_data (harness->spki, &bind.key.length);
  writer = harness_begin (harness);
  bpg_bind_request_encode (&bind, &writer);
  g_assert_cmpint (harness_request (harness, BPG_SMP_WRITE, BPG_GROUP_ARM, BPG_ARM_BIND, &writer), ==, 0);
  g_assert_cmpint (harness_bench (harness, &pressed), ==, 0);
  state = harness_state (harness);
  g_assert_cmpstr (state, ==, "bound/P-7/left");
}

static void
stream (struct harness *harness)
{
  struct bpg_cbor_writer writer = harness_begin (harness);
  struct bpg_stream_request request = { true, false, 1 };

  bpg_stream_request_encode (&request, &writer);
  g_assert_cmpint (harness_request (harness, BPG_SMP_WRITE, BPG_GROUP_ARM, BPG_ARM_STREAM, &writer), ==, 0);
}

/* What comes out of the line is what went in, in its order and once. */
static void
test_samples (void)
{
  g_autoptr (Harness) harness = harness_new ();
  gint16 samples[600][CHANNELS];

  for (guint i = 0; i < G_N_ELEMENTS (samples); i++)
    {
      for (guint channel = 0; channel < CHANNELS; channel++)
        samples[i][channel] = (gint16) (i * 100 + channel - 30000);
    }
  harness_unlock_bench (harness, RATE, CHANNELS);
  stream (harness);
  /* Without samples the arm's electrodes say nothing. */
  harness_run (harness, 200);
  g_assert_cmpuint (harness->samples->len, ==, 0);
  harness_play (harness, samples[0], G_N_ELEMENTS (samples), CHANNELS);
  harness_run (harness, 200);
  g_assert_cmpuint (harness->gaps, ==, 0);
  g_assert_cmpmem (samples, sizeof samples, harness->samples->data, harness->samples->len * sizeof (gint16));
}

static void
test_room (void)
{
  g_autoptr (Harness) harness = harness_new ();
  guint width = 2 * CHANNELS;
  guint room, taken = 0;

  harness_unlock_bench (harness, RATE, CHANNELS);
  stream (harness);
  g_assert_cmpint (play (harness, width - 1), ==, BPG_ARM_ERROR_INVALID);
  room = (guint) harness_bench_state (harness).room;
  g_assert_cmpuint (room * width, <, BPG_SMP_PACKET_MAX - 64);
  g_assert_cmpint (play (harness, (room + 1) * width), ==, BPG_ARM_ERROR_NO_SPACE);
  g_assert_cmpuint (harness_bench_state (harness).room, ==, room);
  /* Refused wholly, however often: what was taken before stays. */
  for (guint i = 0; i < 3; i++)
    {
      room = (guint) harness_bench_state (harness).room;
      g_assert_cmpint (play (harness, room * width), ==, 0);
      taken += room;
      g_assert_cmpint (play (harness, 100 * width), ==, BPG_ARM_ERROR_NO_SPACE);
      harness_run (harness, 20);
    }
  harness_run (harness, 2000);
  g_assert_cmpuint (harness->samples->len, ==, taken * CHANNELS);
  g_assert_cmpuint (harness->gaps, ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/bench/locked", test_locked);
  g_test_add_func ("/bench/signature", test_signature);
  g_test_add_func ("/bench/electrodes", test_electrodes);
  g_test_add_func ("/bench/life", test_life);
  g_test_add_func ("/bench/press", test_press);
  g_test_add_func ("/bench/samples", test_samples);
  g_test_add_func ("/bench/room", test_room);
  return g_test_run ();
}
