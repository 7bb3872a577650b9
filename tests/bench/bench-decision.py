#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a decision costs on the arm's processor: instructions, memory, bytes.

usage: bench-decision.py [--json]

The recogniser's RISC-V build takes a made-up recording of 8 electrodes and 8 movements in QEMU, with a model
trained on it, at 200 Hz and at 2 kHz, with the default window and hop and with 200/50 ms. Instructions are
those of the dearest decision, from the first sample after the decision before it; the first decision, which
takes a whole window in, stands apart and is not among them. QEMU counts exactly, so the figures are the same
wherever this runs. Memory and bytes are the largest of all runs.
"""
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from measure import Report  # noqa: E402  pylint: disable=wrong-import-position

SOURCE = os.environ.get("BIONICPRO_TEST_SRCDIR", os.path.dirname(os.path.dirname(HERE)))
BUILD = os.environ.get("BIONICPRO_TEST_BUILDDIR", os.path.join(SOURCE, "build"))
LAB = [os.path.join(BUILD, "daemons", "ctl", "bionicctl"), "lab"]
ELECTRODES = MOVEMENTS = 8
LONG = ["--window-ms", "200", "--hop-ms", "50"]

# Metric, rate in Hz, window and hop, most instructions a decision.
RUNS = (("200hz", 200, [], 60000), ("200hz_200_50", 200, LONG, 60000),
        ("2khz", 2000, [], 320000), ("2khz_200_50", 2000, LONG, 320000))

# What is the largest of all runs, and its limit.
SIZES = (("ram_bytes", 32 * 1024), ("stack_bytes", None), ("model_bytes", 16 * 1024), ("image_bytes", 256 * 1024))


def make_up(directory, rate):
    """8 movements x 3 repetitions of 1 s, each with loudnesses of its own."""
    noise = np.random.default_rng(1)
    gains = 0.05 + noise.random((MOVEMENTS, ELECTRODES)) ** 2
    gains[0] = 0.03
    segments = [{"start": rate * i, "count": rate, "gesture": i % MOVEMENTS, "rep": i // MOVEMENTS + 1,
                 "name": "movement_%d" % (i % MOVEMENTS)} for i in range(3 * MOVEMENTS)]
    blocks = [noise.standard_normal((rate, ELECTRODES)) * gains[i % MOVEMENTS] * 3000 for i in range(len(segments))]
    samples = np.clip(np.vstack(blocks), -32767, 32767).astype("<i2")
    path = os.path.join(directory, "%d.json" % rate)
    samples.tofile(path[:-5] + ".bin")
    with open(path, "w", encoding="ascii") as stream:
        json.dump({"fs_hz": rate, "channels": ELECTRODES, "samples": len(samples), "dtype": "int16le", "lsb": 5e-5,
                   "unit": "myo_full_scale", "subject": "1", "session": 1, "segments": segments}, stream)
    return path


def measure(directory, rate, framing):
    """Trains, recognises in QEMU, and returns what that says of itself."""
    recording, model = make_up(directory, rate), os.path.join(directory, "model.bpm")
    subprocess.run(LAB + ["train", "--out", model] + framing + [recording], check=True)
    done = subprocess.run(LAB + ["run", "--on", "virt", "--stats", "--json", "--model", model, recording],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr.strip())
    return json.loads(done.stderr)


def main():
    """Measures each rate and framing."""
    report, runs = Report("decision", "--json" in sys.argv), []
    with tempfile.TemporaryDirectory() as directory:
        for name, rate, framing, limit in RUNS:
            stats = measure(directory, rate, framing)
            runs.append(stats)
            report.add("instructions_" + name, stats["instructions"]["max"], "", limit)
            report.add("after_last_sample_" + name, stats["instructions_after_last_sample"]["max"], "")
    for name, limit in SIZES:
        report.add(name, max(stats[name] for stats in runs), "B", limit)
    return 0 if report.within else 1


if __name__ == "__main__":
    sys.exit(main())
