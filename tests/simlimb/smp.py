# SPDX-License-Identifier: LGPL-2.1-or-later
"""A small SMP client for the tests of the virtual arm, on nothing but Python's own library."""
import base64
import binascii
import os
import select
import struct
import time
import tty
import zlib


def cbor_encode(value):
    """CBOR of maps, lists, integers, booleans, text and bytes."""
    def head(major, number):
        for info, size, form in ((24, 1, ">B"), (25, 2, ">H"), (26, 4, ">I"), (27, 8, ">Q")):
            if number < 24:
                return bytes([major << 5 | number])
            if number < 1 << 8 * size:
                return bytes([major << 5 | info]) + struct.pack(form, number)
        raise ValueError(number)
    if value is True or value is False:
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(cbor_encode, value))
    return head(5, len(value)) + b"".join(cbor_encode(k) + cbor_encode(v) for k, v in value.items())


def cbor_decode(data, at=0):
    """(value, next offset); None as value stands for a break."""
    first = data[at]
    at += 1
    major, info = first >> 5, first & 31
    if first == 0xFF:
        return None, at
    number = info
    if 24 <= info <= 27:
        size = 1 << (info - 24)
        number = int.from_bytes(data[at:at + size], "big")
        at += size
    if major == 0:
        return number, at
    if major == 1:
        return -1 - number, at
    if major in (2, 3):
        raw = bytes(data[at:at + number])
        return (raw if major == 2 else raw.decode()), at + number
    if major == 7:
        return {20: False, 21: True, 22: ""}[info], at
    items = []
    while info == 31 or len(items) < number * (2 if major == 5 else 1):
        if info == 31 and data[at] == 0xFF:
            at += 1
            break
        item, at = cbor_decode(data, at)
        items.append(item)
    if major == 4:
        return items, at
    return dict(zip(items[::2], items[1::2])), at


def cobs_decode(coded):
    """What COBS stands for; raises ValueError when it is not COBS."""
    out, at = bytearray(), 0
    while at < len(coded):
        code = coded[at]
        if code == 0 or at + code > len(coded):
            raise ValueError("not COBS")
        out += coded[at + 1:at + code]
        at += code
        if code != 255 and at < len(coded):
            out.append(0)
    return bytes(out)


def crc16(data):
    """CRC-16/XMODEM."""
    return binascii.crc_hqx(data, 0)


class Arm:
    """The PC's end of the line."""

    def __init__(self, path):
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self.fd)
        self.sequence = 0
        self.data = bytearray()
        self.frames = []
        self.packets = []
        self.partial = None

    def close(self):
        """Closes the line."""
        os.close(self.fd)

    def send(self, op, group, command, payload):
        """Sends a request; returns its sequence number."""
        body = cbor_encode(payload)
        self.sequence = (self.sequence + 1) % 256
        packet = struct.pack(">BBHHBB", 0x08 | op, 0, len(body), group, self.sequence, command) + body
        raw = struct.pack(">H", len(packet) + 2) + packet + struct.pack(">H", crc16(packet))
        for at in range(0, len(raw), 93):
            line = (b"\x04\x14" if at else b"\x06\x09") + base64.b64encode(raw[at:at + 93]) + b"\n"
            while line:
                try:
                    line = line[os.write(self.fd, line):]
                except BlockingIOError:
                    select.select([], [self.fd], [], 1)
        return self.sequence

    def take_line(self, line):
        """Takes an SMP line in; an empty one sets it off from a frame."""
        if not line:
            return
        raw = base64.b64decode(line[2:])
        self.partial = raw if line[0] == 6 else (self.partial or b"") + raw
        length = struct.unpack(">H", self.partial[:2])[0]
        if len(self.partial) >= length + 2:
            packet = self.partial[2:length]
            if crc16(packet) == struct.unpack(">H", self.partial[length:length + 2])[0]:
                self.packets.append(packet)
            self.partial = None

    def take_frame(self, coded):
        """Takes a stream frame in: (type, sequence, tick, body, arrival)."""
        payload = cobs_decode(coded)
        if len(payload) < 16 or zlib.crc32(payload[:-4]) != struct.unpack("<I", payload[-4:])[0]:
            return
        kind, _, sequence, tick = struct.unpack("<BBHQ", payload[:12])
        self.frames.append((kind, sequence, tick, payload[12:-4], time.monotonic()))

    def receive(self, seconds):
        """Takes in what comes within so many seconds, or less when something came."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return
        try:
            self.data += os.read(self.fd, 65536)
        except BlockingIOError:
            return
        while self.data:
            if self.data[0] == 0:
                end = self.data.find(0, 1)
                if end < 0:
                    return
                if end == 1:
                    del self.data[0]
                    continue
                self.take_frame(bytes(self.data[1:end]))
                del self.data[:end + 1]
            else:
                end = self.data.find(b"\n")
                if end < 0:
                    return
                self.take_line(bytes(self.data[:end]))
                del self.data[:end + 1]

    def request(self, op, group, command, payload=None, seconds=5):
        """Sends a request and returns the reply's payload; raises TimeoutError."""
        sequence = self.send(op, group, command, payload or {})
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.receive(0.1)
            while self.packets:
                packet = self.packets.pop(0)
                head = struct.unpack(">BBHHBB", packet[:8])
                if head[4] == sequence:
                    return cbor_decode(packet[8:])[0]
        raise TimeoutError("no reply to group %d command %d" % (group, command))

    def read(self, group, command, payload=None):
        """A read request."""
        return self.request(0, group, command, payload)

    def write(self, group, command, payload=None):
        """A write request."""
        return self.request(2, group, command, payload)
