/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

/**
 * bpg_agent_start:
 *
 * Lets polkit ask on this terminal (pkttyagent) for as long as no other agent, such as a desktop's, asks for this
 * process. Waits until polkit knows of it.
 *
 * Returns: (transfer full) (nullable): the agent, for bpg_agent_stop(); %NULL when standard input is no terminal or
 *   there is no pkttyagent.
 */
GSubprocess *bpg_agent_start (void);

/**
 * bpg_agent_stop:
 * @agent: (transfer full) (nullable)
 *
 * Ends it and gives the terminal back.
 */
void bpg_agent_stop (GSubprocess *agent);
