/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The control socket: one line of text a command, one line of JSON an answer:
 * {"ok": true, …} or {"ok": false, "error": "…"}. Commands are what a person
 * or the world does to the arm; see the --help text.
 */

#include <glib.h>
#include <stdbool.h>

#include "simlimb.h"

/* Longest line that is read; a longer one is refused and closes. */
#define SIM_CONSOLE_LINE_MOST 4096u
#define SIM_CONSOLE_CLIENTS_MOST 16u

struct sim_console;

/* Listens at @path. The main loop @loop is quit on the command "quit". */
struct sim_console *sim_console_new (struct simlimb *arm, const char *path, GMainLoop *loop,
                                     GError **error);

/* Hangs up on all and removes the socket; NULL is nothing. */
void sim_console_free (struct sim_console *console);
