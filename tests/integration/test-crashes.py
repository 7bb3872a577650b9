#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Daemons killed with -9 in every phase of every job, and a disk that is full: nothing that was
acknowledged is lost, every job ends exactly once, and the work can be done again."""
import os
import subprocess

from harness import ROOTS, BusError, Skip, main, spin, wait_for
from stage import Stage


def restart(stage, part):
    """Starts a killed daemon again, with a clinic that knows it."""
    stage.house.start(part)
    wait_for(lambda: stage.clinic.object(part, ROOTS[part]).get(
        "%s1.State" % part.capitalize()) in ("ready", "degraded"), "%s to be ready" % part)


def ended_once(stage, part, job, told=False):
    """A job that was running when its daemon was killed is there again and has ended, once; one that
    had told its end before need not be, and may have told it again."""
    if told:
        assert len(stage.clinic.jobs.finished[job]) <= 2
        return
    if job in stage.clinic.jobs.finished:
        stage.clinic.jobs.once(job)
        return
    path = stage.clinic.object(part, job)

    def finished():
        try:
            return path.get("Job1.State") == "finished"
        except BusError:
            return False
    wait_for(finished, "end of %s after the restart" % job)
    spin(0.3)
    ends = stage.clinic.jobs.finished.get(job, [])
    assert len(ends) <= 1, "Finished came %d times" % len(ends)
    properties = path.properties("Job1")
    assert properties["Success"] or (properties["Error"] and properties["ErrorMessage"]), properties


def seen_phases(stage, start):
    """The phases an undisturbed job goes through; `start` returns the job's path."""
    seen = []
    stop = stage.clinic.jobs.on_phase(None, lambda phase: phase not in seen and seen.append(phase))
    stage.clinic.jobs.wait(start())
    spin(0.2)
    stop()
    return seen


def kill_at(stage, part, phase, start):
    """Starts a job and kills the daemon as it enters a phase, or right behind a phase that is too short
    to be met; returns the job's path, and whether its end was told before."""
    killed = []

    def strike(path):
        stage.house.daemons[part].kill()
        killed.append(path)
    stop = stage.clinic.jobs.on_phase(phase, strike)
    try:
        job = start()
    except BusError:
        # A first phase is told of before the call is answered.
        if not killed:
            raise
        job = killed[0]
    wait_for(lambda: killed or job in stage.clinic.jobs.finished, "phase " + phase)
    stop()
    if not killed:
        strike(job)
    stage.house.wait_gone(part)
    return job, job in stage.clinic.jobs.finished


def killed_while_installing():
    """updated, in each phase of an installation."""
    with Stage() as stage:
        recording, model = stage.trained(repetitions=3)
        phases = seen_phases(stage, lambda: stage.clinic.install(stage.prosthesis, model))
        stage.clinic.jobs.succeed(stage.clinic.confirm(stage.prosthesis))
        confirmed = stage.clinic.model_on(stage.prosthesis)
        other = stage.clinic.jobs.wait(stage.clinic.train(
            [recording], compare=("o", "/"), hop_ms=("u", 20)))[3]["model"]
        # Slow enough for the knife to find the middle of the upload.
        stage.arm.tell("baud", 115200)
        for phase in sorted(phases, key="uploading".__ne__):
            job, told = kill_at(stage, "update", phase,
                                lambda: stage.clinic.install(stage.prosthesis, other))
            assert phase != "uploading" or not told
            restart(stage, "update")
            ended_once(stage, "update", job, told)
            wait_for(lambda: stage.clinic.slots(stage.arm).get("Slots1.Job") == "/", "quiet arm")
            if stage.clinic.model_on(stage.prosthesis) != confirmed:
                stage.clinic.jobs.succeed(stage.clinic.update.call(
                    "Update1.RollBack", "(oa{sv})", stage.prosthesis.path, {}))
            assert stage.clinic.model_on(stage.prosthesis) == confirmed, phase
        stage.clinic.deploy(stage.prosthesis, other)


def killed_while_training():
    """trainingd, in each phase of training."""
    with Stage() as stage:
        recording = stage.record(repetitions=2)
        phases = seen_phases(stage, lambda: stage.clinic.train([recording]))
        for phase in phases:
            job, told = kill_at(stage, "training", phase,
                                lambda: stage.clinic.train([recording]))
            restart(stage, "training")
            ended_once(stage, "training", job, told)
        model = stage.clinic.jobs.succeed(stage.clinic.train([recording]))["model"]
        assert stage.clinic.object("training", model).get("Model1.State") == "candidate"


def killed_in_a_session():
    """trainingd, in each phase of a session: what was accepted is in the recording."""
    for phase in ("prepare", "hold", "judging", "rest"):
        with Stage() as stage:
            session, wearer, job = stage.start_session(repetitions=2)
            killed = []

            def step(_done, _steps, now, _movement, _repetition, wanted=phase, stage=stage,
                     wearer=wearer, killed=killed):
                if now == wanted and wearer.verdicts and not killed:
                    killed.append(session_recording(stage))
                    stage.house.daemons["training"].kill()
            wearer.on_step = step
            wait_for(lambda killed=killed: killed, "phase " + phase)
            accepted = sum(v[2] for v in wearer.verdicts)
            wearer.close()
            restart(stage, "training")
            ended_once(stage, "training", job)
            recording = stage.clinic.object("records", killed[0])
            assert len(recording.get("Recording1.Repetitions")) >= accepted, phase
            _, again, job = stage.start_session(repetitions=2, recording=("o", recording.path))
            stage.clinic.jobs.succeed(job, 300)
            again.close()
            assert len(recording.get("Recording1.Repetitions")) == 8


def session_recording(stage):
    """The recording that is open."""
    return stage.clinic.find("records", "Recording1", State="open")[0][0]


def killed_records_in_a_session():
    """recordsd dies under a session: the job ends once; every accepted repetition is there after."""
    with Stage() as stage:
        _, wearer, job = stage.start_session(repetitions=2)
        wait_for(lambda: sum(v[2] for v in wearer.verdicts) >= 2, "two accepted repetitions")
        accepted = [(v[0], v[1]) for v in wearer.verdicts if v[2]]
        recording = session_recording(stage)
        stage.house.kill("records")
        stage.house.start("records")
        stage.clinic.jobs.wait(job, 300)
        stage.clinic.jobs.once(job)
        wearer.close()
        kept = {(r["movement"], r["repetition"]) for r in stage.clinic.object(
            "records", recording).get("Recording1.Repetitions")}
        assert set(accepted) <= kept, (accepted, kept)


def killed_pairing():
    """pairingd, while it binds and while a session and an installation run through it."""
    with Stage(bind=False) as stage:
        patient = stage.clinic.create_patient()
        job = stage.clinic.bind(stage.arm, stage.prosthesis, patient, press=False)
        stage.clinic.request()
        stage.house.kill("pairing")
        restart(stage, "pairing")
        ended_once(stage, "pairing", job)
        stage.prosthesis = stage.clinic.prosthesis(stage.arm)
        wait_for(lambda: stage.prosthesis.get("Prosthesis1.State") in ("unbound", "binding"), "state")
        rebind(stage, patient)
        _, wearer, job = stage.start_session(repetitions=2)
        wait_for(lambda: wearer.verdicts, "first verdict")
        stage.house.kill("pairing")
        stage.clinic.jobs.fail(job, ("Disconnected", "TimedOut"))
        stage.clinic.jobs.once(job)
        wearer.close()
        restart(stage, "pairing")
        stage.prosthesis = stage.clinic.prosthesis(stage.arm)
        _, model = stage.trained()
        killed = []
        stage.clinic.jobs.on_phase("uploading", lambda _: (
            stage.house.daemons["pairing"].kill(), killed.append(True)))
        job = stage.clinic.install(stage.prosthesis, model)
        _, error, message, _ = stage.clinic.jobs.wait(job)
        assert killed and error in ("Disconnected", "TimedOut") and message, (error, message)
        stage.clinic.jobs.once(job)
        restart(stage, "pairing")
        stage.prosthesis = stage.clinic.prosthesis(stage.arm)
        wait_for(lambda: stage.clinic.slots(stage.arm).get("Slots1.Job") == "/", "quiet arm")
        stage.clinic.deploy(stage.prosthesis, model)


def rebind(stage, patient):
    """Binds, once the arm has given the first attempt up."""
    def begin():
        try:
            return stage.clinic.bind(stage.arm, stage.prosthesis, patient, press=False)
        except BusError as error:
            assert error.name in ("Busy", "WrongState"), error
            return None
    job = wait_for(begin, "binding")
    stage.clinic.request()
    stage.arm.tell("button")
    stage.clinic.jobs.succeed(job)


def killed_while_deleting():
    """recordsd, while a patient is deleted: all or nothing, and then all."""
    with Stage() as stage:
        stage.record(repetitions=1)
        victim = stage.clinic.create_patient("Victim")
        phases = seen_phases(stage, lambda: stage.clinic.create_patient("x").call(
            "Patient1.Delete", "(a{sv})", {}))
        job = victim.call("Patient1.Delete", "(a{sv})", {})
        stage.house.daemons["records"].kill()
        restart(stage, "records")
        assert phases is not None
        if victim.path in stage.clinic.objects("records"):
            job = victim.call("Patient1.Delete", "(a{sv})", {})
            stage.clinic.jobs.succeed(job)
        assert victim.path not in stage.clinic.objects("records")
        assert stage.patient.path in stage.clinic.objects("records")


def records_disk_full():
    """The disk fills while repetitions are kept: NoSpace, and what was acknowledged is there."""
    if os.geteuid():
        raise Skip("mounting a small disk needs root")
    with Stage(parts=("update", "training", "pairing"), bind=False) as stage:
        disk = stage.house.state("records")
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k,mode=700", "tmpfs", disk],
                              check=False, capture_output=True, text=True)
        if done.returncode:
            raise Skip("a small disk cannot be mounted here: " + done.stderr.strip())
        try:
            stage.house.start("records")
            stage.patient = stage.clinic.create_patient()
            stage.clinic.bind(stage.arm, stage.prosthesis, stage.patient)
            fill(os.path.join(disk, "ballast"))
            os.truncate(os.path.join(disk, "ballast"),
                        max(0, os.path.getsize(os.path.join(disk, "ballast")) - 60000))
            _, wearer, job = stage.start_session(repetitions=12)
            success, error, message, _ = stage.clinic.jobs.wait(job, 300)
            wearer.close()
            assert not success and error == "NoSpace" and message, (error, message)
            stage.clinic.jobs.once(job)
            accepted = {(v[0], v[1]) for v in wearer.verdicts if v[2]}
            os.unlink(os.path.join(disk, "ballast"))
            stage.house.daemons["records"].stop()
            stage.house.start("records")
            found = stage.clinic.find("records", "Recording1")
            kept = {(r["movement"], r["repetition"]) for _, p in found for r in p["Repetitions"]}
            assert accepted <= kept, (accepted, kept)
            stage.record(repetitions=1)
        finally:
            stage.house.daemons["records"].stop()
            subprocess.run(["umount", disk], check=False)


def fill(path):
    """Writes until the disk is full."""
    with open(path, "wb", buffering=0) as stream:
        size = 65536
        while size >= 512:
            try:
                stream.write(bytes(size))
            except OSError:
                size //= 2


def broken_databases():
    """Files that will not open are set aside, said, and do not keep a daemon from starting."""
    with Stage() as stage:
        for part in ("records", "update", "training", "pairing"):
            stage.house.daemons[part].stop()
            folder = stage.house.state(part)
            files = [name for name in os.listdir(folder) if name.endswith(".db")]
            assert files, "%s keeps no database" % part
            for name in files:
                for suffix in ("-wal", "-shm"):
                    if os.path.exists(os.path.join(folder, name + suffix)):
                        os.unlink(os.path.join(folder, name + suffix))
                with open(os.path.join(folder, name), "wb") as stream:
                    stream.write(b"no database " * 500)
            stage.house.start(part)
            manager = stage.clinic.object(part, ROOTS[part])
            interface = "%s1" % part.capitalize()
            assert manager.get(interface + ".State") == "degraded", part
            problems = manager.get(interface + ".Problems")
            assert any(p["error"].endswith(".Corrupt") for p in problems), problems
            assert any(".broken" in name for name in os.listdir(folder)), os.listdir(folder)


if __name__ == "__main__":
    main(killed_while_installing, killed_while_training, killed_in_a_session,
         killed_records_in_a_session, killed_pairing, killed_while_deleting, records_disk_full,
         broken_databases)
