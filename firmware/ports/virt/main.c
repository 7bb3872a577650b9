/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Takes a model and samples in, gives decisions out, and what each cost.
 *
 * The recogniser runs on a stack of its own, painted beforehand, with a page below it that must not be
 * touched: what it needs of it is seen afterwards, and what it needs too much stops it.
 */
#include "protocol.h"
#include "recognition/recognizer.h"
#include "semihost.h"
#include "virt.h"

#include <string.h>

#define PAINT 0xb1b1b1b1u
#define RECORDS 64u
#define LOOP_TURNS 1000u
#define LOOP_INSTRUCTIONS (2u * LOOP_TURNS + 2u) /* the call and the return */
#define SAMPLE_BYTES (2u * BPG_CHANNELS_MAX)

/* Whatever takes words and returns one is called alike. */
typedef void (*measured) (void);

static struct bpg_recognizer recognizer;
static struct bpg_bpm model;
static uint8_t model_bytes[BPG_BPM_LENGTH_MAX] __attribute__ ((aligned (8)));
static uint8_t input[512u * SAMPLE_BYTES] __attribute__ ((aligned (8)));
static struct virt_record output[RECORDS];
static unsigned held;
static int in, out;

void virt_main (void) __attribute__ ((noreturn));
void virt_tell_trap (uint32_t cause,
                     uint32_t where,
                     uint32_t value,
                     uint32_t stack) __attribute__ ((noreturn));

static void
flush (void)
{
  semihost_write (out, output, held * sizeof *output);
  held = 0;
}

static struct virt_record *
add_record (enum virt_record_kind kind)
{
  struct virt_record *record;

  if (held == RECORDS)
    flush ();
  record = &output[held++];
  memset (record, 0, sizeof *record);
  record->kind = kind;
  return record;
}

static void
refuse (int error)
{
  add_record (VIRT_REFUSED)->value[0] = (uint32_t) error;
  flush ();
  semihost_exit (VIRT_STATUS_REFUSED);
}

/* What is held may be what broke: it is left, and the record is of its own. */
void
virt_tell_trap (uint32_t cause,
                uint32_t where,
                uint32_t value,
                uint32_t stack)
{
  struct virt_record record = { .kind = VIRT_TRAP, .value = { cause, where, value, stack } };

  semihost_write (out, &record, sizeof record);
  semihost_exit (VIRT_STATUS_TRAP);
}

static uint32_t
stack_used (void)
{
  const uint32_t *word = virt_stack_low;

  while (word < virt_stack_high && *word == PAINT)
    word++;
  return (uint32_t) (virt_stack_high - word) * (uint32_t) sizeof *word;
}

static void
say_hello (void)
{
  struct virt_record *record = add_record (VIRT_HELLO);
  uint32_t counted;

  virt_measure (virt_loop, LOOP_TURNS, 0, 0, &counted);
  record->value[0] = sizeof *record;
  record->value[1] = LOOP_INSTRUCTIONS;
  record->value[2] = counted;
}

static void
take_model (void)
{
  struct virt_request request;
  uint32_t instructions;
  int error;

  if (semihost_read (in, &request, sizeof request) != sizeof request || request.magic != VIRT_REQUEST_MAGIC ||
      request.model_length > sizeof model_bytes)
    refuse (0);
  if (semihost_read (in, model_bytes, request.model_length) != request.model_length)
    refuse (BPG_BPM_ETRUNCATED);
  error = (int) virt_measure ((measured) bpg_bpm_parse, (uintptr_t) model_bytes, request.model_length,
                              (uintptr_t) &model, &instructions);
  if (error != 0)
    refuse (error);
  virt_measure ((measured) bpg_recognizer_init, (uintptr_t) &recognizer, (uintptr_t) &model, 0, &instructions);
}

static uint32_t
recognise (void)
{
  const size_t width = 2u * (size_t) model.channels;
  const size_t most = sizeof input / width * width;
  uint32_t samples = 0, since = 0;
  size_t length;

  do
    {
      length = semihost_read (in, input, most);
      for (size_t at = 0; at + width <= length; at += width, samples++)
        {
          struct bpg_decision decision;
          struct virt_record *record;
          uint32_t instructions;
          bool decided = (bool) virt_measure ((measured) bpg_recognizer_push, (uintptr_t) &recognizer,
                                              (uintptr_t) (input + at), (uintptr_t) &decision, &instructions);

          since += instructions;
          if (!decided)
            continue;
          record = add_record (VIRT_DECISION);
          record->value[0] = since;
          record->value[1] = instructions;
          record->decision = decision;
          since = 0;
        }
    }
  while (length == most);
  return samples;
}

void
virt_main (void)
{
  struct virt_record *record;
  uint32_t samples;

  in = semihost_open ("/dev/stdin", 0);
  out = semihost_open ("/dev/stdout", 1);
  if (in < 0 || out < 0)
    semihost_exit (VIRT_STATUS_NOBODY);
  say_hello ();
  for (uint32_t *word = virt_stack_low; word < virt_stack_high; word++)
    *word = PAINT;
  take_model ();
  samples = recognise ();
  record = add_record (VIRT_END);
  record->value[0] = samples;
  record->value[1] = sizeof recognizer;
  record->value[2] = stack_used ();
  record->value[3] = (uint32_t) (virt_image_end - virt_image_begin) + (uint32_t) (virt_data_end - virt_data_begin);
  flush ();
  semihost_exit (VIRT_STATUS_DONE);
}
