#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes one bus call that polkit may ask about, and dismisses the question.

usage: dismisser.py ADDRESS CALL

CALL is a GVariant (sssss): service, path, interface, method, arguments as text. Prints the error's name
(or "none") and how often the agent was asked.
"""
import os
import sys

import gi
gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402  pylint: disable=wrong-import-position

POLKIT = "org.freedesktop.PolicyKit1"
XML = """<node><interface name="org.freedesktop.PolicyKit1.AuthenticationAgent">
<method name="BeginAuthentication"><arg type="s" direction="in"/><arg type="s" direction="in"/>
<arg type="s" direction="in"/><arg type="a{ss}" direction="in"/><arg type="s" direction="in"/>
<arg type="a(sa{sv})" direction="in"/></method>
<method name="CancelAuthentication"><arg type="s" direction="in"/></method></interface></node>"""


def start_time():
    """When this process began, as polkit counts."""
    with open("/proc/self/stat", encoding="ascii") as stream:
        return int(stream.read().rsplit(")", 1)[1].split()[19])


def main():
    """Registers the agent, calls, says what came of it."""
    connection = Gio.DBusConnection.new_for_address_sync(
        sys.argv[1], Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT |
        Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION, None, None)
    asked, loop, outcome = [], GLib.MainLoop(), []

    def on_call(_connection, _sender, _path, _interface, method, arguments, invocation):
        if method == "BeginAuthentication":
            asked.append(arguments.unpack())
            invocation.return_dbus_error(POLKIT + ".Error.Cancelled", "dismissed")
        else:
            invocation.return_value(None)

    connection.register_object("/agent", Gio.DBusNodeInfo.new_for_xml(XML).interfaces[0], on_call,
                               None, None)
    subject = ("unix-process", {"pid": GLib.Variant("u", os.getpid()),
                                "start-time": GLib.Variant("t", start_time()),
                                "uid": GLib.Variant("i", os.getuid())})
    connection.call_sync(POLKIT, "/org/freedesktop/PolicyKit1/Authority", POLKIT + ".Authority",
                         "RegisterAuthenticationAgent",
                         GLib.Variant("((sa{sv})ss)", (subject, "C", "/agent")), None, 0, 30000, None)

    def on_reply(source, result):
        try:
            source.call_finish(result)
            outcome.append("none")
        except GLib.Error as error:
            outcome.append(Gio.DBusError.get_remote_error(error) or "local")
        loop.quit()

    service, path, interface, method, text = GLib.Variant.parse(
        GLib.VariantType("(sssss)"), sys.argv[2]).unpack()
    connection.call(service, path, interface, method, GLib.Variant.parse(None, text), None,
                    Gio.DBusCallFlags.ALLOW_INTERACTIVE_AUTHORIZATION, 90000, None, on_reply)
    loop.run()
    print(outcome[0], len(asked))


if __name__ == "__main__":
    main()
