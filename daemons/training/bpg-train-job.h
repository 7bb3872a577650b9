/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-model-registry.h"

/**
 * BpgTrainRequest:
 * @recordings: object paths
 * @repetitions: (nullable) (element-type guint)
 * @from: (nullable): adapt this
 * @rival: (nullable): the model to beat, when the caller named it
 * @find_rival: nobody was named: it is the model on the arm, if it is known here
 * @note: may be empty
 *
 * A call of Train, checked.
 */
typedef struct {
  GStrv recordings;
  GArray *repetitions;
  BpgModelEntry *from;
  BpgModelEntry *rival;
  gboolean find_rival;
  guint window_ms;
  guint hop_ms;
  gboolean holdout;
  char *note;
} BpgTrainRequest;

BpgTrainRequest *bpg_train_request_new (void);
void bpg_train_request_free (BpgTrainRequest *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BpgTrainRequest, bpg_train_request_free)

/**
 * bpg_train_job_run:
 * @request: (transfer full): what to do
 *
 * Fetches the recordings, trains in a worker, keeps the model and ends @job, as org.bionicpro.Training1.Train tells.
 */
void bpg_train_job_run (BpgService *service, BpgModelRegistry *registry, BpgJob *job, BpgTrainRequest *request);

/**
 * bpg_evaluate_job_run:
 * @model: what is run over the recordings of @request
 *
 * As org.bionicpro.Training1.Evaluate tells.
 */
void bpg_evaluate_job_run (BpgService *service, BpgModelRegistry *registry, BpgJob *job, BpgModelEntry *model,
                           BpgTrainRequest *request);
