/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-find.h"

/**
 * BpgTable:
 * @words: what the kind is called on the command line, plural first
 * @columns: what a list shows
 * @details: what `show` shows
 * @empty: sentence when there is none
 *
 * How each kind of thing is shown.
 */
typedef struct {
  const char *words[2];
  const char *daemon;
  const char *interface;
  const BpgField *columns;
  const BpgField *details;
  const char *empty;
} BpgTable;

#define BPG_N_TABLES 5

/**
 * bpg_table_get:
 * @thing: below BPG_N_TABLES
 */
const BpgTable *bpg_table_get (BpgThing thing);

/**
 * bpg_table_load:
 * @keep: (nullable): whether an object shall be listed
 *
 * Returns: (transfer full) (element-type GVariant): rows for the table's columns.
 */
GPtrArray *bpg_table_load (BpgCtl *ctl, const BpgTable *table, gboolean (*keep) (BpgObject *object, gpointer data),
                           gpointer data, GError **error);

/**
 * bpg_table_list:
 *
 * bpg_table_load() and print.
 */
gboolean bpg_table_list (BpgCtl *ctl, BpgThing thing, GError **error);
