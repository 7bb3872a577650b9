/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-rom-session.h"

#include "bpg-error.h"

#define CHIP_ID 5u

/* eFuse block 0 as it was read at the start; chapter "eFuse Controller" of the technical reference manual. */
#define EFUSE_REPEAT_DATA1 0x60008834u
#define EFUSE_SPI_BOOT_CRYPT_CNT_SHIFT 18
#define EFUSE_SPI_BOOT_CRYPT_CNT_MASK 7u
#define EFUSE_REPEAT_DATA2 0x60008838u
#define EFUSE_SECURE_BOOT_EN (1u << 20)
#define EFUSE_REPEAT_DATA3 0x6000883Cu
#define EFUSE_DIS_DOWNLOAD_MODE (1u << 0)
#define EFUSE_ENABLE_SECURITY_DOWNLOAD (1u << 5)

#define BUSY_SECONDS 20
#define LOOK_MILLISECONDS 250u
#define RESETS 6u
#define SYNCS_A_RESET 5u
#define SYNCS 20u
#define ATTEMPTS 3u

#define FIRST_BLOCK BPG_ROM_SECTOR
#define LAST_BLOCK 256u
#define FIRST_RUN_SECTORS 64u
#define LAST_RUN_SECTORS 2u
/* Spoilt so often in a row at a higher speed, the speed is to blame. */
#define SPEED_TO_BLAME 3u

void
bpg_rom_session_init (BpgRomSession *self, const BpgRomOrder *order, BpgRomReport *report)
{
  *self = (BpgRomSession){
    .order = order,
    .report = report,
    .baud = order->baud,
    .block = FIRST_BLOCK,
    .run_sectors = FIRST_RUN_SECTORS,
    .ahead = TRUE,
    .plain = order->mode == BPG_ROM_MODE_PLAIN,
  };
}

void
bpg_rom_session_clear (BpgRomSession *self)
{
  bpg_rom_session_disconnect (self);
}

void
bpg_rom_session_disconnect (BpgRomSession *self)
{
  if (self->chip != NULL)
    self->report->requests += self->chip->requests;
  g_clear_pointer (&self->chip, bpg_rom_chip_free);
}

void
bpg_rom_session_tell (BpgRomSession *self, const char *phase, double progress, const char *message)
{
  self->progress = MAX (self->progress, progress);
  if (self->order->func != NULL)
    self->order->func (phase, self->progress, message, self->order->user_data);
}

/* The line. */

static gboolean
is_worth_waiting (const GError *error, gboolean again)
{
  if (g_error_matches (error, BPG_ERROR, BPG_ERROR_BUSY))
    return TRUE;
  /* What comes back has no rights yet until udev has seen it. */
  return again && (g_error_matches (error, BPG_ERROR, BPG_ERROR_NOT_FOUND) ||
                   g_error_matches (error, BPG_ERROR, BPG_ERROR_DISCONNECTED) ||
                   g_error_matches (error, BPG_ERROR, BPG_ERROR_NOT_AUTHORIZED));
}

static BpgRomLine *
open_line (BpgRomSession *self, gboolean again, gint64 deadline, GError **error)
{
  gboolean told = FALSE;

  for (;;) {
    g_autoptr (GError) local = NULL;
    BpgRomLine *line = bpg_rom_line_open (self->order->path, &local);

    if (line != NULL)
      return line;
    if (!is_worth_waiting (local, again) || g_get_monotonic_time () >= deadline) {
      g_propagate_error (error, g_steal_pointer (&local));
      return NULL;
    }
    if (!told)
      bpg_rom_session_tell (self, "connecting", 0.0,
                            local->code == BPG_ERROR_BUSY ? "Waiting for whoever holds the line"
                                                          : "The line has gone: plug the board in again");
    told = TRUE;
    if (!bpg_rom_sleep (LOOK_MILLISECONDS, self->order->cancellable, error))
      return NULL;
  }
}

static gboolean
is_silence (const GError *error)
{
  return g_error_matches (error, BPG_ERROR, BPG_ERROR_TIMED_OUT);
}

static gboolean
may_reset (BpgRomSession *self)
{
  return self->order->reset && bpg_rom_line_get_reset (self->chip->line) != BPG_ROM_RESET_NONE;
}

/* A chip that cannot be reset may still be at the speed that earlier work has left it at. */
static gboolean
sync_at_any_speed (BpgRomSession *self, GError **error)
{
  BpgRomLine *line = self->chip->line;
  g_autoptr (GError) local = NULL;

  for (guint baud = BPG_ROM_FIRST_BAUD; baud <= BPG_ROM_LAST_BAUD; baud *= 2) {
    g_clear_error (&local);
    if (!bpg_rom_line_set_baud (line, baud, error))
      return FALSE;
    if (bpg_rom_chip_sync (self->chip, SYNCS_A_RESET, &local))
      return baud == BPG_ROM_FIRST_BAUD || bpg_rom_chip_change_baud (self->chip, BPG_ROM_FIRST_BAUD, error);
    if (!is_silence (local) || !bpg_rom_line_has_speed (line))
      break;
  }
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

/* Into the loader by the modem lines, at the loader's first speed. */
static gboolean
enter_loader (BpgRomSession *self, GError **error)
{
  BpgRomLine *line = self->chip->line;
  guint resets = 0;

  if (!may_reset (self))
    return sync_at_any_speed (self, error);
  for (;;) {
    g_autoptr (GError) local = NULL;

    if (!bpg_rom_line_set_baud (line, BPG_ROM_FIRST_BAUD, error) ||
        !bpg_rom_line_enter_download (line, resets % 2 == 1, self->order->cancellable, error))
      return FALSE;
    resets++;
    if (bpg_rom_chip_sync (self->chip, SYNCS_A_RESET, &local))
      return TRUE;
    if (!is_silence (local) || resets == RESETS) {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  }
}

/* Security: what the loader says of itself, then the eFuses themselves, before anything is changed. */

static gboolean
refuse (GError **error, const char *why)
{
  g_set_error (error, BPG_ERROR, BPG_ERROR_CHIP_LOCKED,
               "%s. A plain image would make this chip useless; nothing was written", why);
  return FALSE;
}

static gboolean
check_security_info (BpgRomSession *self, GError **error)
{
  BpgRomSecurity security;

  if (!bpg_rom_chip_get_security (self->chip, &security, error))
    return FALSE;
  if (security.chip_id != CHIP_ID) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INCOMPATIBLE, "The chip is no ESP32-C3: its id is %u, not %u",
                 security.chip_id, CHIP_ID);
    return FALSE;
  }
  self->report->revision = security.revision;
  if (security.secure_download)
    return refuse (error, "The chip's loader is restricted (secure download mode)");
  if (security.secure_boot)
    return refuse (error, "The chip has secure boot switched on");
  if (bpg_rom_security_is_encrypted (&security))
    return refuse (error, "The chip's flash is encrypted");
  return TRUE;
}

static gboolean
check_efuses (BpgRomSession *self, GError **error)
{
  BpgRomSecurity security = {0};
  guint32 data1, data2, data3;

  if (!bpg_rom_chip_read_register (self->chip, EFUSE_REPEAT_DATA1, &data1, error) ||
      !bpg_rom_chip_read_register (self->chip, EFUSE_REPEAT_DATA2, &data2, error) ||
      !bpg_rom_chip_read_register (self->chip, EFUSE_REPEAT_DATA3, &data3, error))
    return FALSE;
  security.crypt_count = (data1 >> EFUSE_SPI_BOOT_CRYPT_CNT_SHIFT) & EFUSE_SPI_BOOT_CRYPT_CNT_MASK;
  if ((data3 & (EFUSE_DIS_DOWNLOAD_MODE | EFUSE_ENABLE_SECURITY_DOWNLOAD)) != 0)
    return refuse (error, "The chip's eFuses restrict its loader");
  if ((data2 & EFUSE_SECURE_BOOT_EN) != 0)
    return refuse (error, "The chip's eFuses switch secure boot on");
  if (bpg_rom_security_is_encrypted (&security))
    return refuse (error, "The chip's eFuses have its flash encrypted");
  return TRUE;
}

/* The flash. */

static gboolean
find_flash_size (BpgRomSession *self, GError **error)
{
  guint64 size = self->order->flash_size;
  guint32 id;

  if (size == 0) {
    if (!bpg_rom_chip_read_flash_id (self->chip, &id, error))
      return FALSE;
    size = bpg_rom_flash_size_from_id (id);
    if (size == 0) {
      g_set_error (error, BPG_ERROR, BPG_ERROR_NOT_SUPPORTED,
                   "The flash (id 0x%06x) does not tell its size in a way that is known: say it", id);
      return FALSE;
    }
  }
  self->report->flash_size = size;
  return bpg_rom_images_check (self->order->images, self->order->n_images, size, error) &&
         bpg_rom_chip_set_flash_size (self->chip, (guint32) MIN (size, BPG_ROM_FLASH_MAX), error);
}

/* The speed. */

/* After a change that broke: a chip that can be reset begins anew; any other is at one of the two speeds. */
static gboolean
find_again (BpgRomSession *self, guint baud, GError **error)
{
  g_autoptr (GError) local = NULL;

  if (may_reset (self))
    return enter_loader (self, error);
  if (bpg_rom_chip_sync (self->chip, SYNCS_A_RESET, &local))
    return TRUE;
  if (!is_silence (local)) {
    g_propagate_error (error, g_steal_pointer (&local));
    return FALSE;
  }
  if (!bpg_rom_line_set_baud (self->chip->line, baud, error))
    return FALSE;
  if (bpg_rom_chip_sync (self->chip, SYNCS_A_RESET, error))
    return TRUE;
  g_prefix_error (error, "Lost at the change to %u baud, which this line may not carry; choose a lower speed. ", baud);
  return FALSE;
}

static gboolean
attach (BpgRomSession *self, GError **error)
{
  gboolean usb_jtag = bpg_rom_line_get_reset (self->chip->line) == BPG_ROM_RESET_USB_JTAG;

  return (!usb_jtag || bpg_rom_chip_stop_watchdogs (self->chip, error)) && bpg_rom_chip_attach_flash (self->chip, error) && find_flash_size (self, error);
}

static gboolean
raise_speed (BpgRomSession *self, GError **error)
{
  BpgRomLine *line = self->chip->line;

  if (self->baud == 0)
    self->baud = bpg_rom_line_has_speed (line) ? BPG_ROM_LAST_BAUD : BPG_ROM_FIRST_BAUD;
  while (self->baud > bpg_rom_line_get_baud (line)) {
    g_autoptr (GError) local = NULL;
    guint tried = self->baud;

    if (bpg_rom_chip_change_baud (self->chip, tried, &local))
      break;
    if (!is_silence (local) && !g_error_matches (local, BPG_ERROR, BPG_ERROR_FAILED)) {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
    self->baud = MAX (tried / 2, BPG_ROM_FIRST_BAUD);
    self->report->retries++;
    if (!find_again (self, tried, error) || !attach (self, error))
      return FALSE;
  }
  self->report->baud = bpg_rom_line_get_baud (line);
  return TRUE;
}

static gboolean
connect_chip (BpgRomSession *self, GError **error)
{
  return enter_loader (self, error) && check_security_info (self, error) && check_efuses (self, error) &&
         attach (self, error) && raise_speed (self, error);
}

/* Whether another attempt may go better: a board that is plugged in again may need a person to hold its button, and
 * noise may have led a chip astray that can be reset. */
static gboolean
is_worth_trying (const GError *error, gboolean again, gboolean can_reset, guint attempt, gint64 deadline)
{
  if (again)
    return (is_silence (error) || is_worth_waiting (error, TRUE)) && g_get_monotonic_time () < deadline;
  return is_silence (error) && can_reset && attempt < ATTEMPTS;
}

gboolean
bpg_rom_session_connect (BpgRomSession *self, gboolean again, GError **error)
{
  gint64 deadline = g_get_monotonic_time () + (again ? self->order->absent_seconds : BUSY_SECONDS) * G_USEC_PER_SEC;

  bpg_rom_session_tell (self, "connecting", 0.0, NULL);
  for (guint attempt = 1;; attempt++) {
    g_autoptr (GError) local = NULL;
    BpgRomLine *line = open_line (self, again, deadline, error);
    gboolean can_reset;

    if (line == NULL)
      return FALSE;
    self->chip = bpg_rom_chip_new (line, self->order->cancellable);
    if (connect_chip (self, &local)) {
      bpg_rom_session_tell (self, "connecting", 0.0, "");
      return TRUE;
    }
    can_reset = may_reset (self);
    bpg_rom_session_disconnect (self);
    if (!is_worth_trying (local, again, can_reset, attempt, deadline)) {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
    if (is_silence (local))
      bpg_rom_session_tell (self, "connecting", 0.0, local->message);
  }
}

gboolean
bpg_rom_session_be_careful (BpgRomSession *self, guint times, GError **error)
{
  self->ahead = FALSE;
  self->block = MAX (self->block / 2 / LAST_BLOCK * LAST_BLOCK, LAST_BLOCK);
  self->run_sectors = MAX (self->run_sectors / 2, LAST_RUN_SECTORS);
  self->report->retries++;
  if (times == SPEED_TO_BLAME && bpg_rom_line_get_baud (self->chip->line) > BPG_ROM_FIRST_BAUD) {
    self->baud = BPG_ROM_FIRST_BAUD;
    self->block = FIRST_BLOCK;
    if (bpg_rom_chip_sync (self->chip, SYNCS_A_RESET, NULL) &&
        bpg_rom_chip_change_baud (self->chip, self->baud, NULL) && attach (self, NULL)) {
      self->report->baud = self->baud;
      return TRUE;
    }
    bpg_rom_session_disconnect (self);
    return bpg_rom_session_connect (self, TRUE, error);
  }
  return bpg_rom_chip_sync (self->chip, SYNCS, error);
}
