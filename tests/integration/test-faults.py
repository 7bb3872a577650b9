#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What goes wrong between arm and gateway: the wrong arm, two arms, silence, floods, noise, a plug
pulled in every phase, a battery that ends. Every job ends exactly once, with a name."""
import os
import signal
import threading

from harness import BusError, main, spin, wait_for
from stage import Stage, bench
from stream import Stream

DISCONNECTED = ("Disconnected", "TimedOut")


def two_arms():
    """Two arms at once: two objects, two streams, nothing mixed up."""
    with Stage() as stage:
        other = stage.add_arm("other")
        second = stage.clinic.prosthesis(other)
        assert second.path != stage.prosthesis.path
        streams = [Stream(p, samples=True) for p in (stage.prosthesis, second)]
        wait_for(lambda: all(s.samples > 100 for s in streams), "samples of both")
        assert all(s.lost == 0 for s in streams)
        for stream in streams:
            stream.close()
        assert second.get("Prosthesis1.State") == "unbound"
        job = second.call("Prosthesis1.Bind", "(sosa{sv})", stage.arm.code, stage.patient.path, "left",
                          {})
        stage.clinic.jobs.fail(job, "WrongProsthesis")


def another_arm_on_the_port():
    """The arm is exchanged for another on the same port: each keeps its own identity."""
    with Stage() as stage:
        stage.arm.unplug()
        stage.clinic.prosthesis(stage.arm, connected=False)
        other = stage.add_arm("other", plug=False)
        other.plug(stage.arm.number)
        found = stage.clinic.prosthesis(other)
        assert found.get("Prosthesis1.State") == "unbound"
        assert not stage.prosthesis.get("Prosthesis1.Connected")


def impostor():
    """An arm that has the name of a known one, and another key, is not taken for it."""
    with Stage() as stage:
        fingerprint = stage.prosthesis.get("Prosthesis1.Fingerprint")
        name = stage.arm.device_id
        stage.arm.unplug()
        stage.clinic.prosthesis(stage.arm, connected=False)
        other = stage.add_arm("other", "--device-id", name)
        assert other.device_id == name

        def noticed():
            ports = stage.clinic.pairing.get("Pairing1.Ports")
            problems = stage.clinic.pairing.get("Pairing1.Problems")
            return [p for p in ports + problems
                    if p.get("error", "").endswith(".WrongProsthesis")]
        found = wait_for(noticed, "word of the wrong prosthesis")
        assert found[0]["message"], found
        assert not stage.prosthesis.get("Prosthesis1.Connected")
        assert stage.prosthesis.get("Prosthesis1.Fingerprint") == fingerprint


class Babbler:
    """A line on which something talks that is no arm."""

    def __init__(self, content, pause):
        self.master, self.slave = os.openpty()
        os.set_blocking(self.master, False)
        self.path = os.ttyname(self.slave)
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._talk, args=(content, pause), daemon=True)
        self.thread.start()

    def _talk(self, content, pause):
        while not self.stopped.wait(pause):
            try:
                os.write(self.master, content)
            except OSError:
                pass
            try:
                os.read(self.master, 65536)
            except OSError:
                pass

    def close(self):
        """Falls silent."""
        self.stopped.set()
        self.thread.join()
        os.close(self.master)
        os.close(self.slave)


def talk_of_strangers(content, pause, states):
    """Pairing stays well while a line babbles, and says what it thinks of the line."""
    with Stage() as stage:
        babbler = Babbler(content, pause)
        try:
            number = 7
            bench().plug(number, babbler.path)

            def judged():
                return [p for p in stage.clinic.pairing.get("Pairing1.Ports")
                        if p["path"].endswith("ttyACM%d" % number) and p["state"] in states]
            wait_for(judged, "judgement of the line")
            assert stage.prosthesis.get("Prosthesis1.Connected")
            stream = Stream(stage.prosthesis, samples=True)
            wait_for(lambda: stream.samples > 50, "samples of the true arm")
            assert stream.lost == 0
            stream.close()
            bench().unplug(number)
        finally:
            babbler.close()


def silent_line():
    """Nothing answers."""
    talk_of_strangers(b"", 1, ("silent", "foreign", "failed"))


def garbage():
    """Something else talks: random bytes without end."""
    talk_of_strangers(os.urandom(4096), 0.005, ("silent", "foreign", "failed"))


def flood_of_frames():
    """Broken frames and lines that look almost right, without end."""
    content = (b"\x00\x05\x01\x01\x02\x03\x00" * 50 + b"\x06\x09" + b"A" * 124 + b"\n" +
               b"\x04\x14" + b"B" * 300 + b"\n") * 8
    talk_of_strangers(content, 0.005, ("silent", "foreign", "failed"))


def noisy_line():
    """Bytes are damaged on the way: samples that are lost are counted, and commands still come
    through."""
    with Stage(bind=False) as stage:
        stage.arm.tell("noise", 500)
        stage.patient = stage.clinic.create_patient()
        stage.clinic.bind(stage.arm, stage.prosthesis, stage.patient)
        stage.arm.tell("noise", 0)
        _, model = stage.trained(repetitions=2)
        stage.arm.tell("noise", 500)
        for _ in range(5):
            success, error, _, _ = stage.clinic.jobs.wait(stage.clinic.install(stage.prosthesis, model))
            if success:
                break
            assert error in DISCONNECTED + ("Corrupt",), error
        assert success, "no installation in five came through"
        stream = Stream(stage.prosthesis, samples=True)
        stage.arm.tell("speed", 20)
        wait_for(lambda: stream.lost > 0, "lost samples")
        stage.arm.tell("noise", 0)
        stage.arm.tell("speed", 1)
        wait_for(lambda: stage.prosthesis.get("Prosthesis1.Counters")["lost_samples"] >= stream.lost,
                 "count of lost samples")
        stream.close()


def arm_falls_silent():
    """The arm stops answering in the middle of a session."""
    with Stage() as stage:
        session, wearer, job = stage.start_session(repetitions=2)
        wait_for(lambda: wearer.verdicts, "first verdict")
        wearer.close()
        stage.arm.process.signal(signal.SIGSTOP)
        stage.clinic.jobs.fail(job, DISCONNECTED)
        stage.arm.process.signal(signal.SIGCONT)
        stage.clinic.jobs.once(job)
        accepted = sum(v["accepted"] for v in session.get("Session1.Verdicts"))
        recording = stage.clinic.object("records", session.get("Session1.Recording"))
        assert len(recording.get("Recording1.Repetitions")) == accepted
        assert recording.get("Recording1.State") == "interrupted"


def unplugged_while_binding():
    """The plug is pulled while the button is waited for."""
    with Stage(bind=False) as stage:
        patient = stage.clinic.create_patient()
        job = stage.clinic.bind(stage.arm, stage.prosthesis, patient, press=False)
        stage.clinic.request()
        stage.arm.unplug()
        stage.clinic.jobs.fail(job, DISCONNECTED)
        stage.clinic.jobs.once(job)
        wait_for(lambda: not stage.clinic.find("pairing", "Request1"), "end of the request")
        stage.arm.replug()
        stage.prosthesis = stage.clinic.prosthesis(stage.arm)
        wait_for(lambda: stage.prosthesis.get("Prosthesis1.State") == "unbound", "unbound arm")
        stage.clinic.bind(stage.arm, stage.prosthesis, patient)


def unplugged_in_a_session():
    """The plug is pulled in each phase of a repetition; what was accepted stays, and the recording can
    be continued."""
    for phase in ("prepare", "hold", "judging", "rest"):
        with Stage() as stage:
            session, wearer, job = stage.start_session(repetitions=2)
            pulled = []

            def step(_done, _steps, now, _movement, _repetition, wanted=phase, stage=stage,
                     wearer=wearer, pulled=pulled):
                if now == wanted and wearer.verdicts and not pulled:
                    pulled.append(now)
                    stage.arm.unplug()
            wearer.on_step = step
            wait_for(lambda pulled=pulled: pulled, "phase " + phase)
            # A session whose arm has left does not go on.
            stage.clinic.jobs.fail(job, DISCONNECTED)
            stage.clinic.jobs.once(job)
            wearer.close()
            recording = stage.clinic.object("records", session.get("Session1.Recording"))
            accepted = sum(v[2] for v in wearer.verdicts)
            assert len(recording.get("Recording1.Repetitions")) >= accepted
            assert recording.get("Recording1.State") == "interrupted"
            stage.arm.replug()
            stage.prosthesis = stage.clinic.prosthesis(stage.arm)
            _, again, job = stage.start_session(repetitions=2, recording=("o", recording.path))
            stage.clinic.jobs.succeed(job, 300)
            again.close()
            assert len(recording.get("Recording1.Repetitions")) == 8


def phases_of_an_installation():
    """Every phase an undisturbed installation goes through, and a model for more."""
    with Stage() as stage:
        _, model = stage.trained()
        seen = []
        stop = stage.clinic.jobs.on_phase(None, lambda phase: phase not in seen and seen.append(phase))
        stage.clinic.jobs.succeed(stage.clinic.install(stage.prosthesis, model))
        spin(0.2)
        stop()
    assert "uploading" in seen, seen
    return seen


def unplugged_while_installing():
    """The plug is pulled in each phase of an installation: the arm keeps what it had, the retry
    succeeds."""
    for phase in phases_of_an_installation():
        with Stage() as stage:
            _, model = stage.trained()
            pulled = []
            stage.clinic.jobs.on_phase(phase, lambda path, stage=stage, pulled=pulled:
                                       (pulled.append(path), stage.arm.unplug()))
            job = stage.clinic.install(stage.prosthesis, model)
            success, error, message, _ = stage.clinic.jobs.wait(job)
            stage.clinic.jobs.once(job)
            assert pulled, "phase %s was not seen" % phase
            assert success or error in DISCONNECTED, (phase, error, message)
            assert success or message, phase
            stage.arm.replug()
            stage.prosthesis = stage.clinic.prosthesis(stage.arm)
            wait_for(lambda stage=stage: stage.clinic.slots(stage.arm).get("Slots1.Job") == "/",
                     "quiet arm")
            stage.clinic.deploy(stage.prosthesis, model)


def power_cut_and_trial():
    """A model on trial is gone after the power was: the arm decides with the confirmed one."""
    with Stage() as stage:
        recording, model = stage.trained(repetitions=3)
        stage.clinic.deploy(stage.prosthesis, model)
        confirmed = stage.clinic.model_on(stage.prosthesis)
        other = stage.clinic.jobs.wait(stage.clinic.train(
            [recording], compare=("o", "/"), hop_ms=("u", 20)))[3]["model"]
        stage.clinic.jobs.succeed(stage.clinic.install(stage.prosthesis, other))
        assert stage.clinic.model_on(stage.prosthesis) != confirmed
        stage.arm.tell("power-cut")
        bench().unplug(stage.arm.number)
        stage.clinic.prosthesis(stage.arm, connected=False)
        stage.arm.tell("power-on")
        stage.arm.plug()
        stage.prosthesis = stage.clinic.prosthesis(stage.arm)
        assert stage.clinic.model_on(stage.prosthesis) == confirmed
        stage.clinic.jobs.fail(stage.clinic.confirm(stage.prosthesis), "WrongState")


def no_contraction():
    """A wearer who does nothing: the repetition is refused for that, and the session waits."""
    with Stage() as stage:
        session, wearer, job = stage.start_session(movements=["pronation"], attempts=("u", 1),
                                                   begin=False)
        wearer.pieces = {key: wearer.rest for key in wearer.pieces}
        job = session.call("Session1.Begin", "(a{sv})", {})
        # The first verdict is on rest.
        wait_for(lambda: [v for v in wearer.verdicts if v[0] == "pronation"], "verdict")
        verdict = [v for v in wearer.verdicts if v[0] == "pronation"][0]
        assert not verdict[2] and set(verdict[3]["reasons"]) & {"no-contraction", "weak"}, verdict
        assert verdict[3]["advice"], verdict
        wait_for(lambda: session.get("Session1.State") in ("waiting", "failed", "finished"), "wait")
        if session.get("Session1.State") == "waiting":
            session.call("Session1.Skip", "(a{sv})", {})
        stage.clinic.jobs.wait(job)
        stage.clinic.jobs.once(job)
        wearer.close()


def one_movement():
    """A session with one movement is recorded, but no model comes of it."""
    with Stage() as stage:
        recording = stage.record(movements=["pronation"], repetitions=2)
        try:
            job = stage.clinic.train([recording])
        except BusError as error:
            assert error.name == "InvalidArgument", error
            return
        success, error, message, _ = stage.clinic.jobs.wait(job)
        # Rest and one movement are two classes: an honest model, or an honest refusal.
        assert success or (error in ("InvalidArgument", "SignalPoor") and message), error


if __name__ == "__main__":
    main(two_arms, another_arm_on_the_port, impostor, silent_line, garbage, flood_of_frames, noisy_line,
         arm_falls_silent, unplugged_while_binding, unplugged_in_a_session,
         unplugged_while_installing, power_cut_and_trial, no_contraction, one_movement)
