#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may do what, asked of a real polkitd: allowed, refused, a password needed, dismissed, polkit
hanging, polkit absent."""
import os
import shutil
import signal
import subprocess

from gi.repository import GLib

import polkit
from harness import NAMES, ROOTS, House, Object, Skip, main, program, wait_for
from polkit import Polkit, allow, connect_as, require_root

ACTION = "org.bionicpro.records.write"


def start(house, user=None):
    """records on the system bus, with the caller's object."""
    house.start("records", session=False,
                wrapper=("setpriv", "--reuid", user, "--regid", user, "--clear-groups") if user else ())
    return Object(house, NAMES["records"], ROOTS["records"], connect_as(house))


def create(records, **options):
    """The call that every case makes."""
    return records.call("Records1.CreatePatient", "(a{sv})", {}, **options)


def allowed():
    """A rule says yes."""
    with House(system_policy=True) as house:
        Polkit(house, allow(ACTION))
        assert create(start(house)).startswith(ROOTS["records"] + "/patient/")


def asked_by_a_service():
    """The service is not root, as in an installation: polkit answers it because it owns the action."""
    require_root()
    reach = subprocess.run(["setpriv", "--reuid", polkit.SERVICE_USER, "--clear-groups", "test", "-x",
                            program("records")], check=False)
    if reach.returncode:
        raise Skip("another user cannot reach the built programs in %s" % program("records"))
    with House(system_policy=True) as house:
        Polkit(house, allow(ACTION))
        os.chmod(os.path.dirname(house.state("records")), 0o755)
        shutil.chown(house.state("records"), polkit.SERVICE_USER)
        assert create(start(house, polkit.SERVICE_USER)).startswith(ROOTS["records"] + "/patient/")


def refused():
    """A rule says no."""
    with House(system_policy=True) as house:
        Polkit(house, allow(ACTION, result="NO"))
        start(house).expect("NotAuthorized", "Records1.CreatePatient", "(a{sv})", {})


def password_needed():
    """The defaults want a password, and the call does not allow to ask."""
    with House(system_policy=True) as house:
        Polkit(house, ours=True)
        start(house).expect("AuthorizationObtainable", "Records1.CreatePatient", "(a{sv})", {})


def password_not_given():
    """The call allows to ask, a person is asked, and does not give it."""
    require_root()
    if subprocess.run(["setpriv", "--version"], check=False, capture_output=True).returncode:
        raise Skip("there is no setpriv")
    with House(system_policy=True) as house:
        Polkit(house, ours=True)
        start(house)
        error, asked = polkit.call_with_agent(
            house, NAMES["records"], ROOTS["records"], NAMES["records"], "CreatePatient", "(a{sv})", {})
        assert asked == 1, "the agent was asked %d times" % asked
        assert error == "org.bionicpro.Error.AuthorizationDismissed", error


def hanging():
    """polkit does not answer: the call is refused in the end, and meanwhile the service answers
    others."""
    with House(system_policy=True) as house:
        daemon = Polkit(house, allow(ACTION))
        records = start(house)
        create(records)
        daemon.process.signal(signal.SIGSTOP)
        replies = []
        records.connection.call(
            NAMES["records"], ROOTS["records"], NAMES["records"], "CreatePatient",
            GLib.Variant("(a{sv})", ({},)), None, 0, 60000, None,
            lambda connection, result: replies.append(result))
        assert Object(house, NAMES["records"], ROOTS["records"]).get("Records1.State")
        wait_for(lambda: replies, "refusal")
        try:
            records.connection.call_finish(replies[0])
            raise AssertionError("it was allowed")
        except GLib.Error as error:
            assert "AuthorizationUnavailable" in error.message, error.message
        daemon.process.signal(signal.SIGCONT)


def absent():
    """There is no polkit: nothing is allowed, and reading goes on."""
    require_root()
    with House(system_policy=True) as house:
        records = start(house)
        records.expect("AuthorizationUnavailable", "Records1.CreatePatient", "(a{sv})", {})
        assert records.get("Records1.State") == "ready"


def services_rules():
    """Our own rules let no ordinary user do what only services may."""
    with House(system_policy=True) as house:
        Polkit(house, ours=True)
        records = start(house)
        records.expect(("AuthorizationObtainable", "NotAuthorized"), "Records1.RecordBinding",
                       "(osa{sv})", ROOTS["records"] + "/patient/none", "arm", {})


def rights_of_their_own():
    """Who insists on firmware, and who goes back to an older one, needs one right more for each."""
    first, insist, back, older = ("org.bionicpro.update." + action for action in (
        "install", "override", "roll-back", "downgrade"))
    arm = ROOTS["pairing"] + "/prosthesis/none"
    for granted, refused_one, install, roll_back in (
            ((first, back), (insist, older), ("override", "downgrade"), True),
            ((first, back, insist), (older,), ("downgrade",), True),
            ((first, back, older), (insist,), ("override",), False)):
        with House(system_policy=True) as house:
            Polkit(house, allow(*granted) + allow(*refused_one, result="NO"))
            house.start("update", session=False)
            update = Object(house, NAMES["update"], ROOTS["update"], connect_as(house))
            for options in ((), ("override",), ("downgrade",), ("override", "downgrade")):
                update.expect("NotAuthorized" if set(options) & set(install) else "NotFound",
                              "Update1.InstallFirmware", "(ooa{sv})", arm, arm,
                              {name: GLib.Variant("b", True) for name in options})
            image = {"image": GLib.Variant("s", "firmware")}
            update.expect("NotFound", "Update1.RollBack", "(oa{sv})", arm, image)
            update.expect("NotAuthorized" if roll_back else "NotFound", "Update1.RollBack", "(oa{sv})",
                          arm, dict(image, downgrade=GLib.Variant("b", True)))


if __name__ == "__main__":
    main(allowed, asked_by_a_service, refused, password_needed, password_not_given, hanging, absent, services_rules,
         rights_of_their_own)
