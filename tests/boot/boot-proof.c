/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "boot-proof.h"

#include <string.h>

#include "boot/second-stage.h"
#include "control/port.h"
#include "control/slots.h"
#include "link/little-endian.h"

#define NOTHING 0u /* in a slot: no image that may start */
#define CONTENTS (1u + BOOT_PROOF_CONTENTS)
#define MODULUS_AT 33u
#define KEY_SIZE 422u
#define HARDWARE "proof"
#define HARDWARE_LENGTH 5u
#define STATES_MOST 16384u
#define TABLE_SIZE (2u * STATES_MOST)
#define CHANGES_MOST 8192u
#define CHANGES_TABLE (2u * CHANGES_MOST)
#define MASKS 8u

/* All that flash holds of an arm that is off. */
struct flash
{
  uint8_t copies[2][BPG_BOOT_RECORD_SIZE];
  uint8_t content[BPG_BOOT_SLOTS];
};

/* How the power is cut. */
enum cut
{
  NO_CUT,
  CUT_BEFORE, /* the operation does not happen */
  CUT_WITHIN, /* it is torn */
};

/* Versions of the images; two are alike. */
static const uint8_t versions[CONTENTS] = { 0, 2, 1, 2, 3 };

static uint8_t sectors[CONTENTS][BPG_FLASH_SECTOR];
static uint8_t blank[BPG_FLASH_SECTOR];
static uint8_t copies[2][BPG_FLASH_SECTOR];
static uint8_t key[KEY_SIZE];
static struct flash flash;
static uint8_t running;
static bool worn;           /* flash takes nothing */
static enum cut cut;        /* in the operation number cut_in */
static unsigned cut_in;
static unsigned operations; /* since the power came on */
static bool dead;

static struct boot_proof *proof;
static struct flash states[STATES_MOST];
static uint16_t table[TABLE_SIZE]; /* number of a state, from 1 on */
static struct
{
  uint8_t before[BPG_BOOT_RECORD_SIZE];
  uint8_t after[BPG_BOOT_RECORD_SIZE];
} changes[CHANGES_MOST];
static uint16_t changes_table[CHANGES_TABLE];
static unsigned changes_known;

static struct bpg_factory factory;
static struct bpg_binding binding;

/* Says what did not hold, once. */
static bool
hold (bool holds, const char *what)
{
  if (!holds && proof->broken == NULL)
    proof->broken = what;
  return holds;
}

static uint32_t
hash (uint32_t start, const void *bytes, size_t length)
{
  const uint8_t *at = bytes;

  for (size_t i = 0; i < length; i++)
    start = (start ^ at[i]) * 16777619u;
  return start;
}

static void
note (uint32_t value)
{
  proof->digest = hash (proof->digest, &value, sizeof value);
}

/* The machine */

/* A hash good enough to tell a handful of images apart. */
void
bpg_port_sha256 (const uint8_t *bytes, size_t length, uint8_t result[32])
{
  uint32_t value = hash (2166136261u, bytes, length);

  for (unsigned i = 0; i < 32; i += 4)
    {
      value = value * 1664525u + 1013904223u;
      bpg_put_u32 (result + i, value);
    }
}

bool
bpg_port_rsa_pss_verify (const uint8_t *spki, size_t spki_length, const uint8_t digest[32],
                         const uint8_t signature[384])
{
  return memcmp (signature, digest, 32) == 0;
}

uint8_t
bpg_port_firmware_slot (void)
{
  return running;
}

void
bpg_port_watchdog_feed (void)
{
}

const struct bpg_port_electrodes *
bpg_port_electrodes (void)
{
  static const struct bpg_port_electrodes electrodes = { .rate = 1000, .channels = 8 };

  return &electrodes;
}

uint32_t
bpg_port_flash_size (enum bpg_flash_area area)
{
  return area == BPG_FLASH_BOOT ? 2 * BPG_FLASH_SECTOR : BPG_FLASH_SECTOR;
}

const uint8_t *
bpg_port_flash_map (enum bpg_flash_area area)
{
  if (area == BPG_FLASH_BOOT)
    return copies[0];
  if (area == BPG_FLASH_FIRMWARE_A || area == BPG_FLASH_FIRMWARE_B)
    return sectors[flash.content[area - BPG_FLASH_FIRMWARE_A]];
  return blank;
}

/* Whether an operation happens; false with @torn when it happens in part. */
static bool
happens (bool *torn)
{
  *torn = false;
  if (dead || worn)
    return false;
  operations++;
  if (cut == NO_CUT || operations != cut_in)
    return true;
  dead = true;
  *torn = cut == CUT_WITHIN;
  return false;
}

bool
bpg_port_flash_erase (enum bpg_flash_area area, uint32_t offset)
{
  bool torn;
  bool done = happens (&torn);

  if (!done && !torn)
    return false;
  /* What is torn is neither the old nor the new: tear() sees to that. */
  if (area == BPG_FLASH_BOOT)
    memset (copies[offset / BPG_FLASH_SECTOR], torn ? 0xA5 : 0xFF, BPG_BOOT_RECORD_SIZE);
  else
    flash.content[area - BPG_FLASH_FIRMWARE_A] = NOTHING;
  return done;
}

static void remember_change (const uint8_t *before, const uint8_t *after);

/* Nothing but the boot record is written here. */
bool
bpg_port_flash_write (enum bpg_flash_area area, uint32_t offset, const uint8_t *bytes,
                      uint32_t length)
{
  unsigned copy = offset / BPG_FLASH_SECTOR;
  bool torn;
  bool done = happens (&torn);

  hold (area == BPG_FLASH_BOOT && length == BPG_BOOT_RECORD_SIZE, "something else was written");
  if (torn)
    memset (copies[copy], 0x5A, BPG_BOOT_RECORD_SIZE);
  if (!done)
    return false;
  remember_change (flash.copies[copy], bytes);
  memcpy (copies[copy], bytes, BPG_BOOT_RECORD_SIZE);
  return true;
}

static bool
replace_copy (unsigned copy, const uint8_t bytes[BPG_BOOT_RECORD_SIZE])
{
  return bpg_port_flash_erase (BPG_FLASH_BOOT, copy * BPG_FLASH_SECTOR)
         && bpg_port_flash_write (BPG_FLASH_BOOT, copy * BPG_FLASH_SECTOR, bytes,
                                  BPG_BOOT_RECORD_SIZE);
}

/* A SubjectPublicKeyInfo that is an RSA key of 3072 bits as far as anybody looks. */
static void
make_key (void)
{
  static const uint8_t head[MODULUS_AT]
    = { 0x30, 0x82, 0x01, 0xA2, 0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48,
        0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0x00, 0x03, 0x82, 0x01,
        0x8F, 0x00, 0x30, 0x82, 0x01, 0x8A, 0x02, 0x82, 0x01, 0x81, 0x00 };
  static const uint8_t exponent[] = { 0x02, 0x03, 0x01, 0x00, 0x01 };

  memset (key, 0xC7, sizeof key);
  memcpy (key, head, sizeof head);
  memcpy (key + KEY_SIZE - sizeof exponent, exponent, sizeof exponent);
}

static uint8_t *
put_tlv (uint8_t *at, unsigned type, const uint8_t *bytes, unsigned length)
{
  bpg_put_u16 (at, (uint16_t) type);
  bpg_put_u16 (at + 2, (uint16_t) length);
  memcpy (at + 4, bytes, length);
  return at + 4 + length;
}

static void
make_image (unsigned content)
{
  uint8_t *bytes = sectors[content];
  uint8_t *at = bytes + BPG_IMAGE_HEADER_SIZE + 4;
  uint8_t signature[BPG_RSA3072_SIZE] = { 0 };
  uint8_t digest[BPG_SHA256_SIZE];
  uint8_t key_hash[BPG_SHA256_SIZE];
  const uint8_t *rsa = key;
  size_t rsa_length = 0;

  hold (bpg_image_rsa_key (key, sizeof key, &rsa, &rsa_length), "the key is none");
  bpg_port_sha256 (rsa, rsa_length, key_hash);
  memset (bytes, 0, BPG_IMAGE_HEADER_SIZE);
  bpg_put_u32 (bytes, BPG_IMAGE_MAGIC);
  bpg_put_u16 (bytes + 8, BPG_IMAGE_HEADER_SIZE);
  bpg_put_u16 (bytes + 10, 4 + 4 + HARDWARE_LENGTH);
  bpg_put_u32 (bytes + 12, 4);
  bytes[20] = versions[content];
  bpg_put_u32 (bytes + BPG_IMAGE_HEADER_SIZE, content);
  bpg_put_u16 (at, BPG_IMAGE_PROTECTED_MAGIC);
  bpg_put_u16 (at + 2, 4 + 4 + HARDWARE_LENGTH);
  at = put_tlv (at + 4, BPG_IMAGE_TLV_HARDWARE, (const uint8_t *) HARDWARE, HARDWARE_LENGTH);
  bpg_port_sha256 (bytes, (size_t) (at - bytes), digest);
  memcpy (signature, digest, sizeof digest);
  bpg_put_u16 (at, BPG_IMAGE_TLV_MAGIC);
  bpg_put_u16 (at + 2, 4 + 3 * 4 + 2 * BPG_SHA256_SIZE + BPG_RSA3072_SIZE);
  at = put_tlv (at + 4, BPG_IMAGE_TLV_SHA256, digest, sizeof digest);
  at = put_tlv (at, BPG_IMAGE_TLV_KEY_HASH, key_hash, sizeof key_hash);
  put_tlv (at, BPG_IMAGE_TLV_RSA3072_PSS, signature, sizeof signature);
}

static void
prepare (struct boot_proof *wanted)
{
  proof = wanted;
  make_key ();
  memset (blank, 0xFF, sizeof blank);
  memset (copies, 0xFF, sizeof copies);
  memset (sectors, 0xFF, sizeof sectors);
  for (unsigned content = 1; content < CONTENTS; content++)
    make_image (content);
  memset (&binding, 0, sizeof binding);
  memset (&factory, 0, sizeof factory);
  factory.hw = (struct bpg_text){ HARDWARE, HARDWARE_LENGTH };
  factory.release = (struct bpg_bytes){ key, sizeof key };
}

/* The second stage runs; @built_in as there. */
static void
start_firmware (bool built_in, struct bpg_second_stage_result *result)
{
  static const struct bpg_image_crypto crypto = {
    .sha256 = bpg_port_sha256,
    .rsa_pss_verify = bpg_port_rsa_pss_verify,
  };
  const struct bpg_second_stage_machine machine = {
    .copies = { copies[0], copies[1] },
    .slots = { bpg_port_flash_map (BPG_FLASH_FIRMWARE_A), bpg_port_flash_map (BPG_FLASH_FIRMWARE_B) },
    .slot_size = BPG_FLASH_SECTOR,
    .replace_copy = replace_copy,
    .crypto = &crypto,
    .key = key,
    .key_length = sizeof key,
    .hardware = HARDWARE,
    .hardware_length = HARDWARE_LENGTH,
    .built_in = built_in,
  };

  bpg_second_stage_run (&machine, result);
  running = result->slot;
  proof->starts++;
}

static void
power_on (const struct flash *state, enum cut wanted_cut, unsigned wanted_in)
{
  flash = *state;
  memcpy (copies[0], flash.copies[0], BPG_BOOT_RECORD_SIZE);
  memcpy (copies[1], flash.copies[1], BPG_BOOT_RECORD_SIZE);
  cut = wanted_cut;
  cut_in = wanted_in;
  operations = 0;
  dead = false;
}

/* All choices */

static bool
is_valid (unsigned slot)
{
  return slot < BPG_BOOT_SLOTS && flash.content[slot] != NOTHING;
}

static unsigned
version_in (unsigned slot)
{
  return versions[flash.content[slot]];
}

static void
read_tag (unsigned content, uint8_t tag[BPG_BOOT_TAG_SIZE])
{
  struct bpg_image image;

  memset (tag, 0x77, BPG_BOOT_TAG_SIZE);
  if (content != NOTHING && bpg_image_parse (sectors[content], BPG_FLASH_SECTOR, &image) == BPG_IMAGE_OK)
    memcpy (tag, image.hash, BPG_BOOT_TAG_SIZE);
}

static bool
is_good (const struct bpg_boot_entry *entry, unsigned slot)
{
  uint8_t tag[BPG_BOOT_TAG_SIZE];

  read_tag (flash.content[slot], tag);
  return is_valid (slot) && memcmp (tag, entry->tags[slot], sizeof tag) == 0;
}

/* Whether the candidate is to have its start, by the design's words. */
static bool
may_try (const struct bpg_boot_entry *entry)
{
  if (entry->state != BPG_BOOT_PENDING || !is_valid (entry->candidate))
    return false;
  return (entry->flags & BPG_BOOT_DOWNGRADE) || !is_valid (entry->confirmed)
         || version_in (entry->candidate) >= version_in (entry->confirmed);
}

/* What starts when the candidate does not. */
static unsigned
expect_without (const struct bpg_boot_entry *entry, bool built_in)
{
  if (is_valid (entry->confirmed))
    return entry->confirmed;
  for (unsigned slot = 0; slot < BPG_BOOT_SLOTS; slot++)
    {
      if (is_good (entry, slot))
        return slot;
    }
  if (built_in || (!is_valid (0) && !is_valid (1)))
    return BPG_BOOT_NO_SLOT;
  if (!is_valid (1))
    return 0;
  return is_valid (0) && version_in (0) >= version_in (1) ? 0 : 1;
}

/* What the record says now. */
static bool
load_entry (struct bpg_boot_entry *entry)
{
  struct bpg_boot_record record;
  bool found;

  bpg_boot_record_load (copies[0], copies[1], &record, &found);
  *entry = record.entries[BPG_IMAGE_FIRMWARE];
  return found;
}

/* One start from what flash holds, against what is expected of it. */
static bool
check_start (const struct bpg_boot_entry *before, bool built_in)
{
  struct bpg_second_stage_result result;
  struct bpg_boot_entry after;
  bool tries = may_try (before) && !worn;
  unsigned expected = tries ? before->candidate : expect_without (before, built_in);

  start_firmware (built_in, &result);
  note (result.slot | (uint32_t) result.choice << 8);
  load_entry (&after);
  if (!hold (result.slot == expected, "another slot started than was to")
      || !hold ((result.choice == BPG_BOOT_CHOSE_NOTHING) == (expected == BPG_BOOT_NO_SLOT),
                "nothing was chosen where something starts"))
    return false;
  if (worn)
    return hold (memcmp (&after, before, sizeof after) == 0, "worn flash changed");
  if (tries && !(before->flags & BPG_BOOT_PERMANENT))
    return hold (result.choice == BPG_BOOT_CHOSE_TRIAL && after.state == BPG_BOOT_TRIAL
                   && after.confirmed == before->confirmed,
                 "a trial was not written down");
  return hold (after.state == BPG_BOOT_STABLE
                 && (before->state == BPG_BOOT_STABLE || after.candidate == BPG_BOOT_NO_SLOT)
                 && (expected == BPG_BOOT_NO_SLOT || after.confirmed == expected),
               "a start left the record unsettled");
}

static bool
check_choice (const struct bpg_boot_record *record, bool built_in)
{
  const struct bpg_boot_entry *entry = &record->entries[BPG_IMAGE_FIRMWARE];
  struct bpg_boot_entry next;
  struct flash state = flash;

  proof->choices++;
  memset (state.copies, 0xFF, sizeof state.copies);
  bpg_boot_record_encode (record, state.copies[record->sequence & 1]);
  power_on (&state, NO_CUT, 0);
  if (!check_start (entry, built_in))
    return false;
  /* And the start after it: a trial was its only one. */
  load_entry (&next);
  return check_start (&next, built_in);
}

/* All tags there can be, and all contents of the slots. */
static bool
check_contents (struct bpg_boot_record *record)
{
  struct bpg_boot_entry *entry = &record->entries[BPG_IMAGE_FIRMWARE];
  bool ok = true;

  for (unsigned pair = 0; pair < CONTENTS * CONTENTS && ok; pair++)
    for (unsigned tags = 0; tags < 9 && ok; tags++)
      for (unsigned way = 0; way < 8 && ok; way++)
        {
          memset (entry->tags, 0, sizeof entry->tags);
          flash.content[0] = (uint8_t) (pair % CONTENTS);
          flash.content[1] = (uint8_t) (pair / CONTENTS);
          for (unsigned slot = 0; slot < 2; slot++)
            {
              unsigned tag = slot == 0 ? tags % 3 : tags / 3;

              /* None, that of what is there, that of something else. */
              if (tag != 0)
                read_tag (tag == 1 ? flash.content[slot] : NOTHING, entry->tags[slot]);
            }
          record->sequence = 40 + (way >> 2);
          worn = way >> 1 & 1;
          ok = check_choice (record, way & 1);
        }
  worn = false;
  return ok;
}

bool
boot_proof_choices (struct boot_proof *wanted)
{
  static const uint8_t slot_or_none[] = { 0, 1, BPG_BOOT_NO_SLOT };
  struct bpg_boot_record record;
  struct bpg_boot_entry *entry = &record.entries[BPG_IMAGE_FIRMWARE];

  prepare (wanted);
  bpg_boot_record_init (&record);
  for (unsigned state = BPG_BOOT_STABLE; state <= BPG_BOOT_TRIAL; state++)
    for (unsigned slots = 0; slots < 9; slots++)
      for (unsigned flags = 0; flags < 4; flags++)
        {
          entry->state = (uint8_t) state;
          entry->confirmed = slot_or_none[slots % 3];
          entry->candidate = slot_or_none[slots / 3];
          entry->flags = (uint8_t) flags;
          /* Such a record is refused when it is read. */
          if (state != BPG_BOOT_STABLE && entry->candidate == BPG_BOOT_NO_SLOT)
            continue;
          if (!check_contents (&record))
            return false;
        }
  return true;
}

/* Torn writes */

static void
remember_change (const uint8_t *before, const uint8_t *after)
{
  uint32_t at = hash (hash (2166136261u, before, BPG_BOOT_RECORD_SIZE), after, BPG_BOOT_RECORD_SIZE);

  for (at %= CHANGES_TABLE; changes_table[at] != 0; at = (at + 1) % CHANGES_TABLE)
    {
      if (memcmp (changes[changes_table[at] - 1].before, before, BPG_BOOT_RECORD_SIZE) == 0
          && memcmp (changes[changes_table[at] - 1].after, after, BPG_BOOT_RECORD_SIZE) == 0)
        return;
    }
  if (!hold (changes_known < CHANGES_MOST, "there are more changes than there is room for"))
    return;
  memcpy (changes[changes_known].before, before, BPG_BOOT_RECORD_SIZE);
  memcpy (changes[changes_known].after, after, BPG_BOOT_RECORD_SIZE);
  changes_table[at] = (uint16_t) ++changes_known;
}

/* A torn copy says what it said, what it was to say, or nothing. */
static void
check_torn (const uint8_t *torn, const uint8_t *before, const uint8_t *after)
{
  struct bpg_boot_record record;

  proof->torn++;
  hold (!bpg_boot_record_decode (torn, &record) || memcmp (torn, before, BPG_BOOT_RECORD_SIZE) == 0
          || memcmp (torn, after, BPG_BOOT_RECORD_SIZE) == 0,
        "a torn record says what nobody wrote");
}

/* Tears the erase and the write at each byte, with some bits of that one; and
 * all bytes at once, as flash that works on a whole page may leave them. */
static void
tear (const uint8_t *before, const uint8_t *after, uint32_t seed)
{
  static const uint8_t masks[MASKS] = { 0x00, 0x01, 0x80, 0x0F, 0xF0, 0x55, 0xAA, 0x7F };
  uint8_t torn[BPG_BOOT_RECORD_SIZE];

  for (unsigned at = 0; at < BPG_BOOT_RECORD_SIZE; at++)
    for (unsigned i = 0; i < MASKS; i++)
      {
        memset (torn, 0xFF, at);
        memcpy (torn + at, before + at, BPG_BOOT_RECORD_SIZE - at);
        torn[at] |= masks[i];
        check_torn (torn, before, after);
        memset (torn, 0xFF, sizeof torn);
        memcpy (torn, after, at);
        torn[at] = (uint8_t) (after[at] | masks[i]);
        check_torn (torn, before, after);
      }
  for (unsigned i = 0; i < 2 * MASKS; i++)
    {
      for (unsigned at = 0; at < BPG_BOOT_RECORD_SIZE; at++)
        {
          seed = seed * 1664525u + 1013904223u;
          torn[at] = (uint8_t) ((i & 1 ? before : after)[at] | seed >> 24);
        }
      check_torn (torn, before, after);
    }
}

/* All that an arm can come to */

/* Flash as it is, its record with low numbers: their order is what counts. */
static void
power_off (struct flash *state)
{
  struct bpg_boot_record records[2];
  bool whole[2];
  bool first_is_older;

  *state = flash;
  for (unsigned copy = 0; copy < 2; copy++)
    whole[copy] = bpg_boot_record_decode (copies[copy], &records[copy]);
  first_is_older = !whole[0]
                   || (whole[1] && (int32_t) (records[0].sequence - records[1].sequence) < 0);
  for (unsigned copy = 0; copy < 2; copy++)
    {
      memset (state->copies[copy], 0xFF, BPG_BOOT_RECORD_SIZE);
      if (!whole[copy])
        continue;
      records[copy].sequence = first_is_older == (copy == 0) ? 1 : 2;
      bpg_boot_record_encode (&records[copy], state->copies[copy]);
    }
}

static void
add_state (const struct flash *state)
{
  uint32_t at = hash (2166136261u, state, sizeof *state) % TABLE_SIZE;

  for (; table[at] != 0; at = (at + 1) % TABLE_SIZE)
    {
      if (memcmp (&states[table[at] - 1], state, sizeof *state) == 0)
        return;
    }
  if (!hold (proof->states < STATES_MOST, "there are more states than there is room for"))
    return;
  states[proof->states] = *state;
  table[at] = (uint16_t) ++proof->states;
}

/* What the program may do. */
enum action
{
  DO_NOTHING,
  DO_CONFIRM,
  DO_WITHDRAW,
  DO_ERASE,
  DO_ERASE_LAST = DO_ERASE + 1,
  DO_PENDING, /* slot and flags */
  DO_PENDING_LAST = DO_PENDING + 7,
  DO_UPLOAD, /* of each content */
  DO_UPLOAD_LAST = DO_UPLOAD + 3,
  ACTIONS,
};

/* The slot that an upload goes to holds nothing for a while, then @content. */
static void
upload (struct bpg_slots *slots, uint8_t content)
{
  unsigned slot;
  bool torn;

  if (!bpg_slots_target (slots, BPG_IMAGE_FIRMWARE, &slot)
      || bpg_slots_withdraw (slots, BPG_IMAGE_FIRMWARE) != BPG_ARM_OK)
    return;
  hold (!bpg_slots_is_needed (slots, BPG_IMAGE_FIRMWARE, slot), "an upload goes where it must not");
  if (!bpg_port_flash_erase (bpg_slots_area (BPG_IMAGE_FIRMWARE, slot), 0))
    return;
  if (happens (&torn))
    flash.content[slot] = content;
}

static void
act (unsigned action, unsigned contents)
{
  struct bpg_slots slots;

  bpg_slots_load (&slots, &factory, &binding, false, 0);
  hold (slots.active[BPG_IMAGE_FIRMWARE] == running, "the program does not know which one it is");
  proof->actions++;
  if (action == DO_CONFIRM)
    bpg_slots_confirm (&slots, BPG_IMAGE_FIRMWARE);
  else if (action == DO_WITHDRAW)
    bpg_slots_withdraw (&slots, BPG_IMAGE_FIRMWARE);
  else if (action >= DO_ERASE && action <= DO_ERASE_LAST)
    bpg_slots_erase (&slots, BPG_IMAGE_FIRMWARE, action - DO_ERASE);
  else if (action >= DO_PENDING && action <= DO_PENDING_LAST)
    bpg_slots_set_pending (&slots, BPG_IMAGE_FIRMWARE, (action - DO_PENDING) / 4,
                           (uint8_t) ((action - DO_PENDING) % 4));
  else if (action >= DO_UPLOAD && action - DO_UPLOAD < contents)
    upload (&slots, (uint8_t) (1 + action - DO_UPLOAD));
}

/* What starts from @state: the image, or NOTHING. */
static unsigned
find_outcome (const struct flash *state, bool built_in)
{
  struct bpg_boot_entry before;

  power_on (state, NO_CUT, 0);
  load_entry (&before);
  check_start (&before, built_in);
  return running == BPG_BOOT_NO_SLOT ? NOTHING : flash.content[running];
}

/* One start from @state, and one thing the program does after it; returns the
 * operations in flash that both took. */
static unsigned
step (const struct flash *state, bool built_in, unsigned action, unsigned contents, enum cut wanted,
      unsigned in, struct flash *after)
{
  struct bpg_second_stage_result result;

  power_on (state, wanted, in);
  start_firmware (built_in, &result);
  if (action != DO_NOTHING && !dead && (built_in || running != BPG_BOOT_NO_SLOT))
    act (action, contents);
  power_off (after);
  return operations;
}

/* An arm that could start can, whatever is done to it and whenever it is cut:
 * with what would have started before, or with what would have after. */
static void
explore (const struct flash *state, bool built_in, unsigned action, unsigned contents)
{
  struct flash begun, done, left;
  unsigned total, before, after, outcome;

  step (state, built_in, DO_NOTHING, contents, NO_CUT, 0, &begun);
  total = step (state, built_in, action, contents, NO_CUT, 0, &done);
  add_state (&done);
  before = find_outcome (state, built_in);
  outcome = find_outcome (&begun, built_in);
  after = find_outcome (&done, built_in);
  hold (built_in || after != NOTHING, "what was done left nothing that starts");
  for (unsigned in = 1; in <= total; in++)
    for (enum cut how = CUT_BEFORE; how <= CUT_WITHIN; how++)
      {
        unsigned now;

        step (state, built_in, action, contents, how, in, &left);
        add_state (&left);
        proof->cuts++;
        now = find_outcome (&left, built_in);
        note (now);
        hold (now == before || now == outcome || now == after,
              "after a cut neither the old nor the new starts");
        hold (built_in || now != NOTHING, "after a cut nothing starts");
      }
}

bool
boot_proof_reach (struct boot_proof *wanted, bool built_in, unsigned contents)
{
  struct flash made;
  uint32_t earlier = wanted->states;

  prepare (wanted);
  memset (table, 0, sizeof table);
  memset (changes_table, 0, sizeof changes_table);
  changes_known = 0;
  proof->states = 0;

  /* As the maker leaves it: an image in the first slot, and no record. */
  memset (&made, 0, sizeof made);
  memset (made.copies, 0xFF, sizeof made.copies);
  made.content[0] = built_in ? NOTHING : 1;
  add_state (&made);
  for (unsigned i = 0; i < proof->states && proof->broken == NULL; i++)
    for (unsigned action = DO_NOTHING; action < ACTIONS; action++)
      explore (&states[i], built_in, action, contents);
  for (unsigned i = 0; i < changes_known; i++)
    tear (changes[i].before, changes[i].after, i);
  proof->changes += changes_known;
  note (proof->states);
  proof->states += earlier;
  return proof->broken == NULL;
}
