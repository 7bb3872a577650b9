/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs the boot proof on the RISC-V machine. */
#include "boot-proof.h"
#include "proof-protocol.h"
#include "semihost.h"
#include "virt.h"

void virt_main (void) __attribute__ ((noreturn));
void virt_tell_trap (uint32_t cause,
                     uint32_t where,
                     uint32_t value,
                     uint32_t stack) __attribute__ ((noreturn));

void
virt_tell_trap (uint32_t cause, uint32_t where, uint32_t value, uint32_t stack)
{
  semihost_exit (VIRT_STATUS_TRAP);
}

static void
prove (const struct virt_task *task, struct virt_answer *answer)
{
  struct boot_proof proof = { 0 };

  answer->kind = task->kind;
  answer->value[0] = boot_proof_reach (&proof, task->argument[0] != 0, task->argument[1]);
  answer->value[1] = proof.states;
  answer->value[2] = proof.actions;
  answer->value[3] = proof.cuts;
  answer->value[4] = proof.starts;
  answer->value[5] = proof.changes;
  answer->value[6] = proof.torn;
  answer->value[7] = proof.digest;
}

void
virt_main (void)
{
  struct virt_task task;
  int in = semihost_open ("/dev/stdin", 0);
  int out = semihost_open ("/dev/stdout", 1);

  if (in < 0 || out < 0)
    semihost_exit (VIRT_STATUS_NOBODY);
  while (semihost_read (in, &task, sizeof task) == sizeof task)
    {
      struct virt_answer answer = { 0 };

      if (task.magic != VIRT_TASK_MAGIC || task.kind != VIRT_TASK_BOOT || task.length > 0)
        semihost_exit (VIRT_STATUS_REFUSED);
      prove (&task, &answer);
      semihost_write (out, &answer, sizeof answer);
    }
  semihost_exit (VIRT_STATUS_DONE);
}
