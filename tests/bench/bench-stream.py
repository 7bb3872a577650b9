#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Eight arms with eight electrodes at 1 kHz through pairing, for 30 s.

usage: bench-stream.py [--json] [--seconds N]

Latency is from the chip's tick of the last sample in a record to the moment the reader's descriptor
was readable with it; the arms tell which tick their clock had at which time of this machine. The
reader is one process of its own with one descriptor an arm. The samples are noise from a fixed seed.
"""
import argparse
import json
import os
import subprocess
import sys
import time

import numpy as np

from scene import Arm, Clinic, House, wait_for
from harness import BusError
from measure import CpuMeter, Report, percentile, pss_kb

HERE = os.path.dirname(os.path.abspath(__file__))
ARMS, CHANNELS, RATE = 8, 8, 1000


def write_noise(folder):
    """A recording at the bench's rate for the electrodes; returns its path."""
    path = os.path.join(folder, "noise.json")
    samples = np.random.default_rng(1).normal(0, 300, (10 * RATE, CHANNELS)).astype("<i2")
    samples.tofile(path[:-5] + ".bin")
    with open(path, "w", encoding="ascii") as stream:
        json.dump({"format": "emgpack-1", "dataset": "noise", "source": "generated", "fs_hz": RATE,
                   "channels": CHANNELS, "samples": len(samples), "dtype": "int16le",
                   "layout": "interleaved", "lsb": 1.0, "unit": "microvolt", "subject": "none",
                   "session": 1, "segments": [{"start": 0, "count": len(samples), "gesture": 0,
                                               "name": "rest", "rep": 1}]}, stream)
    return path


def open_streams(clinic, arms):
    """(descriptor, offset from the arm's tick to this machine's clock in µs) of each arm."""
    from clinic import variant_dict  # pylint: disable=import-outside-toplevel
    streams = []
    for arm in arms:
        prosthesis = clinic.prosthesis(arm)
        fd, form = prosthesis.call("Prosthesis1.OpenStream", "(a{sv})", variant_dict(
            decisions=("b", False), events=("b", False), buffer=("u", 1048576)))
        assert (form["rate"], form["channels"]) == (RATE, CHANNELS), form
        status = arm.tell("status")
        streams.append((fd, status["monotonic_us"] - status["tick_us"]))
    return streams


def main():
    """Runs the arms and the reader, and reports."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=int, default=30)
    arguments = parser.parse_args()
    report = Report("stream", arguments.json)
    with House() as house:
        noise = write_noise(house.directory)
        arms = [Arm(house, "arm%d" % number, "--electrodes", noise) for number in range(ARMS)]
        for arm in arms:
            arm.tell("play", noise, 0, 10 * RATE, "loop")
        house.start("pairing")
        clinic = Clinic(house)
        for arm in arms:
            add_port(clinic, arm)
        streams = open_streams(clinic, arms)
        reader = subprocess.Popen(
            ["/usr/bin/python3", os.path.join(HERE, "reader.py"), str(arguments.seconds)]
            + ["%d:%d" % stream for stream in streams],
            pass_fds=[fd for fd, _ in streams], stdout=subprocess.PIPE, text=True)
        for fd, _ in streams:
            os.close(fd)
        meter = CpuMeter([house.daemons["pairing"].pid])
        begun = time.monotonic()
        wait_for(lambda: time.monotonic() - begun > arguments.seconds, "end of the run",
                 arguments.seconds + 30)
        cpu, pss = meter.percent(), pss_kb(house.daemons["pairing"].pid) / 1024.0
        result = json.loads(reader.communicate(timeout=60)[0])
    expected = ARMS * RATE * arguments.seconds
    if result["samples"] < 0.9 * expected:
        print("only %d of %d samples came" % (result["samples"], expected), file=sys.stderr)
        return 1
    report.add("lost_samples", result["lost"], "samples", 0)
    report.add("latency_p99_ms", percentile(result["latencies"], 99), "ms", 5)
    report.add("pairing_cpu_percent", cpu, "%", 15)
    report.add("pairing_pss_mb", pss, "MB", 15)
    return 0 if report.within else 1


def add_port(clinic, arm):
    """Names an arm's line to pairing."""
    try:
        clinic.pairing.call("Pairing1.AddPort", "(sa{sv})", arm.link, {})
    except BusError as error:
        sys.exit("pairing does not take the line: %s" % error)


if __name__ == "__main__":
    sys.exit(main())
