/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The actuators: six servo pulses, 1.0 to 2.0 ms every 20 ms, from the LED
 * PWM controller. The controller goes on by itself: over a reset of the core
 * alone (the first watchdog's) no pulse is missing, and the hand stays.
 */

#include <stdbool.h>
#include <stdint.h>

#include "ports/esp32c3/drivers/soc.h"

/* LED PWM Controller */
#define LEDC_BASE 0x60019000u
#define LEDC_CHANNEL(n) (LEDC_BASE + 0x14u * (n))
#define LEDC_CONF0_REG(n) (LEDC_CHANNEL (n) + 0x00)
#define LEDC_PARA_UP BPG_BIT (4)
#define LEDC_SIG_OUT_EN BPG_BIT (2)
#define LEDC_HPOINT_REG(n) (LEDC_CHANNEL (n) + 0x04)
#define LEDC_DUTY_REG(n) (LEDC_CHANNEL (n) + 0x08)
#define LEDC_CONF1_REG(n) (LEDC_CHANNEL (n) + 0x0C)
#define LEDC_DUTY_START BPG_BIT (31)
#define LEDC_DUTY_INC BPG_BIT (30)
#define LEDC_DUTY_NUM_S 20
#define LEDC_DUTY_CYCLE_S 10
#define LEDC_TIMER0_CONF_REG (LEDC_BASE + 0xA0)
#define LEDC_TIMER0_PARA_UP BPG_BIT (25)
#define LEDC_TIMER0_RST BPG_BIT (23)
#define LEDC_CLK_DIV_S 4
#define LEDC_CONF_REG (LEDC_BASE + 0xD0)
#define LEDC_CLK_EN BPG_BIT (31)
#define LEDC_CLK_XTAL 3u

#define BPG_SERVOS 6u
#define BPG_SERVO_MIDDLE 500u

/* Leads the pulses to @pins. Pulses that go on from before a reset of the core
 * stay as they are; else every servo starts at BPG_SERVO_MIDDLE, with the
 * power still off. The power is switched by @power_pin, on when high. Returns
 * false when a pin is not usable; nothing moves then. */
bool bpg_servo_init (const uint8_t pins[BPG_SERVOS], uint8_t power_pin);

/* Whether bpg_servo_init() found pulses going on. */
bool bpg_servo_went_on (void);

/* Switches the power of all actuators. */
void bpg_servo_power (bool on);

/* Has servo @index, 0..5, go to @position, 0..1000; more is taken for 1000. */
void bpg_servo_set (unsigned index, uint16_t position);

/* Where servo @index was sent, read back from the controller. */
uint16_t bpg_servo_position (unsigned index);
