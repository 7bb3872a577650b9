/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-terminal.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static struct termios before;
static gboolean taken;

gboolean
bpg_terminal_take_keys (void)
{
  static gboolean registered;
  struct termios now;

  if (!isatty (STDIN_FILENO) || tcgetpgrp (STDIN_FILENO) != getpgrp () || tcgetattr (STDIN_FILENO, &before) != 0)
    return FALSE;
  now = before;
  now.c_lflag &= ~(tcflag_t) (ICANON | ECHO);
  now.c_cc[VMIN] = 0;
  now.c_cc[VTIME] = 0;
  if (tcsetattr (STDIN_FILENO, TCSANOW, &now) != 0)
    return FALSE;
  taken = TRUE;
  if (!registered)
    atexit (bpg_terminal_give_back);
  registered = TRUE;
  return TRUE;
}

void
bpg_terminal_give_back (void)
{
  if (taken)
    tcsetattr (STDIN_FILENO, TCSANOW, &before);
  taken = FALSE;
}

char
bpg_terminal_read_key (void)
{
  char keys[16];
  gssize length = taken ? read (STDIN_FILENO, keys, sizeof keys) : 0;

  return length == 1 ? keys[0] : 0;
}

void
bpg_terminal_get_size (int *columns, int *rows)
{
  struct winsize size;

  *columns = 80;
  *rows = 24;
  if (ioctl (STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
    *columns = size.ws_col;
    *rows = size.ws_row;
  }
}
