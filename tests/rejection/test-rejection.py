#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`bionicctl lab` on made-up signals that are no movement: the hand stays where it is; speed follows strength.

Made-up movements are told apart more easily than real ones: `./dev bench rejection` measures on real ones.
"""
import csv
import functools
import io
import os
import subprocess
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "integration")]

# pylint: disable=wrong-import-position
import corruption  # noqa: E402
import synthetic  # noqa: E402
from harness import main  # noqa: E402

CTL = os.path.join(os.environ["BIONICPRO_TEST_BUILDDIR"], "daemons", "ctl", "bionicctl")
FOLDER = tempfile.TemporaryDirectory()  # pylint: disable=consider-using-with
# Longer than the default window and the evidence kept from before.
SETTLED = synthetic.RATE // 2


@functools.lru_cache(maxsize=None)
def trained():
    """A model of one day, and another day with its rest and that rest's level."""
    first = synthetic.write_day(FOLDER.name, 1, repetitions=3)
    second = synthetic.write_day(FOLDER.name, 2, repetitions=2)
    model = os.path.join(FOLDER.name, "model.bpm")
    subprocess.run([CTL, "lab", "train", "--out", model, first], check=True)
    test = corruption.read(second)
    rest = corruption.rest_only(test, 0, 0, 15 * synthetic.RATE)
    return model, test, rest, corruption.rest_level(rest)


def decide(recording, *options):
    """Sample, movement and speed of each decision."""
    path = recording.write(os.path.join(FOLDER.name, "spoilt.json"))
    text = subprocess.run([CTL, "lab", "run", "--model", trained()[0], *options, path], check=True,
                          capture_output=True, text=True).stdout
    rows = [(int(row["sample"]), int(row["movement"]), float(row["speed"]))
            for row in csv.DictReader(io.StringIO(text))]
    sample, movement, speed = map(np.array, zip(*rows))
    return sample, movement, speed


def truth_of(recording, sample):
    """What was made at each decision, or -1 shortly after it began."""
    label = np.full(len(recording.samples), -1)
    for one in recording.segments:
        label[one["start"] + SETTLED:one["start"] + one["count"]] = one["gesture"]
    return label[sample]


def movements_are_recognised():
    """Uncorrupted, movements move the hand and rest does not: without that the other cases say nothing."""
    _, test, rest, _ = trained()
    sample, movement, speed = decide(test)
    truth = truth_of(test, sample)
    assert (movement == truth)[truth > 0].mean() > 0.95
    assert speed[truth > 0].mean() > 0.5
    _, movement, speed = decide(rest)
    assert (movement == 0).all() and (speed == 0).all()


def stays(recording, what):
    """The hand does not move at all."""
    _, movement, speed = decide(recording)
    assert (movement == 0).all() and (speed == 0).all(), (what, (movement != 0).mean(), speed.max())


def mains_move_nothing():
    """Hum at any level up to the converter's range, in phase or not, is no movement."""
    _, _, rest, level = trained()
    for hertz in (50, 60):
        for common in (True, False):
            for strength in (0.3, 1, 3, 10, 100, 10000):
                random = np.random.default_rng(3)
                stays(corruption.hum(rest, random, 0, level, strength, hertz, common), (hertz, common, strength))


def weak_disturbances_move_nothing():
    """A swaying socket, heel strikes, offsets that jump and taps of up to three times rest are no movement."""
    _, _, rest, level = trained()
    for name, disturb in corruption.DISTURBANCES.items():
        for strength in (1, 3):
            stays(disturb(rest, np.random.default_rng(3), 0, level, strength), (name, strength))


def rejected_not_mistaken():
    """A movement drowned in hum or in swaying is no movement, hardly ever a wrong one."""
    _, test, _, level = trained()
    for disturb in (corruption.hum, corruption.swaying):
        sample, movement, _ = decide(disturb(test, np.random.default_rng(3), 0, level, 100))
        truth = truth_of(test, sample)
        assert ((movement != truth) & (movement != 0))[truth > 0].mean() < 0.02, disturb.__name__
        assert (movement == 0)[truth > 0].mean() > 0.5, disturb.__name__


def speed_follows_strength():
    """Stronger is faster, rest is at 0, and speed never jumps."""
    _, test, _, _ = trained()
    means = []
    for factor in (0.3, 0.5, 0.7, 0.85, 1.0):
        sample, movement, speed = decide(corruption.scaled(test, factor))
        truth = truth_of(test, sample)
        means.append([speed[truth == gesture].mean() for gesture in range(1, 8)])
        assert (speed[movement == 0] == 0).all() and (speed[truth == 0] == 0).all()
        steady = (movement[1:] == movement[:-1]) & (movement[1:] != 0)
        # The ramp takes 200 ms, decisions come every 10.
        assert np.abs(np.diff(speed))[steady].max() <= 0.101
    assert (np.diff(means, axis=0) > 0.05).all(), means


def speed_follows_a_swelling_movement():
    """Within one contraction that grows, speed grows."""
    _, test, _, _ = trained()
    swollen, factor = corruption.ramped(test, 0.1, 1.0)
    sample, _, speed = decide(swollen)
    for one in test.segments:
        inside = (sample >= one["start"] + SETTLED) & (sample < one["start"] + one["count"])
        if one["gesture"]:
            assert np.corrcoef(speed[inside], factor[sample[inside]])[0, 1] > 0.8, one


if __name__ == "__main__":
    main(movements_are_recognised, mains_move_nothing, weak_disturbances_move_nothing, rejected_not_mistaken,
         speed_follows_strength, speed_follows_a_swelling_movement)
