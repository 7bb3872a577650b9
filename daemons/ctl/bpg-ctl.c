/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-ctl.h"

#include "lab/lab.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  const char *heading;
  const BpgVerb *verbs[24];
} Section;

static const Section sections[] = {
  {N_("Looking"),
   {&bpg_verb_status, &bpg_verb_list, &bpg_verb_show, &bpg_verb_signals, &bpg_verb_usage, &bpg_verb_jobs,
    &bpg_verb_monitor, &bpg_verb_doctor}},
  {N_("Patients and arms"),
   {&bpg_verb_patients, &bpg_verb_patients_add, &bpg_verb_patients_delete, &bpg_verb_bind, &bpg_verb_unbind,
    &bpg_verb_identify, &bpg_verb_ports, &bpg_verb_ports_add, &bpg_verb_ports_remove, &bpg_verb_flash_rom}},
  {N_("Recording"),
   {&bpg_verb_session, &bpg_verb_record, &bpg_verb_verdicts, &bpg_verb_recordings, &bpg_verb_recordings_import,
    &bpg_verb_recordings_delete}},
  {N_("Models"),
   {&bpg_verb_train, &bpg_verb_evaluate, &bpg_verb_models, &bpg_verb_models_import, &bpg_verb_models_export,
    &bpg_verb_models_delete, &bpg_verb_deploy, &bpg_verb_trial, &bpg_verb_confirm, &bpg_verb_rollback,
    &bpg_verb_cancel}},
  {N_("Firmware"),
   {&bpg_verb_firmware, &bpg_verb_firmware_stage, &bpg_verb_firmware_install, &bpg_verb_firmware_trial,
    &bpg_verb_firmware_confirm, &bpg_verb_firmware_rollback}},
  {N_("Files and pictures"),
   {&bpg_verb_export, &bpg_verb_plot, &bpg_verb_plot_signals, &bpg_verb_plot_confusion, &bpg_verb_plot_latency}},
  {N_("For makers"), {&bpg_verb_manufacture, &bpg_verb_sign}},
  {N_("For developers"),
   {&bpg_verb_emulate, &bpg_verb_emulate_start, &bpg_verb_emulate_send, &bpg_verb_emulate_stop, &bpg_verb_bench,
    &bpg_verb_bench_unlock, &bpg_verb_bench_play, &bpg_verb_bench_follow, &bpg_verb_bench_press, &bpg_verb_bench_off}},
};

GQuark
bpg_ctl_error_quark (void)
{
  return g_quark_from_static_string ("bpg-ctl-error-quark");
}

static const BpgVerb *
find_verb (const char *first, const char *second)
{
  g_autofree char *both = second != NULL ? g_strconcat (first, " ", second, NULL) : NULL;
  const BpgVerb *found = NULL;

  for (guint s = 0; s < G_N_ELEMENTS (sections); s++) {
    for (guint v = 0; sections[s].verbs[v] != NULL; v++) {
      const BpgVerb *verb = sections[s].verbs[v];

      if (both != NULL && strcmp (verb->name, both) == 0)
        return verb;
      if (strcmp (verb->name, first) == 0)
        found = verb;
    }
  }
  return found;
}

/* Edit distance with neighbouring letters swapped counted once (Damerau, restricted). */
static guint
get_distance (const char *a, const char *b)
{
  guint n = (guint) strlen (b);
  guint rows[3][64] = {0};
  guint *two = rows[0], *one = rows[1], *now = rows[2];

  if (strlen (a) >= 64 || n >= 64)
    return G_MAXUINT;
  for (guint j = 0; j <= n; j++)
    one[j] = j;
  for (guint i = 1; a[i - 1] != '\0'; i++) {
    guint *spare = two;

    now[0] = i;
    for (guint j = 1; j <= n; j++) {
      now[j] = MIN (MIN (one[j] + 1, now[j - 1] + 1), one[j - 1] + (a[i - 1] != b[j - 1]));
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        now[j] = MIN (now[j], two[j - 2] + 1);
    }
    two = one;
    one = now;
    now = spare;
  }
  return one[n];
}

static const char *
find_nearest (const char *typed)
{
  const char *nearest = NULL;
  guint best = 3;

  for (guint s = 0; s < G_N_ELEMENTS (sections); s++) {
    for (guint v = 0; sections[s].verbs[v] != NULL; v++) {
      const char *name = sections[s].verbs[v]->name;
      guint distance = g_str_has_prefix (name, typed) ? 1 : get_distance (typed, name);

      if (distance < best) {
        best = distance;
        nearest = name;
      }
    }
  }
  return nearest != NULL ? nearest : get_distance (typed, "lab") <= 1 ? "lab" : NULL;
}

static void
print_overview (FILE *stream)
{
  fprintf (stream, _("usage: bionicctl [OPTIONS] VERB [ARGUMENTS]\n"));
  for (guint s = 0; s < G_N_ELEMENTS (sections); s++) {
    fprintf (stream, "\n%s\n", _(sections[s].heading));
    for (guint v = 0; sections[s].verbs[v] != NULL; v++)
      fprintf (stream, "  %-18s %s\n", sections[s].verbs[v]->name, _(sections[s].verbs[v]->summary));
    if (s == G_N_ELEMENTS (sections) - 1)
      fprintf (stream, "  %-18s %s\n", "lab", _("Train, run and convert files, without any service"));
  }
  fprintf (stream, _("\nVERB --help tells more, and so does bionicctl(1).\n"));
}

BpgExit
bpg_ctl_get_exit_status (const GError *error)
{
  static const guint8 statuses[BPG_N_ERRORS] = {
    [BPG_ERROR_FAILED] = BPG_EXIT_FAILED,
    [BPG_ERROR_CANCELLED] = BPG_EXIT_CANCELLED,
    [BPG_ERROR_TIMED_OUT] = BPG_EXIT_TIMED_OUT,
    [BPG_ERROR_BUSY] = BPG_EXIT_TIMED_OUT,
    [BPG_ERROR_WRONG_STATE] = BPG_EXIT_REFUSED,
    [BPG_ERROR_NOT_FOUND] = BPG_EXIT_NOT_FOUND,
    [BPG_ERROR_INVALID_ARGUMENT] = BPG_EXIT_USAGE,
    [BPG_ERROR_UNKNOWN_OPTION] = BPG_EXIT_USAGE,
    [BPG_ERROR_NOT_SUPPORTED] = BPG_EXIT_REFUSED,
    [BPG_ERROR_NOT_AUTHORIZED] = BPG_EXIT_NOT_AUTHORIZED,
    [BPG_ERROR_AUTHORIZATION_OBTAINABLE] = BPG_EXIT_NOT_AUTHORIZED,
    [BPG_ERROR_AUTHORIZATION_DISMISSED] = BPG_EXIT_NOT_AUTHORIZED,
    [BPG_ERROR_AUTHORIZATION_UNAVAILABLE] = BPG_EXIT_NOT_AUTHORIZED,
    [BPG_ERROR_DISCONNECTED] = BPG_EXIT_DISCONNECTED,
    [BPG_ERROR_BLUETOOTH_UNAVAILABLE] = BPG_EXIT_DISCONNECTED,
    [BPG_ERROR_PAIRING_REJECTED] = BPG_EXIT_REFUSED,
    [BPG_ERROR_BOND_LOST] = BPG_EXIT_REFUSED,
    [BPG_ERROR_WRONG_PROSTHESIS] = BPG_EXIT_REFUSED,
    [BPG_ERROR_NEEDS_USER_ACTION] = BPG_EXIT_REFUSED,
    [BPG_ERROR_SIGNAL_POOR] = BPG_EXIT_REFUSED,
    [BPG_ERROR_MODEL_WORSE] = BPG_EXIT_REFUSED,
    [BPG_ERROR_INCOMPATIBLE] = BPG_EXIT_REFUSED,
    [BPG_ERROR_SIGNATURE_INVALID] = BPG_EXIT_REFUSED,
    [BPG_ERROR_VERSION_TOO_OLD] = BPG_EXIT_REFUSED,
    [BPG_ERROR_BATTERY_TOO_LOW] = BPG_EXIT_REFUSED,
    [BPG_ERROR_CONSENT_MISSING] = BPG_EXIT_REFUSED,
    [BPG_ERROR_VAULT_NO_KEY] = BPG_EXIT_REFUSED,
    [BPG_ERROR_VAULT_KEY_CHANGED] = BPG_EXIT_REFUSED,
    [BPG_ERROR_TOKEN_ABSENT] = BPG_EXIT_REFUSED,
    [BPG_ERROR_OFFLINE] = BPG_EXIT_DISCONNECTED,
    [BPG_ERROR_UPSTREAM_REJECTED] = BPG_EXIT_REFUSED,
    [BPG_ERROR_CLOCK_UNTRUSTED] = BPG_EXIT_REFUSED,
    [BPG_ERROR_NO_SPACE] = BPG_EXIT_FAILED,
    [BPG_ERROR_CORRUPT] = BPG_EXIT_FAILED,
    [BPG_ERROR_LIMIT_EXCEEDED] = BPG_EXIT_REFUSED,
    [BPG_ERROR_CHIP_LOCKED] = BPG_EXIT_REFUSED,
  };

  if (error->domain == BPG_ERROR && (guint) error->code < G_N_ELEMENTS (statuses))
    return statuses[error->code];
  if (error->domain == G_OPTION_ERROR)
    return BPG_EXIT_USAGE;
  if (error->domain == BPG_CTL_ERROR)
    return error->code == BPG_CTL_ERROR_USAGE       ? BPG_EXIT_USAGE
           : error->code == BPG_CTL_ERROR_AMBIGUOUS ? BPG_EXIT_NOT_FOUND
                                                    : BPG_EXIT_NO_SERVICE;
  return BPG_EXIT_FAILED;
}

static const char *
get_hint (BpgCtl *ctl, const GError *error)
{
  if (error->domain == BPG_ERROR)
    return _(bpg_error_get_hint (error->code));
  if (g_error_matches (error, BPG_CTL_ERROR, BPG_CTL_ERROR_NO_SERVICE))
    return ctl->session ? _("Start it with --session-bus, or look why it ended; 'bionicctl doctor' checks everything.")
                        : _("Look into 'systemctl status' and the journal; 'bionicctl doctor' checks everything.");
  if (g_error_matches (error, BPG_CTL_ERROR, BPG_CTL_ERROR_NO_BUS))
    return _("Check that D-Bus runs; developers use --session-bus or BIONICPRO_BUS=session.");
  if (g_error_matches (error, BPG_CTL_ERROR, BPG_CTL_ERROR_AMBIGUOUS))
    return _("Type more of the name.");
  if (g_error_matches (error, BPG_CTL_ERROR, BPG_CTL_ERROR_USAGE) || error->domain == G_OPTION_ERROR)
    return _("--help shows how it is used.");
  return NULL;
}

static const char *
get_error_name (const GError *error)
{
  if (error->domain == BPG_ERROR)
    return bpg_error_get_name (error->code);
  if (error->domain == G_OPTION_ERROR || g_error_matches (error, BPG_CTL_ERROR, BPG_CTL_ERROR_USAGE))
    return "usage";
  if (error->domain == BPG_CTL_ERROR)
    return error->code == BPG_CTL_ERROR_AMBIGUOUS    ? "ambiguous"
           : error->code == BPG_CTL_ERROR_NO_SERVICE ? "no-service"
                                                     : "no-bus";
  return "failed";
}

void
bpg_ctl_report (BpgCtl *ctl, const GError *error)
{
  const char *hint = get_hint (ctl, error);
  GVariantDict document;

  fprintf (stderr, "bionicctl: %s\n", error->message);
  if (error->domain == BPG_ERROR)
    fprintf (stderr, "  %s\n", get_error_name (error));
  if (hint != NULL)
    fprintf (stderr, "  %s\n", hint);
  if (!ctl->json)
    return;
  g_variant_dict_init (&document, NULL);
  g_variant_dict_insert (&document, "ok", "b", FALSE);
  g_variant_dict_insert (&document, "error", "s", get_error_name (error));
  g_variant_dict_insert (&document, "message", "s", error->message);
  g_variant_dict_insert (&document, "hint", "s", hint != NULL ? hint : "");
  if (ctl->result != NULL)
    g_variant_dict_insert_value (&document, "result", ctl->result);
  bpg_output_line (ctl->output, g_variant_dict_end (&document));
}

void
bpg_ctl_note (BpgCtl *ctl, const char *format, ...)
{
  va_list arguments;

  if (ctl->quiet)
    return;
  va_start (arguments, format);
  vfprintf (stderr, format, arguments);
  va_end (arguments);
  fputc ('\n', stderr);
}

gboolean
bpg_ctl_usage (GError **error, const char *format, ...)
{
  va_list arguments;
  g_autofree char *message = NULL;

  va_start (arguments, format);
  message = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_set_error_literal (error, BPG_CTL_ERROR, BPG_CTL_ERROR_USAGE, message);
  return FALSE;
}

static gboolean
show_version (const char *name, const char *value, gpointer data, GError **error)
{
  printf ("bionicctl %s\n", BPG_VERSION);
  exit (BPG_EXIT_OK);
}

static gboolean
has_option (const GOptionEntry *entries, const char *name)
{
  for (; entries != NULL && entries->long_name != NULL; entries++) {
    if (strcmp (entries->long_name, name) == 0)
      return TRUE;
  }
  return FALSE;
}

/* A verb's @own --version is that of what it makes. */
static void
add_common_options (BpgCtl *ctl, GOptionGroup *group, const GOptionEntry *own)
{
  const GOptionEntry entries[] = {
    {"json", 'j', 0, G_OPTION_ARG_NONE, &ctl->json, N_("Print JSON"), NULL},
    {"key-value", 'k', 0, G_OPTION_ARG_NONE, &ctl->key_value, N_("Print key=value lines, for shells"), NULL},
    {"quiet", 'q', 0, G_OPTION_ARG_NONE, &ctl->quiet, N_("Show no progress and no remarks"), NULL},
    {"timeout", 't', 0, G_OPTION_ARG_INT, &ctl->timeout, N_("Wait so long at most"), N_("SECONDS")},
    {"session-bus", 0, 0, G_OPTION_ARG_NONE, &ctl->session, N_("Use the session bus (for developers)"), NULL},
    {"no-ask-password", 0, 0, G_OPTION_ARG_NONE, &ctl->no_ask, N_("Never ask for a password"), NULL},
    {NULL},
  };
  const GOptionEntry version[] = {
    {"version", 0, G_OPTION_FLAG_NO_ARG, G_OPTION_ARG_CALLBACK, show_version, N_("Print the version and exit"), NULL},
    {NULL},
  };

  g_option_group_add_entries (group, entries);
  if (!has_option (own, "version"))
    g_option_group_add_entries (group, version);
  g_option_group_set_translation_domain (group, GETTEXT_PACKAGE);
}

static gboolean
parse_verb (BpgCtl *ctl, const BpgVerb *verb, int argc, char **argv, GError **error)
{
  g_autofree char *line = g_strconcat ("- ", _(verb->summary), NULL);
  g_autofree char *usage = g_strdup_printf ("%s %s", bpg_output_translate (verb->arguments), line);
  g_autofree char *program = g_strconcat ("bionicctl ", verb->name, NULL);
  g_autoptr (GOptionContext) context = g_option_context_new (usage);
  GOptionGroup *own = g_option_group_new ("verb", "", "", NULL, NULL);
  g_auto (GStrv) remaining = NULL;
  const GOptionEntry rest[] = {
    {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &remaining, NULL, NULL},
    {NULL},
  };

  g_set_prgname (program);
  g_option_context_set_translation_domain (context, GETTEXT_PACKAGE);
  if (verb->details != NULL)
    g_option_context_set_description (context, _(verb->details));
  if (verb->options != NULL)
    g_option_group_add_entries (own, verb->options);
  add_common_options (ctl, own, verb->options);
  g_option_group_add_entries (own, rest);
  g_option_context_set_main_group (context, own);
  if (!g_option_context_parse (context, &argc, &argv, error))
    return FALSE;

  ctl->n_arguments = remaining != NULL ? g_strv_length (remaining) : 0;
  ctl->arguments = remaining != NULL ? g_steal_pointer (&remaining) : g_new0 (char *, 1);
  if (ctl->json && ctl->key_value)
    return bpg_ctl_usage (error, _("--json and --key-value exclude each other"));
  if (ctl->timeout < 0 || ctl->timeout > 86400)
    return bpg_ctl_usage (error, _("--timeout: 1 to 86400 seconds"));
  if (ctl->n_arguments < verb->minimum)
    return bpg_ctl_usage (error, _("%s needs more: bionicctl %s %s"), verb->name, verb->name,
                          bpg_output_translate (verb->arguments));
  if (ctl->n_arguments > verb->maximum)
    return bpg_ctl_usage (error, _("%s: '%s' is too much"), verb->name, ctl->arguments[verb->maximum]);
  return TRUE;
}

int
bpg_ctl_run_verb (BpgCtl *ctl, const BpgVerb *verb, int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  gboolean parsed = parse_verb (ctl, verb, argc, argv, &error);

  ctl->output->mode = ctl->json ? BPG_OUTPUT_JSON : ctl->key_value ? BPG_OUTPUT_KEY_VALUE : BPG_OUTPUT_HUMAN;
  if (parsed && verb->run (ctl, &error)) {
    if (fflush (stdout) == 0)
      return ctl->status;
    g_set_error (&error, BPG_ERROR, BPG_ERROR_FAILED, _("The output could not be written: %s"), g_strerror (errno));
  }
  bpg_ctl_report (ctl, error);
  return bpg_ctl_get_exit_status (error);
}

static int
refuse_verb (const char *typed)
{
  const char *nearest = find_nearest (typed);

  fprintf (stderr, _("bionicctl: there is no verb '%s'\n"), typed);
  if (nearest != NULL)
    fprintf (stderr, _("  Did you mean '%s'?\n"), nearest);
  else
    fprintf (stderr, _("  'bionicctl' without arguments lists them.\n"));
  return BPG_EXIT_USAGE;
}

/* Options before the verb are the common ones. Returns the index of the verb, argc when there is none, -1 on error. */
static int
parse_leading (BpgCtl *ctl, int argc, char **argv, GError **error)
{
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autofree char **copy = g_memdup2 (argv, sizeof (char *) * ((gsize) argc + 1));
  GOptionGroup *group = g_option_group_new ("common", "", "", NULL, NULL);
  int left = argc;

  g_option_context_set_strict_posix (context, TRUE);
  g_option_context_set_help_enabled (context, FALSE);
  add_common_options (ctl, group, NULL);
  g_option_context_set_main_group (context, group);
  if (!g_option_context_parse (context, &left, &copy, error))
    return -1;
  return argc - left + 1;
}

static int
dispatch (BpgCtl *ctl, int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  const BpgVerb *verb;
  g_auto (GStrv) rest = NULL;
  g_autofree char **loose = NULL;
  const char *second;
  int at;
  guint words;

  if (argc > 1 && (g_str_equal (argv[1], "--help") || g_str_equal (argv[1], "-h") || g_str_equal (argv[1], "help"))) {
    print_overview (stdout);
    return BPG_EXIT_OK;
  }
  at = parse_leading (ctl, argc, argv, &error);
  if (at < 0) {
    bpg_ctl_report (ctl, error);
    return BPG_EXIT_USAGE;
  }
  if (at >= argc) {
    print_overview (stdout);
    return BPG_EXIT_OK;
  }
  second = at + 1 < argc ? argv[at + 1] : NULL;
  verb = find_verb (argv[at], second);
  if (verb == NULL)
    return refuse_verb (argv[at]);
  words = strchr (verb->name, ' ') != NULL ? 2 : 1;
  rest = g_strdupv (argv + at + words - 1);
  loose = g_memdup2 (rest, sizeof (char *) * (g_strv_length (rest) + 1));
  return bpg_ctl_run_verb (ctl, verb, (int) g_strv_length (rest), loose);
}

/* Only the locale's letters are set up, so that numbers are written with a point everywhere. */
static int
run_lab (int argc, char **argv)
{
  setlocale (LC_CTYPE, "");
  return bpg_ctl_lab (argc, argv);
}

int
bpg_ctl_main (int argc, char **argv)
{
  BpgOutput output = {BPG_OUTPUT_HUMAN};
  BpgCtl ctl = {.output = &output};
  const char *bus = g_getenv ("BIONICPRO_BUS");
  const char *locales = g_getenv ("BIONICPRO_LOCALEDIR");
  int status;

  if (argc > 1 && strcmp (argv[1], "lab") == 0)
    return run_lab (argc - 1, argv + 1);

  setlocale (LC_ALL, "");
  /* What is printed is read by programs, too: numbers have a point everywhere. */
  setlocale (LC_NUMERIC, "C");
  bindtextdomain (GETTEXT_PACKAGE, locales != NULL ? locales : BPG_LOCALEDIR);
  bind_textdomain_codeset (GETTEXT_PACKAGE, "UTF-8");
  textdomain (GETTEXT_PACKAGE);
  bpg_error_quark ();
  ctl.session = g_strcmp0 (bus, "session") == 0;

  status = dispatch (&ctl, argc, argv);
  g_clear_object (&ctl.bus);
  g_clear_pointer (&ctl.arguments, g_strfreev);
  g_clear_pointer (&ctl.result, g_variant_unref);
  return status;
}
