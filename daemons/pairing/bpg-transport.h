/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#define BPG_TYPE_TRANSPORT (bpg_transport_get_type ())
G_DECLARE_INTERFACE (BpgTransport, bpg_transport, BPG, TRANSPORT, GObject)

/**
 * BpgTransportFuncs:
 * @received: bytes came in; they are the transport's and gone after the call
 * @closed: the line has ended by itself; called once, never after bpg_transport_close()
 *
 * Who listens. Plain functions, because @received is on the way of every sample.
 */
typedef struct {
  void (*received) (const guint8 *bytes, gsize length, gpointer user_data);
  void (*closed) (const GError *error, gpointer user_data);
} BpgTransportFuncs;

/**
 * BpgTransportInterface:
 * @start: begins to read; @funcs stays valid until @close
 * @send: puts bytes into the line; never blocks. %FALSE when its queue is full: the bytes are dropped whole
 * @close: ends it; no function is called any more
 * @get_kind: `usb`, `serial`, `bluetooth`
 * @get_name: for people: the device or address
 * @get_speed: bytes per second when the line is a slow one, 0 when it does not matter
 *
 * One byte stream to one device, whatever carries it. Everything above a link is the same for all of them.
 */
struct _BpgTransportInterface {
  GTypeInterface parent;

  void (*start) (BpgTransport *self, const BpgTransportFuncs *funcs, gpointer user_data);
  gboolean (*send) (BpgTransport *self, const guint8 *bytes, gsize length);
  void (*close) (BpgTransport *self);
  const char *(*get_kind) (BpgTransport *self);
  const char *(*get_name) (BpgTransport *self);
  guint (*get_speed) (BpgTransport *self);
};

void bpg_transport_start (BpgTransport *self, const BpgTransportFuncs *funcs, gpointer user_data);
gboolean bpg_transport_send (BpgTransport *self, const guint8 *bytes, gsize length);
void bpg_transport_close (BpgTransport *self);
const char *bpg_transport_get_kind (BpgTransport *self);
const char *bpg_transport_get_name (BpgTransport *self);
guint bpg_transport_get_speed (BpgTransport *self);
