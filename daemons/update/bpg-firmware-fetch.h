/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-firmware-folder.h"

/**
 * BpgFirmwareFetchFunc:
 * @phase: `connecting`, `downloading` or `verifying`
 * @progress: 0 to 1 of the whole
 *
 * Called in the worker.
 */
typedef void (*BpgFirmwareFetchFunc) (const char *phase, double progress, gpointer user_data);

/**
 * BpgFirmwareFetch:
 * @url: HTTPS, see bpg_firmware_fetch_check()
 * @fetched: (out): bytes of the container that came over the network
 * @unchanged: (out): it was here already, and the server says that it is still the same
 *
 * One fetching of a container.
 */
typedef struct {
  BpgFirmwareSettings *settings;
  const char *url;
  BpgFirmwareFetchFunc func;
  gpointer user_data;
  GCancellable *cancellable;

  guint64 fetched;
  gboolean unchanged;
} BpgFirmwareFetch;

/**
 * bpg_firmware_fetch_check:
 *
 * Whether that is an address that may be fetched from: https, with a host, without a name or password in it.
 *
 * Returns: %FALSE with InvalidArgument.
 */
gboolean bpg_firmware_fetch_check (const char *url, GError **error);

/**
 * bpg_firmware_fetch:
 *
 * Fetches a container, verifies it and keeps it (bpg_firmware_folder_keep()). What was fetched of it before a cut is
 * not fetched again as long as the server's strong ETag is the same (RFC 9110, If-Range), and nothing is when the whole
 * is here (If-None-Match). Follows redirections to https only. A cut is tried again a few times. Blocks; for workers.
 *
 * Returns: (transfer full): what it says; %NULL with the errors of bpg_firmware_folder_keep(), Offline, TimedOut,
 *   Cancelled, SignatureInvalid (the server's certificate), UpstreamRejected, NotFound, LimitExceeded.
 */
BpgFirmware *bpg_firmware_fetch (BpgFirmwareFetch *self, GError **error);
