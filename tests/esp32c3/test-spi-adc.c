/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPI2 and the electrodes' converter, against models of: the controller, which
 * takes its settings over with the update bit, moves its buffer both ways when
 * started and clears the bits itself; and an ADS1298 behind it, which can be
 * configured only outside of data mode and not faster than it understands,
 * keeps its registers until it is reset, and gives frames once started.
 */
#include <glib.h>
#include <string.h>

#include "model.h"
#include "ports/esp32c3/drivers/clock.h"
#include "ports/esp32c3/drivers/gpio.h"
#include "ports/esp32c3/drivers/spi-adc.h"
#include "ports/esp32c3/drivers/spi.h"

#define FRAME 27
/* A step or an interrupt that ends makes fewer accesses than this. */
#define ACCESSES_MAX 120000u

static const struct bpg_spi_adc_pins pins = {
  .clock = 6, .to_master = 2, .from_master = 7, .select = 10, .data_ready = 3, .reset = 8,
};

typedef struct
{
  guint8 registers[0x1A];
  gboolean data_mode;
  gboolean started;
  guint resets;
  guint8 id;
  gboolean forgets;        /* a register does not keep what is written */
  gboolean fifos_empty;    /* since the last transfer */
  gboolean never_ends;     /* the controller keeps its start bit */
  gboolean never_updates;
  gint transfers_left;     /* until the controller keeps its start bit, -1: never */
  guint8 frame[FRAME];
  /* What came out. */
  guint samples;
  gint16 values[BPG_SPI_ADC_CHANNELS];
  guint8 loose;
  guint64 now_us;
} Converter;

static void
reset_converter (Converter *converter)
{
  memset (converter->registers, 0, sizeof converter->registers);
  converter->registers[0] = converter->id;
  converter->registers[1] = 0x06;
  converter->registers[3] = 0x40;
  converter->registers[0x14] = 0x0F;
  converter->data_mode = TRUE;
  converter->started = FALSE;
  converter->resets++;
}

static void
obey (Converter *converter, const guint8 *in, guint8 *out, gsize length)
{
  guint first = in[0] & 0x1F;

  switch (in[0] >> 5)
    {
    case 1:
      g_assert_cmpuint (length, ==, 3u + in[1]);
      memcpy (out + 2, converter->registers + first, length - 2);
      break;
    case 2:
      g_assert_cmpuint (length, ==, 3u + in[1]);
      g_assert_cmpuint (first + length - 2, <=, sizeof converter->registers);
      memcpy (converter->registers + first, in + 2, length - 2);
      converter->registers[0] = converter->id;
      converter->registers[3] |= 0x01;
      converter->registers[0x12] = 0xA5;
      if (converter->forgets)
        converter->registers[7] ^= 0x10;
      break;
    default:
      g_assert_cmpuint (length, ==, 1);
      if (in[0] == 0x11)
        converter->data_mode = FALSE;
      else if (in[0] == 0x10)
        converter->data_mode = TRUE;
      else if (in[0] == 0x08)
        converter->started = TRUE;
      else
        g_error ("command 0x%02x", in[0]);
    }
}

static void
move (Converter *converter)
{
  gsize length = (model_peek (SPI_MS_DLEN_REG) + 1) / 8;
  guint32 divider = (model_peek (SPI_CLOCK_REG) >> SPI_CLKCNT_N_S & 0x3F) + 1;
  guint32 user = SPI_DOUTDIN | SPI_USR_MISO | SPI_USR_MOSI | SPI_CK_OUT_EDGE;
  guint8 in[BPG_SPI_MAX], out[BPG_SPI_MAX];

  g_assert_cmpuint (length, <=, sizeof in);
  g_assert_cmphex (model_peek (SPI_USER_REG) & user, ==, user);
  g_assert_true (converter->fifos_empty);
  converter->fifos_empty = FALSE;
  g_assert_cmphex (model_peek (SPI_SLAVE_REG), ==, 0);
  g_assert_cmphex (model_peek (SPI_CLK_GATE_REG), ==, SPI_CLK_EN | SPI_MST_CLK_ACTIVE);
  g_assert_cmphex (model_peek (SPI_DMA_CONF_REG), ==, 0);
  for (gsize i = 0; i < length; i++)
    in[i] = (guint8) (model_peek (SPI_W_REG (i / 4)) >> 8 * (i % 4));
  memset (out, 0, sizeof out);
  if (converter->data_mode && converter->started)
    {
      /* Anything but zeros could be a command. */
      for (gsize i = 0; i < length; i++)
        g_assert_cmpuint (in[i], ==, 0);
      g_assert_cmpuint (BPG_CLOCK_XTAL_HZ / divider, ==, 8000000);
      memcpy (out, converter->frame, MIN (length, FRAME));
    }
  else if (!converter->data_mode || in[0] == 0x11)
    {
      g_assert_cmpuint (BPG_CLOCK_XTAL_HZ / divider, <=, 4000000);
      obey (converter, in, out, length);
    }
  for (gsize i = 0; i < length; i += 4)
    model_poke (SPI_W_REG (i / 4), (guint32) out[i] | (guint32) out[i + 1] << 8
                                     | (guint32) out[i + 2] << 16 | (guint32) out[i + 3] << 24);
}

static void
write_spi (gpointer data,
           guint32  address,
           guint32  before,
           guint32  value)
{
  Converter *converter = data;

  if (address == SPI_DMA_CONF_REG)
    converter->fifos_empty |= value == (SPI_BUF_AFIFO_RST | SPI_RX_AFIFO_RST);
  if (address != SPI_CMD_REG)
    return;
  if ((value & SPI_UPDATE) != 0 && !converter->never_updates)
    model_poke (address, value & ~SPI_UPDATE);
  if ((value & SPI_USR) != 0 && !converter->never_ends && converter->transfers_left != 0)
    {
      if (converter->transfers_left > 0)
        converter->transfers_left--;
      move (converter);
      model_poke (address, value & ~SPI_USR);
    }
}

static void
write_gpio (gpointer data,
            guint32  address,
            guint32  before,
            guint32  value)
{
  Converter *converter = data;

  if (address == GPIO_OUT_W1TC_REG && value == 1u << pins.reset)
    reset_converter (converter);
}

static gboolean
is_watched (void)
{
  return (model_peek (GPIO_PIN_REG (pins.data_ready)) & GPIO_PIN_INT_ENA) != 0;
}

static void
get_sample (void *data, const int16_t *values, uint8_t loose, uint64_t now_us)
{
  Converter *converter = data;

  converter->samples++;
  converter->loose = loose;
  memcpy (converter->values, values, sizeof converter->values);
  g_assert_cmpuint (now_us, ==, converter->now_us);
}

static void
put_value (Converter *converter, guint channel, gint32 value)
{
  guint8 *at = converter->frame + 3 + 3 * channel;

  at[0] = (guint8) (value >> 16);
  at[1] = (guint8) (value >> 8);
  at[2] = (guint8) value;
}

static void
set_up (Converter *converter, struct bpg_spi_adc *adc, guint channels)
{
  const ModelPeripheral spi = {
    .base = SPI2_BASE, .size = 0x100, .after_write = write_spi, .data = converter,
  };
  const ModelPeripheral gpio = {
    .base = GPIO_BASE, .size = 0x6FC, .after_write = write_gpio, .data = converter,
  };

  model_reset ();
  model_add (&spi);
  model_add (&gpio);
  model_add_memory (0x60009000, 0x60);
  model_add_memory (SYSTEM_BASE, 0x100);
  model_poke (SPI_SLAVE_REG, 1u << 26);
  converter->id = 0x92;
  converter->frame[0] = 0xC0;
  converter->transfers_left = -1;
  converter->now_us = 1000;
  g_assert_true (bpg_spi_adc_init (adc, &pins, channels, get_sample, converter, converter->now_us));
}

/* Steps each millisecond, with a frame each when @ready, for @count of them. */
static void
pass (Converter *converter, struct bpg_spi_adc *adc, guint count, gboolean ready)
{
  for (guint i = 0; i < count; i++)
    {
      converter->now_us += 1000;
      model_accesses ();
      if (ready && is_watched ())
        bpg_spi_adc_interrupt (adc, converter->now_us);
      g_assert_cmpuint (model_accesses (), <, ACCESSES_MAX);
      bpg_spi_adc_step (adc, converter->now_us);
      g_assert_cmpuint (model_accesses (), <, ACCESSES_MAX);
    }
}

static void
run_up (Converter *converter, struct bpg_spi_adc *adc)
{
  for (guint i = 0; i < 2000 && adc->state != BPG_SPI_ADC_RUNNING; i++)
    pass (converter, adc, 1, TRUE);
  g_assert_cmpint (adc->state, ==, BPG_SPI_ADC_RUNNING);
}

static void
test_start (void)
{
  Converter converter = { 0 };
  struct bpg_spi_adc adc;

  set_up (&converter, &adc, 6);
  g_assert_cmpint (adc.state, ==, BPG_SPI_ADC_POWERING);
  /* Its supply needs 128 ms, its reference 150. */
  pass (&converter, &adc, 128, FALSE);
  g_assert_cmpuint (converter.resets, ==, 0);
  run_up (&converter, &adc);
  g_assert_cmpuint (converter.now_us, >, 300000);
  g_assert_cmpuint (converter.resets, ==, 1);
  g_assert_true (converter.started && converter.data_mode);
  g_assert_true (is_watched ());
  g_assert_cmpuint (adc.id, ==, 0x92);
  g_assert_cmpuint (converter.registers[1] & 0x87, ==, 0x85);
  g_assert_cmpuint (converter.registers[3] & 0xFE, ==, 0xCC);
  g_assert_cmpuint (converter.registers[4], ==, 0x03);
  g_assert_cmpuint (converter.registers[0x0F], ==, 0xFF);
  g_assert_cmpuint (converter.registers[0x17], ==, 0x02);
  for (guint i = 0; i < 8; i++)
    g_assert_cmpuint (converter.registers[5 + i], ==, i < 6 ? 0x00 : 0x81);
  g_assert_cmpuint (adc.restarts, ==, 0);
}

static void
test_samples (void)
{
  Converter converter = { 0 };
  struct bpg_spi_adc adc;
  gint32 offset = 300 * 20971; /* 300 mV in counts of 47.7 nV */

  set_up (&converter, &adc, 8);
  run_up (&converter, &adc);
  /* An electrode's offset, from the first sample on, is nothing. */
  for (guint channel = 0; channel < 8; channel++)
    put_value (&converter, channel, channel % 2 ? offset : -offset);
  pass (&converter, &adc, 1, TRUE);
  g_assert_cmpuint (converter.samples, ==, 1);
  for (guint channel = 0; channel < 8; channel++)
    g_assert_cmpint (converter.values[channel], ==, 0);

  /* A step of 1 mV on it: 1,311 counts less a 32nd, then down to nothing. */
  for (guint channel = 0; channel < 8; channel++)
    put_value (&converter, channel, (channel % 2 ? offset : -offset) + 20971);
  pass (&converter, &adc, 1, TRUE);
  for (guint channel = 0; channel < 8; channel++)
    {
      g_assert_cmpint (converter.values[channel], >=, 1311 * 31 / 32 - 2);
      g_assert_cmpint (converter.values[channel], <=, 1311);
    }
  pass (&converter, &adc, 400, TRUE);
  for (guint channel = 0; channel < 8; channel++)
    g_assert_cmpint (ABS (converter.values[channel]), <=, 2);
  g_assert_cmpuint (adc.frames, ==, 402);
}

static void
test_clipping (void)
{
  Converter converter = { 0 };
  struct bpg_spi_adc adc;

  set_up (&converter, &adc, 2);
  run_up (&converter, &adc);
  pass (&converter, &adc, 1, TRUE);
  put_value (&converter, 0, 0x7FFFFF);
  put_value (&converter, 1, -0x800000);
  pass (&converter, &adc, 1, TRUE);
  g_assert_cmpint (converter.values[0], ==, G_MAXINT16);
  g_assert_cmpint (converter.values[1], ==, G_MININT16);
  /* From one end to the other and back, for ever: no overflow. */
  for (guint i = 0; i < 200; i++)
    {
      put_value (&converter, 0, i % 2 ? 0x7FFFFF : -0x800000);
      pass (&converter, &adc, 1, TRUE);
      g_assert_cmpint (converter.values[0], ==, i % 2 ? G_MAXINT16 : G_MININT16);
    }
}

static void
test_loose (void)
{
  Converter converter = { 0 };
  struct bpg_spi_adc adc;

  set_up (&converter, &adc, 6);
  run_up (&converter, &adc);
  /* 1100 pppppppp nnnnnnnn gggg, of which the two highest are not in use */
  converter.frame[0] = 0xC0 | 0x8;
  converter.frame[1] = 0x1 << 4 | 0x2;
  converter.frame[2] = 0x0 << 4 | 0xF;
  pass (&converter, &adc, 1, TRUE);
  g_assert_cmphex (converter.loose, ==, 0x21);
  g_assert_cmphex (adc.loose, ==, 0x21);
  converter.frame[0] = 0xC0;
  converter.frame[1] = 0;
  converter.frame[2] = 0;
  pass (&converter, &adc, 1, TRUE);
  g_assert_cmphex (adc.loose, ==, 0);
}

static void
test_bad_frames (void)
{
  Converter converter = { 0 };
  struct bpg_spi_adc adc;

  set_up (&converter, &adc, 8);
  run_up (&converter, &adc);
  for (guint first = 0; first < 256; first++)
    {
      converter.frame[0] = (guint8) first;
      converter.samples = 0;
      pass (&converter, &adc, 1, TRUE);
      g_assert_cmpuint (converter.samples, ==, (first & 0xF0) == 0xC0);
      if (adc.state != BPG_SPI_ADC_RUNNING)
        run_up (&converter, &adc);
      converter.frame[0] = 0xC0;
      pass (&converter, &adc, 1, TRUE);
    }
  g_assert_cmpuint (adc.bad_frames, ==, 240);
  g_assert_cmpuint (adc.restarts, ==, 0);

  /* Nothing but nonsense: it is set up again, and then it is well. */
  converter.frame[0] = 0;
  pass (&converter, &adc, BPG_SPI_ADC_PATIENCE, TRUE);
  g_assert_cmpuint (adc.restarts, ==, 1);
  g_assert_false (is_watched ());
  converter.frame[0] = 0xC0;
  run_up (&converter, &adc);
  g_assert_cmpuint (converter.resets, ==, 2);
  converter.samples = 0;
  pass (&converter, &adc, 10, TRUE);
  g_assert_cmpuint (converter.samples, ==, 10);
}

static void
test_silence (void)
{
  Converter converter = { 0 };
  struct bpg_spi_adc adc;

  set_up (&converter, &adc, 8);
  run_up (&converter, &adc);
  pass (&converter, &adc, BPG_SPI_ADC_SILENCE_US / 1000, FALSE);
  g_assert_cmpint (adc.state, ==, BPG_SPI_ADC_RUNNING);
  pass (&converter, &adc, 1, FALSE);
  g_assert_cmpuint (adc.silences, ==, 1);
  run_up (&converter, &adc);
  pass (&converter, &adc, 100, TRUE);
  g_assert_cmpuint (adc.silences, ==, 1);
  g_assert_cmpuint (adc.restarts, ==, 1);
}

/* "Ready" comes as fast as it is served: the interrupt is shut off after a
 * bounded number of frames, and not before the program gets its turn. */
static void
test_storm (void)
{
  Converter converter = { 0 };
  struct bpg_spi_adc adc;
  guint served = 0;

  set_up (&converter, &adc, 8);
  run_up (&converter, &adc);
  pass (&converter, &adc, 5, TRUE);
  model_accesses ();
  while (is_watched ())
    {
      g_assert_cmpuint (++served, <=, BPG_SPI_ADC_PATIENCE + 1);
      converter.now_us += 30;
      bpg_spi_adc_interrupt (&adc, converter.now_us);
    }
  g_assert_cmpuint (model_accesses (), <, ACCESSES_MAX);
  g_assert_cmpuint (converter.samples, ==, adc.frames);
  g_assert_cmpuint (served, ==, BPG_SPI_ADC_PATIENCE);
  pass (&converter, &adc, 1, TRUE);
  g_assert_cmpuint (adc.storms, ==, 1);
  run_up (&converter, &adc);
  pass (&converter, &adc, 100, TRUE);
  g_assert_cmpuint (adc.storms, ==, 1);
}

/* The program may be late, as when flash is erased: what came then counts. */
static void
test_late_program (void)
{
  Converter converter = { 0 };
  struct bpg_spi_adc adc;

  set_up (&converter, &adc, 8);
  run_up (&converter, &adc);
  pass (&converter, &adc, 5, TRUE);
  for (guint turns = 0; turns < 10; turns++)
    {
      /* 45 ms without an interrupt, then the one that waited, a little after it the next. */
      converter.now_us += 45000;
      bpg_spi_adc_interrupt (&adc, converter.now_us);
      bpg_spi_adc_step (&adc, converter.now_us);
      converter.now_us += 200;
      bpg_spi_adc_interrupt (&adc, converter.now_us);
      pass (&converter, &adc, 5, TRUE);
    }
  g_assert_cmpuint (adc.restarts, ==, 0);
}

static void
test_other_part (void)
{
  static const guint8 ids[] = { 0x00, 0x90, 0x91, 0x3E, 0xFF };
  struct bpg_spi_adc adc;

  for (guint i = 0; i < G_N_ELEMENTS (ids); i++)
    {
      Converter converter = { 0 };

      set_up (&converter, &adc, 8);
      converter.id = ids[i];
      pass (&converter, &adc, 500, TRUE);
      g_assert_cmpint (adc.state, ==, BPG_SPI_ADC_FAULTY);
      g_assert_cmpuint (adc.id, ==, ids[i]);
      g_assert_false (is_watched ());
      g_assert_cmpuint (converter.samples, ==, 0);
      /* It is looked for again, once a second. */
      pass (&converter, &adc, 2000, TRUE);
      g_assert_cmpuint (adc.restarts, ==, 2);
      converter.id = 0x92;
      run_up (&converter, &adc);
    }
}

static void
test_forgetful (void)
{
  Converter converter = { .forgets = TRUE };
  struct bpg_spi_adc adc;

  set_up (&converter, &adc, 8);
  pass (&converter, &adc, 500, TRUE);
  g_assert_cmpint (adc.state, ==, BPG_SPI_ADC_FAULTY);
  converter.forgets = FALSE;
  run_up (&converter, &adc);
}

static void
test_controller_hangs (void)
{
  Converter converter = { 0 };
  struct bpg_spi_adc adc;

  set_up (&converter, &adc, 8);
  converter.never_updates = TRUE;
  pass (&converter, &adc, 500, TRUE);
  g_assert_cmpint (adc.state, ==, BPG_SPI_ADC_FAULTY);
  converter.never_updates = FALSE;
  run_up (&converter, &adc);

  converter.never_ends = TRUE;
  pass (&converter, &adc, BPG_SPI_ADC_PATIENCE, TRUE);
  g_assert_cmpuint (adc.bad_frames, ==, BPG_SPI_ADC_PATIENCE);
  g_assert_cmpint (adc.state, !=, BPG_SPI_ADC_RUNNING);
  pass (&converter, &adc, 300, TRUE);
  g_assert_cmpint (adc.state, ==, BPG_SPI_ADC_FAULTY);
  converter.never_ends = FALSE;
  model_poke (SPI_CMD_REG, 0);
  run_up (&converter, &adc);
}

/* At each of the six transfers of a start. */
static void
test_hangs_anywhere (void)
{
  for (gint left = 0; left < 6; left++)
    {
      Converter converter = { 0 };
      struct bpg_spi_adc adc;

      set_up (&converter, &adc, 8);
      converter.transfers_left = left;
      pass (&converter, &adc, 350, TRUE);
      g_assert_cmpint (adc.state, !=, BPG_SPI_ADC_RUNNING);
      g_assert_cmpuint (converter.samples, ==, 0);
      converter.transfers_left = -1;
      model_poke (SPI_CMD_REG, 0);
      run_up (&converter, &adc);
      g_assert_cmpuint (adc.restarts, >=, 1);
    }
}

static void
test_refused (void)
{
  Converter converter = { 0 };
  struct bpg_spi_adc adc;
  struct bpg_spi_adc_pins wrong = pins;
  guint8 byte = 0;

  set_up (&converter, &adc, 8);
  g_assert_false (bpg_spi_adc_init (&adc, &pins, 0, get_sample, NULL, 0));
  g_assert_false (bpg_spi_adc_init (&adc, &pins, 9, get_sample, NULL, 0));
  for (guint i = 0; i < sizeof wrong; i++)
    {
      wrong = pins;
      ((guint8 *) &wrong)[i] = 14;
      g_assert_false (bpg_spi_adc_init (&adc, &wrong, 8, get_sample, NULL, 0));
    }
  g_assert_false (bpg_spi_transfer (BPG_SPI_DATA, &byte, NULL, 0));
  g_assert_false (bpg_spi_transfer (BPG_SPI_DATA, &byte, NULL, BPG_SPI_MAX + 1));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/esp32c3/spi-adc/start", test_start);
  g_test_add_func ("/esp32c3/spi-adc/samples", test_samples);
  g_test_add_func ("/esp32c3/spi-adc/clipping", test_clipping);
  g_test_add_func ("/esp32c3/spi-adc/loose", test_loose);
  g_test_add_func ("/esp32c3/spi-adc/bad-frames", test_bad_frames);
  g_test_add_func ("/esp32c3/spi-adc/silence", test_silence);
  g_test_add_func ("/esp32c3/spi-adc/storm", test_storm);
  g_test_add_func ("/esp32c3/spi-adc/late-program", test_late_program);
  g_test_add_func ("/esp32c3/spi-adc/other-part", test_other_part);
  g_test_add_func ("/esp32c3/spi-adc/forgetful", test_forgetful);
  g_test_add_func ("/esp32c3/spi-adc/controller-hangs", test_controller_hangs);
  g_test_add_func ("/esp32c3/spi-adc/hangs-anywhere", test_hangs_anywhere);
  g_test_add_func ("/esp32c3/spi-adc/refused", test_refused);
  return g_test_run ();
}
