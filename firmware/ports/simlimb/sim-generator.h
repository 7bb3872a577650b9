/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Surface EMG from a physiological model of a forearm, for when there are no
 * recordings. Ten muscles lie at angles and depths in a round limb; each has
 * a pool of motor units, recruited by size and firing faster with excitation
 * (Fuglevand, Winter, Patla, J. Neurophysiol. 70, 1993); intervals between
 * discharges vary with a coefficient of 0.2. A discharge adds to every
 * electrode the second derivative of a Gaussian whose height falls and whose
 * width grows with the distance between unit and electrode, as a volume
 * conductor filters (after Farina and Merletti, IEEE Trans. Biomed. Eng. 48,
 * 2001): distant muscles are the cross-talk. Drift turns the ring of
 * electrodes about the limb and changes the electrodes' gains.
 *
 * The same seed gives the same signals.
 */

#include <glib.h>
#include <stdint.h>

#include "sim-random.h"

#define SIM_MUSCLES 10u
#define SIM_UNITS 24u
#define SIM_SHAPE_MOST 64u
#define SIM_GESTURES 13u

struct sim_unit
{
  double threshold; /* excitation at which it is recruited, 0..1 */
  double size;      /* 0..1 */
  double angle;     /* radians about the limb */
  double depth;     /* mm below the skin */
  double wait;      /* samples until its next discharge */
  gint16 *shape;    /* samples x channels, in 1/16 microvolts */
};

struct sim_muscle
{
  double excitation; /* 0..1, smoothed */
  double share;      /* of its part in the movement, this time: nobody moves twice alike */
  struct sim_unit units[SIM_UNITS];
};

struct sim_generator
{
  unsigned rate;
  unsigned channels;
  double lsb; /* microvolts a count */
  unsigned shape_length;
  struct sim_random random;
  struct sim_muscle muscles[SIM_MUSCLES];
  double gains[16];
  double rotation; /* degrees */
  double wander[16]; /* slow movement of each electrode's baseline */
  gint32 *pending; /* ring of shape_length x channels, sums to come */
  unsigned at;
  unsigned gesture;
  double strength; /* 0..1 */
};

/* A person made from @seed, at rest: @channels electrodes (4..16) around the
 * forearm, @rate samples a second, @lsb_microvolt a count. */
struct sim_generator *sim_generator_new (uint64_t seed, unsigned rate, unsigned channels,
                                         double lsb_microvolt);

/* Frees it; NULL is nothing. */
void sim_generator_free (struct sim_generator *generator);

/* Puts the socket on anew: turned by @degrees, gains changed by a factor
 * whose logarithm has the standard deviation @gain_spread. */
void sim_generator_drift (struct sim_generator *generator, double degrees, double gain_spread,
                          uint64_t seed);

/* What the wearer does from now on: a gesture code at a strength of 0..1. */
void sim_generator_move (struct sim_generator *generator, unsigned gesture, double strength);

/* The next sample of all channels, in counts. */
void sim_generator_next (struct sim_generator *generator, gint16 *values);

/* Names of the gesture codes, as in the recordings; NULL beyond. */
const char *sim_gesture_name (unsigned gesture);

/* The code of a name or number; -1 when there is none. */
int sim_gesture_code (const char *name);

/*
 * Writes an emgpack folder: @days recordings of one person, each day the
 * socket put on anew, four repetitions of nine movements (rest included).
 */
gboolean sim_generator_write_recordings (const char *directory, uint64_t seed, unsigned days,
                                         unsigned rate, unsigned channels, GError **error);
