/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ports/esp32c3/drivers/gauge.h"

#include "ports/esp32c3/drivers/i2c.h"

#define VCELL 0x02u /* 78.125 uV, which is 5/64 mV, a count */
#define SOC 0x04u   /* a 256th of a percent a count */
#define VERSION 0x08u
#define VERSION_MASK 0xFFF0u
#define VERSION_MAX1704X 0x0010u

/* The model may say a little more than full. */
#define SOC_MAX_PERCENT 110u

static bool
read_word (uint8_t number, uint32_t *word)
{
  uint8_t bytes[2];

  if (bpg_i2c_read_register (BPG_GAUGE_ADDRESS, number, bytes, sizeof bytes) != BPG_I2C_OK)
    return false;
  *word = (uint32_t) bytes[0] << 8 | bytes[1];
  return true;
}

void
bpg_gauge_init (struct bpg_gauge *gauge, unsigned cells)
{
  gauge->cells = cells;
  gauge->failures = 0;
  gauge->present = false;
  gauge->battery_mv = 0;
  gauge->percent = 0;
}

static bool
take_reading (struct bpg_gauge *gauge)
{
  uint32_t version, voltage, charge;
  uint32_t cell_mv, percent;

  if (!read_word (VERSION, &version) || (version & VERSION_MASK) != VERSION_MAX1704X
      || !read_word (VCELL, &voltage) || !read_word (SOC, &charge))
    return false;
  cell_mv = voltage * 5 / 64;
  percent = charge / 256;
  if (cell_mv < BPG_GAUGE_CELL_MIN_MV || cell_mv > BPG_GAUGE_CELL_MAX_MV
      || percent > SOC_MAX_PERCENT)
    return false;
  gauge->battery_mv = voltage * gauge->cells * 5 / 64;
  gauge->percent = percent < 100 ? percent : 100;
  return true;
}

bool
bpg_gauge_read (struct bpg_gauge *gauge)
{
  if (take_reading (gauge))
    {
      gauge->failures = 0;
      gauge->present = true;
    }
  else if (gauge->failures < BPG_GAUGE_PATIENCE && ++gauge->failures == BPG_GAUGE_PATIENCE)
    {
      gauge->present = false;
    }
  return gauge->present;
}
