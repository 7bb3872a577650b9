/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Hardware that answers anything: each register that a driver of the ESP32-C3 reads is the next four
 * bytes of the input, over and over. The first byte says which driver. It has to end, whatever it
 * reads, and what it says has to be what it may say. */
#include <glib.h>
#include <string.h>

#include "ports/esp32c3/drivers/atecc608.h"
#include "ports/esp32c3/drivers/clock.h"
#include "ports/esp32c3/drivers/gauge.h"
#include "ports/esp32c3/drivers/i2c.h"
#include "ports/esp32c3/drivers/interrupt.h"
#include "ports/esp32c3/drivers/ledc.h"
#include "ports/esp32c3/drivers/registers.h"
#include "ports/esp32c3/drivers/reset.h"
#include "ports/esp32c3/drivers/saradc.h"
#include "ports/esp32c3/drivers/spi-adc.h"
#include "ports/esp32c3/drivers/systimer.h"
#include "ports/esp32c3/drivers/uart.h"
#include "ports/esp32c3/drivers/usb-jtag.h"
#include "ports/esp32c3/drivers/watchdog.h"

/* More than the longest of them needs, the secure element's, which polls for a second. */
#define ACCESSES_MAX 100000000u

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static const uint8_t *input;
static size_t input_size;
static size_t input_at;
static guint accesses;

uint32_t
bpg_reg_read (uint32_t address)
{
  uint32_t value = 0;

  g_assert_cmpuint (++accesses, <, ACCESSES_MAX);
  for (unsigned i = 0; i < 4 && input_size > 0; i++)
    {
      value |= (uint32_t) input[input_at] << 8 * i;
      input_at = (input_at + 1) % input_size;
    }
  return value;
}

void
bpg_reg_write (uint32_t address,
               uint32_t value)
{
  g_assert_cmpuint (++accesses, <, ACCESSES_MAX);
  g_assert_cmpuint (address % 4, ==, 0);
  g_assert_cmphex (address, >=, 0x60000000);
  g_assert_cmphex (address, <, 0x600D1000);
}

static void
run_core (void)
{
  bpg_reset_reason ();
  bpg_clock_start ();
  g_assert_cmpuint (bpg_clock_cpu_hz (), >, 0);
  g_assert_cmpuint (bpg_clock_cpu_hz (), <=, 160000000);
  bpg_watchdogs_start (250, 2000);
  bpg_watchdogs_feed ();
  bpg_systimer_init ();
  g_assert_cmpuint (bpg_systimer_ticks (), <, G_GUINT64_CONSTANT (1) << 52);
  bpg_systimer_start_tick (1000);
  bpg_interrupt_init ();
  for (guint i = 0; i < 64; i++)
    g_assert_false (bpg_interrupt_dispatch (bpg_reg_read (INTERRUPT_CORE0_BASE)));
}

static void
run_serial (void)
{
  static struct bpg_uart uart;
  static struct bpg_usb usb;
  uint8_t bytes[300];

  g_assert_true (bpg_uart_init (&uart, 1, 115200));
  bpg_usb_init (&usb);
  memset (bytes, 0x55, sizeof bytes);
  for (guint i = 0; i < 20; i++)
    {
      bpg_uart_service (&uart);
      bpg_usb_service (&usb, i * 1000);
      bpg_uart_write (&uart, bytes, sizeof bytes);
      bpg_usb_write (&usb, bytes, sizeof bytes);
      g_assert_cmpuint (bpg_uart_read (&uart, bytes, i * 15), <=, i * 15);
      g_assert_cmpuint (bpg_usb_read (&usb, bytes, i * 15), <=, i * 15);
      g_assert_cmpuint (bpg_uart_room (&uart), <=, BPG_BYTE_RING_SIZE);
      g_assert_cmpuint (bpg_usb_room (&usb), <=, BPG_BYTE_RING_SIZE);
    }
  bpg_uart_is_drained (&uart);
  bpg_usb_is_drained (&usb);
}

static void
run_servos (void)
{
  static const uint8_t pins[BPG_SERVOS] = { 0, 1, 2, 3, 4, 5 };

  g_assert_true (bpg_servo_init (pins, 8));
  for (guint i = 0; i < BPG_SERVOS; i++)
    g_assert_cmpuint (bpg_servo_position (i), <=, 1000);
}

static void
run_bus (void)
{
  struct bpg_gauge gauge;
  uint8_t bytes[100] = { 0 };

  bpg_i2c_init (4, 5);
  for (guint length = 0; length <= sizeof bytes; length += 20)
    {
      bpg_i2c_write (0x50, bytes, length);
      bpg_i2c_read (0x50, bytes, length);
      bpg_i2c_read_register (0x50, 1, bytes, length);
    }
  bpg_gauge_init (&gauge, 2);
  for (guint i = 0; i < 5; i++)
    {
      if (!bpg_gauge_read (&gauge))
        continue;
      g_assert_cmpuint (gauge.percent, <=, 100);
      g_assert_cmpuint (gauge.battery_mv, <=, 2 * BPG_GAUGE_CELL_MAX_MV + 1);
    }
}

static void
pause_for (void *data, uint32_t microseconds)
{
}

static void
run_element (void)
{
  struct bpg_atecc atecc;
  struct bpg_atecc_locks locks;
  uint8_t bytes[64] = { 0 };
  uint8_t der[BPG_ATECC_DER_MAX];

  bpg_atecc_init (&atecc, BPG_ATECC_ADDRESS, pause_for, NULL);
  bpg_atecc_read_locks (&atecc, &locks);
  bpg_atecc_random (&atecc, bytes);
  bpg_atecc_public_key (&atecc, 0, bytes);
  bpg_atecc_sign (&atecc, 0, bytes, bytes);
  g_assert_cmpuint (bpg_atecc_der (bytes, der), <=, sizeof der);
}

static void
get_sample (void *data, const int16_t *values, uint8_t loose, uint64_t now_us)
{
  g_assert_cmphex (loose & 0xC0, ==, 0);
}

static void
run_converter (void)
{
  static const struct bpg_spi_adc_pins pins = { 6, 2, 7, 10, 3, 8 };
  struct bpg_spi_adc adc;

  g_assert_true (bpg_spi_adc_init (&adc, &pins, 6, get_sample, NULL, 0));
  for (uint64_t now = 0; now < 700000; now += 10000)
    {
      bpg_spi_adc_interrupt (&adc, now);
      bpg_spi_adc_step (&adc, now);
    }
}

static void
run_sensors (void)
{
  const struct bpg_current_sense sense = { .channel = 1, .microvolt_a_ma = 500 };
  int32_t temperature;
  uint32_t current;

  bpg_saradc_init ();
  if (bpg_saradc_temperature (&temperature))
    {
      g_assert_cmpint (temperature, >=, BPG_TEMPERATURE_MIN_DC);
      g_assert_cmpint (temperature, <=, BPG_TEMPERATURE_MAX_DC);
    }
  if (bpg_current_read (&sense, &current))
    g_assert_cmpuint (current, <, 10000);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static void (*const drivers[]) (void) = {
    run_core, run_serial, run_servos, run_bus, run_element, run_converter, run_sensors,
  };

  if (size == 0)
    return 0;
  input = data + 1;
  input_size = size - 1;
  input_at = 0;
  accesses = 0;
  drivers[data[0] % G_N_ELEMENTS (drivers)] ();
  return 0;
}
