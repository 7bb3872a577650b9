/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/*
 * `bionicctl lab`: models and recordings as files, without daemons.
 *
 * Exit codes: 0 done; 1 it failed, the reason is on stderr; 2 the command line is wrong.
 */
#define BPG_LAB_OK 0
#define BPG_LAB_FAILED 1
#define BPG_LAB_USAGE 2

/**
 * bpg_ctl_lab:
 * @argc: words in @argv.
 * @argv: "lab", verb, options and files.
 *
 * Returns: the exit code.
 */
int bpg_ctl_lab (int    argc,
                 char **argv);

/* The verbs; argv[0] is the verb's own name. */
int bpg_lab_train (int argc, char **argv);
int bpg_lab_run (int argc, char **argv);
int bpg_lab_info (int argc, char **argv);
int bpg_lab_score (int argc, char **argv);
int bpg_lab_convert (int argc, char **argv);

/** bpg_lab_fail: print @error with its name on stderr. Returns BPG_LAB_FAILED. */
int bpg_lab_fail (const char   *verb,
                  const GError *error);

/** bpg_lab_usage: print @message and where help is on stderr. Returns BPG_LAB_USAGE. */
int bpg_lab_usage (const char *verb,
                   const char *format,
                   ...) G_GNUC_PRINTF (2, 3);

/**
 * bpg_lab_parse:
 * @parameters: what follows the options in the usage line.
 * @summary: what the verb does.
 * @argv: (inout): parsed; what is left are the files, argv[0] stays.
 *
 * Returns: -1 to go on, or the exit code.
 */
int bpg_lab_parse (const char        *parameters,
                   const char        *summary,
                   const GOptionEntry *entries,
                   int               *argc,
                   char            ***argv);

G_END_DECLS
