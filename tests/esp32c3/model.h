/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The registers of a chip that is not there: what the drivers see of it when
 * they are compiled with BPG_REGISTER_MODEL. This is a model. It holds a word
 * an address and knows no time: a test's peripheral changes words when they
 * are read and written, as the manual says the hardware does. An address that
 * no peripheral of the test has fails the test, and so do more accesses than
 * a driver that ends would make; how long something takes is counted in
 * accesses, never measured.
 */

#include <glib.h>

typedef struct
{
  guint32 base;
  guint32 size;
  /* Called before a word is read: may change it with model_poke(). */
  void (*before_read) (gpointer data, guint32 address);
  /* Called after a word was written. */
  void (*after_write) (gpointer data, guint32 address, guint32 before, guint32 value);
  gpointer data;
} ModelPeripheral;

/* Starts over: no peripheral, no word, no access counted. */
void model_reset (void);

/* Adds a peripheral; what it does not change is plain memory. */
void model_add (const ModelPeripheral *peripheral);

/* Plain memory. */
void model_add_memory (guint32 base,
                       guint32 size);

/* A word as the hardware sees it: not counted, nobody called. */
guint32 model_peek (guint32 address);
void model_poke (guint32 address,
                 guint32 value);

/* Accesses since the start or the last call. */
guint model_accesses (void);
