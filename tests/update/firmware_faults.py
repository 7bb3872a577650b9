#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Firmware over lines that fail, onto arms whose power fails, by a service that is killed: the arm runs
the old or the new, and every job ends once, right or in a named error."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from crashes import kill_everywhere  # noqa: E402
from firmware_shop import FirmwareShop, Object, wait_for  # noqa: E402
from workshop import main  # noqa: E402

# What a job that was cut off may end with besides success.
NAMED = ("WrongState", "Disconnected", "TimedOut")


class Bench(FirmwareShop):
    """A shop with an arm that runs the first firmware, and a second one."""

    def __init__(self, *arguments, size=20000):
        super().__init__(*arguments)
        self.first = self.firmware("1.0.0", size=5000)
        self.second = self.firmware("1.1.0", size=size)
        self.third = self.firmware("1.2.0", size=4096)
        self.kept(self.first)

    def start_daemons(self):
        """Starts the daemons."""
        super().start_daemons()
        # Whoever starts updated again after it was killed starts it like this.
        start = self.house.start
        self.house.start = lambda part, *arguments, **options: (
            self.start_update() if part == "update" and not arguments
            else start(part, *arguments, **options))

    def settled(self):
        """Waits until the slots are known, and nothing is done."""
        wait_for(lambda: self.state() not in (None, "unknown", "writing") and
                 self.slots.get("Slots1.Job") == "/", "settled arm")

    def which(self):
        """What runs, and whether on trial."""
        slots = self.slots.properties("Slots1")
        return slots["FirmwareVersion"], slots["FirmwareState"]

    def fresh(self):
        """The first runs, the second is in no slot."""
        self.settled()
        if self.which()[1] == "trial":
            self.jobs.succeed(self.about("RollBack"))
        self.jobs.succeed(self.put(self.third))
        self.jobs.succeed(self.about("RollBack"))
        assert self.which() == ("1.0.0", "idle"), self.which()

    def check(self, end):
        """An end of an installation is what the arm does."""
        if end is None:
            return
        if end[0]:
            self.runs(self.second, "trial")
        else:
            assert end[1] in NAMED and end[2], end
            assert self.which()[0] == "1.0.0", (end, self.which())


def unplugged():
    """Unplugged in each phase: Disconnected, the old firmware is there, and a retry goes on."""
    with Bench(size=60000) as shop:
        shop.arm.tell("baud", 115200)
        for phase in ("preparing", "uploading", "verifying", "restarting"):
            shop.fresh()
            job = Object(shop.house, shop.clinic.update.service, shop.put(shop.second))
            wait_for(lambda job=job, phase=phase: job.get("Job1.Phase") == phase or
                     job.get("Job1.State") == "finished", phase)
            shop.arm.tell("unplug")
            if phase == "restarting":
                # That may last: the arm starts anew meanwhile, and is waited for.
                shop.clinic.prosthesis(shop.arm, connected=False)
                shop.arm.tell("plug")
            success, error, message, _ = shop.jobs.wait(job.path)
            shop.jobs.once(job.path)
            if phase != "restarting":
                shop.arm.tell("plug")
            shop.connected()
            shop.settled()
            if not success:
                assert error == "Disconnected" and "old firmware" in message, (phase, error, message)
                assert shop.story()[0] == ("failed", "1.1.0", "Disconnected")
            shop.check((success, error, message))
        shop.fresh()
        shop.arm.tell("baud", 0)
        shop.kept(shop.second)


def noise():
    """One byte in a thousand is lost, doubled or damaged: it ends right, or with a named error."""
    with Bench(size=60000) as shop:
        for _ in range(3):
            shop.fresh()
            shop.arm.tell("noise", 1000)
            success, error, message, _ = shop.jobs.wait(job := shop.put(shop.second))
            shop.arm.tell("noise", 0)
            shop.jobs.once(job)
            shop.connected()
            shop.settled()
            print("# " + (error or "right"))
            if success:
                shop.check((True, "", ""))
            else:
                assert error in NAMED and message, (error, message)
                assert shop.which()[0] in ("1.0.0", "1.1.0")
        shop.fresh()
        shop.kept(shop.second)


def stalling_line():
    """The arm falls silent for moments, again and again: it still ends right."""
    with Bench(size=60000) as shop:
        shop.fresh()
        shop.arm.tell("baud", 115200)
        job = Object(shop.house, shop.clinic.update.service, shop.put(shop.second))
        for progress in (0.1, 0.3, 0.5, 0.7):
            wait_for(lambda progress=progress: job.get("Job1.Progress") > progress or
                     job.get("Job1.State") == "finished", "progress")
            shop.arm.tell("silent", "on")
            shop.arm.tell("silent", "off")
        shop.jobs.succeed(job.path)
        shop.runs(shop.second, "trial")


def flash_operations(shop):
    """Flash operations of the arm so far."""
    return shop.arm.tell("status")["flash_operations"]


def power_cuts():
    """The arm's power is cut at every fourth flash operation of an installation (at every one by the tests
    of the arm itself): it starts with the old or the new, and says which; the retry works."""
    with Bench(size=9000) as shop:
        shop.fresh()
        before = flash_operations(shop)
        shop.jobs.succeed(shop.put(shop.second))
        total = flash_operations(shop) - before
        old = new = 0
        for cut in range(1, total + 1, 4):
            shop.fresh()
            shop.arm.tell("power-cut", "at", cut)
            job = shop.put(shop.second)
            wait_for(lambda: not shop.arm.tell("status")["powered"], "cut")
            shop.arm.tell("power-on")
            end = shop.jobs.wait(job)
            shop.jobs.once(job)
            shop.connected()
            shop.settled()
            shop.check(end)
            version, _ = shop.which()
            assert version in ("1.0.0", "1.1.0")
            old, new = old + (version == "1.0.0"), new + (version == "1.1.0")
        print("# %d cuts: %d times the old firmware, %d times the new" % (old + new, old, new))
        assert total > 30
        shop.fresh()
        shop.kept(shop.second)


def killed_installing():
    """Killed at every second request to the arm, an installation ends once, and the arm runs what it says."""
    with Bench(size=9000) as shop:
        kill_everywhere(shop, shop.fresh, lambda: shop.put(shop.second), shop.check, "sendto", 2)


def killed_confirming():
    """Killed while confirming: confirmed, or still what the arm had."""
    with Bench(size=4000) as shop:
        newest = [shop.second]

        def prepare():
            shop.settled()
            if shop.which()[1] != "trial":
                newest.append(shop.firmware("1.1.%d" % len(newest), size=4000))
                shop.jobs.succeed(shop.put(newest[-1]))

        def check(end):
            if end is not None and end[0]:
                shop.runs(newest[-1])
        kill_everywhere(shop, prepare, lambda: shop.about("Confirm"), check, "sendto")


def killed_rolling_back():
    """Killed while a trial is ended by hand: back, and confirmed."""
    with Bench(size=4000) as shop:
        def prepare():
            shop.settled()
            if shop.which()[0] != "1.1.0":
                shop.jobs.succeed(shop.put(shop.second))

        def check(end):
            if end is not None and end[0]:
                shop.runs(shop.first)
        kill_everywhere(shop, prepare, lambda: shop.about("RollBack"), check, "sendto")


if __name__ == "__main__":
    main(unplugged, noise, stalling_line, power_cuts, killed_installing, killed_confirming,
         killed_rolling_back)
