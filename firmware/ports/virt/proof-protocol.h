/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BPG_VIRT_PROOF_PROTOCOL_H
#define BPG_VIRT_PROOF_PROTOCOL_H

/*
 * What goes through standard input and output of the images that prove: struct virt_task, each with as many
 * bytes behind it as it says, until the end of the input; for each a struct virt_answer.
 */

#include <stdint.h>

#define VIRT_TASK_MAGIC 0x31545642u /* "BVT1" */
#define VIRT_TASK_MOST 65536u

enum virt_task_kind
{
  VIRT_TASK_MODEL = 1,   /* the bytes are the model of all that follows; value: whether it is one */
  VIRT_TASK_OUTCOME = 2, /* what argument[0], enum virt_target, makes of the bytes; value: a digest */
  VIRT_TASK_SOAK = 3,    /* argument[0] decisions; value: decisions, their digest, stack used after the first
                          * thousand and at the end, static memory before and behind, whether the sums hold */
  VIRT_TASK_START = 4,   /* an arm starts; value: instructions from reset to the program's first line, of the
                          * second stage, of the program until the first decision; bytes of firmware, of model */
  VIRT_TASK_BOOT = 5,    /* the boot proof, argument[0] built_in, argument[1] contents; value: whether it held,
                          * states, actions, cuts, starts, changes, torn, digest */
};

struct virt_task
{
  uint32_t magic;
  uint32_t kind;
  uint32_t argument[2];
  uint32_t length;
};

struct virt_answer
{
  uint32_t kind; /* of the task; 0: it could not be done */
  uint32_t value[8];
};

#endif
