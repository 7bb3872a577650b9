#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""bionicpro-recordsd as a client sees it: patients, recordings, imports, crashes, a full disk."""
import array
import glob
import json
import os
import struct
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ["BIONICPRO_TEST_SRCDIR"], "tests", "integration"))
from harness import Gio, GLib, House, Jobs, NAMES, Object, ROOTS, main, spin, wait_for  # noqa: E402

ROOT = ROOTS["records"]
RATE, CHANNELS, LSB = 1000, 8, 0.25
REQUIRED = {"rate": GLib.Variant("u", RATE), "channels": GLib.Variant("u", CHANNELS),
            "lsb": GLib.Variant("d", LSB), "unit": GLib.Variant("s", "microvolt")}


def records(house, path=ROOT, connection=None):
    """An object of the daemon."""
    return Object(house, NAMES["records"], path, connection)


def memory(data):
    """A memory file with data in it, sealed as the interface wants it."""
    fd = os.memfd_create("test", os.MFD_ALLOW_SEALING)
    os.write(fd, data)
    return fd


def samples(count, seed=1, channels=CHANNELS):
    """Samples that differ from one another."""
    return array.array("h", ((i * 31 + seed * 977) % 65536 - 32768
                             for i in range(count * channels))).tobytes()


def details(movement="hand_close", code=7, repetition=1, count=100, **more):
    """What AppendRepetition is told."""
    return dict({"movement": GLib.Variant("s", movement), "code": GLib.Variant("y", code),
                 "repetition": GLib.Variant("u", repetition), "count": GLib.Variant("t", count)},
                **more)


def create_patient(house, **options):
    """A new patient's path."""
    return records(house).call("Records1.CreatePatient", "(a{sv})",
                               {key: GLib.Variant("s", value) for key, value in options.items()})


def create_recording(house, patient, connection=None, **options):
    """A new recording."""
    path = records(house, connection=connection).call(
        "Records1.CreateRecording", "(osa{sv})", patient, "ARM-1",
        dict(REQUIRED, **{key: GLib.Variant("s", value) for key, value in options.items()}))
    return records(house, path, connection)


def append(recording, data, what):
    """Adds a repetition; gives its place."""
    fd = memory(data)
    try:
        return recording.call("Recording1.AppendRepetition", "(ha{sv})", 0, what, fds=[fd])
    finally:
        os.close(fd)


def refuse_append(name, recording, data, what):
    """Wants adding a repetition to be refused."""
    fd = memory(data)
    try:
        return recording.expect(name, "Recording1.AppendRepetition", "(ha{sv})", 0, what, fds=[fd])
    finally:
        os.close(fd)


def read_container(recording):
    """What Open hands out: the side-car and the samples."""
    fd = recording.call("Recording1.Open", "(a{sv})", {})
    with os.fdopen(fd, "rb") as stream:
        try:
            os.write(stream.fileno(), b"x")
            raise AssertionError("the container is not sealed")
        except OSError:
            pass
        content = stream.read()
    assert content[:8] == b"BPGREC1\n", content[:8]
    length = struct.unpack("<I", content[8:12])[0]
    return json.loads(content[12:12 + length]), content[12 + length:], content


def objects(house):
    """Everything the daemon exports."""
    return house.connection.call_sync(
        NAMES["records"], ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", None,
        None, 0, 5000, None).unpack()[0]


def files(house):
    """Files of samples."""
    return sorted(glob.glob(os.path.join(house.state("records"), "samples", "*")))


def starts():
    """The manager tells its version, its state and that nothing is sealed yet."""
    with House() as house:
        house.start("records")
        manager = records(house).properties("Records1")
        assert manager["State"] == "ready" and manager["Problems"] == [], manager
        assert "unsealed" in manager["Features"] and manager["Version"]
        mode = os.stat(house.state("records")).st_mode & 0o777
        assert mode == 0o700, oct(mode)


def patients():
    """Patients have pseudonyms; their names are told only on purpose and kept over a restart."""
    with House() as house:
        house.start("records")
        path = create_patient(house, name="Änne Müller", reference="4711")
        patient = records(house, path)
        properties = patient.properties("Patient1")
        assert path.endswith(properties["Id"]) and properties["Bindings"] == []
        assert abs(properties["Created"] / 1e6 - time.time()) < 1000
        assert patient.call("Patient1.GetDetails", "(a{sv})", {}) == {
            "name": "Änne Müller", "reference": "4711"}
        patient.call("Patient1.SetDetails", "(a{sv}a{sv})", {"name": GLib.Variant("s", "B")}, {})
        house.kill("records")
        house.start("records")
        assert patient.call("Patient1.GetDetails", "(a{sv})", {}) == {"name": "B"}
        assert create_patient(house) != path
        manager = records(house)
        manager.expect("UnknownOption", "Records1.CreatePatient", "(a{sv})",
                       {"nmae": GLib.Variant("s", "x")})
        manager.expect("InvalidArgument", "Records1.CreatePatient", "(a{sv})",
                       {"name": GLib.Variant("s", "x" * 257)})
        patient.expect("UnknownOption", "Patient1.GetDetails", "(a{sv})",
                       {"x": GLib.Variant("b", True)})
        patient.expect("UnknownOption", "Patient1.SetDetails", "(a{sv}a{sv})",
                       {"x": GLib.Variant("s", "")}, {})
        patient.expect("InvalidArgument", "Patient1.SetDetails", "(a{sv}a{sv})",
                       {"reference": GLib.Variant("s", "y" * 65)}, {})
        patient.expect("UnknownOption", "Patient1.Delete", "(a{sv})",
                       {"x": GLib.Variant("b", True)})


def bindings():
    """A prosthesis is bound to one patient at a time; what was before stays written down."""
    with House() as house:
        house.start("records")
        first, second = create_patient(house), create_patient(house)
        manager = records(house)

        def bind(patient, prosthesis="ARM-1", **options):
            manager.call("Records1.RecordBinding", "(osa{sv})", patient, prosthesis, options)

        bind(first, fingerprint=GLib.Variant("s", "ab" * 32), side=GLib.Variant("s", "left"))
        bind(first, fingerprint=GLib.Variant("s", "ab" * 32), side=GLib.Variant("s", "left"))
        found = records(house, first).get("Patient1.Bindings")
        assert len(found) == 1 and found[0]["prosthesis"] == "ARM-1" and found[0]["side"] == "left"
        assert found[0]["fingerprint"] == "ab" * 32 and found[0]["until"] == 0
        bind(second, side=GLib.Variant("s", "right"))
        assert records(house, first).get("Patient1.Bindings")[0]["until"] > 0
        assert records(house, second).get("Patient1.Bindings")[0]["until"] == 0
        bind(second, bound=GLib.Variant("b", False))
        house.kill("records")
        house.start("records")
        assert records(house, second).get("Patient1.Bindings")[0]["until"] > 0
        for name, patient, prosthesis, options in (
                ("NotFound", second, "ARM-1", {"bound": GLib.Variant("b", False)}),
                ("NotFound", ROOT + "/patient/nobody", "ARM-1", {}),
                ("InvalidArgument", first, "", {}),
                ("InvalidArgument", first, "A" * 64, {}),
                ("InvalidArgument", first, "A", {"side": GLib.Variant("s", "middle")}),
                ("InvalidArgument", first, "A", {"fingerprint": GLib.Variant("s", "12")}),
                ("UnknownOption", first, "A", {"sides": GLib.Variant("s", "left")})):
            manager.expect(name, "Records1.RecordBinding", "(osa{sv})", patient, prosthesis, options)


def recording_round_trip():
    """What was appended comes back, sample for sample, with its gaps, clock and verdicts."""
    with House() as house:
        house.start("records")
        recording = create_recording(house, create_patient(house), purpose="training",
                                     filters="notch 50 Hz", electrodes="band", note="first")
        seen = []
        recording.watch("Recording1.Unused", lambda *_: None)
        house.connection.signal_subscribe(
            NAMES["records"], "org.freedesktop.DBus.Properties", "PropertiesChanged",
            recording.path, None, 0, lambda *signal: seen.append(signal[5].unpack()[1]))
        first, second, third = samples(100, 1), samples(50, 2), samples(60, 3)
        assert append(recording, first, details()) == 0
        assert seen and seen[-1]["Samples"] == 100, "PropertiesChanged must come before the reply"
        assert append(recording, second, details("rest", 0, count=50, **{
            "lost": GLib.Variant("a(tt)", [(5, 10), (45, 5)]),
            "clock": GLib.Variant("a(ttt)", [(1, 2, 3)]),
            "verdict": GLib.Variant("a{sv}", {"snr": GLib.Variant("d", 12.5)})})) == 1
        assert append(recording, third, details(count=60, replaces=GLib.Variant("b", True))) == 0
        properties = recording.properties("Recording1")
        assert properties["Samples"] == 110 and properties["LostSamples"] == 15, properties
        assert properties["Repetitions"] == [
            {"movement": "hand_close", "code": 7, "repetition": 1, "start": 0, "count": 60},
            {"movement": "rest", "code": 0, "repetition": 1, "start": 60, "count": 50}]
        assert properties["State"] == "open" and properties["Purpose"] == "training"
        assert properties["Source"] == "arm" and properties["Note"] == "first"
        assert (properties["SamplingRate"], properties["Channels"], properties["Lsb"],
                properties["Unit"], properties["Prosthesis"]) == (
                    RATE, CHANNELS, LSB, "microvolt", "ARM-1")
        assert len(properties["Id"]) == 16 and recording.path.endswith(properties["Id"])
        side_car, data, _ = read_container(recording)
        assert data == third + second
        assert side_car["fs_hz"] == RATE and side_car["channels"] == CHANNELS
        assert side_car["samples"] == 110 and side_car["dtype"] == "int16le"
        assert side_car["lsb"] == LSB and side_car["unit"] == "microvolt"
        assert side_car["filters"] == "notch 50 Hz" and side_car["electrodes"] == "band"
        assert side_car["gaps"] == [{"start": 65, "count": 10}, {"start": 105, "count": 5}]
        assert side_car["clock"] == [[1, 2, 3]]
        assert side_car["segments"][1] == {"start": 60, "count": 50, "gesture": 0, "name": "rest",
                                           "rep": 1, "verdict": {"snr": 12.5}}
        wait_for(lambda: len(files(house)) == 2, "removal of the replaced file")
        recording.call("Recording1.Complete", "(a{sv})", {})
        assert recording.get("Recording1.State") == "complete"
        house.kill("records")
        house.start("records")
        after = recording.properties("Recording1")
        assert after == dict(properties, State="complete"), after
        assert read_container(recording)[1] == third + second
        refuse_append("WrongState", recording, first, details())
        recording.expect("WrongState", "Recording1.Complete", "(a{sv})", {})


def bad_recordings():
    """Senseless parameters, lengths and options are refused by name."""
    with House() as house:
        house.start("records")
        patient = create_patient(house)
        manager = records(house)

        def refuse(name, patient_path=patient, prosthesis="ARM-1", without=None, **options):
            given = {key: value for key, value in REQUIRED.items() if key != without}
            manager.expect(name, "Records1.CreateRecording", "(osa{sv})", patient_path, prosthesis,
                           dict(given, **options))

        for key in REQUIRED:
            refuse("InvalidArgument", without=key)
        refuse("NotFound", patient_path=ROOT + "/patient/nobody")
        refuse("InvalidArgument", prosthesis="")
        refuse("InvalidArgument", rate=GLib.Variant("u", 0))
        refuse("InvalidArgument", rate=GLib.Variant("u", 10 ** 9))
        refuse("InvalidArgument", channels=GLib.Variant("u", 65))
        refuse("InvalidArgument", lsb=GLib.Variant("d", float("nan")))
        refuse("InvalidArgument", lsb=GLib.Variant("d", -1))
        refuse("InvalidArgument", rate=GLib.Variant("s", "1000"))
        refuse("UnknownOption", rates=GLib.Variant("u", 1))

        recording = create_recording(house, patient)
        good = samples(100)
        refuse_append("InvalidArgument", recording, good[:-1], details())
        refuse_append("InvalidArgument", recording, good + b"xx", details())
        refuse_append("InvalidArgument", recording, b"", details())
        refuse_append("InvalidArgument", recording, good, details(count=0))
        refuse_append("InvalidArgument", recording, good, details(movement=""))
        refuse_append("InvalidArgument", recording, good, details(movement="m" * 24))
        refuse_append("InvalidArgument", recording, good, details(repetition=0))
        refuse_append("InvalidArgument", recording, good, details(
            lost=GLib.Variant("a(tt)", [(50, 51)])))
        refuse_append("InvalidArgument", recording, good, details(
            lost=GLib.Variant("a(tt)", [(2 ** 64 - 1, 2)])))
        refuse_append("UnknownOption", recording, good, details(moved=GLib.Variant("b", True)))
        for key in ("movement", "code", "repetition", "count"):
            what = details()
            del what[key]
            refuse_append("InvalidArgument", recording, good, what)
        refuse_append("LimitExceeded", recording, good, details(count=128 * 1024 * 1024))
        reading, writing = os.pipe()
        recording.expect("InvalidArgument", "Recording1.AppendRepetition", "(ha{sv})", 0, details(),
                         fds=[reading])
        os.close(reading)
        os.close(writing)
        recording.expect("InvalidArgument", "Recording1.AppendRepetition", "(ha{sv})", 0, details())
        recording.expect("UnknownOption", "Recording1.Complete", "(a{sv})",
                         {"x": GLib.Variant("b", True)})
        recording.expect("UnknownOption", "Recording1.Open", "(a{sv})",
                         {"x": GLib.Variant("b", True)})
        recording.expect("UnknownOption", "Recording1.Delete", "(a{sv})",
                         {"x": GLib.Variant("b", True)})
        assert recording.get("Recording1.Samples") == 0 and not files(house)


def interrupted_recordings():
    """A recording whose session crashed stays open, can be interrupted, continued and completed."""
    with House() as house:
        house.start("records")
        patient = create_patient(house)
        session = house.connect()
        recording = create_recording(house, patient, connection=session)
        append(recording, samples(100), details())
        mine = records(house, recording.path)
        mine.expect("Busy", "Recording1.Delete", "(a{sv})", {})
        session.close_sync(None)
        assert mine.get("Recording1.State") == "open"
        mine.call("Recording1.Complete", "(a{sv})", {"interrupted": GLib.Variant("b", True)})
        assert mine.get("Recording1.State") == "interrupted"
        house.kill("records")
        house.start("records")
        assert mine.get("Recording1.State") == "interrupted"
        assert append(mine, samples(100, 2), details(repetition=2)) == 1
        assert mine.get("Recording1.State") == "open"
        mine.call("Recording1.Complete", "(a{sv})", {})
        assert read_container(mine)[1] == samples(100) + samples(100, 2)


def damaged_samples():
    """A damaged or missing file is Corrupt, and says which repetition; orphans are tidied up."""
    with House() as house:
        house.start("records")
        recording = create_recording(house, create_patient(house))
        append(recording, samples(100), details())
        recording.call("Recording1.Complete", "(a{sv})", {})
        path, = files(house)
        with open(path, "rb") as stream:
            content = stream.read()
        for damaged in (content[:-1], content[:50] + b"\0" + content[51:], b"", content + b"x"):
            with open(path, "wb") as stream:
                stream.write(damaged)
            error = recording.expect("Corrupt", "Recording1.Open", "(a{sv})", {})
            assert "hand_close" in error.message, error
        os.unlink(path)
        recording.expect("Corrupt", "Recording1.Open", "(a{sv})", {})
        orphan = os.path.join(os.path.dirname(path), "0123456789abcdef")
        for name, data in ((path, content), (orphan, b"left by a crash"), (orphan + ".x", b"")):
            with open(name, "wb") as stream:
                stream.write(data)
        house.kill("records")
        house.start("records")
        assert files(house) == [path]
        assert read_container(recording)[1] == samples(100)


def imports():
    """A container that was handed out can be taken back; hostile ones are refused by name."""
    with House() as house:
        house.start("records")
        patient = create_patient(house)
        recording = create_recording(house, patient, note="old")
        append(recording, samples(100), details())
        append(recording, samples(40, 5), details("rest", 0, count=40, lost=GLib.Variant(
            "a(tt)", [(1, 2)])))
        side_car, data, content = read_container(recording)
        manager = records(house)

        def take(container, **options):
            fd = memory(container)
            try:
                return records(house, manager.call("Records1.ImportRecording", "(oha{sv})", patient,
                                                   0, options, fds=[fd]))
            finally:
                os.close(fd)

        def refuse(name, container, path=patient, **options):
            before = len(files(house))
            fd = memory(container)
            try:
                manager.expect(name, "Records1.ImportRecording", "(oha{sv})", path, 0, options,
                               fds=[fd])
            finally:
                os.close(fd)
            assert len(files(house)) == before

        def pack(changes, samples_given=data):
            text = changes if isinstance(changes, bytes) else json.dumps(
                dict(side_car, **changes)).encode()
            return b"BPGREC1\n" + struct.pack("<I", len(text)) + text + samples_given

        taken = take(content, prosthesis=GLib.Variant("s", "ARM-2"), note=GLib.Variant("s", "new"))
        properties = taken.properties("Recording1")
        assert properties["State"] == "complete" and properties["Source"] == "import"
        assert properties["Prosthesis"] == "ARM-2" and properties["Note"] == "new"
        assert properties["Patient"] == patient and properties["LostSamples"] == 2
        assert read_container(taken)[1] == data
        assert take(pack({"source": "generated"})).get("Recording1.Source") == "generated"

        assert read_container(take(pack({"session": 4})))[0]["session"] == "4"

        refuse("NotFound", content, path=ROOT + "/patient/nobody")
        refuse("UnknownOption", content, notes=GLib.Variant("s", ""))
        refuse("InvalidArgument", content, prosthesis=GLib.Variant("s", ""))
        for length in (0, 7, 8, 11, 12, 13, 100, len(content) - 1):
            refuse("Corrupt", content[:length])
        refuse("Corrupt", content + b"x")
        refuse("Corrupt", b"BPGREC2\n" + content[8:])
        refuse("Corrupt", b"BPGREC1\n\xff\xff\xff\xff" + content[12:])
        for text in (b"", b"[]", b"{", b"null", b"\xff\xfe", b"[" * 100000, b'{"a":' * 50000,
                     b'{"fs_hz":1}'):
            refuse("Corrupt", pack(text))
        segment = side_car["segments"][0]
        for changes in (
                {"fs_hz": 0}, {"fs_hz": -1}, {"fs_hz": 1e300}, {"fs_hz": "1000"}, {"fs_hz": 1.5},
                {"channels": 0}, {"channels": 65}, {"channels": 4}, {"samples": 139},
                {"samples": 2 ** 62}, {"samples": -1}, {"lsb": 0}, {"lsb": "x"}, {"lsb": -1.0},
                {"unit": 5}, {"unit": ""}, {"unit": "u" * 65}, {"dtype": "float32"},
                {"segments": []}, {"segments": {}}, {"segments": [1]},
                {"segments": [dict(segment, start=141)]}, {"segments": [dict(segment, start=-1)]},
                {"segments": [dict(segment, count=0)]}, {"segments": [dict(segment, count=141)]},
                {"segments": [dict(segment, count=2 ** 63)]},
                {"segments": [dict(segment, gesture=256)]}, {"segments": [dict(segment, rep=0)]},
                {"segments": [dict(segment, name="n" * 24)]}, {"segments": [dict(segment, name=1)]},
                {"segments": [segment] * 4097},
                {"gaps": [{"start": 0}]}, {"gaps": [{"start": 139, "count": 2}]}, {"gaps": 1}):
            refuse("Corrupt", pack(changes))
        refuse("LimitExceeded", b"BPGREC1\n" + struct.pack("<I", 5 << 20) + b" " * (5 << 20))
        big = samples(100000)
        refuse("LimitExceeded", pack({"samples": 100000, "gaps": [], "segments": [
            dict(segment, start=0, count=100000, rep=i + 1) for i in range(200)]}, big))
        huge = os.memfd_create("huge")
        os.ftruncate(huge, 300 << 20)
        manager.expect("LimitExceeded", "Records1.ImportRecording", "(oha{sv})", patient, 0, {},
                       fds=[huge])
        os.close(huge)
        assert manager.get("Records1.State") == "ready"


def deletions():
    """A recording goes with its files; a patient with everything, in a job that survives -9."""
    with House() as house:
        house.start("records")
        jobs = Jobs(house)
        patient, other = create_patient(house), create_patient(house)
        kept = create_recording(house, other)
        append(kept, samples(10), details(count=10))
        recording = create_recording(house, patient)
        append(recording, samples(100), details())
        job = records(house, patient).call("Patient1.Delete", "(a{sv})", {})
        jobs.fail(job, "Busy")
        recording.call("Recording1.Complete", "(a{sv})", {})
        single = create_recording(house, patient)
        append(single, samples(100), details())
        single.call("Recording1.Complete", "(a{sv})", {})
        single.call("Recording1.Delete", "(a{sv})", {})
        assert len(files(house)) == 2 and single.path not in objects(house)
        properties = records(house, job).properties("Job1")
        assert properties["Kind"] == "delete-patient" and properties["Subject"] == patient
        job = records(house, patient).call("Patient1.Delete", "(a{sv})", {})
        jobs.succeed(job)
        jobs.once(job)
        assert len(files(house)) == 1
        left = objects(house)
        assert patient not in left and recording.path not in left and kept.path in left
        house.kill("records")
        house.start("records")
        left = objects(house)
        assert patient not in left and recording.path not in left and kept.path in left
        assert read_container(kept)[1] == samples(10)


def deletion_killed():
    """Killed at any of its writes, the deletion of a patient ends once, after the restart."""
    # Each run kills the daemon at another of its writes and unlinks, until a run is not killed.
    for call, limit in (("pwrite64", 40), ("unlink", 4)):
        for when in range(1, limit, 1 if call == "unlink" else 3):
            with House() as house:
                house.start("records")
                patient = create_patient(house)
                recording = create_recording(house, patient)
                for i in range(2):
                    append(recording, samples(20, i), details(count=20, repetition=i + 1))
                recording.call("Recording1.Complete", "(a{sv})", {})
                house.daemons["records"].stop()
                wait_for(lambda: not house.owner(NAMES["records"]), "end of the daemon")
                jobs = Jobs(house)
                house.start("records")
                tracer = attach_killer(house, call, when)
                job = start_deletion(house, patient)
                killed_soon(house)
                tracer.stop()
                # Also what is written after the end can be what it is killed at.
                killed = not house.survives("records")
                told = job in jobs.finished
                if killed:
                    house.start("records")
                if job is not None:
                    jobs.succeed(job)
                    assert patient not in objects(house)
                    assert not files(house)
                    # Killed between telling and striking it off, the job is told of again.
                    if not told:
                        jobs.once(job)
                else:
                    check_whole(house, patient, recording)
            if not killed:
                break


def attach_killer(house, call, when):
    """Kills the daemon with -9 at the given system call."""
    from harness import Process
    tracer = Process(house, "strace", [
        "strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + call, "-e",
        "inject=%s:signal=KILL:when=%d" % (call, when), "-p", str(house.daemons["records"].pid)])

    def attached():
        # What is to be killed may be before anybody sees that it is traced.
        if not house.daemons["records"].running():
            return True
        with open("/proc/%d/status" % house.daemons["records"].pid, encoding="ascii") as status:
            return "TracerPid:\t0" not in status.read()
    wait_for(attached, "tracer")
    return tracer


def start_deletion(house, patient):
    """Asks for the deletion; None when the daemon died before it answered."""
    from harness import BusError
    try:
        return records(house, patient).call("Patient1.Delete", "(a{sv})", {})
    except BusError:
        return None


def killed_soon(house):
    """Waits until the daemon is either killed or idle."""
    process = house.daemons["records"]

    def settled():
        if not process.running():
            return True
        running = [path for path, interfaces in objects(house).items()
                   if interfaces.get("org.bionicpro.Job1", {}).get("State") == "running"]
        return not running
    try:
        wait_for(settled, "end of the job or the daemon")
    except GLib.Error:
        pass
    spin(0.05)


def check_whole(house, patient, recording):
    """The daemon died before it took the deletion: all is there, or the replay has deleted all."""
    def whole_or_gone():
        left = objects(house)
        return patient in left or not any("/recording/" in path for path in left)
    wait_for(whole_or_gone, "a whole state")
    if patient in objects(house):
        assert len(read_container(recording)[1]) == 2 * 20 * CHANNELS * 2
    else:
        wait_for(lambda: not files(house), "removal of the files")


def append_killed():
    """Killed anywhere in AppendRepetition, what was acknowledged is there, and nothing half."""
    for call, limit in (("write", 12), ("fdatasync", 6), ("rename", 2), ("fsync", 3),
                        ("pwrite64", 8)):
        for when in range(1, limit):
            with House() as house:
                house.start("records")
                recording = create_recording(house, create_patient(house))
                append(recording, samples(30), details(count=30))
                tracer = attach_killer(house, call, when)
                acknowledged = try_append(recording)
                killed_soon(house)
                tracer.stop()
                # Also what is written after the end can be what it is killed at.
                killed = not house.survives("records")
                if killed:
                    house.start("records")
                data = read_container(recording)[1]
                repetitions = len(recording.get("Recording1.Repetitions"))
                assert len(files(house)) == repetitions
                assert data[:len(samples(30))] == samples(30)
                if acknowledged or repetitions == 2:
                    assert data == samples(30) + samples(40, 9)
            if not killed:
                break


def try_append(recording):
    """Appends; False when the daemon died before it answered."""
    from harness import BusError
    try:
        append(recording, samples(40, 9), details(count=40, repetition=2))
        return True
    except BusError:
        return False


def full_disk():
    """Without room: NoSpace, nothing half-written; with room again it works again."""
    for inject in ("fdatasync:error=ENOSPC:when=1+", "pwrite64:error=ENOSPC:when=1+"):
        with House() as house:
            house.start("records")
            patient = create_patient(house)
            recording = create_recording(house, patient)
            append(recording, samples(30), details(count=30))
            tracer = attach_injector(house, inject)
            refuse_append("NoSpace", recording, samples(40), details(count=40, repetition=2))
            if "pwrite64" in inject:
                # Only then SQLite knows that it is the room that is missing.
                manager = records(house)
                manager.expect("NoSpace", "Records1.CreatePatient", "(a{sv})", {})
                manager.expect("NoSpace", "Records1.CreateRecording", "(osa{sv})", patient,
                               "ARM-1", REQUIRED)
            tracer.stop()
            wait_for(lambda: len(files(house)) == 1, "tidy folder")
            assert recording.get("Recording1.Samples") == 30
            assert append(recording, samples(40), details(count=40, repetition=2)) == 1
            assert read_container(recording)[1] == samples(30) + samples(40)
            house.kill("records")
            house.start("records")
            assert read_container(recording)[1] == samples(30) + samples(40)


def crowds():
    """What waits for a slow disk is bounded; what is over the bound is refused by name."""
    with House() as house:
        house.start("records")
        patient = create_patient(house)
        recording = create_recording(house, patient)
        append(recording, samples(30), details(count=30))
        content = read_container(recording)[2]
        tracer = attach_injector(house, "fdatasync:delay_enter=700000")
        appended = call_at_once(house, recording.path, "Recording1", "AppendRepetition", 24,
                                samples(30), lambda i: GLib.Variant(
                                    "(ha{sv})", (0, details(count=30, repetition=2 + i))))
        imported = call_at_once(house, ROOT, "Records1", "ImportRecording", 4, content,
                                lambda i: GLib.Variant("(oha{sv})", (patient, 0, {})))
        wait_for(lambda: len(imported) == 4 and len([a for a in appended if a]) >= 8, "refusals")
        tracer.stop()
        wait_for(lambda: len(appended) == 24, "answers")
        refused = [answer for answer in appended if answer]
        assert len(refused) == 8 and all("LimitExceeded" in answer for answer in refused), refused
        refused = [answer for answer in imported if answer]
        assert len(refused) == 2 and all("LimitExceeded" in answer for answer in refused), refused
        assert recording.get("Recording1.Samples") == 17 * 30


def call_at_once(house, path, interface, method, count, data, arguments):
    """Calls many times without waiting; collects the errors, None for success."""
    answers = []

    def answered(connection, result):
        try:
            connection.call_with_unix_fd_list_finish(result)
            answers.append(None)
        except GLib.Error as error:
            answers.append(error.message)
    for i in range(count):
        fd = memory(data)
        house.connection.call_with_unix_fd_list(
            NAMES["records"], path, "org.bionicpro." + interface, method, arguments(i), None, 0,
            60000, Gio.UnixFDList.new_from_array([fd]), None, answered)
    return answers


def attach_injector(house, inject):
    """Has a system call of the daemon's files fail."""
    from harness import Process
    call = inject.split(":")[0]
    tracer = Process(house, "strace", [
        "strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + call, "-e", "inject=" + inject,
        "-p", str(house.daemons["records"].pid)])

    def attached():
        # What is to be killed may be before anybody sees that it is traced.
        if not house.daemons["records"].running():
            return True
        with open("/proc/%d/status" % house.daemons["records"].pid, encoding="ascii") as status:
            return "TracerPid:\t0" not in status.read()
    wait_for(attached, "tracer")
    return tracer


def broken_index():
    """A damaged index is set aside and reported; the samples wait for it to be restored."""
    with House() as house:
        house.start("records")
        recording = create_recording(house, create_patient(house))
        append(recording, samples(30), details(count=30))
        house.daemons["records"].stop()
        wait_for(lambda: not house.owner(NAMES["records"]), "end of the daemon")
        index = os.path.join(house.state("records"), "records.db")
        with open(index, "r+b") as stream:
            stream.write(b"not a database" * 10)
        for _ in range(2):
            house.start("records")
            assert objects(house) == {} and len(files(house)) == 1
            house.kill("records")
        assert os.path.exists(index + ".broken")


if __name__ == "__main__":
    tempfile.tempdir = None
    main(starts, patients, bindings, recording_round_trip, bad_recordings, interrupted_recordings,
         damaged_samples, imports, deletions, broken_index, full_disk, crowds,
         append_killed, deletion_killed)
