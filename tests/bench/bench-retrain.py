#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How long training and adapting take, beside numpy doing the same method in the same run.

usage: bench-retrain.py [--json]

One person's 30 days of the longterm30 recordings ($BIONICPRO_DATA, or ../shared/data beside the source);
without them, 30 made-up days of the same size. Ours is the wall time of the whole `bionicctl lab train`,
start and reading included; numpy's is that of reading, features (log covariance, log time domain) and
linear discriminant alone, without starting Python. Adapting is one repetition of every movement of one
day on the first day's model, median over the days.
"""
import glob
import json
import os
import subprocess
import sys
import tempfile
import time

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from made_up import make_up  # noqa: E402  pylint: disable=wrong-import-position
from measure import BUILD, Report, find_data  # noqa: E402  pylint: disable=wrong-import-position

LAB = [os.path.join(BUILD, "daemons", "ctl", "bionicctl"), "lab"]
FRAMING = ["--window-ms", "200", "--hop-ms", "50"]


def recordings(directory):
    """The recordings of one person, and whether they are real."""
    real = sorted(glob.glob(os.path.join(find_data()[0], "longterm30", "s1_*.json")))
    return (real, True) if real else (make_up(directory), False)


def numpy_features(windows):
    """Log covariance and log time-domain features of windows x samples x electrodes."""
    windows = windows - windows.mean(1, keepdims=True)
    steps = np.diff(windows, axis=1)
    covariance = np.einsum("nti,ntj->nij", windows, windows) / windows.shape[1]
    size = covariance.shape[1]
    trace = np.trace(covariance, axis1=1, axis2=2) / size
    covariance = 0.95 * covariance + (0.05 * trace + 0.05)[:, None, None] * np.eye(size)[None]
    values, vectors = np.linalg.eigh(covariance)
    logarithm = np.einsum("nik,nk,njk->nij", vectors, np.log(values), vectors)
    row, column = np.triu_indices(size)
    crossings = ((windows[:, :-1] * windows[:, 1:] < 0) & (np.abs(steps) >= 2)).mean(1)
    turns = ((steps[:, :-1] * steps[:, 1:] < 0) &
             (np.maximum(np.abs(steps[:, :-1]), np.abs(steps[:, 1:])) >= 2)).mean(1)
    return np.hstack([logarithm[:, row, column], np.log(np.abs(windows).mean(1) + 0.1),
                      np.log(np.abs(steps).mean(1) + 0.1), crossings, turns])


def numpy_train(paths):
    """The same method in numpy: features of all windows, means, covariance, discriminant."""
    features, labels = [], []
    for path in paths:
        with open(path, encoding="utf-8") as stream:
            about = json.load(stream)
        dtype = {"int8": "<i1", "int16le": "<i2"}[about["dtype"]]
        samples = np.fromfile(path[:-5] + ".bin", dtype).reshape(-1, about["channels"]) * about["lsb"] * 128
        for segment in about["segments"]:
            starts = np.arange(segment["start"], segment["start"] + segment["count"] - 39, 10)
            features.append(numpy_features(samples[starts[:, None] + np.arange(40)[None]]))
            labels += [segment["gesture"]] * len(starts)
    features, labels = np.vstack(features), np.array(labels)
    classes = np.unique(labels)
    means = np.stack([features[labels == one].mean(0) for one in classes])
    away = features - means[np.searchsorted(classes, labels)]
    covariance = away.T @ away / (len(features) - len(classes))
    covariance = 0.95 * covariance + 0.05 * np.diag(np.diag(covariance))
    return np.linalg.solve(covariance, means.T)


def ours(arguments):
    """Wall time of one training in milliseconds."""
    begun = time.monotonic()
    subprocess.run(LAB + ["train"] + FRAMING + arguments, check=True)
    return 1000 * (time.monotonic() - begun)


def theirs(paths):
    """Wall time of numpy's training in milliseconds."""
    begun = time.monotonic()
    numpy_train(paths)
    return 1000 * (time.monotonic() - begun)


def main():
    """Trains on all days, adapts day by day, and lets numpy train on the same."""
    report = Report("retrain", "--json" in sys.argv)
    with tempfile.TemporaryDirectory() as directory:
        paths, real = recordings(directory)
        if not real:
            print("the recordings are not there: measured on made-up ones", file=sys.stderr)
        first, model = os.path.join(directory, "first.bpm"), os.path.join(directory, "model.bpm")
        train = min(ours(["--out", model] + paths) for _ in range(3))
        ours(["--out", first, paths[0]])
        adapt = sorted(ours(["--from", first, "--out", model, path + ":reps=1"]) for path in paths[1:])
        numpy = min(theirs(paths) for _ in range(2))
        report.add("train_ms", train, "ms", 1000, "numpy", round(numpy, 1))
        report.add("adapt_ms", adapt[len(adapt) // 2], "ms", 50)
        report.add("numpy_ratio", numpy / train, "", 5, at_least=True)
    return 0 if report.within else 1


if __name__ == "__main__":
    sys.exit(main())
