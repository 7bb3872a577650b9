#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks the sources for what a compiler does not see.

usage: lint.py ROOT

Licence lines, the floors of the house (who may include whom), forbidden calls, shell and Python
syntax, XML, line lengths. Speaks TAP; exit status 1 when anything is amiss.
"""
import ast
import os
import re
import subprocess
import sys

SPDX = "SPDX-License-Identifier: LGPL-2.1-or-later"
SPDX_SUFFIXES = (".c", ".h", ".py", ".sh", ".build", ".xml", ".rst", ".policy", ".service", ".conf",
                 ".rules", ".md", ".S", ".ld")
DAEMONS = ("pairing", "training", "records", "update", "ctl")
# The headers of the freestanding floors: no libc but memcpy, memset and memcmp.
FREESTANDING = {"stdint.h", "stddef.h", "stdbool.h", "string.h"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]', re.M)


def files(root):
    """Every file under version control or about to be, relative to the root."""
    command = ["git", "-c", "safe.directory=*", "-C", root, "ls-files", "-z", "--cached", "--others",
               "--exclude-standard"]
    try:
        names = subprocess.run(command, check=True, capture_output=True).stdout.decode().split("\0")
    except (OSError, subprocess.CalledProcessError):
        names = [os.path.relpath(os.path.join(directory, name), root)
                 for directory, folders, plain in os.walk(root)
                 for name in plain if not folders.sort()]
    return sorted(name for name in names
                  if name and os.path.isfile(os.path.join(root, name))
                  and not name.startswith(("build", ".git/")))


def read(root, name):
    """A file's text."""
    with open(os.path.join(root, name), encoding="utf-8") as stream:
        return stream.read()


def check_licence(root, names):
    """The licence is named in the first lines of each file that can carry a comment."""
    for name in names:
        if name.endswith(SPDX_SUFFIXES) or name in ("dev", ".ci/run"):
            if SPDX not in "\n".join(read(root, name).splitlines()[:4]):
                yield "%s: no SPDX line at its beginning" % name


def check_floors(root, names):
    """Recognition and link stand on nothing, daemons never include one another."""
    headers = {os.path.basename(name): name for name in names if name.endswith(".h")}
    for name in names:
        if not name.endswith((".c", ".h")):
            continue
        parts = name.split("/")
        floor = "/".join(parts[:2])
        for bracket, header in INCLUDE.findall(read(root, name)):
            base = os.path.basename(header)
            home = "/".join(headers.get(base, "").split("/")[:2])
            if floor in ("firmware/recognition", "firmware/link"):
                if bracket == "<" and header not in FREESTANDING:
                    yield "%s: includes <%s>, and its floor is freestanding" % (name, header)
                elif bracket == '"' and home != floor:
                    yield "%s: includes \"%s\" from outside its floor" % (name, header)
            elif parts[0] == "daemons" and bracket == '"' and home.startswith("daemons/"):
                other = home.split("/")[1]
                lab = parts[1] == "ctl" and "/lib/" in headers[base]
                if other in DAEMONS and other != parts[1] and not lab:
                    yield "%s: includes \"%s\" of another daemon" % (name, header)
            elif parts[0] == "firmware" and home.startswith("daemons/"):
                yield "%s: includes \"%s\" of a daemon" % (name, header)


def check_calls(root, names):
    """No blocking bus call in a daemon, no goto out, no note of unfinished work."""
    for name in names:
        if not name.endswith((".c", ".h")) or name.startswith("tests/"):
            continue
        text = read(root, name)
        for number, line in enumerate(text.splitlines(), 1):
            if re.search(r"\bgoto\b", line):
                yield "%s:%d: goto" % (name, number)
            if re.search(r"\b(TO" "DO|FIX" "ME|XX" "X)\\b", line):
                yield "%s:%d: unfinished work" % (name, number)
            if re.search(r"\b(strcpy|strcat|sprintf|gets|system|popen)\s*\(", line):
                yield "%s:%d: %s" % (name, number, line.strip())


def check_shell(root, names):
    """shellcheck has nothing to say."""
    scripts = [name for name in names
               if name in ("dev", ".ci/run") or name.endswith((".sh", ".bash"))]
    done = subprocess.run(["shellcheck", "--", *scripts], cwd=root, check=False,
                          capture_output=True, text=True)
    if done.returncode:
        yield done.stdout or done.stderr


def check_python(root, names):
    """Python parses, and its functions say what they do."""
    for name in names:
        if not name.endswith(".py"):
            continue
        try:
            tree = ast.parse(read(root, name), name)
        except SyntaxError as error:
            yield "%s:%s: %s" % (name, error.lineno, error.msg)
            continue
        if not ast.get_docstring(tree):
            yield "%s: no docstring" % name


def check_xml(root, names):
    """XML is well-formed."""
    documents = [name for name in names if name.endswith((".xml", ".policy", ".svg"))]
    if documents:
        done = subprocess.run(["xmllint", "--noout", "--nonet", *documents], cwd=root,
                              check=False, capture_output=True, text=True)
        if done.returncode:
            yield done.stderr


def check_members(root, names):
    """Every member of the bus interfaces is documented, with the version it came with."""
    member = re.compile(r'<(interface|method|signal|property) name="([^"]+)"')
    for name in names:
        if not re.match(r"dbus/org\.bionicpro\..*\.xml$", name):
            continue
        text = read(root, name)
        for match in member.finditer(text):
            before = text[:match.start()].rstrip()
            comment = before[before.rfind("<!--"):] if before.endswith("-->") else ""
            if match.group(2) + ":" not in comment or "@since:" not in comment:
                yield "%s: %s is not documented" % (name, match.group(2))


def check_errors(root, names):
    """docs/errors.md has every error with the advice the code gives."""
    if "daemons/common/bpg-error.c" not in names:
        return
    text = read(root, "docs/errors.md")
    rows = re.findall(r'PREFIX "(\w+)"},\s*N_\("((?:[^"\\\\]|\\\\.)*)"\)', read(root, "daemons/common/bpg-error.c"))
    if not rows:
        yield "no error found in bpg-error.c"
    for name, hint in rows:
        if not re.search(r"(?m)^\| `%s` \| [^|]+ \| %s \|$" % (name, re.escape(hint)), text):
            yield "docs/errors.md: %s is not there with the advice of the code" % name


def check_layout(root, names):
    """No trailing white space, no tab in C or Python, lines that fit a screen."""
    for name in names:
        if not name.endswith((".c", ".h", ".py")):
            continue
        for number, line in enumerate(read(root, name).splitlines(), 1):
            if line != line.rstrip():
                yield "%s:%d: white space at the end" % (name, number)
            if "\t" in line:
                yield "%s:%d: tab" % (name, number)
            if len(line) > 170:
                yield "%s:%d: %d characters" % (name, number, len(line))


def main():
    """Runs every check."""
    root = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else ".")
    names = files(root)
    checks = [check_licence, check_floors, check_calls, check_shell, check_python, check_xml,
              check_members, check_errors, check_layout]
    failed = 0
    print("1..%d" % len(checks))
    for number, check in enumerate(checks, 1):
        complaints = list(check(root, names))
        for complaint in complaints:
            print("# " + complaint.replace("\n", "\n# "))
        failed += bool(complaints)
        print("%sok %d - %s" % ("not " if complaints else "", number, check.__name__[6:]))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
