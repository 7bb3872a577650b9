/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** BpgParallelWork: does task after task, each taken with bpg_parallel_take(), until none is left. */
typedef struct _BpgParallel BpgParallel;
typedef void (*BpgParallelWork) (BpgParallel *parallel,
                                 gpointer     data);

/**
 * bpg_parallel_run: tasks that do not depend on each other, on up to four processors.
 * @tasks: how many.
 * @work: called in each thread, one of them this one, at the same time.
 * @data: for @work.
 * Returns when all tasks are done.
 */
void bpg_parallel_run (guint           tasks,
                       BpgParallelWork work,
                       gpointer        data);

/** bpg_parallel_take: the next task, from 0 on. Returns: %FALSE when none is left. */
gboolean bpg_parallel_take (BpgParallel *self,
                            guint       *task);

G_END_DECLS
