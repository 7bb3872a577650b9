#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Training, evaluation, the registry of models and drift, as a client sees them."""
import hashlib
import os
import sys

sys.path.insert(0, os.path.join(os.environ["BIONICPRO_TEST_SRCDIR"], "tests", "training"))
from arm import Arm, GLib, ROOTS  # noqa: E402
from harness import main, wait_for  # noqa: E402
from sessions import Clinic, Injector, MOVEMENTS  # noqa: E402

NOBODY = ROOTS["training"] + "/model/0000000000000000"


def text(value):
    """A string option."""
    return GLib.Variant("s", value)


def path_of(value):
    """An object path option."""
    return GLib.Variant("o", value)


def train(clinic, recordings, **options):
    """Starts training; gives the job."""
    return clinic.manager.call("Training1.Train", "(aoa{sv})", recordings, options)


def trained(clinic, recordings, **options):
    """Trains; gives the model's path and the job's result."""
    result = clinic.jobs.succeed(train(clinic, recordings, **options))
    return result["model"], result


def read_model(clinic, model):
    """The .bpm a model hands out."""
    fd = clinic.training(model).call("Model1.Open", "(a{sv})", {})
    with os.fdopen(fd, "rb") as stream:
        return stream.read()


def import_model(clinic, data, device="ARM-1", **options):
    """Imports a model; gives its path."""
    fd = os.memfd_create("model")
    try:
        os.write(fd, data)
        return clinic.manager.call("Training1.ImportModel", "(hsa{sv})", 0, device, options, fds=[fd])
    finally:
        os.close(fd)


def refuse_import(clinic, name, data, device="ARM-1", **options):
    """Wants an import to be refused."""
    fd = os.memfd_create("model")
    try:
        os.write(fd, data)
        clinic.manager.expect(name, "Training1.ImportModel", "(hsa{sv})", 0, device, options, fds=[fd])
    finally:
        os.close(fd)


def trains_a_model():
    """A first model: figures, registry, file; and it is there after a restart."""
    with Clinic() as clinic:
        recording = clinic.record(repetitions=3)
        phases = []
        clinic.jobs.on_phase(None, phases.append)
        model, result = trained(clinic, [recording], note=text("first"))
        assert result["verdict"] == "first" and "compared_accuracy" not in result
        assert result["accuracy"] > 0.9, result
        assert 0 <= result["accuracy_low"] <= result["accuracy"] <= result["accuracy_high"] <= 1
        assert result["movements"] == ["rest"] + MOVEMENTS and result["windows"] > 50
        assert sum(map(sum, result["confusion"])) == result["windows"] and result["seconds"] > 0
        assert {"fetching", "evaluating", "keeping"} <= set(phases), phases

        properties = clinic.training(model).properties("Model1")
        data = read_model(clinic, model)
        assert properties["Hash"] == hashlib.sha256(data).hexdigest()
        assert properties["Id"] == properties["Hash"][:16] and model.endswith(properties["Id"])
        assert properties["Size"] == len(data) and properties["State"] == "candidate"
        assert properties["SamplingRate"] == 200 and properties["Channels"] == 8
        assert properties["Window"] > properties["Hop"] > 0 and properties["Created"] > 0
        assert properties["Movements"] == ["rest"] + MOVEMENTS
        assert properties["Recordings"] == [recording] and properties["Parent"] == ""
        assert properties["Prosthesis"] == "ARM-1" and clinic.patient.endswith(properties["Patient"])
        assert properties["Note"] == "first" and properties["Evaluation"]["verdict"] == "first"

        clinic.house.kill("training")
        clinic.house.start("training")
        assert clinic.training(model).properties("Model1") == properties
        assert read_model(clinic, model) == data

        # Trained on the same once more: the model on the arm has seen it all, its own figures stand for it.
        clinic.arm.set(ModelHash=properties["Hash"])
        again, repeated = trained(clinic, [recording])
        assert again != model and repeated["verdict"] == "not-worse", repeated
        assert abs(repeated["compared_accuracy"] - result["accuracy"]) < 1e-9


def adapts_and_compares():
    """A later day: adapting beats the old model, a model of a single repetition; Evaluate tells drift."""
    with Clinic() as clinic:
        first = clinic.record(repetitions=3)
        model, _ = trained(clinic, [first])
        clinic.arm.set(ModelHash=clinic.training(model).get("Model1.Hash"))
        fresh = clinic.jobs.succeed(clinic.manager.call(
            "Training1.Evaluate", "(oaoa{sv})", model, [first], {}))

        clinic.arm.muscles.turn = 1
        again = clinic.record(repetitions=1, purpose=text("recalibration"))
        assert clinic.recording(again).get("Recording1.Purpose") == "recalibration"
        drifted = clinic.jobs.succeed(clinic.manager.call(
            "Training1.Evaluate", "(oaoa{sv})", model, [again], {}))
        assert fresh["accuracy"] > 0.9 > drifted["accuracy"], (fresh, drifted)
        assert drifted["distance"] > drifted["threshold"] > fresh["distance"], (fresh, drifted)
        assert drifted["movements"] and drifted["windows"] and drifted["confusion"]

        adapted, result = trained(clinic, [again], **{"from": path_of(model)})
        assert result["verdict"] == "better", result
        assert result["compared_accuracy"] < result["accuracy"]
        properties = clinic.training(adapted).properties("Model1")
        assert properties["Parent"] == clinic.training(model).get("Model1.Hash")
        assert properties["Evaluation"]["compared_model"] == model


def refuses_a_worse_model():
    """A model that is worse on today's repetitions is kept as refused, and the job says so."""
    with Clinic() as clinic:
        clinic.arm.muscles.strength = 0.08
        model, _ = trained(clinic, [clinic.record(repetitions=3)])
        clinic.arm.set(ModelHash=clinic.training(model).get("Model1.Hash"))
        today = clinic.record(repetitions=3)
        # A window of eight samples is worse than the one that is used when nobody says anything.
        job = train(clinic, [today], window_ms=GLib.Variant("u", 40))
        error, result = clinic.jobs.fail(job, "ModelWorse")
        assert error and result["verdict"] == "worse", result
        assert result["accuracy"] < result["compared_accuracy"] - 0.01, result
        assert "%.1f" % (100 * result["accuracy"]) in clinic.training(job).get("Job1.ErrorMessage")
        refused = clinic.training(result["model"])
        assert refused.get("Model1.State") == "refused"
        assert refused.get("Model1.Evaluation")["compared_model"] == model
        # The same without a model to beat is nobody's worse.
        clinic.jobs.succeed(train(clinic, [today], window_ms=GLib.Variant("u", 50), compare=path_of("/")))


def sees_swapped_movements():
    """Two movements swapped against what the model knows: SignalPoor, and it names them."""
    with Clinic() as clinic:
        model, _ = trained(clinic, [clinic.record(repetitions=2)])
        gains = clinic.arm.muscles.gains
        gains[7], gains[8] = gains[8], gains[7]
        swapped = clinic.record(repetitions=1)
        job = train(clinic, [swapped], **{"from": path_of(model)})
        clinic.jobs.fail(job, "SignalPoor")
        message = clinic.training(job).get("Job1.ErrorMessage")
        assert "hand_close" in message and "hand_open" in message, message


def refuses_senseless_training():
    """Unknown options, models and recordings; too many; one movement; a cancelled job."""
    with Clinic() as clinic:
        recording = clinic.record(repetitions=2)

        def refuse(name, recordings, **options):
            clinic.manager.expect(name, "Training1.Train", "(aoa{sv})", recordings, options)

        refuse("UnknownOption", [recording], windows=GLib.Variant("u", 1))
        refuse("InvalidArgument", [])
        refuse("InvalidArgument", [recording] * 2)
        refuse("InvalidArgument", ["/a/%d" % i for i in range(65)])
        refuse("InvalidArgument", [recording], window_ms=GLib.Variant("u", 5))
        refuse("NotFound", [recording], **{"from": path_of(NOBODY)})
        refuse("NotFound", [recording], compare=path_of(NOBODY))
        clinic.jobs.fail(train(clinic, ["/org/bionicpro/Records1/recording/none"]), "NotFound")
        clinic.jobs.fail(train(clinic, [recording], repetitions=GLib.Variant("au", [9])),
                         ("InvalidArgument", "SignalPoor"))
        clinic.manager.expect("NotFound", "Training1.Evaluate", "(oaoa{sv})", NOBODY, [recording], {})
        model, _ = trained(clinic, [recording], holdout=GLib.Variant("b", False))
        job = train(clinic, [recording], **{"from": path_of(model)})
        clinic.training(model).expect("Busy", "Model1.Delete", "(a{sv})", {})
        clinic.jobs.wait(job)
        clinic.manager.expect("UnknownOption", "Training1.Evaluate", "(oaoa{sv})", model, [recording],
                              {"x": GLib.Variant("b", True)})
        clinic.manager.expect("InvalidArgument", "Training1.Evaluate", "(oaoa{sv})", model, [], {})
        job = train(clinic, [recording])
        clinic.training(job).call("Job1.Cancel", "(a{sv})", {})
        success, error, _, _ = clinic.jobs.wait(job)
        assert success or error == "Cancelled", error
        clinic.jobs.once(job)


def keeps_a_registry():
    """Models are imported, refused when foreign, found damaged, and deleted."""
    with Clinic() as clinic:
        model, _ = trained(clinic, [clinic.record(repetitions=2)])
        data = read_model(clinic, model)
        refuse_import(clinic, "InvalidArgument", b"x", device="")
        refuse_import(clinic, "InvalidArgument", b"x", device="A" * 64)
        reading, writing = os.pipe()
        clinic.manager.expect("InvalidArgument", "Training1.ImportModel", "(hsa{sv})", 0, "ARM-1", {},
                              fds=[reading])
        os.close(reading)
        os.close(writing)
        clinic.manager.expect("InvalidArgument", "Training1.ImportModel", "(hsa{sv})", 0, "ARM-1", {})
        refuse_import(clinic, "Corrupt", b"")
        refuse_import(clinic, "Corrupt", data[:-1])
        refuse_import(clinic, "Corrupt", data[:100] + b"\xff" + data[101:])
        refuse_import(clinic, "Corrupt", b"x" * 1000)
        refuse_import(clinic, "LimitExceeded", b"x" * (64 * 1024 + 1))
        refuse_import(clinic, "UnknownOption", data, x=text("y"))
        refuse_import(clinic, ("Incompatible", "Corrupt"), data[:4] + b"\x63\0" + data[6:])
        assert import_model(clinic, data) == model
        entry = clinic.training(model)
        entry.expect("UnknownOption", "Model1.Open", "(a{sv})", {"x": text("y")})
        entry.expect("UnknownOption", "Model1.Delete", "(a{sv})", {"x": text("y")})

        file = os.path.join(clinic.house.state("training"), "models", entry.get("Model1.Hash") + ".bpm")
        with open(file, "r+b") as stream:
            stream.seek(200)
            stream.write(b"\xee")
        entry.expect("Corrupt", "Model1.Open", "(a{sv})", {})
        assert clinic.manager.get("Training1.State") == "degraded"
        problem = clinic.manager.get("Training1.Problems")[0]
        assert problem["error"] == "org.bionicpro.Error.Corrupt" and problem["subject"] == model
        entry.call("Model1.Delete", "(a{sv})", {})
        assert not os.path.exists(file) and clinic.manager.get("Training1.State") == "ready"

        imported = clinic.training(import_model(clinic, data, "ARM-2", note=text("from elsewhere")))
        assert imported.path == model and imported.get("Model1.Prosthesis") == "ARM-2"
        assert imported.get("Model1.Evaluation") == {}
        assert imported.get("Model1.Note") == "from elsewhere"
        clinic.house.kill("training")
        clinic.house.start("training")
        assert read_model(clinic, model) == data


def fails_without_room():
    """No room for the model: NoSpace, nothing half-written; with room again it works again."""
    with Clinic() as clinic:
        recording = clinic.record(repetitions=2)
        model, _ = trained(clinic, [recording])
        data = read_model(clinic, model)
        clinic.training(model).call("Model1.Delete", "(a{sv})", {})
        folder = os.path.join(clinic.house.state("training"), "models")
        with Injector(clinic.house, "training", "rename:error=ENOSPC:when=1+"):
            clinic.jobs.fail(train(clinic, [recording]), "NoSpace")
            refuse_import(clinic, "NoSpace", data)
            assert not os.listdir(folder), os.listdir(folder)
        trained(clinic, [recording])
        assert len(os.listdir(folder)) == 1


def refuses_other_electrodes():
    """A model for other electrodes is Incompatible when it is named, and has no say when it is not."""
    with Clinic() as clinic:
        model, _ = trained(clinic, [clinic.record(repetitions=2)])
        wait_for(lambda: tuned(clinic), "tuning")
        clinic.arm.close()
        wait_for(lambda: not tuned(clinic), "end of tuning with pairingd")
        clinic.arm = Arm(clinic.house, clinic.patient.rsplit("/", 1)[1], channels=6)
        clinic.arm.set(ModelHash=clinic.training(model).get("Model1.Hash"))
        wait_for(lambda: tuned(clinic), "tuning again")
        other = clinic.record(repetitions=2)
        clinic.jobs.fail(clinic.manager.call(
            "Training1.Evaluate", "(oaoa{sv})", model, [other], {}), "Incompatible")
        for option in ("from", "compare"):
            clinic.jobs.fail(train(clinic, [other], **{option: path_of(model)}), "Incompatible")
        assert trained(clinic, [other])[1]["verdict"] == "first"
        first = clinic.training(model).get("Model1.Recordings")
        clinic.jobs.fail(train(clinic, first + [other]), "Incompatible")
        session = clinic.start_session(recording=path_of(first[0]))
        clinic.jobs.fail(session.call("Session1.Begin", "(a{sv})", {}), ("WrongState", "Incompatible"))


def sets_a_broken_index_aside():
    """An index that cannot be read is kept as .broken and told; the service works with a new one."""
    with Clinic() as clinic:
        recording = clinic.record(repetitions=2)
        model, _ = trained(clinic, [recording])
        clinic.house.kill("training")
        index = os.path.join(clinic.house.state("training"), "models.db")
        for name in (index + "-wal", index + "-shm"):
            if os.path.exists(name):
                os.unlink(name)
        with open(index, "wb") as stream:
            stream.write(b"no database" * 1000)
        clinic.house.start("training")
        assert os.path.exists(index + ".broken")
        assert clinic.manager.get("Training1.State") == "degraded"
        assert clinic.manager.get("Training1.Problems")[0]["error"] == "org.bionicpro.Error.Corrupt"
        assert trained(clinic, [recording])[0] != model


def names_a_damaged_recording():
    """A recording whose samples are damaged is Corrupt, in Train, in Evaluate and when it is continued."""
    with Clinic() as clinic:
        good = clinic.record(repetitions=2)
        model, _ = trained(clinic, [good])
        session = clinic.start_session()
        job = session.call("Session1.Begin", "(a{sv})", {})
        clinic.arm.run(lambda: session.get("Session1.Step") == 2, "two repetitions")
        session.call("Session1.Abort", "(a{sv})", {})
        damaged = clinic.jobs.fail(job, "Cancelled")[1]["recording"]
        folder = os.path.join(clinic.house.state("records"), "samples")
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), "r+b") as stream:
                stream.seek(-100, os.SEEK_END)
                stream.write(b"\xa5" * 50)
        clinic.jobs.fail(train(clinic, [good]), "Corrupt")
        clinic.jobs.fail(clinic.manager.call(
            "Training1.Evaluate", "(oaoa{sv})", model, [good], {}), "Corrupt")
        session = clinic.start_session(recording=path_of(damaged))
        clinic.jobs.fail(session.call("Session1.Begin", "(a{sv})", {}), "Corrupt")


def watches_for_drift():
    """Decisions that go far from the model are drift; others are not; a reconnected arm begins anew."""
    with Clinic() as clinic:
        model, _ = trained(clinic, [clinic.record(repetitions=2)])
        tuning = clinic.training(ROOTS["training"] + "/prosthesis/ARM_2d1")
        properties = tuning.properties("Tuning1")
        assert properties["Prosthesis"] == clinic.arm.path and properties["ActiveModel"] == "/"
        assert properties["Drift"] == -1 and not properties["Drifted"] and properties["Decisions"] == 0
        clinic.arm.set(ModelHash=clinic.training(model).get("Model1.Hash"))
        wait_for(lambda: tuning.get("Tuning1.ActiveModel") == model, "active model")
        wait_for(lambda: tuning.get("Tuning1.Threshold") > 1, "threshold")

        def decide(count, distance, movement=7):
            before = tuning.get("Tuning1.Decisions")
            for _ in range(count):
                clinic.arm.decide(movement, distance)
            if movement:
                wait_for(lambda: tuning.get("Tuning1.Decisions") == before + count, "decisions")

        decide(20, 100)
        assert tuning.get("Tuning1.Drift") == -1 and tuning.get("Tuning1.Advice") == ""
        decide(50, 100)
        assert tuning.get("Tuning1.Drifted") and "repetition" in tuning.get("Tuning1.Advice")
        assert tuning.get("Tuning1.Drift") > tuning.get("Tuning1.Threshold")
        clinic.arm.leave()
        clinic.arm.come_back()
        wait_for(lambda: tuning.get("Tuning1.Decisions") == 0, "a new beginning")
        wait_for(lambda: clinic.arm.streams, "a new stream")
        decide(50, 0.5)
        decide(100, 90, movement=0)
        assert not tuning.get("Tuning1.Drifted") and 0 <= tuning.get("Tuning1.Drift") < 1.5
        clinic.arm.hang_up()
        wait_for(lambda: clinic.arm.streams, "another stream after the first one broke off")
        clinic.arm.set(State="unbound")
        wait_for(lambda: not tuned(clinic), "end of tuning")
        clinic.arm.set(State="bound")
        wait_for(lambda: tuned(clinic), "tuning again")


def tuned(clinic):
    """Whether trainingd watches the arm."""
    objects = clinic.house.connection.call_sync(
        "org.bionicpro.Training1", ROOTS["training"], "org.freedesktop.DBus.ObjectManager",
        "GetManagedObjects", None, None, 0, 5000, None).unpack()[0]
    return ROOTS["training"] + "/prosthesis/ARM_2d1" in objects


def ends_jobs_of_a_crash():
    """Killed while it trains: the job ends once with Failed, the registry is whole."""
    with Clinic() as clinic:
        recording = clinic.record(repetitions=2)
        for phase in ("fetching", "evaluating", "keeping"):
            ends = clinic.jobs.on_phase(phase, lambda path: clinic.house.daemons["training"].kill())
            job = train(clinic, [recording])
            wait_for(lambda: not clinic.house.daemons["training"].running() or
                     job in clinic.jobs.finished, "the crash")
            ends()
            if clinic.house.daemons["training"].running():
                clinic.house.kill("training")
            wait_for(lambda: not clinic.house.owner("org.bionicpro.Training1"), "end of the name")
            clinic.house.start("training")
            clinic.jobs.wait(job)
            clinic.jobs.once(job)
            assert clinic.manager.get("Training1.State") == "ready"
        trained(clinic, [recording])


if __name__ == "__main__":
    main(trains_a_model, adapts_and_compares, refuses_a_worse_model, sees_swapped_movements,
         refuses_senseless_training, keeps_a_registry, fails_without_room, refuses_other_electrodes,
         names_a_damaged_recording, sets_a_broken_index_aside, watches_for_drift, ends_jobs_of_a_crash)
