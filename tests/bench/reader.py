#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads streams of samples for a while and tells how old each record was when it could be read.

usage: reader.py SECONDS DESCRIPTOR:OFFSET…

OFFSET, µs, added to a tick of that arm gives this machine's monotonic clock. Prints JSON: samples,
lost (missing by their index, by the link's or by the reader's count), latencies (ms, one a record).
"""
import json
import os
import select
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "integration"))

from stream import SAMPLES, Parser  # noqa: E402  pylint: disable=wrong-import-position


class Source:
    """One arm's stream."""

    def __init__(self, fd, offset):
        self.fd, self.offset = fd, offset
        self.parser, self.next, self.samples, self.lost = Parser(), None, 0, 0
        os.set_blocking(fd, False)

    def read(self, now, latencies):
        """Takes what is there; `now` is when it became readable, µs."""
        for record in self.parser.push(os.read(self.fd, 1 << 16)):
            if record.type != SAMPLES:
                continue
            if self.next is not None and record.first != self.next:
                self.lost += record.first - self.next
            elif self.next is not None:
                self.lost += record.lost + record.dropped
            self.next = record.first + record.count
            self.samples += record.count
            latencies.append((now - (record.tick + self.offset)) / 1000.0)


def main():
    """Reads for the time given."""
    end = time.monotonic() + float(sys.argv[1])
    sources = {}
    for word in sys.argv[2:]:
        fd, offset = word.split(":")
        sources[int(fd)] = Source(int(fd), int(offset))
    poll, latencies = select.epoll(), []
    for fd in sources:
        poll.register(fd, select.EPOLLIN)
    while time.monotonic() < end:
        for fd, _ in poll.poll(0.5):
            sources[fd].read(time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000, latencies)
    print(json.dumps({"samples": sum(s.samples for s in sources.values()),
                      "lost": sum(s.lost for s in sources.values()),
                      "latencies": [round(value, 3) for value in latencies]}))


if __name__ == "__main__":
    main()
