#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The manual, the completion and the program know the same verbs and options."""
import os
import re
import subprocess

from gi.repository import GLib

from fakes import Clinic

from harness import SOURCE, main, program, wait_for

COMMON = {"--help", "--json", "--key-value", "--quiet", "--timeout", "--session-bus", "--no-ask-password", "--version"}


def read_manual():
    """The manual's source, without its marks."""
    with open(os.path.join(SOURCE, "docs/bionicctl.1.rst"), encoding="utf-8") as stream:
        return stream.read().replace("**", "").replace("\\= ", "=").replace("\\ ", "")


def verbs_of(clinic):
    """Every verb the overview shows."""
    return re.findall(r"^  ([a-z-]+(?: [a-z]+)?)  ", clinic.run("--help").stdout, re.M)


def test_manual_is_complete():
    """Every verb, option and exit status stands in the manual, and no option that is none."""
    manual = read_manual()
    with Clinic() as clinic:
        known = set()
        verbs = verbs_of(clinic)
        assert len(verbs) > 40, verbs
        for verb in verbs:
            assert re.search(r"(^|, )%s\b" % verb, manual, re.M), verb
            if verb != "lab":
                known |= set(re.findall(r"--[a-z][a-z-]*", clinic.run(*verb.split(), "--help").stdout))
        for verb in re.findall(r"^  ([a-z]+)  ", clinic.run("lab", "--help").stdout, re.M):
            options = set(re.findall(r"^ .*?(--[a-z][a-z-]*)", clinic.run("lab", verb, "--help").stdout, re.M))
            section = re.search(r"(?ms)^lab %s\b.*?(?=^\S|\Z)" % verb, manual).group(0)
            assert all(option in section for option in options - {"--help"}), (verb, options)
            known |= options
        told = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", manual))
        assert COMMON <= told
        others = {"--noise-per-million", "--raw"}  # of other programs, in examples
        assert not known - told - others, known - told - others
        assert not told - known, told - known
    for status in range(10):
        assert re.search(r"^%d\n    " % status, manual, re.M), status


def complete(clinic, line):
    """What the completion offers at the end of a line."""
    script = """
source "$1"
read -ra COMP_WORDS <<<"$2"
[[ $2 != *' ' ]] || COMP_WORDS+=('')
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_bionicctl
printf '%s\\n' "${COMPREPLY[@]}"
"""
    path = os.path.dirname(program("bionicctl")) + ":" + clinic.house.environment.get("PATH", os.environ["PATH"])
    source = os.path.join(SOURCE, "daemons/ctl/completion/bionicctl.bash")
    with open(os.path.join(clinic.house.directory, "complete.sh"), "w", encoding="utf-8") as stream:
        stream.write(script)
    child = subprocess.Popen(["bash", stream.name, source, line], text=True, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, env=dict(clinic.house.environment, PATH=path))
    wait_for(lambda: child.poll() is not None, "completion")
    out, err = child.communicate()
    assert not err, err
    return out.split()


def test_completion():
    """Verbs, second words, options, values and names are offered."""
    with Clinic() as clinic:
        assert "rollback" in complete(clinic, "bionicctl ro") and "list" not in complete(clinic, "bionicctl ro")
        assert {"add", "delete"} <= set(complete(clinic, "bionicctl patients "))
        assert "--movements" in complete(clinic, "bionicctl session --mo")
        assert complete(clinic, "bionicctl bind --side l") == ["left"]
        assert complete(clinic, "bionicctl sign --side a") == ["any"]
        assert complete(clinic, "bionicctl confirm B") == ["BP-1"]
        assert complete(clinic, "bionicctl --json train 0") == ["00ff00ff00ff00ff"]
        clinic.update.add("/org/bionicpro/Update1/firmware/f1", "Firmware1", Hash=GLib.Variant("s", "f1f1"),
                          Version=GLib.Variant("s", "1.4.0"))
        assert complete(clinic, "bionicctl firmware install 1") == ["1.4.0"]
        assert complete(clinic, "bionicctl firmware install BP-1 f") == ["f1f1"]
        assert complete(clinic, "bionicctl firmware conf") == ["confirm"]
        assert "--baud" in complete(clinic, "bionicctl ports add --b")
        assert complete(clinic, "bionicctl flash-rom --baud 9") == ["921600"]
        assert "--erase-images" in complete(clinic, "bionicctl flash-rom --er")


if __name__ == "__main__":
    main(test_manual_is_complete, test_completion)
