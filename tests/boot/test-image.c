/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Signed containers, real ones, whole, cut and damaged. */
#include <string.h>

#include "boot/image.h"
#include "harness.h"

static const struct bpg_image_crypto crypto = {
  .sha256 = sim_element_sha256,
  .rsa_pss_verify = bpg_port_rsa_pss_verify,
};

static int
verify (struct harness *harness, const uint8_t *bytes, gsize length)
{
  struct bpg_image image;
  int error = bpg_image_parse (bytes, length, &image);

  if (error != BPG_IMAGE_OK)
    return error;
  return bpg_image_verify (&image, g_bytes_get_data (harness->spki, NULL), g_bytes_get_size (harness->spki), &crypto);
}

static void
test_whole (void)
{
  g_autoptr (Harness) harness = harness_new ();
  g_autoptr (GBytes) payload = g_bytes_new ("payload", 7);
  g_autoptr (GBytes) container = harness_sign (harness, payload, &(struct container){ .side = "left", .major = 3, .minor = 9 });
  gsize length;
  const uint8_t *bytes = g_bytes_get_data (container, &length);
  g_autofree uint8_t *slot = g_malloc (length + 1000);
  struct bpg_image image;

  g_assert_cmpint (verify (harness, bytes, length), ==, BPG_IMAGE_OK);
  /* In a slot other bytes follow. */
  memcpy (slot, bytes, length);
  memset (slot + length, 0xFF, 1000);
  g_assert_cmpint (verify (harness, slot, length + 1000), ==, BPG_IMAGE_OK);
  g_assert_cmpint (bpg_image_parse (slot, length + 1000, &image), ==, BPG_IMAGE_OK);
  g_assert_cmpuint (image.total_length, ==, length);
  g_assert_cmpmem (image.payload, image.payload_length, "payload", 7);
  g_assert_cmpmem (image.hardware, image.hardware_length, "simlimb-1", 9);
  g_assert_cmpmem (image.side, image.side_length, "left", 4);
  g_assert_true (image.has_schema);
  g_assert_cmpuint (image.version.major, ==, 3);
  g_assert_cmpuint (image.version.minor, ==, 9);
}

static void
test_cut (void)
{
  g_autoptr (Harness) harness = harness_new ();
  g_autoptr (GBytes) payload = g_bytes_new ("payload", 7);
  g_autoptr (GBytes) container = harness_sign (harness, payload, NULL);
  gsize length;
  const uint8_t *bytes = g_bytes_get_data (container, &length);

  for (gsize cut = 0; cut < length; cut++)
    {
      g_autofree uint8_t *part = g_memdup2 (bytes, MAX (cut, 1));

      g_assert_cmpint (verify (harness, part, cut), !=, BPG_IMAGE_OK);
    }
}

/* Every bit counts, but for the sizes of what is behind the signature. */
static void
test_damage (void)
{
  g_autoptr (Harness) harness = harness_new ();
  g_autoptr (GBytes) payload = g_bytes_new ("payload", 7);
  g_autoptr (GBytes) container = harness_sign (harness, payload, NULL);
  gsize length;
  const uint8_t *bytes = g_bytes_get_data (container, &length);
  g_autofree uint8_t *copy = g_memdup2 (bytes, length);

  for (gsize i = 0; i < length; i++)
    {
      copy[i] ^= (uint8_t) (1u << i % 8);
      g_assert_cmpint (verify (harness, copy, length), !=, BPG_IMAGE_OK);
      copy[i] = bytes[i];
    }
}

static void
test_wrong_key (void)
{
  g_autoptr (Harness) harness = harness_new ();
  g_autoptr (GBytes) payload = g_bytes_new ("payload", 7);
  gnutls_privkey_t other = harness_make_key ();
  g_autoptr (GBytes) container = harness_sign (harness, payload, &(struct container){ .key = other });
  gsize length;
  const uint8_t *bytes = g_bytes_get_data (container, &length);

  g_assert_cmpint (verify (harness, bytes, length), ==, BPG_IMAGE_EKEY);
  gnutls_privkey_deinit (other);
}

/* The signer's whole key in the place of its hash: the same is asked of it. */
static void
test_whole_key (void)
{
  g_autoptr (Harness) harness = harness_new ();
  g_autoptr (GBytes) payload = g_bytes_new ("payload", 7);
  gnutls_privkey_t other = harness_make_key ();
  g_autoptr (GBytes) container = harness_sign (harness, payload, &(struct container){ .whole_key = TRUE });
  g_autoptr (GBytes) foreign
    = harness_sign (harness, payload, &(struct container){ .whole_key = TRUE, .key = other });
  gsize length;
  const uint8_t *bytes = g_bytes_get_data (container, &length);
  g_autofree uint8_t *copy = g_memdup2 (bytes, length);

  g_assert_cmpint (verify (harness, bytes, length), ==, BPG_IMAGE_OK);
  for (gsize i = 0; i < length; i++)
    {
      copy[i] ^= (uint8_t) (1u << i % 8);
      g_assert_cmpint (verify (harness, copy, length), !=, BPG_IMAGE_OK);
      copy[i] = bytes[i];
    }
  bytes = g_bytes_get_data (foreign, &length);
  g_assert_cmpint (verify (harness, bytes, length), ==, BPG_IMAGE_EKEY);
  gnutls_privkey_deinit (other);
}

/* What is signed and yet nothing that could be started here. */
static void
test_foreign_flags (void)
{
  static const guint32 foreign[] = { 0x04, 0x08, 0x10, 0x20, 0x200, 0x400, 0x800, 0x404 };
  static const guint32 indifferent[] = { 0x01, 0x100 };
  g_autoptr (Harness) harness = harness_new ();
  g_autoptr (GBytes) payload = g_bytes_new ("payload", 7);
  gsize length;

  for (guint i = 0; i < G_N_ELEMENTS (foreign) + G_N_ELEMENTS (indifferent); i++)
    {
      gboolean is_foreign = i < G_N_ELEMENTS (foreign);
      guint32 flags = is_foreign ? foreign[i] : indifferent[i - G_N_ELEMENTS (foreign)];
      g_autoptr (GBytes) container = harness_sign (harness, payload, &(struct container){ .flags = flags });
      const uint8_t *bytes = g_bytes_get_data (container, &length);

      g_assert_cmpint (verify (harness, bytes, length), ==, is_foreign ? BPG_IMAGE_EKIND : BPG_IMAGE_OK);
    }
}

static void
test_keys (void)
{
  g_autoptr (Harness) harness = harness_new ();
  gsize length;
  const uint8_t *spki = g_bytes_get_data (harness->spki, &length);
  g_autofree uint8_t *copy = g_memdup2 (spki, length);
  gnutls_privkey_t small;
  g_autoptr (GBytes) small_spki = NULL;
  const uint8_t *key;
  size_t key_length;

  g_assert_true (bpg_image_rsa_key (spki, length, &key, &key_length));
  for (gsize cut = 0; cut < length; cut++)
    g_assert_false (bpg_image_rsa_key (copy, cut, &key, &key_length));
  gnutls_privkey_init (&small);
  g_assert_cmpint (gnutls_privkey_generate (small, GNUTLS_PK_RSA, 2048, 0), ==, 0);
  small_spki = harness_public_key (small);
  g_assert_false (bpg_image_rsa_key (g_bytes_get_data (small_spki, NULL), g_bytes_get_size (small_spki), &key, &key_length));
  gnutls_privkey_deinit (small);
}

static void
test_versions (void)
{
  struct bpg_image_version a = { 1, 2, 3, 4 };
  struct bpg_image_version b = { 1, 2, 3, 4 };

  g_assert_cmpint (bpg_image_version_compare (&a, &b), ==, 0);
  b.build = 5;
  g_assert_cmpint (bpg_image_version_compare (&a, &b), <, 0);
  a.revision = 4;
  g_assert_cmpint (bpg_image_version_compare (&a, &b), >, 0);
  b.minor = 3;
  g_assert_cmpint (bpg_image_version_compare (&a, &b), <, 0);
  a.major = 2;
  g_assert_cmpint (bpg_image_version_compare (&a, &b), >, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/boot/image/whole", test_whole);
  g_test_add_func ("/boot/image/cut", test_cut);
  g_test_add_func ("/boot/image/damage", test_damage);
  g_test_add_func ("/boot/image/wrong-key", test_wrong_key);
  g_test_add_func ("/boot/image/whole-key", test_whole_key);
  g_test_add_func ("/boot/image/foreign-flags", test_foreign_flags);
  g_test_add_func ("/boot/image/keys", test_keys);
  g_test_add_func ("/boot/image/versions", test_versions);
  return g_test_run ();
}
