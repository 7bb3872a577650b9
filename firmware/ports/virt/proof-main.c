/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs the parsers, the recogniser for long, and an arm from its reset on, on the RISC-V machine. */
#include "arm.h"
#include "proof-protocol.h"
#include "proof.h"
#include "semihost.h"
#include "virt.h"

#include "link/checksum.h"

#define PAINT 0xb1b1b1b1u
#define WARMED_UP 1000u
#define SAMPLES_MOST 100000u

typedef void (*measured) (void);

static struct bpg_recognizer recognizer;
static struct bpg_window scratch;
static struct bpg_bpm model;
static uint8_t model_bytes[VIRT_TASK_MOST] __attribute__ ((aligned (8)));
static uint32_t model_length;
static uint8_t input[VIRT_TASK_MOST] __attribute__ ((aligned (8)));
static uint32_t to_main; /* instructions */

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

static uint32_t
instructions (void)
{
  uint32_t count;

  __asm__ volatile ("csrr %0, minstret" : "=r"(count));
  return count;
}

static void
paint_stack (void)
{
  for (uint32_t *word = virt_stack_low; word < virt_stack_high; word++)
    *word = PAINT;
}

static uint32_t
stack_used (void)
{
  const uint32_t *word = virt_stack_low;

  while (word < virt_stack_high && *word == PAINT)
    word++;
  return (uint32_t) (virt_stack_high - word) * (uint32_t) sizeof *word;
}

/* All variables but the recogniser's own. */
static uint32_t
check_memory (void)
{
  const uint8_t *before = (const uint8_t *) &recognizer;
  const uint8_t *behind = before + sizeof recognizer;
  uint32_t sum = bpg_crc32 (0, virt_data_begin, (size_t) (virt_data_end - virt_data_begin));

  sum = bpg_crc32 (sum, virt_bss_begin, (size_t) (before - virt_bss_begin));
  return bpg_crc32 (sum, behind, (size_t) (virt_bss_end - behind));
}

static bool
take_model (uint32_t length)
{
  if (length > sizeof model_bytes || bpg_bpm_parse (input, length, &model) != 0)
    return false;
  for (uint32_t i = 0; i < length; i++)
    model_bytes[i] = input[i];
  model_length = length;
  return bpg_bpm_parse (model_bytes, length, &model) == 0 && virt_proof_prepare (model_bytes, length);
}

static void
soak (uint32_t decisions, struct virt_answer *answer)
{
  struct virt_signal signal;
  struct bpg_decision decision;
  uint32_t spent;

  virt_signal_init (&signal);
  bpg_recognizer_init (&recognizer, &model);
  paint_stack ();
  answer->value[4] = check_memory ();
  while (answer->value[0] < decisions)
    {
      int16_t sample[BPG_CHANNELS_MAX];

      virt_signal_next (&signal, sample);
      if (!virt_measure ((measured) bpg_recognizer_push, (uintptr_t) &recognizer, (uintptr_t) sample,
                         (uintptr_t) &decision, &spent))
        continue;
      answer->value[1] = virt_proof_note_decision (answer->value[1], &decision);
      if (++answer->value[0] == WARMED_UP)
        answer->value[2] = stack_used ();
    }
  answer->value[3] = stack_used ();
  answer->value[5] = check_memory ();
  answer->value[6] = virt_proof_same_sums (&recognizer, &scratch);
}

/* The clinic has put a model there, and firmware as large as this program. */
static bool
start_arm (struct virt_answer *answer)
{
  struct virt_signal signal;
  uint32_t firmware = (uint32_t) (virt_image_end - virt_image_begin);
  uint32_t begun, chosen, before, spent = 0;

  if (!virt_arm_make (&model) || !virt_arm_install (BPG_IMAGE_MODEL, model_bytes, model_length)
      || !virt_arm_install (BPG_IMAGE_FIRMWARE, virt_image_begin, firmware))
    return false;
  begun = instructions ();
  virt_arm_start_firmware ();
  chosen = instructions ();
  if (!virt_arm_start () || virt_arm.firmware_slot != 0)
    return false;
  spent = instructions () - chosen;
  virt_signal_init (&signal);
  for (uint32_t i = 0; i < SAMPLES_MOST && virt_arm.control.decisions == 0; i++)
    {
      int16_t sample[BPG_CHANNELS_MAX];

      virt_signal_next (&signal, sample);
      virt_arm.now += 1000000u / model.rate;
      before = instructions ();
      bpg_control_sample (&virt_arm.control, sample, virt_arm.now);
      bpg_control_run (&virt_arm.control);
      spent += instructions () - before;
    }
  answer->value[0] = to_main;
  answer->value[1] = chosen - begun;
  answer->value[2] = spent;
  answer->value[3] = firmware;
  answer->value[4] = model_length;
  return virt_arm.control.decisions == 1;
}

static bool
do_task (const struct virt_task *task, struct virt_answer *answer)
{
  switch (task->kind)
    {
    case VIRT_TASK_MODEL:
      answer->value[0] = take_model (task->length);
      return true;
    case VIRT_TASK_OUTCOME:
      if (task->argument[0] >= VIRT_TARGETS)
        return false;
      answer->value[0] = virt_proof_outcome ((enum virt_target) task->argument[0], input, task->length);
      return true;
    case VIRT_TASK_SOAK:
      if (model_length == 0)
        return false;
      soak (task->argument[0], answer);
      return true;
    case VIRT_TASK_START:
      return model_length > 0 && start_arm (answer);
    default:
      return false;
    }
}

void
virt_main (void)
{
  struct virt_task task;
  int in, out;

  to_main = instructions ();
  in = semihost_open ("/dev/stdin", 0);
  out = semihost_open ("/dev/stdout", 1);
  if (in < 0 || out < 0)
    semihost_exit (VIRT_STATUS_NOBODY);
  while (semihost_read (in, &task, sizeof task) == sizeof task)
    {
      struct virt_answer answer = { 0 };

      if (task.magic != VIRT_TASK_MAGIC || task.length > sizeof input
          || semihost_read (in, input, task.length) != task.length)
        semihost_exit (VIRT_STATUS_REFUSED);
      if (do_task (&task, &answer))
        answer.kind = task.kind;
      semihost_write (out, &answer, sizeof answer);
    }
  semihost_exit (VIRT_STATUS_DONE);
}
