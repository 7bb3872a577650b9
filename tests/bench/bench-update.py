#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How much of a line an upload of firmware uses.

usage: bench-update.py [--json]

Containers with 200 KB of program are written to a virtual arm through the services: over a line of
115,200 baud, over one as fast as USB at full speed, and over one without a limit. What counts, and
against what, is told in docs/benches.md.
"""
import base64
import contextlib
import os
import struct
import subprocess
import sys
import termios
import time
import tty

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "integration"))

# pylint: disable=wrong-import-position
from gi.repository import GLib  # noqa: E402
from arm import Arm  # noqa: E402
from clinic import Clinic, variant_dict  # noqa: E402
from harness import BUILD, NAMES, House, Object, wait_for  # noqa: E402
from measure import Report  # noqa: E402

MAKER = os.path.join(BUILD, "tests", "update", "firmware-maker")
PROGRAM = 200 * 1024
BAUD, BITS_A_BYTE = 115200, 10
# USB at full speed moves about a megabyte a second; a pty that moves as much.
FULL_SPEED_BAUD = 10000000
ROUNDS = 5
LINE, MARKER, PACKET_MAX, HEADER = 127, 2, 2048, 8
GROUP_OS, GROUP_IMAGE, ECHO, UPLOAD = 0, 1, 0, 1
# Requests that the arm has under way at once.
WINDOW = 8


def crc16(data):
    """CRC-16/XMODEM."""
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1
            crc &= 0xFFFF
    return crc


def frame(packet):
    """A packet as it goes over the line: base64 of length, packet and CRC, in lines of 127 bytes."""
    text = base64.b64encode(struct.pack(">H", len(packet) + 2) + packet +
                            struct.pack(">H", crc16(packet)))
    room, out, first = LINE - MARKER - 1, bytearray(), True
    for at in range(0, len(text), room):
        out += (b"\x06\x09" if first else b"\x04\x14") + text[at:at + room] + b"\n"
        first = False
    return bytes(out)


def request(operation, group, command, sequence, payload):
    """An SMP packet, version 2."""
    return struct.pack(">BBHHBB", operation | 1 << 3, 0, len(payload), group, sequence, command) + payload


def chunk(offset, length):
    """The CBOR of an upload's request that is not the first: {"off": N, "data": BYTES}."""
    data = bytes(length)
    return (b"\xbf\x63off\x1a" + struct.pack(">I", offset) + b"\x64data\x59" +
            struct.pack(">H", length) + data + b"\xff")


def fullest():
    """The largest share of container bytes among the bytes on the line, and a request that has it."""
    length = PACKET_MAX - HEADER - len(chunk(0, 0))
    packet = request(2, GROUP_IMAGE, UPLOAD, 0, chunk(1 << 17, length))
    assert len(packet) == PACKET_MAX
    return length / len(frame(packet)), length


class Replies:
    """Counts the replies on a line."""

    def __init__(self, fd):
        self.fd, self.count, self.rest = fd, 0, b""

    def take(self):
        """Reads what there is."""
        try:
            self.rest += os.read(self.fd, 65536)
        except BlockingIOError:
            return
        self.count += self.rest.count(b"\x06\x09")
        self.rest = self.rest[-1:]


def echo_seconds(arm, total, length):
    """Seconds in which MCUmgr's echo carries as many bytes to the arm in requests of that size, as many
    under way as the arm takes."""
    text = b"\xbf\x61d\x79" + struct.pack(">H", length) + b"x" * length + b"\xff"
    packets = [frame(request(2, GROUP_OS, ECHO, number % 256, text))
               for number in range(-(-total // length))]
    fd = os.open(arm.link, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        tty.setraw(fd, termios.TCSANOW)
        replies, content, sent, begun = Replies(fd), b"", 0, time.monotonic()
        while replies.count < len(packets):
            while sent < len(packets) and sent - replies.count < WINDOW:
                content += packets[sent]
                sent += 1
            if content:
                with contextlib.suppress(BlockingIOError):
                    content = content[os.write(fd, content):]
            replies.take()
        return time.monotonic() - begun
    finally:
        os.close(fd)


class Stopwatch:
    """When a job entered its phases."""

    def __init__(self, house, job):
        self.times = {}
        self.subscription = house.connection.signal_subscribe(
            NAMES["update"], "org.freedesktop.DBus.Properties", "PropertiesChanged", job, None, 0,
            self.on_changed)
        self.on_phase(Object(house, NAMES["update"], job).get("Job1.Phase"))

    def on_changed(self, _connection, _sender, _path, _interface, _signal, arguments):
        """Takes a change."""
        changed = arguments.unpack()[1]
        if "Phase" in changed:
            self.on_phase(changed["Phase"])

    def on_phase(self, phase):
        """Takes a phase."""
        self.times.setdefault(phase, time.monotonic())

    def between(self, first, second):
        """Seconds between two phases."""
        return self.times[second] - self.times[first]


class Shop:
    """A house with an arm that trusts a release key, and firmware signed with it."""

    def __init__(self, house, baud=0):
        self.house, self.baud = house, baud
        self.key, self.public = (os.path.join(house.directory, name) for name in ("key", "public"))
        subprocess.run([MAKER, "key", self.key, self.public], check=True)
        self.arm = Arm(house, "arm", "--release-key", self.public, "--baud", str(baud))
        self.arm.tell("worn", "off")
        self.clinic = self.prosthesis = None

    def open(self):
        """Starts the services, and binds the arm."""
        for part in ("records", "training", "pairing"):
            self.house.start(part, wait=False)
        self.house.start("update", "--release-key", self.public)
        for part in NAMES:
            self.house.wait_name(part)
        self.clinic = Clinic(self.house)
        options = {"baud": GLib.Variant("u", self.baud)} if self.baud == BAUD else {}
        self.clinic.pairing.call("Pairing1.AddPort", "(sa{sv})", self.arm.link, options)
        self.prosthesis = self.clinic.prosthesis(self.arm)
        self.clinic.bind(self.arm, self.prosthesis, self.clinic.create_patient("Bench"))
        wait_for(lambda: self.clinic.has_slots(self.arm), "known slots")

    def upload(self, number):
        """Writes firmware of that number; gives its bytes and the seconds it took."""
        path = os.path.join(self.house.directory, "firmware.bin")
        subprocess.run([MAKER, "container", self.key, path, "simlimb-1", "any", "99", "9.9.%d" % number,
                        str(PROGRAM)], check=True, stdout=subprocess.DEVNULL)
        with open(path, "rb") as stream:
            firmware = self.clinic.update.call("Update1.ImportFirmware", "(ha{sv})", 0, {},
                                               fds=[stream.fileno()])
        job = self.clinic.update.call("Update1.InstallFirmware", "(ooa{sv})", self.prosthesis.path,
                                      firmware, variant_dict(trial=("b", False)))
        watch = Stopwatch(self.house, job)
        self.clinic.jobs.succeed(job)
        return os.path.getsize(path), watch.between("uploading", "verifying")


def line_share(baud, rounds):
    """Percent of what a line of that speed can carry of a container, in the best of some rounds."""
    efficiency, _ = fullest()
    with House() as house:
        shop = Shop(house, baud)
        shop.open()
        rates = [size / seconds for size, seconds in map(shop.upload, range(rounds))]
        return 100 * max(rates) / (baud / BITS_A_BYTE * efficiency)


def echo_share():
    """Percent of what an echo reaches over the same line without a limit in the same run."""
    _, length = fullest()
    with House() as house:
        shop = Shop(house)
        echo = max(PROGRAM / echo_seconds(shop.arm, PROGRAM, length) for _ in range(ROUNDS))
        shop.open()
        upload = max(size / seconds for size, seconds in map(shop.upload, range(ROUNDS)))
        return 100 * upload / echo


def main():
    """Measures the lines."""
    report = Report("update", "--json" in sys.argv)
    report.add("serial_line_share_percent", line_share(BAUD, 1), "%", 85, at_least=True)
    report.add("usb_line_share_percent", line_share(FULL_SPEED_BAUD, ROUNDS), "%", 85, at_least=True)
    report.add("usb_echo_share_percent", echo_share(), "%")
    return 0 if report.within else 1


if __name__ == "__main__":
    sys.exit(main())
