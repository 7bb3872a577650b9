# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a clinic does with the gateway, in words of the bus: patients, binding, sessions, models."""
import contextlib
import os

from gi.repository import GLib

from harness import NAMES, ROOTS, BusError, Jobs, Object, wait_for


def variant_dict(**options):
    """A dictionary a{sv} of Variants, from "name=(signature, value)"."""
    return {name: GLib.Variant(signature, value) for name, (signature, value) in options.items()}


class Clinic:
    """A front end to the four daemons of a house."""

    def __init__(self, house):
        self.house, self.jobs = house, Jobs(house)
        self.pairing, self.training, self.records, self.update = (
            Object(house, NAMES[part], ROOTS[part])
            for part in ("pairing", "training", "records", "update"))

    def objects(self, part):
        """path -> interface (short) -> properties, of one daemon's object manager."""
        reply = self.house.connection.call_sync(
            NAMES[part], ROOTS[part], "org.freedesktop.DBus.ObjectManager", "GetManagedObjects",
            None, None, 0, 30000, None).unpack()[0]
        return {path: {name.replace("org.bionicpro.", ""): properties
                       for name, properties in interfaces.items()}
                for path, interfaces in reply.items()}

    def object(self, part, path):
        """An object of a daemon."""
        return Object(self.house, NAMES[part], path)

    def find(self, part, interface, **wanted):
        """Objects with an interface whose properties are as wanted: [(path, properties)]."""
        try:
            objects = self.objects(part)
        except GLib.Error:
            return []
        return [(path, interfaces[interface]) for path, interfaces in sorted(objects.items())
                if interface in interfaces
                and all(interfaces[interface].get(k) == v for k, v in wanted.items())]

    def prosthesis(self, arm, connected=True, patience=120):
        """Waits until an arm is there; returns its object."""
        def look():
            found = self.find("pairing", "Prosthesis1", DeviceId=arm.device_id)
            return [path for path, properties in found if properties["Connected"] == connected]
        path = wait_for(look, "%s prosthesis %s" % (
            "connected" if connected else "disconnected", arm.device_id), patience)[0]
        return self.object("pairing", path)

    def create_patient(self, name="", reference=""):
        """Adds a patient; returns the object."""
        options = {}
        if name:
            options["name"] = GLib.Variant("s", name)
        if reference:
            options["reference"] = GLib.Variant("s", reference)
        return self.object("records", self.records.call("Records1.CreatePatient", "(a{sv})", options))

    def request(self, kind="press-button", patience=60):
        """Waits for a request to a person; returns its path and properties."""
        return wait_for(lambda: self.find("pairing", "Request1", Kind=kind),
                        "request to %s" % kind, patience)[0]

    def bind(self, arm, prosthesis, patient, side="right", press=True):
        """Binds an arm; the person at the arm presses its button. Returns the job's path."""
        job = prosthesis.call("Prosthesis1.Bind", "(sosa{sv})", arm.code, patient.path, side, {})
        if press:
            self.request()
            arm.tell("button")
            self.jobs.succeed(job)
            wait_for(lambda: prosthesis.get("Prosthesis1.State") == "bound", "bound arm")
        return job

    def tuning(self, arm):
        """The object that tells of drift."""
        return self.object("training", "%s/prosthesis/%s" % (ROOTS["training"], arm.escaped()))

    def slots(self, arm):
        """The object that tells what is in an arm's slots."""
        return self.object("update", "%s/prosthesis/%s" % (ROOTS["update"], arm.escaped()))

    def has_slots(self, arm):
        """Whether an arm's slots are known, and nothing works on them; also while there are none yet."""
        return dict(self.find("update", "Slots1", State="idle")).get(self.slots(arm).path) is not None

    def usage(self, arm):
        """The object of an arm's usage log."""
        return self.object("records", "%s/prosthesis/%s" % (ROOTS["records"], arm.escaped()))

    def movement_names(self):
        """code -> name, as training knows them."""
        return dict(self.training.get("Training1.Movements"))

    def start_session(self, prosthesis, movements, **options):
        """Prepares a session; options as (signature, value)."""
        wanted = variant_dict(movements=("as", movements), **options)
        return self.object("training", self.training.call(
            "Training1.StartSession", "(oa{sv})", prosthesis.path, wanted))

    def train(self, recordings, **options):
        """Starts training; returns the job's path."""
        return self.training.call("Training1.Train", "(aoa{sv})", list(recordings),
                                  variant_dict(**options))

    def install(self, prosthesis, model, **options):
        """Starts an installation; returns the job's path."""
        return self.update.call("Update1.Install", "(ooa{sv})", prosthesis.path, model,
                                variant_dict(**options))

    def confirm(self, prosthesis):
        """Confirms the model on trial; returns the job's path."""
        return self.update.call("Update1.Confirm", "(oa{sv})", prosthesis.path, {})

    def deploy(self, prosthesis, model):
        """Installs, tries and confirms a model; returns the installation's result."""
        result = self.jobs.succeed(self.install(prosthesis, model, trial_seconds=("u", 600)))
        self.jobs.succeed(self.confirm(prosthesis))
        return result

    def model_on(self, prosthesis):
        """Hash of the model the arm decides with, read from the arm now."""
        prosthesis.call("Prosthesis1.Refresh", "(a{sv})", {})
        return prosthesis.get("Prosthesis1.ModelHash")

    def save(self, part, path, member, target):
        """Saves what Recording1.Open or Model1.Open hands out."""
        fd = self.object(part, path).call(member, "(a{sv})", {})
        with open(fd, "rb") as source, open(target, "wb") as sink:
            source.seek(0)
            sink.write(source.read())
        return os.path.getsize(target)


class Wearer:
    """Follows a session's prompts as a patient would: rests, and does what is asked.

    `pieces` maps (movement's name, repetition) to a piece of a recording; `rest` is played between.
    `before` and `after` are called around each hold, with movement, repetition and attempt, for what
    goes wrong on purpose.
    """

    def __init__(self, arm, session, pieces, rest, before=None, after=None):
        self.arm, self.session, self.pieces, self.rest = arm, session, pieces, rest
        self.before, self.after = before, after
        self.verdicts, self.prompts = [], []
        self.on_step = None
        self.subscriptions = [session.watch("Session1.Prompt", self._prompt),
                              session.watch("Session1.Verdict", self._verdict)]

    def relax(self):
        """Rests."""
        if self.rest:
            self.arm.tell("play", self.rest.path, self.rest.start, self.rest.count, "loop")
        else:
            self.arm.tell("rest")

    def _prompt(self, phase, movement, repetition, details):
        self.prompts.append((phase, movement, repetition, details))
        if phase == "hold":
            if self.before:
                self.before(movement, repetition, details.get("attempt", 1))
            # Rest is asked for like a movement.
            piece = self.pieces.get((movement, repetition), self.rest)
            if piece:
                self.arm.tell("play", piece.path, piece.start, piece.count, "loop")
            else:
                self.arm.tell("rest")
        elif phase in ("judging", "rest"):
            self.relax()
        if self.on_step:
            self.on_step(details.get("step", 0), details.get("steps", 0), phase, movement, repetition)

    def _verdict(self, movement, repetition, accepted, details):
        self.verdicts.append((movement, repetition, accepted, details))
        if self.after:
            self.after(movement, repetition, accepted, details)

    def close(self):
        """Stops following."""
        for subscription in self.subscriptions:
            with contextlib.suppress(BusError):
                self.session.unwatch(subscription)
