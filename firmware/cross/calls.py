#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Bounds a chip program's stack, and checks that what must run from RAM does.

usage: calls.py --elf ELF --objdump OBJDUMP --rules RULES --output REPORT FOLDER…

The frames and calls are those that the compiler wrote beside each object (-fcallgraph-info=su) below the folders; of
functions that came compiled they are read from the program's instructions. RULES says what neither shows:

  stack ROOT… BYTES          the sum of the deepest ways from these functions is at most BYTES
  ram ROOT… = FIRST LAST     what these functions reach lies at addresses FIRST to LAST, or in the ROM
  indirect CALLER = NAME…    what CALLER calls through pointers
  external NAME BYTES        a function whose instructions are not in the program, and the stack it takes
  recursion NAME DEPTH       a function that calls itself, and how deep at most

A function is NAME, or FILE:NAME where several have the name. An indirect call without a rule, a function whose address
is taken and that no rule names, and other recursion are errors.
"""
import argparse
import os
import re
import subprocess
import sys

NODE = re.compile(r'node: \{ title: "([^"]+)" label: "([^"]*)"')
EDGE = re.compile(r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"')
BYTES = re.compile(r"(\d+) bytes \((static|dynamic|dynamic,bounded)\)")
HEAD = re.compile(r"^([0-9a-f]+) <([^>]+)>:$")
ADJUST = re.compile(r"\b(?:c\.)?addi(?:16sp)?\s+sp,(?:sp,)?-(\d+)")
JUMP = re.compile(r"\b(?:jal|j|call|tail)\s+(?:\w+,)?[0-9a-f]+ <([^>+]+)>")
ROM_FIRST, ROM_LAST = 0x40000000, 0x40060000
INDIRECT = "__indirect_call"


def short(title):
    """FILE:NAME or NAME of a compiler's title."""
    if ":" not in title:
        return title
    path, name = title.rsplit(":", 1)
    return os.path.basename(path) + ":" + plain(name)


def plain(name):
    """A name without what the compiler adds to its copies of a function."""
    return re.sub(r"\.(constprop|part|isra|cold)(\.\d+)*", "", name)


class Program:
    """Frames, calls and addresses of all functions."""

    def __init__(self):
        self.frames, self.calls, self.addresses, self.externals = {}, {}, {}, {}
        self.local = {}
        self.depths, self.symbols = {}, set()
        self.errors = []

    def read_graph(self, path):
        """What the compiler wrote beside an object."""
        with open(path, encoding="utf-8") as file:
            for line in file:
                node, edge = NODE.search(line), EDGE.search(line)
                if node:
                    self.read_node(short(node.group(1)), node.group(2))
                elif edge:
                    self.calls.setdefault(short(edge.group(1)), set()).add(short(edge.group(2)))

    def read_node(self, name, label):
        """A function that is defined has its frame in its label."""
        frame = BYTES.search(label)
        if not frame:
            return
        if frame.group(2) == "dynamic":
            self.errors.append("%s has a frame without a bound" % name)
        self.frames[name] = max(int(frame.group(1)), self.frames.get(name, 0))
        self.local.setdefault(name.rsplit(":", 1)[-1], set()).add(name)

    def read_instructions(self, text):
        """Addresses of all functions, and frames and calls of those that came compiled."""
        name = None
        for line in text.splitlines():
            head = HEAD.match(line)
            if head:
                name = plain(head.group(2))
                self.addresses.setdefault(name, []).append(int(head.group(1), 16))
                known = name in self.local or name in self.frames
                continue
            if name is None or known:
                continue
            adjust, jump = ADJUST.search(line), JUMP.search(line)
            self.externals.setdefault(name, 0)
            if adjust:
                self.externals[name] += int(adjust.group(1))
            if jump and jump.group(1) != name:
                self.calls.setdefault(name, set()).add(plain(jump.group(1)))

    def resolve(self, name):
        """The function a rule or a call means."""
        if name in self.frames or ":" in name:
            return name
        found = self.local.get(name, set())
        return next(iter(found)) if len(found) == 1 else name

    def frame(self, name):
        """Bytes of a function's own frame."""
        if name in self.frames:
            return self.frames[name]
        if name in self.externals:
            return self.externals[name]
        self.errors.append("%s: nothing is known of its stack" % name)
        return 0

    def targets(self, name, indirect):
        """What a function calls."""
        for target in self.calls.get(name, ()):
            if target != INDIRECT:
                # A call that came to nothing, of a function that is not there, is still in the compiler's graph.
                if target.rsplit(":", 1)[-1] in self.symbols:
                    yield self.resolve(target)
            elif name not in indirect:
                self.errors.append("%s calls through a pointer; a rule must say what" % name)
        yield from indirect.get(name, ())

    def deepest(self, name, indirect, done, way=()):
        """(bytes, functions) of the deepest way down from a function."""
        if name in way:
            self.errors.append("recursion: " + " ".join(way[way.index(name):] + (name,)))
            return 0, ()
        if name not in done:
            below = max((self.deepest(target, indirect, done, way + (name,))
                         for target in self.targets(name, indirect) if target != name or name not in self.depths),
                        default=(0, ()))
            done[name] = (self.frame(name) * self.depths.get(name, 1) + below[0], (name,) + below[1])
        return done[name]

    def reach(self, root, indirect):
        """All functions below one."""
        seen, todo = set(), [root]
        while todo:
            name = todo.pop()
            if name not in seen:
                seen.add(name)
                todo += self.targets(name, indirect)
        return seen


def read_rules(path):
    """The rules as lists of words."""
    with open(path, encoding="utf-8") as file:
        return [line.split() for line in file if line.strip() and not line.startswith("#")]


def taken_addresses(folders, objdump):
    """Names of functions that objects refer to otherwise than by calling them."""
    taken = set()
    for path in find(folders, ".o"):
        text = subprocess.run([objdump, "-r", path], stdout=subprocess.PIPE, text=True, check=True).stdout
        section = ""
        for line in text.splitlines():
            if line.startswith("RELOCATION RECORDS"):
                section = line
            match = re.match(r"^[0-9a-f]+ (R_RISCV_32|R_RISCV_HI20|R_RISCV_PCREL_HI20|R_RISCV_GOT_HI20)\s+(\w[\w.]*)$", line)
            if match and "debug" not in section and "eh_frame" not in section:
                taken.add(plain(match.group(2)))
    return taken


def find(folders, ending):
    """Files below folders."""
    for folder in folders:
        for where, _, names in os.walk(folder):
            for name in sorted(names):
                if name.endswith(ending):
                    yield os.path.join(where, name)


def check(program, rules, taken):
    """The report's lines."""
    lines, indirect, named = [], {}, set()
    for rule in rules:
        if rule[0] == "indirect":
            indirect.setdefault(program.resolve(rule[1]), set()).update(program.resolve(n) for n in rule[3:])
        if rule[0] == "external":
            program.externals[rule[1]] = int(rule[2])
        if rule[0] == "recursion":
            program.depths[program.resolve(rule[1])] = int(rule[2])
    for names in indirect.values():
        named |= {name.rsplit(":", 1)[-1] for name in names}
    functions = set(program.local) | set(program.frames)
    for rule in rules:
        roots = [program.resolve(name) for name in rule[1:-1]]
        if rule[0] == "stack":
            ways = [program.deepest(root, indirect, {}) for root in roots]
            total = sum(way[0] for way in ways)
            lines += ["%s: %d bytes of stack: %s" % (root, way[0], " ".join(
                "%s(%d)" % (name, program.frame(name)) for name in way[1])) for root, way in zip(roots, ways)]
            lines.append("stack: %d of %s bytes" % (total, rule[-1]))
            if total > int(rule[-1]):
                program.errors.append("the stack is %s bytes, and may have to be %d" % (rule[-1], total))
            named |= set(rule[1:-1])
        elif rule[0] == "ram":
            at = rule.index("=")
            first, last = (int(word, 16) for word in rule[at + 1:])
            reached = set().union(*(program.reach(program.resolve(root), indirect) for root in rule[1:at]))
            for name in sorted(reached):
                for address in program.addresses.get(name.rsplit(":", 1)[-1], []):
                    if not first <= address <= last and not ROM_FIRST <= address <= ROM_LAST:
                        program.errors.append("%s is at %08x, not in RAM" % (name, address))
            lines.append("in RAM: %d functions" % len(reached))
    for name in sorted(taken & functions - named):
        program.errors.append("%s: its address is taken, and no rule says who calls it" % name)
    return lines


def main():
    """Reads, checks, reports."""
    parser = argparse.ArgumentParser()
    for name in ("elf", "objdump", "rules", "output"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("folder", nargs="+")
    arguments = parser.parse_args()
    program = Program()
    for path in find(arguments.folder, ".ci"):
        program.read_graph(path)
    text = subprocess.run([arguments.objdump, "-d", "--no-show-raw-insn", arguments.elf], stdout=subprocess.PIPE,
                          text=True, check=True).stdout
    program.read_instructions(text)
    text = subprocess.run([arguments.objdump, "-t", arguments.elf], stdout=subprocess.PIPE, text=True, check=True).stdout
    program.symbols = {plain(line.split()[-1]) for line in text.splitlines() if line.strip()}
    lines = check(program, read_rules(arguments.rules), taken_addresses(arguments.folder, arguments.objdump))
    if program.errors:
        sys.exit("\n".join(sorted(set(program.errors))))
    with open(arguments.output, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
