# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads the stream that org.bionicpro.Prosthesis1.OpenStream hands out."""
import collections
import os
import struct

from gi.repository import GLib

HEADER = struct.Struct("<IHHIIQQQQIHHII")
MAGIC = 0x31535042
SAMPLES, DECISION, EVENT = 1, 2, 3
BODY = struct.Struct("<IBBBBHHiI")

Record = collections.namedtuple(
    "Record", "magic header_size type length sequence tick monotonic real first count channels dead "
    "lost dropped body")
Decision = collections.namedtuple(
    "Decision", "sample raw movement flags reserved confidence speed distance latency")

EVENTS = {1: "battery-low", 2: "over-current", 3: "over-temperature", 4: "electrode-dead",
          5: "electrode-ok", 6: "model-started", 7: "trial-ended", 8: "button", 9: "fault",
          10: "model-rejected"}


class Corrupt(Exception):
    """The pipe holds something that is no record."""


class Parser:
    """Cuts a byte stream into records."""

    def __init__(self):
        self.pending = b""

    def push(self, data):
        """Yields the records that are whole now."""
        self.pending += data
        while len(self.pending) >= HEADER.size:
            head = HEADER.unpack_from(self.pending)
            if head[0] != MAGIC or head[1] != HEADER.size:
                raise Corrupt("magic %08x, header of %d bytes" % head[:2])
            if len(self.pending) < HEADER.size + head[3]:
                return
            body = self.pending[HEADER.size:HEADER.size + head[3]]
            self.pending = self.pending[HEADER.size + head[3]:]
            yield Record(*head, body)


class Stream:
    """An open stream, read by the main context; keeps what the callbacks do not take."""

    def __init__(self, prosthesis, samples=False, decisions=True, events=True, on_record=None):
        options = {"samples": GLib.Variant("b", samples), "decisions": GLib.Variant("b", decisions),
                   "events": GLib.Variant("b", events)}
        self.fd, self.format = prosthesis.call("Prosthesis1.OpenStream", "(a{sv})", options)
        os.set_blocking(self.fd, False)
        self.parser, self.on_record = Parser(), on_record
        self.decisions, self.events, self.records = [], [], 0
        self.lost = self.dropped = self.samples = 0
        self.ended = False
        self.source = GLib.unix_fd_add_full(
            GLib.PRIORITY_HIGH, self.fd, GLib.IOCondition.IN | GLib.IOCondition.HUP, self._ready)

    def _ready(self, *_):
        try:
            data = os.read(self.fd, 1 << 18)
        except BlockingIOError:
            return True
        if not data:
            self.ended, self.source = True, 0
            return False
        for record in self.parser.push(data):
            self._take(record)
        return True

    def _take(self, record):
        self.records += 1
        self.lost += record.lost
        self.dropped += record.dropped
        if record.type == DECISION:
            self.decisions.append(Decision(*BODY.unpack(record.body)))
        elif record.type == EVENT:
            kind, first, second = struct.unpack("<III", record.body)
            self.events.append((EVENTS.get(kind, str(kind)), first, second))
        elif record.type == SAMPLES:
            self.samples += record.count
        if self.on_record:
            self.on_record(record)

    def close(self):
        """Ends the stream."""
        if self.source:
            GLib.source_remove(self.source)
            self.source = 0
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
