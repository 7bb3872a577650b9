/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-terminal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define CONTROL(letter) ((letter) & 0x1f)
#define DELETE 0x7f

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

/* Reads a line from a terminal that shows nothing, turns nothing into signals and gives every byte at once. */
static gboolean
read_line (int fd, char *line, gsize size)
{
  gsize length = 0;
  char byte;

  while (read (fd, &byte, 1) == 1 && byte != '\n' && byte != '\r') {
    if (byte == CONTROL ('C') || byte == CONTROL ('D'))
      return FALSE;
    if (byte == CONTROL ('U'))
      length = 0;
    else if (byte == DELETE || byte == CONTROL ('H'))
      length -= length > 0;
    else if (length + 1 < size)
      line[length++] = byte;
    else
      return FALSE;
  }
  line[length] = '\0';
  return length > 0;
}

gboolean
bpg_terminal_ask_secret (const char *question, char *answer, gsize size)
{
  int fd = open ("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
  struct termios now, shown;
  gboolean answered;

  if (fd < 0)
    return FALSE;
  if (tcgetattr (fd, &shown) != 0) {
    close (fd);
    return FALSE;
  }
  now = shown;
  now.c_lflag &= ~(tcflag_t) (ICANON | ECHO | ISIG);
  now.c_cc[VMIN] = 1;
  now.c_cc[VTIME] = 0;
  answered = tcsetattr (fd, TCSAFLUSH, &now) == 0 && write (fd, question, strlen (question)) > 0 &&
             read_line (fd, answer, size);
  tcsetattr (fd, TCSAFLUSH, &shown);
  if (write (fd, "\n", 1) < 0)
    answered = FALSE;
  close (fd);
  return answered;
}
