#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""check_functions.py: no function is longer than a screen of 70 lines.

Relies on the formatting that check_format.py enforces: a function's body opens with "{" and closes
with "}" in the first column. Its length counts from its first line to the closing brace.
"""
import re

import checklib

LINES_MAX = 70
FOLDERS = ["src", "include", "tests", "bench", "examples"]

# Flat opcode switches: one short case per instruction; splitting them would hide the table.
ALLOWED = {
    "src/vm/interp.c:steps_run": "threaded dispatch: one handler per row of insn.def and step.def, by goto",
}
NAME = re.compile(r"(\w+)\s*\(")


def functions(text):
    """(name, first line, last line) of each function; lines count from 1."""
    lines = checklib.blank_comments(text).splitlines()
    for number, line in enumerate(lines):
        if line.rstrip() != "{":
            continue
        start = number
        while start > 0 and lines[start - 1].strip() and lines[start - 1].rstrip() not in ("}", "};"):
            start -= 1
        head = " ".join(lines[start:number])
        name = NAME.search(re.sub(r"__attribute__\s*\(\(.*?\)\)", "", head))
        end = next((n for n in range(number, len(lines)) if lines[n].startswith("}")), None)
        if name and end is not None:
            yield name.group(1), start + 1, end + 1


def check(root):
    findings = []
    for path in checklib.files(root, FOLDERS, [".c", ".h"]):
        for name, first, last in functions(path.read_text()):
            length = last - first + 1
            key = f"{path.relative_to(root)}:{name}"
            if length > LINES_MAX and key not in ALLOWED:
                findings.append(f"{path}:{first}: {name} has {length} lines, more than {LINES_MAX}")
    return findings


def function_of(lines):
    return "int f(void)\n{\n" + "\tg();\n" * (lines - 3) + "}\n"


SOUND = {"src/base/a.c": function_of(LINES_MAX)}
CANARIES = [
    checklib.Canary("long", {"src/base/b.c": function_of(LINES_MAX + 1)}, "f has 71 lines"),
    checklib.Canary(
        "long behind a short one",
        {"src/base/c.c": function_of(4) + "\n" + function_of(200)},
        "f has 200 lines",
    ),
]

if __name__ == "__main__":
    checklib.main(check, SOUND, CANARIES)
