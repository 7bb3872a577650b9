/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The system timer and the interrupt matrix, against a model of: the counter,
 * which shows a value only when it was asked to and then some reads later;
 * the comparator, which takes its period with the load and its mode with the
 * change of the bit; and the core's table of interrupts.
 */
#include <glib.h>

#include "model.h"
#include "ports/esp32c3/drivers/interrupt.h"
#include "ports/esp32c3/drivers/systimer.h"

typedef struct
{
  guint64 now;
  guint reads_to_valid; /* more than any driver's patience: never */
  guint waiting;
  guint64 overtakes;    /* what an interrupt puts there between two words, 0 = none */
  guint32 period;       /* that the comparator took */
  gboolean periodic;
} Timer;

static void
show (guint64 value)
{
  model_poke (SYSTIMER_UNIT0_VALUE_HI_REG, (guint32) (value >> 32) & 0xFFFFF);
  model_poke (SYSTIMER_UNIT0_VALUE_LO_REG, (guint32) value);
}

static void
before_read (gpointer data,
             guint32  address)
{
  Timer *timer = data;

  if (address == SYSTIMER_UNIT0_OP_REG && timer->waiting > 0 && --timer->waiting == 0)
    {
      show (timer->now);
      model_poke (address, SYSTIMER_TIMER_UNIT0_VALUE_VALID);
    }
  if (address == SYSTIMER_UNIT0_VALUE_LO_REG && timer->overtakes != 0)
    {
      show (timer->overtakes);
      timer->overtakes = 0;
    }
}

static void
after_write (gpointer data,
             guint32  address,
             guint32  before,
             guint32  value)
{
  Timer *timer = data;

  if (address == SYSTIMER_UNIT0_OP_REG && (value & SYSTIMER_TIMER_UNIT0_UPDATE) != 0)
    {
      g_assert_true (model_peek (SYSTIMER_CONF_REG) & SYSTIMER_TIMER_UNIT0_WORK_EN);
      model_poke (address, 0);
      timer->waiting = timer->reads_to_valid;
    }
  if (address == SYSTIMER_COMP0_LOAD_REG)
    {
      g_assert_false (model_peek (SYSTIMER_CONF_REG) & SYSTIMER_TARGET0_WORK_EN);
      timer->period = model_peek (SYSTIMER_TARGET0_CONF_REG) & SYSTIMER_TARGET0_PERIOD_MASK;
      model_poke (address, 0);
    }
  if (address == SYSTIMER_TARGET0_CONF_REG && ((before ^ value) & SYSTIMER_TARGET0_PERIOD_MODE) != 0)
    timer->periodic = (value & SYSTIMER_TARGET0_PERIOD_MODE) != 0;
}

static void
set_up (Timer *timer)
{
  const ModelPeripheral systimer = {
    .base = SYSTIMER_BASE,
    .size = 0x100,
    .before_read = before_read,
    .after_write = after_write,
    .data = timer,
  };

  model_reset ();
  model_add (&systimer);
  model_add_memory (SYSTEM_BASE, 0x100);
  model_add_memory (INTERRUPT_CORE0_BASE, 0x800);
  timer->reads_to_valid = 3;
  bpg_systimer_init ();
}

static void
test_time (void)
{
  static const guint64 values[] = {
    0, 15, 16, 0xFFFFFFFF, 0x100000000, 0x123456789ABCD, 0xFFFFFFFFFFFFF,
  };
  Timer timer = { 0 };

  set_up (&timer);
  for (guint i = 0; i < G_N_ELEMENTS (values); i++)
    {
      timer.now = values[i];
      g_assert_cmpuint (bpg_systimer_ticks (), ==, values[i]);
      g_assert_cmpuint (bpg_systimer_us (), ==, values[i] / 16);
    }
}

static void
test_overtaken (void)
{
  Timer timer = { 0 };

  set_up (&timer);
  /* The words of two readings would make a time 268 s off. */
  timer.now = 0x1FFFFFFFF;
  timer.overtakes = 0x200000003;
  g_assert_cmpuint (bpg_systimer_ticks (), ==, 0x200000003);
}

static void
test_no_answer (void)
{
  Timer timer = { 0 };

  set_up (&timer);
  timer.now = 4711;
  g_assert_cmpuint (bpg_systimer_ticks (), ==, 4711);
  timer.reads_to_valid = G_MAXUINT;
  timer.now = 5000;
  model_accesses ();
  g_assert_cmpuint (bpg_systimer_ticks (), ==, 4711);
  g_assert_cmpuint (model_accesses (), <, 100);
}

static void
test_tick (void)
{
  Timer timer = { 0 };

  set_up (&timer);
  g_assert_false (bpg_systimer_start_tick (0));
  g_assert_false (bpg_systimer_start_tick (BPG_SYSTIMER_LONGEST_TICK_US + 1));
  g_assert_false (bpg_systimer_start_tick (G_MAXUINT32));
  g_assert_true (bpg_systimer_start_tick (1000));
  g_assert_cmpuint (timer.period, ==, 16000);
  g_assert_true (timer.periodic);
  g_assert_true (model_peek (SYSTIMER_CONF_REG) & SYSTIMER_TARGET0_WORK_EN);
  g_assert_true (model_peek (SYSTIMER_CONF_REG) & SYSTIMER_TIMER_UNIT0_WORK_EN);
  g_assert_cmphex (model_peek (SYSTIMER_INT_ENA_REG), ==, SYSTIMER_TARGET0_INT);
  /* Another period starts as the first did. */
  timer.periodic = FALSE;
  g_assert_true (bpg_systimer_start_tick (BPG_SYSTIMER_LONGEST_TICK_US));
  g_assert_true (timer.periodic);
  g_assert_cmpuint (timer.period / 16, ==, BPG_SYSTIMER_LONGEST_TICK_US);
  model_poke (SYSTIMER_INT_CLR_REG, 0);
  bpg_systimer_clear_tick ();
  g_assert_cmphex (model_peek (SYSTIMER_INT_CLR_REG), ==, SYSTIMER_TARGET0_INT);
}

static void
count (void *data)
{
  ++*(guint *) data;
}

static void
test_interrupts (void)
{
  Timer timer = { 0 };
  guint ticks = 0, bytes = 0;

  set_up (&timer);
  model_poke (INTERRUPT_CORE0_CPU_INT_ENABLE_REG, 0xFFFFFFFF);
  model_poke (INTERRUPT_CORE0_CPU_INT_TYPE_REG, 0xFFFFFFFF);
  model_poke (INTERRUPT_CORE0_MAP_REG (BPG_INTERRUPT_GPIO), 7);
  bpg_interrupt_init ();
  g_assert_cmphex (model_peek (INTERRUPT_CORE0_CPU_INT_TYPE_REG), ==, 0);
  g_assert_cmphex (model_peek (INTERRUPT_CORE0_CPU_INT_ENABLE_REG), ==, 0);
  g_assert_cmpuint (model_peek (INTERRUPT_CORE0_MAP_REG (BPG_INTERRUPT_GPIO)), ==, 0);

  g_assert_true (bpg_interrupt_attach (BPG_INTERRUPT_SYSTIMER0, 3, 2, count, &ticks));
  g_assert_true (bpg_interrupt_attach (BPG_INTERRUPT_UART1, 31, 15, count, &bytes));
  g_assert_cmpuint (model_peek (INTERRUPT_CORE0_MAP_REG (37)), ==, 3);
  g_assert_cmpuint (model_peek (INTERRUPT_CORE0_CPU_INT_PRI_REG (3)), ==, 2);
  g_assert_cmphex (model_peek (INTERRUPT_CORE0_CPU_INT_ENABLE_REG), ==, 1u << 3 | 1u << 31);

  g_assert_true (bpg_interrupt_dispatch (3));
  g_assert_true (bpg_interrupt_dispatch (0x80000000u | 31));
  g_assert_cmpuint (ticks, ==, 1);
  g_assert_cmpuint (bytes, ==, 1);

  bpg_interrupt_disable (3);
  g_assert_cmphex (model_peek (INTERRUPT_CORE0_CPU_INT_ENABLE_REG), ==, 1u << 31);
  bpg_interrupt_enable (3);
  g_assert_cmphex (model_peek (INTERRUPT_CORE0_CPU_INT_ENABLE_REG), ==, 1u << 3 | 1u << 31);
  g_assert_cmpuint (bpg_interrupt_set_threshold (5), ==, 1);
  g_assert_cmpuint (bpg_interrupt_set_threshold (1), ==, 5);

  /* Another start forgets the handlers. */
  bpg_interrupt_init ();
  g_assert_false (bpg_interrupt_dispatch (3));
  g_assert_cmpuint (ticks, ==, 1);
}

static void
test_refused_interrupts (void)
{
  Timer timer = { 0 };
  guint ticks = 0;

  set_up (&timer);
  bpg_interrupt_init ();
  g_assert_false (bpg_interrupt_attach (BPG_INTERRUPT_SOURCES, 1, 1, count, &ticks));
  g_assert_false (bpg_interrupt_attach (BPG_INTERRUPT_GPIO, 0, 1, count, &ticks));
  g_assert_false (bpg_interrupt_attach (BPG_INTERRUPT_GPIO, 32, 1, count, &ticks));
  g_assert_false (bpg_interrupt_attach (BPG_INTERRUPT_GPIO, 1, 0, count, &ticks));
  g_assert_false (bpg_interrupt_attach (BPG_INTERRUPT_GPIO, 1, 16, count, &ticks));
  g_assert_false (bpg_interrupt_attach (BPG_INTERRUPT_GPIO, 1, 1, NULL, NULL));
  g_assert_true (bpg_interrupt_attach (BPG_INTERRUPT_GPIO, 1, 1, count, &ticks));
  g_assert_false (bpg_interrupt_attach (BPG_INTERRUPT_UART0, 1, 1, count, &ticks));

  /* A line that nobody asked for is silenced, or it would come for ever. */
  model_poke (INTERRUPT_CORE0_CPU_INT_ENABLE_REG, 0xFFFFFFFF);
  g_assert_false (bpg_interrupt_dispatch (9));
  g_assert_cmphex (model_peek (INTERRUPT_CORE0_CPU_INT_ENABLE_REG), ==, ~(1u << 9));
  g_assert_cmpuint (ticks, ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/esp32c3/systimer/time", test_time);
  g_test_add_func ("/esp32c3/systimer/overtaken", test_overtaken);
  g_test_add_func ("/esp32c3/systimer/no-answer", test_no_answer);
  g_test_add_func ("/esp32c3/systimer/tick", test_tick);
  g_test_add_func ("/esp32c3/interrupt/dispatch", test_interrupts);
  g_test_add_func ("/esp32c3/interrupt/refused", test_refused_interrupts);
  return g_test_run ();
}
