# SPDX-License-Identifier: LGPL-2.1-or-later
"""An EDF+ reader of its own, from the specification, that takes nothing it should not."""
import re
import struct

FIELDS = (("label", 16), ("transducer", 80), ("dimension", 8), ("physical_minimum", 8), ("physical_maximum", 8),
          ("digital_minimum", 8), ("digital_maximum", 8), ("filters", 80), ("samples", 8), ("reserved", 32))
MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()


class Edf:
    """A file: its header, samples in physical units, and annotations (onset, duration or None, text)."""

    def __init__(self, data):
        self.data = data
        self.read_header()
        self.read_signals()
        self.read_records()

    def text(self, start, width):
        """A field: printable ASCII, left-aligned, filled with spaces."""
        field = self.data[start:start + width].decode("ascii")
        assert len(field) == width and all(32 <= ord(c) < 127 for c in field), repr(field)
        assert not field.startswith(" ") or not field.strip(), repr(field)
        return field.strip()

    def read_header(self):
        """The first 256 bytes."""
        assert self.text(0, 8) == "0"
        self.patient, self.recording = self.text(8, 80), self.text(88, 80)
        assert len(self.patient.split(" ")) == 4, self.patient
        parts = self.recording.split(" ")
        assert parts[0] == "Startdate" and len(parts) == 5, self.recording
        self.date, self.time = self.text(168, 8), self.text(176, 8)
        assert re.fullmatch(r"\d\d\.\d\d\.\d\d", self.date) and re.fullmatch(r"\d\d\.\d\d\.\d\d", self.time)
        if parts[1] != "X":
            day, month, year = parts[1].split("-")
            assert "%s.%02d.%s" % (day, MONTHS.index(month) + 1, year[2:]) == self.date
        self.header_bytes = int(self.text(184, 8))
        assert self.text(192, 44) == "EDF+C"
        self.n_records, self.duration = int(self.text(236, 8)), float(self.text(244, 8))
        self.n_signals = int(self.text(252, 4))
        assert self.header_bytes == 256 * (self.n_signals + 1)

    def read_signals(self):
        """The header of each signal."""
        self.signals, start = [{} for _ in range(self.n_signals)], 256
        for name, width in FIELDS:
            for signal in self.signals:
                signal[name] = self.text(start, width)
                start += width
        assert start == self.header_bytes
        for signal in self.signals:
            for name in ("digital_minimum", "digital_maximum", "samples"):
                signal[name] = int(signal[name])
            for name in ("physical_minimum", "physical_maximum"):
                assert re.fullmatch(r"-?\d+(\.\d+)?", signal[name]), signal[name]
                signal[name] = float(signal[name])
            assert -32768 <= signal["digital_minimum"] < signal["digital_maximum"] <= 32767
            assert signal["physical_minimum"] != signal["physical_maximum"]
        assert [s["label"] for s in self.signals].count("EDF Annotations") == 1
        self.record_bytes = 2 * sum(s["samples"] for s in self.signals)
        assert len(self.data) == self.header_bytes + self.n_records * self.record_bytes
        assert sum(2 * s["samples"] for s in self.signals[:-1]) <= 61440 or self.duration == 1

    def read_records(self):
        """The samples, and the annotations with the records' own times."""
        self.samples = [[] for _ in self.signals]
        self.annotations = []
        for record in range(self.n_records):
            start = self.header_bytes + record * self.record_bytes
            for signal, values in zip(self.signals, self.samples):
                block = self.data[start:start + 2 * signal["samples"]]
                start += len(block)
                if signal["label"] == "EDF Annotations":
                    self.read_annotations(block, record)
                else:
                    values.extend(struct.unpack("<%dh" % signal["samples"], block))

    def read_annotations(self, block, record):
        """The lists of one record; the first tells when the record begins."""
        filled = block.rstrip(b"\0")
        lists = filled.split(b"\0")
        assert block[:1] == b"+" and filled.endswith(b"\x14")
        for number, item in enumerate(lists):
            match = re.fullmatch(rb"([+-]\d+(?:\.\d+)?)(?:\x15(\d+(?:\.\d+)?))?\x14(.*)\x14", item, re.S)
            assert match, item
            onset = float(match.group(1))
            if number == 0:
                assert match.group(3) == b"" and abs(onset - record * self.duration) < 1e-6, item
                continue
            for text in match.group(3).split(b"\x14"):
                assert text and all(c >= 32 for c in text), item
                self.annotations.append((onset, float(match.group(2)) if match.group(2) else None, text.decode()))

    def physical(self, signal):
        """A signal's samples in its dimension."""
        head = self.signals[signal]
        gain = (head["physical_maximum"] - head["physical_minimum"]) / (
            head["digital_maximum"] - head["digital_minimum"])
        return [(value - head["digital_minimum"]) * gain + head["physical_minimum"] for value in self.samples[signal]]

    @property
    def rate(self):
        """Samples a second."""
        return self.signals[0]["samples"] / self.duration
