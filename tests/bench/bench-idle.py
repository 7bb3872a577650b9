#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the daemons cost while nothing happens, and how soon they are on the bus.

usage: bench-idle.py [--json]

polkit, BlueZ, network and prostheses are all absent. Memory is the proportional set size of all
daemons together, processor time is taken over 20 s, the time to the name is the slowest daemon's.
"""
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "integration"))

from harness import NAMES, House, spin  # noqa: E402  pylint: disable=wrong-import-position
from measure import CpuMeter, Report, pss_kb  # noqa: E402  pylint: disable=wrong-import-position

SECONDS = 20


def time_to_name(house, part):
    """Milliseconds from the start of a daemon to its name on the bus."""
    seen = []
    subscription = house.connection.signal_subscribe(
        "org.freedesktop.DBus", "org.freedesktop.DBus", "NameOwnerChanged", "/org/freedesktop/DBus",
        NAMES[part], 0, lambda *_: seen.append(time.monotonic()))
    begun = time.monotonic()
    house.start(part)
    house.connection.signal_unsubscribe(subscription)
    return 1000 * ((seen[0] if seen else time.monotonic()) - begun)


def main():
    """Starts the daemons, waits, looks at them."""
    report = Report("idle", "--json" in sys.argv)
    with House() as house:
        slowest = max(time_to_name(house, part) for part in NAMES)
        spin(3)
        pids = [house.daemons[part].pid for part in NAMES]
        meter = CpuMeter(pids)
        spin(SECONDS)
        cpu = meter.percent()
        report.add("pss_total_mb", sum(map(pss_kb, pids)) / 1024.0, "MB", 40)
        report.add("cpu_percent", cpu, "%", 1)
        report.add("name_on_bus_ms", slowest, "ms", 1000)
    return 0 if report.within else 1


if __name__ == "__main__":
    sys.exit(main())
