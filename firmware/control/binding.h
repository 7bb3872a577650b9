/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * To whom the arm belongs: patient, side and the clinic's model key. Kept in
 * two copies as the boot record is. A change waits in RAM for the button on
 * the arm and is written only then; time-out forgets it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "link/messages.h"

struct bpg_binding_data
{
  bool bound;
  uint8_t side; /* 'l', 'r' or 0 */
  uint8_t patient_length;
  char patient[BPG_PATIENT_MAX + 1];
  uint16_t key_length;
  uint8_t key[BPG_KEY_MAX];
};

enum bpg_binding_wish
{
  BPG_BINDING_NOTHING,
  BPG_BINDING_BIND,
  BPG_BINDING_UNBIND,
};

struct bpg_binding
{
  struct bpg_binding_data data;
  uint32_t sequence;
  uint8_t next_copy;
  uint8_t wish; /* enum bpg_binding_wish: waits for the button */
  uint64_t deadline;
  struct bpg_binding_data wanted;
};

/* Reads the newer whole copy; unbound when there is none. */
void bpg_binding_load (struct bpg_binding *binding);

/* Asks for a binding. Returns an arm error: INVALID (side, patient, key not
 * RSA-3072, time-out not 1..600 s), WRONG_STATE (bound), BUSY (asked already). */
enum bpg_arm_error bpg_binding_ask (struct bpg_binding *binding,
                                    const struct bpg_bind_request *request, uint64_t now_us);

/* Asks to take the binding back; while a wish waits for the button, takes that
 * wish back instead, so that whoever gave up leaves nothing behind for a late
 * press. WRONG_STATE when there is neither. */
enum bpg_arm_error bpg_binding_ask_unbind (struct bpg_binding *binding, uint64_t seconds,
                                           uint64_t now_us);

/* Writes what was asked for; the button was pressed. Returns false when
 * nothing had been asked or flash failed. */
bool bpg_binding_confirm (struct bpg_binding *binding);

/* Forgets a wish whose time is up; returns whether one was. */
bool bpg_binding_expire (struct bpg_binding *binding, uint64_t now_us);

/* "unbound", "binding" or "bound". */
const char *bpg_binding_state (const struct bpg_binding *binding);

/* "left", "right" or "". */
const char *bpg_binding_side (const struct bpg_binding *binding);
