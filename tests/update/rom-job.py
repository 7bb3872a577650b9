#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""FlashRom of the real bionicpro-updated, and `bionicctl flash-rom`, against a double of the ROM loader."""
import contextlib
import json
import os
import random
import sys

sys.path.insert(0, os.path.join(os.environ["BIONICPRO_TEST_SRCDIR"], "tests", "integration"))
from harness import House, Jobs, NAMES, Object, ROOTS, main, spin, wait_for  # noqa: E402
from clinic import variant_dict  # noqa: E402
from rom_double import RomDouble, SECTOR  # noqa: E402

OFFSET = 0x10000


class Bench:
    """A house with updated in it, and a double on a line."""

    def __init__(self, **options):
        self.stack = contextlib.ExitStack()
        self.house = self.stack.enter_context(House())
        self.line = os.path.join(self.house.directory, "line")
        self.double = self.stack.enter_context(RomDouble(self.line, **options))
        self.house.start("update")
        self.jobs = Jobs(self.house)
        self.update = Object(self.house, NAMES["update"], ROOTS["update"])

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        complaints = self.house.complaints()
        if kind:
            for process in self.house.processes:
                print("# --- %s\n# %s" % (process.name, process.output()[-3000:].replace("\n", "\n# ")))
        self.stack.close()
        assert kind or not complaints, complaints

    def file(self, name, data):
        """A file of the house."""
        path = os.path.join(self.house.directory, name)
        # A new one: a job may still be reading what was there.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        with open(path, "wb") as stream:
            stream.write(data)
        return path

    def arguments(self, images, port=None, **options):
        """What FlashRom takes, and the descriptors."""
        fds = [os.open(self.file("image%d" % number, data), os.O_RDONLY)
               for number, (_, data) in enumerate(images)]
        handles = [(offset, number) for number, (offset, _) in enumerate(images)]
        return ("(sa(uh)a{sv})", port or self.line, handles, variant_dict(**options)), fds

    def flash(self, *images, port=None, **options):
        """Starts a job; returns its path."""
        arguments, fds = self.arguments(images, port, **options)
        job = self.update.call("Update1.FlashRom", *arguments, fds=fds)
        for fd in fds:
            os.close(fd)
        return job

    def refuse(self, error, *images, port=None, **options):
        """Wants the call refused."""
        arguments, fds = self.arguments(images, port, **options)
        self.update.expect(error, "Update1.FlashRom", *arguments, fds=fds)
        for fd in fds:
            os.close(fd)


def noise(length, seed=0):
    """Bytes that nothing makes shorter."""
    return random.Random(seed).randbytes(length)


def flashed():
    """A job goes through its phases, says how far it is, and ends with figures; the flash holds the images."""
    with Bench() as bench:
        phases = []
        stop = bench.jobs.on_phase(None, phases.append)
        data, boot = noise(40000), b"second stage " * 400
        job = bench.flash((0, boot), (OFFSET, data), baud=("u", 460800), erase=("s", "images"))
        result = bench.jobs.succeed(job)
        bench.jobs.once(job)
        stop()
        assert bench.double.flash[:len(boot)] == boot and bench.double.flash[OFFSET:OFFSET + 40000] == data
        assert result["baud"] == 460800 and result["bytes"] == result["written"] == 12 * SECTOR, result
        assert not result["restarted"] and result["seconds"] > 0
        kind = Object(bench.house, NAMES["update"], job).properties("Job1")
        assert kind["Kind"] == "flash-rom" and kind["Progress"] == 1.0, kind
        order = ["connecting", "erasing", "checking", "writing", "verifying"]
        assert phases and [phase for phase in order if phase in phases] == sorted(set(phases), key=order.index), phases


def refused_calls():
    """What makes no sense is refused by name, and nothing is started."""
    with Bench() as bench:
        image = (0, noise(5))
        bench.refuse("UnknownOption", image, teapot=("b", True))
        bench.refuse("InvalidArgument", image, baud=("u", 115201))
        bench.refuse("InvalidArgument", image, baud=("u", 9600))
        bench.refuse("InvalidArgument", image, erase=("s", "everything"))
        bench.refuse("InvalidArgument", image, flash_size=("t", 1))
        bench.refuse("InvalidArgument", image, port="line")
        bench.refuse("InvalidArgument")
        bench.refuse("InvalidArgument", *[image] * 17)
        # A descriptor that did not come along.
        bench.update.expect("InvalidArgument", "Update1.FlashRom", "(sa(uh)a{sv})", bench.line, [(0, 3)], {})
        assert not bench.double.commands


def jobs_that_fail():
    """Each way in which a chip, a line or an image is no good ends in its error, with a sentence."""
    with Bench() as bench:
        image = (OFFSET, noise(2 * SECTOR))
        bench.double.security = 1
        bench.jobs.fail(bench.flash(image), "ChipLocked")
        bench.double.security, bench.double.chip_id = 0, 2
        bench.jobs.fail(bench.flash(image), "Incompatible")
        bench.double.chip_id, bench.double.wrong_md5 = 5, True
        _, result = bench.jobs.fail(bench.flash(image), "Corrupt")
        assert result["written"] and result["flash_size"] == len(bench.double.flash), result
        bench.double.wrong_md5, bench.double.silent = False, True
        _, error, message, _ = bench.jobs.wait(bench.flash(image))
        assert error == "TimedOut" and "Hold BOOT" in message, (error, message)
        bench.jobs.fail(bench.flash(image, image), "InvalidArgument")
        bench.jobs.fail(bench.flash((0, b"")), "InvalidArgument")
        bench.jobs.fail(bench.flash((0xFF0000, noise(20 * SECTOR))), "NotSupported")
        bench.jobs.fail(bench.flash((0, bytes((16 << 20) + 1))), "LimitExceeded")
        bench.jobs.fail(bench.flash(image, port=bench.line + "s"), "NotFound")
        bench.jobs.fail(bench.flash(image, port=bench.file("plain", b"")), "InvalidArgument")


def one_job_a_port():
    """A port has one job at a time, by whatever name it is called; cancelled, it is free again."""
    with Bench(paced=True) as bench:
        other = os.path.join(bench.house.directory, "other")
        os.symlink(bench.line, other)
        job = bench.flash((OFFSET, noise(512 * 1024)), baud=("u", 115200))
        bench.refuse("Busy", (0, noise(5)), port=other)
        wait_for(lambda: Object(bench.house, NAMES["update"], job).get("Job1.Progress") > 0.02, "progress")
        Object(bench.house, NAMES["update"], job).call("Job1.Cancel", "(a{sv})", {})
        bench.jobs.fail(job, "Cancelled")
        bench.jobs.once(job)
        bench.double.paced = False
        bench.jobs.succeed(bench.flash((0, noise(5)), port=other))


def unplugged():
    """A board that is unplugged and plugged in again is gone on with; a person is told what to do."""
    with Bench() as bench:
        bench.double.unplug_after = 20
        data = noise(160 * 1024)
        job = bench.flash((OFFSET, data))
        said = Object(bench.house, NAMES["update"], job)
        wait_for(lambda: "plug the board in" in said.get("Job1.Message") or job in bench.jobs.finished, "message")
        result = bench.jobs.succeed(job)
        assert result["resumed"] == 1 and bench.double.flash[OFFSET:OFFSET + len(data)] == data, result
        assert said.get("Job1.Message") == ""


def service_killed():
    """A job that a crash cut off ends as failed, and the next one finds what is there."""
    with Bench(paced=True) as bench:
        data = noise(256 * 1024)
        job = bench.flash((OFFSET, data))
        wait_for(lambda: bench.double.blocks > 10, "blocks")
        bench.house.kill("update")
        bench.house.start("update")
        success, error, message, _ = bench.jobs.wait(job)
        assert not success and error == "Failed" and message, (error, message)
        bench.double.paced = False
        result = bench.jobs.succeed(bench.flash((OFFSET, data)))
        assert 0 < result["written"] < result["bytes"], result


def pairing_looks():
    """pairingd and the loader never have a line at once: each waits for the other, or says who holds it."""
    with Bench(paced=True) as bench:
        bench.house.start("pairing")
        pairing = Object(bench.house, NAMES["pairing"], ROOTS["pairing"])
        pairing.call("Pairing1.AddPort", "(sa{sv})", bench.line, {})
        # Whether it is looking just now or not, the job gets the line in the end.
        job = bench.flash((OFFSET, noise(256 * 1024)))

        def port():
            return {entry["path"]: entry for entry in pairing.get("Pairing1.Ports")}.get(bench.line, {})
        wait_for(lambda: bench.double.blocks, "blocks")
        wait_for(lambda: port().get("error", "").endswith(".Busy") or job in bench.jobs.finished, "held line")
        assert bench.jobs.succeed(job)["retries"] == 0
        assert port().get("error", "").endswith(".Busy"), port()


def verb():
    """bionicctl flash-rom: for people, for machines, and when it goes wrong."""
    with Bench(unix_socket=True) as bench:
        data = noise(3 * SECTOR)
        image = bench.file("firmware.bin", data)

        def run(*arguments, status=0):
            done = bench.house.run("bionicctl", *arguments, check=False)
            assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
            return done
        done = run("flash-rom", "--port", bench.line, image + "@64K")
        assert bench.double.flash[OFFSET:OFFSET + len(data)] == data
        assert "Press RESET" in done.stderr and "Written" in done.stdout, done
        result = json.loads(run("--json", "flash-rom", "-p", "line", "--erase", "--no-reset", "--flash-size", "4M",
                                image + "@0x20000").stdout)
        assert result["written"] == len(data) and result["flash_size"] == 4 << 20, result
        assert set(bench.double.flash[OFFSET:OFFSET + len(data)]) == {0xFF}
        json.loads(run("--json", "flash-rom", "-p", "line", "--erase-images", "--baud", "115200",
                       image + "@0x20000", image + "@0").stdout)
        for wrong in (["flash-rom", image + "@0"], ["flash-rom", "-p", "line", image], ["flash-rom", "-p", "line"],
                      ["flash-rom", "-p", "line", image + "@x"], ["flash-rom", "-p", "line", image + "@-1"],
                      ["flash-rom", "-p", "line", "--erase", "--erase-images", image + "@0"],
                      ["flash-rom", "-p", "line", "--flash-size", "4X", image + "@0"],
                      ["flash-rom", "-p", "line", "--baud", "9600", image + "@0"]):
            run(*wrong, status=2)
        run("flash-rom", "-p", "line", bench.file("there", b"") + "not@0", status=3)
        bench.double.security = 1
        done = run("flash-rom", "-p", "line", image + "@0", status=6)
        assert "secure boot" in done.stderr and "Update this arm over the link" in done.stderr, done.stderr
        bench.double.security, bench.double.silent = 0, True
        assert "Hold BOOT" in run("flash-rom", "-p", "line", image + "@0", status=7).stderr
        # Started and left to itself.
        bench.double.silent = False
        job = json.loads(run("--json", "flash-rom", "-p", "line", "--no-wait", image + "@0x30000").stdout)
        spin(0)
        assert job, job


if __name__ == "__main__":
    main(flashed, refused_calls, jobs_that_fail, one_job_a_port, unplugged, service_killed, pairing_looks, verb)
