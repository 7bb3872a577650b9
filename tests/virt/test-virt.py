#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`bionicctl lab run --on virt`: the same lines as on this machine, and a good end whatever goes wrong.

usage: test-virt.py BIONICCTL
"""
import glob
import json
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

CTL = sys.argv[1]
QEMU = "qemu-system-riscv32"
IMAGE = os.environ.get("BIONICPRO_VIRT_IMAGE")
SOURCE = os.environ["BIONICPRO_TEST_SRCDIR"]
DATA = os.environ.get("BIONICPRO_DATA", os.path.join(SOURCE, "..", "shared", "data"))
MOVEMENTS = 4

# What stands in the place of a function's first instructions, and what is said of it then.
FAULTS = {
    "illegal instruction": b"\0\0",
    "forbidden read": struct.pack("<I", 0x00002003),  # lw zero, 0(zero)
    "forbidden write": struct.pack("<IH", 0x80000537, 0xc108),  # into the code: lui a0, 0x80000; sw a0, 0(a0)
    "breakpoint": struct.pack("<I", 0x00100073),
}
DEEP = struct.pack("<HHH", 0x1141, 0xc606, 0xbff5)  # addi sp, sp, -16; sw ra, 12(sp); j back: no end to the stack
ENDLESS = struct.pack("<H", 0xa001)  # j .


class Skipped(Exception):
    """Why a case cannot be tried."""


def lab(*words, **environment):
    """Runs a verb; returns the completed process."""
    return subprocess.run([CTL, "lab", *words], capture_output=True, text=True, check=False, timeout=200,
                          env=dict(os.environ, **environment))


def record(path, seconds=1, seed=1, channels=8, rate=200):
    """A made-up recording: every movement twice, of so many seconds each."""
    noise, values, segments = random.Random(seed), [], []
    count = seconds * rate
    for i in range(2 * MOVEMENTS):
        segments.append({"start": count * i, "count": count, "gesture": i % MOVEMENTS, "rep": i // MOVEMENTS + 1,
                         "name": "movement_%d" % (i % MOVEMENTS)})
        gains = [20 if i % MOVEMENTS == 0 else 50 + 900 * (c % MOVEMENTS == i % MOVEMENTS) for c in range(channels)]
        values += [max(-32768, min(32767, round(noise.gauss(0, gains[c])))) for _ in range(count)
                   for c in range(channels)]
    about = {"fs_hz": rate, "channels": channels, "samples": len(values) // channels, "dtype": "int16le", "lsb": 0.5,
             "unit": "microvolt", "subject": "x", "session": seed, "segments": segments}
    with open(path, "w", encoding="ascii") as stream:
        json.dump(about, stream)
    with open(path[:-5] + ".bin", "wb") as stream:
        stream.write(struct.pack("<%dh" % len(values), *values))
    return path


def find_symbol(image, name):
    """Where in a 32-bit ELF file the code of a function lies."""
    sections, = struct.unpack_from("<I", image, 32)
    size, count = struct.unpack_from("<HH", image, 46)
    headers = [struct.unpack_from("<10I", image, sections + i * size) for i in range(count)]
    for header in headers:
        if header[1] != 2:  # the table of symbols
            continue
        names = headers[header[6]][4]
        for at in range(header[4], header[4] + header[5], 16):
            word, value, _, _, _, section = struct.unpack_from("<IIIBBH", image, at)
            if image[names + word:image.index(b"\0", names + word)].decode() == name:
                return headers[section][4] + value - headers[section][3]
    raise ValueError("no symbol '%s'" % name)


class Cases:
    """Each method is one case; a fresh folder for all."""

    def __init__(self, folder):
        self.folder = folder
        self.recording = record(self.path("one.json"))
        self.model = self.path("m.bpm")
        done = lab("train", "--out", self.model, self.recording)
        assert done.returncode == 0, done.stderr

    def path(self, name):
        """A name in the folder."""
        return os.path.join(self.folder, name)

    def run(self, *words, **environment):
        """Recognises on the RISC-V machine."""
        return lab("run", "--on", "virt", "--model", self.model, *words, self.recording, **environment)

    def broken(self, name, code):
        """An image in which taking a sample does something else."""
        with open(IMAGE, "rb") as stream:
            image = bytearray(stream.read())
        at = find_symbol(bytes(image), "bpg_recognizer_push")
        image[at:at + len(code)] = code
        with open(self.path(name), "wb") as stream:
            stream.write(image)
        return stream.name

    def same(self, model, recording):
        """Both machines print the same."""
        for raw in ([], ["--raw"]):
            here = lab("run", "--model", model, *raw, recording)
            there = lab("run", "--on", "virt", "--model", model, *raw, recording)
            assert here.returncode == 0 and there.returncode == 0, here.stderr + there.stderr
            assert here.stdout == there.stdout and here.stdout.count("\n") > 50, recording

    def test_same_lines(self):
        """What is printed is the same; figures go to standard error."""
        self.same(self.model, self.recording)
        here = lab("run", "--on", "host", "--model", self.model, self.recording)
        done = self.run("--stats", "--json")
        assert done.stdout == here.stdout and not here.stderr
        stats = json.loads(done.stderr)
        assert stats["decisions"] == done.stdout.count("\n") - 1
        assert 0 < stats["instructions"]["mean"] <= stats["instructions"]["max"]
        assert stats["instructions_after_last_sample"]["max"] <= stats["instructions"]["max"]
        assert stats["ram_bytes"] == stats["state_bytes"] + stats["stack_bytes"]
        assert stats["model_bytes"] == os.path.getsize(self.model)
        text = self.run("--stats")
        assert text.stdout == here.stdout and "%u" % stats["instructions"]["max"] in text.stderr, text.stderr

    def test_long_recording(self):
        """More than any buffer between the machines holds."""
        path = record(self.path("long.json"), seconds=3, channels=16, rate=2000)
        model = self.path("long.bpm")
        assert lab("train", "--out", model, path).returncode == 0
        self.same(model, path)

    def test_shorter_than_a_window(self):
        """No decision, no error, the header alone."""
        path = self.path("short.json")
        with open(self.recording, encoding="ascii") as stream:
            about = json.load(stream)
        about.update(samples=3, segments=[])
        with open(path, "w", encoding="ascii") as stream:
            json.dump(about, stream)
        with open(path[:-5] + ".bin", "wb") as stream:
            stream.write(bytes(3 * 16))
        done = lab("run", "--on", "virt", "--stats", "--json", "--model", self.model, path)
        assert done.returncode == 0 and done.stdout.count("\n") == 1, done.stderr
        assert json.loads(done.stderr)["decisions"] == 0

    def test_crash(self):
        """An exception ends the run, and is named with its place."""
        for number, (told, code) in enumerate(FAULTS.items()):
            done = self.run(BIONICPRO_VIRT_IMAGE=self.broken("fault%d.elf" % number, code))
            assert done.returncode == 1 and done.stdout == "", done
            assert "crashed: %s" % told in done.stderr and " at 0x8000" in done.stderr, done.stderr

    def test_stack_overflow(self):
        """A stack without end comes upon the page that must not be touched."""
        done = self.run(BIONICPRO_VIRT_IMAGE=self.broken("deep.elf", DEEP))
        assert done.returncode == 1 and "crashed: forbidden write" in done.stderr, done.stderr

    def test_hang(self):
        """A loop without end is ended."""
        image = self.broken("endless.elf", ENDLESS)
        for words in ([], ["--stats"]):
            done = self.run(*words, BIONICPRO_VIRT_IMAGE=image, BIONICPRO_VIRT_PATIENCE="1")
            assert done.returncode == 1 and "did nothing for 1 s" in done.stderr, done.stderr

    def test_nothing_left_behind(self):
        """Whatever ends the program ends QEMU, too."""
        image = self.broken("endless-too.elf", ENDLESS)
        for number in (signal.SIGINT, signal.SIGKILL):
            child = subprocess.Popen([CTL, "lab", "run", "--on", "virt", "--model", self.model, self.recording],
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                     env=dict(os.environ, BIONICPRO_VIRT_IMAGE=image))
            machine = self.wait(lambda: self.find_machine(image))
            child.send_signal(number)
            child.wait()
            self.wait(lambda: not os.path.exists("/proc/%s" % machine) or self.find_machine(image) is None)

    @staticmethod
    def wait(condition):
        """Waits until it holds; returns what it gave."""
        for _ in range(3000):
            if result := condition():
                return result
            time.sleep(0.02)
        raise AssertionError("it never came")

    @staticmethod
    def find_machine(image):
        """The process that runs an image."""
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            try:
                with open(path, "rb") as stream:
                    words = stream.read().split(b"\0")
            except OSError:
                continue
            if os.path.basename(words[0]).decode() == QEMU and image.encode() in words:
                return path.split("/")[2]
        return None

    def test_not_there(self):
        """Without QEMU, and with an image that is none, it is said what to do."""
        done = self.run(PATH=self.folder)
        assert done.returncode == 1 and ": NotFound: " in done.stderr, done.stderr
        assert "qemu-system-misc" in done.stderr and done.stdout == ""
        for content in (b"", b"no image"):
            with open(self.path("no.elf"), "wb") as stream:
                stream.write(content)
            done = self.run(BIONICPRO_VIRT_IMAGE=stream.name, BIONICPRO_VIRT_PATIENCE="3")
            assert done.returncode == 1 and done.stdout == "", done
        done = self.run(BIONICPRO_VIRT_IMAGE=self.path("absent.elf"))
        assert done.returncode == 1 and "absent.elf" in done.stderr, done.stderr

    def test_command_line(self):
        """What does not fit together is 2."""
        for words in (("--on", "moon"), ("--stats",), ("--on", "virt", "--json"), ("--on", "host", "--stats")):
            done = lab("run", "--model", self.model, *words, self.recording)
            assert done.returncode == 2 and done.stdout == "", (words, done)

    def test_real_recordings(self):
        """Recordings of people, where there are any."""
        groups = [sorted(glob.glob(os.path.join(DATA, name, "*.json")))[:3]
                  for name in ("longterm30", "myoreadings", "ssstm25", "biopatrec10")]
        if not any(groups):
            raise Skipped("no recordings in %s" % DATA)
        model, tried = self.path("real.bpm"), 0
        for group in groups:
            for path in group:
                if lab("train", "--out", model, path).returncode == 0:
                    self.same(model, group[-1])
                    tried += 1
        assert tried


def why_not():
    """Why nothing can be tried, or None."""
    if not shutil.which(QEMU):
        return "%s is not installed" % QEMU
    return None if IMAGE else "there is no RISC-V build: its compiler is not installed"


def main():
    """Runs the cases; speaks TAP."""
    if reason := why_not():
        print("1..0 # SKIP %s" % reason)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        cases = Cases(folder)
        names = sorted(name for name in dir(cases) if name.startswith("test_"))
        print("1..%d" % len(names))
        failed = 0
        for number, name in enumerate(names, 1):
            try:
                getattr(cases, name)()
                print("ok %d %s" % (number, name), flush=True)
            except Skipped as reason:
                print("ok %d %s # SKIP %s" % (number, name, reason), flush=True)
            except (AssertionError, ValueError, OSError, subprocess.SubprocessError) as error:
                failed += 1
                print("not ok %d %s\n# %s" % (number, name, str(error).replace("\n", "\n# ")), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
