#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""updated killed at its requests and writes; the arm's power cut at every flash operation."""
import itertools
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from workshop import BusError, Workshop, main, wait_for  # noqa: E402

# What a job that was cut off may end with besides success.
NAMED = ("WrongState", "Disconnected", "TimedOut")


def run_killed(shop, start, inject):
    """Starts a job while updated is killed at a system call; gives the job's end, or None."""
    tracer = shop.trace(inject)
    process = shop.house.daemons["update"]
    try:
        job = start()
    except BusError:
        job = None
    wait_for(lambda: not process.running() or (job and job in shop.jobs.finished), "end or death")
    tracer.stop()
    # Also what is written after the end can be what it is killed at.
    killed = not shop.house.survives("update")
    told = job in shop.jobs.finished
    if killed:
        shop.house.start("update")
    if job is None:
        # Nobody was told of a job; should there be one all the same, it ends by itself.
        shop.settled()
        return killed, None
    end = shop.jobs.wait(job)
    # Killed between telling and striking it off, the job is told of again.
    if not told:
        shop.jobs.once(job)
    shop.settled()
    return killed, end


def kill_everywhere(shop, prepare, start, check, call, step=1):
    """Kills updated at each `step`th call of a kind, until the job gets through."""
    for when in itertools.count(1, step):
        prepare()
        killed, end = run_killed(shop, start, "%s:signal=KILL:when=%d" % (call, when))
        if end is not None and not end[0]:
            assert end[1] in NAMED, (call, when, end)
        check(end)
        if not killed:
            assert end is not None and end[0], end
            assert when > 2, "nothing was killed"
            return


class Bench(Workshop):
    """A workshop with three models, the first confirmed."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.third = (self.train(seed) for seed in (1, 2, 3))
        self.confirmed(self.first)

    def fresh(self):
        """The first decides, the second is in no slot."""
        if self.state() == "trial":
            self.jobs.succeed(self.call("RollBack"))
        if self.active() != self.first.get("Model1.Hash"):
            self.jobs.succeed(self.call("RollBack", model=("s", self.first.get("Model1.Hash"))))
        self.jobs.succeed(self.install(self.third, trial=("b", False)))
        self.decides(self.first)

    def on_trial(self):
        """The second is on trial."""
        if self.active() != self.second.get("Model1.Hash") or self.state() != "trial":
            self.fresh()
            self.jobs.succeed(self.install(self.second))

    def both_good(self):
        """The second is confirmed, the first in the other slot."""
        self.on_trial()
        self.jobs.succeed(self.call("Confirm"))

    def tried(self, end):
        """An end of an installation is what the arm does."""
        if end is None:
            return
        self.decides(self.second if end[0] else self.first)
        assert self.state() == "trial" if end[0] else self.state() in ("idle", "pending")


def killed_installing_requests():
    """Killed at each request to the arm, an installation ends once, and the arm is as it says."""
    with Bench() as shop:
        kill_everywhere(shop, shop.fresh, lambda: shop.install(shop.second), shop.tried, "sendto")


def killed_installing_writes():
    """The same at its writes to the disk."""
    with Bench() as shop:
        kill_everywhere(shop, shop.fresh, lambda: shop.install(shop.second), shop.tried, "pwrite64",
                        3)


def killed_confirming():
    """Killed while confirming: confirmed, or still what the arm had."""
    with Bench() as shop:
        def check(end):
            if end is not None and end[0]:
                assert shop.state() == "idle"
                shop.decides(shop.second)
                assert shop.slots.get("Slots1.Confirmed") == shop.second.get("Model1.Hash")
        kill_everywhere(shop, shop.on_trial, lambda: shop.call("Confirm"), check, "sendto")


def killed_starting_trial():
    """Killed while a trial is started."""
    with Bench() as shop:
        def prepare():
            shop.fresh()
            shop.jobs.succeed(shop.install(shop.second, trial=("b", False)))
        kill_everywhere(shop, prepare, lambda: shop.call("StartTrial"), shop.tried, "sendto")


def killed_rolling_back():
    """Killed while rolling back: back, and confirmed."""
    with Bench() as shop:
        def check(end):
            if end is not None and end[0]:
                shop.decides(shop.first)
                assert shop.state() in ("idle", "pending")
                assert shop.slots.get("Slots1.Confirmed") == shop.first.get("Model1.Hash")
        kill_everywhere(shop, shop.both_good, lambda: shop.call("RollBack"), check, "sendto")


def flash_operations(shop):
    """Flash operations of the arm so far."""
    return shop.arm.tell("status")["flash_operations"]


def power_cuts():
    """The arm's power is cut at every flash operation of an installation: the old model decides, and
    the retry works.
    """
    with Bench() as shop:
        shop.fresh()
        before = flash_operations(shop)
        shop.jobs.succeed(shop.install(shop.second))
        total = flash_operations(shop) - before
        assert total > 20
        for cut in range(1, total + 1):
            shop.fresh()
            shop.arm.tell("power-cut", "at", cut)
            success, error, message, _ = shop.jobs.wait(shop.install(shop.second))
            shop.arm.tell("power-on")
            shop.connected()
            shop.settled()
            if not success:
                assert error in ("Disconnected", "TimedOut"), (cut, error, message)
                assert "old model" in message
            # A trial ends with the power.
            shop.decides(shop.first)
            shop.jobs.succeed(shop.install(shop.second))
            shop.decides(shop.second)


if __name__ == "__main__":
    main(killed_installing_requests, killed_installing_writes, killed_confirming,
         killed_starting_trial, killed_rolling_back, power_cuts)
