#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The ROM loader's library, by bpg-rom-tool, against a double that does right and one that does wrong."""
import contextlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["BIONICPRO_TEST_SRCDIR"], "tests", "integration"))
from harness import BUILD, House, PATIENCE, main, sanitized  # noqa: E402
from rom_double import EFUSE_DATA1, EFUSE_DATA2, EFUSE_DATA3, RomDouble, SECTOR  # noqa: E402

TOOL = os.path.join(BUILD, "daemons", "update", "rom", "bpg-rom-tool")
MODEM = os.path.join(BUILD, "tests", "update", "librom-modem.so")
OFFSET = 0x10000


def noise(length, seed=0):
    """Bytes that nothing makes shorter."""
    return random.Random(seed).randbytes(length)


def text(length):
    """Bytes that become much shorter."""
    return (b"hand open, hand close, wrist flexion, wrist extension; " * (length // 50 + 1))[:length]


class Bench:
    """A folder with a double in it; use as a context."""

    def __init__(self, **options):
        self.folder = tempfile.mkdtemp(prefix="bionicpro-")
        self.path = os.path.join(self.folder, "line")
        self.modem = os.path.join(self.folder, "modem") if options.pop("modem", False) else None
        self.double = RomDouble(self.path, modem=self.modem, **options)
        self.phases, self.error = [], ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.double.close()
        shutil.rmtree(self.folder)

    def start(self, *arguments, images=()):
        """The tool at work."""
        names = []
        for number, (offset, data) in enumerate(images):
            name = os.path.join(self.folder, "image%d" % number)
            with open(name, "wb") as stream:
                stream.write(data)
            names.append("%s@%#x" % (name, offset))
        environment = dict(os.environ)
        if self.modem:
            libraries = [House.libasan()] if sanitized() else []
            environment.update(LD_PRELOAD=":".join(libraries + [MODEM]), BIONICPRO_ROM_MODEM=self.modem)
        return subprocess.Popen([TOOL, *arguments, self.path, *names], env=environment, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def finish(self, process, error=None):
        """Waits for it; `error` is how it has to end. Returns the figures."""
        out, err = process.communicate(timeout=PATIENCE)
        self.phases = [line.split()[0] for line in err.splitlines()]
        self.error = err.splitlines()[-1] if process.returncode else ""
        assert "runtime error" not in err and "Sanitizer" not in err, err
        wanted = "org.bionicpro.Error.%s: " % error if error else ""
        assert self.error.startswith(wanted) and bool(self.error) == bool(error), (self.error, err[-2000:])
        return json.loads(out)

    def flash(self, *arguments, images=(), error=None):
        """Flashes, and looks whether it is there."""
        figures = self.finish(self.start(*arguments, images=images), error)
        if not error:
            for offset, data in images:
                assert self.double.flash[offset:offset + len(data)] == data, hex(offset)
        return figures


def plain_and_deflated():
    """What is written is there, on a terminal and on a socket, plain and deflated; nothing else changes."""
    for unix_socket in (False, True):
        with Bench(unix_socket=unix_socket) as bench:
            bench.double.flash[:] = noise(len(bench.double.flash), 9)
            before = bytes(bench.double.flash)
            images = [(0, text(20000)), (OFFSET, noise(70001))]
            figures = bench.flash(images=images)
            assert figures["deflated"] and figures["flash_size"] == len(before), figures
            # Whole sectors: what is left of the last one is erased.
            ends = [(offset, offset + (len(data) + SECTOR - 1) // SECTOR * SECTOR) for offset, data in images]
            assert bench.double.flash[ends[0][1]:OFFSET] == before[ends[0][1]:OFFSET]
            assert bench.double.flash[ends[1][1]:] == before[ends[1][1]:]
            assert set(bench.double.flash[OFFSET + 70001:ends[1][1]]) == {0xFF}
            assert not bench.flash("--plain", images=[(0, text(30000))])["deflated"]
            assert bench.flash("--deflated", images=[(0, noise(9000))])["deflated"]
            assert [phase for phase in ("connecting", "checking", "writing", "verifying")
                    if phase in bench.phases] == list(dict.fromkeys(bench.phases)), bench.phases


def only_what_differs():
    """An image that is there is not written, and of one that differs only the sectors that do."""
    with Bench() as bench:
        data = bytearray(noise(256 * 1024))
        assert bench.flash(images=[(OFFSET, data)])["written"] == len(data)
        erased, before = bench.double.erased, sum(bench.double.commands.values())
        figures = bench.flash(images=[(OFFSET, data)])
        assert figures["written"] == 0 and bench.double.erased == erased
        # Far fewer questions than sectors.
        assert sum(bench.double.commands.values()) - before < 40, bench.double.commands
        for sector in (0, 31, 63):
            data[sector * SECTOR + 5] ^= 1
        figures = bench.flash(images=[(OFFSET, data)])
        assert figures["written"] == 3 * SECTOR and bench.double.erased == erased + 3 * SECTOR, figures


def erasing():
    """Erasing first takes the whole chip, or the images' sectors; blank sectors are not written."""
    with Bench() as bench:
        bench.double.flash[:] = bytes(len(bench.double.flash))
        data = b"\xff" * (2 * SECTOR) + noise(SECTOR)
        figures = bench.flash("--erase", "images", images=[(OFFSET, data)])
        assert figures["written"] == SECTOR and bench.double.erased == 3 * SECTOR, figures
        assert set(bench.double.flash[:OFFSET] + bench.double.flash[OFFSET + 3 * SECTOR:]) == {0}
        figures = bench.flash("--erase", "chip", images=[(OFFSET, data)])
        assert "erasing" in bench.phases and figures["written"] == SECTOR
        assert set(bench.double.flash[:OFFSET] + bench.double.flash[OFFSET + 3 * SECTOR:]) == {0xFF}


def images_that_do_not_fit():
    """Images that overlap, begin inside a sector, are empty or too long are refused before anything is sent."""
    with Bench(size=1024 * 1024) as bench:
        for images in ([(0, noise(SECTOR + 1)), (SECTOR, noise(5))], [(100, noise(5))], [(0, b"")]):
            bench.flash(images=images, error="InvalidArgument")
        assert not bench.double.commands
        bench.flash(images=[(0xFF000, noise(SECTOR + 1))], error="InvalidArgument")
        assert not bench.double.erased
        bench.flash("--flash-size", str(32 << 20), images=[(0xFFF000, noise(SECTOR + 1))], error="NotSupported")
        bench.double.flash_id = 0x00FF4020
        bench.flash(images=[(0, noise(5))], error="NotSupported")
        bench.flash("--flash-size", str(1 << 20), images=[(0, noise(5))])


def chips_that_are_secured():
    """A chip that a plain image would kill is refused, by what it says and by its eFuses, before it is touched."""
    with Bench() as bench:
        images = [(0, noise(5))]
        for attribute, value in (("security", 1), ("security", 4), ("crypt_count", 1), ("crypt_count", 7)):
            setattr(bench.double, attribute, value)
            bench.flash(images=images, error="ChipLocked")
            setattr(bench.double, attribute, 0)
        for register, value in ((EFUSE_DATA1, 1 << 18), (EFUSE_DATA1, 7 << 18), (EFUSE_DATA2, 1 << 20),
                                (EFUSE_DATA3, 1), (EFUSE_DATA3, 1 << 5)):
            bench.double.registers[register] = value
            bench.flash(images=images, error="ChipLocked")
            bench.double.registers.clear()
        bench.double.chip_id = 9
        bench.flash(images=images, error="Incompatible")
        assert not bench.double.erased and bench.double.commands[0x02] == bench.double.commands[0x10] == 0
        # An even number of bits is no encryption.
        bench.double.chip_id, bench.double.crypt_count = 5, 3
        bench.double.registers[EFUSE_DATA1] = 3 << 18
        bench.flash(images=images)


def silence():
    """A chip that does not answer ends in a sentence that says what to do."""
    with Bench() as bench:
        bench.double.silent = True
        bench.flash(images=[(0, noise(5))], error="TimedOut")
        assert "Hold BOOT, press RESET" in bench.error, bench.error
    with Bench(unix_socket=True) as bench:
        bench.double.close()
        bench.flash(images=[(0, noise(5))], error="NotFound")


def speeds():
    """The speed goes up, and back where it is refused, not carried, or only good for short frames."""
    images = [(OFFSET, noise(3 * SECTOR))]
    with Bench() as bench:
        assert bench.flash(images=images)["baud"] == 921600
        assert bench.double.baud == 115200
        # Wherever it was left, it is found.
        bench.double.baud = 460800
        assert bench.flash("--baud", "230400", images=images)["baud"] == 230400
        bench.double.refuses_baud = True
        assert bench.flash(images=images)["baud"] == 115200
    with Bench() as bench:
        bench.double.carries_blocks = 115200
        figures = bench.flash(images=images)
        assert figures["baud"] == 115200 and figures["retries"], figures
    # Without modem lines there is no way back: it says so.
    with Bench() as bench:
        bench.double.carries = 115200
        bench.flash(images=images, error="TimedOut")
        assert "choose a lower speed" in bench.error and "Hold BOOT" in bench.error, bench.error


def modem_lines():
    """DTR and RTS lead into the loader, out of a speed that is not carried, and out of the loader at the end."""
    with Bench(modem=True) as bench:
        bench.double.running = True
        bench.double.carries = 230400
        figures = bench.flash(images=[(OFFSET, noise(SECTOR))])
        assert figures["baud"] == 230400 and figures["restarted"], figures
        assert bench.double.resets == ["loader"] * 3 + ["program"] and bench.double.running, bench.double.resets
        bench.flash("--no-reset", images=[(OFFSET, noise(SECTOR, 1))], error="TimedOut")
        bench.double.running = False
        assert not bench.flash("--no-reset", "--baud", "115200", images=[(OFFSET, noise(SECTOR, 1))])["restarted"]


def loaders_that_cannot_deflate():
    """Where deflated flashing is refused, or what comes is not what was sent, it goes plain."""
    with Bench() as bench:
        bench.double.deflate = False
        assert not bench.flash(images=[(0, text(50000))])["deflated"]
    with Bench() as bench:
        bench.double.spoils_streams = True
        figures = bench.flash("--baud", "115200", "--deflated", images=[(0, noise(20000))])
        assert figures["deflated"] and figures["retries"] == 1 and bench.double.commands[0x03], figures


def lines_that_damage():
    """With one byte in 1,000 dropped, doubled or flipped, it ends right, or in an error that has a name."""
    for seed in range(4):
        with Bench() as bench:
            bench.double.random.seed(seed)
            bench.double.noise = 1
            data = noise(48 * 1024, seed)
            process = bench.start("--baud", "115200", "--absent", "5", images=[(OFFSET, data)])
            out, err = process.communicate(timeout=PATIENCE)
            last = err.splitlines()[-1]
            if process.returncode == 0:
                assert bench.double.flash[OFFSET:OFFSET + len(data)] == data
            else:
                assert re.match(r"org\.bionicpro\.Error\.[A-Z]\w+: .", last), last
            assert bench.double.spoilt, out
            print("# %d bytes spoilt: %s" % (bench.double.spoilt, last))


def unplugged():
    """A line that goes and comes back goes on from what is there; one that does not is told."""
    for unix_socket in (False, True):
        with Bench(unix_socket=unix_socket) as bench:
            bench.double.unplug_after = 40
            data = noise(256 * 1024)
            figures = bench.flash("--baud", "115200", images=[(OFFSET, data)])
            assert figures["resumed"] == 1 and bench.double.blocks < 80, figures
    with Bench() as bench:
        bench.double.unplug_after, bench.double.unplugged_seconds = 3, 1000000
        process = bench.start("--absent", "1", images=[(OFFSET, noise(64 * 1024))])
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)
        bench.finish(process, "NotFound")


def flash_that_does_not_keep():
    """A flash that does not take what is written, and MD5s that never fit, end in an error each."""
    with Bench() as bench:
        bench.double.bad_flash = True
        bench.flash("--plain", images=[(0, noise(SECTOR))], error="Failed")
        bench.flash("--deflated", images=[(0, noise(SECTOR))], error="Corrupt")
    with Bench() as bench:
        bench.double.wrong_md5 = True
        bench.flash(images=[(0, noise(2 * SECTOR))], error="Corrupt")


def the_ring():
    """While a block is written, the next one comes no further than the ROM can keep it."""
    with Bench(paced=True, timed=True) as bench:
        bench.flash(images=[(OFFSET, noise(128 * 1024))])
        assert bench.double.overruns == 0


if __name__ == "__main__":
    main(plain_and_deflated, only_what_differs, erasing, images_that_do_not_fit, chips_that_are_secured, silence, speeds,
         modem_lines, loaders_that_cannot_deflate, lines_that_damage, unplugged, flash_that_does_not_keep, the_ring)
