#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The release key of this build, and the headers that are made of others.

usage: test-release-key.py KEY-HEADER.PY HEADER DER [PRIVATE PUBLIC MAKE-TEST-KEY]
"""
import base64
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "ctl"))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

import mcuboot  # noqa: E402  pylint: disable=wrong-import-position
from harness import PATIENCE, Skip, main  # noqa: E402  pylint: disable=wrong-import-position

KEY_HEADER, HEADER, DER = sys.argv[1:4]
PRIVATE, PUBLIC, MAKE_TEST_KEY = sys.argv[4:] or (None, None, None)
del sys.argv[1:]
R = 1 << 3072


def read(path):
    """Reads a file."""
    with open(path, "rb") as stream:
        return stream.read()


def certtool(*arguments):
    """Runs certtool to its good end."""
    if not shutil.which("certtool"):
        raise Skip("there is no certtool")
    subprocess.run(["certtool", *arguments], check=True, capture_output=True, timeout=PATIENCE)


def take_apart(path):
    """(SubjectPublicKeyInfo, modulus, exponent, rinv, mdash, test) of a header."""
    text = read(path).decode()
    spki = re.search(r"bpg_release_key\[\] = \{(.*?)\}", text, re.S).group(1)
    whole = re.search(r"FOR_ROM \\\n(.*)", text, re.S).group(1)
    lists = [bytes(int(word, 16) for word in re.findall(r"0x\w\w\b", part))
             for part in [spki] + re.findall(r"\{([^{}]*)\}", whole)]
    words = [int(word, 16) for word in re.findall(r"0x(\w{8})u", whole)]
    test = re.search(r"#define BPG_RELEASE_KEY_IS_TEST (\d)\n", text).group(1)
    assert [len(part) for part in lists[1:]] == [384, 384], lists
    return (lists[0], int.from_bytes(lists[1], "little"), words[0], int.from_bytes(lists[2], "little"), words[1],
            test == "1")


def check(header, spki, test):
    """A header by what the numbers are for: Montgomery's multiplication with them."""
    told, modulus, exponent, rinv, mdash, is_test = take_apart(header)
    key = mcuboot.Key(spki)
    assert told == spki and (modulus, exponent) == (key.modulus, key.exponent) and is_test is test

    def multiply(a, b):
        total = 0
        for i in range(96):
            total += (a >> 32 * i & 0xffffffff) * b
            total += (total * mdash & 0xffffffff) * modulus
            assert total & 0xffffffff == 0
            total >>= 32
        return total % modulus
    for number in (1, 2, modulus - 1, R % modulus, pow(3, 2000, modulus)):
        inside = multiply(number, rinv)
        assert inside == number * R % modulus and multiply(inside, 1) == number


def test_of_this_build():
    """The header and the DER file are of one key, and the header says whether it is the test key."""
    check(HEADER, read(DER), PRIVATE is not None)


def test_test_key():
    """The test key's private half lies beside it for its owner alone; made again it is the same."""
    if PRIVATE is None:
        raise Skip("this build is for production")
    assert read(PUBLIC) == read(DER)
    assert stat.S_IMODE(os.stat(PRIVATE).st_mode) == 0o600
    inner, _ = mcuboot.read_der(base64.b64decode(read(PRIVATE).decode().split("-----")[2]), 0, 0x30)
    modulus = mcuboot.Key(read(PUBLIC)).modulus
    assert modulus.to_bytes(384, "big") in inner
    with tempfile.TemporaryDirectory(prefix="bionicpro-") as folder:
        private, public = os.path.join(folder, "a.pem"), os.path.join(folder, "a.der")
        for start in (None, b"", b"nonsense"):
            if start is not None:
                with open(private, "wb") as stream:
                    stream.write(start)
            subprocess.run([MAKE_TEST_KEY, private, public], check=True, timeout=PATIENCE)
            made = read(private), read(public)
            assert made[1] != read(PUBLIC) and stat.S_IMODE(os.stat(private).st_mode) == 0o600
            subprocess.run([MAKE_TEST_KEY, private, public], check=True, timeout=PATIENCE)
            assert made == (read(private), read(public))
        assert subprocess.run([MAKE_TEST_KEY, os.path.join(folder, "no", "a.pem"), public], check=False,
                              capture_output=True, timeout=PATIENCE).returncode == 1


def convert(folder, key, status=0):
    """Makes a header of a key; returns its path, and the DER file's."""
    out = os.path.join(folder, "out.h"), os.path.join(folder, "out.der")
    done = subprocess.run(["/usr/bin/python3", KEY_HEADER, "--production", key, *out], check=False, capture_output=True,
                          text=True, timeout=PATIENCE)
    assert done.returncode == status and "Traceback" not in done.stderr, (key, done.stderr)
    return out


def test_of_others():
    """A key for production in either form; what is none is refused in a sentence."""
    with tempfile.TemporaryDirectory(prefix="bionicpro-") as folder:
        for name, options in (("good", ("--key-type=rsa", "--bits=3072")), ("short", ("--key-type=rsa", "--bits=2048")),
                              ("curve", ("--key-type=ecdsa", "--curve=secp256r1"))):
            path = os.path.join(folder, name)
            certtool("--generate-privkey", "--no-text", *options, "--outfile", path + ".pem")
            certtool("--load-privkey", path + ".pem", "--pubkey-info", "--outfile", path + "-pub.pem")
            certtool("--load-privkey", path + ".pem", "--pubkey-info", "--outder", "--outfile", path + "-pub.der")
        spki = read(os.path.join(folder, "good-pub.der"))
        for form in ("good-pub.der", "good-pub.pem"):
            header, der = convert(folder, os.path.join(folder, form))
            assert read(der) == spki
            check(header, spki, False)
        for length in (0, 1, 10, 100, len(spki) - 1):
            with open(os.path.join(folder, "cut.der"), "wb") as stream:
                stream.write(spki[:length])
            convert(folder, os.path.join(folder, "cut.der"), status=1)
        for name in ("short-pub.pem", "curve-pub.pem", "curve-pub.der", "good.pem", "nowhere"):
            convert(folder, os.path.join(folder, name), status=1)


if __name__ == "__main__":
    main(test_of_this_build, test_test_key, test_of_others)
