/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-rom-session.h"

#include "bpg-error.h"

#include <string.h>

#define ERASED 0xFFu
#define ERASE_STEP (64u * 1024)
/* Sectors asked about at once: at first, and at most. */
#define FIRST_STEP 16u
#define LAST_STEP 256u
#define SPOILT_MAX 40u
#define MISMATCHES_MAX 3u
#define RESUMES_MAX 20u
/* A chip that answers and then falls silent is looked for anew so often without anything being done in between. */
#define FRUITLESS_MAX 3u

#define PROGRESS_ERASED 0.1
#define PROGRESS_WRITTEN 0.97

typedef enum {
  UNKNOWN,
  BLANK,   /* just erased, and something has to be there */
  CHANGED, /* something else is there */
  WRITTEN, /* as the loader says */
  SAME,    /* as an MD5 says */
} State;

/* An image on its way, in whole sectors. */
typedef struct {
  guint32 offset;
  guint sectors;
  guint8 *bytes;
  guint8 *states; /* State */
  gboolean verified;
  guint mismatches;
} Target;

typedef struct {
  BpgRomSession session;
  Target *targets;
  guint n_targets;
  guint sectors; /* of all */
  gboolean erased;
  guint spoilt;    /* in a row */
  guint fruitless; /* in a row */
} Flash;

static guint64
end_of (const BpgRomImage *image)
{
  guint64 length = g_bytes_get_size (image->bytes);

  return image->offset + (length + BPG_ROM_SECTOR - 1) / BPG_ROM_SECTOR * BPG_ROM_SECTOR;
}

static gboolean
check_image (const BpgRomImage *image, guint64 flash_size, GError **error)
{
  if (g_bytes_get_size (image->bytes) == 0)
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "The image for 0x%x is empty", image->offset);
  else if (image->offset % BPG_ROM_SECTOR != 0)
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "The offset 0x%x is no multiple of 0x%x", image->offset,
                 BPG_ROM_SECTOR);
  else if (end_of (image) > BPG_ROM_FLASH_MAX)
    g_set_error (error, BPG_ERROR, BPG_ERROR_NOT_SUPPORTED,
                 "The image for 0x%x ends beyond the 16 MB that the chip's loader can reach", image->offset);
  else if (flash_size != 0 && end_of (image) > flash_size)
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT,
                 "The image for 0x%x ends at 0x%" G_GINT64_MODIFIER "x, the flash at 0x%" G_GINT64_MODIFIER "x",
                 image->offset, end_of (image), flash_size);
  else
    return TRUE;
  return FALSE;
}

gboolean
bpg_rom_images_check (const BpgRomImage *images, guint n_images, guint64 flash_size, GError **error)
{
  if (n_images == 0) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "There is no image");
    return FALSE;
  }
  for (guint i = 0; i < n_images; i++) {
    if (!check_image (&images[i], flash_size, error))
      return FALSE;
    for (guint j = 0; j < i; j++) {
      if (images[i].offset < end_of (&images[j]) && images[j].offset < end_of (&images[i])) {
        g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "The images for 0x%x and 0x%x overlap",
                     images[j].offset, images[i].offset);
        return FALSE;
      }
    }
  }
  return TRUE;
}

static void
flash_init (Flash *self, const BpgRomOrder *order, BpgRomReport *report)
{
  *self = (Flash){.targets = g_new0 (Target, order->n_images), .n_targets = order->n_images};
  bpg_rom_session_init (&self->session, order, report);
  for (guint i = 0; i < order->n_images; i++) {
    const BpgRomImage *image = &order->images[i];
    Target *target = &self->targets[i];

    target->offset = image->offset;
    target->sectors = (guint) ((end_of (image) - image->offset) / BPG_ROM_SECTOR);
    target->bytes = g_malloc ((gsize) target->sectors * BPG_ROM_SECTOR);
    memset (target->bytes, ERASED, (gsize) target->sectors * BPG_ROM_SECTOR);
    memcpy (target->bytes, g_bytes_get_data (image->bytes, NULL), g_bytes_get_size (image->bytes));
    target->states = g_malloc0 (target->sectors);
    self->sectors += target->sectors;
  }
  report->bytes = (guint64) self->sectors * BPG_ROM_SECTOR;
}

static void
flash_clear (Flash *self)
{
  bpg_rom_session_clear (&self->session);
  for (guint i = 0; i < self->n_targets; i++) {
    g_free (self->targets[i].bytes);
    g_free (self->targets[i].states);
  }
  g_free (self->targets);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Flash, flash_clear)

static void
tell (Flash *self, const char *phase)
{
  double done = 0.0;
  double begun = self->session.order->erase != BPG_ROM_ERASE_NONE ? PROGRESS_ERASED : 0.0;

  for (guint i = 0; i < self->n_targets; i++) {
    for (guint j = 0; j < self->targets[i].sectors; j++)
      done += self->targets[i].states[j] >= WRITTEN ? 1.0 : 0.0;
  }
  bpg_rom_session_tell (&self->session, phase, begun + (PROGRESS_WRITTEN - begun) * done / self->sectors, NULL);
}

static const guint8 *
sector_bytes (const Target *target, guint sector)
{
  return target->bytes + (gsize) sector * BPG_ROM_SECTOR;
}

/* So many sectors from @from on are in the same state. */
static guint
count_alike (const Target *target, guint from, guint limit)
{
  guint count = 1;

  while (count < limit && from + count < target->sectors && target->states[from + count] == target->states[from])
    count++;
  return count;
}

/* Erasing first. */

static gboolean
erase_region (Flash *self, guint64 offset, guint64 length, GError **error)
{
  guint64 end = offset + length;

  while (offset < end) {
    /* Up to the next block, which the ROM erases at once. */
    guint64 step = MIN (ERASE_STEP - offset % ERASE_STEP, end - offset);
    BpgRomReply reply;
    BpgRomOutcome outcome = bpg_rom_chip_begin (self->session.chip, FALSE, (guint32) offset, (guint32) step, 0,
                                                BPG_ROM_SECTOR, &reply, error);

    if (outcome == BPG_ROM_LOST)
      return FALSE;
    if (outcome == BPG_ROM_DONE) {
      offset += step;
      self->spoilt = 0;
    } else if (++self->spoilt == SPOILT_MAX) {
      g_set_error (error, BPG_ERROR, BPG_ERROR_FAILED, "The flash cannot be erased at 0x%x", (guint32) offset);
      return FALSE;
    } else if (!bpg_rom_chip_sync (self->session.chip, SPOILT_MAX, error)) {
      return FALSE;
    }
    bpg_rom_session_tell (&self->session, "erasing", PROGRESS_ERASED * (double) offset / (double) end, NULL);
  }
  return TRUE;
}

static void
mark_erased (Target *target)
{
  for (guint i = 0; i < target->sectors; i++) {
    const guint8 *bytes = sector_bytes (target, i);
    gboolean blank = bytes[0] == ERASED && memcmp (bytes, bytes + 1, BPG_ROM_SECTOR - 1) == 0;

    target->states[i] = blank ? WRITTEN : BLANK;
  }
}

static gboolean
erase (Flash *self, GError **error)
{
  BpgRomErase kind = self->session.order->erase;

  if (kind == BPG_ROM_ERASE_NONE || self->erased)
    return TRUE;
  if (kind == BPG_ROM_ERASE_CHIP &&
      !erase_region (self, 0, MIN (self->session.report->flash_size, BPG_ROM_FLASH_MAX), error))
    return FALSE;
  for (guint i = 0; i < self->n_targets; i++) {
    Target *target = &self->targets[i];

    if (kind == BPG_ROM_ERASE_IMAGES &&
        !erase_region (self, target->offset, (guint64) target->sectors * BPG_ROM_SECTOR, error))
      return FALSE;
    mark_erased (target);
  }
  self->erased = TRUE;
  return TRUE;
}

/* What is there. */

static gboolean
is_same (Flash *self, const Target *target, guint from, guint sectors, gboolean *same, GError **error)
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_MD5);
  gsize length = (gsize) sectors * BPG_ROM_SECTOR;
  guint8 wanted[BPG_ROM_MD5_BYTES], found[BPG_ROM_MD5_BYTES];
  gsize size = sizeof wanted;

  g_checksum_update (checksum, sector_bytes (target, from), (gssize) length);
  g_checksum_get_digest (checksum, wanted, &size);
  if (!bpg_rom_chip_get_md5 (self->session.chip, target->offset + from * BPG_ROM_SECTOR, (guint32) length, found, error))
    return FALSE;
  *same = memcmp (wanted, found, sizeof wanted) == 0;
  return TRUE;
}

/* Longer runs while all is the same, shorter ones where something is not: few requests for an image that is there, and
 * hardly more than one a sector for one that is not. */
static gboolean
compare (Flash *self, Target *target, GError **error)
{
  guint step = FIRST_STEP;
  guint at = 0;

  while (at < target->sectors) {
    guint count;
    gboolean same;

    if (target->states[at] != UNKNOWN) {
      at++;
      continue;
    }
    tell (self, "checking");
    count = count_alike (target, at, step);
    if (!is_same (self, target, at, count, &same, error))
      return FALSE;
    if (!same && count > 1) {
      step = MAX (count / 4, 1u);
      continue;
    }
    memset (target->states + at, same ? SAME : CHANGED, count);
    at += count;
    step = same ? MIN (step * 2, LAST_STEP) : 1;
  }
  return TRUE;
}

/* Writing. */

static gboolean
give_up (Flash *self, GError **error)
{
  if (self->session.reason == BPG_ROM_REASON_FLASH_WRITE || self->session.reason == BPG_ROM_REASON_FAILED)
    g_set_error (error, BPG_ERROR, BPG_ERROR_FAILED, "The chip cannot write: %s",
                 bpg_rom_describe_reason (self->session.reason));
  else
    g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT,
                 "The line damages too much of what is sent. Try another cable, or a lower speed");
  return FALSE;
}

static gboolean
write_run (Flash *self, Target *target, guint at, guint count, GError **error)
{
  gboolean blank = target->states[at] == BLANK;
  BpgRomOutcome outcome = bpg_rom_session_write (&self->session, sector_bytes (target, at),
                                                 target->offset + at * BPG_ROM_SECTOR, count, !blank, error);

  if (outcome == BPG_ROM_LOST)
    return FALSE;
  self->session.report->written += (guint64) count * BPG_ROM_SECTOR;
  if (outcome == BPG_ROM_DONE) {
    memset (target->states + at, WRITTEN, count);
    self->spoilt = 0;
    self->fruitless = 0;
    return TRUE;
  }
  /* Some of it may be there: that is found out. */
  memset (target->states + at, UNKNOWN, count);
  if (++self->spoilt == SPOILT_MAX)
    return give_up (self, error);
  return bpg_rom_session_be_careful (&self->session, self->spoilt, error);
}

static gboolean
write_changed (Flash *self, Target *target, GError **error)
{
  guint at = 0;

  while (at < target->sectors) {
    guint count = count_alike (target, at, self->session.run_sectors);

    if (target->states[at] == CHANGED || target->states[at] == BLANK) {
      tell (self, "writing");
      if (!write_run (self, target, at, count, error))
        return FALSE;
    }
    at += count;
  }
  return TRUE;
}

static gboolean
has_unknown (const Target *target)
{
  return memchr (target->states, UNKNOWN, target->sectors) != NULL;
}

/* All of it, in pieces that are answered in reasonable time. */
static gboolean
verify (Flash *self, Target *target, GError **error)
{
  for (guint at = 0; at < target->sectors; at += LAST_STEP) {
    guint count = MIN (LAST_STEP, target->sectors - at);
    gboolean same = memchr (target->states + at, WRITTEN, count) == NULL;

    if (same)
      continue;
    tell (self, "verifying");
    if (!is_same (self, target, at, count, &same, error))
      return FALSE;
    memset (target->states + at, same ? SAME : UNKNOWN, count);
  }
  if (!has_unknown (target)) {
    target->verified = TRUE;
    return TRUE;
  }
  if (++target->mismatches < MISMATCHES_MAX)
    return TRUE;
  g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, "The flash from 0x%x on does not hold what was written",
               target->offset);
  return FALSE;
}

static gboolean
bring_up_to_date (Flash *self, Target *target, GError **error)
{
  while (!target->verified) {
    if (!compare (self, target, error) || !write_changed (self, target, error))
      return FALSE;
    if (!has_unknown (target) && !verify (self, target, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
work (Flash *self, GError **error)
{
  if (!erase (self, error))
    return FALSE;
  for (guint i = 0; i < self->n_targets; i++) {
    if (!bring_up_to_date (self, &self->targets[i], error))
      return FALSE;
  }
  bpg_rom_session_tell (&self->session, "verifying", 1.0, NULL);
  return TRUE;
}

/* Whatever comes back may be another board: nothing is known of it. */
static void
forget (Flash *self)
{
  for (guint i = 0; i < self->n_targets; i++) {
    memset (self->targets[i].states, UNKNOWN, self->targets[i].sectors);
    self->targets[i].verified = FALSE;
  }
}

static gboolean
may_go_on (Flash *self, const GError *error)
{
  BpgRomReport *report = self->session.report;

  if (g_error_matches (error, BPG_ERROR, BPG_ERROR_TIMED_OUT))
    return self->fruitless++ < FRUITLESS_MAX;
  return g_error_matches (error, BPG_ERROR, BPG_ERROR_DISCONNECTED) && report->resumed++ < RESUMES_MAX;
}

static void
restart (Flash *self)
{
  BpgRomChip *chip = self->session.chip;
  BpgRomReset reset = self->session.order->reset ? bpg_rom_line_get_reset (chip->line) : BPG_ROM_RESET_NONE;

  /* USB-Serial-JTAG resets without looking at BOOT again: the chip would stay where it is. */
  if (reset == BPG_ROM_RESET_USB_JTAG)
    self->session.report->restarted = bpg_rom_chip_reset_by_watchdog (chip, NULL);
  else if (reset == BPG_ROM_RESET_CLASSIC)
    self->session.report->restarted = bpg_rom_line_restart (chip->line, chip->cancellable, NULL);
  else if (bpg_rom_line_get_baud (chip->line) != BPG_ROM_FIRST_BAUD)
    bpg_rom_chip_change_baud (chip, BPG_ROM_FIRST_BAUD, NULL); /* where whoever comes next looks for it */
}

static gboolean
run (Flash *self, GError **error)
{
  gboolean again = FALSE;

  for (;;) {
    g_autoptr (GError) local = NULL;

    if (self->session.chip == NULL && !bpg_rom_session_connect (&self->session, again, error))
      return FALSE;
    if (work (self, &local))
      break;
    if (!may_go_on (self, local)) {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
    again = TRUE;
    bpg_rom_session_disconnect (&self->session);
    forget (self);
  }
  restart (self);
  return TRUE;
}

gboolean
bpg_rom_flash (const BpgRomOrder *order, BpgRomReport *report, GError **error)
{
  g_auto (Flash) self = {0};
  gint64 began = g_get_monotonic_time ();
  gboolean good;

  *report = (BpgRomReport){0};
  if (!bpg_rom_images_check (order->images, order->n_images, order->flash_size, error))
    return FALSE;
  flash_init (&self, order, report);
  good = run (&self, error);
  bpg_rom_session_disconnect (&self.session);
  report->seconds = (double) (g_get_monotonic_time () - began) / G_USEC_PER_SEC;
  return good;
}
