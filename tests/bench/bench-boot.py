#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What it costs an arm to start, on its processor.

usage: bench-boot.py [--json]

An arm of memory alone starts on RISC-V in QEMU, with a model of 8 electrodes on it and firmware as large as the
program that runs. Counted is every instruction from the reset to the first decision: the machine's own start up to
the program's first line, the second stage (both slots looked into, SHA-256 in software), and the program: what it
finds in flash, the model looked into and taken, and a window of samples with all that is done in between. Not
counted is what a chip does beside its instructions or in its ROM: waiting for flash and for samples, and the
signature's arithmetic. QEMU counts exactly, so the figures are the same wherever this runs.
"""
import os
import struct
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from measure import Report  # noqa: E402  pylint: disable=wrong-import-position

SOURCE = os.environ.get("BIONICPRO_TEST_SRCDIR", os.path.dirname(os.path.dirname(HERE)))
BUILD = os.environ.get("BIONICPRO_TEST_BUILDDIR", os.path.join(SOURCE, "build"))
IMAGE = os.path.join(BUILD, "firmware", "ports", "virt", "virt-proof.elf")
MODEL = os.path.join(SOURCE, "tests", "fuzz", "corpus", "bpm", "trained-8")
COMMAND = ["qemu-system-riscv32", "-machine", "virt", "-cpu", "rv32,a=off,f=off,d=off,s=off,u=off,h=off,mmu=off",
           "-m", "32M", "-bios", "none", "-nodefaults", "-display", "none", "-serial", "none", "-monitor", "none",
           "-no-reboot", "-semihosting-config", "enable=on,target=native", "-icount", "shift=0,sleep=off",
           "-kernel", IMAGE]
MAGIC, TAKE_MODEL, START = 0x31545642, 1, 4
TASK, ANSWER = struct.Struct("<5I"), struct.Struct("<9I")
# A second at 160 MHz with one instruction a cycle.
LIMIT = 160000000


def start():
    """Has the arm start once; returns the values of its answer."""
    with open(MODEL, "rb") as stream:
        model = stream.read()
    tasks = TASK.pack(MAGIC, TAKE_MODEL, 0, 0, len(model)) + model + TASK.pack(MAGIC, START, 0, 0, 0)
    done = subprocess.run(COMMAND, input=tasks, stdout=subprocess.PIPE, check=True, timeout=300)
    answers = list(ANSWER.iter_unpack(done.stdout))
    if len(answers) != 2 or answers[1][0] != START:
        sys.exit("the arm did not start")
    return answers[1][1:]


def main():
    """Counts one start; all are alike."""
    if not os.path.exists(IMAGE):
        sys.exit("the firmware was not built for RISC-V; its compiler is not installed")
    report = Report("boot", "--json" in sys.argv)
    to_main, second_stage, program, firmware, model = start()[:5]
    report.add("instructions_to_first_decision", to_main + second_stage + program, "", LIMIT)
    report.add("instructions_to_program", to_main, "")
    report.add("instructions_second_stage", second_stage, "")
    report.add("instructions_program", program, "")
    report.add("firmware_bytes", firmware, "B", 256 * 1024)
    report.add("model_bytes", model, "B")
    return 0 if report.within else 1


if __name__ == "__main__":
    sys.exit(main())
