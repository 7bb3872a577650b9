/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

/* What travels in the pipe of Prosthesis1.OpenStream; dbus/org.bionicpro.Prosthesis1.xml is the definition. Little-endian
 * on the wire and, as every machine the gateway runs on, in memory. */

#define BPG_STREAM_MAGIC 0x31535042u
#define BPG_STREAM_MAX_BODY 4096u

typedef enum {
  BPG_STREAM_SAMPLES = 1,
  BPG_STREAM_DECISION = 2,
  BPG_STREAM_EVENT = 3,
} BpgStreamType;

typedef struct {
  guint32 magic;
  guint16 header_size;
  guint16 type;
  guint32 length; /* bytes of body */
  guint32 sequence;
  guint64 tick;         /* µs, the arm's clock, of the last sample in it */
  guint64 monotonic;    /* µs, arrival */
  guint64 real;         /* µs, arrival */
  guint64 first_sample; /* index since the stream epoch */
  guint32 count;        /* samples per electrode */
  guint16 channels;
  guint16 dead;    /* mask of electrodes the arm takes for dead */
  guint32 lost;    /* samples missing just before this record, on the link */
  guint32 dropped; /* samples this reader missed just before it by reading too slowly */
} BpgStreamHeader;

G_STATIC_ASSERT (sizeof (BpgStreamHeader) == 64);
G_STATIC_ASSERT (G_BYTE_ORDER == G_LITTLE_ENDIAN);

typedef struct {
  guint32 sample; /* index of the last sample used */
  guint8 raw;     /* movement codes */
  guint8 movement;
  guint8 flags;
  guint8 reserved;
  guint16 confidence; /* 0 to 1000 */
  guint16 speed;      /* 0 to 1000 */
  gint32 distance;    /* Q8 */
  guint32 latency;    /* µs, last sample to actuator command */
} BpgStreamDecision;

G_STATIC_ASSERT (sizeof (BpgStreamDecision) == 20);

typedef struct {
  guint32 kind;
  guint32 a;
  guint32 b;
} BpgStreamEvent;

#define BPG_TYPE_STREAM_READER (bpg_stream_reader_get_type ())
G_DECLARE_FINAL_TYPE (BpgStreamReader, bpg_stream_reader, BPG, STREAM_READER, GObject)

/**
 * BpgStreamFunc:
 * @header: the record's header
 * @body: @header->length bytes, aligned for its type
 *
 * Called on the thread-default main context of whoever made the reader.
 */
typedef void (*BpgStreamFunc) (BpgStreamReader *reader, const BpgStreamHeader *header, const void *body,
                               gpointer user_data);

/**
 * BpgStreamEndFunc:
 * @error: %NULL at the stream's ordinary end (the arm left), else Corrupt or Failed
 *
 * Called once, last.
 */
typedef void (*BpgStreamEndFunc) (BpgStreamReader *reader, const GError *error, gpointer user_data);

/**
 * bpg_stream_reader_new:
 * @fd: (transfer full): read end of the pipe
 *
 * Reads records until the end of the stream or until it is stopped.
 */
BpgStreamReader *bpg_stream_reader_new (int fd, BpgStreamFunc func, BpgStreamEndFunc end_func, gpointer user_data);

/**
 * bpg_stream_reader_stop:
 *
 * Closes the pipe; no callback comes after it.
 */
void bpg_stream_reader_stop (BpgStreamReader *self);
