/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-bus.h"

#include <errno.h>
#include <glob.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#define SPACE_FAIL (50u * 1024 * 1024)
#define SPACE_WARN (1024u * 1024 * 1024)
#define EARLIEST_YEAR 2024
#define POLICY_FILE "polkit-1/actions/org.bionicpro.policy"

typedef enum {
  GRADE_OK,
  GRADE_WARNING,
  GRADE_FAILED,
} Grade;

static char *
format_grade (GVariant *value)
{
  const char *grade = g_variant_get_string (value, NULL);

  return g_strdup (g_str_equal (grade, "ok") ? "✓" : g_str_equal (grade, "warning") ? "!" : "✗");
}

static const BpgField fields[] = {
  {"grade", "", format_grade},
  {"check", N_("CHECK")},
  {"found", N_("FOUND")},
  {"advice", N_("WHAT TO DO")},
  {NULL},
};

typedef struct {
  BpgCtl *ctl;
  GPtrArray *rows;
  Grade worst;
} Doctor;

static void
report (Doctor *self, Grade grade, const char *check, const char *found, const char *advice)
{
  static const char *const words[] = {"ok", "warning", "failed"};
  GVariantDict row;

  g_variant_dict_init (&row, NULL);
  g_variant_dict_insert (&row, "grade", "s", words[grade]);
  g_variant_dict_insert (&row, "check", "s", check);
  g_variant_dict_insert (&row, "found", "s", found);
  g_variant_dict_insert (&row, "advice", "s", grade == GRADE_OK ? "" : advice);
  g_ptr_array_add (self->rows, g_variant_ref_sink (g_variant_dict_end (&row)));
  self->worst = MAX (self->worst, grade);
}

static gboolean
check_bus (Doctor *self)
{
  g_autoptr (GError) error = NULL;
  const char *name = self->ctl->session ? _("session bus") : _("system bus");

  if (bpg_ctl_connect (self->ctl, &error) != NULL) {
    report (self, GRADE_OK, name, _("reachable"), "");
    return TRUE;
  }
  report (self, GRADE_FAILED, name, error->message, _("Start D-Bus: 'systemctl start dbus'."));
  return FALSE;
}

static void
report_problem (Doctor *self, const char *program, GVariant *problem)
{
  const char *name = "", *message = "", *subject = "";
  g_autofree char *check = NULL;
  int code;

  g_variant_lookup (problem, "error", "&s", &name);
  g_variant_lookup (problem, "message", "&s", &message);
  g_variant_lookup (problem, "subject", "&s", &subject);
  check = g_strdup_printf ("%s: %s", program, subject);
  code = bpg_error_from_name (name);
  report (self, GRADE_WARNING, check, message, code >= 0 ? bpg_error_get_hint (code) : "");
}

static void
check_daemon (Doctor *self, const BpgDaemon *daemon)
{
  const char *interface = strrchr (daemon->name, '.') + 1;
  g_autoptr (GError) error = NULL;
  g_autoptr (BpgObject) manager = bpg_ctl_reload (self->ctl, daemon->path, interface, &error);
  g_autofree char *program = g_strdup_printf ("bionicpro-%sd", daemon->word);
  g_autofree char *version_key = g_strconcat (interface, ".Version", NULL);
  g_autofree char *state_key = g_strconcat (interface, ".State", NULL);
  g_autofree char *problems_key = g_strconcat (interface, ".Problems", NULL);
  g_autofree char *start = g_strdup_printf (_("See why: 'systemctl status bionicpro-%s', 'journalctl -u bionicpro-%s'."),
                                            daemon->word, daemon->word);
  g_autofree char *version = NULL;
  g_autofree char *state = NULL;
  g_autofree char *found = NULL;
  g_autoptr (GVariant) problems = NULL;

  if (manager == NULL) {
    report (self, GRADE_FAILED, program, error->message, start);
    return;
  }
  version = bpg_object_get_string (manager, version_key);
  state = bpg_object_get_string (manager, state_key);
  found = g_strdup_printf (_("version %s, %s"), version, state);
  if (strcmp (version, BPG_VERSION) != 0)
    report (self, GRADE_WARNING, program, found, _("It is of another version than bionicctl: restart it after an update."));
  else
    report (self, strcmp (state, "ready") == 0 ? GRADE_OK : GRADE_WARNING, program, found,
            strcmp (state, "starting") == 0 ? _("Wait a moment.") : _("See its problems below."));
  problems = bpg_object_lookup (manager, problems_key, "aa{sv}");
  for (gsize i = 0; problems != NULL && i < g_variant_n_children (problems); i++) {
    g_autoptr (GVariant) problem = g_variant_get_child_value (problems, i);

    report_problem (self, program, problem);
  }
}

static gboolean
is_on_bus (Doctor *self, const char *name)
{
  g_autoptr (GVariant) reply = g_dbus_connection_call_sync (
    self->ctl->bus, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "StartServiceByName",
    g_variant_new ("(su)", name, 0), G_VARIANT_TYPE ("(u)"), G_DBUS_CALL_FLAGS_NONE, 10000, NULL, NULL);

  return reply != NULL;
}

static void
check_polkit (Doctor *self)
{
  g_autofree char *own = g_build_filename (BPG_DATADIR, POLICY_FILE, NULL);
  g_autofree char *system = g_build_filename ("/usr/share", POLICY_FILE, NULL);

  if (self->ctl->session) {
    report (self, GRADE_OK, "polkit", _("not used on the session bus"), "");
    return;
  }
  if (!is_on_bus (self, "org.freedesktop.PolicyKit1"))
    report (self, GRADE_FAILED, "polkit", _("not running"), _("Install polkitd, then 'systemctl start polkit'."));
  else if (!g_file_test (own, G_FILE_TEST_EXISTS) && !g_file_test (system, G_FILE_TEST_EXISTS))
    report (self, GRADE_FAILED, "polkit", _("knows none of our actions"), _("Install the gateway's polkit policy."));
  else
    report (self, GRADE_OK, "polkit", _("running, with our actions"), "");
}

static void
check_space (Doctor *self, const char *folder, const char *check)
{
  struct statvfs space;
  g_autofree char *found = NULL;
  g_autofree char *size = NULL;
  guint64 free_bytes;

  if (statvfs (folder, &space) != 0)
    return;
  free_bytes = (guint64) space.f_bavail * space.f_frsize;
  size = g_format_size_full (free_bytes, G_FORMAT_SIZE_IEC_UNITS);
  found = g_strdup_printf (_("%s free"), size);
  report (self, free_bytes < SPACE_FAIL ? GRADE_FAILED : free_bytes < SPACE_WARN ? GRADE_WARNING : GRADE_OK, check, found,
          _("Free some space: recordings need about 60 MB an hour."));
}

static void
check_state (Doctor *self)
{
  g_autofree char *root = self->ctl->session ? g_build_filename (g_get_user_data_dir (), "bionicpro", NULL)
                                             : g_build_filename (BPG_LOCALSTATEDIR, "lib", "bionicpro", NULL);
  struct stat info;

  if (stat (root, &info) != 0) {
    report (self, errno == ENOENT ? GRADE_WARNING : GRADE_FAILED, root, g_strerror (errno),
            _("It is made at the first start; after that, see the service's journal."));
    return;
  }
  for (guint i = 0; i < bpg_n_daemons; i++) {
    g_autofree char *folder = g_build_filename (root, bpg_daemons[i].word, NULL);

    if (stat (folder, &info) != 0) {
      report (self, errno == ENOENT ? GRADE_WARNING : GRADE_OK, folder,
              errno == ENOENT ? _("not there") : _("not ours to look into"), _("It is made when the service starts."));
      continue;
    }
    if (S_ISDIR (info.st_mode) && (info.st_mode & 0077) == 0)
      report (self, GRADE_OK, folder, _("there, and nobody else's to read"), "");
    else
      report (self, GRADE_FAILED, folder, _("others may look into it"), _("'chmod 0700' it, and find out who may have."));
  }
  check_space (self, root, _("disk space"));
}

/* Whether the service's user (or, with the session bus, whoever runs this) may use a serial line. */
static gboolean
may_use (const char *path, gboolean session)
{
  const struct passwd *user = getpwnam ("bionicpro-pairing");
  struct stat info;
  gid_t groups[64];
  int n_groups = G_N_ELEMENTS (groups);

  if (session || user == NULL)
    return access (path, R_OK | W_OK) == 0;
  if (stat (path, &info) != 0)
    return FALSE;
  if ((info.st_mode & 0006) == 0006 || (info.st_uid == user->pw_uid && (info.st_mode & 0600) == 0600))
    return TRUE;
  if ((info.st_mode & 0060) != 0060 || getgrouplist (user->pw_name, user->pw_gid, groups, &n_groups) < 0)
    return FALSE;
  for (int i = 0; i < n_groups; i++) {
    if (groups[i] == info.st_gid)
      return TRUE;
  }
  return FALSE;
}

static void
check_lines (Doctor *self)
{
  glob_t found;
  gboolean any = FALSE;

  if (glob ("/dev/tty[AU]*", 0, NULL, &found) == 0) {
    for (gsize i = 0; i < found.gl_pathc; i++) {
      const char *path = found.gl_pathv[i];

      if (!g_str_has_prefix (path, "/dev/ttyACM") && !g_str_has_prefix (path, "/dev/ttyUSB"))
        continue;
      any = TRUE;
      if (may_use (path, self->ctl->session))
        report (self, GRADE_OK, path, _("may be used"), "");
      else
        report (self, GRADE_FAILED, path, _("bionicpro-pairingd may not open it"),
                _("Add its user to the group of the device, usually dialout, and restart it."));
    }
    globfree (&found);
  }
  if (!any)
    report (self, GRADE_OK, _("serial lines"), _("no USB serial device is plugged in"), "");
}

static void
check_ports (Doctor *self)
{
  g_autoptr (BpgObject) manager = bpg_ctl_reload (self->ctl, BPG_PATH_PAIRING, "Pairing1", NULL);
  g_autoptr (GVariant) ports = manager != NULL ? bpg_object_lookup (manager, "Pairing1.Ports", "aa{sv}") : NULL;

  for (gsize i = 0; ports != NULL && i < g_variant_n_children (ports); i++) {
    g_autoptr (GVariant) port = g_variant_get_child_value (ports, i);
    const char *path = "", *state = "", *message = "";
    gboolean silent;

    g_variant_lookup (port, "path", "&s", &path);
    g_variant_lookup (port, "state", "&s", &state);
    g_variant_lookup (port, "message", "&s", &message);
    silent = strcmp (state, "silent") == 0;
    report (self, silent || strcmp (state, "failed") == 0 ? GRADE_WARNING : GRADE_OK, path, state,
            *message != '\0' ? message
            : silent         ? _("Nothing answers: is the arm switched on, the cable whole, the speed right?")
                             : _("Unplug it and plug it in again."));
  }
}

static void
check_clock (Doctor *self)
{
  g_autoptr (GDateTime) now = g_date_time_new_now_local ();
  g_autofree char *text = g_date_time_format (now, "%F %T %Z");
  struct timex state = {0};

  if (g_date_time_get_year (now) < EARLIEST_YEAR)
    report (self, GRADE_FAILED, _("clock"), text, _("Set it: recordings and certificates depend on it."));
  else if (adjtimex (&state) == TIME_ERROR)
    report (self, GRADE_WARNING, _("clock"), text, _("Nothing keeps it right; switch on time synchronisation."));
  else
    report (self, GRADE_OK, _("clock"), text, "");
}

static gboolean
run (BpgCtl *ctl, GError **error)
{
  g_autoptr (GPtrArray) rows = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
  Doctor self = {.ctl = ctl, .rows = rows};

  if (check_bus (&self)) {
    for (guint i = 0; i < bpg_n_daemons; i++)
      check_daemon (&self, &bpg_daemons[i]);
    check_polkit (&self);
    check_ports (&self);
  }
  check_lines (&self);
  check_state (&self);
  check_clock (&self);
  bpg_output_table (ctl->output, fields, rows, "");
  ctl->status = self.worst == GRADE_FAILED ? BPG_EXIT_FAILED : BPG_EXIT_OK;
  return TRUE;
}

const BpgVerb bpg_verb_doctor = {
  .name = "doctor",
  .arguments = "",
  .summary = N_("Check everything, and say what to do"),
  .details = N_("Checks the bus, the services and their problems, polkit, serial lines, state folders, disk space and the\n"
                "clock. Exit status 1 when a check failed.\n\nExample:\n  bionicctl doctor --json"),
  .run = run,
};
