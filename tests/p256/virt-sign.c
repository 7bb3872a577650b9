/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* On QEMU's machine 'virt': signs what comes, and says what it cost. Built and run by test-virt.py. */
#include "ports/esp32c3/p256.h"
#include "ports/virt/semihost.h"
#include "ports/virt/virt.h"
#include "recognition/digest.h"

#include <string.h>

#define PAINT 0xb1b1b1b1u

struct request
{
  uint8_t private_key[32];
  uint8_t hash[32];
  uint8_t fresh[32];
};

struct answer
{
  uint32_t instructions; /* of the signature */
  uint32_t instructions_key;
  uint32_t stack;
  uint32_t length;
  uint8_t signature[BPG_P256_SIGNATURE_MAX];
  uint8_t public_key[64];
};

typedef void (*measured) (void);

void virt_main (void) __attribute__ ((noreturn));
void virt_tell_trap (uint32_t cause, uint32_t where, uint32_t value, uint32_t stack)
  __attribute__ ((noreturn));

void
virt_tell_trap (uint32_t cause, uint32_t where, uint32_t value, uint32_t stack)
{
  semihost_exit (VIRT_STATUS_TRAP);
}

static uint32_t
sign (const struct request *request, struct answer *answer)
{
  return bpg_p256_sign (request->private_key, request->hash, request->fresh, bpg_bpm_digest,
                        answer->signature);
}

static uint32_t
stack_used (void)
{
  const uint32_t *word = virt_stack_low;

  while (word < virt_stack_high && *word == PAINT)
    word++;
  return (uint32_t) (virt_stack_high - word) * 4;
}

void
virt_main (void)
{
  static struct request request;
  static struct answer answer;
  int in = semihost_open ("/dev/stdin", 0);
  int out = semihost_open ("/dev/stdout", 1);

  while (semihost_read (in, &request, sizeof request) == sizeof request)
    {
      memset (&answer, 0, sizeof answer);
      for (uint32_t *word = virt_stack_low; word < virt_stack_high; word++)
        *word = PAINT;
      answer.length = virt_measure ((measured) sign, (uintptr_t) &request, (uintptr_t) &answer, 0,
                                    &answer.instructions);
      answer.stack = stack_used ();
      virt_measure ((measured) bpg_p256_public_key, (uintptr_t) request.private_key,
                    (uintptr_t) answer.public_key, 0, &answer.instructions_key);
      semihost_write (out, &answer, sizeof answer);
    }
  semihost_exit (VIRT_STATUS_DONE);
}
