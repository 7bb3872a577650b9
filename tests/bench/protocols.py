# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is measured on recordings, whoever decides: which repetitions train, which are scored, and how.

A recording is X.json beside X.bin, see the README of the recordings. A decision belongs to the last sample
of its window and is scored when the window lies wholly inside a segment without its trimmed ends.
"""
import collections
import glob
import json
import os

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

import classical

DTYPES = {"int8": "<i1", "int16le": "<i2"}
# Left out at the start and end of each segment, ms: where labels are prompts, muscle follows later.
TRIMS = {"myoreadings": (1000, 500), "longterm30": (0, 0), "biopatrec10": (500, 0), "ssstm25": (2000, 1400)}

Protocol = collections.namedtuple("Protocol", "name kind data_set window_ms hop_ms aim")
PROTOCOLS = (
    Protocol("between longterm30", "between", "longterm30", 200, 50, (0.9, 0.8)),
    Protocol("frozen longterm30", "frozen", "longterm30", 200, 50, (4.0, 3.8)),
    Protocol("between myoreadings", "between", "myoreadings", 200, 50, (6.5, 4.2)),
    Protocol("cold myoreadings", "cold", "myoreadings", 200, 50, (7.5, 4.8)),
    Protocol("within biopatrec10", "within", "biopatrec10", 200, 50, (5.5, 4.5)),
    Protocol("between longterm30, 100 ms", "between", "longterm30", 100, 50, (1.2, 1.1)),
    Protocol("between myoreadings, 100 ms", "between", "myoreadings", 100, 50, (7.5, 4.8)),
)

# `history`: session whose all repetitions train first, or None; `learnt`: repetitions of `session` that train
# (or adapt) next; `tested`: whether a repetition is scored.
Trial = collections.namedtuple("Trial", "history session learnt tested")


def trials(kind, sessions):
    """The trials of one person by a protocol; `sessions` in their order."""
    def later(repetition):
        return repetition > 1

    if kind == "between":
        return [Trial(sessions[0], session, (1,), later) for session in sessions[1:]]
    if kind == "frozen":
        return [Trial(sessions[0], session, (), lambda repetition: repetition > 0) for session in sessions[1:]]
    if kind == "cold":
        return [Trial(None, session, (1,), later) for session in sessions]
    if kind == "within":
        return [Trial(None, session, (1, 2), lambda repetition: repetition > 2) for session in sessions]
    raise ValueError("there is no protocol '%s'" % kind)


class Recording:
    """One recording's description, and its samples when they are asked for."""

    def __init__(self, path):
        self.path = path
        with open(path, encoding="utf-8") as stream:
            self.about = json.load(stream)
        self.rate, self.segments = self.about["fs_hz"], self.about["segments"]
        self.person, self.session = str(self.about["subject"]), self.about["session"]

    def samples(self):
        """Electrodes x time, in counts of a Myo armband."""
        raw = np.fromfile(self.path[:-5] + ".bin", DTYPES[self.about["dtype"]]).reshape(-1, self.about["channels"])
        return np.ascontiguousarray(raw.T) * (self.about["lsb"] / classical.COUNT[self.about["unit"]])

    def length(self, milliseconds):
        """So long in samples."""
        return int(round(milliseconds * self.rate / 1000))

    def last_samples(self, window, hop):
        """Sample of each decision when the first comes with the first full window."""
        return np.arange(window - 1, self.about["samples"], hop)

    def labels(self, window, trim):
        """For the window that ends at each sample: movement, -1 where none is scored, and repetition."""
        head, tail = (int(milliseconds * self.rate / 1000) for milliseconds in trim)
        movements = np.full(self.about["samples"], -1)
        repetitions = np.zeros(self.about["samples"], int)
        for segment in self.segments:
            end = segment["start"] + segment["count"] - tail
            inside = slice(segment["start"] + head + window - 1, max(end, 0))
            movements[inside], repetitions[inside] = segment["gesture"], segment["rep"]
        return movements, repetitions


def find_people(data, data_set):
    """{person: [[recording of the first session, …], …]} of a set."""
    people = collections.defaultdict(lambda: collections.defaultdict(list))
    for path in sorted(glob.glob(os.path.join(data, data_set, "*.json"))):
        recording = Recording(path)
        people[recording.person][recording.session].append(recording)
    return {person: [sessions[name] for name in sorted(sessions)] for person, sessions in people.items()}


class Count:
    """Wrong decisions of those scored, while moving and in all."""

    def __init__(self):
        self.counts = np.zeros(4, int)

    def add(self, truth, said):
        """Decisions where `truth` is not -1."""
        scored, wrong, active = truth >= 0, truth != said, truth > 0
        self.counts += [(wrong & active).sum(), active.sum(), (wrong & scored).sum(), scored.sum()]

    @property
    def decisions(self):
        """How many were scored."""
        return int(self.counts[3])

    def errors(self):
        """Percent wrong: (while moving, of all)."""
        return tuple(100.0 * self.counts[[0, 2]] / np.maximum(self.counts[[1, 3]], 1))


def summary(people):
    """Mean over people and the spread among them; `people`: {person: [(active, all) of a session, …]}."""
    means = {person: np.mean(rows, 0) for person, rows in people.items()}
    table = np.array(list(means.values()))
    spread = table.std(0, ddof=1) if len(table) > 1 else np.zeros(2)
    return {"active": table[:, 0].mean(), "all": table[:, 1].mean(),
            "active_spread": spread[0], "all_spread": spread[1],
            "people": {person: list(mean) for person, mean in means.items()}}


def find_onset(samples, start, rate):
    """Sample at which the muscle begins about a prompt at `start`, or None.

    Teager-Kaiser energy of all electrodes (Solnik et al. 2010), smoothed over 25 ms without delay, over the
    resting level before the prompt for 50 ms; from 0.3 s before the prompt to 2 s after it.
    """
    begin = max(1, int(start - 2.5 * rate))
    signal = samples[:, begin - 1:int(start + 2 * rate) + 1]
    signal = signal - np.median(signal, 1, keepdims=True)
    energy = np.abs(signal[:, 1:-1] ** 2 - signal[:, :-2] * signal[:, 2:]).sum(0)
    width = max(1, int(0.025 * rate)) | 1
    energy = np.convolve(energy, np.full(width, 1.0 / width), "same")
    resting = energy[:max(10, int(1.5 * rate))]
    level = np.median(resting)
    above = energy > level + 8 * 1.4826 * np.median(np.abs(resting - level)) + 1e-9
    held = np.flatnonzero(sliding_window_view(above, int(0.05 * rate)).all(1))
    held = held[held >= int(start - 0.3 * rate) - begin]
    return begin + int(held[0]) if len(held) else None


class Reaction:
    """How soon and how steadily decisions follow the muscle, over continuous recordings."""

    def __init__(self):
        self.delays, self.never_right, self.no_onset = [], 0, 0
        self.changes, self.minutes, self.wrong, self.moved = 0, 0.0, 0.0, 0.0

    def add(self, recording, samples, decisions, tested):
        """`decisions`: (last sample, movement, speed) as arrays; `tested`: whether a repetition counts."""
        at, said, _ = decisions
        self.changes += int((said[1:] != said[:-1]).sum())
        self.minutes += (at[-1] - at[0]) / recording.rate / 60
        for segment in recording.segments:
            if segment["gesture"] and tested(segment["rep"]):
                onset = find_onset(samples, segment["start"], recording.rate)
                if onset is None:
                    self.no_onset += 1
                else:
                    self._add_prompt(segment, onset, recording.rate, decisions)

    def _add_prompt(self, segment, onset, rate, decisions):
        """One prompt whose muscle began at `onset`."""
        at, said, speed = decisions
        end, right = segment["start"] + segment["count"], said == segment["gesture"]
        # The sample of the next wrong decision; right for 100 ms is lasting.
        wrong_at = np.append(at[~right], np.iinfo(at.dtype).max)
        until = wrong_at[np.searchsorted(wrong_at, at)]
        lasting = right & (at >= onset) & (at < min(end, onset + rate)) & (until >= at + 0.1 * rate)
        if lasting.any():
            self.delays.append(1000.0 * (at[lasting.argmax()] - onset) / rate)
        else:
            self.never_right += 1
        moving = (at >= onset) & (at < end) & (said != 0)
        self.moved += speed[moving].sum()
        self.wrong += speed[moving & ~right].sum()

    def include(self, other):
        """Adds another person's."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)

    def figures(self):
        """What is told of it."""
        median, late = np.percentile(self.delays, [50, 95]) if self.delays else (-1, -1)
        return {"median_ms": median, "p95_ms": late, "prompts": len(self.delays) + self.never_right,
                "never_right_within_1s": self.never_right, "onset_not_found": self.no_onset,
                "changes_per_min": self.changes / max(self.minutes, 1e-9),
                "wrong_share_percent": 100 * self.wrong / max(self.moved, 1e-9)}


def area_under_roc(figures, positive):
    """Chance that a positive's figure is over a negative's; nan when there are none of either."""
    figures, positive = np.asarray(figures, float), np.asarray(positive, bool)
    over, under = figures[positive][:, None], figures[~positive]
    if not over.size or not under.size:
        return float("nan")
    return float(((over > under) + 0.5 * (over == under)).mean())
