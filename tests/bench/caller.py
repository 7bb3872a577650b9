#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Calls the daemons over and over and writes down how long each call took.

usage: caller.py ADDRESS FILE

A process of its own, so that nothing but the call is measured. Ends when standard input closes; then
FILE holds JSON: {"daemons": [ms…], "bus": [ms…]}, "bus" being the bus daemon's own GetId beside it.
"""
import json
import select
import sys
import time

import gi
gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402  pylint: disable=wrong-import-position

PARTS = ("Pairing1", "Training1", "Records1", "Update1")
PAUSE = 0.002


def calls():
    """Endless: destination, path, interface, method, arguments."""
    while True:
        for part in PARTS:
            name, path = "org.bionicpro." + part, "/org/bionicpro/" + part
            yield (name, path, "org.freedesktop.DBus.Properties", "Get",
                   GLib.Variant("(ss)", (name, "State")))
            yield (name, path, "org.freedesktop.DBus.Properties", "GetAll",
                   GLib.Variant("(s)", (name,)))
            yield name, path, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", None


def timed(connection, call):
    """Milliseconds one call took."""
    begun = time.monotonic()
    connection.call_sync(*call, None, Gio.DBusCallFlags.NO_AUTO_START, 60000, None)
    return 1000 * (time.monotonic() - begun)


def main():
    """Calls until told to stop."""
    connection = Gio.DBusConnection.new_for_address_sync(
        sys.argv[1], Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT |
        Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION, None, None)
    bus = ("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetId", None)
    took = {"daemons": [], "bus": []}
    for call in calls():
        if select.select([sys.stdin], [], [], PAUSE)[0]:
            break
        took["daemons"].append(timed(connection, call))
        took["bus"].append(timed(connection, bus))
    with open(sys.argv[2], "w", encoding="ascii") as stream:
        json.dump(took, stream)


if __name__ == "__main__":
    main()
