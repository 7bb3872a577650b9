/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The images that prove, in QEMU. */

#include <gio/gio.h>

#include "proof-protocol.h"

/* Whether QEMU and the images are there; else the test is skipped. */
gboolean machine_is_there (void);

/* Adds a task; @bytes may be NULL. */
void machine_add_task (GByteArray *tasks, enum virt_task_kind kind, guint32 first, guint32 second, GBytes *bytes);

/* Has the image that the environment's @variable names do @tasks; returns as many answers. */
struct virt_answer *machine_run (const char *variable, const GByteArray *tasks, gsize n_answers);
