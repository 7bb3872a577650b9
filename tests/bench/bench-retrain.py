#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How long training and adapting take, beside numpy and scikit-learn doing the same method in the same run.

usage: bench-retrain.py [--json]

One person's 30 days of the longterm30 recordings ($BIONICPRO_DATA, or ../shared/data beside the source);
without them, 30 made-up days of the same size; windows of 200 ms every 50 ms. `program_ms` is the wall time
of the whole `bionicctl lab train`, start, reading and writing included; adapting is that of one repetition of
every movement of one day on the first day's model, median over the days.

The comparison is from samples in memory to a trained model, the fastest of some runs in turn, so without start
and reading on either side: logarithm of the covariance (by eigenvectors), logarithms of mean absolute value and
step, zero crossings and slope sign changes of all windows, then standardised features and quadratic
discriminants in the directions of linear ones. numpy has all of it, the extra directions in which movements
differ in shape too; scikit-learn has no features, takes numpy's, and is a pipeline of StandardScaler,
LinearDiscriminantAnalysis and QuadraticDiscriminantAnalysis. Once all have the processors there are, once one.
"""
import glob
import json
import os
import subprocess
import sys
import tempfile
import time

# Linear algebra with threads of its own has as many as there are processors; ours does likewise.
os.environ.setdefault("OMP_NUM_THREADS", str(len(os.sched_getaffinity(0))))

import numpy as np  # noqa: E402  pylint: disable=wrong-import-position

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

# pylint: disable=wrong-import-position
import classical  # noqa: E402
from made_up import make_up  # noqa: E402
from measure import BUILD, Report, find_data  # noqa: E402
from protocols import Recording  # noqa: E402

LAB = [os.path.join(BUILD, "daemons", "ctl", "bionicctl"), "lab"]
TIME_TRAINING = os.path.join(BUILD, "tests", "bench", "time-training")
WINDOW_MS, HOP_MS = 200, 50
ROUNDS, OUR_RUNS = 5, 3
# As ours: own shapes against the common one, extra directions, windows looked at to know usual distances.
OWN_SHAPE, EXTRA, LOOKED_AT = 0.6, 6, 2000
RATIO = 20


def recordings(directory):
    """The recordings of one person, and whether they are real."""
    real = sorted(glob.glob(os.path.join(find_data()[0], "longterm30", "s1_*.json")))
    return (real, True) if real else (make_up(directory), False)


def windows_of(recording):
    """Where a recording's windows start, inside its segments, and their movements."""
    window, hop = recording.length(WINDOW_MS), recording.length(HOP_MS)
    starts, labels = [], []
    for segment in recording.segments:
        some = np.arange(segment["start"], segment["start"] + segment["count"] - window + 1, hop)
        starts.append(some)
        labels.append(np.full(len(some), segment["gesture"]))
    return np.concatenate(starts), np.concatenate(labels)


def numpy_features(days):
    """Features and labels of all windows. Day by day: what is at work stays in the cache."""
    features, labels = [], []
    for recording, samples in days:
        starts, movements = windows_of(recording)
        features.append(classical.best(samples, starts, recording.length(WINDOW_MS)))
        labels.append(movements)
    return np.vstack(features), np.concatenate(labels)


class NumpyModel:
    """Ours in floating point, but for what it knows of people in general."""

    def __init__(self, features, labels):
        self.movements, place = np.unique(labels, return_inverse=True)
        self.centre, self.spread = features.mean(0), features.std(0)
        rows = (features - self.centre) / self.spread
        parts = [rows[place == one] for one in range(len(self.movements))]
        means = np.array([part.mean(0) for part in parts])
        shapes = np.array([np.cov(part.T, bias=True) for part in parts])
        common = np.average(shapes, axis=0, weights=[len(part) for part in parts])
        self._find_directions(means, shapes, common)
        own = self.directions @ shapes @ self.directions.T
        own = OWN_SHAPE * own + (1 - OWN_SHAPE) * np.eye(len(self.directions))
        self.centres = means @ self.directions.T
        self.factors = np.linalg.inv(np.linalg.cholesky(own))
        self.offsets = np.linalg.slogdet(own)[1]
        some = self._distances(rows[::1 + len(rows) // LOOKED_AT] @ self.directions.T)
        self.usual = np.percentile(some.min(1), (75, 99.5))

    def _find_directions(self, means, shapes, common):
        """Those between the means, and those in which shapes differ most."""
        shrunk = (1 - classical.SHRINKAGE) * common + classical.SHRINKAGE * np.diag(np.diag(common))
        whiten = np.linalg.inv(np.linalg.cholesky(shrunk))
        between = np.linalg.svd((means - means.mean(0)) @ whiten.T, full_matrices=False)[2][:len(means) - 1]
        differences = whiten @ shapes @ whiten.T - np.eye(len(common))
        outside = np.eye(len(common)) - between.T @ between
        strength = outside @ (differences @ differences).sum(0) @ outside
        extra = np.linalg.eigh(strength)[1][:, -EXTRA:].T
        self.directions = np.vstack([between, extra]) @ whiten

    def _distances(self, placed):
        """Squared distance to each movement, with its offset: windows x movements."""
        away = (placed[:, None] - self.centres).transpose(1, 2, 0)
        return ((self.factors @ away) ** 2).sum(1).T + self.offsets

    def decide(self, features):
        """The movement of each window."""
        placed = (features - self.centre) / self.spread @ self.directions.T
        return self.movements[self._distances(placed).argmin(1)]


def sklearn_model(features, labels):
    """The same with scikit-learn, or None where that is missing."""
    try:
        # pylint: disable=import-outside-toplevel
        from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
    except ImportError:
        return None
    pipeline = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis(solver="eigen", shrinkage=0.05),
                             QuadraticDiscriminantAnalysis(reg_param=1 - OWN_SHAPE))
    return pipeline.fit(features, labels)


def fastest(runs, function, *arguments):
    """Milliseconds of the fastest run, and what it gave."""
    times = []
    for _ in range(runs):
        begun = time.perf_counter()
        result = function(*arguments)
        times.append(1000 * (time.perf_counter() - begun))
    return min(times), result


def program(arguments):
    """Wall time of one `bionicctl lab train` in milliseconds."""
    command = LAB + ["train", "--window-ms", str(WINDOW_MS), "--hop-ms", str(HOP_MS)]
    return fastest(1, lambda: subprocess.run(command + arguments, check=True))[0]


def time_ours(paths):
    """Where our time goes: windows, and milliseconds of the fastest of some runs."""
    done = subprocess.run([TIME_TRAINING, str(OUR_RUNS)] + paths, check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def measure(paths, days):
    """Milliseconds of all three, in turn, so that what else the machine does meets all of them."""
    ours, extraction, training, learning = [], [], [], []
    for _ in range(ROUNDS):
        ours.append(time_ours(paths))
        milliseconds, (features, labels) = fastest(1, numpy_features, days)
        extraction.append(milliseconds)
        training.append(fastest(1, NumpyModel, features, labels)[0])
        milliseconds, fitted = fastest(1, sklearn_model, features, labels)
        learning.append(milliseconds)
        if len(features) != ours[-1]["windows"]:
            raise RuntimeError("numpy has %d windows, ours %d" % (len(features), ours[-1]["windows"]))
    return (min(ours, key=lambda one: one["train_ms"]), min(extraction), min(training),
            min(learning) if fitted is not None else None)


def compare(report, prefix, paths, days):
    """Ours beside numpy and scikit-learn, on the processors this process may use."""
    ours, extraction, training, learning = measure(paths, days)
    report.add(prefix + "features_ms", ours["features_ms"], "ms", None, "numpy", round(extraction, 1))
    report.add(prefix + "classifier_ms", ours["classifier_ms"], "ms", None, "numpy", round(training, 1))
    report.add(prefix + "train_ms", ours["train_ms"], "ms", None, "numpy", round(extraction + training, 1))
    report.add(prefix + "numpy_features_ratio", extraction / ours["features_ms"], "")
    report.add(prefix + "numpy_classifier_ratio", training / ours["classifier_ms"], "")
    report.add(prefix + "numpy_ratio", (extraction + training) / ours["train_ms"], "", RATIO, at_least=True)
    if learning is None:
        print("retrain: scikit-learn is not there (python3-sklearn): not compared", file=sys.stderr)
        return
    report.add(prefix + "sklearn_classifier_ratio", learning / ours["classifier_ms"], "", None,
               "scikit-learn ms", round(learning, 1))
    report.add(prefix + "sklearn_ratio", (extraction + learning) / ours["train_ms"], "", RATIO, "scikit-learn ms",
               round(extraction + learning, 1), at_least=True)


def main():
    """Trains on all days, adapts day by day, and lets numpy and scikit-learn train on the same."""
    report = Report("retrain", "--json" in sys.argv)
    processors = os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory() as directory:
        paths, real = recordings(directory)
        if not real:
            print("retrain: the recordings are not there: measured on made-up ones", file=sys.stderr)
        first, model = os.path.join(directory, "first.bpm"), os.path.join(directory, "model.bpm")
        report.add("program_ms", min(program(["--out", model] + paths) for _ in range(3)), "ms", 1000)
        program(["--out", first, paths[0]])
        adapt = sorted(program(["--from", first, "--out", model, path + ":reps=1"]) for path in paths[1:])
        report.add("adapt_ms", adapt[len(adapt) // 2], "ms", 50)
        report.add("processors", len(processors), "")
        reading, days = fastest(1, lambda: [(one, one.samples()) for one in map(Recording, paths)])
        report.add("read_ms", time_ours(paths)["read_ms"], "ms", None, "numpy", round(reading, 1))
        compare(report, "", paths, days)
        if len(processors) > 1:
            os.sched_setaffinity(0, {min(processors)})
            compare(report, "one_core_", paths, days)
    return 0 if report.within else 1


if __name__ == "__main__":
    sys.exit(main())
