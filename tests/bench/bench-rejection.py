#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What comes of signals that are no movement the model knows: how often the hand would move, and wrongly.

usage: bench-rejection.py [--data DIR] [--json] [--full]

A black box: `bionicctl lab train` and `lab run` on recordings (--data, $BIONICPRO_DATA, or ../shared/data
beside the source), which are cut, joined and corrupted by tests/rejection/corruption.py. A model of a person's
first session is adapted with the first repetition of a later one and run on that session's others; movements
are left out of both for the first part. Two ways to run it: "raw", windows of 200 ms every 50 ms before
post-processing, and "post", the model's own window and hop with it. All figures are percent unless they say
otherwise, means over sessions, then people. Without --full a part of the people and sessions is measured.
"""
import argparse
import concurrent.futures
import glob
import io
import json
import os
import subprocess
import sys
import tempfile
import time

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "rejection")]

import corruption  # noqa: E402  pylint: disable=wrong-import-position
from measure import Report  # noqa: E402  pylint: disable=wrong-import-position

SOURCE = os.environ.get("BIONICPRO_TEST_SRCDIR", os.path.dirname(os.path.dirname(HERE)))
BUILD = os.environ.get("BIONICPRO_TEST_BUILDDIR", os.path.join(SOURCE, "build"))
LAB = [os.path.join(BUILD, "daemons", "ctl", "bionicctl"), "lab"]
VARIANTS = {"raw": ["--window-ms", "200", "--hop-ms", "50"], "post": []}
# What is cut off segments, ms: labels of myoreadings are prompts.
TRIMS = {"longterm30": (0, 0), "myoreadings": (1000, 500)}
FAULT_SECONDS, REST_SECONDS = 5, 30
SETTLE_SECONDS = 1.0
FACTORS = (0.3, 0.5, 0.7, 0.85, 1.0, 1.2, 1.5)
HUM_LEVELS = (0.1, 0.3, 1, 3, 10, 20, 100)
STRENGTHS = (1, 3, 10, 30, 100)


def lab(*words):
    """Runs a verb; what it printed."""
    done = subprocess.run(LAB + list(words), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError("lab %s: %s" % (" ".join(words), done.stderr.strip()))
    return done.stdout


class Run:
    """The decisions on one recording."""

    def __init__(self, text):
        names = text[:text.index("\n")].split(",")
        wanted = [name for name in ("sample", "movement", "speed", "dead_electrodes") if name in names]
        table = np.loadtxt(io.StringIO(text), delimiter=",", skiprows=1, comments=None, ndmin=2,
                           usecols=[names.index(name) for name in wanted])
        columns = dict(zip(wanted, table.T))
        self.sample, self.movement = columns["sample"].astype(int), columns["movement"].astype(int)
        self.speed = columns.get("speed", np.ones(len(table)))
        self.dead = columns["dead_electrodes"].astype(int) if "dead_electrodes" in columns else None


class Labels:
    """What the decisions of a recording should be: a gesture, or -1 where it is not scored."""

    def __init__(self, recording, window, trim, scored):
        self.gesture = np.full(len(recording.samples), -1)
        self.rate = recording.rate
        for one in recording.segments:
            first = one["start"] + trim[0] * self.rate // 1000 + window - 1
            last = one["start"] + one["count"] - trim[1] * self.rate // 1000
            if scored(one["rep"]) and first < last:
                self.gesture[first:last] = one["gesture"]

    def of(self, run):
        """The label of each decision."""
        return self.gesture[run.sample]


def percent(mask, among):
    """Share of @mask in @among; NaN without any."""
    return 100.0 * float(np.mean(mask[among])) if among.any() else float("nan")


def errors(run, truth):
    """Error of active movements and of all, as decisions are scored."""
    wrong = run.movement != truth
    return {"active error": percent(wrong, truth > 0), "error": percent(wrong, truth >= 0)}


def outcome(run, truth):
    """What became of movements."""
    active = truth > 0
    return {"right": percent(run.movement == truth, active), "none": percent(run.movement == 0, active),
            "wrong": percent((run.movement != truth) & (run.movement != 0), active),
            "wrong speed": percent(run.speed * ((run.movement != truth) & (run.movement != 0)), active)}


def at_rest(run, truth, rate):
    """What the hand does in rest: share of time moving, mean speed, times a minute it begins to."""
    rest = truth == 0
    moving = run.movement != 0
    begins = moving[1:] & ~moving[:-1] & rest[1:]
    hop = (run.sample[1] - run.sample[0]) / rate / 60 if len(run.sample) > 1 else 1.0
    return {"moving": percent(moving, rest), "speed": percent(run.speed, rest),
            "a minute": float(begins.sum() / max(hop * rest.sum(), 1e-9))}


def ranks(values):
    """Ranks with ties shared."""
    _, place, counts = np.unique(np.round(values, 4), return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts + 1) / 2)[place]


def spearman(one, other):
    """Rank correlation; NaN when one does not vary."""
    one, other = ranks(one), ranks(other)
    if one.std() == 0 or other.std() == 0:
        return float("nan")
    return float(np.corrcoef(one, other)[0, 1])


class Session:
    """A later session of a person: its recordings, its models, and everything measured on it."""

    def __init__(self, data, person, first, later, full, folder):
        self.data, self.person, self.folder = data, person, folder
        self.first, self.later, self.trim = first, later, TRIMS[data]
        self.random = np.random.default_rng(abs(hash_of(data, person, later[0])))
        self.rows, self.count = [], 0
        parts, last = [], 99 if full or data == "longterm30" else 3
        for number, path in enumerate(later):
            recording = corruption.read(path)
            used = [one for one in recording.segments if one["rep"] <= last]
            begin = min(one["start"] for one in used if number == 0 or one["rep"] > 1)
            parts.append((recording, begin, max(one["start"] + one["count"] for one in used)))
        self.test = corruption.stitch(parts)
        self.channels, self.rate = self.test.samples.shape[1], self.test.rate
        self.rest = corruption.rest_only(self.test, *(ms * self.rate // 1000 for ms in self.trim),
                                         REST_SECONDS * self.rate)
        self.level = corruption.rest_level(self.rest)
        self.models, self.labels, self.rest_labels, self.clean = {}, {}, {}, {}

    def add(self, variant, part, case, figures):
        """One row of the table, for this session."""
        self.rows.append(((part, case, self.data, variant), self.person, figures))

    def name(self, suffix):
        """A path that was not used."""
        self.count += 1
        return os.path.join(self.folder, "%d%s" % (self.count, suffix))

    def train(self, variant, gesture=None):
        """A model of the first session adapted to the first repetition of this one."""
        options = VARIANTS[variant] + ["--trim-start-ms", str(self.trim[0]), "--trim-end-ms", str(self.trim[1])]
        first, later = self.first, self.later
        if gesture is not None:
            first = self.leave_out(first, gesture)
            later = self.leave_out(later, gesture)
        old, model = self.name(".bpm"), self.name(".bpm")
        lab("train", "--out", old, *options, *first)
        lab("train", "--out", model, "--from", old, *options, *(path + ":reps=1" for path in later))
        return model

    def leave_out(self, paths, gesture):
        """Side-cars of the same samples without a movement."""
        folder = os.path.join(self.folder, "without-%d" % gesture)
        os.makedirs(folder, exist_ok=True)
        left = [corruption.without_gesture(path, folder, gesture) for path in paths]
        return [path for path in left if path]

    def run(self, model, recording, raw):
        """The decisions on a recording."""
        path = recording.write(self.name(".json"))
        try:
            return Run(lab("run", "--model", model, *(["--raw"] if raw else []), path))
        finally:
            os.unlink(path)
            os.unlink(path[:-5] + ".bin")

    def decide(self, variant, recording):
        """The decisions of a variant's model."""
        return self.run(self.models[variant], recording, variant == "raw")

    def prepare(self):
        """Trains, and measures what is not corrupted."""
        for variant in VARIANTS:
            model = self.models[variant] = self.train(variant)
            window = json.loads(lab("info", "--json", model))["window_samples"]
            settle = int(SETTLE_SECONDS * self.rate)
            self.labels[variant] = Labels(self.test, window, self.trim, lambda rep: rep > 1)
            self.rest_labels[variant] = Labels(self.rest, window + settle, (0, 0), lambda rep: True)
            run = self.clean[variant] = self.decide(variant, self.test)
            truth = self.labels[variant].of(run)
            self.add(variant, "clean", "", dict(errors(run, truth), **self.figures(variant, self.test, self.rest)))

    def figures(self, variant, test, rest):
        """What became of movements, and of rest."""
        quiet, busy = self.decide(variant, rest), self.decide(variant, test)
        figures = at_rest(quiet, self.rest_labels[variant].of(quiet), self.rate)
        figures = {"rest " + name: value for name, value in figures.items()}
        return dict(figures, **outcome(busy, self.labels[variant].of(busy)))

    def unlearnt(self):
        """Each movement left out in turn; what rejecting costs the learnt ones."""
        for variant in VARIANTS:
            for gesture in sorted(set(self.labels[variant].gesture) - {-1, 0}):
                run = self.run(self.train(variant, gesture), self.test, variant == "raw")
                of_it = self.labels[variant].of(run) == gesture
                moving = run.movement != 0
                self.add(variant, "unlearnt", "left out",
                         {"none": percent(~moving, of_it), "wrong": percent(moving, of_it),
                          "wrong speed": percent(run.speed, of_it)})
        clean, truth = self.clean["post"], self.labels["post"].of(self.clean["post"])
        nearest = self.run(self.models["post"], self.test, True)
        right = (nearest.movement == truth) & (truth > 0)
        self.add("post", "unlearnt", "learnt", dict(outcome(clean, truth), **{
            "rejected": percent((clean.movement == 0) & right, truth > 0),
            "speed": percent(clean.speed, truth > 0)}))

    def faults(self):
        """Each electrode in turn, each fault, from the beginning or from five seconds on."""
        for case, fault in corruption.FAULTS.items():
            for seconds in (FAULT_SECONDS, 0) if case in ("dead", "noise", "floating") else (FAULT_SECONDS,):
                since = seconds * self.rate
                spoilt = [fault(self.test, self.random, i, since, self.level) for i in range(self.channels)]
                for variant in VARIANTS:
                    runs = [self.decide(variant, recording) for recording in spoilt]
                    self.add(variant, "one electrode", case + (" from the start" if not seconds else ""),
                             self.fault_figures(variant, runs, since))

    def fault_figures(self, variant, runs, since):
        """Errors over the electrodes, and the worst; whether and when they were noticed."""
        truth = self.labels[variant].of(self.clean[variant])
        before = errors(self.clean[variant], truth)
        after = [errors(run, truth) for run in runs]
        wrong = [outcome(run, truth)["wrong"] for run in runs]
        figures = {}
        for name in ("active error", "error"):
            values = [one[name] for one in after]
            figures.update({name + " before": before[name], name: np.mean(values), name + " worst": max(values)})
        figures["wrong"] = np.mean(wrong)
        if runs[0].dead is None:
            return figures
        delays, marked, others = [], [], []
        for electrode, run in enumerate(runs):
            late = run.sample >= since
            hits = np.flatnonzero(late & (run.dead >> electrode & 1 == 1))
            delays += [(run.sample[hits[0]] - since) / self.rate] if len(hits) else []
            marked.append(percent(run.dead >> electrode & 1 == 1, late))
            others.append(percent(run.dead & ~(1 << electrode) != 0, run.sample >= 0))
        figures.update({"noticed": 100.0 * len(delays) / len(runs), "marked": np.mean(marked),
                        "others marked": np.mean(others)})
        if delays:
            figures.update({"seconds": np.median(delays), "seconds worst": max(delays)})
        return figures

    def mains(self):
        """Hum on all electrodes."""
        for hertz in (50, 60):
            for common in (True, False):
                for strength in HUM_LEVELS:
                    if hertz == 60 and strength not in (1, 10, 100):
                        continue
                    case = "%d Hz %s x %g" % (hertz, "in phase" if common else "any phase", strength)
                    self.disturb("mains", case, corruption.hum, strength, hertz, common)

    def disturbances(self):
        """Walking and artefacts."""
        for name, corrupt in corruption.DISTURBANCES.items():
            for strength in STRENGTHS:
                self.disturb("disturbed", "%s x %g" % (name, strength), corrupt, strength)

    def disturb(self, part, case, corrupt, *words):
        """The same corruption of movements and of rest; what the hand does counts, not what the nearest is."""
        test = corrupt(self.test, self.random, 0, self.level, *words)
        rest = corrupt(self.rest, self.random, 0, self.level, *words)
        self.add("post", part, case, self.figures("post", test, rest))

    def speeds(self):
        """Speed against strength: of whole contractions made weaker or stronger, and of swelling ones."""
        pieces = [one for one in self.test.segments if one["gesture"] and one["rep"] > 1]
        table = np.zeros((len(FACTORS), len(pieces)))
        largest, sizes = 0.0, []
        for i, factor in enumerate(FACTORS):
            run = self.decide("post", corruption.scaled(self.test, factor))
            truth = self.labels["post"].of(run)
            largest, sizes = self.jumps(run, largest, sizes)
            for k, one in enumerate(pieces):
                inside = (run.sample >= one["start"]) & (run.sample < one["start"] + one["count"]) & (truth > 0)
                table[i, k] = run.speed[inside].mean() if inside.any() else np.nan
            figures = {"mean speed": 100 * np.nanmean(table[i])}
            self.add("post", "speed", "x %g" % factor, dict(figures, **outcome(run, truth)))
        table = table[:, ~np.isnan(table).any(0)]
        falls = np.maximum.accumulate(table, 0) - table
        swollen, factor = corruption.ramped(self.test, 0.1, 1.5)
        run = self.decide("post", swollen)
        truth = self.labels["post"].of(run)
        largest, sizes = self.jumps(run, largest, sizes)
        one = [spearman(column, FACTORS) for column in table.T]
        quiet = self.decide("post", self.rest)
        inner = self.rest_labels["post"].of(quiet) == 0
        self.add("post", "speed", "all", {
            "rank correlation": np.nanmean(one), "mean speed rank correlation": spearman(table.mean(1), FACTORS),
            "largest fall": 100 * falls.max(), "falls over 5": 100 * np.mean(falls.max(0) > 0.05),
            "swelling rank correlation": self.swelling(run, factor, pieces),
            "zero at rest": percent(quiet.speed == 0, inner),
            "largest step": 100 * largest, "usual step": 100 * float(np.percentile(sizes, 99))})

    def swelling(self, run, factor, pieces):
        """Mean rank correlation of speed and strength within swelling contractions."""
        found = []
        for one in pieces:
            trim = [ms * self.rate // 1000 for ms in self.trim]
            inside = (run.sample >= one["start"] + trim[0]) & (run.sample < one["start"] + one["count"] - trim[1])
            found.append(spearman(run.speed[inside], factor[run.sample[inside]]) if inside.sum() > 4 else np.nan)
        return float(np.nanmean(found)) if np.isfinite(found).any() else float("nan")

    @staticmethod
    def jumps(run, largest, sizes):
        """Steps of the speed between decisions for the same movement."""
        same = (run.movement[1:] == run.movement[:-1]) & (run.movement[1:] != 0)
        found = np.abs(np.diff(run.speed))[same]
        return max(largest, float(found.max(initial=0.0))), sizes + list(found)

    def measure(self):
        """Everything."""
        self.prepare()
        self.unlearnt()
        self.faults()
        self.mains()
        self.disturbances()
        self.speeds()
        return self.rows


def hash_of(*words):
    """A number that is the same in every run."""
    value = 0
    for letter in "".join(map(os.path.basename, words)):
        value = (value * 31 + ord(letter)) % 2**31
    return value


def people(data, dataset):
    """person -> session -> side-cars."""
    found = {}
    for path in sorted(glob.glob(os.path.join(data, dataset, "*.json"))):
        with open(path, encoding="utf-8") as stream:
            head = json.load(stream)
        found.setdefault(str(head["subject"]), {}).setdefault(head["session"], []).append(path)
    return found


def plan(data, full):
    """(dataset, person, side-cars of the first session, of a later one)."""
    for dataset in TRIMS:
        for number, (person, sessions) in enumerate(sorted(people(data, dataset).items())):
            order = sorted(sessions)
            if not full and dataset == "longterm30":
                chosen = order[10::10]
            elif not full:
                chosen = order[1:2] if number % 2 == 0 else []
            else:
                chosen = order[1:]
            for session in chosen:
                yield dataset, person, sessions[order[0]], sessions[session]


def measure(work, full, begun):
    """One session, in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="bionicpro-rejection-") as folder:
        session = Session(*work, full, folder)
        rows = session.measure()
    print("%4.0f s  %s, person %s: %s" % (time.monotonic() - begun, work[0], work[1],
                                          os.path.basename(work[3][0])), file=sys.stderr, flush=True)
    return rows


def summarise(rows):
    """(part, case, dataset, variant) -> figure -> mean over people of means over sessions, in order."""
    gathered = {}
    for key, person, figures in rows:
        for name, value in figures.items():
            gathered.setdefault(key, {}).setdefault(name, {}).setdefault(person, []).append(value)
    summary = {}
    for key, figures in gathered.items():
        # A session in which something was not to be measured counts for nothing.
        means = {name: [np.nanmean(values) for values in of.values() if np.isfinite(values).any()]
                 for name, of in figures.items()}
        summary[key] = {name: float(np.mean(values)) for name, values in means.items() if values}
    for figures in summary.values():
        for name in ("active error", "error"):
            if figures.get(name + " before"):
                figures[name + " ratio"] = figures[name] / figures[name + " before"]
                figures[name + " worst ratio"] = figures[name + " worst"] / figures[name + " before"]
    return summary


# The most a figure may be: of the error with one electrode lost, as a multiple of that without.
LIMITS = {("one electrode", "active error ratio"): 2.0}
COLUMNS = {
    "clean": (("active error", "error", "right", "none", "wrong", "wrong speed", "rest moving", "rest speed",
               "rest a minute"),),
    "unlearnt": (("none", "wrong", "wrong speed", "right", "rejected", "speed"),),
    "one electrode": (("active error before", "active error", "active error ratio", "active error worst ratio",
                       "error ratio", "error worst ratio", "wrong", "noticed", "seconds", "seconds worst", "marked",
                       "others marked"),),
    "mains": (("rest moving", "rest speed", "rest a minute", "right", "none", "wrong", "wrong speed"),),
    "disturbed": (("rest moving", "rest speed", "rest a minute", "right", "none", "wrong", "wrong speed"),),
    "speed": (("mean speed", "right", "none", "wrong"),
              ("rank correlation", "mean speed rank correlation", "swelling rank correlation", "zero at rest",
               "largest fall", "falls over 5", "largest step", "usual step")),
}
HEADINGS = {
    "clean": "Nothing corrupted: movements, and rest alone",
    "unlearnt": "Movements the model never learnt, and what rejecting costs those it learnt",
    "one electrode": "One electrode lost: mean over the electrodes, and the worst, against before; when noticed",
    "mains": "Mains on all electrodes, times rest: in rest, and in movements",
    "disturbed": "Walking and artefacts, times rest: in rest, and in movements",
    "speed": "Speed against strength",
}


def print_tables(summary):
    """For people."""
    for part, groups in COLUMNS.items():
        print("\n%s" % HEADINGS[part])
        for columns in groups:
            rows = [(key, figures) for key, figures in summary.items()
                    if key[0] == part and any(name in figures for name in columns)]
            shown = [name for name in columns if any(name in figures for _, figures in rows)]
            print("  %-12s %-5s %-24s" % ("recordings", "", "") + "".join(short(name) for name in shown))
            for (_, case, data, variant), figures in sorted(rows, key=lambda row: (row[0][2], row[0][3])):
                cells = ("%9.2f" % figures[name] if name in figures else "%9s" % "-" for name in shown)
                print("  %-12s %-5s %-24s" % (data, variant, case) + "".join(cells))


ABBREVIATIONS = {
    "active error": "act.err", "active error before": "before", "active error ratio": "ratio",
    "active error worst ratio": "worst", "error ratio": "all", "error worst ratio": "all w.", "wrong speed": "wr.speed",
    "rest moving": "rest mov", "rest speed": "rest spd", "rest a minute": "rest/min", "seconds worst": "s worst",
    "others marked": "others", "rank correlation": "rank", "mean speed rank correlation": "of mean",
    "swelling rank correlation": "swelling", "zero at rest": "rest 0", "largest fall": "fall",
    "falls over 5": "falls>5", "largest step": "step", "usual step": "step p99", "mean speed": "speed",
}


def short(name):
    """A column's heading."""
    return "%9s" % ABBREVIATIONS.get(name, name)


def print_figures(summary):
    """A figure a line."""
    report = Report("rejection", True)
    for (part, case, data, variant), figures in summary.items():
        for name, value in figures.items():
            metric = "/".join((part, case, data, variant, name)).replace(" ", "_")
            unit = "" if "ratio" in name or "correlation" in name else \
                "s" if "seconds" in name else "1/min" if "a minute" in name else "%"
            report.add(metric, value, unit, LIMITS.get((part, name)))


def judge(summary):
    """Says which limits are exceeded; whether none is."""
    good = True
    for (part, case, data, variant), figures in summary.items():
        for (limited, name), limit in LIMITS.items():
            if part == limited and figures.get(name, 0.0) > limit:
                good = False
                print("exceeded: %s, %s, %s, %s: %s %.2f, limit %g" % (part, case, data, variant, name,
                                                                       figures[name], limit), file=sys.stderr)
    return good


def main():
    """Measures two sessions at a time."""
    parser = argparse.ArgumentParser(prog="./dev bench rejection")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--data", default=os.environ.get("BIONICPRO_DATA",
                                                         os.path.join(SOURCE, "..", "shared", "data")))
    arguments = parser.parse_args()
    work = list(plan(arguments.data, arguments.full))
    if not work:
        print("rejection: no recordings in %s: nothing measured; name a folder with --data" % arguments.data,
              file=sys.stderr)
        return 0
    begun, rows = time.monotonic(), []
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for found in pool.map(lambda one: measure(one, arguments.full, begun), work):
            rows += found
    summary = summarise(rows)
    if arguments.json:
        print_figures(summary)
    else:
        print_tables(summary)
    return 0 if judge(summary) else 1


if __name__ == "__main__":
    sys.exit(main())
