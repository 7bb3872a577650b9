#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What bionicctl asks of the daemons, prints, and exits with, whatever they answer."""
import json
import os
import pty
import signal
import struct

from fakes import ERROR, Clinic, Refusal, container, error_names, memory_file, parse_xml, pause, wait_for

from gi.repository import GLib
from harness import BUILD, main

STATUSES = {
    1: {"Failed", "NoSpace", "Corrupt"},
    2: {"InvalidArgument", "UnknownOption"},
    3: {"NotFound"},
    4: {"NotAuthorized", "AuthorizationObtainable", "AuthorizationDismissed", "AuthorizationUnavailable"},
    5: {"Disconnected", "BluetoothUnavailable", "Offline"},
    7: {"TimedOut", "Busy"},
    8: {"Cancelled"},
}


def expected_status(name):
    """The exit status documented for an error; 6 for what is refused."""
    for status, names in STATUSES.items():
        if name in names:
            return status
    return 6


def verbs(clinic):
    """Every verb the overview shows."""
    lines = clinic.run().stdout.splitlines()
    return [line[2:20].strip() for line in lines if line.startswith("  ") and line[2] != " "]


def test_overview_and_help():
    """Every verb is listed, and tells its options and an example."""
    with Clinic() as clinic:
        names = verbs(clinic)
        for wanted in ("status list show bind session record signals verdicts train models deploy trial confirm "
                       "rollback jobs monitor export plot emulate doctor lab").split():
            assert wanted in names, wanted
        for name in names:
            text = clinic.run(*name.split(), "--help").stdout
            assert "Usage:" in text and (name == "lab" or "Example" in text and "--json" in text), (name, text)
        assert clinic.run("--version").stdout.startswith("bionicctl ")


def test_german():
    """Help, tables, errors and hints come in German, with aligned columns."""
    german = {"LANGUAGE": "de", "BIONICPRO_LOCALEDIR": os.path.join(BUILD, "po")}
    with Clinic() as clinic:
        assert "Patienten und Prothesen" in clinic.run(environment=german).stdout
        for name in verbs(clinic):
            if name != "lab":
                text = clinic.run(*name.split(), "--help", environment=german).stdout
                assert "Beispiel" in text and "JSON ausgeben" in text and "Project-Id" not in text, (name, text)
        heading, row = clinic.run("list", environment=german).stdout.splitlines()
        assert heading.split()[:3] == ["PROTHESE", "VERBUNDEN", "ÜBER"], heading
        assert row.index("usb") == heading.index("ÜBER") and row.index("77 %") == heading.index("AKKU"), (heading, row)
        lines = clinic.run("show", "BP-1", environment=german).stdout.splitlines()
        ends = {line.index("  ", len(line) - len(line.lstrip())) for line in lines}
        assert len(ends) == 1 and any("Entscheidungslatenz" in line for line in lines), lines
        doctor = clinic.start("doctor", environment=german)
        doctor.wait()
        assert "BEFUND" in doctor.stdout and "Project-Id" not in doctor.stdout, doctor.stdout
        run = clinic.run("show", "model", "ff", status=3, environment=german)
        assert run.stderr.splitlines()[0] == \
            "bionicctl: Nicht gefunden: Modell »ff«; »bionicctl models« zeigt, was es gibt", run.stderr
        assert "Prüfen Sie den Namen" in run.stderr


AGENT = """#!/bin/sh
echo "$@" >"$AGENT_NOTE"
trap 'rm "$AGENT_NOTE.runs"; exit' TERM
: >"$AGENT_NOTE.runs"
exec 3>&-
while :; do sleep 0.05; done
"""


def test_password_on_terminal():
    """Where polkit wants a password, it is asked for on the terminal, and only there and only then."""
    with Clinic() as clinic:
        folder = os.path.join(clinic.house.directory, "bin")
        note = os.path.join(folder, "note")
        os.mkdir(folder)
        with open(os.path.join(folder, "pkttyagent"), "w", encoding="utf-8") as script:
            script.write(AGENT)
            os.fchmod(script.fileno(), 0o755)
        environment = {"PATH": folder + ":" + os.environ["PATH"], "AGENT_NOTE": note}

        def identify(*_):
            if not os.path.exists(note + ".runs"):
                raise Refusal("AuthorizationObtainable")
        clinic.pairing.methods["Prosthesis1.Identify"] = identify
        clinic.run("identify", status=4, environment=environment)
        assert len(clinic.pairing.calls) == 1 and not os.path.exists(note)
        master, terminal = pty.openpty()
        try:
            clinic.run("identify", "--no-ask-password", status=4, environment=environment, stdin=terminal)
            assert len(clinic.pairing.calls) == 2 and not os.path.exists(note)
            run = clinic.run("identify", environment=environment, stdin=terminal)
            assert len(clinic.pairing.calls) == 4 and not os.path.exists(note + ".runs")
            with open(note, encoding="utf-8") as stream:
                assert stream.read().split() == ["--process", str(run.child.pid), "--notify-fd", "3", "--fallback"]
            os.unlink(note)
            clinic.pairing.methods["Prosthesis1.Identify"] = lambda *_: None
            clinic.run("identify", environment=environment, stdin=terminal)
            assert len(clinic.pairing.calls) == 5 and not os.path.exists(note)
        finally:
            os.close(master)
            os.close(terminal)


def test_usage_errors():
    """Wrong usage ends with 2 and says what would be right."""
    with Clinic() as clinic:
        assert "Did you mean 'status'?" in clinic.run("stauts", status=2).stderr
        assert "Did you mean 'rollback'?" in clinic.run("rolback", status=2).stderr
        assert "lists them" in clinic.run("xyzzyxyzzy", status=2).stderr
        for arguments in (["list", "--wrong"], ["list", "x", "y"], ["export"], ["--json", "--key-value", "list"],
                          ["list", "teapots"], ["plot"], ["bind", "BP-1"], ["deploy"], ["train"],
                          ["session", "--repetitions", "99"], ["session", "--when-refused", "cry"],
                          ["session", "--movements", "hand"], ["plot", "latency", "-o", "x.gif"],
                          ["--timeout", "-3", "list"], ["identify", "--seconds", "0"]):
            status = 3 if arguments[-1] == "hand" else 2
            assert clinic.run(*arguments, status=status).stderr.startswith("bionicctl: "), arguments


def test_every_error_has_its_status():
    """Each error of the daemons becomes its exit status, with its name and a hint."""
    with Clinic() as clinic:
        names = error_names()
        assert len(names) > 30
        for name in names:
            def refuse(*_, wanted=name):
                raise Refusal(wanted, "because of " + wanted)
            clinic.pairing.methods["Prosthesis1.Identify"] = refuse
            run = clinic.run("identify", status=expected_status(name))
            lines = run.stderr.splitlines()
            assert lines[0] == "bionicctl: because of " + name, lines
            assert lines[1].strip() == ERROR + name and len(lines[2].strip()) > 10, lines
        run = clinic.run("identify", "--json", status=expected_status(name))
        document = run.json()
        assert document["ok"] is False and document["error"] == ERROR + name and document["hint"]


def test_nobody_there():
    """Without a bus, and without a service, the status is 9."""
    with Clinic() as clinic:
        clinic.training.stop()
        assert "bionicpro-trainingd is not running" in clinic.run("models", status=9).stderr
        status = clinic.run("status", "--json", status=9).json()
        states = {row["name"]: row["state"] for row in status["services"]}
        assert states["bionicpro-trainingd"] == "not running" and states["bionicpro-updated"] == "ready"
        run = clinic.run("list", status=9, environment={"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent"})
        assert "session bus cannot be reached" in run.stderr
        assert clinic.run("doctor", "--json", status=1).json()


def test_names():
    """Names are found by their beginning; what is not clear is listed."""
    with Clinic() as clinic:
        clinic.pairing.methods["Prosthesis1.Identify"] = lambda *_: None
        clinic.run("identify")
        clinic.run("identify", "bp-1")
        clinic.run("identify", clinic.ARM)
        clinic.add_arm("BP-12")
        clinic.run("identify", "BP-1")
        assert clinic.pairing.calls[-1][0] == clinic.ARM, "a whole name wins over a beginning"
        listed = clinic.run("identify", "BP", status=3).stderr
        assert "BP-1\n" in listed and "BP-12" in listed, listed
        listed = clinic.run("identify", status=3).stderr
        assert "Which prosthesis?" in listed and "BP-12" in listed
        assert "no prosthesis 'Z'" in clinic.run("identify", "Z", status=3).stderr
        assert "may be any of 2" in clinic.run("show", "model", "a", status=3).stderr
        assert clinic.run("show", "a1a1", "--json").json()["hash"] == "a1" * 32
        assert clinic.run("show", "patient", "abc", "--json").json()["id"] == "abc123"


def test_three_outputs():
    """One table gives text, key=value and JSON."""
    with Clinic() as clinic:
        text = clinic.run("list").stdout
        assert text.splitlines()[0].startswith("PROSTHESIS") and "77 %" in text
        pairs = clinic.run("list", "--key-value").stdout
        assert "length=1\n" in pairs and "[1].battery_percent=77\n" in pairs
        rows = clinic.run("list", "-j").json()
        assert rows[0]["battery_percent"] == 77 and rows[0]["connected"] is True
        for verb in ("status", "models", "recordings", "patients", "jobs", "ports", "list models", "list sessions"):
            json.loads(clinic.run(*verb.split(), "--json").stdout)
            clinic.run(*verb.split(), "--key-value")
            clinic.run(*verb.split())
        assert clinic.run("--json", "recordings", "--patient", "abc").json()[0]["id"] == "00ff00ff00ff00ff"
        assert clinic.run("recordings", "--prosthesis", "other", "--json").json() == []


def test_hostile_text():
    """What a daemon says cannot steer the terminal."""
    with Clinic() as clinic:
        clinic.add_arm("BP-9", Port=GLib.Variant("s", "/dev/\033[2Jtty\n"))
        run = clinic.run("show", "BP-9")
        assert "\033" not in run.stdout and "[2Jtty" in run.stdout


def start_job(clinic, method="Training1.Train", daemon="training"):
    """Makes a method start a job; returns a list that its path comes into."""
    started = []
    first = len(clinic.daemons[daemon].objects)

    def method_started(_path, *_):
        started.append(clinic.daemons[daemon].add_job(first + len(started)))
        return GLib.Variant("(o)", (started[-1],))
    clinic.daemons[daemon].methods[method] = method_started
    return started


def test_job_ends_well():
    """The result of a job is printed, in text and as JSON; arguments reach the method."""
    with Clinic() as clinic:
        started = start_job(clinic)
        result = {"model": GLib.Variant("o", "/org/bionicpro/Training1/model/a1"),
                  "accuracy": GLib.Variant("d", 0.9375), "verdict": GLib.Variant("s", "better"),
                  "confusion": GLib.Variant("aau", [[9, 1], [0, 10]]),
                  "movements": GLib.Variant("as", ["rest", "hand_close"])}
        run = clinic.start("train", "00ff", "--from", "a1a", "--compare", "none", "--repetitions", "1,3",
                           "--window-ms", "150", "--note", "x", "--json")
        wait_for(lambda: started, "job")
        clinic.training.set(started[0], "Job1", Progress=GLib.Variant("d", 0.5))
        clinic.training.finish(started[0], result=result)
        assert run.wait() == 0, run.stderr
        document = run.json()
        assert document["ok"] and document["accuracy"] == 0.9375 and document["confusion"] == [[9, 1], [0, 10]]
        _, _, (recordings, options) = clinic.training.calls[0]
        assert recordings == [clinic.RECORDING]
        assert options == {"from": "/org/bionicpro/Training1/model/" + "a1" * 8, "compare": "/", "note": "x",
                           "repetitions": [1, 3], "window_ms": 150}, options
        with open(os.path.join(clinic.house.directory, "trained.json"), "w", encoding="utf-8") as stream:
            stream.write(run.stdout)
        clinic.run("plot", "confusion", "trained.json", "--out", "c.svg")
        assert parse_xml(os.path.join(clinic.house.directory, "c.svg")).tag.endswith("svg")

        run = clinic.start("train", "--recordings", "00ff,00ff")
        wait_for(lambda: len(started) == 2, "job")
        clinic.training.finish(started[1], result=result)
        assert run.wait() == 0 and "93.8 %" in run.stdout, run.stdout
        assert clinic.run("jobs", "--all", "--json").json()[0]["state"] == "finished"


def test_job_already_over():
    """A job that ended before anybody listened is not waited for."""
    with Clinic() as clinic:
        def method(_path, *_):
            path = clinic.update.add_job()
            clinic.update.finish(path)
            return GLib.Variant("(o)", (path,))
        clinic.update.methods["Update1.Confirm"] = method
        clinic.run("confirm")


def test_job_is_refused():
    """ModelWorse is status 6, and its figures are shown."""
    with Clinic() as clinic:
        for arguments in ([], ["--json"]):
            started = start_job(clinic)
            run = clinic.start("train", "00ff", *arguments)
            wait_for(lambda s=started: s, "job")
            clinic.training.finish(started[0], "ModelWorse", "the old one is better",
                                   {"accuracy": GLib.Variant("d", 0.5), "verdict": GLib.Variant("s", "worse")})
            assert run.wait() == 6 and "the old one is better" in run.stderr
            if arguments:
                assert run.json()["result"]["accuracy"] == 0.5 and run.json()["error"] == ERROR + "ModelWorse"
            else:
                assert "50.0 %" in run.stdout and "worse" in run.stdout


def test_job_daemon_vanishes():
    """A daemon that dies is noticed; one that comes back ends the job."""
    with Clinic() as clinic:
        started = start_job(clinic, "Update1.Install", "update")
        run = clinic.start("deploy", "a1")
        wait_for(lambda: started, "job")
        pause(0.3)
        clinic.update.stop()
        run.wait_for("went away")
        assert run.wait() == 9 and "bionicpro-updated went away" in run.stderr, run.stderr

        clinic.update.start()
        run = clinic.start("deploy", "a1")
        wait_for(lambda: len(started) == 2, "job")
        pause(0.3)
        clinic.update.stop()
        run.wait_for("went away")
        clinic.update.start()
        clinic.update.finish(started[1], "Disconnected", "the old model stays")
        assert run.wait() == 5 and "the old model stays" in run.stderr, run.stderr


def test_job_is_forgotten():
    """A restarted daemon that does not know the job any more ends the wait."""
    with Clinic() as clinic:
        started = start_job(clinic, "Update1.Confirm", "update")
        run = clinic.start("confirm")
        wait_for(lambda: started, "job")
        pause(0.3)
        clinic.update.stop()
        run.wait_for("went away")
        del clinic.update.objects[started[0]]
        clinic.update.start()
        assert run.wait() in (3, 6), run.stderr
        assert "not there any more" in run.stderr, run.stderr


def test_job_takes_too_long():
    """--timeout bounds the wait, and the job goes on."""
    with Clinic() as clinic:
        started = start_job(clinic, "Update1.RollBack", "update")
        assert "goes on" in clinic.run("rollback", "BP-1", "a2a2a2a2", "--timeout", "1", status=7).stderr
        assert started and clinic.update.calls[0][2][1] == {"model": "a2" * 32}
        clinic.run("rollback", "--no-wait", "--json")


def test_job_is_interrupted():
    """Ctrl-C asks the job to stop; the job's end decides the status."""
    with Clinic() as clinic:
        started = start_job(clinic)

        def cancel(path, _options):
            clinic.training.finish(path, "Cancelled", "stopped on purpose")
        clinic.training.methods["Job1.Cancel"] = cancel
        run = clinic.start("train", "00ff")
        wait_for(lambda: started, "job")
        pause(0.5)
        run.child.send_signal(signal.SIGINT)
        assert run.wait() == 8 and "stopped on purpose" in run.stderr, run.stderr
        assert any(call[1] == "Job1.Cancel" for call in clinic.training.calls)
        path = clinic.training.add_job(9)
        clinic.run("cancel", "training/9")
        assert clinic.training.calls[-1][:2] == (path, "Job1.Cancel")


def test_jobs_follow():
    """`jobs --follow` waits, and tells how it ended."""
    with Clinic() as clinic:
        path = clinic.records.add_job(4)
        run = clinic.start("jobs", "records/4", "--follow")
        pause(0.5)
        clinic.records.finish(path, "NoSpace", "the disk is full")
        assert run.wait() == 1 and "the disk is full" in run.stderr


def test_bind():
    """Binding shows who has to do what, and takes the arm from the code."""
    with Clinic() as clinic:
        started = start_job(clinic, "Prosthesis1.Bind", "pairing")
        code = '{"deviceId": "BP-1", "fingerprint": "00", "publicKey": "x"}'
        with open(os.path.join(clinic.house.directory, "qr.json"), "w", encoding="utf-8") as stream:
            stream.write(code + "\n")
        run = clinic.start("bind", "--code", "qr.json", "--patient", "abc", "--side", "left", "--wait", "30")
        wait_for(lambda: started, "job")
        clinic.pairing.add("/org/bionicpro/Pairing1/request/1", "Request1", Job=GLib.Variant("o", started[0]),
                           Message=GLib.Variant("s", "Press the button on BP-1"))
        run.wait_for("Press the button on BP-1")
        clinic.pairing.finish(started[0])
        assert run.wait() == 0
        assert clinic.pairing.calls[0] == (clinic.ARM, "Prosthesis1.Bind",
                                           (code, clinic.PATIENT, "left", {"timeout": 30}))
        reader, writer = os.pipe()
        os.write(writer, b"not json")
        os.close(writer)
        clinic.run("bind", "--code", "-", "--patient", "abc", "--side", "up", status=2, stdin=reader)
        os.close(reader)


def test_patients_and_ports():
    """Adding and deleting reach the daemons."""
    with Clinic() as clinic:
        clinic.records.methods["Records1.CreatePatient"] = lambda *_: GLib.Variant("(o)", (clinic.PATIENT,))
        clinic.records.methods["Patient1.GetDetails"] = lambda *_: GLib.Variant(
            "(a{sv})", ({"name": GLib.Variant("s", "Ada")},))
        assert clinic.run("patients", "add", "--name", "Ada", "--reference", "47").stdout == "abc123\n"
        assert clinic.records.calls[-1][2] == ({"name": "Ada", "reference": "47"},)
        assert "Ada" in clinic.run("patients", "--names").stdout
        assert "Ada" not in clinic.run("patients", "--json").stdout
        assert clinic.run("show", "abc123", "--json").json()["name"] == "Ada"
        started = start_job(clinic, "Patient1.Delete", "records")
        clinic.run("patients", "delete", "abc", status=2)
        run = clinic.start("patients", "delete", "abc", "--yes")
        wait_for(lambda: started, "job")
        clinic.records.finish(started[0])
        assert run.wait() == 0
        clinic.pairing.methods["Pairing1.AddPort"] = lambda *_: None
        clinic.run("ports", "add", "/dev/ttyS7", "--baud", "57600")
        assert clinic.pairing.calls[-1][2] == ("/dev/ttyS7", {"baud": 57600})


def add_session(clinic):
    """Makes StartSession and Begin work; returns what the calls leave."""
    session = "/org/bionicpro/Training1/session/1"
    started = []

    def start(_path, _prosthesis, options):
        started.append(options)
        if session in clinic.training.objects:
            clinic.training.set(session, "Session1", State=GLib.Variant("s", "ready"))
        else:
            clinic.training.add(session, "Session1", State=GLib.Variant("s", "ready"))
        return GLib.Variant("(o)", (session,))

    def begin(_path, _options):
        clinic.training.set(session, "Session1", State=GLib.Variant("s", "running"), Steps=GLib.Variant("u", 2))
        started.append(clinic.training.add_job(len(started), Kind=GLib.Variant("s", "session")))
        return GLib.Variant("(o)", (started[-1],))

    def abort(_path, *_):
        clinic.training.set(session, "Session1", State=GLib.Variant("s", "aborted"))
        clinic.training.finish(started[-1], "Cancelled", "aborted")

    def skip(_path, *_):
        clinic.training.finish(started[-1], result={
            "recording": GLib.Variant("o", clinic.RECORDING), "accepted": GLib.Variant("u", 1),
            "refused": GLib.Variant("u", 1)})
        clinic.training.set(session, "Session1", State=GLib.Variant("s", "finished"))
    clinic.training.methods.update({"Training1.StartSession": start, "Session1.Begin": begin,
                                    "Session1.Abort": abort, "Session1.Skip": skip})
    return session, started


def play(clinic, session, accepted):
    """One prompted repetition."""
    for phase in ("prepare", "hold", "judging"):
        clinic.training.emit(session, "Session1.Prompt", GLib.Variant("(ssua{sv})", (
            phase, "hand_close", 1, {"seconds": GLib.Variant("d", 0.1), "step": GLib.Variant("u", 0),
                                     "steps": GLib.Variant("u", 2), "attempt": GLib.Variant("u", 1)})))
    clinic.training.emit(session, "Session1.Verdict", GLib.Variant("(suba{sv})", (
        "hand_close", 1, accepted, {"reasons": GLib.Variant("as", [] if accepted else ["electrode-stuck"]),
                                    "advice": GLib.Variant("s", "" if accepted else "press electrode 3 on")})))


def test_session():
    """Prompts and verdicts come as lines; a session that waits goes on as was said."""
    with Clinic() as clinic:
        session, started = add_session(clinic)
        run = clinic.start("session", "--movements", "hand_c,prona", "--repetitions", "1", "--when-refused", "skip",
                           "--hold", "1.5", "--prepare", "0", "--json")
        wait_for(lambda: len(started) == 2, "session")
        pause(0.3)
        play(clinic, session, True)
        play(clinic, session, False)
        clinic.training.set(session, "Session1", State=GLib.Variant("s", "waiting"))
        assert run.wait() == 0, run.stderr
        assert started[0] == {"movements": ["hand_close", "pronation"], "repetitions": 1, "hold": 1.5, "prepare": 0.0}
        events = run.lines()
        assert [e["event"] for e in events] == (["prompt"] * 3 + ["verdict"]) * 2 + ["end"], events
        assert events[3]["accepted"] is True and events[7]["reasons"] == ["electrode-stuck"]
        assert events[-1]["recording"] == clinic.RECORDING and events[-1]["accepted"] == 1

        run = clinic.start("record", "hand_open", "BP-1")
        assert run.wait() == 2, "the arm comes first"
        run = clinic.start("record", "BP-1", "hand_open", "--recalibration")
        wait_for(lambda: len(started) == 4, "session")
        assert started[2] == {"movements": ["hand_open"], "repetitions": 1, "purpose": "recalibration"}
        pause(0.3)
        play(clinic, session, False)
        run.wait_for("electrode-stuck")
        run.child.send_signal(signal.SIGINT)
        assert run.wait() == 8 and "press electrode 3 on" in run.stdout
        assert any(call[1] == "Session1.Abort" for call in clinic.training.calls)


def test_session_cannot_ask():
    """Without a terminal a session that waits is aborted, not left hanging."""
    with Clinic() as clinic:
        session, started = add_session(clinic)
        run = clinic.start("session")
        wait_for(lambda: len(started) == 2, "session")
        pause(0.3)
        clinic.training.set(session, "Session1", State=GLib.Variant("s", "waiting"))
        assert run.wait() == 8


def test_session_vanishes():
    """trainingd dying in a session ends it, with a word."""
    with Clinic() as clinic:
        _, started = add_session(clinic)
        run = clinic.start("session")
        wait_for(lambda: len(started) == 2, "session")
        pause(0.3)
        clinic.training.stop()
        assert run.wait() == 9 and "bionicpro-trainingd" in run.stderr


def stream_record(kind, body, sequence, samples=0, channels=0, lost=0):
    """One record of a stream."""
    return struct.pack("<IHHIIQQQQIHHII", 0x31535042, 64, kind, len(body), sequence, 1000 * sequence, 0, 0, 0,
                       samples, channels, 4, lost, 0) + body


def test_signals():
    """The stream becomes lines; its end is the arm's leaving."""
    with Clinic() as clinic:
        writers = []

        def open_stream(_path, _options):
            reader, writer = os.pipe()
            samples = struct.pack("<8h", 100, 0, 0, 0, -100, 0, 0, 0)
            os.write(writer, stream_record(1, samples, 1, 2, 4, 3))
            os.write(writer, stream_record(2, struct.pack("<IBBBBHHiI", 40, 7, 7, 0, 0, 900, 450, 512, 300), 2))
            os.write(writer, stream_record(3, struct.pack("<III", 8, 0, 0), 3))
            writers.append(writer)
            formats = {"rate": GLib.Variant("u", 200), "channels": GLib.Variant("u", 4), "lsb": GLib.Variant("d", 0.5),
                       "unit": GLib.Variant("s", "microvolt"), "version": GLib.Variant("u", 1)}
            return GLib.Variant("(ha{sv})", (0, formats)), reader
        clinic.pairing.methods["Prosthesis1.OpenStream"] = open_stream
        run = clinic.run("signals", "--seconds", "0.5", "--json")
        line = run.lines()[-1]
        assert line["rms"] == [50.0, 0.0, 0.0, 0.0] and line["lost"] == 3 and line["dead"] == 4, line
        assert line["movement"] == "hand_close" and line["confidence"] == 0.9, line
        run = clinic.run("signals", "--seconds", "0.5", "--decisions")
        assert run.stdout == "sample,movement,name,confidence,speed\n40,7,hand_close,0.900,0.450\n"
        run = clinic.start("signals", "--json")
        wait_for(lambda: len(writers) == 3, "stream")
        for writer in writers:
            os.close(writer)
        assert run.wait() == 5 and "The arm has left" in run.stderr


def test_export_and_plot():
    """What recordsd hands out is written and drawn; a damaged one is refused."""
    with Clinic() as clinic:
        segments = [{"start": 0, "count": 200, "gesture": 7, "name": "hand_close", "rep": 1,
                     "verdict": {"attempt": 2, "figures": {}}},
                    {"start": 200, "count": 200, "gesture": 0, "name": "rest", "rep": 1}]
        data = [container(segments=segments, source="generated", filters="HP:20Hz")]
        clinic.records.methods["Recording1.Open"] = lambda *_: (GLib.Variant("(h)", (0,)), memory_file(data[0]))
        there = clinic.house.directory
        for name in ("x.edf", "x.csv", "x.bpr", "x.json", "pack"):
            clinic.run("export", "00ff", "--out", name)
        with open(os.path.join(there, "x.edf"), "rb") as stream:
            edf = stream.read()
        assert b"hand_close #1 (code 7)" in edf and b"verdict hand_close #1: accepted, attempt 2" in edf
        assert b"generated signals" in edf and b"Startdate 14-NOV-2023 00ff00ff00ff00ff X BP-1" in edf
        assert b"HP:20Hz" in edf and os.stat(os.path.join(there, "x.edf")).st_mode & 0o077 == 0
        assert os.path.exists(os.path.join(there, "pack", "00ff00ff00ff00ff.bin"))
        for out in ("s.svg", "s.png"):
            clinic.run("plot", "signals", "00ff", "--out", out)
            clinic.run("plot", "latency", "--out", "l" + out)
        with open(os.path.join(there, "s.png"), "rb") as stream:
            assert stream.read(8) == b"\x89PNG\r\n\x1a\n"
        assert [v["accepted"] for v in clinic.run("verdicts", "00ff", "--json").json()] == [False, True]
        data[0] = data[0][:-7]
        assert "cut short" in clinic.run("export", "00ff", "--out", "y.edf", status=1).stderr
        assert not os.path.exists(os.path.join(there, "y.edf"))
        clinic.run("export", "x.json", "--out", "/nonexistent/x.edf", status=1)
        clinic.run("plot", "signals", "x.json", "--from", "100", "--out", "z.svg", status=2)
        clinic.run("plot", "confusion", "x.json", "--out", "z.svg", status=1)
        clinic.run("plot", "confusion", "a1", "--out", "z.svg", status=3)


def test_models():
    """Models go in and out as files."""
    with Clinic() as clinic:
        there = clinic.house.directory
        clinic.training.methods["Model1.Open"] = lambda *_: (GLib.Variant("(h)", (0,)), memory_file(b"BPM1 model"))
        clinic.training.methods["Training1.ImportModel"] = lambda *_: GLib.Variant(
            "(o)", ("/org/bionicpro/Training1/model/" + "a1" * 8,))
        clinic.training.methods["Model1.Delete"] = lambda *_: None
        clinic.run("models", "export", "a1", "--out", "m.bpm")
        with open(os.path.join(there, "m.bpm"), "rb") as stream:
            assert stream.read() == b"BPM1 model"
        assert clinic.run("models", "import", "m.bpm", "--note", "n").stdout == "a1" * 8 + "\n"
        assert clinic.training.calls[-1][2][1:] == ("BP-1", {"note": "n"})
        clinic.run("models", "delete", "a1", "a2")
        clinic.run("models", "import", "missing.bpm", status=3)


def test_firmware():
    """Firmware is listed, staged from files and addresses, installed, confirmed, taken back."""
    with Clinic() as clinic:
        update = clinic.update
        there = clinic.house.directory
        path = "/org/bionicpro/Update1/firmware/" + "f1" * 32
        assert "No firmware" in clinic.run("firmware").stderr + clinic.run("firmware", "list").stdout
        update.add(path, "Firmware1", Hash=GLib.Variant("s", "f1" * 32), Version=GLib.Variant("s", "1.4.0"),
                   Hardware=GLib.Variant("s", "board"), Side=GLib.Variant("s", "any"), Schema=GLib.Variant("u", 3),
                   Size=GLib.Variant("t", 200000), Source=GLib.Variant("s", "a stick"),
                   Added=GLib.Variant("t", 1700000000000000))
        listed, = clinic.run("firmware", "list", "--json").json()
        assert listed["version"] == "1.4.0" and listed["hash"] == "f1" * 32 and listed["source"] == "a stick"
        assert "1.4.0" in clinic.run("firmware").stdout
        clinic.run("firmware", "nonsense", status=2)

        update.methods["Update1.ImportFirmware"] = lambda *_: GLib.Variant("(o)", (path,))
        with open(os.path.join(there, "arm.bin"), "wb") as stream:
            stream.write(b"program")
        assert clinic.run("firmware", "stage", "arm.bin").stdout == "f1" * 32 + "\n"
        assert update.calls[-1][2][1] == {"source": "arm.bin"}
        clinic.run("firmware", "stage", "missing.bin", status=3)

        def start(result):
            def method(*_):
                job = update.add_job(start.number)
                start.number += 1
                GLib.timeout_add(300, lambda: update.finish(job, result=result))
                return GLib.Variant("(o)", (job,))
            return method
        start.number = 1
        text = GLib.Variant("s", "f1" * 32)
        update.methods["Update1.StageFirmware"] = start({"hash": text})
        assert clinic.run("firmware", "stage", "https://x/y").stdout == "f1" * 32 + "\n"
        assert update.calls[-1][2] == ("https://x/y", {})
        for member in ("InstallFirmware", "StartTrial", "Confirm", "RollBack"):
            update.methods["Update1." + member] = start({"hash": text, "version": GLib.Variant("s", "1.4.0")})
        run = clinic.run("firmware", "install", "1.4.0")
        assert "1.4.0" in run.stdout and "firmware confirm" in run.stderr
        assert update.calls[-1][2] == (clinic.ARM, path, {})
        clinic.run("firmware", "install", "BP-1", "f1f1", "--worn", "--override", "--downgrade", "--no-trial")
        assert update.calls[-1][2][2] == {"worn": True, "override": True, "downgrade": True, "trial": False}
        clinic.run("firmware", "install", "9.9.9", status=3)
        assert clinic.run("firmware", "trial", "--worn", "--json").json()["version"] == "1.4.0"
        assert update.calls[-1][1:] == ("Update1.StartTrial", (clinic.ARM, {"image": "firmware", "worn": True}))
        clinic.run("firmware", "confirm", "BP-1")
        assert update.calls[-1][1:] == ("Update1.Confirm", (clinic.ARM, {"image": "firmware"}))
        clinic.run("firmware", "rollback", "--downgrade")
        assert update.calls[-1][2] == (clinic.ARM, {"image": "firmware", "downgrade": True})


def test_monitor():
    """Changes, jobs and comings and goings are lines."""
    with Clinic() as clinic:
        run = clinic.start("monitor", "--json", "--seconds", "4")
        run.wait_for("Watching")
        pause(0.5)
        clinic.pairing.set(clinic.ARM, "Prosthesis1", BatteryPercent=GLib.Variant("u", 5))
        job = clinic.training.add_job()
        clinic.training.finish(job)
        clinic.update.stop()
        assert run.wait() == 0
        events = [(line["service"], line["event"]) for line in run.lines()]
        for wanted in (("pairing", "changed"), ("training", "added"), ("training", "Finished"), ("update", "vanished")):
            assert wanted in events, (wanted, events)


if __name__ == "__main__":
    main(*[function for name, function in sorted(globals().items()) if name.startswith("test_")])
