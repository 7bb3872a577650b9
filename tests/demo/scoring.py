# SPDX-License-Identifier: LGPL-2.1-or-later
"""Scores the decisions an arm made against what its wearer was doing.

Decisions are the arm's own, as they came over the stream: after rejection and post-processing. A
decision is scored when its window lies wholly within one movement or one rest; the windows that hold
a change belong to the reaction, which is measured by itself.
"""
import collections

import numpy as np

# What the wearer did: `gesture` from sample `start` on, `count` samples.
Span = collections.namedtuple("Span", "start count gesture")

# A right decision counts as lasting when it holds for so long.
LASTING_SECONDS = 0.1
# A reaction later than this is a miss.
PATIENCE_SECONDS = 1.5


class Score:
    """Figures of one run."""

    def __init__(self, gestures):
        self.gestures = [0] + [gesture for gesture in gestures if gesture]
        self.confusion = np.zeros((len(self.gestures), len(self.gestures) + 1), int)
        self.reactions, self.missed = [], 0
        self.wrong_energy = self.energy = 0.0
        self.latencies = []

    @property
    def decisions(self):
        """Decisions scored."""
        return int(self.confusion.sum())

    @property
    def accuracy(self):
        """Share of right decisions, each movement (and rest) weighing the same."""
        rows = self.confusion.sum(1)
        right = np.diag(self.confusion[:, :len(self.gestures)])
        recall = [r / n for r, n in zip(right, rows) if n]
        return float(np.mean(recall)) if recall else 0.0

    @property
    def active_accuracy(self):
        """The same over the movements alone."""
        rows = self.confusion.sum(1)[1:]
        right = np.diag(self.confusion[:, :len(self.gestures)])[1:]
        recall = [r / n for r, n in zip(right, rows) if n]
        return float(np.mean(recall)) if recall else 0.0

    @property
    def wrong_share(self):
        """Energy of wrong movements as a share of the energy of all movements the arm made; energy
        is the square of the commanded speed, summed over the decisions."""
        return self.wrong_energy / self.energy if self.energy else 0.0

    def reaction(self, percent):
        """Percentile of the reactions, s; None without any."""
        return float(np.percentile(self.reactions, percent)) if self.reactions else None

    def latency(self, percent):
        """Percentile of the decision latencies, s; None without any."""
        return float(np.percentile(self.latencies, percent)) / 1e6 if self.latencies else None

    def figures(self):
        """For the JSON document."""
        return {"accuracy": round(self.accuracy, 4),
                "active_accuracy": round(self.active_accuracy, 4),
                "decisions": self.decisions,
                "wrong_energy_share": round(self.wrong_share, 4)}


def span_at(spans, starts, sample):
    """The span a sample lies in, or None."""
    i = int(np.searchsorted(starts, sample, "right")) - 1
    if i < 0 or sample >= spans[i].start + spans[i].count:
        return None
    return spans[i]


def count_decision(score, span, decision):
    """Enters one decision in the confusion matrix."""
    row = score.gestures.index(span.gesture)
    column = score.gestures.index(decision.movement) if decision.movement in score.gestures \
        else len(score.gestures)
    score.confusion[row, column] += 1


def measure_reaction(score, span, decisions, rate):
    """From the sample the muscle starts at to the first of the right decisions that last."""
    last = span.start + min(span.count, int(PATIENCE_SECONDS * rate))
    inside = [d for d in decisions if span.start <= d.sample < span.start + span.count]
    for i, decision in enumerate(inside):
        if decision.sample >= last:
            break
        if decision.movement != span.gesture:
            continue
        until = decision.sample + LASTING_SECONDS * rate
        run = [d for d in inside[i:] if d.sample < until]
        whole = inside[-1].sample >= until - 1
        if whole and all(d.movement == span.gesture for d in run):
            score.reactions.append((decision.sample - span.start + 1) / rate)
            return
    score.missed += 1


def score_decisions(decisions, spans, window, rate, gestures):
    """Scores a run: decisions in their order, spans in theirs; window in samples."""
    score = Score(gestures)
    spans = sorted(spans)
    starts = np.array([span.start for span in spans])
    for decision in decisions:
        if decision.latency:
            score.latencies.append(decision.latency)
        span = span_at(spans, starts, decision.sample)
        if span is None:
            continue
        if span.gesture in score.gestures and decision.sample - window + 1 >= span.start:
            count_decision(score, span, decision)
        energy = decision.speed ** 2
        if decision.movement:
            score.energy += energy
            if decision.movement != span.gesture:
                score.wrong_energy += energy
    for span in spans:
        if span.gesture:
            measure_reaction(score, span, decisions, rate)
    return score
