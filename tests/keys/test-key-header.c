/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The release key's header, as the chip's program sees it. */
#include "boot/image.h"
#include "release-key.h"

#include <glib.h>

/* As the ROM has it. */
struct rom_key
{
  uint8_t n[BPG_RSA3072_SIZE];
  uint32_t e;
  uint8_t rinv[BPG_RSA3072_SIZE];
  uint32_t mdash;
};

static const struct rom_key rom_key = BPG_RELEASE_KEY_FOR_ROM;

static void
test_same_key (void)
{
  const uint8_t *rsa;
  size_t length;

  g_assert_true (bpg_image_rsa_key (bpg_release_key, sizeof bpg_release_key, &rsa, &length));
  /* Two heads of four bytes, and the modulus's leading zero. */
  for (guint i = 0; i < BPG_RSA3072_SIZE; i++)
    g_assert_cmpuint (rsa[9 + i], ==, rom_key.n[BPG_RSA3072_SIZE - 1 - i]);
  g_assert_cmpuint (rom_key.e, ==, 65537);
}

static void
test_inverse (void)
{
  guint32 n = rom_key.n[0] | (guint32) rom_key.n[1] << 8 | (guint32) rom_key.n[2] << 16 | (guint32) rom_key.n[3] << 24;

  g_assert_cmphex (n * rom_key.mdash, ==, 0xffffffff);
  g_assert_cmpuint (rom_key.rinv[BPG_RSA3072_SIZE - 1], <=, rom_key.n[BPG_RSA3072_SIZE - 1]);
}

static void
test_kind (void)
{
  g_assert_cmpint (BPG_RELEASE_KEY_IS_TEST, ==, IS_TEST);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/key-header/same-key", test_same_key);
  g_test_add_func ("/key-header/inverse", test_inverse);
  g_test_add_func ("/key-header/kind", test_kind);
  return g_test_run ();
}
