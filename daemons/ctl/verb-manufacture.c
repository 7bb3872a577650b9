/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-ctl.h"

#include "bpg-file.h"

#include "control/element-key.h"
#include "manufacture/maker.h"

#include <glib/gstdio.h>
#include <gnutls/gnutls.h>
#include <string.h>

#define SECTOR 4096u
#define DEFAULT_HARDWARE "esp32c3-1"

static char *out_option;
static char *device_option;
static char *hardware_option;
static char *ca_option;
static char *release_option;
static char *public_option;
static gboolean software_option;

static const BpgField fields[] = {
  {"id", N_("Prosthesis")},
  {"hardware", N_("Hardware")},
  {"fingerprint", N_("Fingerprint")},
  {"factory", N_("Factory sector")},
  {"element", N_("Element sector")},
  {"certificate", N_("Certificate")},
  {"code", N_("QR code")},
  {NULL},
};

/* What is written into the folder; the paths are there from the beginning, the key's only when there is one. */
typedef struct {
  char *factory;
  char *element;
  char *certificate;
  char *code;
} Paths;

static void
paths_clear (Paths *paths)
{
  g_free (paths->factory);
  g_free (paths->element);
  g_free (paths->certificate);
  g_free (paths->code);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Paths, paths_clear)

static gboolean
write_sector (const char *path, const void *bytes, gsize length, GError **error)
{
  guint8 sector[SECTOR];
  gboolean written;

  memset (sector, 0xff, sizeof sector);
  memcpy (sector, bytes, length);
  written = bpg_file_write_durable (path, sector, sizeof sector, 0600, error);
  gnutls_memset (sector, 0, sizeof sector);
  return written;
}

static gboolean
write_element (const char *path, BpgMakerKey *key, GError **error)
{
  guint8 private[32];
  guint8 bytes[BPG_ELEMENT_KEY_SIZE];
  g_autoptr (GError) local = NULL;
  gboolean written;

  if (!bpg_maker_key_private (key, private, &local))
    return bpg_error_take (error, g_steal_pointer (&local), NULL);
  bpg_element_key_encode (private, bytes);
  written = write_sector (path, bytes, sizeof bytes, error);
  gnutls_memset (private, 0, sizeof private);
  gnutls_memset (bytes, 0, sizeof bytes);
  return written;
}

/* PEM, as people hand certificates on. */
static gboolean
write_certificate (const char *path, GBytes *der, GError **error)
{
  const gnutls_datum_t datum = {(unsigned char *) g_bytes_get_data (der, NULL), (unsigned int) g_bytes_get_size (der)};
  gnutls_datum_t pem = {NULL, 0};
  gboolean written;
  int rc = gnutls_pem_base64_encode2 ("CERTIFICATE", &datum, &pem);

  if (rc < 0) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_FAILED, "%s: %s", path, gnutls_strerror (rc));
    return FALSE;
  }
  written = bpg_file_write_durable (path, pem.data, pem.size, 0644, error);
  gnutls_free (pem.data);
  return written;
}

static gboolean
write_files (const Paths *paths, BpgMakerKey *key, const struct bpg_maker_arm *arm, GError **error)
{
  return (key == NULL || write_element (paths->element, key, error)) &&
         write_certificate (paths->certificate, arm->certificate, error) &&
         bpg_file_write_durable (paths->code, arm->code, strlen (arm->code), 0644, error) &&
         write_sector (paths->factory, g_bytes_get_data (arm->sector, NULL), g_bytes_get_size (arm->sector), error);
}

static GVariant *
describe (const Paths *paths, BpgMakerKey *key, const struct bpg_maker_arm *arm, const char *hardware)
{
  GVariantDict row;

  g_variant_dict_init (&row, NULL);
  g_variant_dict_insert (&row, "id", "s", arm->device_id);
  g_variant_dict_insert (&row, "hardware", "s", hardware);
  g_variant_dict_insert (&row, "fingerprint", "s", arm->fingerprint);
  g_variant_dict_insert (&row, "factory", "s", paths->factory);
  if (key != NULL)
    g_variant_dict_insert (&row, "element", "s", paths->element);
  g_variant_dict_insert (&row, "certificate", "s", paths->certificate);
  g_variant_dict_insert (&row, "code", "s", paths->code);
  return g_variant_ref_sink (g_variant_dict_end (&row));
}

static gboolean
make (BpgCtl *ctl, const Paths *paths, BpgMakerKey *key, GBytes *spki, GError **error)
{
  const struct bpg_maker_order order = {
    .device_id = device_option,
    .hardware = hardware_option != NULL ? hardware_option : DEFAULT_HARDWARE,
    .ca = ca_option != NULL ? ca_option : out_option,
    .release = release_option,
  };
  struct bpg_maker_arm arm;
  g_autoptr (GError) local = NULL;
  g_autoptr (GVariant) row = NULL;
  gboolean made;

  if (!bpg_maker_make (&order, spki, &arm, &local)) {
    bpg_maker_arm_clear (&arm);
    return bpg_error_take (error, g_steal_pointer (&local), NULL);
  }
  if (release_option == NULL)
    bpg_ctl_note (ctl, _("Without --release-key the arm takes no firmware over its link"));
  made = write_files (paths, key, &arm, error);
  if (made) {
    row = describe (paths, key, &arm, order.hardware);
    bpg_output_row (ctl->output, fields, row);
  } else {
    /* A key without the arm it is for is of no use to anybody but a thief. */
    g_unlink (paths->element);
  }
  bpg_maker_arm_clear (&arm);
  return made;
}

static gboolean
prepare (Paths *paths, GError **error)
{
  const char *there = NULL;

  if (!bpg_file_ensure_folder (out_option, error))
    return FALSE;
  paths->factory = g_build_filename (out_option, "factory.bin", NULL);
  paths->element = g_build_filename (out_option, "element.bin", NULL);
  paths->certificate = g_build_filename (out_option, "certificate.pem", NULL);
  paths->code = g_build_filename (out_option, "qr.json", NULL);
  there = g_file_test (paths->factory, G_FILE_TEST_EXISTS)   ? paths->factory
          : g_file_test (paths->element, G_FILE_TEST_EXISTS) ? paths->element
                                                             : NULL;
  if (there == NULL)
    return TRUE;
  g_set_error (error, BPG_ERROR, BPG_ERROR_WRONG_STATE, _("An arm has been made here already: %s"), there);
  return FALSE;
}

static gboolean
run (BpgCtl *ctl, GError **error)
{
  g_auto (Paths) paths = {NULL};
  g_autoptr (BpgMakerKey) key = NULL;
  g_autoptr (GBytes) spki = NULL;
  g_autoptr (GError) local = NULL;

  if (out_option == NULL)
    return bpg_ctl_usage (error, _("--out is needed: the folder of the new arm"));
  if (software_option == (public_option != NULL))
    return bpg_ctl_usage (error, _("Either --software-element or --public-key is needed, and not both"));
  if (!prepare (&paths, error))
    return FALSE;
  if (software_option) {
    key = bpg_maker_key_generate (&local);
    spki = key != NULL ? bpg_maker_key_public (key, &local) : NULL;
  } else {
    spki = bpg_maker_load_element (public_option, &local);
  }
  if (spki == NULL)
    return bpg_error_take (error, g_steal_pointer (&local), NULL);
  return make (ctl, &paths, key, spki, error);
}

static const GOptionEntry options[] = {
  {"out", 'o', 0, G_OPTION_ARG_FILENAME, &out_option, N_("Folder of the new arm"), N_("DIR")},
  {"device-id", 0, 0, G_OPTION_ARG_STRING, &device_option, N_("Its name (made from its key)"), N_("ID")},
  {"hardware", 0, 0, G_OPTION_ARG_STRING, &hardware_option, N_("Its hardware (esp32c3-1)"), N_("NAME")},
  {"ca", 0, 0, G_OPTION_ARG_FILENAME, &ca_option, N_("Folder of the maker's CA, made if missing (the arm's)"), N_("DIR")},
  {"release-key", 0, 0, G_OPTION_ARG_FILENAME, &release_option, N_("Public key of whoever signs its firmware"), N_("FILE")},
  {"software-element", 0, 0, G_OPTION_ARG_NONE, &software_option,
   N_("Make a key, for a board without a secure element"), NULL},
  {"public-key", 0, 0, G_OPTION_ARG_FILENAME, &public_option, N_("Public key that the board's secure element made"),
   N_("FILE")},
  {NULL},
};

const BpgVerb bpg_verb_manufacture = {
  .name = "manufacture",
  .arguments = "",
  .summary = N_("Make an arm's identity: factory sector, certificate, QR code"),
  .details = N_("Writes factory.bin, certificate.pem and qr.json, and element.bin with the private key for a board without\n"
                "a secure element. The sectors are written to the chip with the first flash.\n\n"
                "Examples:\n"
                "  bionicctl manufacture --out arm-7 --ca maker --release-key release-pub.pem --software-element\n"
                "  bionicctl manufacture --out arm-8 --ca maker --release-key release-pub.pem --public-key atecc.pem"),
  .options = options,
  .run = run,
};
