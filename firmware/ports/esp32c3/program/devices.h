/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What is on the board besides the chip: converter, servos, secure element,
 * battery gauge. A bare board, whose key is in flash, has none of it and can
 * be exercised in bench mode; a program for production takes no board for one.
 * The rest of port.h that is about devices is implemented here.
 */

#include "control/control.h"

/* Sets up what is there, the actuators where they were left. */
void bpg_devices_init (const uint16_t position[BPG_PORT_ACTUATORS]);

/* What the converter delivers. */
const struct bpg_port_electrodes *bpg_devices_electrodes (void);

/* Lets the converter deliver its samples to @control. */
void bpg_devices_start_converter (struct bpg_control *control);

/* Looks after the devices; in each round of the loop. */
void bpg_devices_step (uint64_t now_us);

/* Commands an actuator to @position, 0..1000. */
void bpg_devices_move (unsigned index, uint16_t position);

/* Tells the public key of the board's secure element, PEM, on the line the ROM
 * speaks on; has it made first where there is none. For bionicctl manufacture. */
void bpg_devices_tell_key (void);

/* Whether this is a bare board: no battery, no Bluetooth. */
bool bpg_devices_is_bare (void);
