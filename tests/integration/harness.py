# SPDX-License-Identifier: LGPL-2.1-or-later
"""Private buses, real daemons and waiting with a deadline, for tests, benches and the demo.

Nothing here touches the machine's own buses: every bus, state folder and socket lives in a temporary
folder that is removed at the end, so that any number of runs can go on side by side.
"""
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

import gi
gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402  pylint: disable=wrong-import-position

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.environ.get("BIONICPRO_TEST_SRCDIR", os.path.dirname(os.path.dirname(HERE)))
BUILD = os.environ.get("BIONICPRO_TEST_BUILDDIR", os.path.join(SOURCE, "build"))

# Deadlines are there so that a hang ends; they say nothing about speed.
PATIENCE = 120

NAMES = {part: "org.bionicpro.%s1" % part.capitalize()
         for part in ("pairing", "training", "records", "update")}
ROOTS = {part: "/" + name.replace(".", "/") for part, name in NAMES.items()}
PROGRAMS = {part: os.path.join("daemons", part, "bionicpro-%sd" % part)
            for part in ("pairing", "training", "records", "update")}
PROGRAMS["bionicctl"] = "daemons/ctl/bionicctl"
PROGRAMS["simlimb"] = "firmware/ports/simlimb/bionicpro-simlimb"


class TimedOut(Exception):
    """Something that was waited for did not happen."""


class BusError(Exception):
    """A bus call that was refused: `name` is the error's name without org.bionicpro.Error."""

    def __init__(self, full, message):
        super().__init__("%s: %s" % (full, message))
        self.full, self.message = full, message
        self.name = full[len("org.bionicpro.Error."):] if full.startswith("org.bionicpro.Error.") \
            else full


def program(name):
    """Path of a built program."""
    return os.path.join(BUILD, PROGRAMS[name])


def sanitized():
    """Whether the programs were built with a sanitizer."""
    with open(program("records"), "rb") as stream:
        return b"__asan_init" in stream.read()


def wait_for(condition, what, patience=PATIENCE):
    """Runs the main context until condition() is true; returns what it gave."""
    context = GLib.MainContext.default()
    end = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimedOut("after %d s there was still no %s" % (patience, what))
        # Wakes up by itself, for conditions no event announces.
        source = GLib.timeout_add(20, lambda: GLib.SOURCE_REMOVE)
        context.iteration(True)
        if GLib.MainContext.default().find_source_by_id(source):
            GLib.source_remove(source)


def spin(seconds):
    """Runs the main context for so long."""
    end = time.monotonic() + seconds
    with contextlib.suppress(TimedOut):
        wait_for(lambda: time.monotonic() >= end, "end of the wait", seconds + 10)


def listens(path):
    """Whether somebody accepts connections there; the file alone is there a moment earlier."""
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as connection:
        return connection.connect_ex(path) == 0


class Process:
    """A child process whose output is kept in a file, stopped with the house."""

    def __init__(self, house, name, command, environment=None, preload=()):
        self.name, self.command = name, command
        self.log = os.path.join(house.directory, name.replace("/", "_") + ".log")
        env = dict(house.environment, **(environment or {}))
        libraries = list(preload)
        if libraries and house.sanitized:
            libraries.insert(0, house.libasan())
        env.pop("LD_PRELOAD", None)
        if libraries:
            env["LD_PRELOAD"] = ":".join(libraries)
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL,
                                          stdout=log, stderr=log, cwd=house.directory)
        house.processes.append(self)

    @property
    def pid(self):
        """The process id."""
        return self.child.pid

    def running(self):
        """Whether it still runs."""
        return self.child.poll() is None

    def output(self):
        """What it has written so far."""
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def kill(self):
        """Ends it at once, as a crash would."""
        self.signal(signal.SIGKILL)
        self.child.wait()

    def signal(self, number):
        """Sends a signal, if it still runs."""
        if self.running():
            self.child.send_signal(number)

    def stop(self, patience=20):
        """Asks it to end, and insists after a while; returns the exit status."""
        self.signal(signal.SIGTERM)
        self.signal(signal.SIGCONT)
        try:
            return self.child.wait(patience)
        except subprocess.TimeoutExpired:
            self.kill()
            return None


class House:
    """A temporary folder with a private bus, and the daemons on it."""

    def __init__(self, keep=None, system_policy=False):
        self.directory = keep or tempfile.mkdtemp(prefix="bionicpro-")
        self.kept = keep is not None
        self.processes, self.daemons = [], {}
        self.sanitized = sanitized()
        self.environment = {key: value for key, value in os.environ.items()
                            if not key.startswith(("DBUS_", "XDG_", "LD_PRELOAD", "LANGUAGE"))}
        runtime = os.path.join(self.directory, "run")
        os.makedirs(runtime, mode=0o700, exist_ok=True)
        self.environment.update(
            HOME=self.directory, XDG_RUNTIME_DIR=runtime, BIONICPRO_BUS="session",
            LC_ALL="C.UTF-8", GIO_USE_VFS="local", GSETTINGS_BACKEND="memory",
            TMPDIR=self.directory)
        for variable in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            if variable in os.environ:
                self.environment[variable] = os.environ[variable]
        self.system_policy = system_policy
        if system_policy:
            # Other users have to reach the bus.
            os.chmod(self.directory, 0o755)
        self.address = self._start_bus()
        self.connection = self.connect()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        complaints = [] if kind else self.complaints()
        self.close()
        assert not complaints, "\n".join(complaints[:10])

    @staticmethod
    def libasan():
        """Path of the sanitizer's library, which must come before any other that is preloaded."""
        return subprocess.run(["gcc", "-print-file-name=libasan.so"], check=True,
                              capture_output=True, text=True).stdout.strip()

    def _start_bus(self):
        config = os.path.join(self.directory, "bus.conf")
        path = os.path.join(self.directory, "bus")
        with open(config, "w", encoding="utf-8") as stream:
            stream.write("""<busconfig><type>%s</type><listen>unix:path=%s</listen>
<auth>EXTERNAL</auth><policy context="default"><allow user="*"/><allow own="*"/>
<allow send_type="method_call"/><allow send_type="signal"/><allow send_type="error"/>
<allow send_type="method_return"/><allow receive_type="method_call"/>
<allow receive_type="signal"/><allow receive_type="error"/><allow receive_type="method_return"/>
<allow send_requested_reply="true"/><allow receive_requested_reply="true"/>
<allow send_destination="*" eavesdrop="false"/></policy>
<limit name="max_incoming_unix_fds">1024</limit><limit name="max_outgoing_unix_fds">1024</limit>
<limit name="max_message_unix_fds">64</limit></busconfig>
""" % ("system" if self.system_policy else "session", path))
        self.bus = Process(self, "dbus-daemon", ["dbus-daemon", "--nofork", "--nopidfile",
                                                 "--config-file=" + config])
        wait_for(lambda: listens(path) or not self.bus.running(), "bus")
        os.chmod(path, 0o777)
        address = "unix:path=" + path
        self.environment["DBUS_SESSION_BUS_ADDRESS"] = address
        # Nothing that is started here may find the machine's own bus.
        self.environment["DBUS_SYSTEM_BUS_ADDRESS"] = address
        return address

    def connect(self):
        """One more connection to the bus."""
        connection = Gio.DBusConnection.new_for_address_sync(
            self.address, Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT |
            Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION, None, None)
        connection.set_exit_on_close(False)
        return connection

    def state(self, part):
        """State folder of a daemon."""
        path = os.path.join(self.directory, "state", part)
        os.makedirs(path, mode=0o700, exist_ok=True)
        return path

    def start(self, part, *arguments, wait=True, environment=None, preload=(), wrapper=(),
              session=True):
        """Starts a daemon (again), and waits for its name."""
        command = list(wrapper) + [program(part), "--state-dir", self.state(part)]
        if session:
            command.append("--session-bus")
        if part == "pairing" and "UMOCKDEV_DIR" in os.environ:
            preload = ("libumockdev-preload.so.0", *preload)
        process = Process(self, part, command + list(arguments), environment, preload)
        self.daemons[part] = process
        if wait:
            self.wait_name(part)
        return process

    def wait_name(self, part):
        """Waits until a daemon is on the bus and past its start."""
        process = self.daemons[part]

        def ready():
            if not process.running():
                raise TimedOut("%s ended with status %s:\n%s" % (
                    part, process.child.returncode, process.output()[-2000:]))
            owner = self.owner(NAMES[part])
            return owner and self.pid_of(owner)
        wait_for(ready, "%s on the bus" % NAMES[part])

    def owner(self, name):
        """Unique name of a name's owner, or None."""
        try:
            return self.connection.call_sync(
                "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                "GetNameOwner", GLib.Variant("(s)", (name,)), None, 0, 5000, None).unpack()[0]
        except GLib.Error:
            return None

    def pid_of(self, name):
        """Process id behind a name, or None."""
        try:
            return self.connection.call_sync(
                "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                "GetConnectionUnixProcessID", GLib.Variant("(s)", (name,)), None, 0, 5000,
                None).unpack()[0]
        except GLib.Error:
            return None

    def kill(self, part):
        """Kills a daemon with -9 and waits until the bus has noticed."""
        self.daemons[part].kill()
        self.wait_gone(part)

    def survives(self, part):
        """Whether a daemon lives that was to be killed, once nothing traces it any more: one that is
        dying looks alive for a while, but answers nobody.
        """
        process, end = self.daemons[part], time.monotonic() + PATIENCE
        while process.running():
            try:
                self.connection.call_sync(NAMES[part], "/", "org.freedesktop.DBus.Peer", "Ping",
                                          None, None, Gio.DBusCallFlags.NO_AUTO_START, 5000, None)
                return True
            except GLib.Error as error:
                if time.monotonic() > end:
                    raise TimedOut("%s neither answers nor ends: %s" % (part, error)) from None
                spin(0.02)
        self.wait_gone(part)
        return False

    def wait_gone(self, part):
        """Waits until the bus has noticed a daemon's end; what it had said is heard by then."""
        wait_for(lambda: not self.owner(NAMES[part]), "end of %s" % part)
        context = GLib.MainContext.default()
        while context.pending():
            context.iteration(False)

    def start_all(self):
        """Starts the four daemons."""
        for part in ("records", "update", "training", "pairing"):
            self.start(part, wait=False)
        for part in NAMES:
            self.wait_name(part)

    def run(self, name, *arguments, check=True, patience=PATIENCE):
        """Runs a built program to its end; returns the finished process."""
        done = subprocess.run([program(name), *arguments], env=self.environment, text=True,
                              capture_output=True, timeout=patience, check=False,
                              cwd=self.directory)
        if check and done.returncode:
            raise AssertionError("%s %s ended with %d:\n%s%s" % (
                name, " ".join(arguments), done.returncode, done.stdout, done.stderr))
        return done

    def complaints(self):
        """Ends the daemons, and gives the lines in which a sanitizer or GLib complains."""
        # What was leaked is told at the end.
        for process in self.daemons.values():
            process.stop()
        signs = ("ERROR: AddressSanitizer", "runtime error:", "ERROR: LeakSanitizer", "CRITICAL",
                 "assertion failed")
        return ["%s: %s" % (process.name, line) for process in self.processes
                for line in process.output().splitlines() if any(sign in line for sign in signs)]

    def close(self):
        """Ends every process and removes what was made."""
        for process in reversed(self.processes):
            if process is not self.bus:
                process.stop()
        with contextlib.suppress(GLib.Error):
            self.connection.close_sync(None)
        self.bus.stop()
        if not self.kept:
            shutil.rmtree(self.directory, ignore_errors=True)


def convert_error(error):
    """Turns a GLib.Error of a bus call into a BusError."""
    full = Gio.DBusError.get_remote_error(error) or ""
    Gio.DBusError.strip_remote_error(error)
    return BusError(full or "GLib.%d" % error.code, error.message)


class Object:
    """An object on the bus; interfaces are named by their last word, as in "Prosthesis1"."""

    # Every "Interface1.Method" that was called and answered or refused, for tests that must reach all.
    reached = set()

    def __init__(self, house, service, path, connection=None):
        self.house, self.service, self.path = house, service, path
        self.connection = connection or house.connection

    def __repr__(self):
        return "<%s %s>" % (self.service, self.path)

    def call(self, member, signature="()", *arguments, fds=(), patience=PATIENCE, interactive=False):
        """Calls "Interface1.Method"; returns the arguments that came back, descriptors as numbers.

        The main context runs meanwhile, so that signals are seen in their order.
        """
        interface, method = member.split(".")
        interface = "org.bionicpro." + interface
        done = []
        flags = Gio.DBusCallFlags.NO_AUTO_START
        if interactive:
            flags |= Gio.DBusCallFlags.ALLOW_INTERACTIVE_AUTHORIZATION
        fd_list = Gio.UnixFDList.new_from_array([os.dup(fd) for fd in fds]) if fds else None
        self.connection.call_with_unix_fd_list(
            self.service, self.path, interface, method, GLib.Variant(signature, arguments), None,
            flags, int(patience * 1000), fd_list, None, lambda _, result: done.append(result))
        wait_for(lambda: done, "reply to " + member, patience + 10)
        Object.reached.add(member)
        try:
            reply, out = self.connection.call_with_unix_fd_list_finish(done[0])
        except GLib.Error as error:
            raise convert_error(error) from None
        values = list(reply.unpack())
        if out:
            kinds = [reply.get_child_value(i).get_type_string() for i in range(reply.n_children())]
            values = [out.get(value) if kind == "h" else value
                      for value, kind in zip(values, kinds)]
        return values[0] if len(values) == 1 else tuple(values) if values else None

    def properties(self, interface):
        """All properties of an interface."""
        return self._properties("GetAll", "(s)", "org.bionicpro." + interface)

    def get(self, member):
        """A property, as in "Prosthesis1.State"."""
        interface, name = member.split(".")
        return self._properties("Get", "(ss)", "org.bionicpro." + interface, name)

    def _properties(self, method, signature, *arguments):
        done = []
        self.connection.call(
            self.service, self.path, "org.freedesktop.DBus.Properties", method,
            GLib.Variant(signature, arguments), None, Gio.DBusCallFlags.NO_AUTO_START,
            PATIENCE * 1000, None, lambda _, result: done.append(result))
        wait_for(lambda: done, "reply to " + method)
        try:
            return self.connection.call_finish(done[0]).unpack()[0]
        except GLib.Error as error:
            raise convert_error(error) from None

    def watch(self, member, callback):
        """Calls back with a signal's arguments; returns what `unwatch` takes."""
        interface, name = member.split(".")
        return self.connection.signal_subscribe(
            self.service, "org.bionicpro." + interface, name, self.path, None, 0,
            lambda *signal: callback(*signal[5].unpack()))

    def unwatch(self, subscription):
        """Ends a watch."""
        self.connection.signal_unsubscribe(subscription)

    def expect(self, name, member, *arguments, **options):
        """Calls and wants one of the errors named (a word or a tuple of words); returns it."""
        names = (name,) if isinstance(name, str) else name
        try:
            reply = self.call(member, *arguments, **options)
        except BusError as error:
            if error.name not in names:
                raise AssertionError("%s was refused with %s, not %s" % (member, error, names)) \
                    from None
            if not error.message.strip():
                raise AssertionError("%s has no message" % error.name) from None
            return error
        raise AssertionError("%s gave %r instead of %s" % (member, reply, names))


class Jobs:
    """Hears every Finished on the bus, so that none is missed and none comes twice unnoticed."""

    def __init__(self, house):
        self.house, self.finished = house, {}
        self.subscription = house.connection.signal_subscribe(
            None, "org.bionicpro.Job1", "Finished", None, None, 0, self._on_finished)

    def _on_finished(self, _connection, _sender, path, _interface, _signal, arguments):
        self.finished.setdefault(path, []).append(arguments.unpack())

    def on_phase(self, phase, action):
        """Calls action(path) the moment a job on the bus enters a phase, once; returns a function that
        ends the watch. None as phase is every phase."""
        subscription = []

        def changed(_connection, _sender, path, _interface, _signal, arguments):
            interface, values, _ = arguments.unpack()
            if interface == "org.bionicpro.Job1" and "Phase" in values and \
               phase in (None, values["Phase"]):
                if phase is not None:
                    stop()
                    action(path)
                else:
                    action(values["Phase"])

        def stop():
            while subscription:
                self.house.connection.signal_unsubscribe(subscription.pop())
        subscription.append(self.house.connection.signal_subscribe(
            None, "org.freedesktop.DBus.Properties", "PropertiesChanged", None,
            "org.bionicpro.Job1", 0, changed))
        return stop

    def wait(self, path, patience=PATIENCE):
        """Waits for a job's end; returns success, error (short), message, result."""
        part = path.split("/")[3][:-1].lower()
        job = Object(self.house, NAMES[part], path)

        def state():
            if path in self.finished:
                return True
            try:
                return job.get("Job1.State") == "finished"
            except BusError:
                return False
        wait_for(state, "end of the job %s" % path, patience)
        if path in self.finished:
            success, error, message, result = self.finished[path][0]
        else:
            properties = job.properties("Job1")
            success, error = properties["Success"], properties["Error"]
            message, result = properties["ErrorMessage"], properties["Result"]
        return success, error.replace("org.bionicpro.Error.", ""), message, result

    def succeed(self, path, patience=PATIENCE):
        """Waits for a job that must end well; returns its result."""
        success, error, message, result = self.wait(path, patience)
        if not success:
            raise AssertionError("job %s failed with %s: %s" % (path, error, message))
        return result

    def fail(self, path, names, patience=PATIENCE):
        """Waits for a job that must fail with one of the errors named; returns error and result."""
        success, error, message, result = self.wait(path, patience)
        names = (names,) if isinstance(names, str) else names
        if success or error not in names:
            raise AssertionError("job %s ended with %s %s instead of %s" % (
                path, "success" if success else error, message, names))
        if not message.strip():
            raise AssertionError("the job's %s has no message" % error)
        return error, result

    def once(self, path):
        """Asserts that a job's end was told exactly once."""
        spin(0.2)
        assert len(self.finished.get(path, [])) == 1, \
            "%s: Finished came %d times" % (path, len(self.finished.get(path, [])))


class Skip(Exception):
    """A case that cannot run here, with the reason."""


def main(*cases):
    """Runs the cases (functions), speaks TAP; arguments name the cases wanted."""
    wanted = [case for case in cases if not sys.argv[1:] or case.__name__ in sys.argv[1:]]
    print("1..%d" % len(wanted), flush=True)
    failed = 0
    for number, case in enumerate(wanted, 1):
        name = case.__name__
        try:
            case()
            print("ok %d - %s" % (number, name), flush=True)
        except Skip as reason:
            print("ok %d - %s # SKIP %s" % (number, name, reason), flush=True)
        except Exception:  # pylint: disable=broad-except
            failed += 1
            print("# " + traceback.format_exc().replace("\n", "\n# "))
            print("not ok %d - %s" % (number, name), flush=True)
    sys.exit(1 if failed else 0)
