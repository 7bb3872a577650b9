/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-rom-chip.h"

#include "bpg-error.h"

#include <string.h>

#define TRIES 5u
#define QUIET_MILLISECONDS 30u
#define SYNC_MILLISECONDS 100u
#define ANSWER_MILLISECONDS 1000u
#define SETTLE_MILLISECONDS 50u
#define LEAST_FLASH_MILLISECONDS 3000u
/* Slow flash, with a margin: the maker's own tool allows as much for erasing. */
#define FLASH_MILLISECONDS_A_MB 40000u
#define MEGABYTE 1000000u

/* SPI1, by which the loader talks to the flash; chapter "SPI Controller" of the technical reference manual. */
#define SPI_CMD 0x60002000u
#define SPI_USER 0x60002018u
#define SPI_USER2 0x60002020u
#define SPI_MISO_DLEN 0x60002028u
#define SPI_W0 0x60002058u
#define SPI_CMD_USR (1u << 18)
#define SPI_USR_COMMAND (1u << 31)
#define SPI_USR_MISO (1u << 28)
#define SPI_COMMAND_8_BITS (7u << 28)
#define FLASH_READ_ID 0x9Fu
#define ID_BITS 24u

/* The RTC's watchdogs; chapter "Watchdog Timers" of the technical reference manual. */
#define RTC_WDT_CONFIG0 0x60008090u
#define RTC_WDT_CONFIG1 0x60008094u
#define RTC_WDT_PROTECT 0x600080A8u
#define RTC_WDT_KEY 0x50D83AA1u
#define RTC_SWD_CONFIG 0x600080ACu
#define RTC_SWD_AUTO_FEED (1u << 31)
#define RTC_SWD_PROTECT 0x600080B0u
#define RTC_SWD_KEY 0x8F1D312Au
/* Switched on, a reset of the whole chip after the first stage, lengths of the reset as at power-up. */
#define RTC_WDT_RESET (1u << 31 | 5u << 28 | 1u << 8 | 2u)
/* Of the slow clock: long enough for the last answer. */
#define RTC_WDT_TICKS 2000u

#define FLASH_BLOCK (64u * 1024)
#define FLASH_PAGE 256u
#define FLASH_STATUS_MASK 0xFFFFu

static const guint8 sync_body[36] = {
  0x07, 0x07, 0x12, 0x20, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55,
  0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55,
};

BpgRomChip *
bpg_rom_chip_new (BpgRomLine *line, GCancellable *cancellable)
{
  BpgRomChip *self = g_new0 (BpgRomChip, 1);

  self->line = line;
  self->cancellable = cancellable != NULL ? g_object_ref (cancellable) : NULL;
  self->wire = g_byte_array_new ();
  return self;
}

void
bpg_rom_chip_free (BpgRomChip *self)
{
  bpg_rom_line_free (self->line);
  g_clear_object (&self->cancellable);
  g_byte_array_unref (self->wire);
  g_free (self);
}

const char *
bpg_rom_describe_reason (guint8 reason)
{
  switch (reason) {
  case BPG_ROM_REASON_INVALID:
    return "it does not know such a request";
  case BPG_ROM_REASON_FAILED:
    return "it could not do it";
  case BPG_ROM_REASON_CHECKSUM:
    return "the data came damaged";
  case BPG_ROM_REASON_FLASH_WRITE:
    return "the flash did not take what was written";
  case BPG_ROM_REASON_FLASH_READ:
    return "the flash cannot be read";
  case BPG_ROM_REASON_FLASH_LENGTH:
    return "too much of the flash was asked for";
  case BPG_ROM_REASON_DEFLATE:
    return "it could not unpack the data";
  default:
    return "it does not say why in words that are known";
  }
}

guint
bpg_rom_erase_milliseconds (guint64 bytes)
{
  return (guint) MAX (LEAST_FLASH_MILLISECONDS, bytes * FLASH_MILLISECONDS_A_MB / MEGABYTE);
}

static void
put_u32 (guint8 *bytes, guint32 value)
{
  for (guint i = 0; i < 4; i++)
    bytes[i] = (guint8) (value >> (8 * i));
}

/* Requests and answers. */

BpgRomOutcome
bpg_rom_chip_await (BpgRomChip *self, BpgRomCommand command, guint milliseconds, BpgRomReply *reply, GError **error)
{
  gint64 deadline = g_get_monotonic_time () + (gint64) milliseconds * 1000;
  const guint8 *frame;
  gsize length;

  for (;;) {
    guint8 byte;
    /* A byte at a time: what comes after the answer belongs to the next one. */
    gssize n = bpg_rom_line_read (self->line, &byte, 1, deadline, self->cancellable, error);

    if (n <= 0)
      return n < 0 ? BPG_ROM_LOST : BPG_ROM_SILENT;
    if (bpg_rom_slip_take (&self->slip, byte, &frame, &length) && bpg_rom_reply_parse (frame, length, reply) &&
        reply->command == command)
      return reply->status == 0 ? BPG_ROM_DONE : BPG_ROM_REFUSED;
  }
}

BpgRomOutcome
bpg_rom_chip_ask (BpgRomChip *self, BpgRomCommand command, const guint8 *body, gsize length, guint milliseconds,
                  BpgRomReply *reply, GError **error)
{
  g_byte_array_set_size (self->wire, 0);
  bpg_rom_request_append (self->wire, command, body, length, 0);
  self->requests++;
  if (!bpg_rom_line_write (self->line, self->wire->data, self->wire->len, self->cancellable, error))
    return BPG_ROM_LOST;
  milliseconds += bpg_rom_line_get_milliseconds (self->line, self->wire->len + BPG_ROM_FRAME_MAX);
  return bpg_rom_chip_await (self, command, milliseconds, reply, error);
}

static gboolean
drain (BpgRomChip *self, GError **error)
{
  memset (&self->slip, 0, sizeof self->slip);
  return bpg_rom_line_drain (self->line, QUIET_MILLISECONDS, self->cancellable, error);
}

/* Again while that may have another outcome: requests carry no checksum, and noise can have made another one of them, or
 * of the answer, than was sent. */
static gboolean
ask_again (BpgRomChip *self, BpgRomCommand command, const guint8 *body, gsize length, guint milliseconds,
           BpgRomReply *reply, const char *what, GError **error)
{
  BpgRomOutcome outcome = BPG_ROM_SILENT;

  for (guint i = 0; i < TRIES && (outcome == BPG_ROM_SILENT || outcome == BPG_ROM_REFUSED); i++) {
    if (i > 0 && !drain (self, error))
      return FALSE;
    outcome = bpg_rom_chip_ask (self, command, body, length, milliseconds, reply, error);
  }
  if (outcome == BPG_ROM_SILENT)
    g_set_error (error, BPG_ERROR, BPG_ERROR_TIMED_OUT,
                 "The chip was to %s and does not answer any more. " BPG_ROM_ADVICE, what);
  else if (outcome == BPG_ROM_REFUSED)
    g_set_error (error, BPG_ERROR, BPG_ERROR_FAILED, "The chip refuses to %s: %s", what,
                 bpg_rom_describe_reason (reply->reason));
  return outcome == BPG_ROM_DONE;
}

gboolean
bpg_rom_chip_sync (BpgRomChip *self, guint tries, GError **error)
{
  BpgRomReply reply;
  BpgRomOutcome outcome = BPG_ROM_SILENT;

  for (guint i = 0; i < tries && outcome != BPG_ROM_DONE; i++) {
    if (!drain (self, error))
      return FALSE;
    outcome = bpg_rom_chip_ask (self, BPG_ROM_SYNC, sync_body, sizeof sync_body, SYNC_MILLISECONDS, &reply, error);
    if (outcome == BPG_ROM_LOST)
      return FALSE;
  }
  if (outcome == BPG_ROM_DONE) /* It answers eight times. */
    return drain (self, error);
  g_set_error (error, BPG_ERROR, BPG_ERROR_TIMED_OUT,
               "The chip does not answer. " BPG_ROM_ADVICE);
  return FALSE;
}

gboolean
bpg_rom_chip_read_register (BpgRomChip *self, guint32 address, guint32 *value, GError **error)
{
  guint8 body[4];
  BpgRomReply reply;

  put_u32 (body, address);
  if (!ask_again (self, BPG_ROM_READ_REG, body, sizeof body, ANSWER_MILLISECONDS, &reply, "read a register", error))
    return FALSE;
  *value = reply.value;
  return TRUE;
}

gboolean
bpg_rom_chip_write_register (BpgRomChip *self, guint32 address, guint32 value, GError **error)
{
  guint8 body[16];
  BpgRomReply reply;

  put_u32 (body, address);
  put_u32 (body + 4, value);
  put_u32 (body + 8, G_MAXUINT32);
  put_u32 (body + 12, 0);
  return ask_again (self, BPG_ROM_WRITE_REG, body, sizeof body, ANSWER_MILLISECONDS, &reply, "write a register", error);
}

gboolean
bpg_rom_chip_get_security (BpgRomChip *self, BpgRomSecurity *security, GError **error)
{
  BpgRomReply reply;

  if (!ask_again (self, BPG_ROM_GET_SECURITY_INFO, NULL, 0, ANSWER_MILLISECONDS, &reply, "tell how it is secured", error))
    return FALSE;
  if (bpg_rom_security_parse (&reply, security))
    return TRUE;
  g_set_error (error, BPG_ERROR, BPG_ERROR_INCOMPATIBLE, "The chip does not tell its kind as an ESP32-C3 does");
  return FALSE;
}

/* The watchdogs. */

gboolean
bpg_rom_chip_stop_watchdogs (BpgRomChip *self, GError **error)
{
  guint32 config;

  return bpg_rom_chip_write_register (self, RTC_WDT_PROTECT, RTC_WDT_KEY, error) &&
         bpg_rom_chip_write_register (self, RTC_WDT_CONFIG0, 0, error) &&
         bpg_rom_chip_write_register (self, RTC_WDT_PROTECT, 0, error) &&
         bpg_rom_chip_write_register (self, RTC_SWD_PROTECT, RTC_SWD_KEY, error) &&
         bpg_rom_chip_read_register (self, RTC_SWD_CONFIG, &config, error) &&
         bpg_rom_chip_write_register (self, RTC_SWD_CONFIG, config | RTC_SWD_AUTO_FEED, error) &&
         bpg_rom_chip_write_register (self, RTC_SWD_PROTECT, 0, error);
}

gboolean
bpg_rom_chip_reset_by_watchdog (BpgRomChip *self, GError **error)
{
  return bpg_rom_chip_write_register (self, RTC_WDT_PROTECT, RTC_WDT_KEY, error) &&
         bpg_rom_chip_write_register (self, RTC_WDT_CONFIG1, RTC_WDT_TICKS, error) &&
         bpg_rom_chip_write_register (self, RTC_WDT_CONFIG0, RTC_WDT_RESET, error);
}

/* The flash. */

gboolean
bpg_rom_chip_attach_flash (BpgRomChip *self, GError **error)
{
  const guint8 usual_pins[8] = {0};
  BpgRomReply reply;

  return ask_again (self, BPG_ROM_SPI_ATTACH, usual_pins, sizeof usual_pins, LEAST_FLASH_MILLISECONDS, &reply,
                    "connect its flash", error);
}

/* A command of eight bits and an answer, by the registers; what they held before is put back. */
static gboolean
ask_flash (BpgRomChip *self, guint32 *answer, GError **error)
{
  return bpg_rom_chip_write_register (self, SPI_MISO_DLEN, ID_BITS - 1, error) &&
         bpg_rom_chip_write_register (self, SPI_USER, SPI_USR_COMMAND | SPI_USR_MISO, error) &&
         bpg_rom_chip_write_register (self, SPI_USER2, SPI_COMMAND_8_BITS | FLASH_READ_ID, error) &&
         bpg_rom_chip_write_register (self, SPI_W0, 0, error) &&
         bpg_rom_chip_write_register (self, SPI_CMD, SPI_CMD_USR, error) &&
         bpg_rom_chip_read_register (self, SPI_W0, answer, error);
}

gboolean
bpg_rom_chip_read_flash_id (BpgRomChip *self, guint32 *id, GError **error)
{
  guint32 user, user2;

  if (!bpg_rom_chip_read_register (self, SPI_USER, &user, error) ||
      !bpg_rom_chip_read_register (self, SPI_USER2, &user2, error) || !ask_flash (self, id, error))
    return FALSE;
  return bpg_rom_chip_write_register (self, SPI_USER, user, error) &&
         bpg_rom_chip_write_register (self, SPI_USER2, user2, error);
}

gboolean
bpg_rom_chip_set_flash_size (BpgRomChip *self, guint32 bytes, GError **error)
{
  guint8 body[24] = {0};
  BpgRomReply reply;

  put_u32 (body + 4, bytes);
  put_u32 (body + 8, FLASH_BLOCK);
  put_u32 (body + 12, BPG_ROM_SECTOR);
  put_u32 (body + 16, FLASH_PAGE);
  put_u32 (body + 20, FLASH_STATUS_MASK);
  return ask_again (self, BPG_ROM_SPI_SET_PARAMS, body, sizeof body, ANSWER_MILLISECONDS, &reply,
                    "take the size of its flash", error);
}

gboolean
bpg_rom_chip_get_md5 (BpgRomChip *self, guint32 offset, guint32 length, guint8 *digest, GError **error)
{
  guint8 body[16] = {0};
  BpgRomReply reply;

  put_u32 (body, offset);
  put_u32 (body + 4, length);
  for (guint i = 0; i < TRIES; i++) {
    if (!ask_again (self, BPG_ROM_SPI_FLASH_MD5, body, sizeof body, bpg_rom_erase_milliseconds (length), &reply,
                    "tell what its flash holds", error))
      return FALSE;
    if (bpg_rom_md5_parse (&reply, digest))
      return TRUE;
  }
  g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, "What the chip tells of its flash is no MD5");
  return FALSE;
}

BpgRomOutcome
bpg_rom_chip_begin (BpgRomChip *self, gboolean deflated, guint32 offset, guint32 erase, guint32 blocks, guint32 block,
                    BpgRomReply *reply, GError **error)
{
  guint8 body[20];

  put_u32 (body, erase);
  put_u32 (body + 4, blocks);
  put_u32 (body + 8, block);
  put_u32 (body + 12, offset);
  put_u32 (body + 16, 0); /* not encrypted */
  return bpg_rom_chip_ask (self, deflated ? BPG_ROM_DEFL_BEGIN : BPG_ROM_FLASH_BEGIN, body, sizeof body,
                           bpg_rom_erase_milliseconds (erase), reply, error);
}

void
bpg_rom_chip_frame_block (GByteArray *wire, gboolean deflated, guint32 sequence, const guint8 *bytes, gsize length)
{
  g_autofree guint8 *body = g_malloc0 (16 + length);

  put_u32 (body, (guint32) length);
  put_u32 (body + 4, sequence);
  memcpy (body + 16, bytes, length);
  bpg_rom_request_append (wire, deflated ? BPG_ROM_DEFL_DATA : BPG_ROM_FLASH_DATA, body, 16 + length,
                          bpg_rom_checksum (bytes, length));
}

/* The speed. */

gboolean
bpg_rom_chip_change_baud (BpgRomChip *self, guint baud, GError **error)
{
  guint before = bpg_rom_line_get_baud (self->line);
  guint8 body[8] = {0};
  BpgRomReply reply;
  guint32 value;

  /* The second number is the speed before when a stub asks, and 0 here. */
  put_u32 (body, baud);
  if (!ask_again (self, BPG_ROM_CHANGE_BAUDRATE, body, sizeof body, ANSWER_MILLISECONDS, &reply, "change the speed",
                  error) ||
      !bpg_rom_line_set_baud (self->line, baud, error) ||
      !bpg_rom_sleep (SETTLE_MILLISECONDS, self->cancellable, error) || !drain (self, error))
    return FALSE;
  if (bpg_rom_chip_sync (self, TRIES, NULL) && bpg_rom_chip_read_register (self, SPI_USER, &value, NULL))
    return TRUE;
  if (!g_cancellable_set_error_if_cancelled (self->cancellable, error))
    g_set_error (error, BPG_ERROR, BPG_ERROR_TIMED_OUT, "The line does not carry %u baud", baud);
  bpg_rom_line_set_baud (self->line, before, NULL);
  return FALSE;
}
