#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How soon the daemons answer while a session streams, a model is trained and written to an arm.

usage: bench-bus.py [--json]

The peer is the bus daemon itself (GetId), called in turn with the daemons, so that what the machine's
load costs can be told from what the daemons cost.
"""
import json
import os
import subprocess
import sys

from scene import House, Scene
from measure import Report, percentile

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    """Works, is called meanwhile, and reports."""
    report = Report("bus", "--json" in sys.argv)
    with House() as house:
        scene = Scene(house)
        took_file = os.path.join(house.directory, "took.json")
        caller = subprocess.Popen(["/usr/bin/python3", os.path.join(HERE, "caller.py"), house.address,
                                   took_file], stdin=subprocess.PIPE)
        try:
            _, job, wearer = scene.session()
            recording = scene.clinic.jobs.succeed(job)["recording"]
            wearer.close()
            model = scene.clinic.jobs.succeed(scene.clinic.train([recording]))["model"]
            scene.clinic.deploy(scene.prosthesis, model)
        finally:
            caller.stdin.close()
            caller.wait(60)
        with open(took_file, encoding="ascii") as stream:
            took = json.load(stream)
    report.add("call_p99_ms", percentile(took["daemons"], 99), "ms", 50, "bus daemon's GetId, p99",
               round(percentile(took["bus"], 99), 4))
    return 0 if report.within else 1


if __name__ == "__main__":
    sys.exit(main())
