# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real polkitd on a private bus, with our actions and rules of the test's own.

polkitd reads its actions and rules from fixed folders, so it gets a mount namespace in which these are
the test's; that needs root. Callers are somebody else (nobody), since root may do anything.
"""
import contextlib
import os
import shutil
import subprocess

from gi.repository import Gio, GLib

from harness import BUILD, SOURCE, Process, Skip, wait_for

POLKITD = "/usr/lib/polkit-1/polkitd"
NAME = "org.freedesktop.PolicyKit1"
NOBODY = 65534
# A user every Debian has, as which a service is run.
SERVICE_USER = "daemon"


def require_root():
    """Skips the case when polkitd cannot be given folders of its own."""
    if os.geteuid():
        raise Skip("a polkitd with folders of its own needs root")
    if not os.path.exists(POLKITD):
        raise Skip("polkitd is not installed")
    done = subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True, text=True)
    if done.returncode:
        raise Skip("no mount namespace can be made here: " + done.stderr.strip())


class Polkit:
    """polkitd, with rules (JavaScript) that say what is allowed."""

    def __init__(self, house, rules="", ours=False):
        require_root()
        self.house = house
        self.directory = os.path.join(house.directory, "polkit")
        actions = os.path.join(self.directory, "actions")
        rules_d = os.path.join(self.directory, "rules.d")
        empty = os.path.join(self.directory, "empty")
        for folder in (self.directory, actions, rules_d, empty):
            os.makedirs(folder, exist_ok=True)
            os.chmod(folder, 0o755)
        with open(os.path.join(BUILD, "polkit", "org.bionicpro.policy"), encoding="utf-8") as stream:
            policy = stream.read()
        with open(os.path.join(actions, "org.bionicpro.policy"), "w", encoding="utf-8") as stream:
            # The services' users need not exist where the tests run.
            stream.write(policy.replace("unix-user:bionicpro-records", "unix-user:" + SERVICE_USER))
        shutil.copy("/usr/share/polkit-1/actions/org.freedesktop.policykit.policy", actions)
        if ours:
            shutil.copy(os.path.join(SOURCE, "polkit", "org.bionicpro.rules"), rules_d)
        with open(os.path.join(rules_d, "90-test.rules"), "w", encoding="utf-8") as stream:
            stream.write(rules or "// nothing is allowed beyond the defaults\n")
        script = ("mount --bind '%s' /usr/share/polkit-1/actions && "
                  "mount --bind '%s' /usr/share/polkit-1/rules.d && "
                  "mount --bind '%s' /etc/polkit-1/rules.d && exec %s --no-debug" % (
                      actions, rules_d, empty, POLKITD))
        self.process = Process(house, "polkitd", ["unshare", "-m", "sh", "-c", script])
        wait_for(lambda: house.owner(NAME) or not self.process.running(), "polkitd on the bus")
        assert self.process.running(), self.process.output()

    def stop(self):
        """polkit is absent from now on."""
        self.process.kill()
        wait_for(lambda: not self.house.owner(NAME), "end of polkitd")


def allow(*actions, result="YES"):
    """A rule with one result for some actions."""
    return "polkit.addRule(function(action, subject) { if ([%s].indexOf(action.id) >= 0) " \
           "return polkit.Result.%s; });\n" % (", ".join('"%s"' % a for a in actions), result)


@contextlib.contextmanager
def somebody(uid=NOBODY):
    """Acts as another user inside the block."""
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)


def connect_as(house, uid=NOBODY):
    """A connection to the bus as another user."""
    with somebody(uid):
        connection = Gio.DBusConnection.new_for_address_sync(
            house.address, Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT |
            Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION, None, None)
    connection.set_exit_on_close(False)
    return connection


def call_with_agent(house, service, path, interface, method, signature, *arguments):
    """Calls as somebody whose authentication agent dismisses every question; returns the error's name
    and how many questions were asked."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "dismisser.py")
    readable = os.path.join(house.directory, "dismisser.py")
    shutil.copy(script, readable)
    os.chmod(readable, 0o644)
    call = GLib.Variant("(sssss)", (service, path, interface, method,
                                    GLib.Variant(signature, arguments).print_(True)))
    done = subprocess.run(["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups",
                           "/usr/bin/python3", readable, house.address, call.print_(False)],
                          check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    error, asked = done.stdout.split()
    return error, int(asked)
