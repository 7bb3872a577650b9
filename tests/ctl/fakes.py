# SPDX-License-Identifier: LGPL-2.1-or-later
"""Daemons that say what a test wants them to say, on a private bus, so that bionicctl can be shown every
answer there is, also those that real daemons give once in a year."""
import glob
import json
import os
import struct
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

from gi.repository import Gio, GLib  # noqa: E402  pylint: disable=wrong-import-position
from harness import NAMES, ROOTS, SOURCE, House, program, wait_for  # noqa: E402  pylint: disable=wrong-import-position

ERROR = "org.bionicpro.Error."
MANAGER = """<node><interface name="org.freedesktop.DBus.ObjectManager">
<method name="GetManagedObjects"><arg type="a{oa{sa{sv}}}" direction="out"/></method>
<signal name="InterfacesAdded"><arg type="o"/><arg type="a{sa{sv}}"/></signal>
</interface></node>"""


class Refusal(Exception):
    """What a fake method raises to answer with an error of ours."""

    def __init__(self, name, message="it says no"):
        super().__init__(message)
        self.name = name


def interface_infos():
    """Every interface of ours, by its short name."""
    found = {}
    for path in sorted(glob.glob(os.path.join(SOURCE, "dbus", "org.bionicpro.*.xml"))):
        with open(path, encoding="utf-8") as stream:
            for info in Gio.DBusNodeInfo.new_for_xml(stream.read()).interfaces:
                found[info.name.rsplit(".", 1)[1]] = info
    return found


INFOS = interface_infos()
DEFAULTS = {"s": "", "o": "/", "b": False, "u": 0, "t": 0, "d": 0.0, "y": 0}


def default_value(signature):
    """A value of a type, as good as any."""
    if signature in DEFAULTS:
        return GLib.Variant(signature, DEFAULTS[signature])
    return GLib.Variant(signature, {} if signature.startswith("a{") else [])


class FakeDaemon:
    """One daemon: objects with properties, methods that are Python functions."""

    def __init__(self, house, part):
        self.house, self.part = house, part
        self.objects, self.methods, self.calls = {}, {}, []
        self.connection = None
        self.start()

    def start(self):
        """Takes a connection and the name (again)."""
        self.connection = self.house.connect()
        objects, self.objects = self.objects, {}
        info = Gio.DBusNodeInfo.new_for_xml(MANAGER).interfaces[0]
        self.connection.register_object(ROOTS[self.part], info, self._on_manager, None, None)
        name = NAMES[self.part].rsplit(".", 1)[1]
        self.add(ROOTS[self.part], name, Version=GLib.Variant("s", "0.1.0"), State=GLib.Variant("s", "ready"))
        for path, interfaces in objects.items():
            for interface, properties in interfaces.items():
                if path != ROOTS[self.part]:
                    self.add(path, interface, **properties)
        self.connection.call_sync("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                  "RequestName", GLib.Variant("(su)", (NAMES[self.part], 0)), None, 0, 5000, None)

    def stop(self):
        """Goes away as a crashed process does."""
        self.connection.close_sync(None)

    def add(self, path, interface, **properties):
        """Exports an object's interface; properties that are not given get a value of their type."""
        info = INFOS[interface]
        values = {p.name: default_value(p.signature) for p in info.properties}
        values.update(properties)
        self.objects.setdefault(path, {})[interface] = values
        self.connection.register_object(path, info, self._on_call, None, None)
        self.connection.emit_signal(
            None, ROOTS[self.part], "org.freedesktop.DBus.ObjectManager", "InterfacesAdded",
            GLib.Variant("(oa{sa{sv}})", (path, {info.name: values})))

    def set(self, path, interface, **properties):
        """Changes properties and says so."""
        self.objects[path][interface].update(properties)
        self.connection.emit_signal(
            None, path, "org.freedesktop.DBus.Properties", "PropertiesChanged",
            GLib.Variant("(sa{sv}as)", ("org.bionicpro." + interface, properties, [])))

    def emit(self, path, member, variant):
        """Sends a signal, as in "Job1.Finished"."""
        interface, name = member.split(".")
        self.connection.emit_signal(None, path, "org.bionicpro." + interface, name, variant)

    def _on_manager(self, _connection, _sender, _path, _interface, _method, _arguments, invocation):
        objects = {path: {"org.bionicpro." + name: values for name, values in interfaces.items()}
                   for path, interfaces in self.objects.items() if path != ROOTS[self.part]}
        invocation.return_value(GLib.Variant("(a{oa{sa{sv}}})", (objects,)))

    def _on_call(self, _connection, _sender, path, interface, method, arguments, invocation):
        if interface == "org.freedesktop.DBus.Properties":
            values = self.objects[path][arguments.unpack()[0].rsplit(".", 1)[1]]
            if method == "GetAll":
                invocation.return_value(GLib.Variant("(a{sv})", (values,)))
            else:
                invocation.return_value(GLib.Variant("(v)", (values[arguments.unpack()[1]],)))
            return
        member = interface.rsplit(".", 1)[1] + "." + method
        self.calls.append((path, member, arguments.unpack()))
        function = self.methods.get(member)
        if function is None:
            invocation.return_dbus_error(ERROR + "NotSupported", "the fake has no " + member)
            return
        try:
            reply = function(path, *arguments.unpack())
        except Refusal as refusal:
            invocation.return_dbus_error(
                refusal.name if "." in refusal.name else ERROR + refusal.name, str(refusal))
            return
        if isinstance(reply, tuple):
            fds = Gio.UnixFDList.new_from_array([reply[1]])
            invocation.return_value_with_unix_fd_list(reply[0], fds)
        else:
            invocation.return_value(reply)

    def add_job(self, number=1, **properties):
        """A running job."""
        path = "%s/job/%d" % (ROOTS[self.part], number)
        values = {"Kind": GLib.Variant("s", "train"), "State": GLib.Variant("s", "running"),
                  "Progress": GLib.Variant("d", -1.0)}
        values.update(properties)
        self.add(path, "Job1", **values)
        return path

    def finish(self, path, error="", message="", result=None):
        """Ends a job."""
        result = result or {}
        self.set(path, "Job1", State=GLib.Variant("s", "finished"), Success=GLib.Variant("b", not error),
                 Error=GLib.Variant("s", ERROR + error if error else ""),
                 ErrorMessage=GLib.Variant("s", message), Result=GLib.Variant("a{sv}", result))
        self.emit(path, "Job1.Finished",
                  GLib.Variant("(bssa{sv})", (not error, ERROR + error if error else "", message, result)))


class Run:
    """One run of bionicctl beside the main context that answers it."""

    def __init__(self, house, *arguments, stdin=None, environment=None):
        self.out = tempfile.TemporaryFile(dir=house.directory)
        self.err = tempfile.TemporaryFile(dir=house.directory)
        self.child = subprocess.Popen(
            [program("bionicctl"), *arguments], env=dict(house.environment, **(environment or {})),
            stdin=subprocess.DEVNULL if stdin is None else stdin, stdout=self.out, stderr=self.err,
            cwd=house.directory)
        self.stdout = self.stderr = ""

    def read(self):
        """What it has printed so far."""
        for stream, name in ((self.out, "stdout"), (self.err, "stderr")):
            position = os.lseek(stream.fileno(), 0, os.SEEK_CUR)
            setattr(self, name, os.pread(stream.fileno(), position or 1 << 24, 0).decode())
        return self.stdout + self.stderr

    def wait_for(self, text):
        """Waits until it has printed something."""
        wait_for(lambda: text in self.read() or self.child.poll() is not None, "'%s'" % text)
        assert text in self.read(), "ended without '%s':\n%s" % (text, self.read())

    def wait(self):
        """Waits for its end; returns the exit status."""
        wait_for(lambda: self.child.poll() is not None, "end of bionicctl")
        self.read()
        return self.child.returncode

    def json(self):
        """Its standard output as one document."""
        return json.loads(self.stdout)

    def lines(self):
        """Its standard output as JSON lines."""
        return [json.loads(line) for line in self.stdout.splitlines()]


class Clinic:
    """A private bus with four fake daemons, an arm, a patient, a recording and two models."""

    ARM = "/org/bionicpro/Pairing1/prosthesis/BP_2d1"
    PATIENT = "/org/bionicpro/Records1/patient/abc123"
    RECORDING = "/org/bionicpro/Records1/recording/00ff00ff00ff00ff"

    def __init__(self):
        self.house = House()
        self.daemons = {part: FakeDaemon(self.house, part) for part in NAMES}
        self.pairing, self.training = self.daemons["pairing"], self.daemons["training"]
        self.records, self.update = self.daemons["records"], self.daemons["update"]
        self.add_arm("BP-1", State=GLib.Variant("s", "bound"))
        self.records.add(self.PATIENT, "Patient1", Id=GLib.Variant("s", "abc123"))
        self.records.add(self.RECORDING, "Recording1", Id=GLib.Variant("s", "00ff00ff00ff00ff"),
                         Patient=GLib.Variant("o", self.PATIENT), Prosthesis=GLib.Variant("s", "BP-1"),
                         Created=GLib.Variant("t", 1700000000000000))
        self.add_model("a1" * 32)
        self.add_model("a2" * 32)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.house.close()

    def add_arm(self, device, **properties):
        """One more arm."""
        values = {"DeviceId": GLib.Variant("s", device), "Connected": GLib.Variant("b", True),
                  "BatteryPercent": GLib.Variant("u", 77), "Transport": GLib.Variant("s", "usb"),
                  "DecisionLatency": GLib.Variant("au", [0] * 16 + [10, 80, 10] + [0] * 13)}
        values.update(properties)
        path = "/org/bionicpro/Pairing1/prosthesis/" + device.replace("-", "_2d")
        self.pairing.add(path, "Prosthesis1", **values)
        return path

    def add_model(self, digits, **properties):
        """One more model."""
        path = "/org/bionicpro/Training1/model/" + digits[:16]
        values = {"Id": GLib.Variant("s", digits[:16]), "Hash": GLib.Variant("s", digits),
                  "Prosthesis": GLib.Variant("s", "BP-1"), "State": GLib.Variant("s", "candidate")}
        values.update(properties)
        self.training.add(path, "Model1", **values)
        return path

    def start(self, *arguments, **options):
        """Starts bionicctl."""
        return Run(self.house, *arguments, **options)

    def run(self, *arguments, status=0, **options):
        """Runs bionicctl to its end and compares the exit status."""
        run = self.start(*arguments, **options)
        code = run.wait()
        assert code == status, "%s ended with %d, not %d:\n%s%s" % (
            " ".join(arguments), code, status, run.stdout, run.stderr)
        for sign in ("CRITICAL", "AddressSanitizer", "runtime error", "WARNING"):
            assert sign not in run.stderr, run.stderr
        return run


def container(rate=200, channels=4, samples=400, segments=(), **members):
    """A .bpr with a ramp in each electrode."""
    side_car = {"fs_hz": rate, "channels": channels, "samples": samples, "dtype": "int16le", "lsb": 0.25,
                "unit": "microvolt", "segments": list(segments)}
    side_car.update(members)
    text = json.dumps(side_car).encode()
    values = [(i * (c + 1)) % 2000 - 1000 for i in range(samples) for c in range(channels)]
    return b"BPGREC1\n" + struct.pack("<I", len(text)) + text + struct.pack("<%dh" % len(values), *values)


def memory_file(data):
    """A memory file at its beginning."""
    descriptor = os.memfd_create("test")
    os.write(descriptor, data)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def pause(seconds):
    """Lets the main context run for so long."""
    end = time.monotonic() + seconds
    wait_for(lambda: time.monotonic() >= end, "end of the pause")


def error_names():
    """Every error's short name, as the sources define them."""
    with open(os.path.join(SOURCE, "daemons/common/bpg-error.c"), encoding="utf-8") as stream:
        return [line.split('PREFIX "')[1].split('"')[0] for line in stream if 'PREFIX "' in line and "{{" in line]


def parse_xml(path):
    """An XML file's root."""
    return ElementTree.parse(path).getroot()
