/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What can be said on the control socket. */

#include <glib.h>
#include <stdbool.h>

#include "simlimb.h"

/* Runs one command; returns its answer, one line of JSON without a newline.
 * Sets @quit when the process shall end. Hostile input. */
char *sim_console_run (struct simlimb *arm, const char *line, bool *quit);

/* The commands, for --help. */
const char *sim_console_help (void);
