/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BPG_RECOGNITION_BPM_H
#define BPG_RECOGNITION_BPM_H

/*
 * The model file, `.bpm`.  Everything is little-endian; nothing in it is a float that the arm reads.
 *
 *  offset  type          what
 *       0  char[4]       "BPM1"
 *       4  u16           schema, BPG_BPM_SCHEMA
 *       6  u16           header length, BPG_BPM_HEADER_LENGTH
 *       8  u32           length of the whole file
 *      12  u8[32]        SHA-256 of everything from offset 44 on
 *      44  u32           sampling rate, Hz
 *      48  u64           electrode scale, 1e-9 units a count
 *      56  u8            unit (enum bpg_bpm_unit)
 *      57  u8            channels C
 *      58  u8            movements K
 *      59  u8            discriminant directions D
 *      60  u16           window, samples
 *      62  u16           hop, samples
 *      64  u16           mask of electrodes left out
 *      66  u16           flags: bit 0 = each movement has its own shape, bit 1 = a map for each lost electrode
 *      68  u64           variance floor, counts^2 in Q8
 *      76  u32           amplitude floor, counts in Q8
 *      80  u32           least step of a zero crossing or a turn, counts
 *      84  i32[12]       polynomial of the matrix logarithm, Q24 (spectral.h)
 *     132  u32           rejection: smoothed score of the nearest movement beyond which there is none, Q8
 *     136  u16           confidence: bits of evidence a unit of squared distance is worth in one window, Q8
 *     138  u16           rejection: least probability of a new movement, 0..1000
 *     140  u16           rejection: part of the newest score in the smoothed one, Q15
 *     142  u16           how many times as probable as the movement in force rest must be to end it
 *     144  u16           the same for another movement to take its place
 *     146  u16           most speed gained in one decision, 0..1000
 *     148  u16           most speed lost in one decision, 0..1000
 *     150  u16           part of the new strength in the smoothed one, Q15
 *     152  u32           strength below which speed is 0, counts in Q4
 *     156  u32           drift: figure over which today is not the day of training, Q8
 *     160  u32           drift: upper quartile of the distances of the training's movements, Q8
 *     164  u32           drift: mean of -ln (confidence) of the training's movements, Q16
 *     168  u64           created, microseconds of the real clock
 *     176  u32           version of the trainer
 *     180  u8[32]        SHA-256 (as at 12) of the model this was adapted from, or zeros
 *     212  char[32]      pseudonym of the subject, NUL-padded
 *     244  u16           repetitions trained on
 *     246  u16           reserved, 0
 *     248  u32           windows trained on
 *     252  char[128]     notes, NUL-padded UTF-8
 *     380  u32           length T of the training section
 *     384  u32           chance that a decision changes the movement to a given other one, Q30
 *     388  u32           chance, beyond that, that rest gives way to a given movement, Q30
 *     392  u32           chance, beyond that, that a movement gives way to rest, Q30
 *     396  u16           evidence: bits a unit of squared distance is worth between decisions, Q12
 *     398  u16           following: gain of a decision's distance at usual distances, Q16
 *     400  u16           following: share of it that moves all movements, Q15
 *     402  u16           following: factor of the gain in rest, Q15
 *     404  u16           following: farthest of the common and of each own shift, standard deviations in Q8
 *     406  u16           following: least probability of the decision, 0..1000
 *     408  u16           following: part that is forgotten in 64 decisions, Q16
 *     410  u16           following: part of the newest distance in the usual one, Q15
 *     412  u16           squared distance that a quiet window speaks against all movements, Q0
 *     414  u16           following: part of the newest window in the share that are like no movement, Q15
 *     416  u32           strength up to which a window is quiet, counts in Q4
 *     420  u8            interference: lag, samples; 0: is not looked for
 *     421  u8            reserved, 0
 *     422  i16[3]        interference: 2 cos (angular frequency x lag) of 50 Hz, 60 Hz and 0 Hz, Q14
 *     428  u16[3]        interference: smoothed share that it must leave, else there is no movement, Q15
 *     434  u16           interference: part of the newest share in the smoothed one, Q15
 *     436  u32           reserved, 0
 *     440  K x 32        movements: u8 gesture code, u8 0, u16 repetitions, u32 strength of full speed
 *                        (counts in Q4), char[24] name, NUL-padded
 *          F x 6         features: i32 centre (Q10), u16 scale (Q8 of Q11 a Q10)
 *          D x 2         right shift of each direction's sum, u16
 *          D x F x 2     directions, i16
 *          K x D x 2     movement centres, i16 in Q8
 *          K x 4         i32 added to a movement's squared distance, Q8
 *          K x D(D+1)/2 x 2   with flag bit 0: upper triangles, i16 in Q11
 *          C x M         with flag bit 1, for each electrode: u16 right shift of its map, D x i16 what is
 *                        added (Q8), D x D x i8 the map less the identity, padded to an even length
 *          T             training section: what adaptation needs; the arm passes it over
 *
 * F = C (C + 1) / 2 + 4 C.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "digest.h"
#include "limits.h"

#define BPG_BPM_SCHEMA 2u
#define BPG_BPM_HEADER_LENGTH 440u
#define BPG_BPM_HASHED_FROM 44u
#define BPG_BPM_LENGTH_MAX (256u * 1024u)
#define BPG_BPM_NAME_LENGTH 24u
#define BPG_BPM_SUBJECT_LENGTH 32u
#define BPG_BPM_NOTES_LENGTH 128u
#define BPG_BPM_POLYNOMIAL 12u
#define BPG_BPM_FLAG_SHAPES 1u
#define BPG_BPM_FLAG_MAPS 2u
#define BPG_BPM_CERTAIN (1u << 30) /* a probability of 1 */

/** BPG_BPM_MAP_LENGTH: bytes of one lost electrode's map among @dimensions directions. */
#define BPG_BPM_MAP_LENGTH(dimensions) (2u + 2u * (dimensions) + (((dimensions) * (dimensions) + 1u) & ~(size_t) 1u))

enum bpg_bpm_error
{
  BPG_BPM_ETRUNCATED = -1, /* shorter than it says, or than a header */
  BPG_BPM_EMAGIC = -2,     /* not a model */
  BPG_BPM_ESCHEMA = -3,    /* a schema this build does not know */
  BPG_BPM_EHASH = -4,      /* the contents do not match their hash */
  BPG_BPM_ERANGE = -5,     /* a field is outside what it may be */
  BPG_BPM_ELAYOUT = -6,    /* the sections do not add up to the length */
  BPG_BPM_ETOOBIG = -7,    /* the window does not fit the recogniser's memory */
  BPG_BPM_EALIGNMENT = -8, /* the bytes begin at an odd address */
};

enum bpg_bpm_unit
{
  BPG_UNIT_MICROVOLT = 1,
  BPG_UNIT_MYO_COUNT = 2,
  BPG_UNIT_MYO_FULL_SCALE = 3,
  BPG_UNIT_VOLT_AFTER_GAIN = 4,
};

struct bpg_feature_parameters
{
  uint64_t variance_floor;  /* counts^2, Q8 */
  uint32_t amplitude_floor; /* counts, Q8 */
  uint32_t least_step;      /* counts */
  int32_t polynomial[BPG_BPM_POLYNOMIAL]; /* Q24 */
};

struct bpg_decision_parameters
{
  uint32_t reject_score;      /* Q8 */
  uint16_t confidence_scale;  /* bits a unit of squared distance, Q8 */
  uint16_t reject_confidence; /* 0..1000 */
  uint16_t reject_new;        /* Q15 */
  uint16_t margin_rest;       /* factor */
  uint16_t margin_movement;   /* factor */
  uint16_t speed_rise;        /* 0..1000 a decision */
  uint16_t speed_fall;        /* 0..1000 a decision */
  uint16_t strength_new;      /* Q15 */
  uint32_t rest_strength;     /* counts, Q4 */
};

struct bpg_filter_parameters
{
  uint32_t change; /* Q30 */
  uint32_t begin;  /* Q30 */
  uint32_t rest;   /* Q30 */
  uint16_t scale;  /* bits a unit of squared distance, Q12 */
  uint16_t quiet;  /* squared distance, Q0 */
  uint32_t quiet_strength; /* counts, Q4 */
};

struct bpg_follow_parameters
{
  uint16_t rate;       /* Q16 */
  uint16_t common;     /* Q15 */
  uint16_t rest;       /* Q15 */
  uint16_t bound;      /* Q8 */
  uint16_t confidence; /* 0..1000 */
  uint16_t forget;     /* Q16 */
  uint16_t usual_new;  /* Q15 */
  uint16_t unknown_new; /* Q15 */
};

#define BPG_INTERFERENCES 3u /* mains of 50 and of 60 Hz, slow waves */

struct bpg_interference_parameters
{
  uint8_t lag;
  int16_t turn[BPG_INTERFERENCES];   /* Q14 */
  uint16_t limit[BPG_INTERFERENCES]; /* Q15 */
  uint16_t share_new;                    /* Q15 */
};

/* A parsed model: numbers decoded, tables pointed at inside the caller's bytes. */
struct bpg_bpm
{
  const uint8_t *bytes;
  size_t length;
  uint32_t rate;       /* Hz */
  uint64_t scale_nano; /* 1e-9 units a count */
  uint8_t unit;
  uint8_t channels;
  uint8_t movements;
  uint8_t dimensions;
  uint16_t features;
  uint16_t window; /* samples */
  uint16_t hop;    /* samples */
  uint16_t excluded;
  bool shapes;
  uint8_t rest; /* index of the movement with gesture code 0, UINT8_MAX without */
  struct bpg_feature_parameters feature;
  struct bpg_decision_parameters decision;
  struct bpg_filter_parameters filter;
  struct bpg_follow_parameters follow;
  struct bpg_interference_parameters interference;
  uint32_t drift_threshold; /* Q8 */
  uint32_t drift_typical;   /* Q8 */
  uint32_t drift_doubt;     /* Q16 */
  uint64_t created_us;
  uint32_t trainer_version;
  uint16_t repetitions;
  uint32_t windows;
  const uint8_t *digest;   /* 32 bytes */
  const uint8_t *parent;   /* 32 bytes */
  const char *subject;     /* BPG_BPM_SUBJECT_LENGTH bytes, NUL-terminated within */
  const char *notes;       /* BPG_BPM_NOTES_LENGTH bytes, NUL-terminated within */
  const uint8_t *movement_table;
  const uint8_t *feature_table;
  const uint8_t *direction_shifts;
  const uint8_t *directions;
  const uint8_t *centres;
  const uint8_t *offsets;
  const uint8_t *shape_table; /* NULL without shapes */
  const uint8_t *map_table;   /* NULL without maps */
  const uint8_t *training;
  size_t training_length;
};

/**
 * bpg_bpm_parse: check a model completely and decode its header.
 * @bytes: the file, at an even address; must outlive @model.
 * @length: its length in bytes.
 * @model: filled on success, of no meaning otherwise.
 *
 * The input is treated as hostile: every count is checked before it is used, the hash is verified,
 * and every number a later computation could overflow on is held to its bound here, so that a
 * parsed model can be run without further checks.
 *
 * Returns 0, or one of enum bpg_bpm_error.
 */
int bpg_bpm_parse (const uint8_t  *bytes,
                   size_t          length,
                   struct bpg_bpm *model);

/** bpg_bpm_strerror: an English sentence for @error; says what to do next. */
const char *bpg_bpm_strerror (int error);

/** bpg_bpm_gesture: gesture code of movement @index (0..movements-1). */
uint8_t bpg_bpm_gesture (const struct bpg_bpm *model,
                         unsigned              index);

/** bpg_bpm_name: NUL-terminated name of movement @index. */
const char *bpg_bpm_name (const struct bpg_bpm *model,
                          unsigned              index);

/** bpg_bpm_full_strength: strength (counts, Q4) at which movement @index runs at full speed. */
uint32_t bpg_bpm_full_strength (const struct bpg_bpm *model,
                                unsigned              index);

/** bpg_bpm_repetitions: repetitions of movement @index it was trained on. */
uint16_t bpg_bpm_repetitions (const struct bpg_bpm *model,
                              unsigned              index);

static inline uint16_t
bpg_load_u16 (const uint8_t *at)
{
  return (uint16_t) (at[0] | (unsigned) at[1] << 8);
}

static inline int16_t
bpg_load_i16 (const uint8_t *at)
{
  return (int16_t) bpg_load_u16 (at);
}

static inline uint32_t
bpg_load_u32 (const uint8_t *at)
{
  return (uint32_t) at[0] | (uint32_t) at[1] << 8 | (uint32_t) at[2] << 16 | (uint32_t) at[3] << 24;
}

static inline int32_t
bpg_load_i32 (const uint8_t *at)
{
  return (int32_t) bpg_load_u32 (at);
}

static inline uint64_t
bpg_load_u64 (const uint8_t *at)
{
  return (uint64_t) bpg_load_u32 (at + 4) << 32 | bpg_load_u32 (at);
}

/* All tables of 16-bit numbers begin at even offsets, so that a machine without unaligned access reads
 * each in one instruction. */
static inline int16_t
bpg_load_even_i16 (const uint8_t *at)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  int16_t value;

  __builtin_memcpy (&value, __builtin_assume_aligned (at, 2), sizeof value);
  return value;
#else
  return bpg_load_i16 (at);
#endif
}

#endif
