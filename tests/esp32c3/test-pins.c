/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pins and servo pulses, against a model of: the registers that set and clear
 * bits of others, the latched edges of inputs, and the LED PWM controller,
 * which takes a pulse over when it is told to, not before.
 */
#include <glib.h>

#include "model.h"
#include "ports/esp32c3/drivers/gpio.h"
#include "ports/esp32c3/drivers/ledc.h"

static const guint8 pins[BPG_SERVOS] = { 0, 1, 2, 3, 4, 5 };
static const guint power_pin = 8;

typedef struct
{
  guint32 timer;             /* what it runs with */
  guint32 pulse[BPG_SERVOS]; /* in sixteenths of a 2^14th of a period */
  guint glitches;            /* resets and stops of what was running */
} Board;

static void
write_gpio (gpointer data,
            guint32  address,
            guint32  before,
            guint32  value)
{
  switch (address)
    {
    case GPIO_OUT_W1TS_REG:
      model_poke (GPIO_OUT_REG, model_peek (GPIO_OUT_REG) | value);
      break;
    case GPIO_OUT_W1TC_REG:
      model_poke (GPIO_OUT_REG, model_peek (GPIO_OUT_REG) & ~value);
      break;
    case GPIO_ENABLE_W1TS_REG:
      model_poke (GPIO_ENABLE_REG, model_peek (GPIO_ENABLE_REG) | value);
      break;
    case GPIO_ENABLE_W1TC_REG:
      model_poke (GPIO_ENABLE_REG, model_peek (GPIO_ENABLE_REG) & ~value);
      break;
    case GPIO_STATUS_W1TC_REG:
      model_poke (GPIO_PCPU_INT_REG, model_peek (GPIO_PCPU_INT_REG) & ~value);
      break;
    default:
      break;
    }
}

static void
write_ledc (gpointer data,
            guint32  address,
            guint32  before,
            guint32  value)
{
  Board *board = data;

  for (guint i = 0; i < BPG_SERVOS; i++)
    {
      if (address != LEDC_CONF0_REG (i))
        continue;
      if (value & LEDC_PARA_UP)
        {
          g_assert_cmphex (model_peek (LEDC_CONF1_REG (i)), ==,
                           LEDC_DUTY_START | LEDC_DUTY_INC | 1u << LEDC_DUTY_NUM_S
                             | 1u << LEDC_DUTY_CYCLE_S);
          g_assert_cmpuint (model_peek (LEDC_HPOINT_REG (i)), ==, 0);
          board->pulse[i] = model_peek (LEDC_DUTY_REG (i));
        }
      model_poke (address, value & ~LEDC_PARA_UP);
    }
  if (address == LEDC_TIMER0_CONF_REG)
    {
      if (value & LEDC_TIMER0_RST)
        board->glitches++;
      if (value & LEDC_TIMER0_PARA_UP)
        board->timer = value & ~LEDC_TIMER0_PARA_UP;
      model_poke (address, value & ~LEDC_TIMER0_PARA_UP);
    }
}

static void
write_system (gpointer data,
              guint32  address,
              guint32  before,
              guint32  value)
{
  Board *board = data;

  if (address == SYSTEM_PERIP_RST_EN0_REG && (value & SYSTEM_LEDC) != 0)
    board->glitches++;
}

static void
set_up (Board *board)
{
  const ModelPeripheral gpio = {
    .base = GPIO_BASE, .size = 0x6FC, .after_write = write_gpio, .data = board,
  };
  const ModelPeripheral ledc = {
    .base = LEDC_BASE, .size = 0x100, .after_write = write_ledc, .data = board,
  };
  const ModelPeripheral system = {
    .base = SYSTEM_BASE, .size = 0x100, .after_write = write_system, .data = board,
  };

  model_reset ();
  model_add (&gpio);
  model_add (&ledc);
  model_add (&system);
  model_add_memory (0x60009000, 0x60);
}

static void
test_refused_pins (void)
{
  Board board = { 0 };
  guint usable = 0;

  set_up (&board);
  for (guint pin = 0; pin < 64; pin++)
    {
      gboolean is_usable = bpg_gpio_is_usable (pin);

      usable += is_usable;
      model_accesses ();
      if (is_usable)
        continue;
      g_assert_false (bpg_gpio_output (pin, TRUE));
      g_assert_false (bpg_gpio_input (pin, BPG_GPIO_FLOATING));
      g_assert_false (bpg_gpio_lead_out (BPG_SIGNAL_U1TXD, pin));
      g_assert_false (bpg_gpio_lead_in (BPG_SIGNAL_U1RXD, pin, BPG_GPIO_PULL_UP));
      g_assert_false (bpg_gpio_lead_open_drain (BPG_SIGNAL_I2C0_SDA, pin));
      g_assert_cmpuint (model_accesses (), ==, 0);
    }
  g_assert_cmpuint (usable, ==, 16);
}

static void
test_no_pin (void)
{
  Board board = { 0 };

  set_up (&board);
  model_accesses ();
  g_assert_true (bpg_gpio_is_usable (BPG_GPIO_NONE));
  g_assert_true (bpg_gpio_output (BPG_GPIO_NONE, TRUE));
  g_assert_true (bpg_gpio_lead_out (BPG_SIGNAL_SPI2_CS0, BPG_GPIO_NONE));
  bpg_gpio_set (BPG_GPIO_NONE, FALSE);
  g_assert_false (bpg_gpio_is_driven_high (BPG_GPIO_NONE));
  g_assert_false (bpg_gpio_is_output (BPG_GPIO_NONE));
  g_assert_cmpuint (model_accesses (), ==, 0);
}

static void
test_ways_of_pins (void)
{
  Board board = { 0 };

  set_up (&board);
  g_assert_true (bpg_gpio_output (10, TRUE));
  g_assert_true (bpg_gpio_is_driven_high (10));
  g_assert_cmpuint (model_peek (GPIO_FUNC_OUT_SEL_CFG_REG (10)), ==, BPG_SIGNAL_OUTPUT);
  g_assert_cmpuint (model_peek (IO_MUX_GPIO_REG (10)) >> IO_MUX_MCU_SEL_S, ==, 1);
  bpg_gpio_set (10, FALSE);
  g_assert_false (bpg_gpio_is_driven_high (10));

  g_assert_true (bpg_gpio_input (10, BPG_GPIO_PULL_DOWN));
  g_assert_cmphex (model_peek (GPIO_ENABLE_REG), ==, 0);
  g_assert_cmphex (model_peek (IO_MUX_GPIO_REG (10)) & (IO_MUX_FUN_IE | IO_MUX_FUN_PU | IO_MUX_FUN_PD),
                   ==, IO_MUX_FUN_IE | IO_MUX_FUN_PD);
  model_poke (GPIO_IN_REG, 1u << 10);
  g_assert_true (bpg_gpio_get (10));
  g_assert_false (bpg_gpio_get (9));

  g_assert_true (bpg_gpio_lead_in (BPG_SIGNAL_U1RXD, 20, BPG_GPIO_PULL_UP));
  g_assert_cmphex (model_peek (GPIO_FUNC_IN_SEL_CFG_REG (9)), ==, GPIO_SIG_IN_SEL | 20);

  model_poke (GPIO_OUT_REG, 0);
  g_assert_true (bpg_gpio_lead_open_drain (BPG_SIGNAL_I2C0_SCL, 6));
  g_assert_true (bpg_gpio_is_driven_high (6));
  g_assert_true (model_peek (GPIO_PIN_REG (6)) & GPIO_PIN_PAD_DRIVER);
  g_assert_cmphex (model_peek (GPIO_FUNC_IN_SEL_CFG_REG (53)), ==, GPIO_SIG_IN_SEL | 6);
  g_assert_cmpuint (model_peek (GPIO_FUNC_OUT_SEL_CFG_REG (6)), ==, 53);
  g_assert_true (model_peek (IO_MUX_GPIO_REG (6)) & IO_MUX_FUN_PU);
}

static void
test_edges (void)
{
  Board board = { 0 };

  set_up (&board);
  g_assert_true (bpg_gpio_input (9, BPG_GPIO_PULL_UP));
  model_poke (GPIO_PCPU_INT_REG, 1u << 9);
  bpg_gpio_watch (9, BPG_GPIO_FALLING);
  g_assert_cmphex (bpg_gpio_take (), ==, 0);
  g_assert_cmphex (model_peek (GPIO_PIN_REG (9)), ==, GPIO_PIN_INT_ENA | 2u << 7);
  model_poke (GPIO_PCPU_INT_REG, 1u << 9 | 1u << 3);
  g_assert_cmphex (bpg_gpio_take (), ==, 1u << 9 | 1u << 3);
  g_assert_cmphex (bpg_gpio_take (), ==, 0);
  model_poke (GPIO_PCPU_INT_REG, 1u << 9);
  bpg_gpio_ignore (9);
  g_assert_cmphex (model_peek (GPIO_PIN_REG (9)), ==, 0);
  g_assert_cmphex (bpg_gpio_take (), ==, 0);
}

/* The pulse in nanoseconds. */
static guint
pulse_ns (const Board *board, guint index)
{
  return (guint) ((guint64) board->pulse[index] * 20000000 / (16u << 14));
}

static void
test_servo (void)
{
  Board board = { 0 };

  set_up (&board);
  for (guint i = 0; i < BPG_SERVOS; i++)
    model_poke (LEDC_HPOINT_REG (i), 77);
  g_assert_true (bpg_servo_init (pins, power_pin));
  g_assert_false (bpg_servo_went_on ());
  g_assert_false (bpg_gpio_is_driven_high (power_pin));
  g_assert_cmpuint (board.timer, ==, 12500u << 4 | 14);
  g_assert_cmpuint (board.glitches, ==, 2);
  g_assert_cmphex (model_peek (LEDC_CONF_REG), ==, LEDC_CLK_EN | LEDC_CLK_XTAL);
  for (guint i = 0; i < BPG_SERVOS; i++)
    {
      g_assert_cmpuint (bpg_servo_position (i), ==, BPG_SERVO_MIDDLE);
      g_assert_cmpuint (model_peek (GPIO_FUNC_OUT_SEL_CFG_REG (pins[i])), ==, 45 + i);
      for (guint position = 0; position <= 1000; position++)
        {
          bpg_servo_set (i, (guint16) position);
          g_assert_cmpuint (bpg_servo_position (i), ==, position);
          /* Within a tenth of a microsecond, where a position is one. */
          g_assert_cmpuint (pulse_ns (&board, i) + 100, >=, 1000000 + 1000 * position);
          g_assert_cmpuint (pulse_ns (&board, i), <=, 1000000 + 1000 * position + 100);
        }
      bpg_servo_set (i, G_MAXUINT16);
      g_assert_cmpuint (bpg_servo_position (i), ==, 1000);
    }
  bpg_servo_power (TRUE);
  g_assert_true (bpg_gpio_is_driven_high (power_pin));
  model_accesses ();
  bpg_servo_set (BPG_SERVOS, 0);
  g_assert_cmpuint (bpg_servo_position (BPG_SERVOS), ==, BPG_SERVO_MIDDLE);
  g_assert_cmpuint (model_accesses (), ==, 0);
}

/* The core was reset, the controller was not: nothing moves. */
static void
test_servo_goes_on (void)
{
  Board board = { 0 };

  set_up (&board);
  g_assert_true (bpg_servo_init (pins, power_pin));
  for (guint i = 0; i < BPG_SERVOS; i++)
    bpg_servo_set (i, (guint16) (100 * i + 7));
  bpg_servo_power (TRUE);
  board.glitches = 0;

  g_assert_true (bpg_servo_init (pins, power_pin));
  g_assert_true (bpg_servo_went_on ());
  g_assert_cmpuint (board.glitches, ==, 0);
  g_assert_true (bpg_gpio_is_driven_high (power_pin));
  for (guint i = 0; i < BPG_SERVOS; i++)
    g_assert_cmpuint (bpg_servo_position (i), ==, 100 * i + 7);

  /* One channel is silent: then it is a start like the first. */
  model_poke (LEDC_CONF0_REG (3), 0);
  g_assert_true (bpg_servo_init (pins, power_pin));
  g_assert_false (bpg_servo_went_on ());
  g_assert_false (bpg_gpio_is_driven_high (power_pin));
  g_assert_cmpuint (bpg_servo_position (2), ==, BPG_SERVO_MIDDLE);
}

static void
test_servo_refused (void)
{
  static const guint8 wrong[BPG_SERVOS] = { 0, 1, 2, 3, 4, 18 };
  Board board = { 0 };

  set_up (&board);
  g_assert_false (bpg_servo_init (wrong, power_pin));
  g_assert_false (bpg_servo_init (pins, 14));
  g_assert_cmphex (model_peek (GPIO_ENABLE_REG), ==, 0);
}

/* What a garbled register says is still a position. */
static void
test_servo_garbled (void)
{
  Board board = { 0 };

  set_up (&board);
  for (guint i = 0; i < 1000; i++)
    {
      model_poke (LEDC_DUTY_REG (0), g_test_rand_int ());
      g_assert_cmpuint (bpg_servo_position (0), <=, 1000);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/esp32c3/gpio/refused-pins", test_refused_pins);
  g_test_add_func ("/esp32c3/gpio/none-pins", test_no_pin);
  g_test_add_func ("/esp32c3/gpio/ways", test_ways_of_pins);
  g_test_add_func ("/esp32c3/gpio/edges", test_edges);
  g_test_add_func ("/esp32c3/servo/pulses", test_servo);
  g_test_add_func ("/esp32c3/servo/goes-on", test_servo_goes_on);
  g_test_add_func ("/esp32c3/servo/refused", test_servo_refused);
  g_test_add_func ("/esp32c3/servo/garbled", test_servo_garbled);
  return g_test_run ();
}
