/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The secure element and the chip's cryptography, by GnuTLS. */

#include <glib.h>
#include <gnutls/abstract.h>
#include <stdbool.h>
#include <stdint.h>

struct sim_element
{
  gnutls_privkey_t key;
  /* The key last verified with, as it is nearly always the same. */
  gnutls_pubkey_t cached;
  uint8_t cached_hash[32];
};

/* Loads the element's key from a PEM file. */
bool sim_element_load (struct sim_element *element, const char *path, GError **error);

/* Forgets the key. */
void sim_element_clear (struct sim_element *element);

/* As bpg_port_sha256(). */
void sim_element_sha256 (const uint8_t *bytes, size_t length, uint8_t hash[32]);

/* As struct bpg_image_crypto's rsa_pss_verify; any other length does not hold. */
bool sim_element_rsa_pss_verify (struct sim_element *element, const uint8_t *spki,
                                 size_t spki_length, const uint8_t hash[32],
                                 const uint8_t *signature, size_t signature_length);

/* As bpg_port_element_sign(). */
size_t sim_element_sign (struct sim_element *element, const uint8_t hash[32],
                         uint8_t signature[72]);
