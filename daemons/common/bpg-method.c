/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-method.h"

#include "bpg-error.h"

#include <gio/gunixfdlist.h>
#include <unistd.h>

typedef struct {
  BpgAuthority *authority;
  GObject *object; /* not owned: the handler is disconnected when it goes */
  char *subject;
  const BpgMethod *method;
} Binding;

static void
binding_free (gpointer data, GClosure *closure)
{
  Binding *binding = data;

  g_object_unref (binding->authority);
  g_free (binding->subject);
  g_free (binding);
}

/* Swapped: the arguments between @invocation and the skeleton differ from method to method and are not looked at. */
static gboolean
on_call (Binding *binding, GDBusMethodInvocation *invocation)
{
  const char *details[] = {"object", binding->subject, NULL};

  if (binding->method->action == NULL)
    binding->method->func (binding->object, invocation, g_dbus_method_invocation_get_parameters (invocation));
  else
    bpg_authority_authorize (binding->authority, invocation, binding->method->action, details, binding->object,
                             binding->method->func);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

void
bpg_methods_connect (gpointer skeleton, BpgAuthority *authority, GObject *object, const char *subject,
                     const BpgMethod *table)
{
  for (const BpgMethod *method = table; method->signal != NULL; method++) {
    Binding *binding = g_new0 (Binding, 1);
    GClosure *closure;

    binding->authority = g_object_ref (authority);
    binding->object = object;
    binding->subject = g_strdup (subject);
    binding->method = method;
    closure = g_cclosure_new_swap (G_CALLBACK (on_call), binding, binding_free);
    g_object_watch_closure (object, closure);
    g_signal_connect_closure (skeleton, method->signal, closure, FALSE);
  }
}

int
bpg_method_get_fd (GDBusMethodInvocation *invocation, gint32 handle, GError **error)
{
  GUnixFDList *list = g_dbus_message_get_unix_fd_list (g_dbus_method_invocation_get_message (invocation));
  GError *local = NULL;
  int fd;

  if (list == NULL || handle < 0 || handle >= g_unix_fd_list_get_length (list)) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "No file descriptor came with the call");
    return -1;
  }
  fd = g_unix_fd_list_get (list, handle, &local);
  if (fd < 0)
    bpg_error_take (error, local, "Taking the file descriptor");
  return fd;
}

void
bpg_method_return_fd (GDBusMethodInvocation *invocation, int fd)
{
  g_autoptr (GUnixFDList) list = g_unix_fd_list_new_from_array (&fd, 1);

  g_dbus_method_invocation_return_value_with_unix_fd_list (invocation, g_variant_new ("(h)", 0), list);
}
