#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The recognition bench's own measures: what is scored, the published methods, reactions."""
import importlib.util
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "integration")]

import numpy as np  # noqa: E402  pylint: disable=wrong-import-position

# pylint: disable=wrong-import-position
import classical  # noqa: E402
from harness import Skip, main  # noqa: E402
from made_up import make_up  # noqa: E402
from protocols import (Count, Protocol, Reaction, area_under_roc, find_onset, find_people, summary,  # noqa: E402
                       trials)


def load(name):
    """A bench as a module."""
    spec = importlib.util.spec_from_file_location(name.replace("-", "_"), os.path.join(HERE, name + ".py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


BENCH, RETRAIN = load("bench-recognition"), load("bench-retrain")


class Prompts:
    """A description without a file: rest and a movement in turn, 2 s each at 200 Hz."""
    rate = 200

    def __init__(self, turns):
        self.segments = [{"start": 400 * i, "count": 400, "gesture": i % 2, "rep": i // 2 + 1}
                         for i in range(2 * turns)]


def noise(count, seed=3):
    """Quiet electrodes."""
    return np.random.default_rng(seed).normal(0, 1, (4, count))


def windows_inside_segments():
    """Only windows that lie wholly inside a trimmed segment have a label."""
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(os.path.join(folder, "set"))
        make_up(os.path.join(folder, "set"), 1)
        recording = find_people(folder, "set")["1"][0][0]
    movements, repetitions = recording.labels(40, (100, 50))
    found = np.flatnonzero(movements == 3)
    assert found[0] == 3 * 300 + 20 + 39 and found[-1] == 27 * 300 + 290 - 1, (found[0], found[-1])
    assert len(found) == 4 * (300 - 20 - 10 - 39), len(found)
    assert sorted(set(repetitions[found])) == [1, 2, 3, 4]


def who_trains_and_who_is_scored():
    """Protocols keep training and scored repetitions apart."""
    expected = {"between": (2, "a", (1,), [2, 3]), "frozen": (2, "a", (), [1, 2, 3]),
                "cold": (3, None, (1,), [2, 3]), "within": (3, None, (1, 2), [3])}
    for kind, (number, history, learnt, scored) in expected.items():
        some = trials(kind, ["a", "b", "c"])
        assert len(some) == number and some[-1].session == "c", kind
        for trial in some:
            assert trial.history == history and trial.learnt == learnt, kind
            assert [repetition for repetition in (1, 2, 3) if trial.tested(repetition)] == scored, kind
            assert trial.session != trial.history, kind


def errors():
    """Windows without a label do not count, rest counts in all only; people weigh the same."""
    count = Count()
    count.add(np.array([0, 0, 1, 2, -1]), np.array([0, 1, 1, 1, 1]))
    assert count.decisions == 4 and np.allclose(count.errors(), (50, 50)), count.errors()
    count.add(np.array([0, 0]), np.array([0, 0]))
    assert np.allclose(count.errors(), (50, 100 / 3)), count.errors()
    told = summary({"a": [(0, 0), (0, 0), (0, 0)], "b": [(4, 2)]})
    assert (told["active"], told["all"], told["people"]["b"]) == (2, 1, [4, 2]), told
    assert abs(told["active_spread"] - np.sqrt(8)) < 1e-9, told


def onsets():
    """A burst is found within 25 ms, and none where there is none."""
    signal = noise(2000)
    assert find_onset(signal, 1000, 200) is None
    signal[:, 1040:1400] *= 30
    assert abs(find_onset(signal, 1000, 200) - 1040) <= 5, find_onset(signal, 1000, 200)
    assert find_onset(signal, 600, 200) is None, "too late to belong to this prompt"


def reactions():
    """Delay to the first decision that lasts 100 ms, changes a minute, wrong movement by speed."""
    prompts, signal = Prompts(2), noise(1600)
    for start in (400, 1200):
        signal[:, start:start + 400] *= 30
    at = np.arange(1, 1600, 2)
    said, speed = np.zeros(len(at), int), np.ones(len(at))
    said[(at > 1210) & (at < 1220)] = 1  # 50 ms: does not last
    said[(at > 1240) & (at < 1600)] = 1
    said[(at > 1500) & (at < 1600)] = 2
    speed[at > 1500] = 0.5
    reaction = Reaction()
    reaction.add(prompts, signal, (at, said, speed), lambda repetition: repetition > 1)
    told = reaction.figures()
    onset = find_onset(signal, 1200, 200)
    assert told["prompts"] == 1 and abs(told["median_ms"] - (1241 - onset) * 5) < 1e-6, told
    assert abs(told["changes_per_min"] - 4 / ((at[-1] - at[0]) / 200 / 60)) < 1e-6, told
    moved = np.array([5 + 130, 50 * 0.5])  # right, wrong: 5 ticks of the flicker, 1241…1499, 1501…1599
    assert abs(told["wrong_share_percent"] - 100 * moved[1] / moved.sum()) < 1e-6, told
    late = Reaction()
    late.add(prompts, signal, (at, np.where(at > 1420, 1, 0), speed), lambda repetition: repetition > 1)
    assert late.figures()["never_right_within_1s"] == 1 and not late.delays, late.figures()
    late.include(reaction)
    assert late.figures()["prompts"] == 2 and len(late.delays) == 1, late.figures()


def roc():
    """Sure, wrong, undecided, impossible."""
    assert area_under_roc([1, 2, 3, 4], [False, False, True, True]) == 1
    assert area_under_roc([1, 2, 3, 4], [True, True, False, False]) == 0
    assert area_under_roc([1, 1], [True, False]) == 0.5
    assert np.isnan(area_under_roc([1, 2], [True, True]))


def features():
    """Those of sliding windows are those of each window by itself."""
    samples = np.cumsum(noise(300, 5), axis=1) + 4 * noise(300, 6)
    starts, window = np.array([0, 7, 100, 260]), 40
    moments = classical.time_domain(samples, starts, window)
    logarithms = classical.log_covariance(samples, starts, window)
    row, column = np.triu_indices(4)
    for number, start in enumerate(starts):
        one = samples[:, start:start + window]
        one = one - one.mean(1, keepdims=True)
        steps = np.diff(one)
        large = np.abs(steps) >= 2
        expected = (np.abs(one).mean(1), np.abs(steps).mean(1), ((one[:, :-1] * one[:, 1:] < 0) & large).mean(1),
                    ((steps[:, :-1] * steps[:, 1:] < 0) & (large[:, :-1] | large[:, 1:])).mean(1))
        for got, wanted in zip(moments, expected):
            assert np.allclose(got[:, number], wanted), (number, got[:, number], wanted)
        matrix = np.zeros((4, 4))
        matrix[row, column] = matrix[column, row] = logarithms[number]
        values, vectors = np.linalg.eigh(matrix)
        covariance = one @ one.T / window
        wanted = 0.95 * covariance + (0.05 * np.trace(covariance) / 4 + 0.05) * np.eye(4)
        assert np.allclose((vectors * np.exp(values)) @ vectors.T, wanted), number


def discriminants():
    """Separate clouds are told apart; one that moved is followed."""
    random = np.random.default_rng(7)
    labels = np.repeat([0, 3, 5], 100)
    centres = {0: (0, 0), 3: (6, 0), 5: (0, 6)}
    cloud = np.array([centres[one] for one in labels]) + random.normal(0, 1, (300, 2))
    first = classical.Moments.of(cloud, labels)
    assert (first.decide(cloud) == labels).mean() > 0.98
    moved = cloud + (4, 4)
    assert (first.decide(moved) == labels).mean() < 0.7
    followed = first.adapted(classical.Moments.of(moved[::10], labels[::10]))
    assert (followed.decide(moved) == labels).mean() > 0.95
    assert np.allclose(first.helped(np.eye(2)).covariance, 0.25 * first.covariance + 0.75 * np.eye(2))


def same_decisions_for_all():
    """The published methods and ours are scored on the same windows, and find easy movements easy."""
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(os.path.join(folder, "longterm30"))
        make_up(os.path.join(folder, "longterm30"), 2)
        sessions = find_people(folder, "longterm30")["1"]
        described = {"1": BENCH.job_features(sessions, (200, 50))}
        for kind, scored in (("between", 3 * 8 * 27), ("frozen", 4 * 8 * 27), ("within", 2 * 2 * 8 * 27)):
            protocol = Protocol(kind, kind, "longterm30", 200, 50, (1, 1))
            rows = [BENCH.job_ours(protocol, sessions, None)]
            rows += [BENCH.classical_rows(protocol, described, method)["1"] for method in ("hudgins", "classical")]
            for one in rows:
                assert sum(row[2] for row in one) == scored, (kind, one)
                assert max(row[0] for row in one) < 10, (kind, one)


def what_retraining_is_compared_with():
    """Both peers learn the movements they are given, from all windows."""
    with tempfile.TemporaryDirectory() as folder:
        days = [(one, one.samples()) for one in map(RETRAIN.Recording, make_up(folder, 3))]
    features, labels = RETRAIN.numpy_features(days)
    assert features.shape == (3 * 32 * 27, 36 + 32), features.shape
    model = RETRAIN.NumpyModel(features, labels)
    assert (model.decide(features) == labels).mean() > 0.95
    assert model.directions.shape == (7 + RETRAIN.EXTRA, 68) and model.usual[0] < model.usual[1]
    fitted = RETRAIN.sklearn_model(features, labels)
    if fitted is None:
        raise Skip("python3-sklearn is not installed")
    assert (fitted.predict(features) == labels).mean() > 0.95


if __name__ == "__main__":
    main(windows_inside_segments, who_trains_and_who_is_scored, errors, onsets, reactions, roc, features,
         discriminants, same_decisions_for_all, what_retraining_is_compared_with)
