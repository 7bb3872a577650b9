# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the benches share: reporting, and looking at a process from outside."""
import json
import os
import time

SOURCE = os.environ.get("BIONICPRO_TEST_SRCDIR",
                        os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BUILD = os.environ.get("BIONICPRO_TEST_BUILDDIR", os.path.join(SOURCE, "build"))
TICKS = os.sysconf("SC_CLK_TCK")


class Report:
    """Prints each figure as it is found: a line of JSON, or one for people."""

    def __init__(self, bench, as_json):
        self.bench, self.as_json = bench, as_json
        self.within = True

    def add(self, metric, value, unit, limit=None, peer=None, peer_value=None, at_least=False):
        """One figure; `limit` is what it must stay under (or reach, with `at_least`)."""
        value = round(value, 4) if isinstance(value, float) else value
        good = limit is None or (value >= limit if at_least else value <= limit)
        self.within = self.within and good
        if self.as_json:
            print(json.dumps({"bench": self.bench, "metric": metric, "value": value, "unit": unit,
                              "limit": limit, "peer": peer, "peer_value": peer_value}), flush=True)
            return
        text = "%-10s %-26s %10s %-8s" % (self.bench, metric, "%g" % value, unit)
        if limit is not None:
            text += " limit %-8g %s" % (limit, "ok" if good else "EXCEEDED")
        if peer:
            text += "  (%s: %g)" % (peer, peer_value)
        print(text, flush=True)


def find_data():
    """The folder of recordings, which may be missing, and whether it was named."""
    named = os.environ.get("BIONICPRO_DATA")
    return os.path.abspath(named or os.path.join(SOURCE, "..", "shared", "data")), bool(named)


def percentile(values, percent):
    """The nearest-rank percentile."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100.0))]


def pss_kb(pid):
    """Proportional set size of a process, KB."""
    with open("/proc/%d/smaps_rollup" % pid, encoding="ascii") as stream:
        return next(int(line.split()[1]) for line in stream if line.startswith("Pss:"))


def cpu_seconds(pid):
    """Processor time a process has used."""
    with open("/proc/%d/stat" % pid, encoding="ascii") as stream:
        fields = stream.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class CpuMeter:
    """Processor time of some processes since it was made."""

    def __init__(self, pids):
        self.pids, self.begun = list(pids), time.monotonic()
        self.before = sum(map(cpu_seconds, self.pids))

    def percent(self):
        """Percent of one core."""
        used = sum(map(cpu_seconds, self.pids)) - self.before
        return 100.0 * used / (time.monotonic() - self.begun)
