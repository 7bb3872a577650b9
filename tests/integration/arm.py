# SPDX-License-Identifier: LGPL-2.1-or-later
"""Virtual arms, and the USB ports they are plugged into.

An arm is a `simlimb` process on a pty. With a Bench (a umockdev test bed; run the program under
umockdev-wrapper) its pty appears as a USB serial device /dev/ttyACMn with the parents a real one has,
and pairing finds it through udev. Without one the pty is a plain serial line, for AddPort.
"""
import contextlib
import json
import os
import shutil
import socket

from harness import Process, TimedOut, program, wait_for

# Espressif's USB-Serial-JTAG.
VENDOR, PRODUCT = "303a", "1001"


class Bench:
    """A USB bus in a umockdev test bed."""

    def __init__(self):
        import gi  # pylint: disable=import-outside-toplevel
        gi.require_version("UMockdev", "1.0")
        from gi.repository import UMockdev  # pylint: disable=import-outside-toplevel
        self.testbed = UMockdev.Testbed.new()
        self.root = self.testbed.get_root_dir()
        os.environ["UMOCKDEV_DIR"] = self.root
        self.present = {}

    def plug(self, number, pty, vendor=VENDOR, product=PRODUCT, serial="0"):
        """Makes the pty appear as /dev/ttyACM<number>; the test bed tells udev's listeners."""
        node = os.path.join(self.root, "dev", "ttyACM%d" % number)
        os.makedirs(os.path.dirname(node), exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(node)
        usb = self.testbed.add_device(
            "usb", "1-%d" % (number + 1), None,
            ["idVendor", vendor, "idProduct", product, "manufacturer", "BionicPRO",
             "product", "BionicPRO arm", "serial", serial, "busnum", "1",
             "devnum", str(number + 2)],
            ["DEVTYPE", "usb_device", "PRODUCT", "%s/%s/101" % (vendor.lstrip("0"), product),
             "ID_VENDOR_ID", vendor, "ID_MODEL_ID", product, "ID_SERIAL_SHORT", serial,
             "ID_BUS", "usb"])
        interface = self.testbed.add_device(
            "usb", "1-%d:1.0" % (number + 1), usb,
            ["bInterfaceClass", "02", "bInterfaceNumber", "00"],
            ["DEVTYPE", "usb_interface", "DRIVER", "cdc_acm"])
        os.symlink(os.path.realpath(pty), node)
        tty = self.testbed.add_device(
            "tty", "ttyACM%d" % number, interface, ["dev", "166:%d" % number],
            ["DEVNAME", "/dev/ttyACM%d" % number, "MAJOR", "166", "MINOR", str(number),
             "ID_VENDOR_ID", vendor, "ID_MODEL_ID", product, "ID_USB_DRIVER", "cdc_acm",
             "ID_SERIAL_SHORT", serial, "ID_BUS", "usb"])
        self.present[number] = (tty, interface, usb)
        return "/dev/ttyACM%d" % number

    def unplug(self, number):
        """Takes the device away, with `remove` events."""
        for device in self.present.pop(number, ()):
            self.testbed.uevent(device, "remove")
            self.testbed.remove_device(device)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(self.root, "dev", "ttyACM%d" % number))


class Arm:
    """One virtual arm, steered through its control socket."""

    def __init__(self, house, name="arm", *arguments, bench=None, number=0, wrapper=()):
        self.house, self.name, self.bench, self.number = house, name, bench, number
        self.directory = os.path.join(house.directory, name)
        os.makedirs(self.directory, exist_ok=True)
        self.link = os.path.join(self.directory, "line")
        self.control = os.path.join(self.directory, "control")
        self.arguments, self.wrapper = list(arguments), list(wrapper)
        self.process = self.socket = None
        self.plugged = False
        self.start()

    def start(self, *more):
        """Starts the process (again): the power is on."""
        command = [*self.wrapper, program("simlimb"), "--dir", self.directory, "--link", self.link,
                   "--control", self.control, *self.arguments, *more]
        if not os.path.exists(os.path.join(self.directory, "qr.json")):
            command.append("--manufacture")
        for stale in (self.link, self.control):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(stale)
        self.process = Process(self.house, self.name, command)
        wait_for(self._connect, "control socket of %s" % self.name)

    def _connect(self):
        if not self.process.running():
            raise TimedOut("%s ended:\n%s" % (self.name, self.process.output()[-2000:]))
        if not os.path.exists(self.link):
            return False
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(self.control)
        except OSError:
            connection.close()
            return False
        connection.settimeout(60)
        self.socket = connection.makefile("rw", encoding="utf-8")
        return True

    def tell(self, *words):
        """Sends one command; returns its answer, a dictionary."""
        self.socket.write(" ".join(str(word) for word in words) + "\n")
        self.socket.flush()
        line = self.socket.readline()
        if not line:
            raise TimedOut("%s does not answer:\n%s" % (self.name, self.process.output()[-2000:]))
        answer = json.loads(line)
        if answer.get("error") or answer.get("ok") is False:
            raise AssertionError("%s: %s: %s" % (self.name, " ".join(map(str, words)), line.strip()))
        return answer

    @property
    def code(self):
        """The text of the QR code."""
        with open(os.path.join(self.directory, "qr.json"), encoding="utf-8") as stream:
            return stream.read().strip()

    @property
    def device_id(self):
        """The deviceId."""
        return json.loads(self.code)["deviceId"]

    def plug(self, number=None):
        """Plugs it into the bench; returns the device's path."""
        if number is not None:
            self.number = number
        self.plugged = True
        return self.bench.plug(self.number, self.link, serial=self.device_id)

    def unplug(self):
        """Pulls the plug: the line hangs up and the device goes."""
        if self.plugged:
            self.tell("unplug")
            self.bench.unplug(self.number)
            self.plugged = False

    def replug(self):
        """Plugs it in again."""
        self.tell("plug")
        wait_for(lambda: os.path.exists(self.link), "line of %s" % self.name)
        return self.plug()

    def stop(self):
        """Ends the process."""
        if self.socket:
            self.socket.close()
            self.socket = None
        self.process.stop()

    def escaped(self):
        """The deviceId as a part of an object path."""
        return "".join(letter if letter.isascii() and letter.isalnum() else "_%02x" % ord(letter)
                       for letter in self.device_id)


def copy_state(source, target):
    """Copies an arm's state, key and flash, for trying something from the same beginning."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("line", "control", "*.log"))


__all__ = ["Arm", "Bench", "copy_state"]
