/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is written when an arm is made: whole, too much, damaged, and by another's hand. */
#include <glib.h>
#include <string.h>

#include "control/element-key.h"
#include "control/factory.h"
#include "link/checksum.h"
#include "link/little-endian.h"

static const uint8_t key[] = "a public key";
static const uint8_t certificate[BPG_CERTIFICATE_MAX] = "a certificate";
static const uint8_t release[] = "a release key";

static struct bpg_factory
make_factory (void)
{
  return (struct bpg_factory){
    .id = bpg_text ("BP-0001"),
    .hw = bpg_text ("esp32c3-1"),
    .key = { key, sizeof key },
    .cert = { certificate, sizeof certificate },
    .release = { release, sizeof release },
  };
}

static void
test_and_back (void)
{
  struct bpg_factory factory = make_factory ();
  struct bpg_factory back;
  uint8_t sector[BPG_FACTORY_MOST];
  uint32_t length;

  memset (sector, 0xFF, sizeof sector);
  length = bpg_factory_encode (&factory, sector);
  g_assert_cmpuint (length, >, sizeof certificate);
  g_assert_cmpuint (length % 4, ==, 0);
  g_assert_true (bpg_factory_decode (sector, &back));
  g_assert_true (bpg_text_is (&back.id, "BP-0001"));
  g_assert_true (bpg_text_is (&back.hw, "esp32c3-1"));
  g_assert_cmpmem (back.key.bytes, back.key.length, key, sizeof key);
  g_assert_cmpmem (back.cert.bytes, back.cert.length, certificate, sizeof certificate);
  g_assert_cmpmem (back.release.bytes, back.release.length, release, sizeof release);

  factory.cert.bytes = NULL;
  factory.release.bytes = NULL;
  bpg_factory_encode (&factory, sector);
  g_assert_true (bpg_factory_decode (sector, &back));
  g_assert_null (back.cert.bytes);
  g_assert_null (back.release.bytes);
}

static void
test_damage (void)
{
  struct bpg_factory factory = make_factory ();
  struct bpg_factory back;
  uint8_t sector[BPG_FACTORY_MOST];
  uint32_t length;
  uint32_t used;

  memset (sector, 0xFF, sizeof sector);
  g_assert_false (bpg_factory_decode (sector, &back));
  length = bpg_factory_encode (&factory, sector);
  used = 12 + bpg_get_u32 (sector + 4);
  g_assert_cmpuint (length - used, <, 4);
  for (uint32_t i = 0; i < used; i++)
    {
      sector[i] ^= (uint8_t) (1u << i % 8);
      g_assert_false (bpg_factory_decode (sector, &back));
      sector[i] ^= (uint8_t) (1u << i % 8);
    }
  g_assert_true (bpg_factory_decode (sector, &back));
}

/* Too much to write, and, with a sum that is right, too much to read. */
static void
test_too_much (void)
{
  static const uint8_t much[BPG_FACTORY_MOST];
  struct bpg_factory factory = make_factory ();
  struct bpg_factory back;
  uint8_t sector[BPG_FACTORY_MOST];

  memset (sector, 0xFF, sizeof sector);
  factory.release.bytes = much;
  factory.release.length = sizeof much;
  g_assert_cmpuint (bpg_factory_encode (&factory, sector), ==, 0);

  factory = make_factory ();
  factory.cert.bytes = much;
  factory.cert.length = BPG_CERTIFICATE_MAX + 1;
  g_assert_cmpuint (bpg_factory_encode (&factory, sector), >, 0);
  g_assert_false (bpg_factory_decode (sector, &back));
}

static void
test_element_key (void)
{
  uint8_t private_key[32];
  uint8_t bytes[BPG_ELEMENT_KEY_SIZE];
  uint8_t back[32];

  for (unsigned i = 0; i < sizeof private_key; i++)
    private_key[i] = (uint8_t) (3 * i + 1);
  memset (bytes, 0xFF, sizeof bytes);
  g_assert_false (bpg_element_key_decode (bytes, back));
  bpg_element_key_encode (private_key, bytes);
  g_assert_true (bpg_element_key_decode (bytes, back));
  g_assert_cmpmem (back, sizeof back, private_key, sizeof private_key);
  for (unsigned i = 0; i < 8 * sizeof bytes; i++)
    {
      bytes[i / 8] ^= (uint8_t) (1u << i % 8);
      g_assert_false (bpg_element_key_decode (bytes, back));
      bytes[i / 8] ^= (uint8_t) (1u << i % 8);
    }
  /* Of a version that is not known yet. */
  bytes[4] = 2;
  bpg_put_u32 (bytes + 40, bpg_crc32 (0, bytes, 40));
  g_assert_false (bpg_element_key_decode (bytes, back));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/factory/and-back", test_and_back);
  g_test_add_func ("/factory/damage", test_damage);
  g_test_add_func ("/factory/too-much", test_too_much);
  g_test_add_func ("/factory/element-key", test_element_key);
  return g_test_run ();
}
