#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""figures.py TESTLOG.json...: the table of figures that the tests of several builds printed.

A test says a figure in a line of its output, for TAP a comment:

    # figure: NAME = VALUE UNIT

VALUE is a whole number. Figures of one name and unit are added up, over a test's lines, over tests and over
logs. A line that begins so and is none is an error: a figure must not get lost by a slip.
"""
import json
import re
import sys
import tempfile

LINE = re.compile(r"^\s*# figure:(.*)$", re.MULTILINE)
FIGURE = re.compile(r"^ (\S.*?) = (\d+) (\S.*?)\s*$")


def collect(paths):
    """{(name, unit): sum} in the order of their first appearance, and the lines that are wrong."""
    figures, wrong = {}, []
    for path in paths:
        with open(path, encoding="utf-8") as log:
            for test in map(json.loads, log):
                for line in LINE.findall(test.get("stdout") or ""):
                    found = FIGURE.match(line)
                    if not found:
                        wrong.append(f"{test['name']}: # figure:{line}")
                        continue
                    name, value, unit = found.groups()
                    figures[name, unit] = figures.get((name, unit), 0) + int(value)
    return figures, wrong


def table(figures):
    rows = [(f"{value:,}".replace(",", " "), unit, name) for (name, unit), value in figures.items()]
    width, units = (max((len(row[i]) for row in rows), default=0) for i in (0, 1))
    return [f"{value:>{width}} {unit:<{units}}  {name}" for value, unit, name in rows]


CANARIES = [
    (["# figure: runs = 3 runs\nok 1\n", "# figure: runs = 4 runs\n"], {("runs", "runs"): 7}, 0),
    (["# figure: a b, c = 12 x y\n"], {("a b, c", "x y"): 12}, 0),
    (["    # figure: runs = 1 runs\n# figure: runs = 1 steps\n"], {("runs", "runs"): 1, ("runs", "steps"): 1}, 0),
    (["# figure: runs = many runs\n"], {}, 1),
    (["# figure: runs: 4\n", None], {}, 1),
    (["ok 1 - figure: runs = 3 runs\n"], {}, 0),
]


def self_test():
    failures = 0
    for outputs, expected, errors in CANARIES:
        with tempfile.NamedTemporaryFile("w") as log:
            for output in outputs:
                log.write(json.dumps({"name": "t", "stdout": output} if output else {"name": "t"}) + "\n")
            log.flush()
            figures, wrong = collect([log.name])
        if figures != expected or len(wrong) != errors:
            failures += 1
            print(f"FAIL {outputs}: {figures}, {wrong}")
    print(f"{len(CANARIES) - failures} of {len(CANARIES)} canaries as expected")
    return 1 if failures else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    figures, wrong = collect(sys.argv[1:])
    print(*table(figures), sep="\n")
    for line in wrong:
        print(f"not a figure: {line}", file=sys.stderr)
    return 1 if wrong or not figures else 0


sys.exit(main())
