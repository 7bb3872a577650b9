/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * An ATECC608-class secure element on the I2C bus (Microchip's data sheets of
 * ATECC508A and ATECC608A/B: I2C interface, commands, execution times). It
 * makes a P-256 key that never leaves it, and signs with it.
 *
 * Each function wakes the element, has it work, and puts it to idle. Between
 * polls it calls the caller's pause: a signature takes up to BPG_ATECC_SIGN_MS
 * in which the watchdog wants to be fed. What a disturbed line garbled is
 * tried again, BPG_ATECC_TRIES times in all.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BPG_ATECC_ADDRESS 0x60u /* as delivered */
#define BPG_ATECC_TRIES 3u
#define BPG_ATECC_SLOTS 16u
#define BPG_ATECC_PAYLOAD_MAX 64u

/* The longest that the commands take, in milliseconds. */
#define BPG_ATECC_RANDOM_MS 36u
#define BPG_ATECC_NONCE_MS 20u
#define BPG_ATECC_READ_MS 5u
#define BPG_ATECC_KEY_MS 653u
#define BPG_ATECC_SIGN_MS 665u

#define BPG_ATECC_DER_MAX 72u
#define BPG_ATECC_SPKI_SIZE 91u

enum bpg_atecc_result
{
  BPG_ATECC_OK,
  BPG_ATECC_ABSENT,   /* does not wake: nobody at the address, or the bus is stuck */
  BPG_ATECC_SILENT,   /* did not answer within its time */
  BPG_ATECC_GARBLED,  /* its answers have wrong lengths or checksums */
  BPG_ATECC_REFUSED,  /* it said no: see struct bpg_atecc's status */
  BPG_ATECC_UNLOCKED, /* its configuration is not locked, so its random numbers are none */
};

struct bpg_atecc
{
  uint8_t address;
  void (*pause) (void *data, uint32_t microseconds);
  void *data;
  uint8_t status; /* the element's last answer that was no result; 0 is "done" */
};

struct bpg_atecc_locks
{
  bool configuration;
  bool data;
};

/* Describes an element at the 7-bit @address. Nothing is sent. @pause waits
 * for so long, with @data. */
void bpg_atecc_init (struct bpg_atecc *atecc, uint8_t address,
                     void (*pause) (void *data, uint32_t microseconds), void *data);

/* Reads whether the element's two zones are locked. */
enum bpg_atecc_result bpg_atecc_read_locks (struct bpg_atecc *atecc,
                                            struct bpg_atecc_locks *locks);

/* Has it make 32 random bytes. */
enum bpg_atecc_result bpg_atecc_random (struct bpg_atecc *atecc, uint8_t bytes[32]);

/* Has it make a new private key in @slot, in place of the one there is, and
 * gives the public key: X and Y, big-endian. */
enum bpg_atecc_result bpg_atecc_make_key (struct bpg_atecc *atecc, unsigned slot,
                                          uint8_t public_key[64]);

/* Gives the public key of the private one in @slot. */
enum bpg_atecc_result bpg_atecc_public_key (struct bpg_atecc *atecc, unsigned slot,
                                            uint8_t public_key[64]);

/* Signs @hash (SHA-256) with the key in @slot: R and S, big-endian. */
enum bpg_atecc_result bpg_atecc_sign (struct bpg_atecc *atecc, unsigned slot,
                                      const uint8_t hash[32], uint8_t signature[64]);

/* Writes R and S as a DER sequence of two integers. Returns its length. */
size_t bpg_atecc_der (const uint8_t signature[64], uint8_t der[BPG_ATECC_DER_MAX]);

/* Writes a public key as a DER SubjectPublicKeyInfo. */
void bpg_atecc_spki (const uint8_t public_key[64], uint8_t spki[BPG_ATECC_SPKI_SIZE]);

/* The element's checksum: CRC-16, polynomial 0x8005, bits of a byte from the
 * lowest, no start value. */
uint16_t bpg_atecc_crc (const uint8_t *bytes, size_t length);
