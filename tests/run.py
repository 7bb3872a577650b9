#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs meson's tests in one or more build directories and counts what they say.

usage: run.py --build DIRECTORY [--build DIRECTORY…] [SUITE…]

A test that speaks TAP counts with every one of its cases, any other test as one. The last line is
`N passed, N failed` (and `, N skipped` when something was), the exit status 0 when nothing failed.
"""
import argparse
import collections
import json
import os
import re
import subprocess
import sys

# A line of TAP: ok or not ok, a number, a description, a directive.
CASE = re.compile(r"^(not )?ok\b[ \t]*\d*[ \t]*-?[ \t]*([^#]*)(#[ \t]*(skip|todo)\b.*)?", re.I)
PLAN = re.compile(r"^1\.\.(\d+)")

# How much of what a failed test said is shown again.
TOLD_LINES = 60


class Count:
    """Passed, failed and skipped cases."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def add(self, other):
        """Adds another count to this one."""
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def __str__(self):
        text = "%d passed, %d failed" % (self.passed, self.failed)
        return text + (", %d skipped" % self.skipped if self.skipped else "")


def count_tap(output):
    """Counts the cases of a TAP program; None when the output is not TAP."""
    count, plan, seen = Count(), None, 0
    for line in output.splitlines():
        if match := PLAN.match(line):
            plan = int(match.group(1))
        elif match := CASE.match(line):
            seen += 1
            directive = (match.group(4) or "").lower()
            if directive == "skip":
                count.skipped += 1
            elif match.group(1) and directive != "todo":
                count.failed += 1
            else:
                count.passed += 1
    if plan is None:
        return None
    if seen != plan:
        count.failed += 1
    return count


def count_test(test):
    """Counts one line of meson's log."""
    good = test["result"] in ("OK", "EXPECTEDFAIL")
    skipped = test["result"] == "SKIP"
    count = count_tap(test.get("stdout") or "")
    if count is None:
        count = Count()
        if good:
            count.passed = 1
        elif skipped:
            count.skipped = 1
    if not good and not skipped and not count.failed:
        count.failed += 1
    return count


def suites_of(build):
    """Maps the name of each test to its suite."""
    with open(os.path.join(build, "meson-info", "intro-tests.json"), encoding="utf-8") as stream:
        return {test["name"]: test["suite"][0].split(":")[-1] for test in json.load(stream)}


def run(build, suites, sanitized):
    """Runs the tests of one build directory; returns a count for each suite, and what failed."""
    log = os.path.join(build, "meson-logs", "testlog.json")
    if os.path.exists(log):
        os.unlink(log)
    # Most tests wait for daemons, lines and timers more than for a processor.
    processes = str(2 * (os.cpu_count() or 1))
    command = ["meson", "test", "-C", build, "--no-rebuild", "--print-errorlogs", "--num-processes", processes]
    command += ["--timeout-multiplier", "4" if sanitized else "2"]
    for suite in suites:
        command += ["--suite", suite]
    code = subprocess.run(command, check=False).returncode
    counts, failed, suite_of = collections.defaultdict(Count), [], suites_of(build)
    if os.path.exists(log):
        with open(log, encoding="utf-8") as lines:
            for line in lines:
                test = json.loads(line)
                count = count_test(test)
                name = test["name"].split(" / ")[-1]
                counts[suite_of.get(name, "other")].add(count)
                if count.failed:
                    failed.append(test["name"])
                    told = (test.get("stdout") or "").splitlines()[-TOLD_LINES:]
                    print("-- %s\n%s" % (test["name"], "\n".join(told)), flush=True)
    if code and not failed:
        failed.append("meson test itself (exit status %d)" % code)
        counts["meson"].failed += 1
    return counts, failed


def main():
    """Runs everything and says how it went."""
    parser = argparse.ArgumentParser(description="Run the tests and count them.")
    parser.add_argument("--build", action="append", required=True)
    parser.add_argument("suites", nargs="*", metavar="SUITE")
    arguments = parser.parse_args()
    total, failures = Count(), []
    for build in arguments.build:
        name = os.path.basename(build)
        print("== %s" % name, flush=True)
        counts, failed = run(build, arguments.suites, "asan" in name)
        for suite in sorted(counts):
            print("%-12s %-14s %s" % (name, suite, counts[suite]), flush=True)
            total.add(counts[suite])
        failures += ["%s: %s" % (name, test) for test in failed]
    if not total.passed and not total.failed:
        print("no test ran")
        total.failed += 1
    for failure in failures:
        print("failed: %s" % failure)
    print(total, flush=True)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
