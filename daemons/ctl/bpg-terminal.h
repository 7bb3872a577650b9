/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/**
 * bpg_terminal_take_keys:
 *
 * Lets single keys come through standard input at once and unseen, when it is a terminal. What was set before comes back
 * at bpg_terminal_give_back(), at exit, and when a signal ends the program.
 *
 * Returns: whether it is a terminal.
 */
gboolean bpg_terminal_take_keys (void);

/**
 * bpg_terminal_give_back:
 */
void bpg_terminal_give_back (void);

/**
 * bpg_terminal_read_key:
 *
 * Returns: the next key without waiting, 0 when none was pressed or it is one of several bytes (which are thrown away).
 */
char bpg_terminal_read_key (void);

/**
 * bpg_terminal_get_size:
 *
 * Size of the terminal at standard output, 80 x 24 when that is none.
 */
void bpg_terminal_get_size (int *columns, int *rows);

/**
 * bpg_terminal_ask_secret:
 * @answer: (out): room for a line, with its terminating zero
 *
 * Asks a person at the program's terminal, wherever standard input and output go; nothing is seen of what is typed.
 * Waits until it is there.
 *
 * Returns: whether something was typed; %FALSE without a terminal, and when it was given up with Ctrl-C or Ctrl-D.
 */
gboolean bpg_terminal_ask_secret (const char *question, char *answer, gsize size);
