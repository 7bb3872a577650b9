/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ports/esp32c3/program/devices.h"

#include <string.h>

#include "control/element-key.h"
#include "ports/esp32c3/board.h"
#include "ports/esp32c3/chip-crypto.h"
#include "ports/esp32c3/chip-flash.h"
#include "ports/esp32c3/drivers/atecc608.h"
#include "ports/esp32c3/drivers/gauge.h"
#include "ports/esp32c3/drivers/gpio.h"
#include "ports/esp32c3/drivers/i2c.h"
#include "ports/esp32c3/drivers/interrupt.h"
#include "ports/esp32c3/drivers/ledc.h"
#include "ports/esp32c3/drivers/registers.h"
#include "ports/esp32c3/drivers/saradc.h"
#include "ports/esp32c3/drivers/spi-adc.h"
#include "ports/esp32c3/drivers/systimer.h"
#include "ports/esp32c3/drivers/watchdog.h"
#include "ports/esp32c3/memory.h"
#include "ports/esp32c3/p256.h"
#include "ports/esp32c3/program/port-chip.h"
#include "ports/esp32c3/rom.h"
#include BPG_RELEASE_KEY_HEADER

/* Random Number Generator: a value takes some 80 cycles of the bus to come
 * about. */
#define RNG_DATA_REG 0x600260B0u
#define RNG_PAUSE_US 2u

#define GAUGE_PERIOD_US 1000000u
#define BARE_MV 5000u
#define TEMPERATURE_UNKNOWN_DC 10000 /* hotter than any limit: what cannot be measured stops */
#define CURRENT_UNKNOWN_MA UINT32_MAX

static const struct bpg_port_electrodes converter_electrodes = {
  .rate = BPG_SPI_ADC_RATE,
  .channels = BPG_SPI_ADC_CHANNELS,
  .lsb_nano = BPG_SPI_ADC_LSB_PICOVOLT * 1000ull,
  .unit = "microvolt",
  .unit_code = BPG_UNIT_MICROVOLT,
  .high_pass = BPG_SPI_ADC_HIGH_PASS_HZ,
};

static struct
{
  bool bare;
  uint8_t key[32]; /* of a bare board */
  struct bpg_spi_adc converter;
  struct bpg_control *control;
  struct bpg_atecc element;
  struct bpg_gauge gauge;
  uint64_t gauge_read_at;
} devices;

static void
pause (void *data, uint32_t microseconds)
{
  uint64_t start = bpg_systimer_us ();

  while (bpg_systimer_us () - start < microseconds)
    bpg_watchdogs_feed ();
}

const struct bpg_port_electrodes *
bpg_devices_electrodes (void)
{
  return &converter_electrodes;
}

bool
bpg_devices_is_bare (void)
{
  return devices.bare;
}

static void
init_arm (const uint16_t position[BPG_PORT_ACTUATORS])
{
  static const uint8_t servos[BPG_SERVOS] = BPG_PINS_SERVOS;

  if (bpg_servo_init (servos, BPG_GPIO_NONE) && !bpg_servo_went_on ())
    {
      for (unsigned i = 0; i < BPG_SERVOS; i++)
        bpg_servo_set (i, position[i]);
    }
  bpg_i2c_init (BPG_PIN_SDA, BPG_PIN_SCL);
  bpg_atecc_init (&devices.element, BPG_ATECC_ADDRESS, pause, NULL);
  bpg_gauge_init (&devices.gauge, BPG_BATTERY_CELLS);
  bpg_gauge_read (&devices.gauge);
  bpg_saradc_use (BPG_CHANNEL_CURRENT);
  bpg_gpio_lead_in (BPG_SIGNAL_U1RXD, BPG_PIN_BLUETOOTH_RX, BPG_GPIO_PULL_UP);
  bpg_gpio_lead_out (BPG_SIGNAL_U1TXD, BPG_PIN_BLUETOOTH_TX);
}

void
bpg_devices_init (const uint16_t position[BPG_PORT_ACTUATORS])
{
  const uint8_t *sector = (const uint8_t *) (BPG_CHIP_WINDOW + BPG_CHIP_ELEMENT);

  devices.bare = BPG_RELEASE_KEY_IS_TEST && bpg_element_key_decode (sector, devices.key);
  bpg_gpio_input (BPG_PIN_BUTTON, BPG_GPIO_PULL_UP);
  bpg_saradc_init ();
  if (!devices.bare)
    init_arm (position);
}

/* The converter */

BPG_IN_RAM static void
on_sample (void *data, const int16_t *values, uint8_t loose, uint64_t now_us)
{
  bpg_control_sample (devices.control, values, now_us);
}

BPG_IN_RAM static void
on_ready (void *data)
{
  if (bpg_gpio_take () & BPG_BIT (BPG_PIN_CONVERTER_READY))
    bpg_spi_adc_interrupt (&devices.converter, bpg_systimer_us ());
}

void
bpg_devices_start_converter (struct bpg_control *control)
{
  static const struct bpg_spi_adc_pins pins = {
    .clock = BPG_PIN_CONVERTER_CLOCK,
    .to_master = BPG_PIN_CONVERTER_OUT,
    .from_master = BPG_PIN_CONVERTER_IN,
    .select = BPG_GPIO_NONE,
    .data_ready = BPG_PIN_CONVERTER_READY,
    .reset = BPG_GPIO_NONE,
  };

  if (devices.bare)
    return;
  devices.control = control;
  bpg_interrupt_attach (BPG_INTERRUPT_GPIO, BPG_LINE_CONVERTER, BPG_PRIORITY_CONVERTER, on_ready,
                        NULL);
  bpg_spi_adc_init (&devices.converter, &pins, BPG_SPI_ADC_CHANNELS, on_sample, NULL,
                    bpg_systimer_us ());
}

uint16_t
bpg_port_lead_off (void)
{
  return bpg_port_is_bench () ? 0 : devices.converter.loose;
}

bool
bpg_port_worn (void)
{
  return devices.converter.state == BPG_SPI_ADC_RUNNING
         && devices.converter.loose != (1u << BPG_SPI_ADC_CHANNELS) - 1;
}

void
bpg_devices_step (uint64_t now_us)
{
  if (devices.bare)
    return;
  if (devices.control != NULL)
    bpg_spi_adc_step (&devices.converter, now_us);
  if (now_us - devices.gauge_read_at >= GAUGE_PERIOD_US)
    {
      devices.gauge_read_at = now_us;
      bpg_gauge_read (&devices.gauge);
    }
}

/* Actuators */

void
bpg_devices_move (unsigned index, uint16_t position)
{
  if (!devices.bare)
    bpg_servo_set (index, position);
}

uint32_t
bpg_port_current_ma (void)
{
  static const struct bpg_current_sense sense = { BPG_CHANNEL_CURRENT, BPG_CURRENT_ZERO_MV,
                                                  BPG_CURRENT_UV_A_MA };
  uint32_t milliamperes;

  if (devices.bare)
    return 0;
  return bpg_current_read (&sense, &milliamperes) ? milliamperes : CURRENT_UNKNOWN_MA;
}

int32_t
bpg_port_temperature_dc (void)
{
  int32_t temperature;

  if (bpg_saradc_temperature (&temperature))
    return temperature;
  return devices.bare ? 0 : TEMPERATURE_UNKNOWN_DC;
}

void
bpg_port_identify (bool on)
{
  if (on)
    bpg_gpio_output (BPG_PIN_BUTTON, false);
  else
    bpg_gpio_input (BPG_PIN_BUTTON, BPG_GPIO_PULL_UP);
}

/* While the pin lights the lamp nobody can see the button. */
bool
bpg_chip_button (void)
{
  return !bpg_gpio_get (BPG_PIN_BUTTON) && !bpg_gpio_is_output (BPG_PIN_BUTTON);
}

/* Battery: what is not known is empty, which stops what an empty one would. */

unsigned
bpg_port_battery_percent (void)
{
  if (devices.bare)
    return 100;
  return devices.gauge.present ? devices.gauge.percent : 0;
}

unsigned
bpg_port_battery_mv (void)
{
  if (devices.bare)
    return BARE_MV;
  return devices.gauge.present ? devices.gauge.battery_mv : 0;
}

/* The element */

bool
bpg_port_random (uint8_t *bytes, size_t length)
{
  uint8_t block[32];

  /* The chip's generator is a weak one while the radio is off; the element's
   * is mixed in where there is one. */
  for (size_t i = 0; i < length; i++)
    {
      if (!devices.bare && i % sizeof block == 0
          && bpg_atecc_random (&devices.element, block) != BPG_ATECC_OK)
        return false;
      pause (NULL, RNG_PAUSE_US);
      bytes[i] = (uint8_t) (bpg_reg_read (RNG_DATA_REG) ^ bpg_systimer_ticks ());
      if (!devices.bare)
        bytes[i] ^= block[i % sizeof block];
    }
  return true;
}

static size_t
sign_bare (const uint8_t hash[32], uint8_t signature[72])
{
  uint8_t fresh[32];

  return bpg_p256_sign (devices.key, hash, bpg_port_random (fresh, sizeof fresh) ? fresh : NULL,
                        bpg_chip_sha256, signature);
}

/* Base64 of the key, three bytes a turn; 91 bytes end in one that fills up. */
static void
print_pem (const uint8_t spki[BPG_ATECC_SPKI_SIZE])
{
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

  ets_printf ("-----BEGIN PUBLIC KEY-----\n");
  for (unsigned at = 0; at < BPG_ATECC_SPKI_SIZE; at += 3)
    {
      uint32_t group = 0;
      unsigned left = BPG_ATECC_SPKI_SIZE - at;

      for (unsigned i = 0; i < 3; i++)
        group = group << 8 | (i < left ? spki[at + i] : 0u);
      ets_printf ("%c%c%c%c%s", digits[group >> 18], digits[group >> 12 & 63],
                  left > 1 ? digits[group >> 6 & 63] : '=', left > 2 ? digits[group & 63] : '=',
                  at % 48 == 45 || left <= 3 ? "\n" : "");
    }
  ets_printf ("-----END PUBLIC KEY-----\n");
}

void
bpg_devices_tell_key (void)
{
  uint8_t public_key[64];
  uint8_t spki[BPG_ATECC_SPKI_SIZE];
  enum bpg_atecc_result result;

  if (devices.bare)
    return;
  result = bpg_atecc_public_key (&devices.element, BPG_ELEMENT_SLOT, public_key);
  if (result == BPG_ATECC_REFUSED)
    result = bpg_atecc_make_key (&devices.element, BPG_ELEMENT_SLOT, public_key);
  if (result != BPG_ATECC_OK)
    {
      ets_printf ("bionicpro: no key from a secure element (%u)\n", (unsigned) result);
      return;
    }
  bpg_atecc_spki (public_key, spki);
  print_pem (spki);
}

size_t
bpg_port_element_sign (const uint8_t hash[32], uint8_t signature[72])
{
  uint8_t numbers[64];

  if (devices.bare)
    return sign_bare (hash, signature);
  if (bpg_atecc_sign (&devices.element, BPG_ELEMENT_SLOT, hash, numbers) != BPG_ATECC_OK)
    return 0;
  return bpg_atecc_der (numbers, signature);
}
