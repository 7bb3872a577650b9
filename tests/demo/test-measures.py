#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The demo's own measures: scores, reactions, contractions, EDF+ files."""
import collections
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "integration")]

import numpy as np  # noqa: E402  pylint: disable=wrong-import-position

# pylint: disable=wrong-import-position
from harness import main  # noqa: E402
from pictures import NotRight, check_edf  # noqa: E402
from recordings import MOST_SECONDS, Unusable, choose, find_contraction  # noqa: E402
from scoring import Span, score_decisions  # noqa: E402
from synthetic import write_day  # noqa: E402

Decision = collections.namedtuple("Decision", "sample movement speed latency")
SPANS = [Span(0, 100, 0), Span(100, 200, 1), Span(300, 100, 0)]


def decide(rule, every=2):
    """Decisions over all spans by a rule: sample -> (movement, speed)."""
    return [Decision(sample, *rule(sample), 1000) for sample in range(9, 400, every)]


def perfect():
    """Who is always right scores 1, reacts at once, and wastes nothing."""
    score = score_decisions(decide(lambda s: (1, 500) if 100 <= s < 300 else (0, 0)), SPANS, 10, 200,
                            [1])
    assert score.accuracy == 1.0 and score.active_accuracy == 1.0, score.figures()
    assert len(score.reactions) == 1 and score.reactions[0] <= 0.02, score.reactions
    assert score.wrong_share == 0.0 and abs(score.latency(50) - 0.001) < 1e-9


def late():
    """A right decision that comes half a second late: reaction 0.5 s, and the wait counts as wrong."""
    score = score_decisions(decide(lambda s: (1, 500) if 200 <= s < 300 else (0, 0)), SPANS, 10, 200,
                            [1])
    assert abs(score.reactions[0] - 0.51) < 0.02, score.reactions
    assert 0.4 < score.active_accuracy < 0.6, score.figures()


def flicker():
    """Decisions that do not last are no reaction."""
    score = score_decisions(decide(lambda s: (1 if s % 4 == 1 else 2, 500) if 100 <= s < 300 else (0, 0)),
                            SPANS, 10, 200, [1, 2])
    assert not score.reactions and score.missed == 1, score.reactions
    assert 0.4 < score.wrong_share < 0.6, score.wrong_share


def wrong():
    """Who moves at rest wastes all the energy."""
    score = score_decisions(decide(lambda s: (1, 500) if s < 100 or s >= 300 else (0, 0)), SPANS, 10,
                            200, [1])
    assert score.accuracy == 0.0 and score.wrong_share == 1.0, score.figures()


def windows_across_a_change():
    """A window that holds a change is not scored."""
    score = score_decisions([Decision(105, 0, 0, 0), Decision(109, 1, 9, 0)], SPANS, 10, 200, [1])
    assert score.decisions == 1, score.decisions


def contractions():
    """A contraction in the middle of its segment is found, an empty segment is not."""
    signal = np.concatenate([np.full(200, 1.0), np.full(300, 20.0), np.full(200, 1.0)])
    start, count = find_contraction(signal, {"start": 0, "count": 700}, 1.0, 200)
    assert abs(start - 200) < 30 and abs(count - 300) < 60, (start, count)
    assert find_contraction(signal, {"start": 0, "count": 100}, 1.0, 200) is None


def choosing():
    """The person with enough repetitions on two days is chosen; a folder without recordings is
    refused."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            choose(folder)
            raise AssertionError("nothing was found to be enough")
        except Unusable as reason:
            assert "--data" in str(reason), reason
        write_day(folder, 1)
        write_day(folder, 2, turn=1.0)
        person = choose(folder)
        assert len(person.sessions) == 2 and person.sessions[0].movements(4) == list(range(1, 8))
        assert all(piece.count <= MOST_SECONDS * 200 for pieces in person.sessions[0].pieces.values()
                   for piece in pieces)


def no_edf():
    """A file that is no EDF+ file is not taken for one."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"0" + b" " * 600)
        file.flush()
        try:
            check_edf(file.name, 8)
        except NotRight:
            return
        raise AssertionError("it was taken for one")


if __name__ == "__main__":
    main(perfect, late, flicker, wrong, windows_across_a_change, contractions, choosing, no_edf)
