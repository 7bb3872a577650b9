#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Guided sessions as a client sees them: prompts, verdicts, what is kept, and everything that can break."""
import json
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.environ["BIONICPRO_TEST_SRCDIR"], "tests", "training"))
from arm import Arm, GLib, NAMES, ROOTS  # noqa: E402
from harness import House, Jobs, Object, Process, main, spin, wait_for  # noqa: E402

MOVEMENTS = ["wrist_flexion", "hand_close", "hand_open"]
TIMES = {"hold": GLib.Variant("d", 1), "rest": GLib.Variant("d", 0.5),
         "prepare": GLib.Variant("d", 0.2)}


class Clinic:
    """recordsd, trainingd and one arm."""

    def __init__(self, *arguments, **options):
        self.house = House()
        self.house.start("records")
        self.patient = Object(self.house, NAMES["records"], ROOTS["records"]).call(
            "Records1.CreatePatient", "(a{sv})", {})
        self.arm = Arm(self.house, self.patient.rsplit("/", 1)[1], **options)
        self.house.start("training", *arguments)
        self.jobs = Jobs(self.house)
        self.manager = self.training(ROOTS["training"])

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        # Leaks are told at the end; a call that the arm has not answered by then would look like one.
        spin(0.2)
        self.house.daemons["training"].stop()
        self.arm.close()
        complaints = self.house.complaints()
        if kind or complaints:
            print("# " + self.house.daemons["training"].output().replace("\n", "\n# "))
        self.house.close()
        assert kind or not complaints, complaints

    def training(self, path):
        """An object of trainingd."""
        return Object(self.house, NAMES["training"], path)

    def recording(self, path):
        """A recording."""
        return Object(self.house, NAMES["records"], path)

    def start_session(self, movements=MOVEMENTS, repetitions=2, **more):
        """A session that has not begun."""
        options = dict(TIMES, movements=GLib.Variant("as", movements),
                       repetitions=GLib.Variant("u", repetitions), **more)
        return self.training(self.manager.call("Training1.StartSession", "(oa{sv})", self.arm.path,
                                               options))

    def record(self, **options):
        """A whole session; gives its recording."""
        session = self.start_session(**options)
        job = session.call("Session1.Begin", "(a{sv})", {})
        self.arm.run(lambda: job in self.jobs.finished, "end of the session")
        return self.jobs.succeed(job)["recording"]

    def read(self, recording):
        """Side-car and samples of a recording."""
        fd = self.recording(recording).call("Recording1.Open", "(a{sv})", {})
        with os.fdopen(fd, "rb") as stream:
            content = stream.read()
        length = struct.unpack("<I", content[8:12])[0]
        return json.loads(content[12:12 + length]), content[12 + length:]


class Injector:
    """Has a system call of a daemon fail while it is entered."""

    def __init__(self, house, part, inject):
        self.pid, call = house.daemons[part].pid, inject.split(":")[0]
        self.tracer = Process(house, "strace", [
            "strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + call, "-e", "inject=" + inject,
            "-p", str(self.pid)])
        wait_for(self._traced, "tracer")

    def _traced(self):
        with open("/proc/%d/status" % self.pid, encoding="ascii") as status:
            return "TracerPid:\t0" not in status.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tracer.stop()
        wait_for(lambda: not self._traced(), "end of the tracer")


class Log:
    """Prompts and verdicts in their order."""

    def __init__(self, session):
        self.events = []
        session.watch("Session1.Prompt", lambda *a: self.events.append(("prompt",) + a))
        session.watch("Session1.Verdict", lambda *a: self.events.append(("verdict",) + a))

    def verdicts(self):
        """Only the verdicts."""
        return [event[1:] for event in self.events if event[0] == "verdict"]

    def phases(self):
        """Phase and movement of every prompt."""
        return [event[1:3] for event in self.events if event[0] == "prompt"]


def tells_movements():
    """The manager knows every movement."""
    with Clinic() as clinic:
        properties = clinic.manager.properties("Training1")
        assert properties["State"] == "ready" and properties["Problems"] == []
        assert properties["Movements"][0] == (0, "rest") and len(properties["Movements"]) == 13
        assert properties["Version"] and isinstance(properties["Features"], list)


def records_a_session():
    """A session prompts, judges, keeps and ends."""
    with Clinic() as clinic:
        session = clinic.start_session()
        before = session.properties("Session1")
        assert before["State"] == "ready" and before["Recording"] == "/" and before["Job"] == "/"
        assert before["Steps"] == 8 and before["Step"] == 0
        assert before["Prosthesis"] == clinic.arm.path and clinic.patient.endswith(before["Patient"])
        log = Log(session)
        job = session.call("Session1.Begin", "(a{sv})", {})
        clinic.arm.run(lambda: job in clinic.jobs.finished, "end of the session")
        result = clinic.jobs.succeed(job)
        clinic.jobs.once(job)
        assert result["accepted"] == 8 and result["refused"] == 0, (result, log.verdicts())

        assert log.phases()[:4] == [("prepare", "rest"), ("hold", "rest"), ("judging", "rest"),
                                    ("rest", "wrist_flexion")]
        assert log.phases()[4:6] == [("prepare", "wrist_flexion"), ("hold", "wrist_flexion")]
        holds = [event[4] for event in log.events if event[:2] == ("prompt", "hold")]
        prepares = [event[4] for event in log.events if event[:2] == ("prompt", "prepare")]
        for prepare, hold in zip(prepares, holds):
            assert hold["sample"] - prepare["sample"] == 40, (prepare, hold)
            assert hold["seconds"] == 1 and prepare["seconds"] == 0.2
        assert [hold["step"] for hold in holds] == list(range(8)) and holds[0]["steps"] == 8

        after = session.properties("Session1")
        assert after["State"] == "finished" and after["Step"] == 8 and after["Error"] == ""
        assert after["Job"] == job and after["Recording"] == result["recording"]
        assert len(after["Verdicts"]) == 8 and all(v["accepted"] for v in after["Verdicts"])
        assert len(after["Separability"]) == 6
        assert all(distance > 1 for _, _, distance in after["Separability"]), after["Separability"]
        assert after["Advice"] == "" and after["SecondsLeft"] == 0

        side_car, samples = clinic.read(result["recording"])
        recording = clinic.recording(result["recording"]).properties("Recording1")
        assert recording["State"] == "complete" and recording["SamplingRate"] == 200
        assert recording["Lsb"] == 0.25 and recording["Unit"] == "microvolt"
        assert [(r["movement"], r["repetition"]) for r in recording["Repetitions"]] == [
            (movement, repetition) for repetition in (1, 2) for movement in ["rest"] + MOVEMENTS]
        assert all(r["count"] == 200 for r in recording["Repetitions"])
        assert len(samples) == 8 * 200 * 8 * 2 and len(side_car["segments"]) == 8


def refuses_a_stuck_electrode():
    """A stuck electrode is named, and the repetition asked again."""
    with Clinic() as clinic:
        session = clinic.start_session()
        log = Log(session)
        job = session.call("Session1.Begin", "(a{sv})", {})
        clinic.arm.run(lambda: len(log.verdicts()) == 2, "two verdicts")
        clinic.arm.stuck = {4}
        clinic.arm.run(lambda: len(log.verdicts()) == 3, "third verdict")
        clinic.arm.stuck = set()
        movement, repetition, accepted, details = log.verdicts()[2]
        assert (movement, repetition, accepted) == ("hand_close", 1, False)
        assert "electrode-stuck" in details["reasons"] and details["electrodes"] == [4], details
        assert details["attempt"] == 1 and "Electrode 5" in details["advice"]
        assert details["figures"]["electrode-stuck"] > 0.5
        clinic.arm.run(lambda: job in clinic.jobs.finished, "end of the session")
        result = clinic.jobs.succeed(job)
        assert result["accepted"] == 8 and result["refused"] == 1
        again = log.verdicts()[3]
        assert again[:3] == ("hand_close", 1, True) and again[3]["attempt"] == 2


def waits_for_a_person():
    """What is refused too often waits for Redo or Skip; the session can be steered meanwhile."""
    with Clinic() as clinic:
        session = clinic.start_session(attempts=GLib.Variant("u", 2))
        log = Log(session)
        for member in ("Pause", "Resume", "Skip", "Finish"):
            session.expect("WrongState", "Session1." + member, "(a{sv})", {})
        session.expect("WrongState", "Session1.Redo", "(sua{sv})", "rest", 1, {})
        job = session.call("Session1.Begin", "(a{sv})", {})
        session.expect("WrongState", "Session1.Begin", "(a{sv})", {})
        clinic.arm.run(lambda: len(log.verdicts()) == 1, "the first verdict")
        clinic.arm.obeys = False
        clinic.arm.run(lambda: session.get("Session1.State") == "waiting", "waiting")
        refused = log.verdicts()[1:]
        assert [v[2] for v in refused] == [False, False]
        assert all("no-contraction" in v[3]["reasons"] for v in refused), refused
        session.expect("NotFound", "Session1.Redo", "(sua{sv})", "pointer", 1, {})
        session.expect("NotFound", "Session1.Redo", "(sua{sv})", "rest", 3, {})
        session.expect("UnknownOption", "Session1.Redo", "(sua{sv})", "rest", 1,
                       {"x": GLib.Variant("b", True)})
        clinic.arm.obeys = True
        session.call("Session1.Redo", "(sua{sv})", "wrist_flexion", 1, {})
        clinic.arm.run(lambda: len(log.verdicts()) == 4, "a verdict after Redo")
        assert log.verdicts()[3][:3] == ("wrist_flexion", 1, True)

        session.call("Session1.Pause", "(a{sv})", {})
        assert session.get("Session1.State") == "paused"
        heard = len(log.events)
        for _ in range(50):
            clinic.arm.batch()
        assert len(log.events) == heard, log.events[heard:]
        session.call("Session1.Resume", "(a{sv})", {})
        clinic.arm.run(lambda: ("hold", "hand_close") in log.phases(), "next prompt")
        session.call("Session1.Skip", "(a{sv})", {})
        session.call("Session1.Redo", "(sua{sv})", "rest", 1, {})
        clinic.arm.run(lambda: len(log.verdicts()) == 5, "rest again")
        assert log.verdicts()[4][:3] == ("rest", 1, True)
        session.call("Session1.Finish", "(a{sv})", {})
        result = clinic.jobs.succeed(job)
        assert result["accepted"] == 3 and result["refused"] == 2, result
        session.expect("WrongState", "Session1.Abort", "(a{sv})", {})
        recording = clinic.recording(result["recording"]).properties("Recording1")
        assert sorted((r["movement"], r["repetition"]) for r in recording["Repetitions"]) == [
            ("rest", 1), ("wrist_flexion", 1)], recording["Repetitions"]


def keeps_the_place_of_lost_samples():
    """A few lost samples keep their place; many refuse the repetition."""
    with Clinic() as clinic:
        session = clinic.start_session()
        log = Log(session)
        job = session.call("Session1.Begin", "(a{sv})", {})
        clinic.arm.run(lambda: ("hold", "rest") in log.phases(), "first hold")
        clinic.arm.batch()
        clinic.arm.lose(3)
        clinic.arm.run(lambda: ("hold", "wrist_flexion") in log.phases(), "second hold")
        clinic.arm.lose(60)
        clinic.arm.run(lambda: len(log.verdicts()) == 2, "two verdicts")
        assert log.verdicts()[0][2] and log.verdicts()[0][3]["figures"]["samples-lost"] == 0.015
        assert not log.verdicts()[1][2] and "samples-lost" in log.verdicts()[1][3]["reasons"]
        clinic.arm.run(lambda: job in clinic.jobs.finished, "end of the session")
        recording = clinic.jobs.succeed(job)["recording"]
        assert clinic.recording(recording).get("Recording1.LostSamples") == 3
        assert sum(gap["count"] for gap in clinic.read(recording)[0]["gaps"]) == 3


def begins_a_repetition_anew():
    """When the arm's samples begin anew, the repetition is asked again."""
    with Clinic() as clinic:
        session = clinic.start_session()
        log = Log(session)
        job = session.call("Session1.Begin", "(a{sv})", {})
        clinic.arm.run(lambda: ("hold", "wrist_flexion") in log.phases(), "a hold")
        clinic.arm.index = 0
        clinic.arm.run(lambda: job in clinic.jobs.finished, "end of the session")
        assert clinic.jobs.succeed(job)["accepted"] == 8
        assert log.phases().count(("hold", "wrist_flexion")) == 3


def ends_when_the_arm_leaves():
    """The arm leaves in each phase: one end, Disconnected, and the session can be gone on with."""
    with Clinic() as clinic:
        recording, options = None, {}
        for number, phase in enumerate(("prepare", "hold", "rest")):
            session = clinic.start_session(**options)
            log = Log(session)
            job = session.call("Session1.Begin", "(a{sv})", {})
            clinic.arm.run(lambda: any(p[0] == phase for p in log.phases()), phase)
            if phase == "rest":
                clinic.arm.run(lambda: len(log.verdicts()) >= 2, "two verdicts")
            clinic.arm.leave()
            _, result = clinic.jobs.fail(job, "Disconnected")
            clinic.jobs.once(job)
            assert session.get("Session1.State") == "failed"
            assert session.get("Session1.Error") == "org.bionicpro.Error.Disconnected"
            assert session.get("Session1.ErrorMessage")
            assert recording in (None, result["recording"])
            recording = result["recording"]
            assert clinic.recording(recording).get("Recording1.State") == "interrupted", number
            error = clinic.manager.expect("Disconnected", "Training1.StartSession", "(oa{sv})",
                                          clinic.arm.path, {})
            assert "plug" in error.message
            clinic.arm.come_back()
            options = {"recording": GLib.Variant("o", recording)}

        kept = len(clinic.recording(recording).get("Recording1.Repetitions"))
        assert kept >= 2
        session = clinic.start_session(**options)
        job = session.call("Session1.Begin", "(a{sv})", {})
        clinic.arm.run(lambda: job in clinic.jobs.finished, "end of the session")
        result = clinic.jobs.succeed(job)
        assert result["accepted"] == 8 - kept, result
        assert len(clinic.recording(recording).get("Recording1.Repetitions")) == 8
        session = clinic.start_session(**options)
        job = session.call("Session1.Begin", "(a{sv})", {})
        clinic.jobs.fail(job, "WrongState")


def notices_silence():
    """An arm that stays connected but sends nothing is taken for gone."""
    with Clinic() as clinic:
        session = clinic.start_session()
        log = Log(session)
        job = session.call("Session1.Begin", "(a{sv})", {})
        clinic.arm.run(lambda: log.verdicts(), "a verdict")
        clinic.jobs.fail(job, "Disconnected")
        assert "no samples" in session.get("Session1.ErrorMessage")


def refuses_senseless_sessions():
    """Unknown options, unknown movements, too few, two sessions on one arm, arms that are not there."""
    with Clinic() as clinic:
        def refuse(name, path=clinic.arm.path, **options):
            clinic.manager.expect(name, "Training1.StartSession", "(oa{sv})", path, options)

        refuse("UnknownOption", repetitons=GLib.Variant("u", 3))
        refuse("InvalidArgument", repetitions=GLib.Variant("u", 21))
        refuse("InvalidArgument", repetitions=GLib.Variant("s", "3"))
        refuse("InvalidArgument", hold=GLib.Variant("d", 0.1))
        refuse("InvalidArgument", rest=GLib.Variant("d", 0))
        refuse("InvalidArgument", prepare=GLib.Variant("d", float("nan")))
        refuse("InvalidArgument", movements=GLib.Variant("as", ["juggling"]))
        refuse("InvalidArgument", movements=GLib.Variant("as", []))
        refuse("InvalidArgument", movements=GLib.Variant("as", ["rest"]))
        refuse("InvalidArgument", movements=GLib.Variant("as", ["hand_open", "hand_open"]))
        refuse("InvalidArgument", purpose=GLib.Variant("s", "fun"))
        refuse("NotFound", ROOTS["pairing"] + "/prosthesis/nobody")
        clinic.arm.set(State="unbound")
        refuse("WrongState")
        clinic.arm.set(State="bound", Connected=False)
        refuse("Disconnected")
        clinic.arm.set(Connected=True)
        session = clinic.start_session()
        refuse("Busy")
        session.call("Session1.Abort", "(a{sv})", {})
        assert session.get("Session1.State") == "aborted"

        session = clinic.start_session()
        for member in ("Begin", "Pause", "Resume", "Skip", "Finish", "Abort"):
            session.expect("UnknownOption", "Session1." + member, "(a{sv})", {"x": GLib.Variant("b", True)})
        clinic.arm.refuse_stream = "LimitExceeded"
        job = session.call("Session1.Begin", "(a{sv})", {})
        clinic.jobs.fail(job, "LimitExceeded")
        clinic.jobs.once(job)


def aborts():
    """Abort and Cancel end the job with Cancelled and keep what was accepted."""
    with Clinic() as clinic:
        for cancel in (False, True):
            session = clinic.start_session()
            log = Log(session)
            job = session.call("Session1.Begin", "(a{sv})", {})
            clinic.arm.run(lambda: len(log.verdicts()) == 2, "two verdicts")
            if cancel:
                clinic.training(job).call("Job1.Cancel", "(a{sv})", {})
            else:
                session.call("Session1.Abort", "(a{sv})", {})
            _, result = clinic.jobs.fail(job, "Cancelled")
            clinic.jobs.once(job)
            assert result["accepted"] == 2 and session.get("Session1.State") == "aborted"
            recording = clinic.recording(result["recording"]).properties("Recording1")
            assert recording["State"] == "interrupted" and len(recording["Repetitions"]) == 2


def ends_without_anything():
    """A session in which nothing was accepted is SignalPoor, also when it was ended on purpose."""
    with Clinic() as clinic:
        session = clinic.start_session()
        log = Log(session)
        clinic.arm.stuck = {0, 1}
        job = session.call("Session1.Begin", "(a{sv})", {})
        clinic.arm.run(lambda: log.verdicts(), "a verdict")
        assert log.verdicts()[0][3]["electrodes"] == [0, 1]
        session.call("Session1.Finish", "(a{sv})", {})
        clinic.jobs.fail(job, "SignalPoor")
        assert session.get("Session1.State") == "failed"


def fails_without_records():
    """recordsd is not there, or goes in the middle: a named error, and nothing told that is not kept."""
    with Clinic() as clinic:
        session = clinic.start_session()
        log = Log(session)
        job = session.call("Session1.Begin", "(a{sv})", {})
        clinic.arm.run(lambda: len(log.verdicts()) == 2, "two verdicts")
        clinic.house.kill("records")
        clinic.arm.run(lambda: job in clinic.jobs.finished, "end of the session")
        _, result = clinic.jobs.fail(job, "Failed")
        told = [v for v in log.verdicts() if v[2]]
        session = clinic.start_session()
        job = session.call("Session1.Begin", "(a{sv})", {})
        clinic.jobs.fail(job, "Failed")
        clinic.house.start("records")
        recording = clinic.recording(result["recording"])
        assert len(recording.get("Recording1.Repetitions")) == len(told) == 2


def fails_without_room():
    """recordsd has no room: NoSpace, and what was told is kept; with room again the recording goes on."""
    with Clinic() as clinic:
        session = clinic.start_session()
        log = Log(session)
        job = session.call("Session1.Begin", "(a{sv})", {})
        clinic.arm.run(lambda: len(log.verdicts()) == 2, "two verdicts")
        with Injector(clinic.house, "records", "fdatasync:error=ENOSPC:when=1+"):
            clinic.arm.run(lambda: job in clinic.jobs.finished, "end of the session")
        _, result = clinic.jobs.fail(job, "NoSpace")
        clinic.jobs.once(job)
        assert session.get("Session1.State") == "failed" and len(log.verdicts()) == 2
        assert session.get("Session1.Error") == "org.bionicpro.Error.NoSpace"
        recording = clinic.recording(result["recording"])
        assert len(recording.get("Recording1.Repetitions")) == 2
        session = clinic.start_session(recording=GLib.Variant("o", result["recording"]))
        job = session.call("Session1.Begin", "(a{sv})", {})
        clinic.arm.run(lambda: job in clinic.jobs.finished, "end of the session")
        clinic.jobs.succeed(job)
        assert len(recording.get("Recording1.Repetitions")) == 8


def survives_a_crash():
    """Killed in each phase: the job ends once, what was told is there, and the recording can be continued."""
    with Clinic() as clinic:
        for phase in ("prepare", "hold", "judging", "rest"):
            session = clinic.start_session()
            log = Log(session)
            job = session.call("Session1.Begin", "(a{sv})", {})
            clinic.arm.run(lambda: log.verdicts() and log.phases()[-1][0] == phase, phase)
            told = len(log.verdicts())
            clinic.house.kill("training")
            clinic.arm.session = None
            clinic.arm.hang_up()
            clinic.arm.code = 0
            clinic.house.start("training")
            _, result = clinic.jobs.fail(job, "Failed")
            clinic.jobs.once(job)
            recording = clinic.recording(result["recording"]).properties("Recording1")
            assert recording["State"] == "interrupted", recording["State"]
            assert len(recording["Repetitions"]) >= told
            session = clinic.start_session(recording=GLib.Variant("o", result["recording"]))
            job = session.call("Session1.Begin", "(a{sv})", {})
            clinic.arm.run(lambda: job in clinic.jobs.finished, "end of the session")
            clinic.jobs.succeed(job)
            assert len(clinic.recording(result["recording"]).get("Recording1.Repetitions")) == 8


if __name__ == "__main__":
    main(tells_movements, records_a_session, refuses_a_stuck_electrode, waits_for_a_person,
         keeps_the_place_of_lost_samples, begins_a_repetition_anew, ends_when_the_arm_leaves,
         notices_silence, refuses_senseless_sessions, aborts, ends_without_anything,
         fails_without_records, fails_without_room, survives_a_crash)
