/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * From a movement and its speed to the actuators' positions. A movement moves
 * each actuator in a fixed direction; speed follows a ramp of bounded slope,
 * so that a changed decision never jerks the hand. Stopping is not ramped.
 */

#include <stdint.h>

#include "control/port.h"

enum bpg_actuator
{
  BPG_ACTUATOR_WRIST_FLEXION,
  BPG_ACTUATOR_WRIST_DEVIATION,
  BPG_ACTUATOR_FOREARM_ROTATION,
  BPG_ACTUATOR_THUMB,
  BPG_ACTUATOR_INDEX,
  BPG_ACTUATOR_FINGERS,
};

/* Way an actuator makes at full speed, in 1/1000 of all its way a second. */
#define BPG_ACTUATOR_FULL_SPEED 800
/* Milliseconds from standing to full speed. */
#define BPG_ACTUATOR_RAMP_MS 120

struct bpg_actuators
{
  int32_t position[BPG_PORT_ACTUATORS]; /* 1/1000 of the way, Q16 */
  int32_t velocity[BPG_PORT_ACTUATORS]; /* 1/1000 of the way a second, Q8 */
  int32_t target[BPG_PORT_ACTUATORS];   /* the same, where the ramp goes */
};

/* All actuators standing where the port says they were left. */
void bpg_actuators_init (struct bpg_actuators *actuators);

/* Sets where the ramp goes: @gesture (code of the recordings) at @speed 0..1000. */
void bpg_actuators_aim (struct bpg_actuators *actuators, unsigned gesture, unsigned speed);

/* Stops at once, where they are. */
void bpg_actuators_stop (struct bpg_actuators *actuators);

/* Moves on by @microseconds (at most a tenth of a second counts) and commands
 * the port. */
void bpg_actuators_step (struct bpg_actuators *actuators, uint32_t microseconds);
