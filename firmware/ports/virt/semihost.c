/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "semihost.h"

#include <string.h>

#include "virt.h"

#define SYS_OPEN 0x01u
#define SYS_WRITE 0x05u
#define SYS_READ 0x06u
#define SYS_EXIT_EXTENDED 0x20u
#define APPLICATION_EXIT 0x20026u
#define MODE_READ 1u  /* "rb" */
#define MODE_WRITE 5u /* "wb" */

int
semihost_open (const char *path,
               int         write)
{
  uintptr_t arguments[] = { (uintptr_t) path, write ? MODE_WRITE : MODE_READ, strlen (path) };

  return (int) virt_semihost (SYS_OPEN, arguments);
}

/* A pipe gives what it has; the operation returns what is still missing. */
size_t
semihost_read (int    handle,
               void  *bytes,
               size_t length)
{
  size_t have = 0;

  while (have < length)
    {
      uintptr_t arguments[] = { (uintptr_t) handle, (uintptr_t) bytes + have, length - have };
      uintptr_t missing = virt_semihost (SYS_READ, arguments);

      if (missing >= length - have)
        break;
      have = length - missing;
    }
  return have;
}

void
semihost_write (int         handle,
                const void *bytes,
                size_t      length)
{
  size_t done = 0;

  while (done < length)
    {
      uintptr_t arguments[] = { (uintptr_t) handle, (uintptr_t) bytes + done, length - done };
      uintptr_t missing = virt_semihost (SYS_WRITE, arguments);

      if (missing >= length - done)
        semihost_exit (VIRT_STATUS_NOBODY);
      done = length - missing;
    }
}

void
semihost_exit (uint32_t status)
{
  uintptr_t arguments[] = { APPLICATION_EXIT, status };

  for (;;)
    virt_semihost (SYS_EXIT_EXTENDED, arguments);
}
