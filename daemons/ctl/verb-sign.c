/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-pin.h"

#include "bpg-file.h"
#include "bpg-image-reader.h"

#include "boot/image.h"
#include "recognition/bpm.h"

#include <string.h>

#define PAYLOAD_LIMIT (4u * 1024u * 1024u)
#define BPM_MAGIC_LENGTH 4u
#define CONTAINER_LIMIT (PAYLOAD_LIMIT + 2u * 65536u)

static char *key_option;
static char *pin_file_option;
static char *version_option;
static char *hardware_option;
static char *side_option;
static int schema_option;
static int header_option;
static gboolean verify_option;

static const BpgField fields[] = {
  {"file", N_("File")},
  {"version", N_("Version")},
  {"hardware", N_("Hardware")},
  {"side", N_("Side")},
  {"schema", N_("Schema")},
  {"hash", N_("Hash")},
  {"key", N_("Key")},
  {"header", N_("Header"), bpg_format_bytes},
  {"payload", N_("Payload"), bpg_format_bytes},
  {"size", N_("Size"), bpg_format_bytes},
  {"holds", N_("Signature holds"), bpg_format_yes_no},
  {NULL},
};

static GVariant *
describe (const char *path, const BpgImageInfo *info, gboolean holds)
{
  g_autofree char *version = bpg_image_version_format (&info->version);
  GVariantDict row;

  g_variant_dict_init (&row, NULL);
  g_variant_dict_insert (&row, "file", "s", path);
  g_variant_dict_insert (&row, "version", "s", version);
  if (info->hardware != NULL)
    g_variant_dict_insert (&row, "hardware", "s", info->hardware);
  if (info->side != NULL)
    g_variant_dict_insert (&row, "side", "s", info->side);
  if (info->has_schema)
    g_variant_dict_insert (&row, "schema", "u", info->schema);
  g_variant_dict_insert (&row, "hash", "s", info->hash);
  if (info->key_hash != NULL)
    g_variant_dict_insert (&row, "key", "s", info->key_hash);
  g_variant_dict_insert (&row, "header", "t", (guint64) info->header_size);
  g_variant_dict_insert (&row, "payload", "t", (guint64) info->payload_length);
  g_variant_dict_insert (&row, "size", "t", (guint64) info->total_length);
  g_variant_dict_insert (&row, "holds", "b", holds);
  return g_variant_ref_sink (g_variant_dict_end (&row));
}

static gboolean
run_verify (BpgCtl *ctl, GError **error)
{
  const char *path = ctl->arguments[0];
  g_autoptr (GBytes) container = NULL;
  g_autoptr (GBytes) key = NULL;
  g_autoptr (BpgImageInfo) info = NULL;
  g_autoptr (GVariant) row = NULL;
  g_autoptr (GError) local = NULL;
  gboolean taken;

  if (ctl->n_arguments > 1)
    return bpg_ctl_usage (error, _("%s: '%s' is too much"), "sign --verify", ctl->arguments[1]);
  key = bpg_public_key_open (key_option, error);
  container = key != NULL ? bpg_file_read (path, CONTAINER_LIMIT, error) : NULL;
  info = container != NULL ? bpg_image_info_new (container, error) : NULL;
  if (info == NULL)
    return FALSE;
  taken = bpg_image_check (container, key, &local);
  row = describe (path, info, taken || g_error_matches (local, BPG_ERROR, BPG_ERROR_INCOMPATIBLE));
  if (taken || !ctl->json)
    bpg_output_row (ctl->output, fields, row);
  else
    ctl->result = g_steal_pointer (&row);
  if (!taken)
    g_propagate_error (error, g_steal_pointer (&local));
  return taken;
}

/* A model is looked into, so that none is signed that no arm would take; whatever else it is is a program. */
static gboolean
check_payload (GBytes *payload, gboolean *model, GError **error)
{
  gsize length;
  const guint8 *bytes = g_bytes_get_data (payload, &length);
  guint32 inner;
  struct bpg_bpm parsed;
  int rc = bpg_bpm_parse (bytes, length, &parsed);

  *model = rc == 0;
  if (bpg_image_peek (bytes, length, &inner) == BPG_IMAGE_OK) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, _("It is a container already"));
    return FALSE;
  }
  if (rc == 0 || rc == BPG_BPM_EMAGIC || (rc == BPG_BPM_ETRUNCATED && length < BPM_MAGIC_LENGTH))
    return TRUE;
  g_set_error (error, BPG_ERROR, rc == BPG_BPM_ESCHEMA ? BPG_ERROR_INCOMPATIBLE : BPG_ERROR_CORRUPT, _("The model: %s"),
               bpg_bpm_strerror (rc));
  return FALSE;
}

/* An arm refuses what does not say that it is for it. */
static void
warn (BpgCtl *ctl, gboolean model)
{
  if (hardware_option == NULL)
    bpg_ctl_note (ctl, _("It does not say for which hardware it is: arms will refuse it"));
  if (model && side_option == NULL)
    bpg_ctl_note (ctl, _("It does not say for which side it is: arms will refuse it"));
}

static gboolean
check_options (BpgImageClaims *claims, GError **error)
{
  if (version_option == NULL)
    return bpg_ctl_usage (error, _("--version is needed: MAJOR.MINOR.REVISION[+BUILD]"));
  if (side_option != NULL && strcmp (side_option, "left") != 0 && strcmp (side_option, "right") != 0 &&
      strcmp (side_option, "any") != 0)
    return bpg_ctl_usage (error, _("--side is left, right or any"));
  if (schema_option < 0)
    return bpg_ctl_usage (error, _("--schema is 1 or more"));
  if (header_option < 0 || header_option > G_MAXUINT16)
    return bpg_ctl_usage (error, _("--header-size is 32 to 65532"));
  claims->hardware = hardware_option;
  claims->side = side_option;
  claims->schema = (guint32) schema_option;
  claims->header_size = (guint16) header_option;
  return bpg_image_version_parse (version_option, &claims->version, error);
}

static GBytes *
build (BpgCtl *ctl, GBytes *payload, const BpgImageClaims *claims, GError **error)
{
  BpgPin pin = {pin_file_option, !ctl->no_ask};
  g_autoptr (BpgSigningKey) key = bpg_signing_key_open (key_option, bpg_pin_get, &pin, error);
  g_autoptr (GBytes) container = NULL;
  guint8 hash[BPG_HASH_LENGTH];

  if (key == NULL)
    return NULL;
  container = bpg_image_build (payload, claims, key, hash, error);
  if (container == NULL || !bpg_image_check (container, bpg_signing_key_get_public_key (key), error))
    return NULL;
  return g_steal_pointer (&container);
}

static gboolean
run_sign (BpgCtl *ctl, GError **error)
{
  BpgImageClaims claims = {0};
  g_autoptr (GBytes) payload = NULL;
  g_autoptr (GBytes) container = NULL;
  g_autoptr (BpgImageInfo) info = NULL;
  g_autoptr (GVariant) row = NULL;
  gboolean model;

  if (ctl->n_arguments < 2)
    return bpg_ctl_usage (error, _("%s needs more: bionicctl %s %s"), "sign", "sign", _("IN OUT"));
  if (!check_options (&claims, error))
    return FALSE;
  payload = bpg_file_read (ctl->arguments[0], PAYLOAD_LIMIT, error);
  if (payload == NULL || !check_payload (payload, &model, error))
    return FALSE;
  if (model && claims.schema == 0)
    claims.schema = BPG_BPM_SCHEMA;
  warn (ctl, model);
  container = build (ctl, payload, &claims, error);
  info = container != NULL ? bpg_image_info_new (container, error) : NULL;
  if (info == NULL || !bpg_file_write_durable (ctl->arguments[1], g_bytes_get_data (container, NULL),
                                               g_bytes_get_size (container), 0644, error))
    return FALSE;
  row = describe (ctl->arguments[1], info, TRUE);
  bpg_output_row (ctl->output, fields, row);
  return TRUE;
}

static gboolean
run (BpgCtl *ctl, GError **error)
{
  if (key_option == NULL)
    return bpg_ctl_usage (error, _("--key is needed: a file, or the URI of a key in a token"));
  return verify_option ? run_verify (ctl, error) : run_sign (ctl, error);
}

static const GOptionEntry options[] = {
  {"key", 0, 0, G_OPTION_ARG_STRING, &key_option, N_("What signs: a file, or a pkcs11: URI"), N_("KEY")},
  {"pin-file", 0, 0, G_OPTION_ARG_FILENAME, &pin_file_option, N_("File with the token's PIN or the key's password"),
   N_("FILE")},
  {"version", 0, 0, G_OPTION_ARG_STRING, &version_option, N_("Version it gets, as 1.2.3 or 1.2.3+4"), N_("VERSION")},
  {"hardware", 0, 0, G_OPTION_ARG_STRING, &hardware_option, N_("For which hardware it is"), N_("NAME")},
  {"side", 0, 0, G_OPTION_ARG_STRING, &side_option, N_("For which side it is: left, right or any"), N_("SIDE")},
  {"schema", 0, 0, G_OPTION_ARG_INT, &schema_option, N_("Schema of what is in it (a model's own)"), N_("N")},
  {"header-size", 0, 0, G_OPTION_ARG_INT, &header_option, N_("Bytes in front of the payload (32)"), N_("N")},
  {"verify", 0, 0, G_OPTION_ARG_NONE, &verify_option, N_("Sign nothing: look at a container, and whether KEY signed it"),
   NULL},
  {NULL},
};

const BpgVerb bpg_verb_sign = {
  .name = "sign",
  .arguments = N_("IN OUT"),
  .summary = N_("Put a program or a model into a signed container"),
  .details = N_("The container is that of MCUboot, signed with RSA-3072-PSS. A key in a token never leaves it; its PIN comes\n"
                "from a file or is asked for.\n\n"
                "Examples:\n"
                "  bionicctl sign --key release.pem --version 1.4.0 --hardware esp32c3-1 firmware.bin firmware.img\n"
                "  bionicctl sign --key 'pkcs11:token=release;object=firmware' --version 1.4.0 --hardware esp32c3-1\n"
                "      firmware.bin firmware.img\n"
                "  bionicctl sign --verify --key release-pub.pem firmware.img"),
  .minimum = 1,
  .maximum = 2,
  .options = options,
  .run = run,
};
