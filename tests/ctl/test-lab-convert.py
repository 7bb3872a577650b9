#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Recordings keep every sample through EDF+, CSV and back; the EDF+ file is read by a reader of its own."""
import json
import os
import random
import subprocess
import struct
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

from edf import Edf  # noqa: E402  pylint: disable=wrong-import-position
from harness import main, program  # noqa: E402  pylint: disable=wrong-import-position

CASES = (
    # rate, channels, samples, lsb, unit, dimension, units of the dimension in a unit
    (200, 8, 3000, 5e-05, "myo_full_scale", "", 1),
    (1000, 8, 12345, 0.25, "microvolt", "uV", 1),
    (2000, 16, 9001, 0.000152588, "volt_after_gain", "mV", 1000),
    (333, 5, 1000, 1.0, "myo_count", "", 1),
    (1999, 16, 4000, 0.123456789, "microvolt", "uV", 1),
    (2000, 4, 2500, 0.001, "volt_after_gain", "V", 1),
)


def lab(folder, *arguments, status=0):
    """Runs `bionicctl lab convert`."""
    done = subprocess.run([program("bionicctl"), "lab", "convert", *arguments], cwd=folder, check=False,
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == status, "%s: %d\n%s" % (arguments, done.returncode, done.stderr)
    return done.stderr


def write_recording(folder, rate, channels, samples, lsb, unit):
    """An emgpack pair whose samples reach both ends; returns the samples."""
    generator = random.Random(rate)
    values = [generator.randint(-32768, 32767) for _ in range(samples * channels)]
    values[0], values[1] = -32768, 32767
    half = samples // 2
    side_car = {"fs_hz": rate, "channels": channels, "samples": samples, "dtype": "int16le", "lsb": lsb, "unit": unit,
                "subject": "s 1", "session": 2,
                "segments": [{"start": 0, "count": half, "gesture": 0, "name": "rest", "rep": 1},
                             {"start": half, "count": samples - half, "gesture": 7, "name": "hand_close", "rep": 3}]}
    with open(os.path.join(folder, "a.json"), "w", encoding="utf-8") as stream:
        json.dump(side_car, stream)
    with open(os.path.join(folder, "a.bin"), "wb") as stream:
        stream.write(struct.pack("<%dh" % len(values), *values))
    return values


def check_edf(path, values, case):
    """Compares an EDF+ file with the samples it was made of."""
    rate, channels, samples, lsb, _, dimension, factor = case
    with open(path, "rb") as stream:
        edf = Edf(stream.read())
    assert abs(edf.rate - rate) < 1e-9 and edf.n_signals == channels + 1
    assert edf.patient.startswith("s_1 ") and edf.recording.split(" ")[2] == "a"
    for channel in range(channels):
        assert edf.signals[channel]["dimension"] == dimension, edf.signals[channel]
        physical = edf.physical(channel)
        wanted = [value * lsb * factor for value in values[channel::channels]]
        assert len(physical) >= samples and edf.samples[channel][:samples] == values[channel::channels]
        limit = 2e-6 * 32768 * lsb * factor
        assert all(abs(a - b) <= limit for a, b in zip(physical, wanted)), (case, channel)
    half = samples // 2
    prompts = [a for a in edf.annotations if "#" in a[2]]
    assert [p[2] for p in prompts] == ["rest #1 (code 0)", "hand_close #3 (code 7)"], prompts
    assert prompts[0][0] == 0 and abs(prompts[1][0] - half / rate) < 1e-6
    assert abs(prompts[1][1] - (samples - half) / rate) < 1e-6
    ends = [a for a in edf.annotations if a[2] == "recording ends"]
    assert bool(ends) == (samples % edf.signals[0]["samples"] != 0)


def test_edf_and_back():
    """EDF+, CSV, .bpr and emgpack: the samples come back bit by bit."""
    for case in CASES:
        with tempfile.TemporaryDirectory(prefix="bionicpro-") as folder:
            values = write_recording(folder, *case[:5])
            lab(folder, "a.json", "b.edf")
            check_edf(os.path.join(folder, "b.edf"), values, case)
            for source, target in (("b.edf", "c.csv"), ("c.csv", "d.bpr"), ("d.bpr", "e.json")):
                lab(folder, source, target)
            with open(os.path.join(folder, "e.bin"), "rb") as stream:
                assert stream.read() == struct.pack("<%dh" % len(values), *values), case
            with open(os.path.join(folder, "e.json"), encoding="utf-8") as stream:
                side_car = json.load(stream)
            assert side_car["unit"] == case[4] and abs(side_car["lsb"] - case[3]) <= 1e-9
            assert [(s["start"], s["count"], s["gesture"], s["rep"]) for s in side_car["segments"]] == \
                [(0, case[2] // 2, 0, 1), (case[2] // 2, case[2] - case[2] // 2, 7, 3)]


def test_refusals():
    """What cannot be converted is named, and leaves no file behind."""
    with tempfile.TemporaryDirectory(prefix="bionicpro-") as folder:
        write_recording(folder, *CASES[0][:5])
        lab(folder, "a.json", status=2)
        lab(folder, "a.json", "b.edf", "c.edf", status=2)
        lab(folder, "--help")
        assert "NotFound" in lab(folder, "missing.json", "b.edf", status=1)
        assert "InvalidArgument" in lab(folder, "a.txt", "b.edf", status=1)
        with open(os.path.join(folder, "a.bin"), "r+b") as stream:
            stream.truncate(1000)
        assert "Corrupt" in lab(folder, "a.json", "b.edf", status=1)
        with open(os.path.join(folder, "x.csv"), "w", encoding="utf-8") as stream:
            stream.write("a,b,c,d\n1,2,NaN,4\n")
        assert "line 2" in lab(folder, "x.csv", "b.edf", "--rate", "500", status=1)
        assert not os.path.exists(os.path.join(folder, "b.edf"))


if __name__ == "__main__":
    main(test_edf_and_back, test_refusals)
