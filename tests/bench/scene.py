# SPDX-License-Identifier: LGPL-2.1-or-later
"""A bound arm with a recorded session, for the benches."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
for neighbour in ("integration", "demo"):
    sys.path.insert(0, os.path.join(os.path.dirname(HERE), neighbour))

# pylint: disable=wrong-import-position
from arm import Arm  # noqa: E402
from clinic import Clinic, Wearer  # noqa: E402
from harness import SOURCE, House, wait_for  # noqa: E402
from recordings import choose  # noqa: E402

MOVEMENTS, REPETITIONS, SPEED = 7, 3, 5


def recordings_folder(house):
    """Real recordings where there are some, else generated ones."""
    beside = os.environ.get("BIONICPRO_DATA",
                            os.path.join(os.path.dirname(SOURCE), "shared", "data"))
    if os.path.isdir(beside):
        return beside
    folder = os.path.join(house.directory, "generated")
    house.run("simlimb", "--write-recordings", folder)
    return folder


class Scene:
    """Daemons, one arm on a line, one patient it is bound to."""

    def __init__(self, house, *arguments, baud=None, bench=None):
        self.house = house
        self.person = choose(recordings_folder(house))
        self.day = self.person.sessions[0]
        self.gestures = self.day.movements(REPETITIONS)[:MOVEMENTS]
        if baud:
            arguments += ("--baud", str(baud))
        self.arm = Arm(house, "arm", "--electrodes", self.day.files[0], *arguments)
        house.start_all()
        self.clinic = Clinic(house)
        if bench:
            self.arm.bench = bench
            self.arm.plug()
        else:
            from gi.repository import GLib  # pylint: disable=import-outside-toplevel
            options = {"baud": GLib.Variant("u", baud)} if baud else {}
            self.clinic.pairing.call("Pairing1.AddPort", "(sa{sv})", self.arm.link, options)
        self.prosthesis = self.clinic.prosthesis(self.arm)
        self.patient = self.clinic.create_patient("Bench")
        self.clinic.bind(self.arm, self.prosthesis, self.patient)

    def session(self):
        """Records a session at many times the speed of life; returns the recording's path."""
        names = self.clinic.movement_names()
        pieces = {(names[g], n): self.day.repetition(g, n)
                  for g in self.gestures for n in range(1, REPETITIONS + 1)}
        session = self.clinic.start_session(
            self.prosthesis, [names[g] for g in self.gestures], repetitions=("u", REPETITIONS),
            hold=("d", 1.4), rest=("d", 0.8), prepare=("d", 0.5))
        wearer = Wearer(self.arm, session, pieces, self.day.rests[0] if self.day.rests else None)
        self.arm.tell("speed", SPEED)
        wearer.relax()
        job = session.call("Session1.Begin", "(a{sv})", {})
        wanted = len(pieces)

        # The last repetition is in: from here on the arm's time is ours again.
        wait_for(lambda: sum(v[2] for v in wearer.verdicts) >= wanted or job in self.clinic.jobs.finished,
                 "last repetition", 600)
        self.arm.tell("speed", 1)
        return session, job, wearer


__all__ = ["Arm", "Clinic", "House", "Scene", "Wearer", "recordings_folder", "wait_for"]
