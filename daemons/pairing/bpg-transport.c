/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-transport.h"

G_DEFINE_INTERFACE (BpgTransport, bpg_transport, G_TYPE_OBJECT)

static void
bpg_transport_default_init (BpgTransportInterface *iface)
{
}

void
bpg_transport_start (BpgTransport *self, const BpgTransportFuncs *funcs, gpointer user_data)
{
  BPG_TRANSPORT_GET_IFACE (self)->start (self, funcs, user_data);
}

gboolean
bpg_transport_send (BpgTransport *self, const guint8 *bytes, gsize length)
{
  return BPG_TRANSPORT_GET_IFACE (self)->send (self, bytes, length);
}

void
bpg_transport_close (BpgTransport *self)
{
  BPG_TRANSPORT_GET_IFACE (self)->close (self);
}

const char *
bpg_transport_get_kind (BpgTransport *self)
{
  return BPG_TRANSPORT_GET_IFACE (self)->get_kind (self);
}

const char *
bpg_transport_get_name (BpgTransport *self)
{
  return BPG_TRANSPORT_GET_IFACE (self)->get_name (self);
}

guint
bpg_transport_get_speed (BpgTransport *self)
{
  return BPG_TRANSPORT_GET_IFACE (self)->get_speed (self);
}
