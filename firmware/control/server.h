/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The arm's SMP server: one request in, one reply out. */

#include "control/control.h"

/* What a handler is given and what it leaves behind. */
struct bpg_request
{
  struct bpg_control *control;
  struct bpg_smp_header header;
  const uint8_t *payload;
  size_t length;
  struct bpg_cbor_writer *reply;
  uint16_t error_group; /* with error: whose code it is */
  uint16_t error;       /* 0 = the reply stands */
};

/*
 * Answers a request @packet into @reply (BPG_SMP_PACKET_MAX bytes). Returns
 * the reply's length, 0 when there is nothing to answer (not a request).
 */
size_t bpg_server_handle (struct bpg_control *control, const uint8_t *packet, size_t length,
                          uint8_t *reply);

/* The handlers, by group. */
void bpg_server_os (struct bpg_request *request);
void bpg_server_image (struct bpg_request *request);
void bpg_server_arm (struct bpg_request *request);

/* Bench mode, of the arm's group. */
void bpg_server_bench_state (struct bpg_request *request);
void bpg_server_bench (struct bpg_request *request);

/* Refuses with a code of MCUmgr's or of the arm's. */
void bpg_request_refuse_smp (struct bpg_request *request, enum bpg_smp_error error);
void bpg_request_refuse (struct bpg_request *request, enum bpg_arm_error error);

/* Whether the request is @op on @command. */
bool bpg_request_is (const struct bpg_request *request, enum bpg_smp_op op, uint8_t command);
