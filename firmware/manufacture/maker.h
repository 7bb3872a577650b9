/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What an arm is given in the factory: name, certificate, factory sector, QR code. */

#include "control/factory.h"
#include "manufacture/maker-key.h"

struct bpg_maker_order
{
  const char *device_id; /* 1..63 visible characters; NULL: made from the key */
  const char *hardware;  /* 1..31 characters, as containers name it */
  const char *ca;        /* folder of the maker's CA, made when it is not there */
  const char *release;   /* file with the release key (SPKI, PEM or DER), or NULL */
};

struct bpg_maker_arm
{
  char *device_id;
  char *fingerprint;  /* SHA-256 of the public key, hex */
  GBytes *certificate; /* DER */
  GBytes *sector;      /* for the beginning of the factory sector */
  char *code;          /* JSON, for the QR code */
};

/*
 * Makes up all of it for the arm whose element has the key @spki (P-256,
 * SubjectPublicKeyInfo DER). Returns false with G_IO_ERROR's InvalidArgument
 * for a name that does not do, or an error of maker-key.h.
 */
bool bpg_maker_make (const struct bpg_maker_order *order, GBytes *spki, struct bpg_maker_arm *arm,
                     GError **error);

/* Frees what bpg_maker_make() filled, also when it failed. */
void bpg_maker_arm_clear (struct bpg_maker_arm *arm);
