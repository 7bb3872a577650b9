#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs every libFuzzer target of a build for a while, beginning with its corpus.

usage: fuzz.py --build DIRECTORY [--seconds N]

New inputs go to DIRECTORY/fuzz-corpus/NAME, what crashes to DIRECTORY/fuzz-crashes/NAME. Exit status 1
when anything crashed.
"""
import argparse
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def fuzz(program, name, build, seconds):
    """Runs one target; returns whether it held."""
    found = os.path.join(build, "fuzz-corpus", name)
    crashes = os.path.join(build, "fuzz-crashes", name, "")
    for directory in (found, crashes):
        os.makedirs(directory, exist_ok=True)
    print("== %s: %d s" % (name, seconds), flush=True)
    command = [program, "-max_total_time=%d" % seconds, "-artifact_prefix=" + crashes,
               "-print_final_stats=1", "-rss_limit_mb=2048", "-timeout=10", "-verbosity=0",
               "-max_len=65536", found, os.path.join(HERE, "corpus", name)]
    code = subprocess.run(command, check=False).returncode
    print("%s: %s" % (name, "held" if code == 0 else "FAILED, see " + crashes), flush=True)
    return code == 0


def main():
    """Fuzzes all targets, one after the other."""
    parser = argparse.ArgumentParser(description="Fuzz each parser for a while.")
    parser.add_argument("--build", required=True)
    parser.add_argument("--seconds", type=int, default=60)
    arguments = parser.parse_args()
    directory = os.path.join(arguments.build, "tests", "fuzz")
    names = sorted(name for name in os.listdir(directory)
                   if name.startswith("fuzz-") and os.access(os.path.join(directory, name), os.X_OK)
                   and os.path.isfile(os.path.join(directory, name)))
    if not names:
        print("there is no fuzz target in %s" % directory, file=sys.stderr)
        return 1
    held = [fuzz(os.path.join(directory, name), name[5:], arguments.build, arguments.seconds)
            for name in names]
    print("%d held, %d failed" % (held.count(True), held.count(False)))
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
