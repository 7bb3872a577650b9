#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The corruptions do what their names say, and nothing else."""
import os
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "integration")]

# pylint: disable=wrong-import-position
import corruption  # noqa: E402
import synthetic  # noqa: E402
from harness import main  # noqa: E402

RATE = synthetic.RATE


def day():
    """A made-up day."""
    with tempfile.TemporaryDirectory() as folder:
        return corruption.read(synthetic.write_day(folder, 1, repetitions=2))


def generator():
    """The same numbers every time."""
    return np.random.default_rng(11)


def rest_of(recording):
    """Its rest alone, and how strong that is."""
    rest = corruption.rest_only(recording, 0, 0, 10 * RATE)
    return rest, corruption.rest_level(rest)


def written_and_read():
    """What is written reads back the same, and the program under test can read it."""
    recording = day()
    with tempfile.TemporaryDirectory() as folder:
        again = corruption.read(recording.write(os.path.join(folder, "again.json")))
    assert (again.samples == recording.samples).all() and again.segments == recording.segments
    assert again.head["lsb"] == recording.head["lsb"] and again.head["unit"] == recording.head["unit"]


def parts_keep_their_labels():
    """Stitched parts carry the segments that lie in them, cut to them."""
    recording = day()
    second = recording.segments[1]
    middle = second["start"] + second["count"] // 2
    joined = corruption.stitch([(recording, middle, middle + second["count"]), (recording, 0, 100)])
    assert [one["gesture"] for one in joined.segments] == [1, 2, 0]
    assert [one["count"] for one in joined.segments] == [second["count"] // 2] * 2 + [100]
    assert [one["start"] for one in joined.segments] == [0, second["count"] // 2, second["count"]]
    assert (joined.samples[:10] == recording.samples[middle:middle + 10]).all()
    assert len(joined.samples) == second["count"] + 100


def rest_is_rest():
    """Only rest after the first repetition, as long as was asked for, without jumps."""
    recording = day()
    rest, level = rest_of(recording)
    assert len(rest.samples) == 10 * RATE and [one["gesture"] for one in rest.segments] == [0]
    source = [one for one in recording.segments if one["gesture"] == 0 and one["rep"] == 2][0]
    assert (rest.samples[:source["count"]] ==
            recording.samples[source["start"]:source["start"] + source["count"]]).all()
    assert (level < 12).all() and (level > 2).all(), level


def one_movement_less():
    """The side-car no longer knows the movement; the samples are the same."""
    with tempfile.TemporaryDirectory() as folder:
        path = synthetic.write_day(folder, 1, repetitions=2)
        os.mkdir(os.path.join(folder, "less"))
        less = corruption.read(corruption.without_gesture(path, os.path.join(folder, "less"), 3))
        assert {one["gesture"] for one in less.segments} == {0, 1, 2, 4, 5, 6, 7}
        assert (less.samples == corruption.read(path).samples).all()


def one_electrode():
    """A fault leaves everything before it, and all other electrodes, as they were."""
    recording = day()
    _, level = rest_of(recording)
    others = [i for i in range(8) if i != 3]
    for name, fault in corruption.FAULTS.items():
        spoilt = fault(recording, generator(), 3, 1000, level)
        assert (spoilt.samples[:1000] == recording.samples[:1000]).all(), name
        assert (spoilt.samples[:, others] == recording.samples[:, others]).all(), name
        assert (spoilt.samples[1000:, 3] != recording.samples[1000:, 3]).mean() > 0.2, name
    after = {name: fault(recording, generator(), 3, 1000, level).samples[1000:, 3].astype(float)
             for name, fault in corruption.FAULTS.items()}
    assert (after["dead"] == 0).all() and (after["held"] == recording.samples[1000, 3]).all()
    assert (after["full scale"] == 32767).all()
    assert 0.8 < after["noise"].std() / level[3] < 1.25
    spectrum = np.abs(np.fft.rfft(after["floating"])) ** 2
    hertz = np.fft.rfftfreq(len(after["floating"]), 1 / RATE)
    assert spectrum[np.abs(hertz - 50) < 1].sum() > 0.95 * spectrum[1:].sum()
    assert 0.05 < (after["intermittent"] == 0).mean() < 0.6


def hum_has_its_strength():
    """So many times rest, at its frequency; in phase, or not."""
    rest, level = rest_of(day())
    for hertz in (50, 60):
        for common in (True, False):
            spoilt = corruption.hum(rest, generator(), 0, level, 10, hertz, common)
            hum = spoilt.samples.astype(float) - rest.samples
            assert 6 < np.sqrt((hum ** 2).mean()) / level.mean() < 14
            spectrum = (np.abs(np.fft.rfft(hum, axis=0)) ** 2).sum(1)
            found = np.fft.rfftfreq(len(hum), 1 / RATE)[spectrum.argmax()]
            assert abs(found - hertz) < 0.2, found
            alike = np.corrcoef(hum.T)[np.triu_indices(8, 1)].mean()
            assert alike > 0.98 if common else alike < 0.7, alike


def disturbances_scale():
    """Stronger ones disturb more, they begin where they are told to, and the converter's range holds them."""
    rest, level = rest_of(day())
    for name, disturb in corruption.DISTURBANCES.items():
        weak, strong = (disturb(rest, generator(), 400, level, strength) for strength in (3, 30))
        assert (weak.samples[:400] == rest.samples[:400]).all(), name
        sizes = [np.abs(one.samples[400:].astype(float) - rest.samples[400:]).mean() for one in (weak, strong)]
        assert 8 < sizes[1] / sizes[0] < 12, (name, sizes)
        huge = disturb(rest, generator(), 400, level, 1e5)
        assert huge.samples.max() == 32767 or huge.samples.min() == -32768, name
    sway = corruption.swaying(rest, generator(), 0, level, 30).samples.astype(float)
    spectrum = (np.abs(np.fft.rfft(sway - sway.mean(0), axis=0)) ** 2).sum(1)
    hertz = np.fft.rfftfreq(len(sway), 1 / RATE)
    assert spectrum[hertz < 10].sum() > 0.95 * spectrum.sum()


def strength_follows_its_factor():
    """Scaled and swelling movements are as strong as is said."""
    recording = day()
    half = corruption.scaled(recording, 0.5)
    assert np.abs(half.samples - recording.samples / 2).max() <= 0.5
    swollen, factor = corruption.ramped(recording, 0.1, 1.5)
    for one in recording.segments:
        part = slice(one["start"], one["start"] + one["count"])
        if one["gesture"]:
            assert factor[part][0] == 0.1 and factor[part][-1] == 1.5
        else:
            assert (swollen.samples[part] == recording.samples[part]).all()


if __name__ == "__main__":
    main(written_and_read, parts_keep_their_labels, rest_is_rest, one_movement_less, one_electrode,
         hum_has_its_strength, disturbances_scale, strength_follows_its_factor)
