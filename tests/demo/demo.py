#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plays the gateway's main story with a virtual arm: `./dev demo`.

usage: demo.py --build DIRECTORY [--json] [--data DIR] [--keep DIR]

Real daemons on a private bus, a virtual arm on a virtual USB port, real recordings replayed at its
electrodes. What the arm decides is scored against what its wearer was doing. Exit status 0 when every
step went as it should.
"""
import argparse
import json
import os
import shutil
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "integration"))


def parse_arguments():
    """The command line."""
    parser = argparse.ArgumentParser(prog="./dev demo", description="Play the main story.")
    parser.add_argument("--build", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help="print one JSON document last on stdout")
    parser.add_argument("--data", metavar="DIR", help="recordings to use")
    parser.add_argument("--keep", metavar="DIR", help="keep pictures, recording and logs there")
    return parser.parse_args()


def find_data(arguments):
    """The folder of recordings, or None when the arm has to generate its own."""
    if arguments.data:
        return os.path.abspath(arguments.data)
    beside = os.environ.get("BIONICPRO_DATA",
                            os.path.join(os.path.dirname(SOURCE), "shared", "data"))
    return beside if os.path.isdir(beside) else None


def play(arguments, terminal):
    """Tells the story; returns the JSON document."""
    from story import Story  # pylint: disable=import-outside-toplevel
    from arm import Bench  # pylint: disable=import-outside-toplevel
    from harness import House  # pylint: disable=import-outside-toplevel
    keep = arguments.keep and os.path.abspath(arguments.keep)
    if keep:
        os.makedirs(keep, exist_ok=True)
    results = keep or tempfile.mkdtemp(prefix="bionicpro-demo-")
    try:
        # Before anything starts: what is started inherits the test bed.
        bench = Bench()
        with House() as house:
            story = Story(house, bench, terminal, find_data(arguments), results)
            try:
                return story.tell()
            finally:
                if keep:
                    save_logs(house, keep)
    finally:
        if not keep:
            shutil.rmtree(results, ignore_errors=True)


def save_logs(house, keep):
    """Keeps what the daemons and the arm said."""
    logs = os.path.join(keep, "logs")
    os.makedirs(logs, exist_ok=True)
    for process in house.processes:
        if os.path.exists(process.log):
            shutil.copy(process.log, logs)


def main():
    """Runs the demo."""
    arguments = parse_arguments()
    os.environ["BIONICPRO_TEST_BUILDDIR"] = arguments.build
    os.environ["BIONICPRO_TEST_SRCDIR"] = SOURCE
    from recordings import Unusable  # pylint: disable=import-outside-toplevel
    from terminal import Terminal, story_stream  # pylint: disable=import-outside-toplevel
    terminal = Terminal(story_stream(arguments.json))
    begun = time.monotonic()
    try:
        document = play(arguments, terminal)
    except KeyboardInterrupt:
        terminal.write("interrupted")
        return 130
    except Unusable as error:
        terminal.write("./dev demo: %s" % error)
        document = {"ok": False, "error": str(error), "steps": [], "metrics": {}}
    except Exception as error:  # pylint: disable=broad-except
        terminal.write(traceback.format_exc())
        document = {"ok": False, "error": str(error), "steps": [], "metrics": {}}
    document["seconds"] = round(time.monotonic() - begun, 1)
    if arguments.json:
        print(json.dumps(document), flush=True)
    return 0 if document["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
