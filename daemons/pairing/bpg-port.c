/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-port.h"

#include "bpg-error.h"
#include "bpg-handshake.h"
#include "bpg-log.h"
#include "bpg-serial.h"

/* A line that is not there costs nothing to look at; one that was there a moment ago often comes back. */
#define SOON_MILLISECONDS 200u
#define ABSENT_MILLISECONDS 1000u
#define FIRST_MILLISECONDS 1000u
#define LAST_MILLISECONDS 15000u
/* A connection that ends sooner counts as an attempt that failed. */
#define GOOD_USEC (5 * G_USEC_PER_SEC)

struct _BpgPort {
  GObject parent_instance;

  char *path;
  char *kind;
  guint baud;
  BpgMaker *maker;
  gboolean stopped;
  guint retry_id;
  guint failures; /* attempts in a row */
  gint64 accepted; /* monotonic, µs */
  BpgLink *link;
  GCancellable *cancellable; /* of the handshake */

  const char *state;
  char *prosthesis;
  GError *error;
};

G_DEFINE_FINAL_TYPE (BpgPort, bpg_port, G_TYPE_OBJECT)

enum { SIGNAL_CHANGED, SIGNAL_PROVED, N_SIGNALS };
static guint signals[N_SIGNALS];

static void try (BpgPort *self);

static void
drop_link (BpgPort *self, const GError *error)
{
  g_autoptr (BpgLink) link = g_steal_pointer (&self->link);

  g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);
  if (link == NULL)
    return;
  g_signal_handlers_disconnect_by_data (link, self);
  bpg_link_close (link, error);
}

void
bpg_port_stop (BpgPort *self)
{
  g_autoptr (GError) error = g_error_new_literal (BPG_ERROR, BPG_ERROR_DISCONNECTED, "The line was closed");

  self->stopped = TRUE;
  g_clear_handle_id (&self->retry_id, g_source_remove);
  drop_link (self, error);
}

static void
bpg_port_dispose (GObject *object)
{
  bpg_port_stop (BPG_PORT (object));
  g_clear_object (&BPG_PORT (object)->maker);
  G_OBJECT_CLASS (bpg_port_parent_class)->dispose (object);
}

static void
bpg_port_finalize (GObject *object)
{
  BpgPort *self = BPG_PORT (object);

  g_free (self->path);
  g_free (self->kind);
  g_free (self->prosthesis);
  g_clear_error (&self->error);
  G_OBJECT_CLASS (bpg_port_parent_class)->finalize (object);
}

static void
bpg_port_class_init (BpgPortClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = bpg_port_dispose;
  G_OBJECT_CLASS (klass)->finalize = bpg_port_finalize;
  signals[SIGNAL_CHANGED] =
    g_signal_new ("changed", BPG_TYPE_PORT, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[SIGNAL_PROVED] = g_signal_new ("proved", BPG_TYPE_PORT, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 2,
                                         BPG_TYPE_LINK, G_TYPE_POINTER);
}

static void
bpg_port_init (BpgPort *self)
{
  self->state = "opening";
}

BpgPort *
bpg_port_new (const char *path, const char *kind, guint baud, BpgMaker *maker)
{
  BpgPort *self = g_object_new (BPG_TYPE_PORT, NULL);

  self->path = g_strdup (path);
  self->kind = g_strdup (kind);
  self->baud = baud;
  g_set_object (&self->maker, maker);
  return self;
}

static void
set_state (BpgPort *self, const char *state, const char *prosthesis, const GError *error)
{
  gboolean same = g_str_equal (self->state, state) && g_strcmp0 (self->prosthesis, prosthesis) == 0 &&
                  (self->error == NULL) == (error == NULL) &&
                  (error == NULL || g_str_equal (self->error->message, error->message));
  GError *kept = error != NULL ? g_error_copy (error) : NULL;
  char *owned = g_strdup (prosthesis);

  self->state = state;
  g_free (self->prosthesis);
  self->prosthesis = owned;
  g_clear_error (&self->error);
  self->error = kept;
  if (!same)
    g_signal_emit (self, signals[SIGNAL_CHANGED], 0);
}

static gboolean
on_retry (gpointer user_data)
{
  BpgPort *self = user_data;

  self->retry_id = 0;
  try (self);
  return G_SOURCE_REMOVE;
}

static void
retry_in (BpgPort *self, guint milliseconds)
{
  g_clear_handle_id (&self->retry_id, g_source_remove);
  if (self->stopped)
    return;
  if (milliseconds >= 1000 && milliseconds % 1000 == 0)
    self->retry_id = g_timeout_add_seconds (milliseconds / 1000, on_retry, self);
  else
    self->retry_id = g_timeout_add (milliseconds, on_retry, self);
}

/* Twice as long after each attempt that failed. */
static void
retry_later (BpgPort *self)
{
  guint delay = FIRST_MILLISECONDS << MIN (self->failures, 10u);

  self->failures++;
  retry_in (self, MIN (delay, LAST_MILLISECONDS));
}

static gboolean
is_absent (const GError *error)
{
  return g_error_matches (error, BPG_ERROR, BPG_ERROR_NOT_FOUND) ||
         g_error_matches (error, BPG_ERROR, BPG_ERROR_DISCONNECTED);
}

/* What a failed handshake says about the device. */
static const char *
judge (BpgPort *self, const GError *error)
{
  BpgLinkCounters counters;

  bpg_link_get_counters (self->link, &counters);
  if (g_error_matches (error, BPG_ERROR, BPG_ERROR_TIMED_OUT))
    return counters.bytes == 0 ? "silent" : "foreign";
  if (g_error_matches (error, BPG_ERROR, BPG_ERROR_WRONG_PROSTHESIS) || is_absent (error))
    return "failed";
  return "foreign";
}

static void
fail (BpgPort *self, const char *state, const GError *error)
{
  g_autoptr (BpgPort) owned = g_object_ref (self);

  bpg_debug (self->path, "%s: %s", state, error->message);
  drop_link (self, error);
  set_state (self, state, NULL, error);
  if (is_absent (error))
    retry_in (self, ABSENT_MILLISECONDS);
  else
    retry_later (self);
}

static void
on_handshake (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BpgPort) self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (BpgArmIdentity) identity = bpg_handshake_finish (BPG_LINK (source), result, &error);

  if (self->link != BPG_LINK (source) || self->stopped)
    return;
  if (identity == NULL)
    fail (self, judge (self, error), error);
  else
    g_signal_emit (self, signals[SIGNAL_PROVED], 0, self->link, identity);
}

/* The line ended under a prosthesis, or under a handshake, which then fails by itself. */
static void
on_link_closed (BpgLink *link, const GError *error, gpointer user_data)
{
  g_autoptr (BpgPort) self = g_object_ref (user_data);

  if (self->prosthesis == NULL)
    return;
  if (g_get_monotonic_time () - self->accepted >= GOOD_USEC)
    self->failures = 0;
  if (!g_error_matches (error, BPG_ERROR, BPG_ERROR_DISCONNECTED) || self->failures > 1) {
    fail (self, g_error_matches (error, BPG_ERROR, BPG_ERROR_TIMED_OUT) ? "silent" : "failed", error);
    return;
  }
  g_signal_handlers_disconnect_by_data (link, self);
  g_clear_object (&self->link);
  self->failures++;
  set_state (self, "opening", NULL, NULL);
  retry_in (self, SOON_MILLISECONDS);
}

static void
try (BpgPort *self)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (BpgSerial) serial = bpg_serial_open (self->path, self->kind, self->baud, &error);

  if (serial == NULL) {
    fail (self, "failed", error);
    return;
  }
  self->link = bpg_link_new (BPG_TRANSPORT (serial));
  self->cancellable = g_cancellable_new ();
  g_signal_connect (self->link, "closed", G_CALLBACK (on_link_closed), self);
  /* A line that has been silent for an hour does not flicker in Ports. */
  if (self->failures == 0)
    set_state (self, "identifying", NULL, NULL);
  bpg_handshake_async (self->link, self->maker, self->cancellable, on_handshake, g_object_ref (self));
}

void
bpg_port_start (BpgPort *self)
{
  try (self);
}

void
bpg_port_set_baud (BpgPort *self, guint baud)
{
  g_autoptr (GError) error = g_error_new_literal (BPG_ERROR, BPG_ERROR_DISCONNECTED, "The line's speed was changed");

  if (self->baud == baud)
    return;
  self->baud = baud;
  self->failures = 0;
  drop_link (self, error);
  set_state (self, "opening", NULL, NULL);
  retry_in (self, SOON_MILLISECONDS);
}

const char *
bpg_port_get_path (BpgPort *self)
{
  return self->path;
}

gboolean
bpg_port_has_failed (BpgPort *self)
{
  return g_str_equal (self->state, "failed");
}

gboolean
bpg_port_is_settled (BpgPort *self)
{
  return !g_str_equal (self->state, "opening") && !g_str_equal (self->state, "identifying");
}

const GError *
bpg_port_get_error (BpgPort *self)
{
  return self->error;
}

void
bpg_port_accept (BpgPort *self, const char *prosthesis)
{
  self->accepted = g_get_monotonic_time ();
  set_state (self, "prosthesis", prosthesis, NULL);
}

void
bpg_port_stand_by (BpgPort *self, const char *prosthesis, const char *message)
{
  g_autoptr (GError) error = g_error_new_literal (BPG_ERROR, BPG_ERROR_BUSY, message);

  drop_link (self, error);
  set_state (self, "prosthesis", prosthesis, error);
  retry_in (self, LAST_MILLISECONDS);
}

void
bpg_port_refuse (BpgPort *self, const GError *error)
{
  fail (self, "failed", error);
}

GVariant *
bpg_port_describe (BpgPort *self)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&builder, "{sv}", "path", g_variant_new_string (self->path));
  g_variant_builder_add (&builder, "{sv}", "transport", g_variant_new_string (self->kind));
  g_variant_builder_add (&builder, "{sv}", "state", g_variant_new_string (self->state));
  if (self->prosthesis != NULL)
    g_variant_builder_add (&builder, "{sv}", "prosthesis", g_variant_new_object_path (self->prosthesis));
  if (self->error != NULL) {
    g_variant_builder_add (&builder, "{sv}", "error", g_variant_new_string (bpg_error_get_name (self->error->code)));
    g_variant_builder_add (&builder, "{sv}", "message", g_variant_new_string (self->error->message));
  }
  return g_variant_builder_end (&builder);
}
