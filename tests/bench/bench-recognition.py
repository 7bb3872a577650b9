#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How well movements are recognised on real recordings, beside the published methods.

usage: bench-recognition.py [--json] [--people]

Recordings in $BIONICPRO_DATA, or ../shared/data beside the source. Each protocol of protocols.py is run
with the two methods of classical.py and with `bionicctl lab train` and `lab run`, as anybody could:
`ours` with the people that the program carries in it, `left out` with a population made without the person
tested, which is what a new person can expect. Exit status 1 when `ours` misses an aim.
"""
import argparse
import collections
import glob
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time

# Two processes share the cores already; a library of linear algebra with threads of its own would be in the way.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np  # noqa: E402  pylint: disable=wrong-import-position

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

# pylint: disable=wrong-import-position
import classical  # noqa: E402
from measure import BUILD, find_data  # noqa: E402
from protocols import (PROTOCOLS, TRIMS, Count, Reaction, area_under_roc, find_people, summary,  # noqa: E402
                       trials)

LAB = [os.path.join(BUILD, "daemons", "ctl", "bionicctl"), "lab"]
MAKE_POPULATION = os.path.join(BUILD, "daemons", "training", "lib", "make-population")
JOBS = 2
# The sets of which the built-in population was made.
POPULATION_SETS = ("longterm30", "myoreadings", "ssstm25")
METHODS = (("hudgins", "Hudgins TD + LDA"), ("classical", "best classical"), ("ours", "ours"),
           ("left_out", "left out"))
# Reaction: the default framing of a model, for the published methods, and the aims (at most).
REACTION_FRAMING = (100, 10)
REACTION_AIMS = (("median_ms", 70), ("p95_ms", 250), ("changes_per_min", 30), ("wrong_share_percent", 5))
# Drift: over an error of twice the first day's own and of this many percent, a day counts as bad.
DRIFT_AIM, LEAST_BAD = 0.9, 2.0
LAST_DAYS = 5


class Failed(Exception):
    """A command failed; what it said."""


def run(command):
    """Standard output of a command that succeeds."""
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise Failed("%s…\n%s" % (" ".join(command[:12]), done.stderr[-2000:]))
    return done.stdout


def train(model, recordings, framing, repetitions=(), old=None, population=None):
    """Trains `model`, or adapts `old`."""
    head, tail = TRIMS[recordings[0].about["dataset"]]
    chosen = ":reps=" + ",".join(map(str, repetitions)) if repetitions else ""
    command = LAB + ["train", "--out", model, "--trim-start-ms", str(head), "--trim-end-ms", str(tail)]
    if framing:
        command += ["--window-ms", str(framing[0]), "--hop-ms", str(framing[1])]
    command += ["--from", old] if old else []
    command += ["--population", population] if population else []
    run(command + [recording.path + chosen for recording in recordings])


def decide(model, recording, raw):
    """(last sample, movement, speed) of a recording's decisions."""
    lines = run(LAB + ["run", "--model", model] + (["--raw"] if raw else []) + [recording.path]).splitlines()
    names = lines[0].split(",")
    columns = [names.index(name) for name in ("sample", "movement", "speed")]
    rows = [line.split(",") for line in lines[1:]]
    at, said, speed = ([row[column] for row in rows] for column in columns)
    return np.array(at, int), np.array(said, int), np.array(speed, float)


def count_errors(count, model, recordings, tested, window_ms):
    """Counts a model's raw decisions on the repetitions tested."""
    for recording in recordings:
        at, said, _ = decide(model, recording, True)
        truth, repetition = recording.labels(recording.length(window_ms), TRIMS[recording.about["dataset"]])
        truth, repetition = truth[at], repetition[at]
        scored = (truth >= 0) & tested(repetition)
        count.add(truth[scored], said[scored])


def prepare(folder, trial, framing, population):
    """The model a trial asks for."""
    old, model = os.path.join(folder, "old.bpm"), os.path.join(folder, "model.bpm")
    if trial.history:
        train(old, trial.history, framing, population=population)
        if not trial.learnt:
            return old
    train(model, trial.session, framing, trial.learnt, old if trial.history else None, population)
    return model


def job_ours(protocol, sessions, population):
    """[(active, all, decisions) of each session] of one person."""
    framing, rows = (protocol.window_ms, protocol.hop_ms), []
    with tempfile.TemporaryDirectory() as folder:
        for trial in trials(protocol.kind, sessions):
            count = Count()
            count_errors(count, prepare(folder, trial, framing, population), trial.session, trial.tested,
                         protocol.window_ms)
            rows.append((*count.errors(), count.decisions))
    return rows


def job_features(sessions, framing):
    """Both methods' features of all scored windows: [(movements, repetitions, {method: features})] a session."""
    described = []
    for session in sessions:
        parts = []
        for recording in session:
            window, hop = map(recording.length, framing)
            at = recording.last_samples(window, hop)
            movements, repetitions = recording.labels(window, TRIMS[recording.about["dataset"]])
            at = at[movements[at] >= 0]
            if len(at):
                parts.append((movements[at], repetitions[at], *both_features(recording.samples(), at, window)))
        movements, repetitions, *features = (np.concatenate(part) for part in zip(*parts))
        described.append((movements, repetitions, dict(zip(("hudgins", "classical"), features))))
    return described


def both_features(samples, at, window):
    """Features of the windows that end at the samples `at`: Hudgins', and the best."""
    moments = classical.time_domain(samples, at + 1 - window, window)
    return classical.hudgins(moments), classical.best(samples, at + 1 - window, window, moments)


def classical_moments(method, trial, others):
    """What a published method learns in a trial; sessions as from job_features."""
    def learn(session, wanted):
        movements, repetitions, features = session
        return classical.Moments.of(features[method][wanted(repetitions)], movements[wanted(repetitions)])

    if not trial.learnt:
        return learn(trial.history, lambda repetition: repetition > 0)
    today = learn(trial.session, lambda repetition: np.isin(repetition, trial.learnt))
    if trial.history:
        return learn(trial.history, lambda repetition: repetition > 0).adapted(today)
    return today if others is None else today.helped(others)


def classical_rows(protocol, described, method):
    """{person: [(active, all, decisions) of each session]} of a published method."""
    covariances = {}
    if protocol.kind == "cold" and method == "classical":
        covariances = {person: [classical.Moments.of(session[2][method], session[0]).covariance
                                for session in sessions] for person, sessions in described.items()}
    rows = {}
    for person, sessions in described.items():
        others = [one for other, some in covariances.items() if other != person for one in some]
        rows[person] = []
        for trial in trials(protocol.kind, sessions):
            movements, repetitions, features = trial.session
            scored, count = trial.tested(repetitions), Count()
            moments = classical_moments(method, trial, np.mean(others, 0) if others else None)
            count.add(movements[scored], moments.decide(features[method][scored]))
            rows[person].append((*count.errors(), count.decisions))
    return rows


def job_reaction_ours(sessions, population):
    """Reaction of one person with the arm's own framing and post-processing."""
    reaction = Reaction()
    with tempfile.TemporaryDirectory() as folder:
        for trial in trials("between", sessions):
            model = prepare(folder, trial, None, population)
            for recording in trial.session:
                reaction.add(recording, recording.samples(), decide(model, recording, False), trial.tested)
    return reaction


def job_reaction_classical(sessions):
    """Reaction of one person by the published methods: {method: Reaction}."""
    reactions = {"hudgins": Reaction(), "classical": Reaction()}
    described = job_features(sessions, REACTION_FRAMING)
    for trial, known in zip(trials("between", sessions), trials("between", described)):
        learnt = {method: classical_moments(method, known, None) for method in reactions}
        for recording in trial.session:
            window, hop = map(recording.length, REACTION_FRAMING)
            at, samples = recording.last_samples(window, hop), recording.samples()
            for method, features in zip(reactions, both_features(samples, at, window)):
                said = learnt[method].decide(features)
                reactions[method].add(recording, samples, (at, said, np.ones(len(at))), trial.tested)
    return reactions


def score_drift(model, recording, repetitions=()):
    """(drift, threshold, raw error while moving) of a day."""
    chosen = ":reps=" + ",".join(map(str, repetitions)) if repetitions else ""
    score = json.loads(run(LAB + ["score", "--json", "--model", model, recording.path + chosen]))[0]
    return score["drift"], score["drift_threshold"], score["raw_error_active_percent"]


def job_drift(sessions, framing, population):
    """One person's later days on the first day's model: [(drift, threshold, error)], and the first day's own
    error, each repetition by a model of the others."""
    first, own = sessions[0][0], []
    repetitions = sorted({segment["rep"] for segment in first.segments})
    with tempfile.TemporaryDirectory() as folder:
        model = os.path.join(folder, "model.bpm")
        for spare in repetitions:
            train(model, [first], framing, [one for one in repetitions if one != spare], population=population)
            own.append(score_drift(model, first, [spare])[2])
        train(model, [first], framing, population=population)
        return [score_drift(model, session[0]) for session in sessions[1:]], float(np.mean(own))


def job_chain(sessions, framing, population):
    """One person, each day's model adapted from the day before's: [(active, all)] of days 2, 3, …"""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        model = os.path.join(folder, "0.bpm")
        train(model, sessions[0], framing, population=population)
        for number, session in enumerate(sessions[1:], 1):
            old, model = model, os.path.join(folder, "%d.bpm" % number)
            train(model, session, framing, (1,), old, population)
            count = Count()
            count_errors(count, model, session, lambda repetition: repetition > 1, framing[0])
            rows.append(count.errors())
    return rows


def job_population(data, path, person):
    """Makes a population without a person (`set/subject`)."""
    command = [MAKE_POPULATION, path, "--leave-out=" + person]
    for name in POPULATION_SETS:
        command += ["--trim-start-ms=%d" % TRIMS[name][0], "--trim-end-ms=%d" % TRIMS[name][1]]
        command += sorted(glob.glob(os.path.join(data, name, "*.json")))
    run(command)


def work(job):
    """One job in a process of the pool: key and result."""
    key, function, arguments = job
    return key, function(*arguments)


class Bench:
    """All the jobs and what came of them."""

    def __init__(self, data, folder):
        self.data, self.folder = data, folder
        self.people = {name: find_people(data, name) for name in dict.fromkeys(one.data_set for one in PROTOCOLS)}
        self.results = collections.defaultdict(dict)

    def population(self, data_set, person):
        """The file with everybody but a person, or None where no population is used."""
        if data_set not in POPULATION_SETS:
            return None
        return os.path.join(self.folder, "%s-%s" % (data_set, person))

    def run_all(self, pool, title, jobs):
        """Runs jobs ((name, person), function, arguments), and keeps results[name][person]."""
        begun = time.monotonic()
        for done, ((name, person), result) in enumerate(pool.imap_unordered(work, jobs), 1):
            self.results[name][person] = result
            if sys.stderr.isatty():
                print("\rrecognition: %s, %d of %d" % (title, done, len(jobs)), end="", file=sys.stderr, flush=True)
        print("%srecognition: %s, %d jobs in %.0f s" % ("\r" if sys.stderr.isatty() else "", title, len(jobs),
                                                      time.monotonic() - begun), file=sys.stderr, flush=True)

    def measure(self, pool):
        """Everything, with the longest first."""
        people = [(name, person, sessions) for name, some in self.people.items() for person, sessions in some.items()]
        self.run_all(pool, "populations without the person tested",
                     [(("population", path), job_population, (self.data, path, "%s/%s" % (name, person)))
                      for name, person, _ in people for path in [self.population(name, person)] if path])
        self.run_all(pool, "reaction of published methods",
                     [(("reaction classical", person), job_reaction_classical, (sessions,))
                      for name, person, sessions in people if name == "myoreadings"])
        ours = []
        for name, person, sessions in people:
            for method, population in (("ours", None), ("left_out", self.population(name, person))):
                for one in PROTOCOLS:
                    if one.data_set == name:
                        ours.append((((one.name, method), person), job_ours, (one, sessions, population)))
                if name == "myoreadings":
                    ours.append(((("reaction", method), person), job_reaction_ours, (sessions, population)))
                if name == "longterm30":
                    ours.append(((("chain", method), person), job_chain, (sessions, (200, 50), population)))
            if name == "longterm30":
                for framing in ((200, 50), (100, 10)):
                    ours.append(((("drift", framing), person), job_drift,
                                 (sessions, framing, self.population(name, person))))
        self.run_all(pool, "ours", ours)
        for data_set, framing in dict.fromkeys((one.data_set, (one.window_ms, one.hop_ms)) for one in PROTOCOLS):
            self.measure_classical(pool, data_set, framing)

    def measure_classical(self, pool, data_set, framing):
        """The published methods by all protocols of a set and framing."""
        self.run_all(pool, "published methods, %s, %d ms windows" % (data_set, framing[0]),
                     [(("features", person), job_features, (sessions, framing))
                      for person, sessions in self.people[data_set].items()])
        described = self.results.pop("features")
        described = {person: described[person] for person in self.people[data_set]}
        for one in PROTOCOLS:
            if (one.data_set, (one.window_ms, one.hop_ms)) == (data_set, framing):
                for method in ("hudgins", "classical"):
                    self.results[one.name, method] = classical_rows(one, described, method)


def tell_protocols(bench):
    """The figures of the protocols."""
    told = []
    for one in PROTOCOLS:
        methods = {}
        for method, _ in METHODS:
            rows = bench.results[one.name, method]
            rows = {person: rows[person] for person in bench.people[one.data_set]}
            methods[method] = summary({person: [row[:2] for row in some] for person, some in rows.items()})
            methods[method]["decisions"] = sum(row[2] for some in rows.values() for row in some)
        told.append({"protocol": one.name, "window_ms": one.window_ms, "hop_ms": one.hop_ms, "methods": methods,
                     "aim": {"active": one.aim[0], "all": one.aim[1]}})
    return told


def tell_reaction(bench):
    """The figures of reaction, of all people together and of each."""
    told = {}
    for method, _ in METHODS:
        by_person = {person: bench.results["reaction classical"][person][method]
                     if method in ("hudgins", "classical") else bench.results["reaction", method][person]
                     for person in bench.people["myoreadings"]}
        together = Reaction()
        for reaction in by_person.values():
            together.include(reaction)
        told[method] = dict(together.figures(),
                            people={person: reaction.figures() for person, reaction in by_person.items()})
    return {"methods": told, "aim": dict(REACTION_AIMS)}


def tell_drift(bench):
    """How well drift tells bad days, of the people left out, by framing."""
    told = []
    for framing in ((200, 50), (100, 10)):
        figures, bad, alarms = [], [], []
        for days, own in bench.results["drift", framing].values():
            for drift, threshold, error in days:
                figures.append(drift)
                alarms.append(drift > threshold)
                bad.append(error > max(2 * own, LEAST_BAD))
        bad, alarms = np.array(bad), np.array(alarms)
        told.append({"window_ms": framing[0], "hop_ms": framing[1], "area_under_roc": area_under_roc(figures, bad),
                     "days": len(bad), "bad_days": int(bad.sum()), "aim": DRIFT_AIM,
                     "found_percent": 100.0 * alarms[bad].mean() if bad.any() else None,
                     "false_alarms_percent": 100.0 * alarms[~bad].mean() if not bad.all() else None})
    return told


def tell_chain(bench):
    """Daily recalibration in a chain: day 2, and the mean of the last days."""
    told = {}
    for method in ("ours", "left_out"):
        rows = bench.results["chain", method]
        table = np.array([rows[person] for person in bench.people["longterm30"]])
        told[method] = {"days": table.shape[1] + 1, "day_2": list(table[:, 0].mean(0)),
                        "last_days": list(table[:, -LAST_DAYS:].mean((0, 1))),
                        "all_days": list(table.mean((0, 1))),
                        "people": {person: [list(row) for row in rows[person]]
                                   for person in bench.people["longterm30"]}}
    return told


def pair(figures):
    """Two errors in a column."""
    return "%5.2f / %5.2f" % tuple(figures)


def mark(good):
    """What is said of an aim."""
    return "ok" if good else "MISSED"


def print_protocols(told, with_people):
    """The table of errors."""
    print("Errors while moving / of all windows, percent, before post-processing; 200 ms windows every 50 ms\n")
    print("%-28s" % "" + "".join("%-18s" % title for _, title in METHODS) + "aim")
    for one in told:
        methods, aim = one["methods"], one["aim"]
        print("%-28s" % one["protocol"] + "".join(
            "%-18s" % pair((methods[method]["active"], methods[method]["all"])) for method, _ in METHODS) +
              "%4.1f / %3.1f  %s" % (aim["active"], aim["all"], mark(reaches(one))))
        if not with_people:
            continue
        print("  %-26s" % "spread among people" + "".join(
            "%-18s" % pair((methods[method]["active_spread"], methods[method]["all_spread"]))
            for method, _ in METHODS))
        for person in methods["ours"]["people"]:
            print("  %-26s" % person + "".join("%-18s" % pair(methods[method]["people"][person])
                                               for method, _ in METHODS))


def print_reaction(told, with_people):
    """The table of reactions."""
    print("\nReaction on myoreadings; published methods with %d ms windows every %d ms\n" % REACTION_FRAMING)
    lines = (("median, ms", "median_ms"), ("95th percentile, ms", "p95_ms"), ("changes a minute", "changes_per_min"),
             ("wrong movement, percent", "wrong_share_percent"), ("never right within 1 s", "never_right_within_1s"),
             ("prompts", "prompts"))
    for title, name in lines:
        aim = told["aim"].get(name)
        print("%-28s" % title + "".join("%-18s" % ("%5.1f" % told["methods"][method][name] if aim else
                                                   "%5d" % told["methods"][method][name]) for method, _ in METHODS) +
              ("%4g        %s" % (aim, mark(told["methods"]["ours"][name] <= aim)) if aim else ""))
        for person in told["methods"]["ours"]["people"] if with_people and aim else ():
            print("  %-26s" % person + "".join("%-18s" % ("%5.1f" % told["methods"][method]["people"][person][name])
                                               for method, _ in METHODS))


def print_drift(told):
    """The lines of drift."""
    print("\nDrift on longterm30, person left out: does it tell the days on which the first day's model errs over\n"
          "twice as much as on its own day, and over %g %%?\n" % LEAST_BAD)
    for one in told:
        print("%-28s" % ("%d ms windows every %d ms" % (one["window_ms"], one["hop_ms"])) +
              "area under ROC %.3f, aim %.1f %s; %d of %d days bad, threshold finds %.0f %%, false alarms %.0f %%" % (
                  one["area_under_roc"], one["aim"], mark(one["area_under_roc"] >= one["aim"]), one["bad_days"],
                  one["days"], one["found_percent"], one["false_alarms_percent"]))


def print_chain(told, with_people):
    """The lines of the chain of days."""
    print("\nDaily recalibration in a chain on longterm30: day 2, mean of the last %d days, mean of all\n" % LAST_DAYS)
    for method, title in (("ours", "ours"), ("left_out", "left out")):
        one = told[method]
        print("%-28s" % title + "%-18s%-18s%-18s%s" % (
            pair(one["day_2"]), pair(one["last_days"]), pair(one["all_days"]), mark(holds(one))))
        for person, rows in one["people"].items() if with_people else ():
            rows = np.array(rows)
            print("  %-26s" % person + "%-18s%-18s%-18s" % (
                pair(rows[0]), pair(rows[-LAST_DAYS:].mean(0)), pair(rows.mean(0))))


def reaches(one):
    """Whether ours reaches a protocol's aim."""
    ours, aim = one["methods"]["ours"], one["aim"]
    return round(ours["active"], 2) <= aim["active"] and round(ours["all"], 2) <= aim["all"]


def holds(chain):
    """Whether a chain ends no worse than it begins."""
    return chain["last_days"][0] <= chain["day_2"][0]


def reaches_all(report):
    """Whether every aim is reached by ours."""
    reaction = report["reaction"]["methods"]["ours"]
    return (all(map(reaches, report["protocols"])) and holds(report["chain"]["ours"]) and
            all(reaction[name] <= aim for name, aim in REACTION_AIMS) and
            all(one["area_under_roc"] >= one["aim"] for one in report["drift"]))


def rounded(value):
    """The report with figures of a readable length."""
    if isinstance(value, dict):
        return {str(name): rounded(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(one) for one in value]
    return round(float(value), 4) if isinstance(value, (float, np.floating)) else value


def main():
    """Measures and prints."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true", help="print one object")
    parser.add_argument("--people", action="store_true", help="each person's figures, too")
    arguments = parser.parse_args()
    begun = time.monotonic()
    data, named = find_data()
    missing = [name for name in dict.fromkeys(one.data_set for one in PROTOCOLS)
               if not glob.glob(os.path.join(data, name, "*.json"))]
    if missing:
        print("recognition: nothing measured: there are no recordings of %s in %s; name their folder with --data DIR"
              % (", ".join(missing), data), file=sys.stderr)
        return 1 if named else 0
    try:
        with tempfile.TemporaryDirectory() as folder, multiprocessing.Pool(JOBS) as pool:
            bench = Bench(data, folder)
            bench.measure(pool)
    except Failed as failure:
        print("recognition: failed: %s" % failure, file=sys.stderr)
        return 1
    report = {"bench": "recognition", "protocols": tell_protocols(bench), "reaction": tell_reaction(bench),
              "drift": tell_drift(bench), "chain": tell_chain(bench)}
    report["seconds"] = time.monotonic() - begun
    report["aims_reached"] = reaches_all(report)
    if arguments.json:
        print(json.dumps(rounded(report)))
    else:
        print_protocols(report["protocols"], arguments.people)
        print_reaction(report["reaction"], arguments.people)
        print_drift(report["drift"])
        print_chain(report["chain"], arguments.people)
        print("\nmeasured in %.0f s" % report["seconds"])
    return 0 if report["aims_reached"] else 1


if __name__ == "__main__":
    sys.exit(main())
