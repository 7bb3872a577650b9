#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures speed, size and recognition: `./dev bench [NAME] [--json]`.

usage: bench.py --build DIRECTORY [NAME…] [--json] [--data DIR] [--full] [--people]

Each bench is a program of its own, bench-NAME.py. Exit status 1 when a figure is beyond its limit.
"""
import argparse
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
BENCHES = ("recognition", "rejection", "stream", "retrain", "turnaround", "idle", "bus", "decision", "boot", "update",
           "flash")
# Options of one bench alone.
OWN_OPTIONS = {"rejection": "full", "recognition": "people"}


def main():
    """Runs the benches wanted, one after the other."""
    parser = argparse.ArgumentParser(prog="./dev bench", description="Measure speed, size and recognition.")
    parser.add_argument("--build", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help="print an object a line")
    parser.add_argument("--data", metavar="DIR", help="recordings to use")
    parser.add_argument("--full", action="store_true", help="measure on all of them where a part would do")
    parser.add_argument("--people", action="store_true", help="recognition: each person's figures, too")
    parser.add_argument("names", nargs="*", metavar="NAME", help="one of: " + " ".join(BENCHES))
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in BENCHES:
            parser.error("there is no bench '%s'; there are: %s" % (name, " ".join(BENCHES)))
    environment = dict(os.environ, BIONICPRO_TEST_BUILDDIR=arguments.build,
                       BIONICPRO_TEST_SRCDIR=SOURCE)
    if arguments.data:
        if not os.path.isdir(arguments.data):
            parser.error("%s is not a folder" % arguments.data)
        environment["BIONICPRO_DATA"] = os.path.abspath(arguments.data)
    worst = 0
    for name in arguments.names or BENCHES:
        command = ["/usr/bin/python3", os.path.join(HERE, "bench-%s.py" % name)]
        if arguments.json:
            command.append("--json")
        option = OWN_OPTIONS.get(name)
        if option and getattr(arguments, option):
            command.append("--" + option)
        worst = max(worst, abs(subprocess.run(command, env=environment, check=False).returncode))
    return 1 if worst else 0


if __name__ == "__main__":
    sys.exit(main())
