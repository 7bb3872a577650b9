#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""From the last repetition of a session to a confirmed model on the arm: the machine's time alone.

usage: bench-turnaround.py [--json]

Once over a line without a limit, as USB is, once over one throttled to 115,200 baud.
"""
import sys
import time

from scene import House, Scene
from measure import Report


def turnaround(baud):
    """Seconds from the last verdict to the confirmed model."""
    with House() as house:
        scene = Scene(house, baud=baud)
        session, job, wearer = scene.session()
        begun = time.monotonic()
        if job not in scene.clinic.jobs.finished and session.get("Session1.State") == "running":
            session.call("Session1.Finish", "(a{sv})", {})
        recording = scene.clinic.jobs.succeed(job)["recording"]
        wearer.close()
        model = scene.clinic.jobs.succeed(scene.clinic.train([recording]))["model"]
        scene.clinic.deploy(scene.prosthesis, model)
        return time.monotonic() - begun


def main():
    """Measures both lines."""
    report = Report("turnaround", "--json" in sys.argv)
    report.add("usb_seconds", turnaround(None), "s", 3)
    report.add("serial_115200_seconds", turnaround(115200), "s", 10)
    return 0 if report.within else 1


if __name__ == "__main__":
    sys.exit(main())
