#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Builds the firmware for another machine, from within the build for this one.

usage: build.py --source DIRECTORY --cross FILE --directory DIRECTORY --ninja NINJA --meson MESON
                [--option NAME=VALUE]… WANTED=OUTPUT…

The other machine's build has a folder of its own and knows best what is out of date. A file WANTED there is
copied to OUTPUT when it differs, so that what depends on it is left alone otherwise.
"""
import argparse
import filecmp
import os
import shutil
import subprocess
import sys


def run(command):
    """Runs a command and says what it said when it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        print("\n".join(done.stdout.splitlines()[-60:]), file=sys.stderr)
        sys.exit(done.returncode)


def setup(arguments):
    """Sets the folder up, anew when that was interrupted or the cross file is another one now."""
    command = [arguments.meson, "setup", arguments.directory, arguments.source, "--cross-file", arguments.cross]
    command += ["-D" + option for option in arguments.option]
    made = os.path.join(arguments.directory, "build.ninja")
    if os.path.exists(made) and os.path.getmtime(made) >= os.path.getmtime(arguments.cross):
        return
    shutil.rmtree(arguments.directory, ignore_errors=True)
    run(command)


def main():
    """Sets up, builds, copies."""
    parser = argparse.ArgumentParser()
    for name in ("source", "cross", "directory", "ninja", "meson"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--option", action="append", default=[])
    parser.add_argument("wanted", nargs="+", metavar="WANTED=OUTPUT")
    arguments = parser.parse_args()
    setup(arguments)
    run([arguments.ninja, "-C", arguments.directory, "-j", "2"])
    for pair in arguments.wanted:
        wanted, output = pair.split("=", 1)
        wanted = os.path.join(arguments.directory, wanted)
        if not os.path.exists(output) or not filecmp.cmp(wanted, output, shallow=False):
            shutil.copyfile(wanted, output)


if __name__ == "__main__":
    main()
