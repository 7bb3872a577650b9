/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "control/upload.h"

#include <string.h>

#include "control/flash.h"
#include "link/checksum.h"
#include "link/little-endian.h"

#define JOURNAL_MAGIC 0x4A425042u /* "BPBJ" */
#define JOURNAL_CRC_AT 48u
#define JOURNAL_MARKS_AT 64u
#define JOURNAL_HEADER 52u

void
bpg_upload_init (struct bpg_upload *upload)
{
  memset (upload, 0, sizeof *upload);
}

bool
bpg_upload_forget (struct bpg_upload *upload, unsigned image, unsigned slot)
{
  const uint8_t *journal = bpg_port_flash_map (BPG_FLASH_UPLOAD);

  if (upload->image == image && upload->slot == slot)
    upload->active = false;
  if (bpg_get_u32 (journal) != JOURNAL_MAGIC || bpg_get_u32 (journal + 4) != image
      || bpg_get_u32 (journal + 8) != slot)
    return true;
  return bpg_port_flash_erase (BPG_FLASH_UPLOAD, 0);
}

static void
encode_journal (const struct bpg_upload *upload, uint8_t *bytes)
{
  memset (bytes, 0, JOURNAL_HEADER);
  bpg_put_u32 (bytes, JOURNAL_MAGIC);
  bpg_put_u32 (bytes + 4, upload->image);
  bpg_put_u32 (bytes + 8, upload->slot);
  bpg_put_u32 (bytes + 12, upload->length);
  memcpy (bytes + 16, upload->sha, sizeof upload->sha);
  bpg_put_u32 (bytes + JOURNAL_CRC_AT, bpg_crc32 (0, bytes, JOURNAL_CRC_AT));
}

/* Bytes that the journal in flash says are written of this same upload; 0
 * when it is of another one. */
static uint32_t
journal_progress (const struct bpg_upload *upload)
{
  const uint8_t *journal = bpg_port_flash_map (BPG_FLASH_UPLOAD);
  uint8_t wanted[JOURNAL_HEADER];
  uint32_t sectors = 0;

  encode_journal (upload, wanted);
  if (memcmp (journal, wanted, sizeof wanted) != 0)
    return 0;
  while ((sectors + 1) * BPG_FLASH_SECTOR <= upload->length
         && bpg_get_u32 (journal + JOURNAL_MARKS_AT + sectors * 4) == 0)
    sectors++;
  return sectors * BPG_FLASH_SECTOR;
}

static bool
begin_journal (const struct bpg_upload *upload)
{
  uint8_t bytes[JOURNAL_HEADER];

  encode_journal (upload, bytes);
  return bpg_flash_replace_sector (BPG_FLASH_UPLOAD, 0, bytes, sizeof bytes);
}

static bool
mark_sector (uint32_t sector)
{
  static const uint8_t done[4];

  return bpg_port_flash_write (BPG_FLASH_UPLOAD, JOURNAL_MARKS_AT + sector * 4, done, sizeof done);
}

static bool
same_upload (const struct bpg_upload *upload, unsigned image,
             const struct bpg_upload_request *request)
{
  return upload->active && upload->has_sha && upload->image == image
         && upload->length == request->len && request->sha.length == BPG_SHA256_SIZE
         && memcmp (upload->sha, request->sha.bytes, BPG_SHA256_SIZE) == 0;
}

/* What can be said against an upload before a byte is written. */
static enum bpg_arm_error
check_request (const struct bpg_slots *slots, const struct bpg_upload_request *request,
               unsigned *slot)
{
  struct bpg_image_version version;
  uint32_t payload;
  unsigned active;

  if (request->len == 0 || (request->sha.bytes != NULL && request->sha.length != BPG_SHA256_SIZE))
    return BPG_ARM_ERROR_INVALID;
  if (request->image == BPG_IMAGE_MODEL && !slots->binding->data.bound)
    return BPG_ARM_ERROR_NOT_BOUND;
  if (request->image == BPG_IMAGE_FIRMWARE && slots->factory->release.bytes == NULL)
    return BPG_ARM_ERROR_NOT_AUTHORISED;
  if (!bpg_slots_target (slots, (unsigned) request->image, slot))
    return BPG_ARM_ERROR_WRONG_STATE;
  if (request->len > bpg_port_flash_size (bpg_slots_area ((unsigned) request->image, *slot)))
    return BPG_ARM_ERROR_LIMIT;
  if (request->data.length < BPG_IMAGE_HEADER_SIZE)
    return BPG_ARM_OK;

  if (bpg_image_peek (request->data.bytes, request->data.length, &payload) != BPG_IMAGE_OK
      || payload >= request->len)
    return BPG_ARM_ERROR_CORRUPT;
  active = slots->active[request->image];
  version.major = request->data.bytes[20];
  version.minor = request->data.bytes[21];
  version.revision = bpg_get_u16 (request->data.bytes + 22);
  version.build = bpg_get_u32 (request->data.bytes + 24);
  if (request->upgrade && active != BPG_BOOT_NO_SLOT
      && bpg_image_version_compare (&version, &slots->slot[request->image][active].version) <= 0)
    return BPG_ARM_ERROR_VERSION_OLD;
  return BPG_ARM_OK;
}

/* Whether the slot already holds the whole of what is announced. */
static bool
is_there (const struct bpg_upload *upload, const struct bpg_slots *slots)
{
  const struct bpg_slot *slot = &slots->slot[upload->image][upload->slot];
  uint8_t sha[BPG_SHA256_SIZE];

  if (!upload->has_sha || !slot->present || slot->fault != BPG_ARM_OK)
    return false;
  bpg_port_sha256 (bpg_port_flash_map (bpg_slots_area (upload->image, upload->slot)),
                   upload->length, sha);
  return memcmp (sha, upload->sha, sizeof sha) == 0;
}

/* Begins an upload, or takes one up again where the journal says. */
static enum bpg_arm_error
begin (struct bpg_upload *upload, struct bpg_slots *slots, const struct bpg_upload_request *request)
{
  unsigned slot;
  enum bpg_arm_error error = check_request (slots, request, &slot);

  if (error == BPG_ARM_OK)
    error = bpg_slots_withdraw (slots, (unsigned) request->image);
  if (error != BPG_ARM_OK)
    return error;

  bpg_upload_init (upload);
  upload->image = (unsigned) request->image;
  upload->slot = slot;
  upload->length = (uint32_t) request->len;
  upload->has_sha = request->sha.bytes != NULL;
  if (upload->has_sha)
    memcpy (upload->sha, request->sha.bytes, BPG_SHA256_SIZE);
  upload->active = true;

  if (is_there (upload, slots))
    {
      upload->offset = upload->length;
      return BPG_ARM_OK;
    }
  if (upload->has_sha)
    upload->offset = journal_progress (upload);
  if (upload->offset == 0 && !begin_journal (upload))
    {
      upload->active = false;
      return BPG_ARM_ERROR_UNKNOWN;
    }
  return BPG_ARM_OK;
}

/* Whether the slot is still nobody's: between two requests of an upload it may
 * have become the candidate, or have been fallen back to. */
static bool
is_still_free (const struct bpg_upload *upload, const struct bpg_slots *slots)
{
  const struct bpg_boot_entry *entry = &slots->record.entries[upload->image];

  return !bpg_slots_is_needed (slots, upload->image, upload->slot)
         && !(entry->state == BPG_BOOT_PENDING && entry->candidate == upload->slot);
}

/* Writes the page that ends at the offset. */
static bool
flush_page (struct bpg_upload *upload)
{
  enum bpg_flash_area area = bpg_slots_area (upload->image, upload->slot);
  uint32_t start = (upload->offset - 1) / BPG_FLASH_PAGE * BPG_FLASH_PAGE;
  uint32_t size = upload->offset - start;

  while (size % 4 != 0)
    upload->page[size++] = 0xFF;
  if (start % BPG_FLASH_SECTOR == 0 && !bpg_flash_is_blank (area, start, BPG_FLASH_SECTOR)
      && !bpg_port_flash_erase (area, start))
    return false;
  if (!bpg_port_flash_write (area, start, upload->page, size))
    return false;
  return upload->offset % BPG_FLASH_SECTOR != 0 || mark_sector (start / BPG_FLASH_SECTOR);
}

static bool
take_data (struct bpg_upload *upload, const uint8_t *bytes, size_t length)
{
  while (length > 0)
    {
      uint32_t at = upload->offset % BPG_FLASH_PAGE;
      size_t part = BPG_FLASH_PAGE - at;

      if (part > length)
        part = length;
      memcpy (upload->page + at, bytes, part);
      upload->offset += (uint32_t) part;
      bytes += part;
      length -= part;
      if ((upload->offset % BPG_FLASH_PAGE == 0 || upload->offset == upload->length)
          && !flush_page (upload))
        return false;
    }
  return true;
}

/* All bytes are there: judge them. */
static enum bpg_arm_error
finish (struct bpg_upload *upload, struct bpg_slots *slots, struct bpg_upload_result *result)
{
  enum bpg_flash_area area = bpg_slots_area (upload->image, upload->slot);
  enum bpg_arm_error fault;
  uint8_t sha[BPG_SHA256_SIZE];

  upload->active = false;
  bpg_port_sha256 (bpg_port_flash_map (area), upload->length, sha);
  result->match = !upload->has_sha || memcmp (sha, upload->sha, sizeof sha) == 0;
  fault = bpg_slots_inspect (slots, upload->image, upload->slot);
  if (!result->match)
    fault = BPG_ARM_ERROR_CORRUPT;
  if (fault == BPG_ARM_OK)
    {
      result->complete = true;
      return BPG_ARM_OK;
    }

  /* What may not start is not kept, and not resumed either. */
  bpg_port_flash_erase (BPG_FLASH_UPLOAD, 0);
  bpg_port_flash_erase (area, 0);
  bpg_slots_inspect (slots, upload->image, upload->slot);
  return fault;
}

enum bpg_arm_error
bpg_upload_take (struct bpg_upload *upload, struct bpg_slots *slots, const struct bpg_guard *guard,
                 const struct bpg_upload_request *request, struct bpg_upload_result *result)
{
  enum bpg_arm_error error;
  bool first = request->off == 0 && request->len > 0;

  memset (result, 0, sizeof *result);
  if (request->image >= BPG_BOOT_IMAGES || request->off > UINT32_MAX)
    return BPG_ARM_ERROR_INVALID;
  if (!bpg_guard_may_write (guard))
    return BPG_ARM_ERROR_BATTERY_LOW;

  if (first && !same_upload (upload, (unsigned) request->image, request))
    {
      error = begin (upload, slots, request);
      if (error != BPG_ARM_OK)
        return error;
    }
  if (!upload->active || !is_still_free (upload, slots))
    {
      upload->active = false;
      return BPG_ARM_ERROR_WRONG_STATE;
    }

  if (request->off == upload->offset && request->data.length > 0)
    {
      if (request->data.length > upload->length - upload->offset)
        return BPG_ARM_ERROR_INVALID;
      /* The old content stops being an image with the first erase. */
      if (upload->offset == 0)
        slots->slot[upload->image][upload->slot].present = false;
      if (!take_data (upload, request->data.bytes, request->data.length))
        {
          upload->active = false;
          return BPG_ARM_ERROR_UNKNOWN;
        }
    }
  result->offset = upload->offset;
  return upload->offset == upload->length ? finish (upload, slots, result) : BPG_ARM_OK;
}
