/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* One line of progress on standard error, when that is a terminal. */

/**
 * bpg_progress_is_wanted:
 *
 * Returns: whether standard error is a terminal that can move its cursor.
 */
gboolean bpg_progress_is_wanted (void);

/**
 * bpg_progress_show:
 * @fraction: 0 to 1, or negative while unknown
 * @detail: what it is at
 *
 * Draws the line anew.
 */
void bpg_progress_show (const char *title, double fraction, const char *detail);

/**
 * bpg_progress_clear:
 *
 * Takes the line away, so that something else can be printed.
 */
void bpg_progress_clear (void);

/**
 * bpg_progress_bar:
 * @cells: columns
 *
 * Returns: (transfer full): a bar of so many columns, in eighths of a column.
 */
char *bpg_progress_bar (double fraction, guint cells);
