# SPDX-License-Identifier: LGPL-2.1-or-later
"""A clinic with one bound virtual arm and models to put on it, for the tests of updated."""
import array
import contextlib
import math
import os
import random
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.environ["BIONICPRO_TEST_SRCDIR"], "tests", "integration"))
from harness import (BUILD, Gio, GLib, House, NAMES, Object, ROOTS, BusError, Process, TimedOut,  # noqa: E402
                     main, spin, wait_for)
from arm import Arm  # noqa: E402
from clinic import Clinic, variant_dict  # noqa: E402

MOVEMENTS = (("rest", 0), ("wrist_flexion", 1), ("hand_close", 7))
COUNT = 1500


def signal(movement, repetition, channels, seed):
    """Noise whose strength over the electrodes tells the movement."""
    generator = random.Random("%s %s %s" % (seed, movement, repetition))
    strengths = [20 + (0 if movement == 0 else 400 * (1 + math.cos(
        2 * math.pi * (channel / channels - movement / 10)))) for channel in range(channels)]
    return array.array("h", (
        max(-32000, min(32000, int(generator.gauss(0, strengths[i % channels]))))
        for i in range(COUNT * channels))).tobytes()


class Workshop:
    """A house with daemons, one virtual arm on a serial line, bound; and models of it."""

    def __init__(self, *arguments):
        self.stack = contextlib.ExitStack()
        try:
            self.set_up(*arguments)
        except BaseException:
            self.stack.close()
            raise

    def set_up(self, *arguments):
        """Starts everything, and binds the arm."""
        self.house = self.stack.enter_context(House())
        self.start_daemons()
        self.clinic = Clinic(self.house)
        self.jobs = self.clinic.jobs
        self.arm = self.add_arm("arm", *arguments)
        self.prosthesis = self.clinic.prosthesis(self.arm)
        self.patient = self.clinic.create_patient(name="A")
        self.clinic.bind(self.arm, self.prosthesis, self.patient)
        self.slots = self.clinic.slots(self.arm)
        wait_for(lambda: self.state() == "idle", "slots that are known")

    def start_daemons(self):
        """Starts the daemons."""
        self.house.start_all()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            for process in self.house.processes:
                print("# --- %s\n# %s" % (process.name,
                                          process.output()[-3000:].replace("\n", "\n# ")))
        try:
            complaints = self.house.complaints()
            if kind is None:
                assert not complaints, complaints
        finally:
            self.stack.close()

    def add_arm(self, name, *arguments):
        """One more arm on a line of its own."""
        arm = Arm(self.house, name, *arguments)
        self.clinic.pairing.call("Pairing1.AddPort", "(sa{sv})", arm.link, {})
        return arm

    def state(self):
        """State of the slots; None while there are none."""
        try:
            return self.slots.get("Slots1.State")
        except BusError:
            return None

    def record(self, seed, prosthesis=None, patient=None):
        """A recording of three repetitions of each movement."""
        prosthesis, patient = prosthesis or self.prosthesis, patient or self.patient
        properties = prosthesis.properties("Prosthesis1")
        channels = properties["Channels"]
        recording = Object(self.house, NAMES["records"], self.clinic.records.call(
            "Records1.CreateRecording", "(osa{sv})", patient.path, properties["DeviceId"],
            variant_dict(rate=("u", properties["SamplingRate"]), channels=("u", channels),
                         lsb=("d", properties["Lsb"]), unit=("s", properties["Unit"]))))
        for name, code in MOVEMENTS:
            for repetition in (1, 2, 3):
                fd = os.memfd_create("samples", os.MFD_ALLOW_SEALING)
                os.write(fd, signal(code, repetition, channels, seed))
                recording.call("Recording1.AppendRepetition", "(ha{sv})", 0, variant_dict(
                    movement=("s", name), code=("y", code), repetition=("u", repetition),
                    count=("t", COUNT)), fds=[fd])
                os.close(fd)
        recording.call("Recording1.Complete", "(a{sv})", {})
        return recording.path

    def train(self, seed, **options):
        """A model's object, trained on a recording of its own; nothing it has to beat."""
        job = self.clinic.train([self.record(seed, **options)], compare=("o", "/"))
        return Object(self.house, NAMES["training"], self.jobs.succeed(job)["model"])

    def install(self, model, **options):
        """Starts an installation."""
        return self.clinic.install(self.prosthesis, model.path, **options)

    def call(self, member, **options):
        """Calls StartTrial, Confirm or RollBack."""
        return self.clinic.update.call("Update1." + member, "(oa{sv})", self.prosthesis.path,
                                       variant_dict(**options))

    def confirmed(self, model, **options):
        """Installs, tries and confirms a model."""
        result = self.jobs.succeed(self.install(model, **options))
        self.jobs.succeed(self.call("Confirm"))
        return result

    def active(self):
        """Hash of the model that Slots1 says decides."""
        return self.slots.get("Slots1.Active")

    def history(self):
        """What Slots1 says has happened, newest first: [(action, model, error)]."""
        return [(entry["action"], entry["model"], entry["error"].rsplit(".", 1)[-1])
                for entry in self.slots.get("Slots1.History")]

    def decides(self, model):
        """Asserts that the arm itself decides with a model (None: with none)."""
        self.prosthesis.call("Prosthesis1.Refresh", "(a{sv})", {})
        digest = self.prosthesis.get("Prosthesis1.ModelHash")
        assert digest == (model.get("Model1.Hash") if model else ""), (digest, model)

    def refuse(self, model):
        """Makes the registry of models call one refused, as a training that failed would have."""
        self.house.daemons["training"].stop()
        wait_for(lambda: not self.house.owner(NAMES["training"]), "end of training")
        store = sqlite3.connect(os.path.join(self.house.state("training"), "models.db"))
        with store:
            changed = store.execute("UPDATE model SET state = 'refused' WHERE hash LIKE ?",
                                    (model.rsplit("/", 1)[-1] + "%",)).rowcount
        store.close()
        assert changed == 1
        self.house.start("training")

    def settled(self):
        """Waits until what Slots1 says and what the arm does are the same."""
        seen = None

        def same():
            nonlocal seen
            try:
                self.prosthesis.call("Prosthesis1.Refresh", "(a{sv})", {})
                seen = (self.slots.get("Slots1.State"), self.slots.get("Slots1.Job"),
                        self.active(), self.prosthesis.get("Prosthesis1.ModelHash"))
            except BusError as error:
                seen = error
                return False
            return (seen[0] in ("idle", "pending", "trial") and seen[1] == "/" and
                    seen[2] == seen[3])
        try:
            wait_for(same, "agreement of slots and arm")
        except TimedOut as error:
            raise TimedOut("%s: %s" % (error, seen)) from None

    def trace(self, inject, *more):
        """Has system calls of updated fail, or kill it; stop() ends that. More is for strace."""
        daemon = self.house.daemons["update"]
        pid = daemon.pid
        tracer = Process(self.house, "strace", [
            "strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + inject.split(":")[0], "-e",
            "inject=" + inject, *more, "-p", str(pid)])

        def attached():
            # What is to be killed may be before anybody sees that it is traced.
            if not daemon.running():
                return True
            with open("/proc/%d/status" % pid, encoding="ascii") as status:
                return "TracerPid:\t0" not in status.read()
        wait_for(attached, "tracer")
        return tracer

    def connected(self):
        """Waits for the arm to be back."""
        self.clinic.prosthesis(self.arm)


__all__ = ["Arm", "BUILD", "BusError", "Gio", "GLib", "NAMES", "Object", "Process", "ROOTS", "TimedOut", "Workshop",
           "main", "spin", "variant_dict", "wait_for"]
