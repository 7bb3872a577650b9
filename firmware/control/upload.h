/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * An image on its way into the slot that does not run. What has been written
 * is noted, sector by sector, in a journal in flash, so that an upload goes on
 * where it stopped: after a lost line at the byte, after a power cut at the
 * sector. The journal: magic, image, slot, length, SHA-256, CRC-32, then one
 * word for each sector, cleared when that sector is written.
 */

#include "control/guard.h"
#include "control/port.h"
#include "control/slots.h"

struct bpg_upload
{
  bool active;
  unsigned image;
  unsigned slot;
  bool has_sha;
  uint8_t sha[BPG_SHA256_SIZE];
  uint32_t length;
  uint32_t offset; /* bytes taken */
  uint8_t page[BPG_FLASH_PAGE]; /* taken and not yet written */
};

/* What became of a request. */
struct bpg_upload_result
{
  uint32_t offset; /* where the next data is wanted */
  bool complete;   /* the image is in its slot and may start */
  bool match;      /* its SHA-256 is what was announced */
};

/* Starts with no upload under way. */
void bpg_upload_init (struct bpg_upload *upload);

/*
 * Takes one request. Data at another offset than is wanted is passed over,
 * the answer says where to go on. Returns an arm error: INVALID, BATTERY_LOW,
 * NOT_BOUND (a model for an arm nobody owns), WRONG_STATE (a trial runs, or the
 * slot was made the candidate meanwhile),
 * LIMIT (longer than the slot), VERSION_OLD ("upgrade"), CORRUPT, SIGNATURE,
 * INCOMPATIBLE, NOT_AUTHORISED (of the complete image).
 */
enum bpg_arm_error bpg_upload_take (struct bpg_upload *upload, struct bpg_slots *slots,
                                    const struct bpg_guard *guard,
                                    const struct bpg_upload_request *request,
                                    struct bpg_upload_result *result);

/*
 * Forgets what was uploaded into @slot of @image, in flash too, as the slot is
 * about to be erased: an upload that is begun again must not count on it.
 * Returns false when flash failed.
 */
bool bpg_upload_forget (struct bpg_upload *upload, unsigned image, unsigned slot);
