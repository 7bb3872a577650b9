/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Preloaded: gives every terminal the modem lines that pseudo terminals lack. What is set is sent to the ROM loader's
 * double, as two bytes (DTR, RTS) to the datagram socket $BIONICPRO_ROM_MODEM. */
#include <dlfcn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int lines;

static void
tell (void)
{
  const char bytes[2] = {(lines & TIOCM_DTR) != 0, (lines & TIOCM_RTS) != 0};
  const char *path = getenv ("BIONICPRO_ROM_MODEM");
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int fd = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

  if (path != NULL && strlen (path) < sizeof address.sun_path)
    {
      memcpy (address.sun_path, path, strlen (path));
      sendto (fd, bytes, sizeof bytes, 0, (const struct sockaddr *) &address, sizeof address);
    }
  close (fd);
}

int
ioctl (int fd, unsigned long request, ...)
{
  static int (*real) (int, unsigned long, ...);
  void *argument;
  va_list arguments;

  va_start (arguments, request);
  argument = va_arg (arguments, void *);
  va_end (arguments);
  if (request == TIOCMGET)
    {
      *(int *) argument = lines;
      return 0;
    }
  if (request == TIOCMSET)
    {
      lines = *(const int *) argument;
      tell ();
      return 0;
    }
  if (real == NULL)
    *(void **) &real = dlsym (RTLD_NEXT, "ioctl");
  return real (fd, request, argument);
}
