# SPDX-License-Identifier: LGPL-2.1-or-later
"""A stage for integration tests: four daemons, an arm on a virtual USB port, a patient it is bound to."""
import collections

from arm import Arm, Bench
from clinic import Clinic, Wearer
from harness import House
from synthetic import pieces_of, write_day

# The session's movements; few, for a test.
MOVEMENTS = ["wrist_flexion", "wrist_extension", "hand_close"]
SPEED = 5
BENCH = []

Piece = collections.namedtuple("Piece", "path start count")


def bench():
    """The one test bed a process can have."""
    if not BENCH:
        BENCH.append(Bench())
    return BENCH[0]


class Stage:
    """Use as a context."""

    def __init__(self, plug=True, bind=True, parts=("records", "update", "training", "pairing"),
                 turn=0.0, arguments=(), wrappers=None, system_policy=False):
        # Before anything starts: what is started inherits the test bed.
        bench()
        self.house = House(system_policy=system_policy)
        self.numbers = 0
        try:
            self.day = write_day(self.house.directory, 1, turn=turn)
            for part in parts:
                self.house.start(part, wait=False, wrapper=(wrappers or {}).get(part, ()))
            for part in parts:
                self.house.wait_name(part)
            self.clinic = Clinic(self.house)
            self.arms = []
            self.arm = self.add_arm("arm", *arguments, plug=plug)
            self.prosthesis = self.patient = None
            if plug:
                self.prosthesis = self.clinic.prosthesis(self.arm)
            if plug and bind:
                self.patient = self.clinic.create_patient("Test Patient")
                self.clinic.bind(self.arm, self.prosthesis, self.patient)
        except BaseException:
            self.close()
            raise

    def add_arm(self, name, *arguments, plug=True):
        """One more arm."""
        arm = Arm(self.house, name, "--electrodes", self.day, *arguments, bench=bench(),
                  number=self.numbers)
        self.numbers += 1
        self.arms.append(arm)
        arm.day = self.day
        if plug:
            arm.plug()
        return arm

    def pieces(self, path=None):
        """(name, repetition) -> piece of a recording."""
        return {key: Piece(*where) for key, where in pieces_of(path or self.day).items()}

    def start_session(self, movements=None, repetitions=1, begin=True, path=None, speed=SPEED,
                      **options):
        """A session and its wearer; with `begin` it runs."""
        settings = {"hold": ("d", 1.2), "rest": ("d", 0.5), "prepare": ("d", 0.5)}
        settings.update(options)
        session = self.clinic.start_session(self.prosthesis, movements or MOVEMENTS,
                                            repetitions=("u", repetitions), **settings)
        pieces = self.pieces(path)
        wearer = Wearer(self.arm, session, pieces, pieces["rest", 1])
        self.arm.tell("speed", speed)
        wearer.relax()
        job = session.call("Session1.Begin", "(a{sv})", {}) if begin else None
        return session, wearer, job

    def record(self, movements=None, repetitions=2, path=None, **options):
        """A whole session; returns the recording's path."""
        _, wearer, job = self.start_session(movements, repetitions, path=path, **options)
        result = self.clinic.jobs.succeed(job, 300)
        wearer.close()
        self.arm.tell("speed", 1)
        return result["recording"]

    def trained(self, repetitions=2, **options):
        """A recording and a model trained on it."""
        recording = self.record(repetitions=repetitions)
        model = self.clinic.jobs.succeed(self.clinic.train([recording], **options))["model"]
        return recording, model

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        complaints = self.house.complaints()
        if kind:
            for process in self.house.processes:
                print("# --- %s\n# %s" % (process.name,
                                          process.output()[-3000:].replace("\n", "\n# ")))
        self.close()
        if not kind and complaints:
            raise AssertionError("\n".join(complaints[:10]))

    def close(self):
        """Takes everything down."""
        for arm in getattr(self, "arms", []):
            if arm.plugged:
                bench().unplug(arm.number)
            arm.stop()
        self.house.close()


__all__ = ["MOVEMENTS", "Stage", "bench"]
