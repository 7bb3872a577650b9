/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The only way to a register. On the chip an access is one load or store of
 * a word; a test is compiled with BPG_REGISTER_MODEL and answers itself. A
 * wait for a register takes a number of polls, never for ever.
 */

#include <stdbool.h>
#include <stdint.h>

#ifdef BPG_REGISTER_MODEL

uint32_t bpg_reg_read (uint32_t address);
void bpg_reg_write (uint32_t address, uint32_t value);

#else

static inline uint32_t
bpg_reg_read (uint32_t address)
{
  return *(const volatile uint32_t *) (uintptr_t) address;
}

static inline void
bpg_reg_write (uint32_t address, uint32_t value)
{
  *(volatile uint32_t *) (uintptr_t) address = value;
}

#endif

static inline void
bpg_reg_set (uint32_t address, uint32_t bits)
{
  bpg_reg_write (address, bpg_reg_read (address) | bits);
}

static inline void
bpg_reg_clear (uint32_t address, uint32_t bits)
{
  bpg_reg_write (address, bpg_reg_read (address) & ~bits);
}

/* Replaces the bits of @mask by those of @value, which has no others. */
static inline void
bpg_reg_modify (uint32_t address, uint32_t mask, uint32_t value)
{
  bpg_reg_write (address, (bpg_reg_read (address) & ~mask) | value);
}

/* Polls until the bits of @mask read as @value. Returns false when they did
 * not in @polls reads. */
static inline bool
bpg_reg_wait (uint32_t address, uint32_t mask, uint32_t value, uint32_t polls)
{
  while (polls-- > 0)
    {
      if ((bpg_reg_read (address) & mask) == value)
        return true;
    }
  return false;
}
