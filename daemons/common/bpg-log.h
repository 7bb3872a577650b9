/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/**
 * bpg_log:
 * @level: G_LOG_LEVEL_DEBUG, _INFO, _MESSAGE, _WARNING
 * @object: what the line is about, an object path or a port; may be %NULL
 * @message_id: (nullable): a MESSAGE_ID of docs/catalog, for lines a person may want explained
 * @format: printf format; personal data never goes in, pseudonyms may
 *
 * One line of log that names its object, as structured fields in the journal (BIONICPRO_OBJECT=) and as text
 * elsewhere.
 */
void bpg_log (GLogLevelFlags level, const char *object, const char *message_id, const char *format, ...) G_GNUC_PRINTF (4, 5);

#define bpg_debug(object, ...) bpg_log (G_LOG_LEVEL_DEBUG, object, NULL, __VA_ARGS__)
#define bpg_info(object, ...) bpg_log (G_LOG_LEVEL_INFO, object, NULL, __VA_ARGS__)
#define bpg_notice(object, ...) bpg_log (G_LOG_LEVEL_MESSAGE, object, NULL, __VA_ARGS__)
#define bpg_warning(object, ...) bpg_log (G_LOG_LEVEL_WARNING, object, NULL, __VA_ARGS__)

/**
 * bpg_log_init:
 * @verbose: whether debug lines are wanted
 *
 * Sets up the writer: to the journal when standard error is connected to it, else coloured text on standard error.
 */
void bpg_log_init (gboolean verbose);
