#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the chip's compiler made: a second stage that the ROM takes, a program that fits, stack and RAM within bounds.

usage: test-images.py SECOND.bin PROGRAM.bin SIZES CALLS
"""
import hashlib
import re
import struct
import sys
import unittest

ROM_CHECKSUM_SEED = 0xEF
CHIP_ESP32C3 = 5
SECOND_STAGE_ROOM = 0xB000
PROGRAM_MOST = 256 * 1024
RAM_MOST = 96 * 1024
PATHS = sys.argv[1:5]


def read(path):
    """A file's bytes."""
    with open(path, "rb") as file:
        return file.read()


class Images(unittest.TestCase):
    """One test a file."""

    def test_second_stage(self):
        image = read(PATHS[0])
        self.assertLessEqual(len(image), SECOND_STAGE_ROOM)
        magic, count, _, size_and_frequency, entry = struct.unpack_from("<BBBBI", image)
        self.assertEqual((magic, size_and_frequency), (0xE9, 0x20))
        self.assertEqual(struct.unpack_from("<H", image, 12)[0], CHIP_ESP32C3)
        self.assertEqual(image[23], 1)
        at, checksum, entered = 24, ROM_CHECKSUM_SEED, False
        for _ in range(count):
            address, length = struct.unpack_from("<II", image, at)
            for byte in image[at + 8:at + 8 + length]:
                checksum ^= byte
            # In RAM, but not in that which the ROM needs meanwhile.
            self.assertTrue(0x403C0000 <= address < 0x403D0000 or 0x3FCC0000 <= address < 0x3FCD0000, hex(address))
            entered |= address <= entry < address + length
            at += 8 + length
        self.assertTrue(entered)
        at += 15 - at % 16
        self.assertEqual(image[at], checksum)
        self.assertEqual(image[at + 1:], hashlib.sha256(image[:at + 1]).digest())

    def test_program(self):
        self.assertLessEqual(len(read(PATHS[1])), PROGRAM_MOST - 1024)

    def test_ram(self):
        lines = read(PATHS[2]).decode().splitlines()
        sizes = [int(word) for word in lines[-1].split()[:3]]
        self.assertTrue(lines[-1].endswith("program.elf"))
        self.assertLessEqual(sizes[1] + sizes[2], RAM_MOST)

    def test_stack(self):
        used, most = re.search(r"^stack: (\d+) of (\d+) bytes$", read(PATHS[3]).decode(), re.M).groups()
        self.assertLessEqual(int(used), int(most))
        self.assertGreater(int(used), 1000)


class Tap(unittest.TestResult):
    """The test anything protocol."""

    def addSuccess(self, test):
        print("ok %d %s" % (self.testsRun, test.id()))

    def addFailure(self, test, err):
        print("not ok %d %s\n# %s" % (self.testsRun, test.id(), str(err[1]).replace("\n", "\n# ")))

    addError = addFailure


def main():
    """Runs all."""
    tests = unittest.defaultTestLoader.loadTestsFromTestCase(Images)
    print("1..%d" % tests.countTestCases())
    result = Tap()
    tests.run(result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
