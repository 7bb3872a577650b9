#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""One person over the days: the first day's model, adapted with one repetition of a later day, errs little on
that day's other repetitions; thirty adaptations in a row end no worse than the first.

usage: test-days.py BIONICCTL

Real recordings ($BIONICPRO_DATA, or ../shared/data beside the source) where they are, else made-up ones.
"""
import csv
import glob
import io
import json
import os
import random
import struct
import subprocess
import sys
import tempfile

CTL = sys.argv[1]
SOURCE = os.environ.get("BIONICPRO_TEST_SRCDIR", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
FRAMING = ["--window-ms", "200", "--hop-ms", "50"]


def make_up(folder, days):
    """Days of 8 movements x 4 repetitions of 1.5 s; the signal drifts a little from day to day."""
    noise = random.Random(5)
    gains = [[30 + 900 * noise.random() ** 2 for _ in range(8)] for _ in range(8)]
    gains[0] = [20] * 8
    for day in range(days):
        today = [[gain * noise.uniform(0.8, 1.25) for gain in row] for row in gains]
        segments, values = [], []
        for i in range(32):
            segments.append({"start": 300 * i, "count": 300, "gesture": i % 8, "name": "movement_%d" % (i % 8),
                             "rep": i // 8 + 1})
            values += [round(noise.gauss(0, today[i % 8][k % 8])) for k in range(2400)]
        stem = os.path.join(folder, "s3_d%02d" % (day + 1))
        with open(stem + ".bin", "wb") as stream:
            stream.write(struct.pack("<%dh" % len(values), *values))
        with open(stem + ".json", "w", encoding="ascii") as stream:
            json.dump({"fs_hz": 200, "channels": 8, "samples": 9600, "dtype": "int16le", "lsb": 5e-5,
                       "unit": "myo_full_scale", "subject": "3", "session": day + 1, "segments": segments}, stream)


def train(out, path, reps=None, old=None):
    """Trains or adapts."""
    subprocess.run([CTL, "lab", "train", "--out", out, *FRAMING, *(["--from", old] if old else []),
                    path + (":reps=%s" % reps if reps else "")], check=True)


def error(model, path):
    """Share of wrong raw decisions inside the repetitions after the first."""
    with open(path, encoding="utf-8") as stream:
        segments = json.load(stream)["segments"]
    text = subprocess.run([CTL, "lab", "run", "--raw", "--model", model, path], check=True, capture_output=True,
                          text=True).stdout
    wrong = decisions = 0
    for row in csv.DictReader(io.StringIO(text)):
        sample = int(row["sample"])
        for segment in segments:
            if segment["rep"] > 1 and segment["start"] + 39 <= sample < segment["start"] + segment["count"]:
                decisions += 1
                wrong += int(row["movement"]) != segment["gesture"]
    return wrong / decisions


def main():
    """Two cases; speaks TAP."""
    data = os.environ.get("BIONICPRO_DATA", os.path.join(SOURCE, "..", "shared", "data"))
    with tempfile.TemporaryDirectory() as folder:
        days = sorted(glob.glob(os.path.join(data, "longterm30", "s3_*.json")))
        if not days:
            make_up(folder, 12)
            days = sorted(glob.glob(os.path.join(folder, "s3_*.json")))
        first, model = os.path.join(folder, "first.bpm"), os.path.join(folder, "model.bpm")
        print("1..2")
        train(first, days[0])
        errors = []
        for day in days[1:12]:
            train(model, day, "1", first)
            errors.append(error(model, day))
        mean = sum(errors) / len(errors)
        print("%sok 1 adapted errors %s" % ("" if mean < 0.05 else "not ", ["%.3f" % one for one in errors]))
        chain, ends = first, []
        for number, day in enumerate(days[1:]):
            step = os.path.join(folder, "chain-%d.bpm" % (number % 2))
            train(step, day, "1", chain)
            chain = step
            ends.append(error(chain, day))
        early, late = sum(ends[:5]) / 5, sum(ends[-5:]) / 5
        held = late <= early + 0.02
        print("%sok 2 a chain of %d days begins at %.3f and ends at %.3f" % ("" if held else "not ", len(ends), early,
                                                                           late))
    return 0 if mean < 0.05 and held else 1


if __name__ == "__main__":
    sys.exit(main())
