/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ports/esp32c3/drivers/ledc.h"

#include "ports/esp32c3/drivers/clock.h"
#include "ports/esp32c3/drivers/gpio.h"
#include "ports/esp32c3/drivers/registers.h"

#define RESOLUTION 14u
#define RATE_HZ 50u
#define PERIOD_US (1000000u / RATE_HZ)
#define POSITIONS 1000u
#define SHORTEST_US 1000u /* position 0; a microsecond a position from there */

/* The divider has 8 bits behind the point. */
#define DIVIDER ((uint32_t) ((uint64_t) BPG_CLOCK_XTAL_HZ * 256u / (RATE_HZ << RESOLUTION)))

/* A pulse in steps of the duty register: sixteenths of a 2^14th of a period,
 * of which the last four bits are spread over periods. */
#define PERIOD_STEPS (16u << RESOLUTION)

#define TIMER_CONFIG (DIVIDER << LEDC_CLK_DIV_S | RESOLUTION)

_Static_assert (DIVIDER < 1u << 18, "the divider fits its field");

static uint8_t power;
static bool went_on;

static bool
is_running (void)
{
  uint32_t all_out = LEDC_SIG_OUT_EN;

  if ((bpg_reg_read (SYSTEM_PERIP_CLK_EN0_REG) & SYSTEM_LEDC) == 0
      || (bpg_reg_read (LEDC_TIMER0_CONF_REG) & ~LEDC_TIMER0_PARA_UP) != TIMER_CONFIG)
    return false;
  for (unsigned i = 0; i < BPG_SERVOS; i++)
    all_out &= bpg_reg_read (LEDC_CONF0_REG (i));
  return all_out != 0;
}

static void
start_timer (void)
{
  bpg_clock_open (SYSTEM_LEDC);
  bpg_reg_write (LEDC_CONF_REG, LEDC_CLK_EN | LEDC_CLK_XTAL);
  bpg_reg_write (LEDC_TIMER0_CONF_REG, TIMER_CONFIG | LEDC_TIMER0_RST);
  bpg_reg_write (LEDC_TIMER0_CONF_REG, TIMER_CONFIG);
  bpg_reg_write (LEDC_TIMER0_CONF_REG, TIMER_CONFIG | LEDC_TIMER0_PARA_UP);
}

bool
bpg_servo_init (const uint8_t pins[BPG_SERVOS], uint8_t power_pin)
{
  for (unsigned i = 0; i < BPG_SERVOS; i++)
    {
      if (!bpg_gpio_is_usable (pins[i]))
        return false;
    }
  went_on = is_running ();
  power = power_pin;
  /* A hand that holds something must not let go for the length of a start. */
  if (!bpg_gpio_output (power_pin, went_on && bpg_gpio_is_driven_high (power_pin)))
    return false;
  if (!went_on)
    {
      start_timer ();
      for (unsigned i = 0; i < BPG_SERVOS; i++)
        bpg_servo_set (i, BPG_SERVO_MIDDLE);
    }
  for (unsigned i = 0; i < BPG_SERVOS; i++)
    bpg_gpio_lead_out ((enum bpg_gpio_signal) (BPG_SIGNAL_LEDC0 + i), pins[i]);
  return true;
}

bool
bpg_servo_went_on (void)
{
  return went_on;
}

void
bpg_servo_power (bool on)
{
  bpg_gpio_set (power, on);
}

void
bpg_servo_set (unsigned index, uint16_t position)
{
  uint32_t pulse_us = SHORTEST_US + (position < POSITIONS ? position : POSITIONS);
  uint32_t steps = (pulse_us * PERIOD_STEPS + PERIOD_US / 2) / PERIOD_US;

  if (index >= BPG_SERVOS)
    return;
  bpg_reg_write (LEDC_HPOINT_REG (index), 0);
  bpg_reg_write (LEDC_DUTY_REG (index), steps);
  bpg_reg_write (LEDC_CONF1_REG (index), LEDC_DUTY_START | LEDC_DUTY_INC | 1u << LEDC_DUTY_NUM_S
                                           | 1u << LEDC_DUTY_CYCLE_S);
  /* All of it is taken over at the end of the period: no pulse is cut. */
  bpg_reg_write (LEDC_CONF0_REG (index), LEDC_SIG_OUT_EN | LEDC_PARA_UP);
}

uint16_t
bpg_servo_position (unsigned index)
{
  uint32_t steps;
  uint32_t pulse_us;

  if (index >= BPG_SERVOS)
    return BPG_SERVO_MIDDLE;
  steps = bpg_reg_read (LEDC_DUTY_REG (index)) % PERIOD_STEPS;
  pulse_us = (uint32_t) (((uint64_t) steps * PERIOD_US + PERIOD_STEPS / 2) / PERIOD_STEPS);
  if (pulse_us < SHORTEST_US)
    return 0;
  if (pulse_us > SHORTEST_US + POSITIONS)
    return POSITIONS;
  return (uint16_t) (pulse_us - SHORTEST_US);
}
