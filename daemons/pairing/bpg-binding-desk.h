/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-bookkeeper.h"
#include "bpg-prosthesis.h"

#define BPG_TYPE_BINDING_DESK (bpg_binding_desk_get_type ())
G_DECLARE_FINAL_TYPE (BpgBindingDesk, bpg_binding_desk, BPG, BINDING_DESK, GObject)

/**
 * bpg_binding_desk_new:
 *
 * Answers Bind and Unbind of every prosthesis, one job at a time for each.
 */
BpgBindingDesk *bpg_binding_desk_new (BpgService *service, BpgBookkeeper *bookkeeper);

/**
 * bpg_binding_desk_adopt:
 *
 * Answers for @prosthesis from now on, as long as it lives.
 */
void bpg_binding_desk_adopt (BpgBindingDesk *self, BpgProsthesis *prosthesis);

/**
 * bpg_binding_desk_is_busy:
 *
 * Whether @prosthesis is being bound or unbound.
 */
gboolean bpg_binding_desk_is_busy (BpgBindingDesk *self, BpgProsthesis *prosthesis);

/**
 * bpg_binding_desk_resume:
 * @job: `bind` or `unbind` of the process before
 *
 * Returns: whether it was taken up.
 */
gboolean bpg_binding_desk_resume (BpgBindingDesk *self, BpgProsthesis *prosthesis, BpgJob *job);
