# SPDX-License-Identifier: LGPL-2.1-or-later
"""Containers taken apart and verified once more, from the standards and on nothing but Python's own library.

Format: MCUboot, docs/design.md. Signature: RFC 8017, 8.1.2 and 9.1.2, SHA-256, MGF1 with SHA-256, salt of 32 bytes.
"""
import base64
import hashlib
import struct

MAGIC, TLV_MAGIC, PROTECTED_MAGIC = 0x96f3b83d, 0x6907, 0x6908
KEY_HASH, SHA256, RSA3072_PSS = 0x01, 0x10, 0x23
HARDWARE, SIDE, SCHEMA = 0xa0, 0xa1, 0xa2
SALT = 32


class Bad(Exception):
    """Why a container is not to be believed."""


def read_der(data, at, tag):
    """(contents, where it ends) of a DER element."""
    if data[at] != tag:
        raise Bad("tag %02x, not %02x" % (data[at], tag))
    length, at = data[at + 1], at + 2
    if length & 0x80:
        count = length & 0x7f
        length, at = int.from_bytes(data[at:at + count], "big"), at + count
    if at + length > len(data):
        raise Bad("truncated")
    return data[at:at + length], at + length


def read_pem(text):
    """What is in a PEM text, whatever stands around it."""
    return base64.b64decode(text.split("-----")[2])


class Key:
    """An RSA public key, of its SubjectPublicKeyInfo."""

    def __init__(self, spki):
        body, _ = read_der(spki, 0, 0x30)
        _, at = read_der(body, 0, 0x30)
        bits, _ = read_der(body, at, 0x03)
        self.rsa = bits[1:]
        numbers, _ = read_der(self.rsa, 0, 0x30)
        modulus, at = read_der(numbers, 0, 0x02)
        exponent, _ = read_der(numbers, at, 0x02)
        self.modulus, self.exponent = int.from_bytes(modulus, "big"), int.from_bytes(exponent, "big")
        self.hash = hashlib.sha256(self.rsa).digest()


def make_mask(seed, length):
    """MGF1."""
    out = b""
    for counter in range((length + 31) // 32):
        out += hashlib.sha256(seed + struct.pack(">I", counter)).digest()
    return out[:length]


def verify_pss(key, digest, signature):
    """Raises Bad when the signature does not hold."""
    bits = key.modulus.bit_length() - 1
    length = (bits + 7) // 8
    number = int.from_bytes(signature, "big")
    if len(signature) != (bits + 8) // 8 or number >= key.modulus:
        raise Bad("signature out of range")
    encoded = pow(number, key.exponent, key.modulus).to_bytes(length, "big")
    masked, hashed = encoded[:length - 33], encoded[length - 33:-1]
    if encoded[-1] != 0xbc:
        raise Bad("no trailer")
    block = bytearray(a ^ b for a, b in zip(masked, make_mask(hashed, len(masked))))
    block[0] &= 0xff >> (8 * length - bits)
    if block[:-SALT - 1].strip(b"\0") or block[-SALT - 1] != 1:
        raise Bad("no padding, or the salt has another length")
    if hashlib.sha256(bytes(8) + digest + bytes(block[-SALT:])).digest() != hashed:
        raise Bad("the signature does not hold")


def read_private(pem):
    """(modulus, private exponent) of an RSA key in PKCS#8."""
    body, _ = read_der(read_pem(pem), 0, 0x30)
    _, at = read_der(body, 0, 0x02)
    _, at = read_der(body, at, 0x30)
    inner, _ = read_der(body, at, 0x04)
    numbers, _ = read_der(inner, 0, 0x30)
    at, values = 0, []
    while at < len(numbers) and len(values) < 4:
        value, at = read_der(numbers, at, 0x02)
        values.append(int.from_bytes(value, "big"))
    return values[1], values[3]


def sign_pss(private, digest, salt):
    """A signature with a salt of any length, to see what is made of it."""
    modulus, exponent = private
    bits = modulus.bit_length() - 1
    length = (bits + 7) // 8
    hashed = hashlib.sha256(bytes(8) + digest + salt).digest()
    block = bytes(length - len(salt) - 34) + b"\1" + salt
    masked = bytearray(a ^ b for a, b in zip(block, make_mask(hashed, len(block))))
    masked[0] &= 0xff >> (8 * length - bits)
    number = int.from_bytes(bytes(masked) + hashed + b"\xbc", "big")
    return pow(number, exponent, modulus).to_bytes((modulus.bit_length() + 7) // 8, "big")


def read_tlvs(data, at, magic):
    """({type: value}, where they end)."""
    found, size = struct.unpack_from("<HH", data, at)
    if found != magic:
        raise Bad("no TLVs")
    end, at, tlvs = at + size, at + 4, {}
    while at < end:
        kind, length = struct.unpack_from("<HH", data, at)
        tlvs[kind] = data[at + 4:at + 4 + length]
        at += 4 + length
    if at != end or end > len(data):
        raise Bad("TLVs do not end where they say")
    return tlvs, end


class Container:
    """A container taken apart."""

    def __init__(self, data):
        try:
            (magic, self.load, self.header_size, protected, length, self.flags, major, minor, revision,
             build) = struct.unpack_from("<IIHHIIBBHI", data)
            if magic != MAGIC:
                raise Bad("magic")
            self.version = (major, minor, revision, build)
            self.padding = data[28:self.header_size]
            end = self.header_size + length
            self.payload = data[self.header_size:end]
            self.claims = {}
            if protected:
                self.claims, after = read_tlvs(data, end, PROTECTED_MAGIC)
                if after != end + protected:
                    raise Bad("protected TLVs have another size")
                end = after
            self.digest = hashlib.sha256(data[:end]).digest()
            self.tlvs, self.total = read_tlvs(data, end, TLV_MAGIC)
        except (struct.error, IndexError) as error:
            raise Bad(str(error)) from error

    def verify(self, key):
        """Raises Bad when hash, key or signature do not hold."""
        if self.tlvs.get(SHA256) != self.digest:
            raise Bad("hash")
        if self.tlvs.get(KEY_HASH) != key.hash:
            raise Bad("another key")
        verify_pss(key, self.digest, self.tlvs.get(RSA3072_PSS, b""))
