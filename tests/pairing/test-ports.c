/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pairing-fixture.h"

static void
test_appears (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FakeArm) arm = fake_arm_new ("BP-0001");
  g_autoptr (GVariant) lsb = NULL;
  g_autoptr (GVariant) latency = NULL;

  fixture_connect (fixture, arm);
  g_assert_true (fixture_arm_is (fixture, arm, "DeviceId", "BP-0001"));
  g_assert_true (fixture_arm_is (fixture, arm, "Fingerprint", arm->fingerprint));
  g_assert_true (fixture_arm_is (fixture, arm, "State", "unbound"));
  g_assert_true (fixture_arm_is (fixture, arm, "Transport", "serial"));
  g_assert_true (fixture_arm_is (fixture, arm, "Port", arm->path));
  g_assert_true (fixture_arm_is (fixture, arm, "Hardware", "fake-1"));
  g_assert_true (fixture_arm_is (fixture, arm, "Firmware", "1.2.3"));
  g_assert_true (fixture_arm_is (fixture, arm, "Unit", "microvolt"));
  g_assert_true (fixture_arm_is (fixture, arm, "BootReason", "power-on"));
  g_assert_cmpuint (fixture_arm_uint (fixture, arm, "SamplingRate"), ==, 1000);
  g_assert_cmpuint (fixture_arm_uint (fixture, arm, "Channels"), ==, 8);
  g_assert_cmpuint (fixture_arm_uint (fixture, arm, "BatteryPercent"), ==, 77);
  g_assert_cmpuint (fixture_arm_uint (fixture, arm, "DeadElectrodes"), ==, 4);
  g_assert_true (fixture_arm_flag (fixture, arm, "Worn"));
  lsb = fixture_arm_get (fixture, arm, "Lsb");
  g_assert_cmpfloat_with_epsilon (g_variant_get_double (lsb), 250e-9, 1e-15);
  latency = fixture_arm_get (fixture, arm, "DecisionLatency");
  g_assert_cmpuint (g_variant_n_children (latency), ==, 32);
  g_assert_true (fixture_port_is (fixture, arm->path, "state", "prosthesis"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  bpg_error_quark ();
  g_test_add ("/pairing/ports/appears", Fixture, NULL, fixture_set_up, test_appears, fixture_tear_down);
  return g_test_run ();
}
