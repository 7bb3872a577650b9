/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-pin.h"

#include "bpg-signing-key.h"
#include "bpg-terminal.h"

gboolean
bpg_pin_get (const char *token, gboolean last, char *pin, gsize size, gpointer user_data, GError **error)
{
  const BpgPin *self = user_data;
  g_autofree char *question = NULL;

  if (self->file != NULL)
    return bpg_pin_read_file (self->file, pin, size, error);
  if (!self->may_ask)
    return FALSE;
  question = g_strdup_printf (last ? _("PIN of '%s' (it locks itself when this one is wrong): ") : _("PIN of '%s': "),
                              token);
  return bpg_terminal_ask_secret (question, pin, size);
}
