#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes an image that the ROM of an ESP32-C3 loads from a 32-bit little-endian ELF file.

usage: esp-image.py ELF OUTPUT

The format is documented with esptool ("Firmware Image Format"): a header of 8 bytes, an extended one of 16, segments
of address, length and bytes, a checksum that ends a block of 16 bytes, and the SHA-256 of all that.
"""
import hashlib
import struct
import sys

MAGIC = 0xE9
CHIP_ESP32C3 = 5
CHECKSUM_SEED = 0xEF
MODE_DIO = 2
SIZE_4MB_FREQUENCY_40MHZ = 0x20
WRITE_PROTECT_PIN_NONE = 0xEE
PT_LOAD = 1


def load_segments(elf):
    """The entry point, and (address, bytes) of what is to be loaded."""
    if elf[:6] != b"\x7fELF\x01\x01":
        sys.exit("not a 32-bit little-endian ELF file")
    entry, first = struct.unpack_from("<II", elf, 24)
    size, count = struct.unpack_from("<HH", elf, 42)
    segments = []
    for i in range(count):
        kind, offset, address, _, length = struct.unpack_from("<IIIII", elf, first + i * size)
        if kind == PT_LOAD and length:
            data = elf[offset:offset + length]
            segments.append((address, data + bytes(-len(data) % 4)))
    return entry, segments


def make_image(entry, segments):
    """The image's bytes."""
    image = struct.pack("<BBBBI", MAGIC, len(segments), MODE_DIO, SIZE_4MB_FREQUENCY_40MHZ, entry)
    image += struct.pack("<BBBBHBHHIB", WRITE_PROTECT_PIN_NONE, 0, 0, 0, CHIP_ESP32C3, 0, 0, 0xFFFF, 0, 1)
    checksum = CHECKSUM_SEED
    for address, data in segments:
        image += struct.pack("<II", address, len(data)) + data
        for byte in data:
            checksum ^= byte
    image += bytes(15 - len(image) % 16) + bytes([checksum])
    return image + hashlib.sha256(image).digest()


def main():
    """Reads, packs, writes."""
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1], "rb") as file:
        entry, segments = load_segments(file.read())
    with open(sys.argv[2], "wb") as file:
        file.write(make_image(entry, segments))


if __name__ == "__main__":
    main()
