# SPDX-License-Identifier: LGPL-2.1-or-later
"""An arm under a test's thumb, in the place of bionicpro-pairingd: it goes on by one batch of samples
when the test says so and when trainingd has taken in the last, so that nothing depends on how fast the
machine is, and does what no real arm does on demand: loses samples, begins to count anew, falls silent.
"""
import array
import fcntl
import os
import random
import select
import struct
import sys
import termios

sys.path.insert(0, os.path.join(os.environ["BIONICPRO_TEST_SRCDIR"], "tests", "integration"))
from harness import Gio, GLib, NAMES, ROOTS, SOURCE, spin, wait_for  # noqa: E402

BATCH = 20
CODES = {"rest": 0, "wrist_flexion": 1, "wrist_extension": 2, "radial_deviation": 3,
         "ulnar_deviation": 4, "pronation": 5, "supination": 6, "hand_close": 7, "hand_open": 8,
         "side_grip": 9, "fine_grip": 10, "thumb_up": 11, "pointer": 12}


def interface(name):
    """What dbus/ says of an interface."""
    with open(os.path.join(SOURCE, "dbus", "org.bionicpro.%s.xml" % name), encoding="utf-8") as xml:
        return Gio.DBusNodeInfo.new_for_xml(xml.read()).lookup_interface("org.bionicpro." + name)


MANAGER = Gio.DBusNodeInfo.new_for_xml("""<node><interface name="org.freedesktop.DBus.ObjectManager">
<method name="GetManagedObjects"><arg type="a{oa{sa{sv}}}" direction="out"/></method>
<signal name="InterfacesAdded"><arg type="o"/><arg type="a{sa{sv}}"/></signal>
<signal name="InterfacesRemoved"><arg type="o"/><arg type="as"/></signal>
</interface></node>""").interfaces[0]


class Muscles:
    """Surface EMG as band-limited noise whose pattern over the electrodes tells the movement."""

    def __init__(self, channels, seed=1):
        self.channels, self.random = channels, random.Random(seed)
        pattern = random.Random(7)
        self.gains = {code: [pattern.choice((1, 1.5, 4, 9)) for _ in range(channels)]
                      for code in sorted(CODES.values()) if code}
        self.gains[0] = [0] * channels
        self.turn, self.strength = 0, 1.0

    def sample(self, code):
        """One sample of all electrodes."""
        gains = self.gains[code]
        return [int(max(-32768, min(32767, self.random.gauss(
            0, 12 + 20 * self.strength * gains[(c + self.turn) % self.channels]))))
                for c in range(self.channels)]


class Arm:
    """One bound, connected prosthesis on the bus."""

    def __init__(self, house, patient, device="ARM-1", rate=200, channels=8):
        self.rate, self.channels, self.device = rate, channels, device
        self.muscles = Muscles(channels)
        self.connection = house.connect()
        self.path = ROOTS["pairing"] + "/prosthesis/" + device.replace("-", "_2d")
        self.streams, self.index, self.sequence = [], 0, 0
        self.code, self.stuck, self.obeys = 0, set(), True
        self.session, self.refuse_stream = None, None
        self.values = self._values(patient)
        self.info = interface("Prosthesis1")
        self.registered = [
            self.connection.register_object(ROOTS["pairing"], MANAGER, self._on_manager, None, None),
            self.connection.register_object(self.path, self.info, self._on_method, self._on_get, None)]
        self.watch = self.connection.signal_subscribe(
            NAMES["training"], "org.bionicpro.Session1", "Prompt", None, None, 0, self._on_prompt)
        self.name = Gio.bus_own_name_on_connection(self.connection, NAMES["pairing"], 0, None, None)
        wait_for(lambda: house.owner(NAMES["pairing"]), "pairing's name")

    def _values(self, patient):
        return {"DeviceId": ("s", self.device), "Fingerprint": ("s", "0" * 64), "State": ("s", "bound"),
                "Connected": ("b", True), "Transport": ("s", "serial"), "Port": ("s", ""),
                "Hardware": ("s", "bionicpro-c3-1"), "Firmware": ("s", "1.0.0"), "Schema": ("u", 1),
                "Side": ("s", "left"), "Patient": ("s", patient), "SamplingRate": ("u", self.rate),
                "Channels": ("u", self.channels), "Lsb": ("d", 0.25), "Unit": ("s", "microvolt"),
                "BatteryPercent": ("u", 90), "BatteryMillivolt": ("u", 3900), "Temperature": ("d", 25),
                "Worn": ("b", True), "DeadElectrodes": ("u", 0), "TrialSecondsLeft": ("u", 0),
                "ModelHash": ("s", ""), "DecisionLatency": ("au", [0] * 32),
                "BootReason": ("s", "power-on"), "Counters": ("a{st}", {}),
                "ConnectedSince": ("t", 1), "Leased": ("b", False), "Streams": ("u", 0)}

    def _variants(self):
        return {key: GLib.Variant(*value) for key, value in self.values.items()}

    def _on_manager(self, _connection, _sender, _path, _interface, _method, _parameters, invocation):
        invocation.return_value(GLib.Variant("(a{oa{sa{sv}}})", (
            {self.path: {self.info.name: self._variants()}},)))

    def _on_get(self, _connection, _sender, _path, _interface, name):
        return GLib.Variant(*self.values[name])

    def _on_method(self, _connection, _sender, _path, _interface, method, parameters, invocation):
        options = parameters.unpack()[0]
        if method != "OpenStream" or self.refuse_stream:
            invocation.return_dbus_error(
                "org.bionicpro.Error." + (self.refuse_stream or "NotSupported"), "not by this arm")
            return
        reader, writer = os.pipe()
        fcntl.fcntl(writer, fcntl.F_SETFL, os.O_NONBLOCK)
        self.streams.append((writer, options))
        fds = Gio.UnixFDList.new()
        fds.append(reader)
        os.close(reader)
        invocation.return_value_with_unix_fd_list(GLib.Variant("(ha{sv})", (0, {
            "rate": GLib.Variant("u", self.rate), "channels": GLib.Variant("u", self.channels),
            "lsb": GLib.Variant("d", 0.25), "unit": GLib.Variant("s", "microvolt"),
            "version": GLib.Variant("u", 1)})), fds)

    def _on_prompt(self, _connection, _sender, path, _interface, _signal, arguments):
        phase, movement, _repetition, _details = arguments.unpack()
        self.session = path
        self.code = CODES[movement] if phase == "hold" and self.obeys else 0

    def set(self, **values):
        """Changes properties."""
        for name, value in values.items():
            self.values[name] = (self.values[name][0], value)
        self.connection.emit_signal(
            None, self.path, "org.freedesktop.DBus.Properties", "PropertiesChanged",
            GLib.Variant("(sa{sv}as)", (self.info.name, {
                name: GLib.Variant(*self.values[name]) for name in values}, [])))

    def leave(self):
        """The cable is pulled."""
        self.hang_up()
        self.set(Connected=False)

    def hang_up(self):
        """Ends the streams."""
        for writer, _ in self.streams:
            os.close(writer)
        self.streams = []

    def come_back(self):
        """It is plugged in again, and counts from the beginning."""
        self.index = 0
        self.set(Connected=True)

    def lose(self, count):
        """Samples that never arrive."""
        self.index += count

    def _send(self, kind, count, body, wanted):
        self.sequence += 1
        tick = (self.index + count) * 1000000 // self.rate
        header = struct.pack("<IHHIIQQQQIHHII", 0x31535042, 64, kind, len(body), self.sequence, tick,
                             GLib.get_monotonic_time(), GLib.get_real_time(), self.index, count,
                             self.channels, 0, 0, 0)
        for stream in list(self.streams):
            writer, options = stream
            if not options.get(wanted, True):
                continue
            try:
                os.write(writer, header + body)
            except (BrokenPipeError, BlockingIOError):
                os.close(writer)
                self.streams.remove(stream)

    def decide(self, movement, distance):
        """The arm's own decision."""
        self._send(2, 0, struct.pack("<IBBBBHHiI", self.index, movement, movement, 0, 0, 900, 500,
                                     int(distance * 256), 1500), "decisions")

    def batch(self):
        """Sends the next samples and waits until they were taken in."""
        samples = array.array("h")
        for _ in range(BATCH):
            values = self.muscles.sample(self.code)
            for channel in self.stuck:
                values[channel] = 5
            samples.extend(values)
        self._send(1, BATCH, samples.tobytes(), "samples")
        self.index += BATCH
        self.settle()

    def _drop_closed(self):
        for stream in list(self.streams):
            poll = select.poll()
            poll.register(stream[0], 0)
            if poll.poll(0):
                os.close(stream[0])
                self.streams.remove(stream)

    def _drained(self):
        self._drop_closed()
        return all(not struct.unpack("i", fcntl.ioctl(writer, termios.FIONREAD, b"\0" * 4))[0]
                   for writer, _ in self.streams)

    def settle(self):
        """Waits until trainingd has read everything, and until what it said about it has come."""
        wait_for(self._drained, "reading of the samples")
        if self.session is None:
            return
        done = []
        self.connection.call(NAMES["training"], self.session, "org.freedesktop.DBus.Properties", "Get",
                             GLib.Variant("(ss)", ("org.bionicpro.Session1", "Phase")), None,
                             Gio.DBusCallFlags.NO_AUTO_START, 20000, None,
                             lambda _, result: done.append(result))
        wait_for(lambda: done, "answer of trainingd")

    def run(self, until, what, seconds=300):
        """Lets the arm go on until something has happened; @seconds of its own time at most."""
        for _ in range(int(seconds * self.rate / BATCH)):
            if until():
                return
            if not any(options.get("samples", True) for _, options in self.streams):
                spin(0.02)
            self.batch()
        raise AssertionError("after %d s of the arm's time there was still no %s" % (seconds, what))

    def close(self):
        """Leaves the bus."""
        self.hang_up()
        Gio.bus_unown_name(self.name)
        self.connection.signal_unsubscribe(self.watch)
        for registered in self.registered:
            self.connection.unregister_object(registered)
        self.connection.close_sync(None)
