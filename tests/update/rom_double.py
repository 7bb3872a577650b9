#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A double of the ESP32-C3's ROM loader, on a pseudo terminal or a unix socket.

It is a double because no chip is at hand where the tests run, and because a chip cannot be told to misbehave. It
follows the documentation of esptool's serial protocol, and where that is silent the ROM: a block is counted before its
checksum is looked at, a block has at most 0x1800 bytes, what arrives while the flash is written is kept in a ring of
2 KB, a write begins at a sector, and the flash can only clear bits. The line is paced: bytes come and go at the speed
the chip is set to, and are lost when the other end is set to another one.

usage: rom_double.py PATH [--socket] [--flash FILE]    a double to play with, until it is ended
"""
import argparse
import collections
import contextlib
import functools
import hashlib
import operator
import os
import pty
import random
import select
import socket
import struct
import termios
import threading
import time
import tty
import zlib

SECTOR, BLOCK, PAGE = 4096, 65536, 256
BLOCK_MAX = 0x1800
RING = 2048
FIRST_BAUD = 115200
SPEEDS = {getattr(termios, "B%d" % baud): baud for baud in (115200, 230400, 460800, 921600)}
OK, INVALID, FAILED, CHECKSUM, FLASH_WRITE, DEFLATE = 0, 5, 6, 7, 8, 0x0B
# How long a flash takes at its data sheet's typical figures, in seconds; and the MD5 of a sector, which is a guess: the
# ROM's core runs at 20 MHz and takes a dozen cycles a byte.
ERASE_SECTOR, ERASE_BLOCK, PROGRAM_PAGE, MD5_SECTOR = 0.045, 0.15, 0.0004, 0.004
SPI_CMD, SPI_W0 = 0x60002000, 0x60002058
EFUSE_DATA1, EFUSE_DATA2, EFUSE_DATA3 = 0x60008834, 0x60008838, 0x6000883C


class RomDouble:
    """A chip and its line. What it shall do wrong is said by attributes, also while it runs.

    silent: it does not answer. running: it runs its program, until reset. security, crypt_count, chip_id: what
    GET_SECURITY_INFO tells. registers: what READ_REG finds. deflate: whether it can. refuses_baud: CHANGE_BAUDRATE is
    refused. carries: the highest speed at which the line carries anything. carries_blocks: the same, of long frames.
    spoils_streams: what it unpacks is not what was packed. noise: so many of 1,000 bytes are dropped, doubled or
    flipped. wrong_md5: every MD5 is. bad_flash: bits do not stay cleared. unplug_after: so many blocks later the line
    goes, for unplugged_seconds.
    """

    def __init__(self, path, unix_socket=False, size=4 * 1024 * 1024, paced=False, timed=False, modem=None):
        self.path, self.unix_socket, self.paced, self.timed = path, unix_socket, paced, timed
        self.flash = bytearray(b"\xff" * size)
        self.flash_id = (size.bit_length() - 1) << 16 | 0x40EF
        self.silent = self.refuses_baud = self.wrong_md5 = self.bad_flash = False
        self.running = self.spoils_streams = False
        self.security, self.crypt_count, self.chip_id, self.registers = 0, 0, 5, {}
        self.deflate, self.noise, self.carries, self.carries_blocks = True, 0, 921600, 921600
        self.unplug_after, self.unplugged_seconds = None, 0.5
        self.random = random.Random(1)
        self.baud, self.commands, self.overruns, self.resets = FIRST_BAUD, collections.Counter(), 0, []
        self.erased, self.blocks, self.spoilt = 0, 0, 0
        self.fd = self.slave = self.listener = None
        self.lines, self.ring, self.busy = (0, 0), collections.deque(), False
        self.frame, self.escaped, self.write = bytearray(), False, None
        self.clock_in = self.clock_out = 0.0
        self.ended, self.wake = False, threading.Condition()
        self._plug()
        self.threads = [threading.Thread(target=self._read, daemon=True),
                        threading.Thread(target=self._serve, daemon=True)]
        if modem:
            self.modem = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self.modem.bind(modem)
            self.threads.append(threading.Thread(target=self._watch_modem, daemon=True))
        for thread in self.threads:
            thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Takes it away."""
        self.ended = True
        with self.wake:
            self.wake.notify_all()
        self._unplug()

    # The line.

    def _plug(self):
        if self.unix_socket:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(self.path)
            self.listener.listen(1)
            return
        master, self.slave = pty.openpty()
        tty.setraw(self.slave)
        temporary = self.path + ".new"
        os.symlink(os.ttyname(self.slave), temporary)
        os.rename(temporary, self.path)
        self.fd = master

    def _unplug(self):
        with contextlib.suppress(OSError):
            os.unlink(self.path)
        if self.listener:
            self.listener.close()
            self.listener = None
        fd, self.fd = self.fd, None
        slave, self.slave = self.slave, None
        # A pseudo terminal hangs up when its last master goes; the slave first, so that nobody opens it.
        for one in (slave, fd):
            if one is not None:
                with contextlib.suppress(OSError):
                    os.close(one)

    def unplug(self, seconds):
        """Takes the line away, and the chip's power with it."""
        self._unplug()
        time.sleep(seconds)
        self._reset()
        if not self.ended:
            self._plug()

    def _reset(self):
        with self.wake:
            self.ring.clear()
        self.baud, self.frame, self.escaped, self.write = FIRST_BAUD, bytearray(), False, None

    def _watch_modem(self):
        while not self.ended:
            if not select.select([self.modem], [], [], 0.1)[0]:
                continue
            dtr, rts = self.modem.recv(2)
            before, self.lines = self.lines, (dtr, rts)
            # Both together pull neither. RESET that ends while BOOT is pulled leads into the loader.
            held = before == (0, 1)
            if held and self.lines != (0, 1):
                self.resets.append("loader" if dtr and not rts else "program")
                self.running = self.resets[-1] == "program"
                self._reset()

    def _accept(self):
        listener = self.listener
        if self.fd is None and listener and select.select([listener], [], [], 0.05)[0]:
            with contextlib.suppress(OSError):
                self.fd = listener.accept()[0].detach()

    def _other_baud(self):
        if self.unix_socket:
            return self.baud
        try:
            return SPEEDS.get(termios.tcgetattr(self.fd)[4], FIRST_BAUD)
        except (termios.error, TypeError, OSError):
            return self.baud

    def _is_carried(self, length):
        carried = self.carries_blocks if length > 64 else self.carries
        return self.baud == self._other_baud() and self.baud <= carried

    def _spoil(self, data):
        if not self.noise:
            return data
        out = bytearray()
        for byte in data:
            if self.random.random() * 1000 < self.noise:
                self.spoilt += 1
                kind = self.random.randrange(3)
                out += (b"", bytes((byte, byte)), bytes((byte ^ 1 << self.random.randrange(8),)))[kind]
            else:
                out.append(byte)
        return bytes(out)

    def _pace(self, clock, length, idle):
        """Waits until so many bytes have gone over the line; returns the line's clock then. A line that had nothing to
        carry does not catch up on that; one that we were late to look at does."""
        now = time.monotonic()
        clock = (max(clock, now) if idle else clock) + length * 10.0 / self.baud
        if self.paced and clock > now:
            time.sleep(clock - now)
        return clock

    def _read(self):
        while not self.ended:
            try:
                self._accept()
                idle = self.fd is None or not select.select([self.fd], [], [], 0)[0]
                if self.fd is None or (idle and not select.select([self.fd], [], [], 0.05)[0]):
                    continue
                data = os.read(self.fd, 64 if self.paced else 4096)
            except (OSError, TypeError, ValueError):
                # Unplugged in the middle of it.
                data = b""
            if not data:
                # Nobody has the other end: of a pseudo terminal that is no end.
                if self.unix_socket and self.fd is not None:
                    with contextlib.suppress(OSError):
                        os.close(self.fd)
                    self.fd = None
                time.sleep(0.01)
                continue
            self.clock_in = self._pace(self.clock_in, len(data), idle)
            if self._is_carried(len(data)):
                self._take(self._spoil(data))

    def _take(self, data):
        with self.wake:
            for byte in data:
                if self.busy and len(self.ring) >= RING:
                    self.overruns += 1
                else:
                    self.ring.append(byte)
            self.wake.notify_all()

    def _send(self, data):
        data = self._spoil(data)
        if not self._is_carried(0):
            return
        self.clock_out = self._pace(self.clock_out, len(data), True)
        with contextlib.suppress(OSError, TypeError):
            os.write(self.fd, data)

    # The loader.

    def _serve(self):
        while not self.ended:
            with self.wake:
                while not self.ring and not self.ended:
                    self.wake.wait(0.2)
                data, self.ring = self.ring, collections.deque()
            for byte in data:
                self._byte(byte)

    def _byte(self, byte):
        if byte == 0xC0:
            frame, self.frame, self.escaped = bytes(self.frame), bytearray(), False
            if frame and not self.silent and not self.running:
                self._request(frame)
            return
        if self.escaped:
            byte = {0xDC: 0xC0, 0xDD: 0xDB}.get(byte, byte)
            self.escaped = False
        elif byte == 0xDB:
            self.escaped = True
            return
        if len(self.frame) < 0x2000:
            self.frame.append(byte)

    def _answer(self, command, reason, data=b"", value=0):
        body = data + bytes((1 if reason else 0, reason, 0, 0))
        frame = struct.pack("<BBHI", 1, command, len(body), value) + body
        self._send(b"\xc0" + frame.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc") + b"\xc0")

    def _request(self, frame):
        if len(frame) < 8 or frame[0] != 0:
            return
        command, size, checksum = frame[1], struct.unpack_from("<H", frame, 2)[0], frame[4]
        body = frame[8:]
        self.commands[command] += 1
        if self.security & 4 and command in (0x09, 0x0A, 0x13):
            self._answer(command, INVALID)
        elif command in (0x03, 0x11):
            self._data(command, body, checksum)
        elif len(body) != size:
            self._answer(command, INVALID)
        else:
            handler = {0x02: self._begin, 0x08: self._sync, 0x09: self._write_reg, 0x0A: self._read_reg,
                       0x0B: self._done, 0x0D: self._done, 0x0F: self._change_baud, 0x10: self._begin,
                       0x13: self._md5, 0x14: self._security}.get(command)
            if handler is None or (command == 0x10 and not self.deflate):
                self._answer(command, INVALID)
            else:
                handler(command, body)

    def _sync(self, command, _body):
        for _ in range(8):
            self._answer(command, OK, value=0x20120707)

    def _done(self, command, _body):
        self._answer(command, OK)

    def _read_reg(self, command, body):
        self._answer(command, OK, value=self.registers.get(struct.unpack("<I", body)[0], 0))

    def _write_reg(self, command, body):
        address, value, mask, _ = struct.unpack("<IIII", body[:16])
        self.registers[address] = self.registers.get(address, 0) & ~mask | value & mask
        if address == SPI_CMD and value & 1 << 18:
            self.registers[SPI_CMD] = 0
            self.registers[SPI_W0] = self.flash_id
        self._answer(command, OK)

    def _change_baud(self, command, body):
        if self.refuses_baud:
            self._answer(command, FAILED)
            return
        self._answer(command, OK)
        time.sleep(0.005)
        self.baud = struct.unpack("<II", body)[0]

    def _security(self, command, _body):
        self._answer(command, OK, struct.pack("<IB7sII", self.security, self.crypt_count, bytes(7), self.chip_id, 3))

    def _md5(self, command, body):
        offset, length = struct.unpack("<II", body[:8])
        self._work(length / SECTOR * MD5_SECTOR)
        digest = hashlib.md5(self.flash[offset:offset + length]).hexdigest().encode()
        self._answer(command, OK, digest[::-1] if self.wrong_md5 else digest)

    def _work(self, seconds):
        """The flash is busy; what comes meanwhile is kept in the ring."""
        if self.timed:
            self.busy = True
            time.sleep(seconds)
            self.busy = False

    def _begin(self, command, body):
        erase, blocks, block, offset = struct.unpack("<IIII", body[:16])
        if len(body) != 20 or block > BLOCK_MAX or body[16:] != bytes(4):
            self._answer(command, INVALID)
            return
        if offset % SECTOR or offset + erase > len(self.flash):
            self._answer(command, FAILED)
            return
        end = offset + (erase + SECTOR - 1) // SECTOR * SECTOR
        self.flash[offset:end] = b"\xff" * (end - offset)
        self.erased += end - offset
        whole = max(0, end // BLOCK - (offset + BLOCK - 1) // BLOCK)
        self._work(whole * ERASE_BLOCK + ((end - offset) // SECTOR - whole * (BLOCK // SECTOR)) * ERASE_SECTOR)
        self.write = {"at": offset, "sequence": 0, "blocks": blocks, "block": block, "pending": b"",
                      "inflate": zlib.decompressobj() if command == 0x10 else None}
        self._answer(command, OK)

    def _data(self, command, body, checksum):
        write = self.write
        if write is None or len(body) < 16 or (write["inflate"] is None) != (command == 0x03):
            self._answer(command, INVALID)
            return
        length, sequence = struct.unpack("<II", body[:8])
        # The ROM does not look whether the frame was as long as it should: what is missing is what was there before.
        data = body[16:16 + length].ljust(min(length, BLOCK_MAX), b"\0")
        if sequence != write["sequence"] or length > write["block"] or (command == 0x03 and length % 4):
            self._answer(command, INVALID)
            return
        write["sequence"] += 1
        if functools.reduce(operator.xor, data, 0xEF) != checksum:
            self._answer(command, CHECKSUM)
            return
        self.blocks += 1
        if self.unplug_after is not None and self.blocks > self.unplug_after:
            self.unplug_after = None
            self.unplug(self.unplugged_seconds)
            return
        self._answer(command, self._store(write, data))

    def _store(self, write, data):
        if write["inflate"] is not None:
            try:
                data = write["pending"] + write["inflate"].decompress(data)
            except zlib.error:
                return DEFLATE
            if self.spoils_streams and write["sequence"] > 1:
                return DEFLATE
            # The window is written when it is full, or at the end.
            keep = len(data) % 32768 if write["sequence"] < write["blocks"] else 0
            data, write["pending"] = data[:len(data) - keep], data[len(data) - keep:]
        at, end = write["at"], write["at"] + len(data)
        write["at"] = end
        self._work((len(data) + PAGE - 1) // PAGE * PROGRAM_PAGE)
        if not self.bad_flash:
            there = int.from_bytes(self.flash[at:end], "big")
            self.flash[at:end] = (there & int.from_bytes(data, "big")).to_bytes(end - at, "big")
        if write["inflate"] is None and self.flash[at:end] != data:
            return FLASH_WRITE
        return OK


def main():
    """A double that stays until it is ended."""
    parser = argparse.ArgumentParser(description="A double of the ESP32-C3's ROM loader.")
    parser.add_argument("path", help="where the line shall be")
    parser.add_argument("--socket", action="store_true", help="a unix socket instead of a pseudo terminal")
    parser.add_argument("--flash", metavar="FILE", help="what is in the flash at first")
    arguments = parser.parse_args()
    with RomDouble(arguments.path, arguments.socket, paced=True, timed=True) as double:
        if arguments.flash:
            with open(arguments.flash, "rb") as stream:
                data = stream.read(len(double.flash))
            double.flash[:len(data)] = data
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                time.sleep(1)


if __name__ == "__main__":
    main()
