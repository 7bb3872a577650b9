/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* The messages of the ESP32-C3's ROM loader, as the documentation of esptool's serial protocol has them: header of eight
 * bytes (direction, command, length of the body, checksum or value), all numbers little-endian. */

typedef enum {
  BPG_ROM_FLASH_BEGIN = 0x02,
  BPG_ROM_FLASH_DATA = 0x03,
  BPG_ROM_FLASH_END = 0x04,
  BPG_ROM_SYNC = 0x08,
  BPG_ROM_WRITE_REG = 0x09,
  BPG_ROM_READ_REG = 0x0A,
  BPG_ROM_SPI_SET_PARAMS = 0x0B,
  BPG_ROM_SPI_ATTACH = 0x0D,
  BPG_ROM_CHANGE_BAUDRATE = 0x0F,
  BPG_ROM_DEFL_BEGIN = 0x10,
  BPG_ROM_DEFL_DATA = 0x11,
  BPG_ROM_DEFL_END = 0x12,
  BPG_ROM_SPI_FLASH_MD5 = 0x13,
  BPG_ROM_GET_SECURITY_INFO = 0x14,
} BpgRomCommand;

/* Why the loader says no. */
#define BPG_ROM_REASON_INVALID 0x05u
#define BPG_ROM_REASON_FAILED 0x06u
#define BPG_ROM_REASON_CHECKSUM 0x07u
#define BPG_ROM_REASON_FLASH_WRITE 0x08u
#define BPG_ROM_REASON_FLASH_READ 0x09u
#define BPG_ROM_REASON_FLASH_LENGTH 0x0Au
#define BPG_ROM_REASON_DEFLATE 0x0Bu

#define BPG_ROM_MD5_BYTES 16u

/**
 * BpgRomReply:
 * @value: READ_REG's answer, else of no meaning
 * @status: 0 when the loader did it, else @reason says why not
 * @data: what stands between the header and the status
 */
typedef struct {
  guint8 command;
  guint32 value;
  guint8 status;
  guint8 reason;
  const guint8 *data;
  gsize length;
} BpgRomReply;

/**
 * BpgRomSecurity:
 * @key_purposes: of the six key blocks, and one byte that is reserved
 * @chip_id: 5 is the ESP32-C3
 *
 * What GET_SECURITY_INFO tells.
 */
typedef struct {
  gboolean secure_boot;
  gboolean secure_download;
  guint8 crypt_count; /* SPI_BOOT_CRYPT_CNT: an odd number of bits switches the flash encryption on */
  guint8 key_purposes[7];
  guint32 chip_id;
  guint32 revision;
} BpgRomSecurity;

/**
 * bpg_rom_request_append:
 * @wire: where the frame goes
 * @checksum: of the data commands; 0 in all others
 */
void bpg_rom_request_append (GByteArray *wire, BpgRomCommand command, const guint8 *body, gsize length, guint8 checksum);

/**
 * bpg_rom_checksum:
 *
 * Returns: the exclusive-or of all bytes and 0xEF.
 */
guint8 bpg_rom_checksum (const guint8 *bytes, gsize length);

/**
 * bpg_rom_reply_parse:
 * @frame: a frame from the line, trusted in nothing
 * @reply: (out): points into @frame
 *
 * Returns: whether it is a reply whose length is what its header says, with the ROM's four bytes of status.
 */
gboolean bpg_rom_reply_parse (const guint8 *frame, gsize length, BpgRomReply *reply);

/**
 * bpg_rom_security_parse:
 *
 * Returns: whether the reply is that of a chip that tells its chip id.
 */
gboolean bpg_rom_security_parse (const BpgRomReply *reply, BpgRomSecurity *security);

/**
 * bpg_rom_security_is_encrypted:
 *
 * Returns: whether the flash is read through the decryption.
 */
gboolean bpg_rom_security_is_encrypted (const BpgRomSecurity *self);

/**
 * bpg_rom_md5_parse:
 * @digest: (out) (array fixed-size=16)
 *
 * Returns: whether the reply holds the ROM's 32 hexadecimal digits.
 */
gboolean bpg_rom_md5_parse (const BpgRomReply *reply, guint8 *digest);

/**
 * bpg_rom_flash_size_from_id:
 * @id: what the flash answers to 0x9F: maker, kind, capacity from the lowest byte
 *
 * Returns: bytes, or 0 when the capacity is none that is known.
 */
guint64 bpg_rom_flash_size_from_id (guint32 id);
