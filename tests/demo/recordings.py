# SPDX-License-Identifier: LGPL-2.1-or-later
"""Chooses from a folder of recordings the person whose story can be told, and finds their contractions.

The format: X.json beside X.bin, little-endian interleaved samples, segments with gesture, name and
repetition. Labels may be the times of the prompts, with the muscle following later, so where a
contraction really is is looked for in the signal itself.
"""
import collections
import json
import os

import numpy as np

DTYPES = {"int8": "<i1", "int16le": "<i2"}
WANTED_MOVEMENTS, WANTED_REPETITIONS = 7, 4
# A contraction shorter than this is no repetition; of a longer one than that only the beginning is
# played, so that the story stays short.
LEAST_SECONDS, MOST_SECONDS = 0.8, 2.0

Piece = collections.namedtuple("Piece", "path start count gesture name repetition")


class Unusable(Exception):
    """There is no recording in the folder the story could be told with."""


class Session:
    """All recordings of one person on one day: pieces of movement and of rest."""

    def __init__(self, key):
        self.key, self.files = key, []
        self.pieces = {}
        self.rests = []
        self.rate = self.channels = None
        self.placement = ""
        self.shortened = False

    def movements(self, least):
        """Gestures with at least so many repetitions."""
        return sorted(gesture for gesture, pieces in self.pieces.items() if len(pieces) >= least)

    def repetition(self, gesture, number):
        """The n-th repetition there is of a movement, from 1."""
        return self.pieces[gesture][number - 1]


class Person:
    """One person's sessions in their order."""

    def __init__(self, dataset, subject, sessions):
        self.dataset, self.subject, self.sessions = dataset, subject, sessions

    def describe(self):
        """For the terminal."""
        return "%s, person %s" % (self.dataset, self.subject)


def side_cars(folder):
    """Every side-car below a folder that has its samples beside it."""
    for directory, folders, names in os.walk(folder, followlinks=True):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(directory, name)
            if not name.endswith(".json") or not os.path.exists(path[:-5] + ".bin"):
                continue
            try:
                with open(path, encoding="utf-8") as stream:
                    head = json.load(stream)
            except (OSError, ValueError):
                continue
            if isinstance(head, dict) and head.get("dtype") in DTYPES and head.get("segments"):
                yield path, head


def load_samples(path, head):
    """The samples as floats, samples x channels."""
    samples = np.fromfile(path[:-5] + ".bin", DTYPES[head["dtype"]])
    count = len(samples) // head["channels"]
    return samples[:count * head["channels"]].reshape(count, head["channels"]).astype(float)


def envelope(samples, rate):
    """Mean over the electrodes of the rectified difference, smoothed over 100 ms: slow drifts and an
    offset do not count."""
    steps = np.abs(np.diff(samples, axis=0, prepend=samples[:1])).mean(1)
    width = max(1, int(0.1 * rate))
    return np.convolve(steps, np.ones(width) / width, "same")


def rest_level(signal, segments):
    """What the envelope is at rest: the median over the rest segments, or the lowest tenth."""
    parts = [signal[s["start"]:s["start"] + s["count"]] for s in segments if s["gesture"] == 0]
    if parts:
        return float(np.median(np.concatenate(parts)))
    return float(np.percentile(signal, 10))


def longest_run(mask):
    """(start, end) of the longest run of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], mask.astype(int), [0]))))
    runs = list(zip(edges[::2], edges[1::2]))
    return max(runs, key=lambda run: run[1] - run[0]) if runs else (0, 0)


def find_contraction(signal, segment, rest, rate):
    """Where in a segment the muscle is at work: (start, count), or None.

    The threshold is the geometric mean of rest and of the segment's own strong part; gaps of up to
    0.25 s do not end a contraction.
    """
    part = signal[segment["start"]:segment["start"] + segment["count"]]
    if len(part) < LEAST_SECONDS * rate:
        return None
    strong = np.percentile(part, 75)
    above = part > np.sqrt(max(rest, 1e-9) * max(strong, 1e-9)) if strong > 1.2 * rest \
        else np.ones(len(part), bool)
    width = int(0.25 * rate) | 1
    closed = np.convolve(above.astype(float), np.ones(width), "same") > 0
    closed = np.convolve(closed.astype(float), np.ones(width), "same") >= width - 0.5
    closed |= above
    start, end = longest_run(closed)
    if end - start < LEAST_SECONDS * rate:
        return None
    return segment["start"] + int(start), int(end - start)


def quiet_part(segment, rate):
    """A rest segment without the second after its label, in which the muscle may still be at work,
    and without its last half second, in which it may start early; short ones are taken whole."""
    if segment["count"] < 2.5 * rate:
        return segment["start"], segment["count"]
    start, end = int(rate), int(0.5 * rate)
    return segment["start"] + start, segment["count"] - start - end


def add_file(session, path, head):
    """Finds the pieces of one file."""
    rate = head["fs_hz"]
    signal = envelope(load_samples(path, head), rate)
    rest = rest_level(signal, head["segments"])
    for segment in head["segments"]:
        gesture, name = segment["gesture"], segment.get("name") or str(segment["gesture"])
        if segment["start"] + segment["count"] > len(signal):
            continue
        if gesture == 0:
            start, count = quiet_part(segment, rate)
            level = float(np.median(signal[start:start + count]))
            session.rests.append((level, Piece(path, start, count, 0, name, segment["rep"])))
            continue
        found = find_contraction(signal, segment, rest, rate)
        if found:
            count = min(found[1], int(MOST_SECONDS * rate))
            session.shortened |= count < found[1]
            session.pieces.setdefault(gesture, []).append(
                Piece(path, found[0], count, gesture, name, segment["rep"]))


def read_session(key, files):
    """All pieces of one session, repetitions in their order, the quietest rests first."""
    session = Session(key)
    session.files = [path for path, _ in files]
    session.rate, session.channels = files[0][1]["fs_hz"], files[0][1]["channels"]
    session.placement = files[0][1].get("placement", "")
    for path, head in files:
        if (head["fs_hz"], head["channels"]) == (session.rate, session.channels):
            add_file(session, path, head)
    for pieces in session.pieces.values():
        pieces.sort(key=lambda piece: (piece.repetition, piece.path, piece.start))
    session.rests = [piece for _, piece in sorted(session.rests, key=lambda rest: rest[0])]
    return session


def group(folder):
    """(dataset, subject) -> session -> [(path, side-car)]."""
    people = collections.defaultdict(lambda: collections.defaultdict(list))
    for path, head in side_cars(folder):
        dataset = head.get("dataset") or os.path.basename(os.path.dirname(path))
        people[dataset, str(head.get("subject", "?"))][head.get("session", 1)].append((path, head))
    return people


def promise(sessions):
    """How well a person's recordings serve the story, from the labels alone: the more the better."""
    heads = [head for files in sessions.values() for _, head in files]
    first = min(sessions, key=sort_key)
    counts = collections.Counter()
    for _, head in sessions[first]:
        counts.update(s["gesture"] for s in head["segments"] if s["gesture"])
    enough = sum(1 for count in counts.values() if count >= WANTED_REPETITIONS)
    rested = any(s["gesture"] == 0 for head in heads for s in head["segments"])
    # More than eight sessions make no better story, nor do more than seven movements.
    return (min(enough, WANTED_MOVEMENTS), len(sessions) > 1, rested, min(len(sessions), 8),
            min(sum(counts.values()), 60))


def turn_socket(session, folder):
    """Another day that is not there: the same recordings with every electrode in its neighbour's place,
    as if the socket had been put on turned by one electrode. Writes them to the folder."""
    os.makedirs(folder, exist_ok=True)
    files = []
    for path in session.files:
        with open(path, encoding="utf-8") as stream:
            head = json.load(stream)
        turned = os.path.join(folder, os.path.basename(path))
        samples = np.fromfile(path[:-5] + ".bin", DTYPES[head["dtype"]]).reshape(-1, head["channels"])
        np.roll(samples, 1, axis=1).tofile(turned[:-5] + ".bin")
        head.update(session="turned", placement="turned by one electrode (emulated)")
        with open(turned, "w", encoding="utf-8") as stream:
            json.dump(head, stream)
        files.append((turned, head))
    return read_session("turned (emulated)", files)


def sort_key(session):
    """Orders sessions whether they are numbers or text."""
    return (0, session, "") if isinstance(session, (int, float)) else (1, 0, str(session))


def choose(folder):
    """The person whose recordings serve best; raises Unusable."""
    if not os.path.isdir(folder):
        raise Unusable("%s is no folder; name one with recordings with --data" % folder)
    people = group(folder)
    # Among equals the first in the alphabet, so that the choice is the same every time.
    ranking = sorted(people, key=lambda key: (tuple(-int(x) for x in promise(people[key])), key))
    for key in ranking:
        sessions = people[key]
        order = sorted(sessions, key=sort_key)
        read = [read_session(number, sessions[number]) for number in order]
        first = read[0]
        same = [session for session in read
                if (session.rate, session.channels) == (first.rate, first.channels)]
        if len(first.movements(2)) >= 2:
            return Person(key[0], key[1], same)
    raise Unusable("%s holds no recording with at least two movements of two repetitions each, in the "
                   "format X.json and X.bin; name another folder with --data" % folder)
