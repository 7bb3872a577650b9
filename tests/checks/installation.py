#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks what is installed beside the programs: units, users, bus policy, activation, polkit.

usage: installation.py SOURCE-ROOT BUILD-ROOT

The files are laid out in a folder of their own, as an installation would, and given to systemd's own
checkers. Speaks TAP.
"""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

PARTS = {"pairing": "org.bionicpro.Pairing1", "training": "org.bionicpro.Training1",
         "records": "org.bionicpro.Records1", "update": "org.bionicpro.Update1"}
# systemd's scale goes from 0 to 100 here: 15 is 1.5.
EXPOSURE = 15


class Layout:
    """An installation's files in a folder of their own."""

    def __init__(self, source, build, root):
        self.source, self.build, self.root = source, build, root
        self.units = os.path.join(root, "usr/lib/systemd/system")
        dropin = os.path.join(self.units, "bionicpro-.service.d")
        os.makedirs(dropin)
        shutil.copy(os.path.join(source, "systemd/hardening.conf"), dropin)
        libexec = os.path.join(root, "usr/libexec")
        os.makedirs(libexec)
        for part in PARTS:
            name = "bionicpro-%s.service" % part
            with open(os.path.join(build, "systemd", name), encoding="utf-8") as unit:
                text = re.sub(r"(?m)^ExecStart=.*/", "ExecStart=/usr/libexec/", unit.read())
            with open(os.path.join(self.units, name), "w", encoding="utf-8") as unit:
                unit.write(text)
            program = os.path.join(libexec, "bionicpro-%sd" % part)
            shutil.copy("/bin/true", program)

    def unit(self, part):
        """The unit's text."""
        with open(os.path.join(self.units, "bionicpro-%s.service" % part), encoding="utf-8") as unit:
            return unit.read()


def run(*command):
    """Runs a command; returns its exit status and all it said."""
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, env=dict(os.environ, LC_ALL="C.UTF-8", SYSTEMD_COLORS="0"))
    return done.returncode, done.stdout


def check_units_verify(layout):
    """systemd understands every line of the units."""
    for part in PARTS:
        path = os.path.join(layout.units, "bionicpro-%s.service" % part)
        _, said = run("systemd-analyze", "verify", "--root=" + layout.root, "--man=no",
                      "--recursive-errors=no", path)
        ours = [line for line in said.splitlines() if "bionicpro" in line]
        if ours:
            yield "\n".join(ours)


def check_exposure(layout):
    """No unit is more exposed than promised."""
    for part in PARTS:
        code, said = run("systemd-analyze", "security", "--offline=true", "--root=" + layout.root,
                         "--no-pager", "--threshold=%d" % EXPOSURE, "bionicpro-%s.service" % part)
        if code or "Overall exposure level" not in said:
            yield said


def check_users(layout):
    """Each service has a user of its own, and sysusers makes all of them."""
    shutil.rmtree(os.path.join(layout.root, "etc"), ignore_errors=True)
    os.makedirs(os.path.join(layout.root, "etc"))
    with open(os.path.join(layout.root, "etc/group"), "w", encoding="utf-8") as groups:
        groups.write("root:x:0:\ndialout:x:20:\n")
    with open(os.path.join(layout.root, "etc/passwd"), "w", encoding="utf-8") as users:
        users.write("root:x:0:0:root:/root:/bin/sh\n")
    code, said = run("systemd-sysusers", "--root=" + layout.root,
                     os.path.join(layout.source, "systemd/bionicpro.sysusers"))
    if code:
        yield said
    with open(os.path.join(layout.root, "etc/passwd"), encoding="utf-8") as users:
        known = {line.split(":")[0] for line in users}
    users = []
    for part in PARTS:
        user = re.search(r"(?m)^User=(.*)$", layout.unit(part)).group(1)
        users.append(user)
        if user not in known:
            yield "sysusers does not make %s" % user
    if len(set(users)) != len(users) or "root" in users:
        yield "users are shared: %s" % users


def check_tmpfiles(layout):
    """systemd-tmpfiles understands its lines."""
    code, said = run("systemd-tmpfiles", "--root=" + layout.root, "--create",
                     os.path.join(layout.source, "systemd/bionicpro.tmpfiles"))
    if code or not os.path.isdir(os.path.join(layout.root, "var/lib/bionicpro")):
        yield said


def check_reasons(layout):
    """Whatever a unit has that the hardening would take stands under a comment."""
    for part in PARTS:
        lines = layout.unit(part).splitlines()
        for number, line in enumerate(lines):
            if re.match(r"(DeviceAllow|RestrictAddressFamilies|SupplementaryGroups)=", line):
                before = number
                while before and not lines[before - 1].startswith("#") and lines[before - 1]:
                    before -= 1
                if not lines[before - 1].startswith("#"):
                    yield "bionicpro-%s.service: %s without a reason" % (part, line)


def check_bus_policy(layout):
    """Each name may be owned by its service's user and nobody else, and called by all."""
    tree = ElementTree.parse(os.path.join(layout.source, "dbus/org.bionicpro.conf"))
    own, send = {}, set()
    for policy in tree.getroot().findall("policy"):
        for allow in policy.findall("allow"):
            if "own" in allow.attrib:
                own[allow.get("own")] = policy.get("user")
            elif policy.get("context") == "default":
                send.add(allow.get("send_destination"))
    if own != {name: "bionicpro-" + part for part, name in PARTS.items()}:
        yield "owners: %s" % own
    if send != set(PARTS.values()):
        yield "destinations: %s" % send


def check_activation(layout):
    """Each name is activated by its unit, as its user."""
    for part, name in PARTS.items():
        with open(os.path.join(layout.build, "dbus", name + ".service"), encoding="utf-8") as file:
            text = file.read()
        for line in ("[D-BUS Service]", "Name=" + name, "User=bionicpro-" + part,
                     "SystemdService=bionicpro-%s.service" % part):
            if line not in text.splitlines():
                yield "%s.service: no line '%s'" % (name, line)


def check_actions(layout):
    """The policy defines exactly the actions the interfaces and the rules speak of."""
    said = set()
    for path in glob.glob(os.path.join(layout.source, "dbus/*.xml")):
        with open(path, encoding="utf-8") as file:
            said |= set(re.findall(r"org\.bionicpro\.(?:pairing|training|records|update)\.[a-z-]+"
                                   r"|org\.bionicpro\.cancel-any-job", re.sub(r"\s+", " ", file.read())))
    tree = ElementTree.parse(os.path.join(layout.build, "polkit/org.bionicpro.policy"))
    defined = {action.get("id") for action in tree.getroot().findall("action")}
    if said != defined:
        yield "only in the interfaces: %s; only in the policy: %s" % (said - defined, defined - said)
    for action in tree.getroot().findall("action"):
        if action.findtext("defaults/allow_any") == "yes" or \
           action.findtext("defaults/allow_inactive") == "yes":
            yield "%s is open to everybody" % action.get("id")
        # polkit answers only root and the owner when details are given along.
        owners = " ".join(note.text for note in action.findall("annotate")
                          if note.get("key") == "org.freedesktop.policykit.owner").split()
        part = action.get("id").split(".")[2]
        wanted = ["unix-user:bionicpro-" + p for p in PARTS if part in (p, "cancel-any-job")]
        if owners != wanted:
            yield "%s is owned by %s, not %s" % (action.get("id"), owners, wanted)
    with open(os.path.join(layout.source, "polkit/org.bionicpro.rules"), encoding="utf-8") as rules:
        ruled = set(re.findall(r'"(org\.bionicpro\.[a-z.-]+)"', rules.read()))
    if ruled - defined:
        yield "rules for actions that are not there: %s" % (ruled - defined)


def check_udev(layout):
    """ModemManager is kept from every kind of device that pairingd opens by itself."""
    with open(os.path.join(layout.source, "daemons/pairing/bpg-usb-watcher.c"), encoding="utf-8") as code:
        kinds = set(re.findall(r'"([0-9a-f]{4}:[0-9a-f]{4})"', code.read()))
    ruled = set()
    with open(os.path.join(layout.source, "systemd/60-bionicpro.rules"), encoding="utf-8") as rules:
        for vendor, products in re.findall(r'{idVendor}=="(\w+)".*{idProduct}=="([\w|]+)"', rules.read()):
            ruled |= {vendor + ":" + product for product in products.split("|")}
    if not kinds or kinds != ruled:
        yield "pairingd opens %s, the rules name %s" % (sorted(kinds), sorted(ruled))


def main():
    """Runs every check."""
    source, build = map(os.path.abspath, sys.argv[1:3])
    checks = [check_units_verify, check_exposure, check_users, check_tmpfiles, check_reasons,
              check_bus_policy, check_activation, check_actions, check_udev]
    failed = 0
    print("1..%d" % len(checks))
    with tempfile.TemporaryDirectory(prefix="bionicpro-") as root:
        layout = Layout(source, build, root)
        for number, check in enumerate(checks, 1):
            complaints = list(check(layout))
            for complaint in complaints:
                print("# " + complaint.replace("\n", "\n# "))
            failed += bool(complaints)
            print("%sok %d - %s" % ("not " if complaints else "", number, check.__name__[6:]))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
