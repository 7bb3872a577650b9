/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-authority.h"

#include <gio/gio.h>

/**
 * BpgMethod:
 * @signal: the skeleton's signal, for example "handle-delete"
 * @action: (nullable): polkit action the caller needs, %NULL when everybody on the bus may call it
 * @func: what answers the call
 *
 * One row of the table of methods an interface has; the table ends with a row without signal.
 */
typedef struct {
  const char *signal;
  const char *action;
  BpgAuthorizedFunc func;
} BpgMethod;

/**
 * bpg_methods_connect:
 * @skeleton: the interface
 * @object: handed to each function; the handlers go with it
 * @subject: what polkit's dialog names, an object path
 * @table: must outlive @object
 *
 * Has every method of the table authorized, and then answered by its function.
 */
void bpg_methods_connect (gpointer skeleton, BpgAuthority *authority, GObject *object, const char *subject,
                          const BpgMethod *table);

/**
 * bpg_method_get_fd:
 * @handle: the "h" among the parameters
 *
 * Returns: the descriptor that came with the call (a duplicate, close it), or -1 with InvalidArgument.
 */
int bpg_method_get_fd (GDBusMethodInvocation *invocation, gint32 handle, GError **error);

/**
 * bpg_method_return_fd:
 * @fd: (transfer full): the only thing answered
 */
void bpg_method_return_fd (GDBusMethodInvocation *invocation, int fd);
