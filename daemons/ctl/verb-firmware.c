/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-find.h"
#include "bpg-wait.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static gboolean no_trial_option;
static gboolean override_option;
static gboolean downgrade_option;
static gboolean worn_option;
static gboolean no_wait_option;

static char *
format_schema (GVariant *value)
{
  return g_variant_get_uint32 (value) == 0 ? g_strdup ("") : g_strdup_printf ("%u", g_variant_get_uint32 (value));
}

static const BpgField list_fields[] = {
  {"hash", N_("FIRMWARE"), bpg_format_hash, "Firmware1.Hash"},
  {"version", N_("VERSION"), NULL, "Firmware1.Version"},
  {"hardware", N_("BOARD"), NULL, "Firmware1.Hardware"},
  {"side", N_("SIDE"), NULL, "Firmware1.Side"},
  {"schema", N_("MODELS UP TO"), format_schema, "Firmware1.Schema"},
  {"size", N_("SIZE"), bpg_format_bytes, "Firmware1.Size"},
  {"added", N_("SINCE"), bpg_format_time, "Firmware1.Added"},
  {"source", N_("FROM"), NULL, "Firmware1.Source"},
  {"signer", NULL, NULL, "Firmware1.Signer"},
  {NULL},
};

static const BpgField install_fields[] = {
  {"version", N_("Version"), NULL},
  {"slot", N_("Slot"), NULL},
  {"hash", N_("Container"), bpg_format_hash},
  {"bytes", N_("Written"), bpg_format_bytes},
  {"seconds", N_("Time"), bpg_format_seconds},
  {NULL},
};

static gboolean
run_list (BpgCtl *ctl, GError **error)
{
  g_autoptr (GPtrArray) objects = NULL;
  g_autoptr (GPtrArray) rows = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);

  if (ctl->n_arguments > 0 && strcmp (ctl->arguments[0], "list") != 0)
    return bpg_ctl_usage (error, _("'firmware' knows list, stage, install, trial, confirm and rollback"));
  objects = bpg_ctl_load (ctl, "update", "Firmware1", error);
  if (objects == NULL)
    return FALSE;
  for (guint i = 0; i < objects->len; i++)
    g_ptr_array_add (rows, bpg_object_to_row (objects->pdata[i], list_fields));
  bpg_output_table (ctl->output, list_fields, rows, _("No firmware lies here. 'bionicctl firmware stage' gets some."));
  return TRUE;
}

static gboolean
stage_file (BpgCtl *ctl, const char *path, GError **error)
{
  g_autofree char *source = g_path_get_basename (path);
  g_auto (GVariantDict) options = G_VARIANT_DICT_INIT (NULL);
  g_autoptr (GVariant) reply = NULL;
  int fd = open (path, O_RDONLY | O_CLOEXEC);

  if (fd < 0)
    return bpg_error_set_errno (error, errno, FALSE, path);
  if (g_utf8_validate (source, -1, NULL) && strlen (source) <= 255)
    g_variant_dict_insert (&options, "source", "s", source);
  reply = bpg_ctl_call_fd (ctl, BPG_PATH_UPDATE, "Update1.ImportFirmware",
                           g_variant_new ("(h@a{sv})", 0, g_variant_dict_end (&options)), "(o)", fd, NULL, error);
  close (fd);
  if (reply == NULL)
    return FALSE;
  bpg_ctl_print_made (ctl, reply);
  return TRUE;
}

static gboolean
run_stage (BpgCtl *ctl, GError **error)
{
  g_autoptr (GVariant) result = NULL;
  const char *hash = "";

  if (strstr (ctl->arguments[0], "://") == NULL)
    return stage_file (ctl, ctl->arguments[0], error);
  result = bpg_ctl_run_job (ctl, BPG_PATH_UPDATE, "Update1.StageFirmware",
                            g_variant_new ("(s@a{sv})", ctl->arguments[0], g_variant_new ("a{sv}", NULL)), _("Fetching"),
                            !no_wait_option, error);
  if (result == NULL)
    return FALSE;
  if (ctl->output->mode != BPG_OUTPUT_HUMAN || no_wait_option) {
    bpg_output_document (ctl->output, result);
    return TRUE;
  }
  g_variant_lookup (result, "hash", "&s", &hash);
  g_print ("%s\n", hash);
  return TRUE;
}

/* Runs a method about an arm that starts a job, and shows what came of it. */
static gboolean
run_job (BpgCtl *ctl, const char *method, GVariant *arguments, const char *title, const char *done, GError **error)
{
  g_autoptr (GVariant) result =
    bpg_ctl_run_job (ctl, BPG_PATH_UPDATE, method, arguments, title, !no_wait_option, error);

  if (result == NULL)
    return FALSE;
  if (ctl->output->mode != BPG_OUTPUT_HUMAN || no_wait_option) {
    bpg_output_document (ctl->output, result);
    return TRUE;
  }
  bpg_output_row (ctl->output, install_fields, result);
  bpg_ctl_note (ctl, "%s", done);
  return TRUE;
}

static const char *
on_trial_now (void)
{
  return _("On trial now. 'bionicctl firmware confirm' keeps it; the arm's next start without that brings the old one "
           "back.");
}

/* One name is the firmware, for the only arm; two are the arm and the firmware. */
static gboolean
run_install (BpgCtl *ctl, GError **error)
{
  gboolean both = ctl->n_arguments == 2;
  g_autoptr (BpgObject) prosthesis =
    bpg_ctl_find (ctl, BPG_THING_PROSTHESIS, both ? ctl->arguments[0] : NULL, error);
  g_autoptr (BpgObject) firmware = NULL;
  g_auto (GVariantDict) options = G_VARIANT_DICT_INIT (NULL);

  if (prosthesis == NULL)
    return FALSE;
  firmware = bpg_ctl_find (ctl, BPG_THING_FIRMWARE, ctl->arguments[both ? 1 : 0], error);
  if (firmware == NULL)
    return FALSE;
  if (no_trial_option)
    g_variant_dict_insert (&options, "trial", "b", FALSE);
  if (override_option)
    g_variant_dict_insert (&options, "override", "b", TRUE);
  if (downgrade_option)
    g_variant_dict_insert (&options, "downgrade", "b", TRUE);
  if (worn_option)
    g_variant_dict_insert (&options, "worn", "b", TRUE);
  return run_job (ctl, "Update1.InstallFirmware",
                  g_variant_new ("(oo@a{sv})", prosthesis->path, firmware->path, g_variant_dict_end (&options)),
                  _("Writing the firmware"),
                  no_trial_option ? _("Written. 'bionicctl firmware trial' tries it, and so does the arm's next start.")
                                  : on_trial_now (),
                  error);
}

static gboolean
run_about (BpgCtl *ctl, const char *method, const char *title, const char *done, GError **error)
{
  g_autoptr (BpgObject) prosthesis =
    bpg_ctl_find (ctl, BPG_THING_PROSTHESIS, ctl->n_arguments > 0 ? ctl->arguments[0] : NULL, error);
  g_auto (GVariantDict) options = G_VARIANT_DICT_INIT (NULL);

  if (prosthesis == NULL)
    return FALSE;
  g_variant_dict_insert (&options, "image", "s", "firmware");
  if (downgrade_option)
    g_variant_dict_insert (&options, "downgrade", "b", TRUE);
  if (worn_option)
    g_variant_dict_insert (&options, "worn", "b", TRUE);
  return run_job (ctl, method, g_variant_new ("(o@a{sv})", prosthesis->path, g_variant_dict_end (&options)), title, done,
                  error);
}

static gboolean
run_trial (BpgCtl *ctl, GError **error)
{
  return run_about (ctl, "Update1.StartTrial", _("Starting the trial"), on_trial_now (), error);
}

static gboolean
run_confirm (BpgCtl *ctl, GError **error)
{
  return run_about (ctl, "Update1.Confirm", _("Confirming"), _("The firmware is confirmed."), error);
}

static gboolean
run_rollback (BpgCtl *ctl, GError **error)
{
  return run_about (ctl, "Update1.RollBack", _("Rolling back"), _("The earlier firmware is back."), error);
}

#define NO_WAIT {"no-wait", 0, 0, G_OPTION_ARG_NONE, &no_wait_option, N_("Start the job and return"), NULL}
#define WORN {"worn", 0, 0, G_OPTION_ARG_NONE, &worn_option, N_("The patient, who wears the arm, has agreed"), NULL}
#define DOWNGRADE \
  {"downgrade", 0, 0, G_OPTION_ARG_NONE, &downgrade_option, N_("Also an older version; needs a right"), NULL}

static const GOptionEntry wait_options[] = {NO_WAIT, {NULL}};
static const GOptionEntry trial_options[] = {WORN, NO_WAIT, {NULL}};
static const GOptionEntry rollback_options[] = {DOWNGRADE, WORN, NO_WAIT, {NULL}};

static const GOptionEntry install_options[] = {
  {"no-trial", 0, 0, G_OPTION_ARG_NONE, &no_trial_option, N_("Write it, and do not restart the arm yet"), NULL},
  DOWNGRADE,
  {"override", 0, 0, G_OPTION_ARG_NONE, &override_option,
   N_("Also with little charge, or when it does not understand the arm's model; needs a right"), NULL},
  WORN,
  NO_WAIT,
  {NULL},
};

const BpgVerb bpg_verb_firmware = {
  .name = "firmware",
  .arguments = N_("[list]"),
  .summary = N_("List the firmware that lies here and is trusted"),
  .details = N_("Example:\n  bionicctl firmware list --json"),
  .maximum = 1,
  .run = run_list,
};

const BpgVerb bpg_verb_firmware_stage = {
  .name = "firmware stage",
  .arguments = N_("FILE|URL"),
  .summary = N_("Get firmware from a file or an https address"),
  .details = N_("It is kept only when its signature holds under a release key that this PC trusts.\n\n"
                "Examples:\n  bionicctl firmware stage arm-1.4.0.bin\n"
                "  bionicctl firmware stage https://updates.example/arm-1.4.0.bin"),
  .minimum = 1,
  .maximum = 1,
  .options = wait_options,
  .run = run_stage,
};

const BpgVerb bpg_verb_firmware_install = {
  .name = "firmware install",
  .arguments = N_("[PROSTHESIS] FIRMWARE"),
  .summary = N_("Write firmware onto an arm, and try it"),
  .details = N_("FIRMWARE is the beginning of its hash, or its version. Whatever happens meanwhile, the arm keeps firmware\n"
                "that works: it restarts into the new one once, and goes back unless that is confirmed.\n\n"
                "Examples:\n  bionicctl firmware install 1.4.0\n  bionicctl firmware install BP-0001 9f3c --worn"),
  .minimum = 1,
  .maximum = 2,
  .options = install_options,
  .run = run_install,
};

const BpgVerb bpg_verb_firmware_trial = {
  .name = "firmware trial",
  .arguments = N_("[PROSTHESIS]"),
  .summary = N_("Restart an arm with the firmware that was written"),
  .details = N_("Example:\n  bionicctl firmware trial BP-0001"),
  .maximum = 1,
  .options = trial_options,
  .run = run_trial,
};

const BpgVerb bpg_verb_firmware_confirm = {
  .name = "firmware confirm",
  .arguments = N_("[PROSTHESIS]"),
  .summary = N_("Keep the firmware that is on trial"),
  .details = N_("Example:\n  bionicctl firmware confirm BP-0001"),
  .maximum = 1,
  .options = wait_options,
  .run = run_confirm,
};

const BpgVerb bpg_verb_firmware_rollback = {
  .name = "firmware rollback",
  .arguments = N_("[PROSTHESIS]"),
  .summary = N_("End a trial of firmware, or go back to the earlier one"),
  .details = N_("Without a trial it goes to what is in the arm's other slot, which is older and needs --downgrade.\n\n"
                "Example:\n  bionicctl firmware rollback BP-0001"),
  .maximum = 1,
  .options = rollback_options,
  .run = run_rollback,
};
