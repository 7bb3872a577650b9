/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sim-generator.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The limb. */
#define RADIUS_MM 40.0
#define RECRUITMENT_RANGE 30.0 /* largest threshold over smallest */
#define FULL_RECRUITMENT 0.7   /* excitation at which all units fire */
#define SIZE_RANGE 25.0        /* largest unit over smallest */
#define RATE_LEAST_HZ 8.0
#define RATE_MOST_HZ 35.0
#define RATE_GAIN_HZ 50.0      /* more discharges a second for excitation 1 */
#define INTERVAL_VARIATION 0.2
#define LARGEST_UNIT_UV 260.0  /* at 10 mm */
#define WIDTH_MS 1.6
#define WIDTH_MS_A_MM 0.05
#define SHAPE_MS 24.0
#define EXCITATION_MS 80.0     /* time constant of a contraction */
#define SHARE_SPREAD 0.3 /* standard deviation of the share's logarithm */
#define NOISE_UV 4.0
#define WANDER_UV 6.0
#define SHAPE_SCALE 16.0

/* Angle (degrees) and depth (mm) of each muscle. */
static const struct
{
  double angle;
  double depth;
} places[SIM_MUSCLES] = {
  { 20, 8 },   /* flexor carpi radialis */
  { 55, 9 },   /* palmaris and superficial finger flexors */
  { 85, 18 },  /* deep finger flexors */
  { 110, 8 },  /* flexor carpi ulnaris */
  { 165, 9 },  /* extensor carpi ulnaris */
  { 205, 8 },  /* finger extensors */
  { 245, 10 }, /* extensors of the wrist, radial */
  { 290, 9 },  /* brachioradialis and supinator */
  { 335, 12 }, /* pronator teres */
  { 225, 17 }, /* thumb: abductor and extensors */
};

/* Share of each muscle in each gesture, percent. */
static const guint8 synergies[SIM_GESTURES][SIM_MUSCLES] = {
  { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 },
  { 80, 55, 10, 70, 5, 0, 0, 0, 5, 0 },    /* wrist_flexion */
  { 0, 0, 0, 5, 75, 35, 80, 10, 0, 5 },    /* wrist_extension */
  { 60, 5, 0, 0, 0, 5, 70, 25, 5, 20 },    /* radial_deviation */
  { 0, 5, 0, 80, 75, 5, 0, 0, 0, 0 },      /* ulnar_deviation */
  { 15, 5, 5, 0, 0, 0, 0, 20, 85, 0 },     /* pronation */
  { 0, 0, 0, 5, 10, 5, 15, 85, 0, 10 },    /* supination */
  { 15, 80, 75, 20, 15, 10, 20, 0, 5, 25 },/* hand_close */
  { 0, 0, 0, 5, 20, 85, 25, 5, 0, 55 },    /* hand_open */
  { 5, 45, 60, 5, 10, 5, 10, 5, 15, 60 },  /* side_grip */
  { 10, 60, 25, 0, 5, 15, 25, 0, 25, 35 }, /* fine_grip */
  { 0, 50, 60, 10, 5, 5, 10, 10, 0, 85 },  /* thumb_up */
  { 5, 35, 55, 10, 10, 45, 10, 0, 10, 15 },/* pointer */
};

static const char *const gesture_names[SIM_GESTURES] = {
  "rest",       "wrist_flexion", "wrist_extension", "radial_deviation", "ulnar_deviation",
  "pronation",  "supination",    "hand_close",      "hand_open",        "side_grip",
  "fine_grip",  "thumb_up",      "pointer",
};

const char *
sim_gesture_name (unsigned gesture)
{
  return gesture < SIM_GESTURES ? gesture_names[gesture] : NULL;
}

int
sim_gesture_code (const char *name)
{
  guint64 number;

  for (unsigned i = 0; i < SIM_GESTURES; i++)
    {
      if (g_strcmp0 (name, gesture_names[i]) == 0)
        return (int) i;
    }
  if (g_ascii_string_to_unsigned (name, 10, 0, SIM_GESTURES - 1, &number, NULL))
    return (int) number;
  return -1;
}

/* Potential of a unit at an electrode, over time: the second derivative of a
 * Gaussian, weaker and slower with distance. */
static void
make_shape (const struct sim_generator *generator, struct sim_unit *unit, unsigned channel)
{
  double electrode = 2 * G_PI * channel / generator->channels + generator->rotation * G_PI / 180;
  double inner = RADIUS_MM - unit->depth;
  double square = RADIUS_MM * RADIUS_MM + inner * inner
                  - 2 * RADIUS_MM * inner * cos (electrode - unit->angle);
  double distance = sqrt (MAX (square, 4));
  double height = LARGEST_UNIT_UV * unit->size * pow (10 / distance, 2) * generator->gains[channel];
  double width = WIDTH_MS + WIDTH_MS_A_MM * distance;

  for (unsigned i = 0; i < generator->shape_length; i++)
    {
      double t = (1000.0 * i / generator->rate - SHAPE_MS / 2) / width;
      double value = height * (1 - t * t) * exp (-t * t / 2);

      unit->shape[i * generator->channels + channel]
        = (gint16) lrint (CLAMP (value * SHAPE_SCALE, G_MININT16, G_MAXINT16));
    }
}

static void
make_shapes (struct sim_generator *generator)
{
  for (unsigned m = 0; m < SIM_MUSCLES; m++)
    {
      for (unsigned u = 0; u < SIM_UNITS; u++)
        {
          for (unsigned channel = 0; channel < generator->channels; channel++)
            make_shape (generator, &generator->muscles[m].units[u], channel);
        }
    }
}

/* Fuglevand's pool: thresholds and sizes rise exponentially with the number. */
static void
make_unit (struct sim_generator *generator, unsigned muscle, unsigned number)
{
  struct sim_unit *unit = &generator->muscles[muscle].units[number];
  double share = (number + 1.0) / SIM_UNITS;

  unit->threshold = FULL_RECRUITMENT * exp (log (RECRUITMENT_RANGE) * share) / RECRUITMENT_RANGE;
  unit->size = exp (log (SIZE_RANGE) * share) / SIZE_RANGE;
  unit->angle = (places[muscle].angle + 7 * sim_random_normal (&generator->random)) * G_PI / 180;
  unit->depth = MAX (places[muscle].depth + 2 * sim_random_normal (&generator->random), 4);
  unit->wait = sim_random_uniform (&generator->random) * generator->rate / RATE_LEAST_HZ;
  unit->shape = g_new0 (gint16, generator->shape_length * generator->channels);
}

struct sim_generator *
sim_generator_new (uint64_t seed, unsigned rate, unsigned channels, double lsb_microvolt)
{
  struct sim_generator *generator = g_new0 (struct sim_generator, 1);

  generator->rate = rate;
  generator->channels = channels;
  generator->lsb = lsb_microvolt;
  generator->shape_length = (unsigned) CLAMP (SHAPE_MS * rate / 1000, 4, SIM_SHAPE_MOST);
  generator->pending = g_new0 (gint32, generator->shape_length * channels);
  sim_random_init (&generator->random, seed);
  for (unsigned channel = 0; channel < 16; channel++)
    generator->gains[channel] = 1;
  for (unsigned m = 0; m < SIM_MUSCLES; m++)
    {
      for (unsigned u = 0; u < SIM_UNITS; u++)
        make_unit (generator, m, u);
    }
  make_shapes (generator);
  return generator;
}

void
sim_generator_free (struct sim_generator *generator)
{
  if (generator == NULL)
    return;
  for (unsigned m = 0; m < SIM_MUSCLES; m++)
    {
      for (unsigned u = 0; u < SIM_UNITS; u++)
        g_free (generator->muscles[m].units[u].shape);
    }
  g_free (generator->pending);
  g_free (generator);
}

void
sim_generator_drift (struct sim_generator *generator, double degrees, double gain_spread,
                     uint64_t seed)
{
  struct sim_random random;

  sim_random_init (&random, seed);
  generator->rotation = degrees;
  for (unsigned channel = 0; channel < generator->channels; channel++)
    generator->gains[channel] = exp (gain_spread * sim_random_normal (&random));
  make_shapes (generator);
}

void
sim_generator_move (struct sim_generator *generator, unsigned gesture, double strength)
{
  generator->gesture = MIN (gesture, SIM_GESTURES - 1);
  generator->strength = CLAMP (strength, 0, 1);
  for (unsigned m = 0; m < SIM_MUSCLES; m++)
    generator->muscles[m].share = exp (SHARE_SPREAD * sim_random_normal (&generator->random));
}

static void
discharge (struct sim_generator *generator, const struct sim_unit *unit)
{
  unsigned channels = generator->channels;
  unsigned length = generator->shape_length;

  for (unsigned i = 0; i < length; i++)
    {
      gint32 *sum = generator->pending + (generator->at + i) % length * channels;
      const gint16 *shape = unit->shape + i * channels;

      for (unsigned channel = 0; channel < channels; channel++)
        sum[channel] += shape[channel];
    }
}

static void
run_unit (struct sim_generator *generator, double excitation, struct sim_unit *unit)
{
  double rate;

  if (excitation < unit->threshold)
    return;
  unit->wait -= 1;
  if (unit->wait > 0)
    return;
  discharge (generator, unit);
  rate = MIN (RATE_LEAST_HZ + RATE_GAIN_HZ * (excitation - unit->threshold), RATE_MOST_HZ);
  unit->wait += generator->rate / rate
                * MAX (1 + INTERVAL_VARIATION * sim_random_normal (&generator->random), 0.3);
}

static void
run_muscle (struct sim_generator *generator, unsigned number)
{
  struct sim_muscle *muscle = &generator->muscles[number];
  double wanted = generator->strength * muscle->share * synergies[generator->gesture][number] / 100.0;
  double step = 1000.0 / (EXCITATION_MS * generator->rate);

  muscle->excitation += (wanted - muscle->excitation) * step;
  if (muscle->excitation < 0.001)
    return;
  for (unsigned u = 0; u < SIM_UNITS; u++)
    run_unit (generator, muscle->excitation, &muscle->units[u]);
}

void
sim_generator_next (struct sim_generator *generator, gint16 *values)
{
  gint32 *sums = generator->pending + generator->at * generator->channels;

  for (unsigned m = 0; m < SIM_MUSCLES; m++)
    run_muscle (generator, m);
  for (unsigned channel = 0; channel < generator->channels; channel++)
    {
      double *wander = &generator->wander[channel];
      double microvolts;

      *wander += -*wander / generator->rate
                 + WANDER_UV * sqrt (2.0 / generator->rate) * sim_random_normal (&generator->random);
      microvolts = sums[channel] / SHAPE_SCALE + *wander
                   + NOISE_UV * sim_random_normal (&generator->random);
      values[channel]
        = (gint16) lrint (CLAMP (microvolts / generator->lsb, G_MININT16, G_MAXINT16));
      sums[channel] = 0;
    }
  generator->at = (generator->at + 1) % generator->shape_length;
}
