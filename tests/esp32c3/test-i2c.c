/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The I2C driver against the model of its controller (i2c-model.h), with a
 * slave on the bus that is a memory: the first byte written is where, the
 * others and what is read are what.
 */
#include <glib.h>
#include <string.h>

#include "i2c-model.h"
#include "model.h"
#include "ports/esp32c3/drivers/i2c.h"

#define ADDRESS 0x50
/* No transfer of these tests may poll longer. */
#define POLLS_MAX ((BPG_I2C_FIFO_SIZE + 12 + 4) * BPG_I2C_POLLS_A_BYTE)

typedef struct
{
  guint8 cells[256];
  guint8 at;
  gboolean knows_where;
  gint accepts; /* bytes until it refuses one, -1: all */
  guint stops;
} Memory;

static gboolean
start (gpointer data,
       gboolean to_read)
{
  Memory *memory = data;

  memory->knows_where = to_read;
  return TRUE;
}

static gboolean
write_byte (gpointer data,
            guint8   byte)
{
  Memory *memory = data;

  if (memory->accepts == 0)
    return FALSE;
  if (memory->accepts > 0)
    memory->accepts--;
  if (memory->knows_where)
    memory->cells[memory->at++] = byte;
  else
    memory->at = byte;
  memory->knows_where = TRUE;
  return TRUE;
}

static guint8
read_byte (gpointer data)
{
  Memory *memory = data;

  return memory->cells[memory->at++];
}

static void
stop (gpointer data)
{
  Memory *memory = data;

  memory->stops++;
}

static void
set_up (Memory *memory)
{
  const ModelSlave slave = { ADDRESS, start, write_byte, read_byte, stop, memory };

  model_reset ();
  model_i2c_add ();
  model_i2c_add_slave (&slave);
  memory->accepts = -1;
  g_assert_true (bpg_i2c_init (4, 5));
}

/* All lengths over the sizes of one and two FIFOs. */
static void
test_lengths (void)
{
  Memory memory = { 0 };
  guint8 bytes[80], back[80];

  set_up (&memory);
  for (guint length = 1; length < sizeof bytes; length++)
    {
      memset (memory.cells, 0, sizeof memory.cells);
      memset (back, 0, sizeof back);
      for (guint i = 0; i < length; i++)
        bytes[i] = (guint8) (i * 7 + length);
      bytes[0] = 10;
      memory.stops = 0;
      g_assert_cmpint (bpg_i2c_write (ADDRESS, bytes, length), ==, BPG_I2C_OK);
      g_assert_cmpmem (memory.cells + 10, length - 1, bytes + 1, length - 1);
      g_assert_cmpuint (memory.stops, ==, 1);

      g_assert_cmpint (bpg_i2c_read_register (ADDRESS, 10, back, length), ==, BPG_I2C_OK);
      g_assert_cmpmem (back, length - 1, bytes + 1, length - 1);
      g_assert_cmpuint (memory.stops, ==, 2);
      memory.at = 10;
      memset (back, 0, sizeof back);
      g_assert_cmpint (bpg_i2c_read (ADDRESS, back, length), ==, BPG_I2C_OK);
      g_assert_cmpmem (back, length - 1, bytes + 1, length - 1);
    }
  g_assert_cmpint (bpg_i2c_read (ADDRESS, back, 0), ==, BPG_I2C_OK);
  g_assert_cmpint (bpg_i2c_read_register (ADDRESS, 1, back, 0), ==, BPG_I2C_OK);
  g_assert_cmpint (bpg_i2c_write (ADDRESS, NULL, 0), ==, BPG_I2C_OK);
}

/* 100 kHz from the crystal, as the secure element's wake-up wants it. */
static void
test_timing (void)
{
  Memory memory = { 0 };
  guint32 high, low, wait;

  set_up (&memory);
  high = model_peek (I2C_SCL_HIGH_PERIOD_REG) & 0x1FF;
  wait = model_peek (I2C_SCL_HIGH_PERIOD_REG) >> I2C_SCL_WAIT_HIGH_PERIOD_S;
  low = model_peek (I2C_SCL_LOW_PERIOD_REG) + 1;
  g_assert_cmpuint (low + high + wait, ==, 400);
  /* The manual's order of what happens in a bit. */
  g_assert_cmpuint (wait, <, model_peek (I2C_SDA_SAMPLE_REG));
  g_assert_cmpuint (model_peek (I2C_SDA_SAMPLE_REG), <, high);
  g_assert_cmpuint (model_peek (I2C_SDA_HOLD_REG), <, low);
  /* Starts and stops need 4.7 us on such a bus. */
  g_assert_cmpuint (model_peek (I2C_SCL_START_HOLD_REG), >=, 188);
  g_assert_cmpuint (model_peek (I2C_SCL_RSTART_SETUP_REG), >=, 188);
  g_assert_cmpuint (model_peek (I2C_SCL_STOP_SETUP_REG), >=, 188);
  g_assert_cmpuint (model_peek (I2C_SCL_STOP_HOLD_REG), >=, 188);
  g_assert_true (model_peek (I2C_TO_REG) & I2C_TIME_OUT_EN);
  g_assert_cmphex (model_peek (I2C_FILTER_CFG_REG), ==, 3u << 8 | 0x77);
  g_assert_cmphex (model_peek (I2C_CLK_CONF_REG), ==, I2C_SCLK_ACTIVE);
  g_assert_cmphex (model_peek (I2C_INT_ENA_REG), ==, 0);
}

static void
test_nobody (void)
{
  Memory memory = { 0 };
  guint8 bytes[40] = { 0 };

  set_up (&memory);
  g_assert_cmpint (bpg_i2c_write (ADDRESS + 1, bytes, 3), ==, BPG_I2C_NO_ACK);
  g_assert_cmpint (bpg_i2c_read (ADDRESS + 1, bytes, 3), ==, BPG_I2C_NO_ACK);
  g_assert_cmpint (bpg_i2c_read_register (ADDRESS + 1, 0, bytes, 3), ==, BPG_I2C_NO_ACK);
  /* In the middle, and in the second part. */
  memory.accepts = 2;
  g_assert_cmpint (bpg_i2c_write (ADDRESS, bytes, 5), ==, BPG_I2C_NO_ACK);
  memory.accepts = 35;
  g_assert_cmpint (bpg_i2c_write (ADDRESS, bytes, sizeof bytes), ==, BPG_I2C_NO_ACK);
  memory.accepts = -1;
  g_assert_cmpint (bpg_i2c_write (ADDRESS, bytes, 5), ==, BPG_I2C_OK);
  g_assert_cmpuint (model_i2c.recoveries, ==, 0);
}

static void
expect_stuck (void)
{
  guint8 bytes[40] = { 0 };

  model_accesses ();
  g_assert_cmpint (bpg_i2c_write (ADDRESS, bytes, sizeof bytes), ==, BPG_I2C_STUCK);
  g_assert_cmpuint (model_accesses (), <, POLLS_MAX);
  g_assert_cmpint (bpg_i2c_read (ADDRESS, bytes, sizeof bytes), ==, BPG_I2C_STUCK);
  g_assert_cmpuint (model_accesses (), <, POLLS_MAX);
  g_assert_cmpint (bpg_i2c_read_register (ADDRESS, 0, bytes, sizeof bytes), ==, BPG_I2C_STUCK);
  g_assert_cmpuint (model_accesses (), <, POLLS_MAX);
}

static void
test_never_ends (void)
{
  Memory memory = { 0 };

  set_up (&memory);
  model_i2c.never_ends = TRUE;
  expect_stuck ();
}

/* Nobody answers, and the stop behind that does not come about. */
static void
test_never_stops (void)
{
  Memory memory = { 0 };
  guint8 bytes[40] = { 0 };

  set_up (&memory);
  model_i2c.never_stops = TRUE;
  model_accesses ();
  g_assert_cmpint (bpg_i2c_write (ADDRESS + 1, bytes, sizeof bytes), ==, BPG_I2C_STUCK);
  g_assert_cmpuint (model_accesses (), <, POLLS_MAX);
  g_assert_cmpuint (model_i2c.recoveries, ==, 1);
}

static void
test_clock_is_held (void)
{
  Memory memory = { 0 };

  set_up (&memory);
  model_i2c.times_out = TRUE;
  expect_stuck ();
  g_assert_cmpuint (model_i2c.recoveries, ==, 3);
}

static void
test_data_is_held (void)
{
  Memory memory = { 0 };
  guint8 bytes[2] = { 7, 42 };

  set_up (&memory);
  model_i2c.data_held = TRUE;
  g_assert_cmpint (bpg_i2c_write (ADDRESS, bytes, 2), ==, BPG_I2C_STUCK);
  /* Nine clocks have freed it. */
  g_assert_cmpint (bpg_i2c_write (ADDRESS, bytes, 2), ==, BPG_I2C_OK);
  g_assert_cmpuint (memory.cells[7], ==, 42);
  g_assert_true (bpg_i2c_recover ());

  model_i2c.held_for_ever = TRUE;
  model_accesses ();
  g_assert_false (bpg_i2c_recover ());
  g_assert_cmpuint (model_accesses (), <, POLLS_MAX);
}

static void
test_lost_bytes (void)
{
  Memory memory = { 0 };
  guint8 bytes[8];

  set_up (&memory);
  model_i2c.loses_bytes = TRUE;
  g_assert_cmpint (bpg_i2c_read (ADDRESS, bytes, sizeof bytes), ==, BPG_I2C_STUCK);
  g_assert_cmpuint (model_i2c.recoveries, ==, 1);
  model_i2c.loses_bytes = FALSE;
  g_assert_cmpint (bpg_i2c_read (ADDRESS, bytes, sizeof bytes), ==, BPG_I2C_OK);
}

static void
test_refused_pins (void)
{
  Memory memory = { 0 };

  set_up (&memory);
  g_assert_false (bpg_i2c_init (18, 5));
  g_assert_false (bpg_i2c_init (4, 22));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/esp32c3/i2c/lengths", test_lengths);
  g_test_add_func ("/esp32c3/i2c/timing", test_timing);
  g_test_add_func ("/esp32c3/i2c/nobody", test_nobody);
  g_test_add_func ("/esp32c3/i2c/never-ends", test_never_ends);
  g_test_add_func ("/esp32c3/i2c/never-stops", test_never_stops);
  g_test_add_func ("/esp32c3/i2c/clock-is-held", test_clock_is_held);
  g_test_add_func ("/esp32c3/i2c/data-is-held", test_data_is_held);
  g_test_add_func ("/esp32c3/i2c/lost-bytes", test_lost_bytes);
  g_test_add_func ("/esp32c3/i2c/refused-pins", test_refused_pins);
  return g_test_run ();
}
