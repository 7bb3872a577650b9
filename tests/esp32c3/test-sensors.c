/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Battery gauge, temperature and current, against models of: a MAX17048 on
 * the model of the I2C bus; and the chip's converter, which starts only when
 * the start bit stands for some reads, is ready some reads later, and whose
 * trims are behind the internal bus.
 */
#include <glib.h>
#include <string.h>

#include "i2c-model.h"
#include "model.h"
#include "ports/esp32c3/drivers/gauge.h"
#include "ports/esp32c3/drivers/gpio.h"
#include "ports/esp32c3/drivers/i2c.h"
#include "ports/esp32c3/drivers/regi2c.h"
#include "ports/esp32c3/drivers/saradc.h"

typedef struct
{
  guint16 words[256];
  guint8 at;
  guint byte;
  gboolean absent;
} Gauge;

static gboolean
gauge_start (gpointer data,
             gboolean to_read)
{
  Gauge *gauge = data;

  gauge->byte = 0;
  return !gauge->absent;
}

static gboolean
gauge_write (gpointer data,
             guint8   byte)
{
  Gauge *gauge = data;

  gauge->at = byte;
  return TRUE;
}

static guint8
gauge_read (gpointer data)
{
  Gauge *gauge = data;

  return (guint8) (gauge->words[gauge->at] >> (gauge->byte++ % 2 ? 0 : 8));
}

static void
gauge_stop (gpointer data)
{
}

static void
set_up_gauge (Gauge *model, struct bpg_gauge *gauge, guint cells)
{
  const ModelSlave slave = {
    BPG_GAUGE_ADDRESS, gauge_start, gauge_write, gauge_read, gauge_stop, model,
  };

  model_reset ();
  model_i2c_add ();
  model_i2c_add_slave (&slave);
  g_assert_true (bpg_i2c_init (4, 5));
  model->words[0x08] = 0x0012;
  model->words[0x02] = 0xC000; /* 3,840 mV */
  model->words[0x04] = 0x3280; /* 50.5 % */
  memset (gauge, 0xA5, sizeof *gauge);
  bpg_gauge_init (gauge, cells);
}

static void
test_gauge (void)
{
  Gauge model = { 0 };
  struct bpg_gauge gauge;

  set_up_gauge (&model, &gauge, 2);
  g_assert_false (gauge.present);
  g_assert_true (bpg_gauge_read (&gauge));
  g_assert_cmpuint (gauge.battery_mv, ==, 7680);
  g_assert_cmpuint (gauge.percent, ==, 50);
  model.words[0x04] = 0x6800;
  g_assert_true (bpg_gauge_read (&gauge));
  g_assert_cmpuint (gauge.percent, ==, 100);
  model.words[0x04] = 0;
  g_assert_true (bpg_gauge_read (&gauge));
  g_assert_cmpuint (gauge.percent, ==, 0);
}

static void
expect_absent (struct bpg_gauge *gauge)
{
  /* The last good reading counts for a while. */
  for (guint i = 1; i < BPG_GAUGE_PATIENCE; i++)
    {
      g_assert_true (bpg_gauge_read (gauge));
      g_assert_cmpuint (gauge->battery_mv, ==, 3840);
    }
  for (guint i = 0; i < 10; i++)
    g_assert_false (bpg_gauge_read (gauge));
}

static void
test_gauge_absent (void)
{
  Gauge model = { 0 };
  struct bpg_gauge gauge;

  set_up_gauge (&model, &gauge, 1);
  g_assert_true (bpg_gauge_read (&gauge));
  model.absent = TRUE;
  expect_absent (&gauge);
  model.absent = FALSE;
  g_assert_true (bpg_gauge_read (&gauge));
  model_i2c.never_ends = TRUE;
  expect_absent (&gauge);
}

static void
test_gauge_implausible (void)
{
  static const struct
  {
    guint8 number;
    guint16 word;
  } lies[] = {
    { 0x08, 0xFFFF }, { 0x08, 0x0000 }, { 0x02, 0x0000 }, { 0x02, 0xFFFF },
    { 0x02, 2500 * 64 / 5 - 1 }, { 0x02, 0xDC20 }, { 0x04, 0xFFFF }, { 0x04, 111 * 256 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (lies); i++)
    {
      Gauge model = { 0 };
      struct bpg_gauge gauge;

      set_up_gauge (&model, &gauge, 1);
      g_assert_true (bpg_gauge_read (&gauge));
      model.words[lies[i].number] = lies[i].word;
      expect_absent (&gauge);
    }
}

/* Just inside of what a battery can be. */
static void
test_gauge_limits (void)
{
  Gauge model = { 0 };
  struct bpg_gauge gauge;

  set_up_gauge (&model, &gauge, 1);
  model.words[0x02] = BPG_GAUGE_CELL_MIN_MV * 64 / 5;
  model.words[0x04] = 110 * 256;
  g_assert_true (bpg_gauge_read (&gauge));
  g_assert_cmpuint (gauge.battery_mv, ==, BPG_GAUGE_CELL_MIN_MV);
  g_assert_cmpuint (gauge.percent, ==, 100);
  model.words[0x02] = BPG_GAUGE_CELL_MAX_MV * 64 / 5;
  g_assert_true (bpg_gauge_read (&gauge));
  g_assert_cmpuint (gauge.battery_mv, ==, BPG_GAUGE_CELL_MAX_MV);
}

typedef struct
{
  guint8 trims[16];
  gboolean bus_stuck;
  guint reads_while_started;
  gboolean converting;
  guint reads_to_done;
  guint reads;
  guint result;
  guint channel;
} Adc;

static void
adc_before_read (gpointer data,
                 guint32  address)
{
  Adc *adc = data;

  if (address == APB_SARADC_ONETIME_SAMPLE_REG
      && (model_peek (address) & APB_SARADC_ONETIME_START) != 0)
    adc->reads_while_started++;
  if (address == APB_SARADC_INT_RAW_REG && adc->converting && adc->reads++ >= adc->reads_to_done)
    {
      adc->converting = FALSE;
      model_poke (address, APB_SARADC_ADC1_DONE_INT);
      /* A bit of no meaning stands above the twelve. */
      model_poke (APB_SARADC_1_DATA_STATUS_REG, 0x10000 | adc->result);
    }
}

static void
adc_after_write (gpointer data,
                 guint32  address,
                 guint32  before,
                 guint32  value)
{
  Adc *adc = data;

  if (address == APB_SARADC_INT_CLR_REG)
    model_poke (APB_SARADC_INT_RAW_REG, model_peek (APB_SARADC_INT_RAW_REG) & ~value);
  if (address != APB_SARADC_ONETIME_SAMPLE_REG)
    return;
  if ((before & ~value & APB_SARADC_ONETIME_START) != 0 && adc->reads_while_started >= 8)
    {
      g_assert_true (value & APB_SARADC1_ONETIME_SAMPLE);
      /* Powered, and clocked with a 16th of the bus clock. */
      g_assert_cmphex (model_peek (APB_SARADC_CTRL_REG), ==, 3u << 27 | 1u << 7 | 1u << 6);
      g_assert_cmphex (model_peek (APB_SARADC_APB_ADC_CLKM_CONF_REG), ==, 2u << 21 | 1u << 20 | 0x10F);
      g_assert_cmpuint (value >> APB_SARADC_ONETIME_ATTEN_S & 3, ==, 3);
      adc->channel = value >> APB_SARADC_ONETIME_CHANNEL_S & 15;
      adc->converting = TRUE;
      adc->reads = 0;
    }
  if ((value & APB_SARADC_ONETIME_START) == 0)
    adc->reads_while_started = 0;
}

static void
bus_before_read (gpointer data,
                 guint32  address)
{
  Adc *adc = data;

  if (address == I2C_MST_CTRL_REG && adc->bus_stuck)
    model_poke (address, I2C_MST_CTRL_BUSY);
}

static void
bus_after_write (gpointer data,
                 guint32  address,
                 guint32  before,
                 guint32  value)
{
  Adc *adc = data;
  guint number = value >> 8 & 15;

  if (address != I2C_MST_CTRL_REG)
    return;
  g_assert_cmphex (value & 0xFF, ==, BPG_REGI2C_SAR);
  g_assert_true (model_peek (RTC_CNTL_ANA_CONF_REG) & RTC_CNTL_SAR_I2C_PU);
  g_assert_true (model_peek (I2C_MST_ANA_CONFIG2_REG) & 1u << 16);
  g_assert_false (model_peek (I2C_MST_ANA_CONFIG_REG) & 1u << 18);
  if (value & I2C_MST_CTRL_WRITE)
    {
      adc->trims[number] = value >> 16 & 0xFF;
      return;
    }
  g_assert_cmphex (model_peek (I2C_MST_ANA_CONFIG_REG), ==, ~(1u << 18));
  model_poke (address, (value & 0xFFFF) | (guint32) adc->trims[number] << 16);
}

static void
set_up_adc (Adc *adc)
{
  const ModelPeripheral converter = {
    .base = APB_SARADC_BASE,
    .size = 0x100,
    .before_read = adc_before_read,
    .after_write = adc_after_write,
    .data = adc,
  };
  const ModelPeripheral bus = {
    .base = I2C_MST_BASE,
    .size = 0x100,
    .before_read = bus_before_read,
    .after_write = bus_after_write,
    .data = adc,
  };

  model_reset ();
  model_add (&converter);
  model_add (&bus);
  model_add_memory (SYSTEM_BASE, 0x100);
  model_add_memory (RTC_CNTL_BASE, 0x140);
  model_add_memory (0x60008800, 0x100);
  model_add_memory (GPIO_BASE, 0x6FC);
  model_add_memory (0x60009000, 0x60);
  model_poke (SYSTEM_PERIP_RST_EN1_REG, SYSTEM_TSENS);
  model_poke (I2C_MST_ANA_CONFIG_REG, 0xFFFFFFFF);
  adc->reads_to_done = 20;
  memset (adc->trims, 0xFF, sizeof adc->trims);
}

/* As the maker burns it: version 1, then the corrections. */
static void
burn (gint temperature_dc, guint initial_code, gint count_difference)
{
  guint temperature = (guint) ABS (temperature_dc) | (temperature_dc < 0 ? 0x100 : 0);
  guint counts = (guint) ABS (count_difference) | (count_difference < 0 ? 0x200 : 0);

  model_poke (EFUSE_RD_SYS_PART1_DATA4_REG, 0xFFFFF000u | 1 | temperature << 3);
  model_poke (EFUSE_RD_SYS_PART1_DATA5_REG, 0xF003FFFFu | (initial_code - 1000) << 18);
  model_poke (EFUSE_RD_SYS_PART1_DATA6_REG, 0x03FFFFFFu | counts << 26);
  model_poke (EFUSE_RD_SYS_PART1_DATA7_REG, 0xFFFFFFF0u | counts >> 6);
}

static void
test_temperature (void)
{
  Adc adc = { 0 };
  gint32 temperature;

  set_up_adc (&adc);
  g_assert_true (bpg_saradc_init ());
  g_assert_cmphex (model_peek (SYSTEM_PERIP_CLK_EN0_REG), ==, SYSTEM_APB_SARADC);
  g_assert_cmphex (model_peek (SYSTEM_PERIP_RST_EN1_REG), ==, 0);
  g_assert_cmphex (model_peek (SYSTEM_PERIP_CLK_EN1_REG), ==, SYSTEM_TSENS);
  g_assert_true (model_peek (APB_SARADC_APB_TSENS_CTRL_REG) & APB_SARADC_TSENS_PU);
  g_assert_true (model_peek (APB_SARADC_APB_TSENS_CTRL2_REG) & APB_SARADC_TSENS_CLK_XTAL);
  g_assert_cmpuint (adc.trims[6], ==, 0xFF);
  g_assert_cmpuint (adc.trims[2], ==, 0x9F);
  /* 100 counts are 43.86 degrees from -20.52 on. */
  model_poke (APB_SARADC_APB_TSENS_CTRL_REG, APB_SARADC_TSENS_PU | 100);
  g_assert_true (bpg_saradc_temperature (&temperature));
  g_assert_cmpint (temperature, ==, 233);
  burn (-17, 1500, 0);
  g_assert_true (bpg_saradc_temperature (&temperature));
  g_assert_cmpint (temperature, ==, 250);
  burn (17, 1500, 0);
  g_assert_true (bpg_saradc_temperature (&temperature));
  g_assert_cmpint (temperature, ==, 216);
  /* Below zero it is rounded towards it, and stays a temperature. */
  model_poke (APB_SARADC_APB_TSENS_CTRL_REG, APB_SARADC_TSENS_PU | 20);
  g_assert_true (bpg_saradc_temperature (&temperature));
  g_assert_cmpint (temperature, ==, -117 - 17);
  model_poke (APB_SARADC_APB_TSENS_CTRL_REG, APB_SARADC_TSENS_PU);
  g_assert_false (bpg_saradc_temperature (&temperature));
  model_poke (APB_SARADC_APB_TSENS_CTRL_REG, APB_SARADC_TSENS_PU | 0xFF);
  g_assert_false (bpg_saradc_temperature (&temperature));
}

static void
test_current (void)
{
  const struct bpg_current_sense sense = { .channel = 1, .zero_mv = 50, .microvolt_a_ma = 500 };
  Adc adc = { 0 };
  guint32 value;

  set_up_adc (&adc);
  g_assert_true (bpg_saradc_init ());
  g_assert_cmpuint (adc.trims[0], ==, 0xFF);
  model_poke (IO_MUX_GPIO_REG (1), IO_MUX_FUN_IE | IO_MUX_FUN_PU);
  g_assert_true (bpg_saradc_use (1));
  g_assert_cmphex (model_peek (IO_MUX_GPIO_REG (1)) & (IO_MUX_FUN_IE | IO_MUX_FUN_PU | IO_MUX_FUN_PD),
                   ==, 0);
  adc.result = 2000;
  g_assert_true (bpg_saradc_millivolts (3, &value));
  g_assert_cmpuint (adc.channel, ==, 3);
  g_assert_cmpuint (value, ==, 1370);
  g_assert_true (bpg_current_read (&sense, &value));
  g_assert_cmpuint (adc.channel, ==, 1);
  g_assert_cmpuint (value, ==, 2640);
  adc.result = 4095;
  g_assert_true (bpg_current_read (&sense, &value));
  g_assert_cmpuint (value, ==, (4095 * 1370 / 2000 - 50) * 2);
  adc.result = 0;
  g_assert_true (bpg_current_read (&sense, &value));
  g_assert_cmpuint (value, ==, 0);

  /* What the maker measured counts. */
  burn (0, 0x712, -100);
  g_assert_true (bpg_saradc_init ());
  g_assert_cmpuint (adc.trims[0], ==, 0x12);
  g_assert_cmpuint (adc.trims[1], ==, 0xF7);
  adc.result = 1900;
  g_assert_true (bpg_saradc_millivolts (0, &value));
  g_assert_cmpuint (value, ==, 1370);
  burn (0, 0x712, 100);
  adc.result = 2100;
  g_assert_true (bpg_saradc_millivolts (0, &value));
  g_assert_cmpuint (value, ==, 1370);
}

static void
test_current_fails (void)
{
  const struct bpg_current_sense nothing = { .channel = 1 };
  const struct bpg_current_sense sense = { .channel = 1, .microvolt_a_ma = 500 };
  Adc adc = { 0 };
  guint32 value;

  set_up_adc (&adc);
  g_assert_true (bpg_saradc_init ());
  g_assert_false (bpg_saradc_millivolts (BPG_SARADC_CHANNELS, &value));
  g_assert_false (bpg_saradc_use (BPG_SARADC_CHANNELS));
  g_assert_false (bpg_current_read (&nothing, &value));
  adc.reads_to_done = G_MAXUINT;
  model_accesses ();
  g_assert_false (bpg_current_read (&sense, &value));
  g_assert_cmpuint (model_accesses (), <, 3000);
  /* It recovers by itself. */
  adc.converting = FALSE;
  adc.reads_to_done = 5;
  g_assert_true (bpg_current_read (&sense, &value));

  adc.bus_stuck = TRUE;
  model_accesses ();
  g_assert_false (bpg_saradc_init ());
  g_assert_cmpuint (model_accesses (), <, 3000);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/esp32c3/gauge/readings", test_gauge);
  g_test_add_func ("/esp32c3/gauge/limits", test_gauge_limits);
  g_test_add_func ("/esp32c3/gauge/absent", test_gauge_absent);
  g_test_add_func ("/esp32c3/gauge/implausible", test_gauge_implausible);
  g_test_add_func ("/esp32c3/temperature/readings", test_temperature);
  g_test_add_func ("/esp32c3/current/readings", test_current);
  g_test_add_func ("/esp32c3/current/fails", test_current_fails);
  return g_test_run ();
}
