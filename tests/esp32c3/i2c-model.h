/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A model of the I2C controller and of the bus behind it. It works a list of
 * commands off when it is started, as the manual has it: start, write with
 * the acknowledgements checked, read, stop, and the end that leaves the clock
 * held; without an acknowledgement it leaves the list without a stop. The
 * FIFOs hold 32 bytes, and one byte more is an error of the driver. Slaves
 * are functions of the test.
 */

#include <glib.h>

typedef struct
{
  guint8 address;
  /* The slave is addressed: whether it acknowledges. */
  gboolean (*start) (gpointer data, gboolean to_read);
  /* It gets a byte: whether it acknowledges. */
  gboolean (*write) (gpointer data, guint8 byte);
  /* It gives one. */
  guint8 (*read) (gpointer data);
  void (*stop) (gpointer data);
  gpointer data;
} ModelSlave;

typedef struct
{
  gboolean never_ends;   /* the controller does nothing when started */
  gboolean times_out;    /* a slave holds the clock */
  gboolean data_held;    /* a slave holds the data line until nine clocks came */
  gboolean held_for_ever;
  gboolean never_stops;  /* after a byte that was not acknowledged */
  gboolean loses_bytes;  /* the count of received bytes is one short */
  guint recoveries;      /* how often nine clocks came */
  guint starts;          /* of lists */
} ModelI2cFaults;

extern ModelI2cFaults model_i2c;

/* Adds the controller to the model, with no slave and no fault. */
void model_i2c_add (void);

void model_i2c_add_slave (const ModelSlave *slave);
