/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Addresses and bits of the ESP32-C3 that more than one driver needs, by the
 * names that ESP-IDF (components/soc/esp32c3/register/soc) and the chip's
 * Technical Reference Manual give them; each part names the manual's chapter.
 * What one driver alone needs stands at the head of its header.
 */

#define BPG_BIT(n) (1u << (n))

/* System Registers; Reset and Clock: gates and resets of peripherals */
#define SYSTEM_BASE 0x600C0000u
#define SYSTEM_CPU_PER_CONF_REG (SYSTEM_BASE + 0x08)
#define SYSTEM_PERIP_CLK_EN0_REG (SYSTEM_BASE + 0x10)
#define SYSTEM_PERIP_CLK_EN1_REG (SYSTEM_BASE + 0x14)
#define SYSTEM_PERIP_RST_EN0_REG (SYSTEM_BASE + 0x18)
#define SYSTEM_PERIP_RST_EN1_REG (SYSTEM_BASE + 0x1C)
#define SYSTEM_SYSCLK_CONF_REG (SYSTEM_BASE + 0x58)

/* The same bits in SYSTEM_PERIP_CLK_EN0_REG and SYSTEM_PERIP_RST_EN0_REG */
#define SYSTEM_UART BPG_BIT (2)
#define SYSTEM_UART1 BPG_BIT (5)
#define SYSTEM_SPI2 BPG_BIT (6)
#define SYSTEM_I2C_EXT0 BPG_BIT (7)
#define SYSTEM_LEDC BPG_BIT (11)
#define SYSTEM_TIMERGROUP BPG_BIT (13)
#define SYSTEM_USB_DEVICE BPG_BIT (23)
#define SYSTEM_UART_MEM BPG_BIT (24)
#define SYSTEM_APB_SARADC BPG_BIT (28)
#define SYSTEM_SYSTIMER BPG_BIT (29)
/* And in SYSTEM_PERIP_CLK_EN1_REG and SYSTEM_PERIP_RST_EN1_REG */
#define SYSTEM_TSENS BPG_BIT (10)

/* Low-power Management */
#define RTC_CNTL_BASE 0x60008000u
#define RTC_CNTL_OPTIONS0_REG (RTC_CNTL_BASE + 0x00)
#define RTC_CNTL_SW_SYS_RST BPG_BIT (31)
#define RTC_CNTL_BBPLL_FORCE_PD BPG_BIT (10)
#define RTC_CNTL_BBPLL_I2C_FORCE_PD BPG_BIT (8)
#define RTC_CNTL_BB_I2C_FORCE_PD BPG_BIT (6)
