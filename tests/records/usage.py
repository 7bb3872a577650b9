#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The arm's usage log, fetched through the real daemons from a virtual arm: all of it, each once."""
import contextlib
import itertools
import os
import sys

sys.path.insert(0, os.path.join(os.environ["BIONICPRO_TEST_SRCDIR"], "tests", "integration"))
from harness import (BusError, GLib, House, NAMES, Process, main, spin,  # noqa: E402
                     wait_for)
from arm import Arm  # noqa: E402
from clinic import Clinic, variant_dict  # noqa: E402


class Bound:
    """A house with one bound arm whose minutes last a second."""

    def __init__(self):
        self.stack = contextlib.ExitStack()
        try:
            self.set_up()
        except BaseException:
            self.stack.close()
            raise

    def set_up(self):
        """Starts everything, and binds the arm."""
        self.house = self.stack.enter_context(House())
        for part in ("records", "update", "pairing"):
            self.house.start(part, wait=False)
        for part in ("records", "update", "pairing"):
            self.house.wait_name(part)
        self.clinic = Clinic(self.house)
        self.arm = Arm(self.house, "arm", "--speed", "60")
        self.clinic.pairing.call("Pairing1.AddPort", "(sa{sv})", self.arm.link, {})
        self.prosthesis = self.clinic.prosthesis(self.arm)
        self.patient = self.clinic.create_patient()
        self.clinic.bind(self.arm, self.prosthesis, self.patient)
        self.usage = self.clinic.usage(self.arm)
        wait_for(lambda: self.number("Fetched"), "first fetch")

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            for process in self.house.processes:
                print("# --- %s\n# %s" % (process.name,
                                          process.output()[-3000:].replace("\n", "\n# ")))
        try:
            complaints = self.house.complaints()
            assert kind is not None or not complaints, complaints
        finally:
            self.stack.close()

    def number(self, name):
        """A figure of Usage1; 0 while the object is not there."""
        try:
            return self.usage.get("Usage1." + name)
        except BusError:
            return 0

    def logged(self):
        """Records the arm has written since it was made."""
        return self.arm.tell("status")["usage_records"]

    def fetch(self):
        """Starts a fetch; gives its job's path."""
        return self.usage.call("Usage1.Fetch", "(a{sv})", {})

    def fetched(self):
        """Fetches, and gives the result."""
        return self.clinic.jobs.succeed(self.fetch())

    def read(self, start=0, **options):
        """Stored records."""
        return self.usage.call("Usage1.Read", "(ta{sv})", start, variant_dict(**options))

    def whole(self):
        """Asserts that all records are there, each once."""
        records = [record for page in self.pages() for record in page]
        sequences = [record["sequence"] for record in records]
        assert sequences == list(range(len(sequences))), sequences
        assert self.number("Records") == len(records)
        assert self.number("Next") == len(records)
        assert self.number("Overwritten") == 0
        assert not [record for record in records if record["kind"] in ("other", "damaged")], records
        return records

    def pages(self):
        """All records, in pages."""
        start = 0
        while page := self.read(start, limit=("u", 7)):
            assert len(page) <= 7
            yield page
            start = page[-1]["sequence"] + 1

    def trace(self, inject):
        """Has system calls of recordsd fail, or kill it."""
        daemon = self.house.daemons["records"]
        pid = daemon.pid
        tracer = Process(self.house, "strace", [
            "strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + inject.split(":")[0], "-e",
            "inject=" + inject, "-p", str(pid)])

        def attached():
            # What is to be killed may be before anybody sees that it is traced.
            if not daemon.running():
                return True
            with open("/proc/%d/status" % pid, encoding="ascii") as status:
                return "TracerPid:\t0" not in status.read()
        wait_for(attached, "tracer")
        return tracer


def fetched_when_connected():
    """The log is fetched when the arm connects, stored, and can be read in pages."""
    with Bound() as bound:
        wait_for(lambda: bound.logged() > bound.number("Next") + 3, "a longer log")
        bound.arm.tell("unplug")
        bound.clinic.prosthesis(bound.arm, connected=False)
        before = bound.number("Next")
        bound.clinic.jobs.fail(bound.fetch(), "Disconnected")
        bound.arm.tell("plug")
        wait_for(lambda: bound.number("Next") > before, "fetch at connecting")
        records = bound.whole()
        kinds = {record["kind"] for record in records}
        assert {"start", "binding", "minute"} <= kinds, kinds
        start = next(record for record in records if record["kind"] == "start")
        assert start["reason"] == "power-on" and start["sequence"] == 0
        minute = [record for record in records if record["kind"] == "minute"][-1]
        assert minute["battery"] <= 100 and isinstance(minute["worn"], bool)
        assert isinstance(minute["movements"], dict) and minute["faults"] == 0
        assert minute["tick"] > 0
        assert next(record for record in records if record["kind"] == "binding")["bound"]
        assert bound.usage.get("Usage1.Prosthesis") == bound.arm.device_id
        assert bound.usage.get("Usage1.Fetched") > 0
        bound.house.kill("records")
        bound.house.start("records")
        assert bound.whole()[:len(records)] == records


def options():
    """Unknown keys and senseless limits are refused by name."""
    with Bound() as bound:
        for name, given in (("UnknownOption", variant_dict(x=("b", True))),
                            ("InvalidArgument", variant_dict(limit=("u", 0))),
                            ("InvalidArgument", variant_dict(limit=("u", 1001)))):
            bound.usage.expect(name, "Usage1.Read", "(ta{sv})", 0, given)
        bound.usage.expect("UnknownOption", "Usage1.Fetch", "(a{sv})", variant_dict(x=("b", True)))
        assert bound.read(2 ** 64 - 1) == [] and bound.read(10 ** 6) == []
        assert len(bound.read(0)) == bound.number("Records")
        # Two at once end with the same fetch.
        first, second = bound.fetch(), bound.fetch()
        for job in (first, second):
            bound.clinic.jobs.succeed(job)
            bound.clinic.jobs.once(job)


def deleted_with_the_patient():
    """Usage goes with the patient."""
    with Bound() as bound:
        assert bound.number("Records") > 0
        bound.clinic.jobs.succeed(bound.patient.call("Patient1.Delete", "(a{sv})", {}))
        assert bound.number("Records") == 0 and bound.read(0) == []
        # The arm is bound still; what it logs of a patient who is gone must not come back.
        wait_for(lambda: bound.logged() > bound.number("Next"), "a longer log")
        bound.clinic.jobs.fail(bound.fetch(), "NotFound")
        bound.arm.tell("unplug")
        bound.clinic.prosthesis(bound.arm, connected=False)
        bound.arm.tell("plug")
        bound.clinic.prosthesis(bound.arm)
        spin(0.5)
        assert bound.number("Records") == 0 and bound.read(0) == []
        # And it can be unbound: there is nobody left with whom to write that down.
        job = bound.prosthesis.call("Prosthesis1.Unbind", "(a{sv})", {})
        bound.clinic.request()
        bound.arm.tell("button")
        bound.clinic.jobs.succeed(job)
        assert bound.prosthesis.get("Prosthesis1.State") == "unbound"


def killed():
    """Killed at each request to the arm and at its writes: nothing is lost, nothing is there twice."""
    with Bound() as bound:
        for call, step in (("sendto", 1), ("pwrite64", 2)):
            for when in itertools.count(1, step):
                wait_for(lambda: bound.logged() > bound.number("Next"), "a longer log")
                tracer = bound.trace("%s:signal=KILL:when=%d" % (call, when))
                process = bound.house.daemons["records"]
                try:
                    job = bound.fetch()
                except BusError:
                    job = None
                wait_for(lambda: not process.running() or job in bound.clinic.jobs.finished,
                         "end or death")
                # Also what is written after the end can be what it is killed at.
                spin(0.5)
                tracer.stop()
                if bound.house.survives("records"):
                    break
                told = job in bound.clinic.jobs.finished
                bound.house.start("records")
                if job and not told:
                    # Killed between writing its end down and telling it, it has ended well.
                    success, error, message, _ = bound.clinic.jobs.wait(job)
                    assert success or error == "Failed", (error, message)
                    bound.clinic.jobs.once(job)
                wait_for(lambda: bound.number("Next") > 0, "usage again")
            assert when > 1, "nothing was killed"
            bound.fetched()
            bound.whole()


def no_room():
    """Without room the job ends as NoSpace, and the arm keeps what could not be stored."""
    with Bound() as bound:
        wait_for(lambda: bound.logged() > bound.number("Next"), "a longer log")
        before = bound.number("Next")
        # The job is written down first, so the room ends after that.
        tracer = bound.trace("pwrite64:error=ENOSPC:when=5+")
        bound.clinic.jobs.fail(bound.fetch(), "NoSpace")
        tracer.stop()
        assert bound.number("Next") == before
        bound.fetched()
        assert len(bound.whole()) > before


if __name__ == "__main__":
    main(fetched_when_connected, options, deleted_with_the_patient, killed, no_room)
