/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ports/esp32c3/drivers/spi-adc.h"

#include <string.h>

#include "ports/esp32c3/drivers/gpio.h"
#include "ports/esp32c3/drivers/spi.h"

/* Commands */
#define RESET_DATA_MODE 0x11u /* SDATAC: registers can be reached */
#define DATA_MODE 0x10u       /* RDATAC: a frame follows every "ready" */
#define START 0x08u
#define READ_REGISTERS 0x20u
#define WRITE_REGISTERS 0x40u

/* Registers */
#define ID 0x00u
#define CONFIG1 0x01u
#define CONFIG3 0x03u
#define LOFF 0x04u
#define CH1SET 0x05u
#define LOFF_STATP 0x12u
#define LOFF_STATN 0x13u
#define LAST_REGISTER 0x19u
#define REGISTERS (LAST_REGISTER - CONFIG1 + 1u)

/* ID: the family in bits 4..3, the channels in bits 2..0 */
#define ID_MASK 0x1Fu
#define ID_EIGHT_CHANNELS 0x12u

#define CH_GAIN_6 0x00u
#define CH_OFF_SHORTED 0x81u
#define CONFIG3_STATUS 0x01u /* read only */

#define FRAME_SIZE (3u + 3u * BPG_SPI_ADC_CHANNELS)
#define FRAME_PATTERN 0xC0u
#define FRAME_PATTERN_MASK 0xF0u

#define POWERING_US 150000u /* 2^18 of its clocks, and as much again for the supply */
#define RESET_US 1000u
#define WAKING_US 1000u
#define SETTLING_US 150000u
#define FAULTY_US 1000000u
#define EARLY_US (1000000u / BPG_SPI_ADC_RATE / 2)

/* The mean moves by 2^-5 of what is new: 5 Hz at 1,000 a second. */
#define MEAN_SHIFT 5
#define MEAN_FRACTION 6
#define DROPPED_BITS 4

/* From CONFIG1 on, for all eight channels in use. */
static const uint8_t settings[REGISTERS] = {
  0xC5,                               /* CONFIG1: high resolution, 1,000 a second, no daisy chain */
  0x00,                               /* CONFIG2: no test signal */
  0xCC,                               /* CONFIG3: own reference, 2.4 V; drive of the body on */
  0x03,                               /* LOFF: direct current, 6 nA, at 95 % */
  0x00, 0x00, 0x00, 0x00,             /* CH1SET and on: on, gain 6, to the electrodes */
  0x00, 0x00, 0x00, 0x00,
  0xFF, 0xFF,                         /* RLD_SENSP, RLD_SENSN: the body's drive follows all */
  0xFF, 0xFF, 0x00,                   /* LOFF_SENSP, LOFF_SENSN: all; LOFF_FLIP */
  0x00, 0x00,                         /* LOFF_STATP, LOFF_STATN: read only */
  0x00, 0x00, 0x00,                   /* GPIO: driven low; PACE, RESP: off */
  0x02,                               /* CONFIG4: the comparators for loose electrodes on */
  0x00, 0x00,                         /* WCT1, WCT2: off */
};

static bool
send_command (uint8_t command)
{
  return bpg_spi_transfer (BPG_SPI_COMMANDS, &command, NULL, 1);
}

static bool
read_registers (uint8_t first, uint8_t *values, unsigned count)
{
  uint8_t bytes[2 + REGISTERS] = { (uint8_t) (READ_REGISTERS | first), (uint8_t) (count - 1) };

  if (!bpg_spi_transfer (BPG_SPI_COMMANDS, bytes, bytes, 2 + count))
    return false;
  memcpy (values, bytes + 2, count);
  return true;
}

static void
list_settings (const struct bpg_spi_adc *adc, uint8_t values[REGISTERS])
{
  memcpy (values, settings, REGISTERS);
  for (unsigned i = adc->channels; i < BPG_SPI_ADC_CHANNELS; i++)
    values[CH1SET - CONFIG1 + i] = CH_OFF_SHORTED;
}

static bool
write_settings (const struct bpg_spi_adc *adc)
{
  uint8_t bytes[2 + REGISTERS] = { WRITE_REGISTERS | CONFIG1, REGISTERS - 1 };
  uint8_t kept[REGISTERS];

  list_settings (adc, bytes + 2);
  if (!bpg_spi_transfer (BPG_SPI_COMMANDS, bytes, NULL, sizeof bytes)
      || !read_registers (CONFIG1, kept, REGISTERS))
    return false;
  kept[CONFIG3 - CONFIG1] &= (uint8_t) ~CONFIG3_STATUS;
  kept[LOFF_STATP - CONFIG1] = 0;
  kept[LOFF_STATN - CONFIG1] = 0;
  return memcmp (kept, bytes + 2, REGISTERS) == 0;
}

static bool
configure (struct bpg_spi_adc *adc)
{
  return send_command (RESET_DATA_MODE) && read_registers (ID, &adc->id, 1)
         && (adc->id & ID_MASK) == ID_EIGHT_CHANNELS && write_settings (adc);
}

static void
enter (struct bpg_spi_adc *adc, enum bpg_spi_adc_state state, uint64_t until_us)
{
  adc->state = state;
  adc->until_us = until_us;
}

static bool
lead_bus (const struct bpg_spi_adc *adc)
{
  return bpg_spi_init (adc->pins.clock, adc->pins.to_master, adc->pins.from_master,
                       adc->pins.select);
}

static void
restart (struct bpg_spi_adc *adc, uint64_t now_us)
{
  bpg_gpio_ignore (adc->pins.data_ready);
  adc->restarts++;
  /* The fault may be the controller's. */
  lead_bus (adc);
  bpg_gpio_set (adc->pins.reset, false);
  enter (adc, BPG_SPI_ADC_RESETTING, now_us + RESET_US);
}

static void
start (struct bpg_spi_adc *adc, uint64_t now_us)
{
  adc->bad_in_row = 0;
  adc->early_in_row = 0;
  adc->stormy = false;
  adc->has_means = false;
  adc->last_us = (uint32_t) now_us;
  if (!send_command (START) || !send_command (DATA_MODE))
    {
      restart (adc, now_us);
      return;
    }
  enter (adc, BPG_SPI_ADC_RUNNING, now_us);
  bpg_gpio_watch (adc->pins.data_ready, BPG_GPIO_FALLING);
}

static void
check (struct bpg_spi_adc *adc, uint64_t now_us)
{
  bool is_silent = (uint32_t) now_us - adc->last_us > BPG_SPI_ADC_SILENCE_US;

  if (adc->stormy)
    adc->storms++;
  else if (is_silent)
    adc->silences++;
  if (adc->stormy || is_silent || adc->bad_in_row >= BPG_SPI_ADC_PATIENCE)
    restart (adc, now_us);
}

bool
bpg_spi_adc_init (struct bpg_spi_adc *adc, const struct bpg_spi_adc_pins *pins, unsigned channels,
                  void (*sample) (void *data, const int16_t *values, uint8_t loose,
                                  uint64_t now_us),
                  void *data, uint64_t now_us)
{
  memset (adc, 0, sizeof *adc);
  adc->pins = *pins;
  adc->channels = channels;
  adc->sample = sample;
  adc->data = data;
  if (channels == 0 || channels > BPG_SPI_ADC_CHANNELS || !lead_bus (adc)
      || !bpg_gpio_input (pins->data_ready, BPG_GPIO_PULL_UP)
      || !bpg_gpio_output (pins->reset, true))
    return false;
  enter (adc, BPG_SPI_ADC_POWERING, now_us + POWERING_US);
  return true;
}

void
bpg_spi_adc_step (struct bpg_spi_adc *adc, uint64_t now_us)
{
  if (adc->state == BPG_SPI_ADC_RUNNING)
    {
      check (adc, now_us);
      return;
    }
  if (now_us < adc->until_us)
    return;
  switch (adc->state)
    {
    case BPG_SPI_ADC_POWERING:
      bpg_gpio_set (adc->pins.reset, false);
      enter (adc, BPG_SPI_ADC_RESETTING, now_us + RESET_US);
      break;
    case BPG_SPI_ADC_RESETTING:
      bpg_gpio_set (adc->pins.reset, true);
      enter (adc, BPG_SPI_ADC_WAKING, now_us + WAKING_US);
      break;
    case BPG_SPI_ADC_WAKING:
      if (configure (adc))
        enter (adc, BPG_SPI_ADC_SETTLING, now_us + SETTLING_US);
      else
        enter (adc, BPG_SPI_ADC_FAULTY, now_us + FAULTY_US);
      break;
    case BPG_SPI_ADC_SETTLING:
      start (adc, now_us);
      break;
    default:
      restart (adc, now_us);
      break;
    }
}

/* Takes the running mean off and keeps 16 bits. */
static int16_t
reduce (struct bpg_spi_adc *adc, unsigned channel, int32_t value)
{
  int32_t scaled = value * (1 << MEAN_FRACTION);
  int32_t *mean = &adc->means[channel];
  int32_t reduced;

  if (!adc->has_means)
    *mean = scaled;
  *mean += (scaled - *mean) >> MEAN_SHIFT;
  reduced = (value - (*mean >> MEAN_FRACTION)) >> DROPPED_BITS;
  if (reduced > INT16_MAX)
    return INT16_MAX;
  if (reduced < INT16_MIN)
    return INT16_MIN;
  return (int16_t) reduced;
}

static int32_t
get_value (const uint8_t *at)
{
  uint32_t bits = (uint32_t) at[0] << 16 | (uint32_t) at[1] << 8 | at[2];

  return (int32_t) (bits ^ 0x800000u) - 0x800000;
}

static void
take_frame (struct bpg_spi_adc *adc, const uint8_t frame[FRAME_SIZE], uint64_t now_us)
{
  int16_t values[BPG_SPI_ADC_CHANNELS];
  uint8_t positive = (uint8_t) (frame[0] << 4 | frame[1] >> 4);
  uint8_t negative = (uint8_t) (frame[1] << 4 | frame[2] >> 4);

  adc->loose = (uint8_t) ((positive | negative) & ((1u << adc->channels) - 1u));
  for (unsigned i = 0; i < adc->channels; i++)
    values[i] = reduce (adc, i, get_value (frame + 3 + 3 * i));
  adc->has_means = true;
  adc->frames++;
  adc->bad_in_row = 0;
  adc->sample (adc->data, values, adc->loose, now_us);
}

/* "Ready" without a pause would leave the program no time at all. */
static bool
is_storm (struct bpg_spi_adc *adc, uint64_t now_us)
{
  bool is_early = (uint32_t) now_us - adc->last_us < EARLY_US;

  adc->early_in_row = is_early ? adc->early_in_row + 1 : 0;
  adc->last_us = (uint32_t) now_us;
  if (adc->early_in_row < BPG_SPI_ADC_PATIENCE)
    return false;
  adc->stormy = true;
  bpg_gpio_ignore (adc->pins.data_ready);
  return true;
}

void
bpg_spi_adc_interrupt (struct bpg_spi_adc *adc, uint64_t now_us)
{
  uint8_t frame[FRAME_SIZE];

  if (adc->state != BPG_SPI_ADC_RUNNING || is_storm (adc, now_us))
    return;
  if (bpg_spi_transfer (BPG_SPI_DATA, NULL, frame, sizeof frame)
      && (frame[0] & FRAME_PATTERN_MASK) == FRAME_PATTERN)
    {
      take_frame (adc, frame, now_us);
      return;
    }
  adc->bad_frames++;
  adc->bad_in_row++;
}
