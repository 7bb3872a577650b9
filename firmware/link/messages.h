/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What is said over SMP: groups, commands, and for each request and reply a
 * structure with one table of its keys, from which both ends encode and
 * decode. MCUmgr's groups use MCUmgr's keys; group 64 is ours.
 *
 * Texts and byte strings of a decoded structure point into the packet. A key
 * that is optional is left out when its value is 0, false or without bytes,
 * and reads so when it is absent. Unknown keys are passed over.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "link/cbor.h"
#include "link/smp.h"

enum bpg_group
{
  BPG_GROUP_OS = 0,
  BPG_GROUP_IMAGE = 1,
  BPG_GROUP_ARM = 64,
};

enum bpg_os_command
{
  BPG_OS_ECHO = 0,
  BPG_OS_DATETIME = 4,
  BPG_OS_RESET = 5,
  BPG_OS_PARAMS = 6,
  BPG_OS_INFO = 7,
};

enum bpg_image_command
{
  BPG_IMAGE_STATE = 0,
  BPG_IMAGE_UPLOAD = 1,
  BPG_IMAGE_ERASE = 5,
  BPG_IMAGE_SLOT_INFO = 6,
};

enum bpg_arm_command
{
  BPG_ARM_IDENTITY = 0,
  BPG_ARM_CHALLENGE = 1,
  BPG_ARM_BIND = 2,
  BPG_ARM_UNBIND = 3,
  BPG_ARM_PARAMETERS = 4,
  BPG_ARM_STREAM = 5,
  BPG_ARM_STATUS = 6,
  BPG_ARM_TRIAL = 7,
  BPG_ARM_USAGE = 8,
  BPG_ARM_USAGE_CONFIRM = 9,
  BPG_ARM_BENCH = 10,
  BPG_ARM_IDENTIFY = 11,
  BPG_ARM_FALL_BACK = 12,
};

/* Errors of group 64; replies of other groups carry them too, in "err" with
 * group 64, where MCUmgr has no word for the reason. */
enum bpg_arm_error
{
  BPG_ARM_OK = 0,
  BPG_ARM_ERROR_UNKNOWN = 1,
  BPG_ARM_ERROR_INVALID = 2,
  BPG_ARM_ERROR_WRONG_STATE = 3,
  BPG_ARM_ERROR_BUSY = 4,
  BPG_ARM_ERROR_BATTERY_LOW = 5,
  BPG_ARM_ERROR_NOT_BOUND = 6,
  BPG_ARM_ERROR_SIGNATURE = 7,
  BPG_ARM_ERROR_INCOMPATIBLE = 8,
  BPG_ARM_ERROR_NO_SPACE = 9,
  BPG_ARM_ERROR_VERSION_OLD = 10,
  BPG_ARM_ERROR_CORRUPT = 11,
  BPG_ARM_ERROR_LIMIT = 12,
  BPG_ARM_ERROR_NOT_AUTHORISED = 13,
};

/* MCUmgr's own codes ("rc" of SMP version 1). */
enum bpg_smp_error
{
  BPG_SMP_OK = 0,
  BPG_SMP_ERROR_UNKNOWN = 1,
  BPG_SMP_ERROR_NO_MEMORY = 2,
  BPG_SMP_ERROR_INVALID = 3,
  BPG_SMP_ERROR_TIMEOUT = 4,
  BPG_SMP_ERROR_NO_ENTRY = 5,
  BPG_SMP_ERROR_BAD_STATE = 6,
  BPG_SMP_ERROR_TOO_LARGE = 7,
  BPG_SMP_ERROR_NOT_SUPPORTED = 8,
  BPG_SMP_ERROR_CORRUPT = 9,
  BPG_SMP_ERROR_BUSY = 10,
  BPG_SMP_ERROR_ACCESS_DENIED = 11,
};

#define BPG_ELEMENT_NONCE_SIZE 32
#define BPG_CHALLENGE_PREFIX "BionicPRO challenge 1"
#define BPG_BENCH_PREFIX "BionicPRO bench 1"
#define BPG_BENCH_NONCE_SIZE 32u
#define BPG_LATENCY_BUCKETS 32
#define BPG_USAGE_RECORD_SIZE 32
/* Longest texts the arm takes or gives. */
#define BPG_DEVICE_ID_MAX 63
#define BPG_PATIENT_MAX 63
#define BPG_KEY_MAX 512
#define BPG_CERTIFICATE_MAX 1024

/* group 0 */

struct bpg_echo_request
{
  struct bpg_text d;
};

struct bpg_echo_reply
{
  struct bpg_text r;
};

struct bpg_datetime
{
  struct bpg_text datetime; /* yyyy-MM-dd'T'HH:mm:ss[.SSSSSS], UTC */
};

struct bpg_params_reply
{
  uint64_t buf_size;  /* largest packet, header included */
  uint64_t buf_count; /* requests that may be on their way at once */
};

struct bpg_info_request
{
  struct bpg_text format;
};

struct bpg_info_reply
{
  struct bpg_text output;
};

/* group 1 */

struct bpg_image_write_request
{
  struct bpg_bytes hash; /* SHA-256 of the image's hashed part; none = the running one */
  bool confirm;
  bool downgrade; /* ours: firmware may be older than what runs */
};

/* One entry of "images" in the state reply. */
struct bpg_image_entry
{
  uint64_t image;
  uint64_t slot;
  struct bpg_text version;
  struct bpg_bytes hash;
  bool bootable;
  bool pending;
  bool confirmed;
  bool active;
  bool permanent;
};

struct bpg_upload_request
{
  uint64_t image;
  uint64_t len; /* of the whole image; with off 0 */
  uint64_t off;
  struct bpg_bytes sha; /* SHA-256 of the whole image; with off 0 */
  struct bpg_bytes data;
  bool upgrade; /* refuse a version that is not higher */
};

struct bpg_upload_reply
{
  uint64_t rc;
  uint64_t off; /* where the arm wants the next data */
  bool match;   /* with the last reply: the SHA-256 fits */
};

struct bpg_erase_request
{
  bool has_slot;
  uint64_t slot; /* MCUmgr's count: image x 2 + slot; when absent the firmware's that does not run */
};

struct bpg_slot_info
{
  uint64_t slot;
  uint64_t size;
  uint64_t upload_image_id;
};

/* group 64 */

struct bpg_identity
{
  struct bpg_text id;
  struct bpg_text fp; /* hex SHA-256 of key */
  struct bpg_bytes key;
  struct bpg_bytes cert;
  struct bpg_text hw;
  struct bpg_text side;  /* "left", "right", "" */
  struct bpg_text state; /* "unbound", "binding", "bound" */
  struct bpg_text fw;
  uint64_t schema;
  struct bpg_text patient;
};

struct bpg_challenge_request
{
  struct bpg_bytes nonce;
};

struct bpg_challenge_reply
{
  struct bpg_bytes sig;
};

struct bpg_bind_request
{
  struct bpg_text patient;
  struct bpg_text side;
  struct bpg_bytes key;
  uint64_t timeout; /* seconds */
};

struct bpg_unbind_request
{
  uint64_t timeout; /* seconds; 0 = 60 */
};

struct bpg_state_reply
{
  struct bpg_text state; /* "unbound", "binding", "unbinding", "bound" */
};

struct bpg_parameters
{
  uint64_t fs;  /* Hz */
  uint64_t ch;
  uint64_t lsb; /* nano-units a count */
  struct bpg_text unit;
  uint64_t hp;    /* Hz, 0 = none */
  uint64_t notch; /* Hz, 0 = none */
  struct bpg_bytes model; /* SHA-256 of the whole active .bpm; empty when none */
};

struct bpg_stream_request
{
  bool samples;
  bool decisions;
  uint64_t batch; /* samples a frame; 0 = the arm's choice */
};

struct bpg_rc_reply
{
  uint64_t rc;
};

struct bpg_status
{
  uint64_t bat;
  uint64_t mv;
  int64_t temp;
  bool worn;
  uint64_t dead;
  uint64_t trial;
  uint64_t lat[BPG_LATENCY_BUCKETS];
  uint64_t dec;
  uint64_t up;
  uint64_t wrongline;
  uint64_t dropped; /* stream frames dropped because the line was full */
  uint64_t flash;   /* flash writes and erases since the arm was made */
  struct bpg_text boot;
};

struct bpg_trial_request
{
  uint64_t seconds;
};

struct bpg_usage_request
{
  uint64_t from;
};

/* The reply's records follow "rec" as an array of byte strings. */
struct bpg_usage_reply
{
  uint64_t first; /* sequence number of the first record in rec */
  uint64_t next;  /* of the first record not in rec */
  uint64_t lost;  /* records overwritten unread */
};

struct bpg_usage_confirm_request
{
  uint64_t upto; /* records before this number may go */
};

struct bpg_usage_confirm_reply
{
  uint64_t cleared;
};

struct bpg_identify_request
{
  uint64_t seconds;
};

/* What a board in bench mode takes in the electrodes' place: with @sig it is
 * unlocked, and starts anew with electrodes as the rest says; with @data they
 * deliver samples; with @press its button is pressed; with @off it ends. */
struct bpg_bench_request
{
  struct bpg_bytes sig; /* by the release key, of BPG_BENCH_PREFIX, id and nonce */
  uint64_t fs;
  uint64_t ch;
  uint64_t lsb; /* 1e-9 units a count */
  struct bpg_text unit;
  uint64_t hp;
  uint64_t notch;
  struct bpg_bytes data; /* int16, little-endian, all channels of a sample together */
  bool press; /* the arm's button */
  bool off;
};

struct bpg_bench_reply
{
  bool on;
  uint64_t room;          /* samples that would be taken now */
  struct bpg_bytes nonce; /* to be signed; another one with each reading */
};

struct bpg_fall_back_request
{
  uint64_t image;
};

/* Tables: one entry a key. */

enum bpg_field_type
{
  BPG_FIELD_UINT,  /* uint64_t */
  BPG_FIELD_INT,   /* int64_t */
  BPG_FIELD_BOOL,  /* bool */
  BPG_FIELD_TEXT,  /* struct bpg_text */
  BPG_FIELD_BYTES, /* struct bpg_bytes */
};

struct bpg_field
{
  const char *key;
  uint8_t type; /* enum bpg_field_type */
  bool required;
  uint16_t offset;
};

struct bpg_format
{
  const struct bpg_field *fields;
  size_t n_fields;
  size_t size; /* of the structure */
};

/* Appends the keys and values of @message, without opening or closing a map. */
void bpg_message_write (const struct bpg_format *format, const void *message,
                        struct bpg_cbor_writer *writer);

/*
 * Reads @message from the members of @map. Returns false when a required key
 * is absent or a known key has another type.
 */
bool bpg_message_read (const struct bpg_format *format, const struct bpg_cbor_item *map,
                       void *message);

/* Every message that is a flat map. */
#define BPG_MESSAGES(EACH)                                                                        \
  EACH (echo_request)                                                                             \
  EACH (echo_reply)                                                                               \
  EACH (datetime)                                                                                 \
  EACH (params_reply)                                                                             \
  EACH (info_request)                                                                             \
  EACH (info_reply)                                                                               \
  EACH (image_write_request)                                                                      \
  EACH (image_entry)                                                                              \
  EACH (upload_request)                                                                           \
  EACH (upload_reply)                                                                             \
  EACH (slot_info)                                                                                \
  EACH (identity)                                                                                 \
  EACH (challenge_request)                                                                        \
  EACH (challenge_reply)                                                                          \
  EACH (bind_request)                                                                             \
  EACH (unbind_request)                                                                           \
  EACH (state_reply)                                                                              \
  EACH (parameters)                                                                               \
  EACH (stream_request)                                                                           \
  EACH (rc_reply)                                                                                 \
  EACH (trial_request)                                                                            \
  EACH (usage_request)                                                                            \
  EACH (usage_confirm_request)                                                                    \
  EACH (usage_confirm_reply)                                                                      \
  EACH (identify_request)                                                                         \
  EACH (fall_back_request)                                                                        \
  EACH (bench_request)                                                                            \
  EACH (bench_reply)

/*
 * For each message NAME: bpg_NAME_encode() writes it as one map (overflow
 * shows in the writer), bpg_NAME_decode() reads it from a whole payload
 * (hostile input; false when it is not that message).
 */
#define BPG_MESSAGE(name)                                                                         \
  extern const struct bpg_format bpg_##name##_format;                                            \
  static inline void bpg_##name##_encode (const struct bpg_##name *message,                      \
                                          struct bpg_cbor_writer *writer)                        \
  {                                                                                               \
    bpg_cbor_open_map (writer);                                                                   \
    bpg_message_write (&bpg_##name##_format, message, writer);                                    \
    bpg_cbor_close (writer);                                                                      \
  }                                                                                               \
  static inline bool bpg_##name##_decode (const uint8_t *payload, size_t length,                  \
                                          struct bpg_##name *message)                            \
  {                                                                                               \
    struct bpg_cbor_item map;                                                                     \
                                                                                                  \
    return bpg_cbor_read_map (payload, length, &map)                                              \
           && bpg_message_read (&bpg_##name##_format, &map, message);                             \
  }

BPG_MESSAGES (BPG_MESSAGE)

/* Messages that are more than a flat map. */

/* The erase request, whose slot may be left open. */
void bpg_erase_request_encode (const struct bpg_erase_request *request,
                               struct bpg_cbor_writer *writer);
bool bpg_erase_request_decode (const uint8_t *payload, size_t length,
                               struct bpg_erase_request *request);

/* The status, with "lat" as an array of BPG_LATENCY_BUCKETS numbers. */
void bpg_status_encode (const struct bpg_status *status, struct bpg_cbor_writer *writer);
bool bpg_status_decode (const uint8_t *payload, size_t length, struct bpg_status *status);

/* The image state: "images", an array of up to @n_entries entries. */
void bpg_image_state_encode (const struct bpg_image_entry *entries, size_t n_entries,
                             struct bpg_cbor_writer *writer);
/* Reads at most @capacity entries; @n_entries says how many there were. */
bool bpg_image_state_decode (const uint8_t *payload, size_t length,
                             struct bpg_image_entry *entries, size_t capacity, size_t *n_entries);

/* Slot info: for each image its slots. @slots holds two for each image. */
void bpg_slot_info_encode_all (const struct bpg_slot_info *slots, size_t n_images,
                               struct bpg_cbor_writer *writer);

/* Usage: @records are @n_records records of BPG_USAGE_RECORD_SIZE bytes. */
void bpg_usage_reply_encode (const struct bpg_usage_reply *reply, const uint8_t *records,
                             size_t n_records, struct bpg_cbor_writer *writer);
/* @rec becomes the array item; step through it with bpg_usage_next_record. */
bool bpg_usage_reply_decode (const uint8_t *payload, size_t length, struct bpg_usage_reply *reply,
                             struct bpg_cbor_item *rec);
/* The next record of @reader (begun on rec's bytes), NULL at the end or when
 * it is not BPG_USAGE_RECORD_SIZE long. */
const uint8_t *bpg_usage_next_record (struct bpg_cbor_reader *reader);

/* An error as version 2 says it: {"err": {"group", "rc"}}; version 1 (and
 * group 0 without a code of its own) says {"rc"}. */
void bpg_error_encode (uint8_t version, uint16_t group, uint16_t rc,
                       struct bpg_cbor_writer *writer);

/*
 * What a reply says about success. Returns false when the payload is not a
 * map. Else @rc is 0 for success; @group is the error's group, or @own_group
 * where the reply says {"rc"} alone.
 */
bool bpg_error_decode (const uint8_t *payload, size_t length, uint16_t own_group, uint16_t *group,
                       uint16_t *rc);

/* The name of a vendor error, for logs: "battery too low". Never NULL. */
const char *bpg_arm_strerror (unsigned rc);

/* Histogram bucket of a decision latency: bucket i holds
 * [2^(i/2), 2^((i+1)/2)) microseconds; 0 also what is shorter, 31 longer. */
unsigned bpg_latency_bucket (uint32_t microseconds);

/* Lower bound of bucket @bucket in microseconds. */
uint32_t bpg_latency_bucket_floor (unsigned bucket);

/*
 * Puts a packet together: the header is written before the payload that
 * @writer holds, which must have been begun by bpg_packet_begin on the same
 * buffer. Returns the packet's length, 0 when it did not fit.
 */
void bpg_packet_begin (struct bpg_cbor_writer *writer, uint8_t *packet, size_t capacity);
size_t bpg_packet_finish (struct bpg_cbor_writer *writer, const struct bpg_smp_header *header);

/* A header of version 2 for a request. */
struct bpg_smp_header bpg_request_header (enum bpg_smp_op op, uint16_t group, uint8_t command,
                                          uint8_t sequence);

/* A terminated text as a view. */
struct bpg_text bpg_text (const char *text);

/* True when @text is exactly the terminated @other. */
bool bpg_text_is (const struct bpg_text *text, const char *other);
