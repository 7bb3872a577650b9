/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a job is to do survives the journal; what is none is taken for none. */
#include "bpg-order.h"

static void
test_round_trip (void)
{
  g_autoptr (BpgOrder) order = bpg_order_new (BPG_PROCEDURE_ROLL_BACK);
  g_autofree char *text = NULL;
  g_autoptr (BpgOrder) back = NULL;

  bpg_order_set_text (&order->device_id, "BP-1 'with quotes\"");
  bpg_order_set_text (&order->patient, "abc");
  bpg_order_set_text (&order->model_path, "/org/bionicpro/Training1/model/x");
  bpg_order_set_text (&order->model, "m");
  bpg_order_set_text (&order->wanted, "w");
  bpg_order_set_text (&order->image, "i");
  order->trial = TRUE;
  order->seconds = 77;
  order->trial_begun = TRUE;
  order->firmware = TRUE;
  order->downgrade = order->worn = TRUE;
  bpg_order_set_text (&order->version, "1.2.3");
  text = bpg_order_print (order);
  back = bpg_order_parse (text);
  g_assert_cmpint (back->kind, ==, BPG_PROCEDURE_ROLL_BACK);
  g_assert_cmpstr (back->device_id, ==, order->device_id);
  g_assert_cmpstr (back->patient, ==, "abc");
  g_assert_cmpstr (back->model_path, ==, order->model_path);
  g_assert_cmpstr (back->model, ==, "m");
  g_assert_cmpstr (back->wanted, ==, "w");
  g_assert_cmpstr (back->image, ==, "i");
  g_assert_true (back->trial);
  g_assert_cmpuint (back->seconds, ==, 77);
  g_assert_true (back->trial_begun);
  g_assert_true (back->firmware);
  g_assert_false (back->override);
  g_assert_true (back->downgrade);
  g_assert_true (back->worn);
  g_assert_cmpstr (back->version, ==, "1.2.3");
  g_assert_false (order->recovered);
  g_assert_true (back->recovered);
}

/* What a process that knew of models only has left behind. */
static void
test_old (void)
{
  g_autoptr (BpgOrder) order =
    bpg_order_parse ("(uint32 3, 'BP-1', 'patient', '', 'm', 'w', 'i', true, uint32 60, false)");

  g_assert_nonnull (order);
  g_assert_cmpint (order->kind, ==, BPG_PROCEDURE_CONFIRM);
  g_assert_false (order->firmware);
  g_assert_cmpstr (order->image, ==, "i");
  g_assert_cmpuint (order->seconds, ==, 60);
  g_assert_true (order->recovered);
}

static void
test_damaged (void)
{
  static const char *const bad[] = {
    NULL,
    "",
    "(",
    "(1,)",
    "nonsense",
    "('a', 'b')",
    "(uint32 0, 'BP-1', 'patient', '', 'm', 'w', 'i', true, uint32 60, false)",
    "(uint32 5, 'BP-1', 'patient', '', 'm', 'w', 'i', true, uint32 60, false)",
  };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_null (bpg_order_parse (bad[i]));
}

static void
test_kinds (void)
{
  static const char *const kinds[] = {"read", "install", "start-trial", "confirm", "roll-back"};

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++) {
    g_autoptr (BpgOrder) order = bpg_order_new ((BpgProcedureKind) i);

    g_assert_cmpstr (bpg_order_get_job_kind (order), ==, kinds[i]);
    order->firmware = i > 0;
    g_assert_true (g_str_has_suffix (bpg_order_get_job_kind (order), kinds[i]));
    g_assert_cmpint (g_str_has_prefix (bpg_order_get_job_kind (order), "firmware-"), ==, i > 0);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/order/round-trip", test_round_trip);
  g_test_add_func ("/order/old", test_old);
  g_test_add_func ("/order/damaged", test_damaged);
  g_test_add_func ("/order/kinds", test_kinds);
  return g_test_run ();
}
