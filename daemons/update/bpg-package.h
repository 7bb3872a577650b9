/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-history.h"
#include "bpg-image-builder.h"
#include "bpg-signer.h"

/**
 * BpgPackageOrder:
 * @model_fd: the .bpm file, -1 to take the model out of @earlier
 * @model: SHA-256 (hex) that the file must have
 * @earlier: (nullable): a container that was made before for this arm and model
 * @folder: where containers lie
 * @last_version: packed; the container's must be higher
 *
 * What a container is made from.
 */
typedef struct {
  int model_fd;
  char *model;
  char *prosthesis;
  char *patient;
  char *hardware;
  char *side;
  BpgContainerRow *earlier;
  char *earlier_path;
  guint64 last_version;
} BpgPackageOrder;

void bpg_package_order_free (BpgPackageOrder *order);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BpgPackageOrder, bpg_package_order_free)

/**
 * BpgPackage:
 * @row: for the history
 * @fresh: it was made now, and its file has to be written
 */
typedef struct {
  GBytes *container;
  BpgContainerRow *row;
  gboolean fresh;
} BpgPackage;

void bpg_package_free (BpgPackage *package);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BpgPackage, bpg_package_free)

/**
 * bpg_package_make:
 *
 * The signed container of a model for an arm: the earlier one while its file is whole and its claims and key are still
 * right, so that an upload that was cut off goes on with the same bytes; else a new one. Blocks; for workers.
 *
 * Returns: (transfer full): the package, or %NULL with Corrupt (not a model, or not the one named), Incompatible
 *   (schema), VaultNoKey, NotFound (neither model nor container), Failed.
 */
BpgPackage *bpg_package_make (const BpgPackageOrder *order, BpgSigner *signer, GError **error);
