#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks that each translation is complete.

usage: translations.py SOURCE-ROOT

Speaks TAP, one case a language, and one that no file with translatable strings was forgotten.
"""
import os
import re
import subprocess
import sys
import tempfile

MARKED = re.compile(r'\b(_|N_|ngettext) ?\("')


def lines(path):
    """The lines of a list, without comments."""
    with open(path, encoding="utf-8") as stream:
        return [line.strip() for line in stream if line.strip() and not line.startswith("#")]


def forgotten(root):
    """C files that mark strings and are not listed."""
    listed = set(lines(os.path.join(root, "po/POTFILES.in")))
    for directory, _, names in os.walk(os.path.join(root, "daemons")):
        for name in names:
            path = os.path.join(directory, name)
            if name.endswith(".c") and os.path.relpath(path, root) not in listed:
                with open(path, encoding="utf-8") as stream:
                    if MARKED.search(stream.read()):
                        yield os.path.relpath(path, root)


def untranslated(root, language, template):
    """What gettext has to say against a language, or nothing."""
    with tempfile.TemporaryDirectory() as directory:
        merged = os.path.join(directory, "merged.po")
        subprocess.run(["msgmerge", "--quiet", "--no-fuzzy-matching", "-o", merged,
                        os.path.join(root, "po", language + ".po"), template], check=True)
        done = subprocess.run(["msgfmt", "--check", "--statistics", "-o", "/dev/null", merged],
                              check=False, capture_output=True, text=True,
                              env=dict(os.environ, LC_ALL="C"))
        if done.returncode or "untranslated" in done.stderr or "fuzzy" in done.stderr:
            missing = subprocess.run(["msgattrib", "--untranslated", merged], check=False,
                                     capture_output=True, text=True).stdout
            return done.stderr + missing
    return ""


def main():
    """Checks every language."""
    root = os.path.abspath(sys.argv[1])
    languages = lines(os.path.join(root, "po/LINGUAS"))
    print("1..%d" % (len(languages) + 1))
    failed = list(forgotten(root))
    for name in failed:
        print("# %s marks strings and is not in po/POTFILES.in" % name)
    print("%sok 1 - every file with strings is listed" % ("not " if failed else ""))
    with tempfile.TemporaryDirectory() as directory:
        template = os.path.join(directory, "bionicpro.pot")
        subprocess.run(["xgettext", "--from-code=UTF-8", "--keyword=_", "--keyword=N_",
                        "--keyword=ngettext:1,2", "-o", template, "-D", root, "-f",
                        os.path.join(root, "po/POTFILES.in")], check=True)
        for number, language in enumerate(languages, 2):
            said = untranslated(root, language, template)
            if said:
                failed.append(language)
                print("# " + said.strip().replace("\n", "\n# "))
            print("%sok %d - %s is complete" % ("not " if said else "", number, language))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
