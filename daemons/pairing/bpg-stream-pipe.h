/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-stream.h"

#define BPG_TYPE_STREAM_PIPE (bpg_stream_pipe_get_type ())
G_DECLARE_FINAL_TYPE (BpgStreamPipe, bpg_stream_pipe, BPG, STREAM_PIPE, GObject)

/* A record; never longer than what a pipe takes in one piece. */
typedef struct {
  BpgStreamHeader header;
  guint8 body[1024];
} BpgStreamRecord;

/**
 * bpg_stream_pipe_new:
 * @buffer: bytes of pipe to ask the system for; what it grants may be less
 * @reader_fd: (out): the read end, for the reader
 *
 * The write end of one reader's pipe. Signal "closed": the reader has closed its end.
 */
BpgStreamPipe *bpg_stream_pipe_new (guint buffer, int *reader_fd, GError **error);

/**
 * bpg_stream_pipe_write:
 * @record: without what this reader missed; that is filled in
 *
 * Writes the record whole, or drops it when the pipe is full.
 *
 * Returns: how many samples were dropped.
 */
guint bpg_stream_pipe_write (BpgStreamPipe *self, BpgStreamRecord *record);

/**
 * bpg_stream_pipe_close:
 *
 * The reader sees the end of the stream behind what is still in the pipe.
 */
void bpg_stream_pipe_close (BpgStreamPipe *self);
