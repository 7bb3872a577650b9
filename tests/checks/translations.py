#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks that each translation is complete and fits the sources.

usage: translations.py SOURCE-ROOT

Speaks TAP: that no file with translatable strings was forgotten, a case a language, and that a translation
with something wrong would be noticed.
"""
import os
import re
import subprocess
import sys
import tempfile

MARKED = re.compile(r'\b(?:_|N_|ngettext) ?\(\s*"')
ENVIRONMENT = dict(os.environ, LC_ALL="C", LANGUAGE="")


def run(*command):
    """Runs a gettext tool; returns its exit status and all it said."""
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env=ENVIRONMENT)
    return done.returncode, done.stdout


def lines(path):
    """The lines of a list, without comments."""
    with open(path, encoding="utf-8") as stream:
        return [line.strip() for line in stream if line.strip() and not line.startswith("#")]


def forgotten(root):
    """C files that mark strings and are not listed, and listed files that are not there."""
    listed = set(lines(os.path.join(root, "po/POTFILES.in")))
    yield from (name for name in sorted(listed) if not os.path.exists(os.path.join(root, name)))
    for directory, _, names in os.walk(os.path.join(root, "daemons")):
        for name in names:
            path = os.path.join(directory, name)
            if name.endswith((".c", ".h")) and os.path.relpath(path, root) not in listed:
                with open(path, encoding="utf-8") as stream:
                    if MARKED.search(stream.read()):
                        yield os.path.relpath(path, root)


def cut_strings(root):
    """The macros of GLib for formats are not known to gettext, which would cut the string there."""
    for name in lines(os.path.join(root, "po/POTFILES.in")):
        with open(os.path.join(root, name), encoding="utf-8") as stream:
            if re.search(r'\b(?:_|N_|ngettext) ?\(\s*"[^)]*" *G_G\w+_FORMAT', stream.read()):
                yield "%s: a string is cut at a G_..._FORMAT; use PRIu64 and the like" % name


def complaints(po, template, directory):
    """What is wrong with a language's file."""
    merged = os.path.join(directory, "merged.po")
    code, said = run("msgfmt", "--check", "-o", os.devnull, po)
    if code:
        yield said
    code, said = run("msgmerge", "--quiet", "--no-fuzzy-matching", "-o", merged, po, template)
    if code:
        yield said
        return
    # Formats are compared with what the sources say of them now.
    code, said = run("msgfmt", "--check", "-o", os.devnull, merged)
    if code:
        yield said
    for kind in ("--untranslated", "--only-fuzzy", "--only-obsolete"):
        for path in (po, merged):
            code, said = run("msgattrib", kind, "--no-location", path)
            if code or "msgid" in said:
                yield "%s: %s\n%s" % (os.path.basename(path), kind, said)


def spoilings(text):
    """A good file, each time with one thing wrong."""
    entry = re.search(r'(?m)^msgid "%s is no object of ours"\nmsgstr "(.*)"\n', text)
    assert entry, "the entry that is to be spoiled is not there"
    good, german = entry.group(0), entry.group(1)
    yield "missing", text.replace(good, "")
    yield "untranslated", text.replace(good, good.replace(german, ""))
    yield "fuzzy", text.replace(good, "#, fuzzy\n" + good)
    yield "another format", text.replace(good, good.replace(german, german.replace("%s", "%d")))
    yield "obsolete", text + '\n#~ msgid "gone"\n#~ msgstr "weg"\n'
    yield "not in the sources", text + '\nmsgid "nobody says this"\nmsgstr "niemand"\n'


def check_notices(root, template, directory):
    """Spoils the German translation in every way."""
    with open(os.path.join(root, "po/de.po"), encoding="utf-8") as stream:
        text = stream.read()
    for name, spoiled in spoilings(text):
        path = os.path.join(directory, "spoiled.po")
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(spoiled)
        if not list(complaints(path, template, directory)):
            yield "a translation with an entry that is %s was not noticed" % name


def main():
    """Runs every check."""
    root = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="bionicpro-") as directory:
        template = os.path.join(directory, "bionicpro.pot")
        code, said = run("xgettext", "--from-code=UTF-8", "--keyword=_", "--keyword=N_", "--keyword=ngettext:1,2",
                         "-o", template, "-D", root, "-f", os.path.join(root, "po/POTFILES.in"))
        cases = [("every file with strings is listed", list(forgotten(root))),
                 ("every string can be extracted", list(cut_strings(root)) + ([said] if code else []))]
        for language in lines(os.path.join(root, "po/LINGUAS")):
            po = os.path.join(root, "po", language + ".po")
            cases.append(("%s is complete" % language, list(complaints(po, template, directory))))
        cases.append(("spoiled translations are noticed", list(check_notices(root, template, directory))))
    print("1..%d" % len(cases))
    for number, (name, said) in enumerate(cases, 1):
        for line in "\n".join(said).splitlines():
            print("# " + line)
        print("%sok %d - %s" % ("not " if said else "", number, name))
    return 1 if any(said for _, said in cases) else 0


if __name__ == "__main__":
    sys.exit(main())
