#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The software element on the arm's processor: right, within its budget, and with nothing in its time of the key.

QEMU counts instructions; on the chip, which has no data cache and multiplies in one cycle, equal counts of the
same instructions are equal times.
"""
import collections
import configparser
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["BIONICPRO_TEST_SRCDIR"], "tests", "integration"))

from curve import BASE, N, add, multiply  # noqa: E402  pylint: disable=wrong-import-position
from harness import SOURCE, Skip, main  # noqa: E402  pylint: disable=wrong-import-position

COMPILER = "riscv64-unknown-elf-gcc"
QEMU = "qemu-system-riscv32"
FIRMWARE = os.path.join(SOURCE, "firmware")
SOURCES = ("ports/esp32c3/p256.c", "ports/virt/semihost.c", "ports/virt/start.S", "recognition/digest.c")
MACHINE = ("-machine", "virt", "-cpu", "rv32,a=off,f=off,d=off,s=off,u=off,h=off,mmu=off", "-m", "32M", "-bios", "none",
           "-nodefaults", "-display", "none", "-serial", "none", "-monitor", "none", "-no-reboot",
           "-semihosting-config", "enable=on,target=native", "-icount", "shift=0,sleep=off")
ANSWER = "<IIII72s64s"
# What p256.h promises.
MOST_INSTRUCTIONS = 20000000
MOST_STACK = 3072


def take_apart(signature):
    """r and s of a signature in DER, and how long they are in it."""
    assert signature[0] == 0x30 and signature[1] == len(signature) - 2 and signature[2] == 2, signature.hex()
    length = signature[3]
    rest = signature[4 + length:]
    assert rest[0] == 2 and rest[1] == len(rest) - 2, signature.hex()
    return (int.from_bytes(signature[4:4 + length], "big"), int.from_bytes(rest[2:], "big"), (length, rest[1]))


def build(folder):
    """Compiles the program with the flags of the cross build."""
    if not shutil.which(COMPILER) or not shutil.which(QEMU):
        raise Skip("there is no %s or no %s" % (COMPILER, QEMU))
    cross = configparser.ConfigParser()
    cross.read(os.path.join(FIRMWARE, "cross", "virt.ini"))
    flags = [flag.strip(" '\n") for flag in cross["built-in options"]["c_args"].strip("[]").split(",")]
    image = os.path.join(folder, "virt-sign.elf")
    here = os.path.dirname(os.path.abspath(__file__))
    done = subprocess.run([COMPILER, *flags, "-O2", "-g", "-Wall", "-I", FIRMWARE, "-nostartfiles", "-T",
                           os.path.join(FIRMWARE, "ports", "virt", "virt.ld"), "-o", image,
                           os.path.join(here, "virt-sign.c"), *(os.path.join(FIRMWARE, name) for name in SOURCES)],
                          capture_output=True, text=True, check=False)
    if "picolibc.specs" in done.stderr:
        raise Skip("there is no picolibc")
    assert done.returncode == 0, done.stderr
    return image


def make_requests():
    """Keys with few and with many bits, and others; hashes and what is mixed in alike."""
    source = random.Random(256)
    keys = [1, 2, 15, 16, 1 << 255, N - 1, N - 2, int("f" * 8 + "0" * 56, 16) - 1]
    keys += [source.randrange(1, N) for _ in range(56)]
    return [(key.to_bytes(32, "big"), source.randbytes(32), source.randbytes(32)) for key in keys]


def check(request, answer):
    """One signature by the textbook; returns what is public of its time."""
    key, hashed, _ = request
    instructions, _, _, length, signature, public = answer
    r, s, lengths = take_apart(signature[:length])
    point = multiply(int.from_bytes(key, "big"), BASE)
    assert public == b"".join(value.to_bytes(32, "big") for value in point)
    inverse = pow(s, -1, N)
    total = add(multiply(int.from_bytes(hashed, "big") * inverse % N, BASE), multiply(r * inverse % N, point))
    assert total[0] % N == r, (key.hex(), hashed.hex())
    assert instructions < MOST_INSTRUCTIONS, instructions
    return lengths


def test_on_the_processor():
    """Signatures hold, cost what is promised, and equally much whatever the key and the nonce."""
    requests = make_requests()
    with tempfile.TemporaryDirectory(prefix="bionicpro-") as folder:
        image = build(folder)
        done = subprocess.run([QEMU, *MACHINE, "-kernel", image], input=b"".join(b"".join(r) for r in requests),
                              capture_output=True, check=False, timeout=300)
    assert done.returncode == 0, (done.returncode, done.stderr)
    answers = list(struct.iter_unpack(ANSWER, done.stdout))
    assert len(answers) == len(requests), len(answers)
    costs = collections.defaultdict(set)
    for request, answer in zip(requests, answers):
        costs[check(request, answer)].add(answer[0])
    print("# instructions by the lengths of r and s: %s" % dict(costs))
    print("# instructions of a public key: %s, stack: %d bytes" % ({a[1] for a in answers}, max(a[2] for a in answers)))
    assert all(len(cost) == 1 for cost in costs.values()), costs
    assert len({answer[1] for answer in answers}) == 1
    assert max(answer[2] for answer in answers) <= MOST_STACK


if __name__ == "__main__":
    main(test_on_the_processor)
