/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Proof by going through everything: the choice of the firmware that starts,
 * for all records and all contents of the slots; and all that an arm can come
 * to, from when it was made, by starts, by what its program does, and by power
 * cuts in every flash operation of both. The second stage and the program's
 * slots are the real ones, on a flash of a few sectors. Freestanding: the same
 * on this machine and on RISC-V, with the same digest.
 */

#include <stdbool.h>
#include <stdint.h>

struct boot_proof
{
  uint32_t choices; /* records x contents of the slots, each started */
  uint32_t states;  /* of flash that an arm can come to */
  uint32_t starts;  /* of these, and after these */
  uint32_t actions; /* done by the program */
  uint32_t cuts;    /* between two operations, or in one */
  uint32_t changes; /* different writes of a record */
  uint32_t torn;    /* ways in which each of these was torn */
  uint32_t digest;  /* over all outcomes */
  const char *broken; /* what did not hold, or NULL */
};

/* All choices. Returns whether all held. */
bool boot_proof_choices (struct boot_proof *proof);

/*
 * All that an arm can come to, with a @built_in program or without, over
 * @contents (1 to BOOT_PROOF_CONTENTS) different images. Adds to what is
 * counted. Returns whether all held.
 */
#define BOOT_PROOF_CONTENTS 4u
bool boot_proof_reach (struct boot_proof *proof, bool built_in, unsigned contents);
