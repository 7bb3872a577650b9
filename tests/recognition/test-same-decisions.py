#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Decisions are the same bit for bit, whichever compiler made the recogniser and however it optimised.

usage: test-same-decisions.py MAKE-MODEL DECISIONS…
"""
import os
import subprocess
import sys
import tempfile

CASES = ((4, 200), (8, 200), (8, 1000), (16, 2000))


def main():
    """Compares the builds' output case by case; speaks TAP."""
    make_model, builds = sys.argv[1], sys.argv[2:]
    print("1..%d" % (len(CASES) * (len(builds) - 1)))
    number = failed = 0
    with tempfile.TemporaryDirectory() as directory:
        for channels, rate in CASES:
            model, samples = os.path.join(directory, "m.bpm"), os.path.join(directory, "s")
            subprocess.run([make_model, str(channels), str(rate), model, samples], check=True)
            outputs = [subprocess.run([build, model, samples], check=True, capture_output=True).stdout
                       for build in builds]
            assert outputs[0].count(b"\n") > 500
            for build, output in zip(builds[1:], outputs[1:]):
                number += 1
                same = output == outputs[0]
                failed += not same
                print("%sok %d %s decides like %s on %d electrodes at %d Hz"
                      % ("" if same else "not ", number, os.path.basename(build),
                         os.path.basename(builds[0]), channels, rate), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
