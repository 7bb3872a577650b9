/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-agent.h"

#include <glib-unix.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#define AGENT "pkttyagent"
#define NOTIFY_FD 3
#define READY_MS 10000

GSubprocess *
bpg_agent_start (void)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDIN_INHERIT);
  g_autofree char *program = g_find_program_in_path (AGENT);
  g_autofree char *pid = g_strdup_printf ("%d", getpid ());
  g_autofree char *notify = g_strdup_printf ("%d", NOTIFY_FD);
  GSubprocess *agent;
  struct pollfd ready = {.events = POLLIN};
  int ends[2];

  if (program == NULL || !isatty (STDIN_FILENO) || !g_unix_open_pipe (ends, FD_CLOEXEC, NULL))
    return NULL;
  g_subprocess_launcher_take_fd (launcher, ends[1], NOTIFY_FD);
  agent = g_subprocess_launcher_spawn (launcher, NULL, program, "--process", pid, "--notify-fd", notify, "--fallback",
                                       NULL);
  g_subprocess_launcher_close (launcher);
  /* It closes its end once polkit knows of it, and when it dies. */
  ready.fd = ends[0];
  if (agent != NULL)
    poll (&ready, 1, READY_MS);
  close (ends[0]);
  return agent;
}

void
bpg_agent_stop (GSubprocess *agent)
{
  if (agent == NULL)
    return;
  g_subprocess_send_signal (agent, SIGTERM);
  g_subprocess_wait (agent, NULL, NULL);
  g_object_unref (agent);
}
