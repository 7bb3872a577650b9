/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The cable: a pty whose other end a symbolic link names, or a descriptor
 * that was handed over. It can be unplugged, throttled, and made to lose,
 * double and flip bytes. While nobody has the other end open, what is sent is
 * lost, as on a real line.
 */

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim-random.h"

/* What waits for the line at most. */
#define SIM_LINE_OUT_SIZE 8192u
#define SIM_LINE_IN_SIZE 4096u

struct sim_line
{
  char *link;      /* symbolic link to the pty, or NULL */
  char *name;      /* of the pty */
  int fd;          /* -1 = unplugged */
  bool given;      /* fd was handed over: it is not replaced */
  bool peer;       /* somebody has the other end open */
  bool silent;     /* plugged in, and nothing goes either way */
  uint32_t baud;   /* 0 = no limit */
  uint32_t noise;  /* bytes in a million that are damaged */
  double credit_out; /* bytes the baud rate allows now */
  double credit_in;
  uint8_t out[SIM_LINE_OUT_SIZE];
  size_t out_length;
  uint8_t in[SIM_LINE_IN_SIZE];
  size_t in_length;
  struct sim_random random;
  guint64 sent;
  guint64 received;
};

/* Starts unplugged; @link is where the pty is to be linked from, or NULL. */
void sim_line_init (struct sim_line *line, const char *link, uint64_t seed);

/* Plugs in: a new pty. Returns false when there is none to be had. */
bool sim_line_plug (struct sim_line *line, GError **error);

/* Takes an open descriptor (a socket, a tty) as the line. */
bool sim_line_take_fd (struct sim_line *line, int fd, GError **error);

/* Unplugs: the other end sees a hang-up. */
void sim_line_unplug (struct sim_line *line);

/* Gives the time that passed, in microseconds, to the throttle, and finds out
 * whether somebody has opened or closed the other end. */
void sim_line_advance (struct sim_line *line, uint64_t microseconds);

/* Moves bytes between the line and the buffers, as far as they go. Returns
 * whether something came. */
bool sim_line_transfer (struct sim_line *line);

/* Sends what goes; whether much of it still waits for a reader who is there.
 * False on a throttled line, which is to be slow. */
bool sim_line_is_congested (struct sim_line *line);

/* Whether bytes that come could be taken in. */
bool sim_line_has_room_in (const struct sim_line *line);

/* The buffers as the control loop sees them. */
size_t sim_line_room (const struct sim_line *line);
void sim_line_write (struct sim_line *line, const uint8_t *bytes, size_t length);
size_t sim_line_read (struct sim_line *line, uint8_t *bytes, size_t capacity);
