/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-find.h"
#include "bpg-recording-file.h"

/**
 * BpgOpened:
 * @file: the recording
 * @container: (nullable): its .bpr, when it came from recordsd
 * @stem: what a file of it would be called
 * @info: for an EDF file; its strings belong to this
 * @generated: its signals were generated, not measured
 *
 * A recording from a file or from recordsd, with what is told about it.
 */
typedef struct {
  BpgRecordingFile *file;
  GBytes *container;
  char *stem;
  char *patient;
  char *prosthesis;
  char *filters;
  BpgEdfInfo info;
  gboolean generated;
} BpgOpened;

void bpg_opened_free (BpgOpened *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BpgOpened, bpg_opened_free)

/**
 * bpg_ctl_open:
 * @typed: a file (.json, .bpr, .edf, .csv), or a recording of recordsd as bpg_ctl_find()
 *
 * Returns: (transfer full): or %NULL.
 */
BpgOpened *bpg_ctl_open (BpgCtl *ctl, const char *typed, GError **error);

/**
 * bpg_ctl_take_training_error:
 * @error: (transfer full): of #BpgTrainingError
 *
 * Turns an error of the libraries that work on files into one with a name on the bus.
 *
 * Returns: %FALSE always.
 */
gboolean bpg_ctl_take_training_error (GError **dest, GError *error);
