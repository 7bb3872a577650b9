/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/**
 * bpg_path_escape:
 * @id: any text, at most 128 bytes are used
 *
 * Returns: (transfer full): @id as one element of an object path: letters and digits as they are, every other byte as
 *   _XX; "_" alone for the empty text.
 */
char *bpg_path_escape (const char *id);

/**
 * bpg_path_build:
 * @root: for example BPG_PATH_PAIRING
 * @kind: for example "prosthesis"
 *
 * Returns: (transfer full): "ROOT/KIND/ESCAPED-ID".
 */
char *bpg_path_build (const char *root, const char *kind, const char *id);

/**
 * bpg_path_get_element:
 *
 * Returns: (transfer none) (nullable): what stands in @path after "ROOT/KIND/", still escaped, or %NULL when @path is
 *   not directly below it.
 */
const char *bpg_path_get_element (const char *path, const char *root, const char *kind);
