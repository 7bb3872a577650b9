/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <sqlite3.h>

#define BPG_TYPE_STORE (bpg_store_get_type ())
G_DECLARE_FINAL_TYPE (BpgStore, bpg_store, BPG, STORE, GObject)

/**
 * bpg_store_new:
 * @path: the database file
 * @migrations: (array length=n_migrations): SQL scripts; number i brings schema i to i+1. Never change one that was
 *   released, add another.
 *
 * Opens (making it when needed) a SQLite file in WAL mode with synchronous=FULL and brings it to the newest schema. A
 * file that cannot be opened, fails its quick check or is of a newer schema is renamed to PATH.broken (or .broken.N)
 * and an empty one takes its place; bpg_store_get_quarantined() then names it.
 *
 * Returns: (transfer full): the store, or %NULL with NoSpace or Failed when not even an empty one could be made.
 */
BpgStore *bpg_store_new (const char *path, const char *const *migrations, guint n_migrations, GError **error);

/**
 * bpg_store_get_quarantined:
 *
 * Returns: (nullable): path of the file that was set aside at opening.
 */
const char *bpg_store_get_quarantined (BpgStore *self);

/**
 * bpg_store_exec:
 * @sql: any number of statements without parameters
 */
gboolean bpg_store_exec (BpgStore *self, const char *sql, GError **error);

/**
 * bpg_store_prepare:
 * @sql: one statement
 * @types: one letter a parameter: 's' const char* (NULL allowed), 'i' int, 'u' guint, 't' guint64, 'd' double,
 *   'b' GBytes* (NULL allowed)
 *
 * Returns: (transfer full): a statement with its parameters bound, or %NULL.
 */
sqlite3_stmt *bpg_store_prepare (BpgStore *self, GError **error, const char *sql, const char *types, ...);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (sqlite3_stmt, sqlite3_finalize)

/**
 * bpg_store_step:
 *
 * Returns: 1 when there is a row, 0 at the end, -1 with @error set.
 */
int bpg_store_step (BpgStore *self, sqlite3_stmt *statement, GError **error);

/**
 * bpg_store_run:
 *
 * Prepares, steps to the end and finalizes: for statements whose rows are of no interest.
 */
gboolean bpg_store_run (BpgStore *self, GError **error, const char *sql, const char *types, ...);

/**
 * bpg_store_get_last_id:
 *
 * Returns: the row id of the last insert.
 */
gint64 bpg_store_get_last_id (BpgStore *self);

/**
 * bpg_store_begin: bpg_store_commit: bpg_store_roll_back:
 *
 * One transaction; they do not nest. Whatever is inside is kept whole or not at all.
 */
gboolean bpg_store_begin (BpgStore *self, GError **error);
gboolean bpg_store_commit (BpgStore *self, GError **error);
void bpg_store_roll_back (BpgStore *self);
