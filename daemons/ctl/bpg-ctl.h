/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-error.h"
#include "bpg-names.h"
#include "bpg-output.h"

#include <gio/gio.h>
#include <glib/gi18n-lib.h>

/* Exit statuses; documented in bionicctl(1). */
typedef enum {
  BPG_EXIT_OK = 0,
  BPG_EXIT_FAILED = 1,
  BPG_EXIT_USAGE = 2,
  BPG_EXIT_NOT_FOUND = 3,
  BPG_EXIT_NOT_AUTHORIZED = 4,
  BPG_EXIT_DISCONNECTED = 5,
  BPG_EXIT_REFUSED = 6,
  BPG_EXIT_TIMED_OUT = 7,
  BPG_EXIT_CANCELLED = 8,
  BPG_EXIT_NO_SERVICE = 9,
} BpgExit;

typedef enum {
  BPG_CTL_ERROR_USAGE,
  BPG_CTL_ERROR_AMBIGUOUS,
  BPG_CTL_ERROR_NO_SERVICE,
  BPG_CTL_ERROR_NO_BUS,
} BpgCtlError;

#define BPG_CTL_ERROR (bpg_ctl_error_quark ())
GQuark bpg_ctl_error_quark (void);

/**
 * BpgCtl:
 * @session: use the session bus
 * @quiet: say nothing but what was asked for
 * @no_ask: never let polkit ask for a password
 * @timeout: seconds to wait for a reply or a job; 0: the verb's own limit
 * @status: what to exit with when the verb succeeded
 * @result: (nullable): figures of a job that failed, for --json
 *
 * One run of the program: what the options common to all verbs said, and what the verb needs to do its work.
 */
typedef struct {
  GDBusConnection *bus;
  BpgOutput *output;
  gboolean session;
  gboolean quiet;
  gboolean no_ask;
  gboolean json;
  gboolean key_value;
  int timeout;
  char **arguments;
  guint n_arguments;
  int status;
  GVariant *result;
} BpgCtl;

/**
 * BpgVerb:
 * @name: what is typed, of one or two words, for example "patients add"
 * @arguments: what follows, for --help
 * @summary: one line
 * @details: more lines for --help: what happens, and examples
 * @minimum: @maximum: how many arguments may follow
 * @options: (nullable): the verb's own
 * @run: does it; %FALSE with @error set
 */
typedef struct {
  const char *name;
  const char *arguments;
  const char *summary;
  const char *details;
  guint minimum;
  guint maximum;
  const GOptionEntry *options;
  gboolean (*run) (BpgCtl *ctl, GError **error);
} BpgVerb;

/* The verbs, each in its file verb-NAME.c. */
extern const BpgVerb bpg_verb_bench, bpg_verb_bench_follow, bpg_verb_bench_off, bpg_verb_bench_play,
  bpg_verb_bench_press, bpg_verb_bench_unlock, bpg_verb_bind, bpg_verb_cancel, bpg_verb_confirm, bpg_verb_deploy, bpg_verb_doctor,
  bpg_verb_emulate, bpg_verb_emulate_send, bpg_verb_emulate_start, bpg_verb_emulate_stop, bpg_verb_evaluate,
  bpg_verb_export, bpg_verb_firmware, bpg_verb_firmware_confirm, bpg_verb_firmware_install,
  bpg_verb_firmware_rollback, bpg_verb_firmware_stage, bpg_verb_firmware_trial, bpg_verb_flash_rom, bpg_verb_identify,
  bpg_verb_jobs, bpg_verb_list, bpg_verb_manufacture, bpg_verb_models, bpg_verb_models_delete,
  bpg_verb_models_export, bpg_verb_models_import, bpg_verb_monitor, bpg_verb_patients, bpg_verb_patients_add,
  bpg_verb_patients_delete, bpg_verb_plot, bpg_verb_plot_confusion, bpg_verb_plot_latency, bpg_verb_plot_signals,
  bpg_verb_ports, bpg_verb_ports_add, bpg_verb_ports_remove, bpg_verb_record, bpg_verb_recordings,
  bpg_verb_recordings_delete, bpg_verb_recordings_import, bpg_verb_rollback, bpg_verb_session, bpg_verb_show,
  bpg_verb_sign, bpg_verb_signals, bpg_verb_status, bpg_verb_train, bpg_verb_trial, bpg_verb_unbind, bpg_verb_usage,
  bpg_verb_verdicts;

/**
 * bpg_ctl_main:
 *
 * The whole of bionicctl. `lab` is dispatched before anything else is set up: it is called thousands of times in a row.
 *
 * Returns: a #BpgExit.
 */
int bpg_ctl_main (int argc, char **argv);

/**
 * bpg_ctl_run_verb:
 * @argv: what follows the verb's name; consumed
 *
 * Parses the verb's options, runs it and says what went wrong.
 */
int bpg_ctl_run_verb (BpgCtl *ctl, const BpgVerb *verb, int argc, char **argv);

/**
 * bpg_ctl_get_exit_status:
 * @error: of any domain
 */
BpgExit bpg_ctl_get_exit_status (const GError *error);

/**
 * bpg_ctl_report:
 *
 * Says on standard error what went wrong, under which D-Bus error name, and what to do; with --json also as a document
 * on standard output.
 */
void bpg_ctl_report (BpgCtl *ctl, const GError *error);

/**
 * bpg_ctl_note:
 *
 * A line for the person who waits, on standard error; nothing with --quiet.
 */
void bpg_ctl_note (BpgCtl *ctl, const char *format, ...) G_GNUC_PRINTF (2, 3);

/**
 * bpg_ctl_usage:
 *
 * Sets @error to a usage error.
 *
 * Returns: %FALSE always.
 */
gboolean bpg_ctl_usage (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);
