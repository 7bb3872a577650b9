#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`bionicctl lab` on good and on bad input: figures, errors by name, exit codes; never a crash.

usage: test-lab.py BIONICCTL
"""
import csv
import io
import json
import os
import random
import struct
import subprocess
import sys
import tempfile

CTL = sys.argv[1]
NAMES = ("rest", "wrist_flexion", "wrist_extension", "hand_close")


def lab(*words):
    """Runs a verb; returns the completed process."""
    return subprocess.run([CTL, "lab", *words], capture_output=True, text=True, check=False, timeout=100)


def record(path, seed=1, channels=8, edit=None, scale=1.0, lsb=1.0, unit="myo_count", samples_edit=None):
    """A made-up recording: 4 movements x 3 repetitions of 1 s at 200 Hz."""
    noise = random.Random(seed)
    values, segments = [], []
    for i in range(12):
        segments.append({"start": 200 * i, "count": 200, "gesture": (0, 1, 2, 7)[i % 4],
                         "name": NAMES[i % 4], "rep": i // 4 + 1})
        for _ in range(200):
            for channel in range(channels):
                gain = 2 if i % 4 == 0 else 10 + 60 * (channel % 4 == i % 4)
                values.append(max(-32768, min(32767, round(noise.gauss(0, gain) * scale))))
    about = {"fs_hz": 200, "channels": channels, "samples": len(values) // channels, "dtype": "int16le",
             "lsb": lsb, "unit": unit, "subject": "x", "session": seed, "segments": segments}
    if edit:
        edit(about)
    if samples_edit:
        samples_edit(values)
    with open(path, "w", encoding="ascii") as stream:
        json.dump(about, stream)
    with open(path[:-5] + ".bin", "wb") as stream:
        stream.write(struct.pack("<%dh" % len(values), *values))
    return path


class Cases:
    """Each method is one case; a fresh folder for all."""

    def __init__(self, folder):
        self.folder = folder
        self.good = record(self.path("good.json"))
        self.other = record(self.path("other.json"), seed=2)
        self.model = self.path("m.bpm")
        done = lab("train", "--out", self.model, "--window-ms", "200", "--hop-ms", "50", self.good)
        assert done.returncode == 0, done.stderr

    def path(self, name):
        """A name in the folder."""
        return os.path.join(self.folder, name)

    def fails(self, name, *words):
        """A verb must fail with this error and leave no model."""
        out = self.path("never.bpm")
        done = lab("train", "--out", out, *words)
        assert done.returncode == 1, (done.returncode, done.stderr)
        assert (": %s: " % name) in done.stderr, done.stderr
        assert not os.path.exists(out)

    def edited(self, name, **change):
        """A recording whose description says something else."""
        return record(self.path(name + ".json"), edit=lambda about: about.update(change))

    def test_run_prints_csv(self):
        """Header, a line per decision, right most of the time."""
        for raw in ([], ["--raw"]):
            done = lab("run", "--model", self.model, *raw, self.other)
            assert done.returncode == 0, done.stderr
            rows = list(csv.DictReader(io.StringIO(done.stdout)))
            assert list(rows[0]) == ["sample", "movement", "name", "confidence", "speed"]
            assert [int(row["sample"]) for row in rows] == list(range(39, 2400, 10))
            assert all(0 <= float(row["confidence"]) <= 1 and 0 <= float(row["speed"]) <= 1 for row in rows)
            truth = [(0, 1, 2, 7)[int(row["sample"]) // 200 % 4] for row in rows]
            right = sum(int(row["movement"]) == one for row, one in zip(rows, truth))
            assert right > 0.7 * len(rows), right

    def test_scale_does_not_matter(self):
        """The same signal in other counts with another scale gives the same decisions."""
        scaled = record(self.path("scaled.json"), scale=100, lsb=0.01)
        scaled_other = record(self.path("scaled-other.json"), seed=2, scale=100, lsb=0.01)
        model = self.path("scaled.bpm")
        done = lab("train", "--out", model, "--window-ms", "200", "--hop-ms", "50", scaled)
        assert done.returncode == 0, done.stderr
        runs = [lab("run", "--raw", "--model", *pair).stdout.splitlines()
                for pair in ((self.model, self.other), (model, scaled_other))]
        same = sum(a.split(",")[1] == b.split(",")[1] for a, b in zip(*runs))
        assert same > 0.97 * len(runs[0]), (same, len(runs[0]))

    def test_adapt(self):
        """--from keeps the parent's hash and the window."""
        out = self.path("adapted.bpm")
        done = lab("train", "--out", out, "--from", self.model, self.other + ":reps=1")
        assert done.returncode == 0, done.stderr
        info = json.loads(lab("info", "--json", out).stdout)
        assert info["window_samples"] == 40 and info["hop_samples"] == 10
        assert info["parent"] != "0" * 64 and info["repetitions"] > 12

    def test_info(self):
        """What is told is what was trained."""
        info = json.loads(lab("info", self.model, "--json").stdout)
        assert info["rate_hz"] == 200 and info["channels"] == 8 and info["lsb"] == 1.0
        assert [one["name"] for one in info["movements"]] == list(NAMES)
        assert lab("info", self.model).stdout.count("\n") > 15

    def test_score(self):
        """One person, figures within their bounds."""
        score = json.loads(lab("score", "--model", self.model, "--json", self.other).stdout)
        assert len(score) == 1 and score[0]["subject"] == "x"
        assert 0 <= score[0]["raw_error_total_percent"] < 20
        assert sum(map(sum, score[0]["confusion"])) == score[0]["decisions"]
        foreign = record(self.path("foreign.json"), seed=3, samples_edit=lambda values: values.reverse())
        drifts = [json.loads(lab("score", "--model", self.model, "--json", path).stdout)[0]
                  for path in (self.other, foreign)]
        assert drifts[0]["drift"] < drifts[0]["drift_threshold"] < drifts[1]["drift"], drifts

    def test_usage(self):
        """A wrong command line is 2, help is 0."""
        for words in ((), ("dance",), ("train",), ("train", "--out", "x"), ("train", "--window", "3"),
                      ("train", "--out", "x", "--hop-ms", "ten", self.good), ("run", self.good),
                      ("run", "--model", self.model), ("info",), ("train", "--out", "x", "--hop-ms", "-4", self.good)):
            done = lab(*words)
            assert done.returncode == 2, (words, done.returncode, done.stderr)
        for words in (("--help",), ("train", "--help"), ("run", "--help"), ("info", "--help"), ("score", "--help")):
            done = lab(*words)
            assert done.returncode == 0 and done.stdout, words

    def test_bad_descriptions(self):
        """Whatever is wrong with the side-car, it is named."""
        for change in ({"fs_hz": None}, {"fs_hz": 50}, {"channels": 7}, {"channels": 2}, {"lsb": float("nan")},
                       {"lsb": float("inf")}, {"lsb": "1"}, {"unit": "ell"}, {"dtype": "int32"}, {"samples": 2401},
                       {"samples": 10**18}, {"segments": None}, {"segments": [{}]}, {"subject": 1, "fs_hz": []}):
            self.fails("Corrupt", self.edited("bad", **change))

    def test_cut_samples(self):
        """A .bin that ends early, and one that is absent."""
        path = self.edited("cut")
        with open(path[:-5] + ".bin", "r+b") as stream:
            stream.truncate(1001)
        self.fails("Corrupt", path)
        os.unlink(path[:-5] + ".bin")
        self.fails("NotFound", path)
        self.fails("NotFound", self.path("absent.json"))

    def test_nothing_left(self):
        """Repetitions that are not there; trims that leave nothing; a window longer than a segment."""
        self.fails("NoSamples", self.good + ":reps=9")
        self.fails("NoSamples", "--trim-start-ms", "950", self.good)
        self.fails("NoSamples", self.edited("none", segments=[]))
        self.fails("InvalidArgument", self.good + ":reps=one")

    def test_one_movement(self):
        """A session with one movement teaches nothing."""
        segments = [{"start": 0, "count": 400, "gesture": 3, "name": "lonely", "rep": 1}]
        self.fails("TooFewMovements", self.edited("one", segments=segments))

    def test_no_repetition_numbers(self):
        """They may be absent."""
        def without(about):
            for segment in about["segments"]:
                del segment["rep"]
        path = record(self.path("norep.json"), edit=without)
        assert lab("train", "--out", self.path("norep.bpm"), path).returncode == 0

    def test_incompatible(self):
        """Another rate, number of electrodes, unit or scale than the model's is refused."""
        for name, path in (("rate", self.edited("rate", fs_hz=500)), ("unit", self.edited("unit", unit="microvolt")),
                           ("scale", self.edited("scale", lsb=0.5)),
                           ("electrodes", record(self.path("four.json"), channels=4))):
            self.fails("Incompatible", "--from", self.model, path)
            done = lab("run", "--model", self.model, path)
            assert done.returncode == 1 and "Incompatible" in done.stderr and name in done.stderr, done.stderr
            assert done.stdout == ""
            self.fails("Incompatible", self.good, path)

    def test_stuck_and_clipped(self):
        """One constant electrode is done without, and said; five are too many; so are clipped ones."""
        def hold(value, electrodes):
            def edit(values):
                for i in range(len(values)):
                    if i % 8 in electrodes:
                        values[i] = value
            return edit
        out = self.path("stuck.bpm")
        done = lab("train", "--out", out, record(self.path("stuck.json"), samples_edit=hold(5, (3,))))
        assert done.returncode == 0 and "electrode 4" in done.stderr, done.stderr
        assert json.loads(lab("info", "--json", out).stdout)["excluded_electrodes"] == 8
        self.fails("SignalPoor", record(self.path("dead.json"), samples_edit=hold(0, (0, 1, 2, 3, 4))))
        self.fails("SignalPoor", record(self.path("clip.json"), samples_edit=hold(32767, (0, 1, 2, 3, 4))))

    def test_bad_models(self):
        """Cut, damaged, empty, no model at all."""
        with open(self.model, "rb") as stream:
            good = stream.read()
        for bad in (b"", b"BPM1", good[:100], good[:-1], good + b"x", good[:500] + b"?" + good[501:], b"{}" * 300):
            path = self.path("bad.bpm")
            with open(path, "wb") as stream:
                stream.write(bad)
            done = lab("run", "--model", path, self.good)
            assert done.returncode == 1 and "Corrupt" in done.stderr and done.stdout == "", done.stderr
            self.fails("Corrupt", "--from", path, self.good)
        done = lab("info", self.folder)
        assert done.returncode == 1, done.stderr

    def test_devices_are_not_replaced(self):
        """A device in the place of the model is written to, and what cannot be printed fails."""
        link = self.path("nothing")
        os.symlink("/dev/null", link)
        done = lab("train", "--out", link, self.good)
        assert done.returncode == 0 and os.path.islink(link), done.stderr
        full = self.path("full")
        os.symlink("/dev/full", full)
        done = lab("train", "--out", full, self.good)
        assert done.returncode == 1 and ": Failed: " in done.stderr and os.path.islink(full), done.stderr
        with open("/dev/full", "w", encoding="utf-8") as nowhere:
            done = subprocess.run([CTL, "lab", "info", self.model], stdout=nowhere, stderr=subprocess.PIPE, text=True,
                                  check=False)
        assert done.returncode == 1 and "space" in done.stderr, done.stderr

    def test_swapped_movements(self):
        """A day recorded with two movements swapped contradicts the model and is refused."""
        def swap(about):
            for segment in about["segments"]:
                if segment["gesture"] in (1, 2):
                    segment["gesture"] = 3 - segment["gesture"]
                    segment["name"] = NAMES[segment["gesture"]]
        swapped = record(self.path("swapped.json"), seed=3, edit=swap)
        self.fails("Inconsistent", "--strict", "--from", self.model, swapped)
        done = lab("train", "--out", self.path("believed.bpm"), "--from", self.model, swapped)
        assert done.returncode == 0 and "look swapped" in done.stderr, done.stderr


def main():
    """Runs the cases; speaks TAP."""
    with tempfile.TemporaryDirectory() as folder:
        cases = Cases(folder)
        names = sorted(name for name in dir(cases) if name.startswith("test_"))
        print("1..%d" % len(names))
        failed = 0
        for number, name in enumerate(names, 1):
            try:
                getattr(cases, name)()
                print("ok %d %s" % (number, name), flush=True)
            except (AssertionError, ValueError, OSError, subprocess.SubprocessError) as error:
                failed += 1
                print("not ok %d %s\n# %s" % (number, name, str(error).replace("\n", "\n# ")), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
