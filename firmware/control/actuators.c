/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "control/actuators.h"

#include <string.h>

#define STEP_LONGEST_US 100000u
#define POSITION_MOST (1000 << 16)

/* Directions by gesture code (see the recordings' format): wrist flexion,
 * wrist deviation (+ radial), rotation (+ pronation), thumb, index, fingers
 * (+ closes). */
static const int8_t directions[][BPG_PORT_ACTUATORS] = {
  { 0, 0, 0, 0, 0, 0 },   /* rest */
  { 1, 0, 0, 0, 0, 0 },   /* wrist_flexion */
  { -1, 0, 0, 0, 0, 0 },  /* wrist_extension */
  { 0, 1, 0, 0, 0, 0 },   /* radial_deviation */
  { 0, -1, 0, 0, 0, 0 },  /* ulnar_deviation */
  { 0, 0, 1, 0, 0, 0 },   /* pronation */
  { 0, 0, -1, 0, 0, 0 },  /* supination */
  { 0, 0, 0, 1, 1, 1 },   /* hand_close */
  { 0, 0, 0, -1, -1, -1 },/* hand_open */
  { 0, 0, 0, 1, 0, 1 },   /* side_grip */
  { 0, 0, 0, 1, 1, 0 },   /* fine_grip */
  { 0, 0, 0, -1, 1, 1 },  /* thumb_up */
  { 0, 0, 0, 1, -1, 1 },  /* pointer */
};

static int32_t
clamp_position (int64_t position)
{
  return position < 0 ? 0 : position > POSITION_MOST ? POSITION_MOST : (int32_t) position;
}

void
bpg_actuators_init (struct bpg_actuators *actuators)
{
  memset (actuators, 0, sizeof *actuators);
  for (unsigned i = 0; i < BPG_PORT_ACTUATORS; i++)
    actuators->position[i] = clamp_position ((int64_t) bpg_port_actuator_position (i) << 16);
}

void
bpg_actuators_aim (struct bpg_actuators *actuators, unsigned gesture, unsigned speed)
{
  int32_t velocity = (int32_t) (speed > 1000 ? 1000 : speed) * BPG_ACTUATOR_FULL_SPEED * 256 / 1000;

  /* A movement this hand cannot make is none. */
  if (gesture >= sizeof directions / sizeof directions[0])
    gesture = 0;
  for (unsigned i = 0; i < BPG_PORT_ACTUATORS; i++)
    actuators->target[i] = directions[gesture][i] * velocity;
}

void
bpg_actuators_stop (struct bpg_actuators *actuators)
{
  memset (actuators->velocity, 0, sizeof actuators->velocity);
  memset (actuators->target, 0, sizeof actuators->target);
}

static int32_t
approach (int32_t value, int32_t target, int32_t most)
{
  if (target > value)
    return target - value > most ? value + most : target;
  return value - target > most ? value - most : target;
}

void
bpg_actuators_step (struct bpg_actuators *actuators, uint32_t microseconds)
{
  int32_t slope;

  if (microseconds > STEP_LONGEST_US)
    microseconds = STEP_LONGEST_US;
  /* Q8 velocity gained in this step: full speed in the ramp's time. */
  slope = (int32_t) (BPG_ACTUATOR_FULL_SPEED * 256 / BPG_ACTUATOR_RAMP_MS * microseconds / 1000);

  for (unsigned i = 0; i < BPG_PORT_ACTUATORS; i++)
    {
      int64_t way;

      actuators->velocity[i] = approach (actuators->velocity[i], actuators->target[i], slope);
      /* Q8 a second times us, to Q16: times 256 / 1000000, as 17180 / 2^26. */
      way = ((int64_t) actuators->velocity[i] * (int32_t) microseconds * 17180) >> 26;
      actuators->position[i] = clamp_position (actuators->position[i] + way);
      bpg_port_actuator_set (i, (uint16_t) (actuators->position[i] >> 16));
    }
}
