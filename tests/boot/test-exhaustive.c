/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which firmware starts: all records, all states an arm can come to, all cuts. */
#include <glib.h>

#include "boot-proof.h"

static void
check (bool held, const struct boot_proof *proof)
{
  if (!held)
    g_error ("%s", proof->broken);
}

static void
test_choices (void)
{
  struct boot_proof proof = { 0 };

  check (boot_proof_choices (&proof), &proof);
  g_test_message ("%u records and contents of the slots, %u starts", proof.choices, proof.starts);
}

static void
test_reach (gconstpointer data)
{
  struct boot_proof proof = { 0 };

  check (boot_proof_reach (&proof, GPOINTER_TO_INT (data), BOOT_PROOF_CONTENTS), &proof);
  g_test_message ("%u states that an arm can come to, %u things its program does there, %u power cuts, "
                  "%u starts; %u changes of the record, torn in %u ways",
                  proof.states, proof.actions, proof.cuts, proof.starts, proof.changes, proof.torn);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/boot/exhaustive/choices", test_choices);
  g_test_add_data_func ("/boot/exhaustive/chip", GINT_TO_POINTER (0), test_reach);
  g_test_add_data_func ("/boot/exhaustive/built-in", GINT_TO_POINTER (1), test_reach);
  return g_test_run ();
}
