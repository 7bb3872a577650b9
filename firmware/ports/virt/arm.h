/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BPG_VIRT_ARM_H
#define BPG_VIRT_ARM_H

/*
 * An arm of memory alone: port.h over flash in RAM, a clock that is set, and a line that is two buffers.  It
 * runs on the RISC-V machine, and the same source on the PC that what it does there is compared with.  No
 * secrets and no element: a signature holds when it begins with the hash that it signs.
 */

#include "control/control.h"

#define VIRT_ARM_LINE 16384u

struct virt_arm
{
  struct bpg_control control;
  struct bpg_port_electrodes electrodes;
  uint64_t now;
  uint8_t firmware_slot;
  bool reset_wanted;
  uint32_t operations;
  uint32_t sent;        /* bytes on the line since the power came on, and what they were */
  uint32_t sent_digest;
  uint16_t position[BPG_PORT_ACTUATORS];
};

extern struct virt_arm virt_arm;

/**
 * virt_arm_make: a new arm: blank flash, factory sector, bound to a left side, no model.
 * @model: whose electrodes it is to have.
 */
bool virt_arm_make (const struct bpg_bpm *model);

/** virt_arm_install: put a container of @payload into the first slot of @image and confirm it. */
bool virt_arm_install (unsigned       image,
                       const uint8_t *payload,
                       size_t         length);

/** virt_arm_start_firmware: what runs before the program: the second stage. */
void virt_arm_start_firmware (void);

/** virt_arm_start: the program starts. */
bool virt_arm_start (void);

#endif
