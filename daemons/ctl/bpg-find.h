/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-bus.h"

/* People type beginnings of names; these find the one thing meant. */

typedef enum {
  BPG_THING_PROSTHESIS,
  BPG_THING_PATIENT,
  BPG_THING_RECORDING,
  BPG_THING_MODEL,
  BPG_THING_SESSION,
  BPG_THING_JOB,
  BPG_THING_FIRMWARE,
} BpgThing;

/**
 * bpg_ctl_find:
 * @typed: (nullable): a whole name, its unique beginning, or an object path; %NULL: the only one there is
 *
 * Returns: (transfer full): the thing; %NULL with NotFound, or with BPG_CTL_ERROR_AMBIGUOUS and a list of those that
 *   could be meant.
 */
BpgObject *bpg_ctl_find (BpgCtl *ctl, BpgThing thing, const char *typed, GError **error);

/**
 * bpg_ctl_find_all:
 * @typed: (array zero-terminated=1): as bpg_ctl_find(), at least one
 *
 * Returns: (transfer full): their object paths, ao.
 */
GVariant *bpg_ctl_find_all (BpgCtl *ctl, BpgThing thing, const char *const *typed, GError **error);

/**
 * bpg_ctl_find_beside:
 * @daemon: @interface: for example "update" and "Slots1"
 * @prosthesis: path of a Prosthesis1
 *
 * Returns: (transfer full) (nullable): what another daemon exports about the same prosthesis; %NULL without an error
 *   when it has nothing, or is not there.
 */
BpgObject *bpg_ctl_find_beside (BpgCtl *ctl, const char *daemon, const char *interface, const char *prosthesis);

/**
 * bpg_ctl_get_name:
 *
 * Returns: (transfer full): what people call the object at @path: its last element, unescaped.
 */
char *bpg_ctl_get_name (const char *path);

/**
 * bpg_ctl_print_made:
 * @reply: "(o)", what a method has made
 *
 * Prints its name for a person, name and path in a document for a program.
 */
void bpg_ctl_print_made (BpgCtl *ctl, GVariant *reply);

/**
 * bpg_ctl_delete_all:
 * @method: interface and method that deletes one, for example "Model1.Delete"
 *
 * Deletes every thing the verb's arguments name; none when one of the names is wrong.
 */
gboolean bpg_ctl_delete_all (BpgCtl *ctl, BpgThing thing, const char *method, GError **error);
