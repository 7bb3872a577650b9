/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The core's clock, and the gates of the peripherals. Every driver here runs
 * its peripheral from the crystal, so that a change of the core's clock
 * changes no bit time, pulse or time-out.
 */

#include <stdbool.h>
#include <stdint.h>

#include "ports/esp32c3/drivers/soc.h"

/* The board's crystal, in Hz; the only frequency that the chip supports. */
#define BPG_CLOCK_XTAL_HZ 40000000u

/* System Registers; Reset and Clock */
#define SYSTEM_CPUPERIOD_SEL_MASK 3u
#define SYSTEM_CPUPERIOD_80 0u
#define SYSTEM_CPUPERIOD_160 1u
#define SYSTEM_PLL_FREQ_SEL BPG_BIT (2) /* 480 MHz, else 320 MHz */
#define SYSTEM_PRE_DIV_CNT_MASK 0x3FFu
#define SYSTEM_SOC_CLK_SEL_S 10
#define SYSTEM_SOC_CLK_SEL_MASK (3u << SYSTEM_SOC_CLK_SEL_S)
#define SYSTEM_SOC_CLK_XTAL (0u << SYSTEM_SOC_CLK_SEL_S)
#define SYSTEM_SOC_CLK_PLL (1u << SYSTEM_SOC_CLK_SEL_S)

/* The PLL's registers on the internal bus (regi2c_bbpll.h) */
#define I2C_BBPLL_OC_REF_DIV 2u /* with OC_DCHGP from bit 4 */
#define I2C_BBPLL_OC_DIV_7_0 3u
#define I2C_BBPLL_MODE_HF 4u
#define I2C_BBPLL_OC_DR 5u /* OC_DR1 and OC_DR3 */
#define I2C_BBPLL_OC_DR_MASK 0x77u
#define I2C_BBPLL_OC_DCUR 6u /* with OC_DHREF_SEL from bit 4, OC_DLREF_SEL from bit 6 */
#define I2C_BBPLL_OR_CAL 8u
#define I2C_BBPLL_OR_CAL_END 0x40u
#define I2C_BBPLL_OC_VCO_DBIAS 9u
#define I2C_BBPLL_OC_VCO_DBIAS_MASK 3u

/* Runs the core at 160 MHz from the PLL (480 MHz), and with it the bus at
 * 80 MHz. Returns false when that did not come about: the PLL does not answer
 * or its calibration does not end, and the core then runs from the crystal at
 * 40 MHz; or the chip runs otherwise than it was told. */
bool bpg_clock_start (void);

/* What the core runs at by its registers, in Hz. */
uint32_t bpg_clock_cpu_hz (void);

/* Opens the clock of the peripherals @bits (SYSTEM_UART and so on) and resets
 * them. */
void bpg_clock_open (uint32_t bits);

/* Opens the clock of the peripherals @bits and leaves them as they are. */
void bpg_clock_keep (uint32_t bits);
