/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-package.h"

#include "bpg-error.h"
#include "bpg-file.h"

#include "recognition/bpm.h"

#include <string.h>
#include <unistd.h>

#define CONTAINER_LIMIT (BPG_BPM_LENGTH_MAX + 4096u)

void
bpg_package_order_free (BpgPackageOrder *order)
{
  if (order->model_fd >= 0)
    close (order->model_fd);
  g_free (order->model);
  g_free (order->prosthesis);
  g_free (order->patient);
  g_free (order->hardware);
  g_free (order->side);
  g_clear_pointer (&order->earlier, bpg_container_row_free);
  g_free (order->earlier_path);
  g_free (order);
}

void
bpg_package_free (BpgPackage *package)
{
  g_clear_pointer (&package->container, g_bytes_unref);
  g_clear_pointer (&package->row, bpg_container_row_free);
  g_free (package);
}

static char *
hash_key (BpgSigner *signer)
{
  g_autoptr (GBytes) key = bpg_signer_get_public_key (signer);

  return g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, key);
}

/* The model of an earlier container, when that is whole. */
static GBytes *
read_earlier (const BpgPackageOrder *order, GBytes **container)
{
  g_autoptr (GBytes) bytes =
    order->earlier_path != NULL ? bpg_file_read (order->earlier_path, CONTAINER_LIMIT, NULL) : NULL;
  g_autoptr (GBytes) model = bytes != NULL ? bpg_image_get_payload (bytes, NULL) : NULL;
  g_autofree char *hash = model != NULL ? g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, model) : NULL;

  if (g_strcmp0 (hash, order->model) != 0)
    return NULL;
  *container = g_steal_pointer (&bytes);
  return g_steal_pointer (&model);
}

static GBytes *
read_model (const BpgPackageOrder *order, GError **error)
{
  g_autoptr (GBytes) model = NULL;
  g_autofree char *hash = NULL;

  if (order->model_fd < 0) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_NOT_FOUND, "Model %s is no longer kept", order->model);
    return NULL;
  }
  model = bpg_file_read_fd (order->model_fd, BPG_BPM_LENGTH_MAX, error);
  if (model == NULL)
    return NULL;
  hash = g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, model);
  if (!g_str_equal (hash, order->model)) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, "What was handed out is not model %s", order->model);
    return NULL;
  }
  return g_steal_pointer (&model);
}

static gboolean
check_model (GBytes *model, GError **error)
{
  struct bpg_bpm parsed;
  int rc = bpg_bpm_parse (g_bytes_get_data (model, NULL), g_bytes_get_size (model), &parsed);

  if (rc == 0)
    return TRUE;
  g_set_error (error, BPG_ERROR, rc == BPG_BPM_ESCHEMA ? BPG_ERROR_INCOMPATIBLE : BPG_ERROR_CORRUPT, "The model: %s",
               bpg_bpm_strerror (rc));
  return FALSE;
}

static gboolean
is_earlier_right (const BpgPackageOrder *order, const char *key)
{
  const BpgContainerRow *row = order->earlier;

  return g_str_equal (row->key, key) && g_str_equal (row->hardware, order->hardware) &&
         g_str_equal (row->side, order->side);
}

static BpgPackage *
sign (const BpgPackageOrder *order, BpgSigner *signer, GBytes *model, const char *key, GError **error)
{
  BpgImageVersion above = bpg_image_version_unpack (order->last_version);
  BpgImageClaims claims = {order->hardware, order->side, BPG_BPM_SCHEMA,
                           bpg_image_version_from_time ((guint64) g_get_real_time (), &above)};
  g_autoptr (BpgPackage) package = g_new0 (BpgPackage, 1);
  BpgContainerRow *row = g_new0 (BpgContainerRow, 1);
  guint8 hash[BPG_HASH_LENGTH];

  package->row = row;
  package->fresh = TRUE;
  if (!check_model (model, error))
    return NULL;
  package->container = bpg_image_build (model, &claims, bpg_signer_get_key (signer), hash, error);
  if (package->container == NULL)
    return NULL;
  row->image = bpg_hash_to_hex (hash);
  row->prosthesis = g_strdup (order->prosthesis);
  row->patient = g_strdup (order->patient);
  row->model = g_strdup (order->model);
  row->hardware = g_strdup (order->hardware);
  row->side = g_strdup (order->side);
  row->key = g_strdup (key);
  row->version = bpg_image_version_pack (&claims.version);
  return g_steal_pointer (&package);
}

BpgPackage *
bpg_package_make (const BpgPackageOrder *order, BpgSigner *signer, GError **error)
{
  g_autoptr (GBytes) container = NULL;
  g_autoptr (GBytes) model = order->earlier != NULL ? read_earlier (order, &container) : NULL;
  g_autofree char *key = NULL;

  if (!bpg_signer_ensure (signer, error))
    return NULL;
  key = hash_key (signer);
  if (model != NULL && is_earlier_right (order, key)) {
    BpgPackage *package = g_new0 (BpgPackage, 1);

    package->container = g_steal_pointer (&container);
    package->row = bpg_container_row_copy (order->earlier);
    return package;
  }
  if (model == NULL)
    model = read_model (order, error);
  return model != NULL ? sign (order, signer, model, key, error) : NULL;
}
