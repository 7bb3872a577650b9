#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The whole API in one story: every method is called, every property read and compared with its XML,
the errors each promises are provoked. The last case counts what was reached."""
import glob
import json
import os
import struct
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

from gi.repository import GLib

from clinic import variant_dict
from harness import BUILD, NAMES, ROOTS, SOURCE, BusError, Object, main, spin, wait_for
from stage import MOVEMENTS, Stage
from stream import Stream
from synthetic import NAMES as NAMES_OF_MOVEMENTS
from synthetic import write_day

STAGE = []
SEEN = {}


def stage():
    """The stage all cases share; made by the first."""
    if not STAGE:
        STAGE.append(Stage(bind=False))
    return STAGE[0]


def interfaces():
    """Short name -> element, of every interface there is."""
    found = {}
    for path in sorted(glob.glob(os.path.join(SOURCE, "dbus", "org.bionicpro.*.xml"))):
        for interface in ElementTree.parse(path).getroot().findall("interface"):
            found[interface.get("name").replace("org.bionicpro.", "")] = interface
    return found


def note_objects():
    """Compares the properties of every object there is with the XML."""
    known = interfaces()
    for part in NAMES:
        objects = stage().clinic.objects(part)
        objects[ROOTS[part]] = {"%s1" % part.capitalize(): None}
        for path, offered in objects.items():
            for name in offered:
                if name not in known:
                    continue
                reply = stage().house.connection.call_sync(
                    NAMES[part], path, "org.freedesktop.DBus.Properties", "GetAll",
                    GLib.Variant("(s)", ("org.bionicpro." + name,)), None, 0, 30000, None)
                values = reply.get_child_value(0)
                wanted = {p.get("name"): p.get("type") for p in known[name].findall("property")}
                given = {}
                for i in range(values.n_children()):
                    entry = values.get_child_value(i)
                    given[entry.get_child_value(0).get_string()] = \
                        entry.get_child_value(1).get_variant().get_type_string()
                assert given == wanted, "%s %s: %s" % (path, name, set(given.items()) ^ set(wanted.items()))
                SEEN.setdefault(name, set()).add(path)


def managers():
    """Each manager is ready, has no problem, and knows its version."""
    for part in NAMES:
        manager = stage().clinic.object(part, ROOTS[part])
        properties = manager.properties("%s1" % part.capitalize())
        assert properties["State"] == "ready", properties
        assert properties["Problems"] == [], properties
        assert properties["Version"].count(".") == 2, properties
    note_objects()


def ports():
    """Lines are added, listed, removed; nonsense is refused."""
    pairing = stage().clinic.pairing
    pairing.expect("InvalidArgument", "Pairing1.AddPort", "(sa{sv})", "/dev/does-not-exist", {})
    pairing.expect("InvalidArgument", "Pairing1.AddPort", "(sa{sv})", "/etc/passwd", {})
    pairing.expect("InvalidArgument", "Pairing1.AddPort", "(sa{sv})", "/dev/ptmx",
                   variant_dict(baud=("u", 1)))
    pairing.expect("NotFound", "Pairing1.RemovePort", "(sa{sv})", "/dev/does-not-exist", {})
    other = stage().add_arm("other", plug=False)
    pairing.call("Pairing1.AddPort", "(sa{sv})", other.link, {})
    prosthesis = stage().clinic.prosthesis(other)
    assert prosthesis.get("Prosthesis1.Transport") == "serial"
    found = [p for p in pairing.get("Pairing1.Ports") if p["path"] == other.link]
    assert found and found[0]["state"] == "prosthesis", found
    pairing.call("Pairing1.RemovePort", "(sa{sv})", other.link, {})
    wait_for(lambda: not prosthesis.get("Prosthesis1.Connected"), "disconnected arm")
    other.stop()


def too_many_ports():
    """The 33rd line is refused."""
    pairing, added = stage().clinic.pairing, []
    lines = [os.openpty() for _ in range(33)]
    try:
        for _, slave in lines[:32]:
            added.append(os.ttyname(slave))
            pairing.call("Pairing1.AddPort", "(sa{sv})", added[-1], {})
        pairing.expect("LimitExceeded", "Pairing1.AddPort", "(sa{sv})", os.ttyname(lines[32][1]), {})
    finally:
        for path in added:
            pairing.call("Pairing1.RemovePort", "(sa{sv})", path, {})
        for master, slave in lines:
            os.close(master)
            os.close(slave)


def bind_arguments():
    """What Bind refuses at once."""
    prosthesis = stage().prosthesis
    patient = stage().patient = stage().clinic.create_patient("Somebody", "4711")
    code, bind = stage().arm.code, "Prosthesis1.Bind"
    sign = "(sosa{sv})"
    prosthesis.expect("InvalidArgument", bind, sign, "no json", patient.path, "left", {})
    prosthesis.expect("InvalidArgument", bind, sign, code, patient.path, "middle", {})
    prosthesis.expect("InvalidArgument", bind, sign, "x" * 5000, patient.path, "left", {})
    prosthesis.expect("InvalidArgument", bind, sign, code, patient.path, "left",
                      variant_dict(timeout=("u", 1)))
    prosthesis.expect("WrongState", "Prosthesis1.Unbind", "(a{sv})", {})


def bind_wrong_code():
    """The code of another arm, or with another key, or of a patient who is not there."""
    prosthesis, jobs = stage().prosthesis, stage().clinic.jobs
    code = json.loads(stage().arm.code)
    for changed in ({"deviceId": "somebody-else"}, {"fingerprint": "0" * 64}):
        wrong = json.dumps({**code, **changed})
        try:
            job = prosthesis.call("Prosthesis1.Bind", "(sosa{sv})", wrong, stage().patient.path,
                                  "left", {})
        except BusError as error:
            assert error.name in ("WrongProsthesis", "InvalidArgument"), error
            continue
        jobs.fail(job, "WrongProsthesis")
        jobs.once(job)
    job = prosthesis.call("Prosthesis1.Bind", "(sosa{sv})", stage().arm.code,
                          ROOTS["records"] + "/patient/nobody", "left", {})
    jobs.fail(job, "NotFound")


def bind_ends():
    """A binding that is cancelled, dismissed, or that nobody confirms."""
    prosthesis, clinic = stage().prosthesis, stage().clinic

    def begin(**options):
        return prosthesis.call("Prosthesis1.Bind", "(sosa{sv})", stage().arm.code,
                               stage().patient.path, "left", variant_dict(**options))
    job = begin()
    path, request = clinic.request()
    note_objects()
    assert request["Job"] == job and request["Subject"] == prosthesis.path, request
    prosthesis.expect("Busy", "Prosthesis1.Bind", "(sosa{sv})", stage().arm.code,
                      stage().patient.path, "left", {})
    clinic.object("pairing", job).call("Job1.Cancel", "(a{sv})", {})
    clinic.jobs.fail(job, "Cancelled")
    clinic.object("pairing", job).expect("WrongState", "Job1.Cancel", "(a{sv})", {})
    wait_for(lambda: not clinic.find("pairing", "Request1"), "end of the request")
    job = begin()
    path, _ = clinic.request()
    clinic.object("pairing", path).call("Request1.Dismiss", "(a{sv})", {})
    clinic.jobs.fail(job, "Cancelled")
    clinic.jobs.once(job)
    job = begin(timeout=("u", 5))
    clinic.jobs.fail(job, "TimedOut")
    wait_for(lambda: prosthesis.get("Prosthesis1.State") == "unbound", "unbound arm")


def bind():
    """The button is pressed; the binding is written down."""
    prosthesis, clinic = stage().prosthesis, stage().clinic
    clinic.bind(stage().arm, prosthesis, stage().patient, "left")
    properties = prosthesis.properties("Prosthesis1")
    assert properties["Side"] == "left", properties
    assert stage().patient.path.endswith("/" + properties["Patient"]), properties
    bindings = stage().patient.get("Patient1.Bindings")
    assert bindings[0]["prosthesis"] == stage().arm.device_id and bindings[0]["until"] == 0, bindings
    prosthesis.expect("WrongState", "Prosthesis1.Bind", "(sosa{sv})", stage().arm.code,
                      stage().patient.path, "left", {})
    note_objects()


def streams():
    """Streams are handed out, sixteen at most, and end when they are closed."""
    prosthesis = stage().prosthesis
    prosthesis.expect("InvalidArgument", "Prosthesis1.OpenStream", "(a{sv})",
                      variant_dict(buffer=("u", 1)))
    # Training listens to a bound arm, for drift.
    listeners = wait_for(lambda: prosthesis.get("Prosthesis1.Streams"), "training to listen")
    stream = Stream(prosthesis, samples=True)
    assert stream.format["rate"] == 200 and stream.format["channels"] == 8, stream.format
    wait_for(lambda: stream.samples > 100, "samples")
    others = [prosthesis.call("Prosthesis1.OpenStream", "(a{sv})", {})[0] for _ in range(15 - listeners)]
    prosthesis.expect("LimitExceeded", "Prosthesis1.OpenStream", "(a{sv})", {})
    assert prosthesis.get("Prosthesis1.Streams") == 16
    for fd in others:
        os.close(fd)
    stream.close()
    wait_for(lambda: prosthesis.get("Prosthesis1.Streams") == listeners, "end of the streams")
    assert stream.lost == 0 and stream.dropped == 0, (stream.lost, stream.dropped)


def slow_reader():
    """A reader that does not read loses samples of its own, is told, and holds nobody up."""
    prosthesis = stage().prosthesis
    slow, _ = prosthesis.call("Prosthesis1.OpenStream", "(a{sv})", variant_dict(buffer=("u", 65536)))
    quick = Stream(prosthesis, samples=True)
    stage().arm.tell("speed", 20)
    wait_for(lambda: prosthesis.get("Prosthesis1.Counters").get("dropped_for_slow_readers", 0) > 500,
             "dropped samples")
    stage().arm.tell("speed", 1)
    assert quick.dropped == 0 and quick.lost == 0 and quick.samples > 500
    os.close(slow)
    quick.close()


def management():
    """The management channel has one holder; an SMP echo comes back through it."""
    prosthesis = stage().prosthesis
    fd = prosthesis.call("Prosthesis1.AcquireManagement", "(a{sv})",
                         variant_dict(purpose=("s", "a test")))
    assert prosthesis.get("Prosthesis1.Leased") is True
    refused = prosthesis.expect("Busy", "Prosthesis1.AcquireManagement", "(a{sv})", {})
    assert "a test" in refused.message, refused
    import socket  # pylint: disable=import-outside-toplevel
    channel = socket.socket(fileno=fd)
    channel.settimeout(30)
    payload = b"\xa1\x61d\x65hello"
    channel.send(struct.pack(">BBHHBB", 2 | 1 << 3, 0, len(payload), 0, 77, 0) + payload)
    reply = channel.recv(4096)
    assert reply[6] == 77 and b"hello" in reply, reply
    channel.close()
    wait_for(lambda: not prosthesis.get("Prosthesis1.Leased"), "end of the lease")


def identify():
    """An arm shows itself; its figures are read anew."""
    prosthesis = stage().prosthesis
    prosthesis.call("Prosthesis1.Identify", "(ua{sv})", 1, {})
    prosthesis.expect("InvalidArgument", "Prosthesis1.Identify", "(ua{sv})", 0, {})
    prosthesis.expect("InvalidArgument", "Prosthesis1.Identify", "(ua{sv})", 61, {})
    stage().arm.tell("battery", 42)
    prosthesis.call("Prosthesis1.Refresh", "(a{sv})", {})
    assert prosthesis.get("Prosthesis1.BatteryPercent") == 42
    stage().arm.tell("battery", 90)


def session_arguments():
    """What StartSession refuses."""
    training, prosthesis = stage().clinic.training, stage().prosthesis
    start, sign = "Training1.StartSession", "(oa{sv})"
    training.expect("NotFound", start, sign, ROOTS["pairing"] + "/prosthesis/none", {})
    for options in ({"movements": ("as", ["juggling"])}, {"movements": ("as", ["rest"])},
                    {"repetitions": ("u", 0)}, {"hold": ("d", 100.0)}, {"hold": ("d", float("nan"))},
                    {"purpose": ("s", "fun")}):
        training.expect("InvalidArgument", start, sign, prosthesis.path, variant_dict(**options))


def session_steering():
    """Pause, resume, redo, skip, finish and abort, and when they are refused."""
    # More than will be made: the session must not come to its end by itself.
    session, wearer, _ = stage().start_session(begin=False, repetitions=3)
    note_objects()
    for method in ("Pause", "Resume", "Skip", "Finish"):
        session.expect("WrongState", "Session1." + method, "(a{sv})", {})
    job = session.call("Session1.Begin", "(a{sv})", {})
    session.expect("WrongState", "Session1.Begin", "(a{sv})", {})
    stage().clinic.training.expect("Busy", "Training1.StartSession", "(oa{sv})",
                                   stage().prosthesis.path, {})
    wait_for(lambda: any(v[:2] == (MOVEMENTS[0], 1) for v in wearer.verdicts), "first movement")
    session.call("Session1.Pause", "(a{sv})", {})
    assert session.get("Session1.State") == "paused"
    session.call("Session1.Resume", "(a{sv})", {})
    session.expect("NotFound", "Session1.Redo", "(sua{sv})", "juggling", 1, {})
    session.call("Session1.Redo", "(sua{sv})", MOVEMENTS[0], 1, {})
    wait_for(lambda: sum(v[:2] == (MOVEMENTS[0], 1) for v in wearer.verdicts) >= 2, "repetition once more")
    wait_for(lambda: skipped(session), "repetition that can be skipped")
    session.call("Session1.Finish", "(a{sv})", {})
    stage().clinic.jobs.succeed(job)
    stage().clinic.jobs.once(job)
    session.expect("WrongState", "Session1.Abort", "(a{sv})", {})
    wearer.close()
    session, wearer, job = stage().start_session()
    wait_for(lambda: wearer.verdicts, "first verdict")
    session.call("Session1.Abort", "(a{sv})", {})
    stage().clinic.jobs.fail(job, "Cancelled")
    stage().clinic.jobs.once(job)
    recording = stage().clinic.object("records", session.get("Session1.Recording"))
    assert recording.get("Recording1.State") == "interrupted"
    assert len(recording.get("Recording1.Repetitions")) == sum(v[2] for v in wearer.verdicts)
    wearer.close()


def skipped(session):
    """Skips the repetition, unless it is being judged just now."""
    try:
        session.call("Session1.Skip", "(a{sv})", {})
        return True
    except BusError as error:
        assert error.name == "WrongState", error
        return False


def recordings():
    """A recording is filled by hand, closed, opened, imported, deleted."""
    clinic, patient = stage().clinic, stage().patient
    create, sign = "Records1.CreateRecording", "(osa{sv})"
    clinic.records.expect("InvalidArgument", create, sign, patient.path, "arm", {})
    clinic.records.expect("NotFound", create, sign, ROOTS["records"] + "/patient/none", "arm",
                          variant_dict(rate=("u", 200), channels=("u", 2), lsb=("d", 1.0),
                                       unit=("s", "microvolt")))
    path = clinic.records.call(create, sign, patient.path, "arm", variant_dict(
        rate=("u", 200), channels=("u", 2), lsb=("d", 1.0), unit=("s", "microvolt")))
    recording = clinic.object("records", path)
    details = variant_dict(movement=("s", "pronation"), code=("y", 5), repetition=("u", 1),
                           count=("t", 100))
    append = "Recording1.AppendRepetition"
    assert recording.call(append, "(ha{sv})", 0, details, fds=[memory(bytes(400))]) == 0
    recording.expect("InvalidArgument", append, "(ha{sv})", 0, details, fds=[memory(bytes(3))])
    recording.call("Recording1.Complete", "(a{sv})", {})
    recording.expect("WrongState", "Recording1.Complete", "(a{sv})", {})
    recording.expect("WrongState", append, "(ha{sv})", 0, details, fds=[memory(bytes(400))])
    saved = os.path.join(stage().house.directory, "saved.bpr")
    clinic.save("records", path, "Recording1.Open", saved)
    with open(saved, "rb") as stream:
        content = stream.read()
    assert content.startswith(b"BPGREC1\n")
    imported = clinic.records.call("Records1.ImportRecording", "(oha{sv})", patient.path, 0, {},
                                   fds=[memory(content)])
    assert clinic.object("records", imported).get("Recording1.Samples") == 100
    for bad in (b"", b"BPGREC1\n", content[:-20], b"x" * 100, b"BPGREC1\n\xff\xff\xff\xff{}"):
        clinic.records.expect(("Corrupt", "LimitExceeded"), "Records1.ImportRecording", "(oha{sv})",
                              patient.path, 0, {}, fds=[memory(bad)])
    note_objects()
    clinic.object("records", imported).call("Recording1.Delete", "(a{sv})", {})
    assert imported not in clinic.objects("records")


def patients():
    """Personal data is set, read, and refused when it is none."""
    patient = stage().patient
    patient.call("Patient1.SetDetails", "(a{sv}a{sv})", variant_dict(name=("s", "Somebody Else")), {})
    assert patient.call("Patient1.GetDetails", "(a{sv})", {})["name"] == "Somebody Else"
    patient.expect("UnknownOption", "Patient1.SetDetails", "(a{sv}a{sv})",
                   variant_dict(shoe_size=("u", 43)), {})
    stage().clinic.records.expect("InvalidArgument", "Records1.CreatePatient", "(a{sv})",
                                  variant_dict(name=("s", "x" * 300)))


def memory(content):
    """A memory file."""
    fd = os.memfd_create("test", os.MFD_ALLOW_SEALING)
    os.write(fd, content)
    os.lseek(fd, 0, os.SEEK_SET)
    import fcntl  # pylint: disable=import-outside-toplevel
    fcntl.fcntl(fd, 1033, 0x0f)
    return fd


def models():
    """Training, evaluation, import, export, deletion."""
    clinic, training = stage().clinic, stage().clinic.training
    stage().recording, stage().model = stage().trained(repetitions=3)
    stage().model_file = os.path.join(stage().house.directory, "model.bpm")
    clinic.save("training", stage().model, "Model1.Open", stage().model_file)
    with open(stage().model_file, "rb") as stream:
        content = stream.read()
    assert content[:4] == b"BPM1"
    result = clinic.jobs.succeed(training.call("Training1.Evaluate", "(oaoa{sv})", stage().model,
                                               [stage().recording], {}))
    assert result["accuracy"] > 0.5 and result["windows"] > 0, result
    sign = "(hsa{sv})"
    same = training.call("Training1.ImportModel", sign, 0, stage().arm.device_id,
                         variant_dict(note=("s", "imported")), fds=[memory(content)])
    assert clinic.object("training", same).get("Model1.State") in ("candidate", "refused")
    for bad in (b"", content[:100], content[:-1] + bytes([content[-1] ^ 1]), b"ELF" + content[3:]):
        training.expect(("Corrupt", "Incompatible"), "Training1.ImportModel", sign, 0,
                        stage().arm.device_id, {}, fds=[memory(bad)])
    training.expect(("LimitExceeded", "Corrupt"), "Training1.ImportModel", sign, 0,
                    stage().arm.device_id, {}, fds=[memory(bytes(70000))])
    note_objects()


def training_errors():
    """What training refuses, each by its name."""
    clinic = stage().clinic
    none = ROOTS["records"] + "/recording/0000000000000000"
    fail_train(("NotFound",), [none])
    one = stage().record(movements=["pronation"], repetitions=1)
    fail_train(("InvalidArgument", "SignalPoor"), [stage().recording],
               repetitions=("au", [17]))
    fail_train(("Incompatible", "InvalidArgument"), [stage().recording, foreign_recording()])
    clinic.object("records", one).call("Recording1.Delete", "(a{sv})", {})


def fail_train(names, recordings_, **options):
    """Training that must be refused, by the call or by its job."""
    clinic = stage().clinic
    try:
        job = clinic.train(recordings_, **options)
    except BusError as error:
        assert error.name in names, error
        return
    clinic.jobs.fail(job, names)
    clinic.jobs.once(job)


def foreign_recording():
    """A recording with other electrodes."""
    clinic = stage().clinic
    path = clinic.records.call(
        "Records1.CreateRecording", "(osa{sv})", stage().patient.path, stage().arm.device_id,
        variant_dict(rate=("u", 1000), channels=("u", 4), lsb=("d", 1.0), unit=("s", "microvolt")))
    recording = clinic.object("records", path)
    for code, name in ((1, "wrist_flexion"), (2, "wrist_extension")):
        for repetition in (1, 2):
            recording.call("Recording1.AppendRepetition", "(ha{sv})", 0, variant_dict(
                movement=("s", name), code=("y", code), repetition=("u", repetition),
                count=("t", 1000)), fds=[memory(os.urandom(8000))])
    recording.call("Recording1.Complete", "(a{sv})", {})
    return path


def install():
    """A model is installed without a trial, tried, confirmed, replaced, rolled back."""
    clinic, prosthesis, update = stage().clinic, stage().prosthesis, stage().clinic.update
    key = update.call("Update1.GetClinicKey", "(a{sv})", {})
    assert len(key) > 400 and len(update.get("Update1.ClinicKey")) == 64
    update.expect("NotFound", "Update1.Install", "(ooa{sv})", prosthesis.path,
                  ROOTS["training"] + "/model/none", {})
    clinic.jobs.fail(clinic.confirm(prosthesis), "WrongState")
    clinic.jobs.fail(update.call("Update1.StartTrial", "(oa{sv})", prosthesis.path, {}), "WrongState")
    result = clinic.jobs.succeed(clinic.install(prosthesis, stage().model, trial=("b", False)))
    assert result["slot"] in ("A", "B") and result["bytes"] > 0, result
    wait_for(lambda: clinic.slots(stage().arm).get("Slots1.State") == "pending", "pending model")
    clinic.jobs.succeed(update.call("Update1.StartTrial", "(oa{sv})", prosthesis.path,
                                    variant_dict(seconds=("u", 600))))
    assert clinic.model_on(prosthesis) == result["model"]
    clinic.jobs.succeed(clinic.confirm(prosthesis))
    first = result["model"]
    second = clinic.jobs.wait(clinic.train([stage().recording], compare=("o", "/"),
                                           hop_ms=("u", 20)))[3]["model"]
    clinic.deploy(prosthesis, second)
    stage().second = second
    clinic.jobs.fail(update.call("Update1.RollBack", "(oa{sv})", prosthesis.path,
                                 variant_dict(model=("s", "00000000"))), "NotFound")
    clinic.jobs.succeed(update.call("Update1.RollBack", "(oa{sv})", prosthesis.path, {}))
    assert clinic.model_on(prosthesis) == first
    note_objects()


def firmware():
    """Firmware is handed in; the arm, which knows no release key, takes none."""
    clinic, house, update = stage().clinic, stage().house, stage().clinic.update
    maker = os.path.join(BUILD, "tests", "update", "firmware-maker")
    key, public, path = (os.path.join(house.directory, name) for name in ("release", "public", "program"))
    for words in (("key", key, public), ("container", key, path, "simlimb-1", "any", "99", "9.0.0", "4096")):
        subprocess.run([maker, *words], check=True, capture_output=True, env=house.environment)
    with open(path, "rb") as stream:
        content = stream.read()
    update.expect("SignatureInvalid", "Update1.ImportFirmware", "(ha{sv})", 0, {}, fds=[memory(content)])
    house.daemons["update"].stop()
    wait_for(lambda: not house.owner(NAMES["update"]), "end of updated")
    house.start("update", "--release-key", public)
    wait_for(lambda: clinic.has_slots(stage().arm), "known slots")
    staged = update.call("Update1.ImportFirmware", "(ha{sv})", 0, {}, fds=[memory(content)])
    update.expect("InvalidArgument", "Update1.StageFirmware", "(sa{sv})", "http://localhost/x", {})
    clinic.jobs.fail(update.call("Update1.StageFirmware", "(sa{sv})", "https://localhost:1/x", {}), "Offline")
    clinic.jobs.fail(update.call("Update1.InstallFirmware", "(ooa{sv})", stage().prosthesis.path, staged,
                                 variant_dict(worn=("b", True))), "NotAuthorized")
    note_objects()


def battery_low():
    """Below its limit the arm takes no model."""
    stage().arm.tell("battery", 5)
    try:
        third = stage().clinic.jobs.wait(stage().clinic.train(
            [stage().recording], compare=("o", "/"), hop_ms=("u", 30)))[3]["model"]
        job = stage().clinic.install(stage().prosthesis, third)
        stage().clinic.jobs.fail(job, "BatteryTooLow")
        stage().clinic.jobs.once(job)
    finally:
        stage().arm.tell("battery", 90)


def worse_model():
    """A model that is worse is refused by training, by update, and goes on only with `override`."""
    clinic = stage().clinic
    fd = memory(mixed_up_container(stage().house.directory))
    recording = clinic.records.call(
        "Records1.ImportRecording", "(oha{sv})", stage().patient.path, 0,
        variant_dict(prosthesis=("s", stage().arm.device_id)), fds=[fd])
    job = clinic.train([recording])
    _, result = clinic.jobs.fail(job, "ModelWorse")
    worse = result["model"]
    assert clinic.object("training", worse).get("Model1.State") == "refused"
    clinic.update.expect("ModelWorse", "Update1.Install", "(ooa{sv})", stage().prosthesis.path, worse,
                         {})
    clinic.jobs.succeed(clinic.install(stage().prosthesis, worse, override=("b", True)))
    clinic.jobs.succeed(clinic.update.call("Update1.RollBack", "(oa{sv})", stage().prosthesis.path,
                                           {}))


def mixed_up_container(folder):
    """A .bpr of two repetitions, in the second of which the movements have changed their names."""
    path = write_day(folder, 9, gestures=[1, 2, 7], repetitions=2, name="mixed-up")
    with open(path, encoding="ascii") as stream:
        head = json.load(stream)
    following = {1: 2, 2: 7, 7: 1, 0: 0}
    for segment in head["segments"]:
        if segment["rep"] == 2:
            segment["gesture"] = following[segment["gesture"]]
            segment["name"] = NAMES_OF_MOVEMENTS[segment["gesture"]]
    with open(path[:-5] + ".bin", "rb") as stream:
        samples = stream.read()
    text = json.dumps(head).encode()
    return b"BPGREC1\n" + struct.pack("<I", len(text)) + text + samples


def usage():
    """The arm's log is fetched and read."""
    clinic = stage().clinic
    log = clinic.usage(stage().arm)
    clinic.jobs.succeed(log.call("Usage1.Fetch", "(a{sv})", {}))
    assert log.get("Usage1.Records") > 0
    records = log.call("Usage1.Read", "(ta{sv})", 0, variant_dict(limit=("u", 10)))
    assert records and records[0]["kind"], records
    assert [r["sequence"] for r in records] == sorted(r["sequence"] for r in records)


def unknown_options():
    """Every method refuses a key it does not know, and names it."""
    known = {name: set(paths) for name, paths in SEEN.items()}
    note_objects()
    tried = 0
    for name, interface in interfaces().items():
        paths = [p for p in sorted(SEEN.get(name, known.get(name, ()))) if alive(name, p)]
        for method in interface.findall("method"):
            arguments = [a for a in method.findall("arg") if a.get("direction") == "in"]
            if not arguments or arguments[-1].get("name") != "options" or not paths:
                continue
            refuse_unknown(name, method.get("name"), arguments, paths[-1])
            tried += 1
    assert tried >= 35, "only %d methods could be tried" % tried


def alive(name, path):
    """Whether an object still has the interface."""
    part = path.split("/")[3][:-1].lower()
    try:
        Object(stage().house, NAMES[part], path).properties(name)
        return True
    except BusError:
        return False


def refuse_unknown(interface, method, arguments, path):
    """Calls with a key nobody knows and otherwise sensible arguments."""
    part = path.split("/")[3][:-1].lower()
    sensible = {"s": "x", "o": stage().prosthesis.path, "u": 1, "t": 0, "y": 1, "ao": [], "h": 0}
    if interface == "Records1" or method == "Bind":
        sensible["o"] = stage().patient.path
    if method == "Bind":
        values = [stage().arm.code, stage().patient.path, "left"]
    elif method in ("Train", "Evaluate"):
        values = [[stage().recording]] if method == "Train" else [stage().model, [stage().recording]]
    elif method == "Install":
        values = [stage().prosthesis.path, stage().model]
    else:
        values = [sensible.get(a.get("type"), {}) for a in arguments[:-1]]
    signature = "(" + "".join(a.get("type") for a in arguments) + ")"
    fds = [memory(b"x")] if "h" in signature else ()
    error = Object(stage().house, NAMES[part], path).expect(
        "UnknownOption", "%s.%s" % (interface, method), signature, *values,
        {"colour": GLib.Variant("s", "red")}, fds=fds)
    assert "colour" in error.message, error


def goodbye():
    """The arm is unbound, the model and the patient are deleted."""
    clinic = stage().clinic
    job = stage().prosthesis.call("Prosthesis1.Unbind", "(a{sv})", {})
    clinic.request()
    stage().arm.tell("button")
    clinic.jobs.succeed(job)
    wait_for(lambda: stage().prosthesis.get("Prosthesis1.State") == "unbound", "unbound arm")
    bindings = stage().patient.get("Patient1.Bindings")
    assert bindings and bindings[0]["until"] > 0, bindings
    clinic.object("training", stage().model).call("Model1.Delete", "(a{sv})", {})
    assert stage().model not in clinic.objects("training")
    clinic.jobs.succeed(stage().patient.call("Patient1.Delete", "(a{sv})", {}))
    assert stage().patient.path not in clinic.objects("records")
    assert not clinic.find("records", "Recording1", Patient=stage().patient.path)


def everything_reached():
    """No interface without an object, no method uncalled."""
    missing = [name for name in interfaces() if name not in SEEN]
    assert not missing, "no object was seen of %s" % missing
    methods = {"%s.%s" % (name, method.get("name")) for name, interface in interfaces().items()
               for method in interface.findall("method")}
    assert not methods - Object.reached, "not called: %s" % sorted(methods - Object.reached)
    spin(0.2)
    twice = {job: len(ends) for job, ends in stage().clinic.jobs.finished.items() if len(ends) != 1}
    assert not twice, "Finished came more than once: %s" % twice


if __name__ == "__main__":
    try:
        main(managers, ports, too_many_ports, bind_arguments, bind_wrong_code, bind_ends, bind, streams,
             slow_reader, management, identify, session_arguments, session_steering, recordings,
             patients, models, training_errors, install, firmware, battery_low, worse_model, usage,
             unknown_options, goodbye, everything_reached)
    finally:
        if STAGE:
            STAGE[0].__exit__(sys.exc_info()[0] if sys.exc_info()[1] is None or
                              getattr(sys.exc_info()[1], "code", 1) else None)
