#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`bionicctl manufacture`: what an arm is given fits together, and with what the virtual arm is given."""
import base64
import hashlib
import json
import os
import shutil
import stat
import struct
import subprocess
import sys
import tempfile
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "simlimb"))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "p256"))

import curve  # noqa: E402  pylint: disable=wrong-import-position
import smp  # noqa: E402  pylint: disable=wrong-import-position
from harness import PATIENCE, Skip, main, program  # noqa: E402  pylint: disable=wrong-import-position

SECTOR = 4096
P256 = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")


def tool(*command):
    """Runs a tool of GnuTLS to its good end; returns what it printed."""
    if not shutil.which(command[0]):
        raise Skip("there is no %s" % command[0])
    done = subprocess.run(command, capture_output=True, check=False, timeout=PATIENCE)
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout


class Shop:
    """A folder in which arms are made."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="bionicpro-")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder)

    def path(self, *names):
        """Where a file lies."""
        return os.path.join(self.folder, *names)

    def read(self, *names):
        """Reads a file."""
        with open(self.path(*names), "rb") as stream:
            return stream.read()

    def make(self, *arguments, status=0):
        """Runs `bionicctl manufacture`; returns the document it printed."""
        done = subprocess.run([program("bionicctl"), "manufacture", "--json", *arguments], cwd=self.folder, check=False,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == status, (arguments, done.returncode, done.stdout, done.stderr)
        for sign in ("CRITICAL", "Sanitizer", "runtime error"):
            assert sign not in done.stderr, done.stderr
        return json.loads(done.stdout)

    def make_key(self, name, *options):
        """A key in PEM, and its public half in PEM and in DER."""
        tool("certtool", "--generate-privkey", "--no-text", *options, "--outfile", self.path(name + ".pem"))
        for suffix, form in (("-pub.pem", ()), ("-pub.der", ("--outder",))):
            tool("certtool", "--load-privkey", self.path(name + ".pem"), "--pubkey-info", "--no-text", *form, "--outfile",
                 self.path(name + suffix))
        return self.read(name + "-pub.der")


def read_factory(sector):
    """The map in a factory sector; asserts that all around it is as it should be."""
    magic, length, crc = struct.unpack_from("<4sII", sector)
    assert len(sector) == SECTOR and magic == b"BPBF", (len(sector), magic)
    assert zlib.crc32(sector[12:12 + length]) == crc
    assert not sector[12 + length:].strip(b"\xff")
    value, end = smp.cbor_decode(sector[12:12 + length])
    assert end == length
    return value


def read_element(sector):
    """The private key in an element sector."""
    magic, version, key, crc = struct.unpack_from("<4sI32sI", sector)
    assert len(sector) == SECTOR and magic == b"BPBE" and version == 1 and zlib.crc32(sector[:40]) == crc
    assert not sector[44:].strip(b"\xff")
    return key


def check(shop, name, said, ca):
    """Everything in an arm's folder speaks of one key and one name; returns the factory's map."""
    factory = read_factory(shop.read(name, "factory.bin"))
    code = json.loads(shop.read(name, "qr.json"))
    assert factory["id"] == code["deviceId"] == said["id"] and factory["hw"] == said["hardware"]
    assert base64.b64decode(code["publicKey"]) == factory["key"] and factory["key"].startswith(P256)
    assert code["fingerprint"] == said["fingerprint"] == hashlib.sha256(factory["key"]).hexdigest()
    pem = shop.read(name, "certificate.pem").decode()
    assert base64.b64decode(pem.split("-----")[2]) == factory["cert"]
    about = tool("certtool", "--certificate-info", "--infile", shop.path(name, "certificate.pem")).decode()
    assert "Subject: CN=%s\n" % said["id"] in about, about
    tool("certtool", "--verify", "--load-ca-certificate", shop.path(ca, "maker-ca.pem"), "--infile",
         shop.path(name, "certificate.pem"))
    return factory


def test_software_element():
    """The private key in the element's sector is that of the certificate and the code, and only its owner reads it."""
    with Shop() as shop:
        release = shop.make_key("release", "--key-type=rsa", "--bits=3072")
        said = shop.make("--out", "arm", "--ca", "maker", "--release-key", "release-pub.pem", "--software-element")
        factory = check(shop, "arm", said, "maker")
        assert said["id"] == "BP-" + said["fingerprint"][:8] and said["hardware"] == "esp32c3-1"
        assert factory["release"] == release
        assert stat.S_IMODE(os.stat(shop.path("arm", "element.bin")).st_mode) == 0o600
        assert stat.S_IMODE(os.stat(shop.path("arm")).st_mode) == 0o700
        key = read_element(shop.read("arm", "element.bin"))
        point = curve.multiply(int.from_bytes(key, "big"), curve.BASE)
        assert factory["key"] == P256 + b"".join(number.to_bytes(32, "big") for number in point)

        # The same CA goes on; the next arm is another.
        again = shop.make("--out", "second", "--ca", "maker", "--release-key", "release-pub.der", "--software-element",
                          "--device-id", "BP-0002", "--hardware", "esp32c3-2")
        assert check(shop, "second", again, "maker")["release"] == release
        assert (again["id"], again["hardware"]) == ("BP-0002", "esp32c3-2")
        assert read_element(shop.read("second", "element.bin")) != key


def test_element_of_the_board():
    """A board's own key is certified, and nothing private is written."""
    with Shop() as shop:
        key = shop.make_key("board", "--key-type=ecdsa", "--curve=secp256r1")
        for name, form in (("a", "board-pub.pem"), ("b", "board-pub.der")):
            said = shop.make("--out", name, "--public-key", form)
            factory = check(shop, name, said, name)
            assert factory["key"] == key and "release" not in factory and said["element"] is None
            assert not os.path.exists(shop.path(name, "element.bin"))


def test_refused():
    """What does not do is refused by name, and nothing is left of it; an arm is made once."""
    with Shop() as shop:
        shop.make_key("short", "--key-type=rsa", "--bits=2048")
        shop.make_key("curve", "--key-type=ecdsa", "--curve=secp384r1")
        soft = ("--out", "arm", "--software-element")
        for arguments, status, name in (
                (("--software-element",), 2, "usage"), (("--out", "arm"), 2, "usage"),
                ((*soft, "--public-key", "curve-pub.pem"), 2, "usage"),
                (("--out", "arm", "--public-key", "curve-pub.pem"), 1, "Corrupt"),
                (("--out", "arm", "--public-key", "short-pub.pem"), 1, "Corrupt"),
                (("--out", "arm", "--public-key", "curve.pem"), 1, "Corrupt"),
                (("--out", "arm", "--public-key", "nowhere"), 3, "NotFound"),
                ((*soft, "--release-key", "short-pub.pem"), 1, "Corrupt"),
                ((*soft, "--release-key", "nowhere"), 3, "NotFound"),
                ((*soft, "--device-id", "x" * 64), 2, "InvalidArgument"),
                ((*soft, "--device-id", "two words"), 2, "InvalidArgument"),
                ((*soft, "--device-id", ""), 2, "InvalidArgument"),
                ((*soft, "--hardware", "x" * 32), 2, "InvalidArgument")):
            answer = shop.make(*arguments, status=status)
            assert answer["error"].split(".")[-1] == name, (arguments, answer)
            assert not os.path.exists(shop.path("arm")) or not os.listdir(shop.path("arm")), arguments
        shop.make(*soft)
        before = [shop.read("arm", name) for name in sorted(os.listdir(shop.path("arm")))]
        assert shop.make(*soft, status=6)["error"].endswith("WrongState")
        assert before == [shop.read("arm", name) for name in sorted(os.listdir(shop.path("arm")))]


def test_like_the_virtual_arm():
    """The virtual arm's flash begins with the same sector as is written for a chip, but for what is its own."""
    with Shop() as shop:
        release = shop.make_key("release", "--key-type=rsa", "--bits=3072")
        subprocess.run([program("simlimb"), "--manufacture", "--dir", shop.path("virtual"), "--ca", shop.path("maker"),
                        "--release-key", shop.path("release-pub.pem"), "--device-id", "BP-V"], check=True,
                       timeout=PATIENCE)
        shop.make("--out", "real", "--ca", "maker", "--release-key", "release-pub.pem", "--software-element")
        flash = shop.read("virtual", "flash.bin")
        at = flash.index(b"BPBF")
        virtual = read_factory(flash[at:at + SECTOR])
        real = read_factory(shop.read("real", "factory.bin"))
        assert list(virtual) == list(real) and virtual["release"] == real["release"] == release
        assert virtual["id"] == "BP-V" == json.loads(shop.read("virtual", "qr.json"))["deviceId"]


if __name__ == "__main__":
    main(test_software_element, test_element_of_the_board, test_refused, test_like_the_virtual_arm)
