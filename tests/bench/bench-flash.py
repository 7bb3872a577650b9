#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Bringing an image into a chip's flash through its ROM loader.

usage: bench-flash.py [--json]

The chip is a double (tests/update/rom_double.py) on a pseudo terminal: its line carries a tenth of the speed in bytes a
second, and its flash takes as long to erase and to write as data sheets have it. The share is what of the image arrives a
second, before deflating, of what the line carries, while blocks are sent; erasing, which the ROM does before and during
which the line has nothing to do, stands beside it. Bytes that nothing makes shorter, as flash-rom would send them
(plain) and deflated all the same, and text. Deflated, the ROM stops listening whenever its window of 32 KB is full.
"""
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

from measure import BUILD, SOURCE, Report

sys.path.insert(0, os.path.join(SOURCE, "tests", "update"))
from rom_double import RomDouble, SECTOR  # noqa: E402  pylint: disable=wrong-import-position

TOOL = os.path.join(BUILD, "daemons", "update", "rom", "bpg-rom-tool")
IMAGE = 256 * 1024
OFFSET = 0x10000
SHARE_PERCENT = 95
# Of so many runs the best one counts: the double is slower than a chip when the machine is busy.
SPEEDS = ((921600, 3), (115200, 1))


class Line:
    """A double on a line, with an image's file."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="bionicpro-")
        self.path = os.path.join(self.folder, "line")
        self.image = os.path.join(self.folder, "image")
        self.double = RomDouble(self.path, paced=True, timed=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.double.close()
        shutil.rmtree(self.folder)

    def flash(self, data, *arguments):
        """Flashes, and makes sure that it is there; returns the tool's figures."""
        with open(self.image, "wb") as stream:
            stream.write(data)
        done = subprocess.run([TOOL, *arguments, self.path, "%s@%#x" % (self.image, OFFSET)], check=True, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        figures = json.loads(done.stdout)
        if self.double.flash[OFFSET:OFFSET + len(data)] != data or figures["retries"] or self.double.overruns:
            sys.exit("bench-flash: %s, %d bytes overrun" % (figures, self.double.overruns))
        return figures

    def fresh(self, data, *arguments):
        """The same, on a chip with nothing in it."""
        self.double.flash[:] = b"\xff" * len(self.double.flash)
        return self.flash(data, *arguments)


def share(figures, seconds):
    """Percent of what the line carries."""
    return 100.0 * figures["written"] / figures[seconds] / (figures["baud"] / 10)


def main():
    """Measures each speed, and the image of which little changed."""
    report = Report("flash", "--json" in sys.argv[1:])
    noise = random.Random(1).randbytes(IMAGE)
    text = (b"%d hand open, hand close\n" * (IMAGE // 100) % tuple(range(IMAGE // 100)))[:IMAGE]
    worst = None
    for baud, runs in SPEEDS:
        with Line() as line:
            for name, data, mode in (("plain", noise, "--plain"), ("deflated", noise, "--deflated"),
                                     ("text", text, "--deflated")):
                figures = min((line.fresh(data, "--baud", str(baud), mode) for _ in range(runs)),
                              key=lambda each: each["write_seconds"])
                percent = share(figures, "write_seconds")
                if name == "plain":
                    worst = percent if worst is None else min(worst, percent)
                report.add("%s_%d_share_percent" % (name, baud), percent, "%")
                report.add("%s_%d_with_erasing_percent" % (name, baud), share(figures, "seconds"), "%")
    report.add("rom_line_share_percent", worst, "%", SHARE_PERCENT, at_least=True)
    with Line() as line:
        line.flash(noise)
        changed = bytearray(noise)
        for sector in (5, 30, 31):
            changed[sector * SECTOR + 100] ^= 1
        figures = line.flash(bytes(changed))
        assert figures["written"] == 3 * SECTOR, figures
        report.add("changed_sectors_seconds", figures["seconds"], "s")
        report.add("unchanged_seconds", line.flash(bytes(changed))["seconds"], "s")
    return 0 if report.within else 1


if __name__ == "__main__":
    sys.exit(main())
