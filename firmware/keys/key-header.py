#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes a release key as a C header for the chip.

usage: key-header.py --test|--production KEY HEADER DER

KEY is a public RSA key of 3072 bits (SubjectPublicKeyInfo, PEM or DER). HEADER gets it as it is, and as the chip's ROM
wants it; DER gets it in DER.
"""
import base64
import binascii
import re
import sys

BITS = 3072
RSA = bytes.fromhex("06092a864886f70d010101")

HEADER = """/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Made by key-header.py: the public key of whoever signs this chip's firmware. */
#pragma once

#include <stdint.h>

/* Whether the private half lies in a build folder: not for an arm that leaves the workshop. */
#define BPG_RELEASE_KEY_IS_TEST %d

/* SubjectPublicKeyInfo, DER. */
static const uint8_t bpg_release_key[] = {
%s
};

/*
 * The same for an object of the ROM's type: modulus, exponent, 2^6144 modulo the modulus, -1 / modulus modulo 2^32; the
 * long numbers little-endian (ESP-IDF, components/esp_rom, esp32c3/rom/rsa_pss.h, ets_rsa_pubkey_t).
 */
#define BPG_RELEASE_KEY_FOR_ROM \\
  { \\
    { \\
%s \\
    }, \\
    0x%08xu, \\
    { \\
%s \\
    }, \\
    0x%08xu, \\
  }
"""


def die(message):
    """Says what is wrong, and ends."""
    print("key-header.py: %s" % message, file=sys.stderr)
    sys.exit(1)


def read_der(data, at, tag):
    """(contents, where it ends) of a DER element."""
    if at + 2 > len(data) or data[at] != tag:
        raise ValueError("no DER element %02x" % tag)
    length, at = data[at + 1], at + 2
    if length & 0x80:
        count = length & 0x7f
        length, at = int.from_bytes(data[at:at + count], "big"), at + count
    if at + length > len(data):
        raise ValueError("truncated")
    return data[at:at + length], at + length


def read_key(data):
    """(DER, modulus, exponent) of a public key in either form."""
    pem = re.search(rb"-----BEGIN PUBLIC KEY-----(.*?)-----END PUBLIC KEY-----", data, re.S)
    der = base64.b64decode(pem.group(1), validate=False) if pem else data
    body, end = read_der(der, 0, 0x30)
    algorithm, at = read_der(body, 0, 0x30)
    if end != len(der) or not algorithm.startswith(RSA):
        raise ValueError("not an RSA key")
    bits, _ = read_der(body, at, 0x03)
    numbers, _ = read_der(bits[1:], 0, 0x30)
    modulus, at = read_der(numbers, 0, 0x02)
    exponent, _ = read_der(numbers, at, 0x02)
    return der, int.from_bytes(modulus, "big"), int.from_bytes(exponent, "big")


def format_bytes(data, indent, end):
    """Twelve bytes a line."""
    lines = (", ".join("0x%02x" % byte for byte in data[at:at + 12]) for at in range(0, len(data), 12))
    return ("," + end + "\n").join(" " * indent + line for line in lines) + ","


def format_header(test, der, modulus, exponent):
    """The header's text."""
    size = BITS // 8
    return HEADER % (
        test, format_bytes(der, 2, ""), format_bytes(modulus.to_bytes(size, "little"), 6, " \\"), exponent,
        format_bytes(pow(2, 2 * BITS, modulus).to_bytes(size, "little"), 6, " \\"), -pow(modulus, -1, 1 << 32) % (1 << 32))


def write(path, data):
    """Writes a file."""
    with open(path, "wb") as stream:
        stream.write(data)


def main():
    """Reads, converts, writes."""
    if len(sys.argv) != 5 or sys.argv[1] not in ("--test", "--production"):
        die("usage: key-header.py --test|--production KEY HEADER DER")
    try:
        with open(sys.argv[2], "rb") as stream:
            der, modulus, exponent = read_key(stream.read())
    except OSError as error:
        die(error)
    except (ValueError, IndexError, binascii.Error) as error:
        die("%s: no public key: %s" % (sys.argv[2], error))
    if modulus.bit_length() != BITS or modulus % 2 == 0 or not 3 <= exponent < 1 << 32 or exponent % 2 == 0:
        die("%s: not an RSA key of %d bits" % (sys.argv[2], BITS))
    write(sys.argv[3], format_header(sys.argv[1] == "--test", der, modulus, exponent).encode())
    write(sys.argv[4], der)


if __name__ == "__main__":
    main()
