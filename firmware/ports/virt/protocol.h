/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BPG_VIRT_PROTOCOL_H
#define BPG_VIRT_PROTOCOL_H

/*
 * What goes through standard input and output between `bionicctl lab run --on virt` and the program
 * in QEMU.  Both machines are little-endian and lay these structures out alike; the first record tells
 * its own length, so that an image of another version is noticed.
 *
 * In: struct virt_request, the model, and samples (int16, interleaved) until the end of the input.
 * Out: struct virt_record, one behind the other: HELLO, a DECISION each, END; or one of the failures.
 */

#include "recognition/decision.h"

#define VIRT_REQUEST_MAGIC 0x31525642u /* "BVR1" */

struct virt_request
{
  uint32_t magic;
  uint32_t model_length; /* bytes */
};

enum virt_record_kind
{
  VIRT_HELLO = 1,    /* value: length of a record, instructions of a loop, instructions counted for it */
  VIRT_DECISION = 2, /* value: instructions since the decision before, and of them behind the last sample */
  VIRT_END = 3,      /* value: samples taken, bytes of state, of stack used, of the image */
  VIRT_REFUSED = 4,  /* value: enum bpg_bpm_error of the model; 0 for a request that is none */
  VIRT_TRAP = 5,     /* value: mcause, mepc, mtval, stack pointer */
};

struct virt_record
{
  uint32_t kind;
  uint32_t value[4];
  struct bpg_decision decision;
};

#endif
