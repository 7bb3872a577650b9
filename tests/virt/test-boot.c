/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The boot proof comes to the same states on RISC-V as here, and to the same end from each. */
#include "boot-proof.h"
#include "machine.h"

/* All images are gone through here; there, so many. */
#define CONTENTS 2u

static void
test_boot (void)
{
  g_autoptr (GByteArray) tasks = g_byte_array_new ();
  g_autofree struct virt_answer *answers = NULL;

  if (!machine_is_there ())
    return;
  for (guint built_in = 0; built_in < 2; built_in++)
    machine_add_task (tasks, VIRT_TASK_BOOT, built_in, CONTENTS, NULL);
  answers = machine_run ("BIONICPRO_VIRT_BOOT", tasks, 2);
  for (guint built_in = 0; built_in < 2; built_in++)
    {
      struct boot_proof proof = { 0 };
      const guint32 *value = answers[built_in].value;

      g_assert_true (boot_proof_reach (&proof, built_in, CONTENTS));
      g_assert_cmpuint (value[0], ==, 1);
      g_assert_cmpuint (value[1], ==, proof.states);
      g_assert_cmpuint (value[2], ==, proof.actions);
      g_assert_cmpuint (value[3], ==, proof.cuts);
      g_assert_cmpuint (value[4], ==, proof.starts);
      g_assert_cmpuint (value[5], ==, proof.changes);
      g_assert_cmpuint (value[6], ==, proof.torn);
      g_assert_cmpuint (value[7], ==, proof.digest);
      g_test_message ("%u states, %u power cuts, %u changes of the record, torn in %u ways: the same on RISC-V",
                      proof.states, proof.cuts, proof.changes, proof.torn);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/virt/boot", test_boot);
  return g_test_run ();
}
