#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""compare.py: runs the contract program on the live kernel and on bpfmap and compares the rows.

Usage: compare.py --trace FILE --differences FILE --kernel PROGRAM [--user PROGRAM] [--record]

Prints TAP. Each group of rows (a section, or its rows on one map type) is a test point per pair:
  kernel = trace   the live kernel, where it is a 6.18 that permits bpf(2), answers as recorded
  bpfmap = trace   bpfmap answers as the kernel did when the trace was recorded
  bpfmap = kernel  bpfmap answers as the live kernel does
A pair that cannot be compared here is one SKIP, with its reason. Rows named in the differences file
(lines that begin "- `pattern`") may differ; a pattern under which nothing differs is a failure.
--record writes the live kernel's answers to the trace file and compares nothing.
"""
import argparse
import contextlib
import copy
import fnmatch
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile

TRACE_RELEASE = "6.18."
TYPES = ("hash", "array")
SKIPPED = "skipped: "
EXIT_SKIP = 77
TIME_LIMIT_S = 1200


def run(program, env):
    """Rows of the program as {name: answer}, or a reason why there are none."""
    done = subprocess.run([program], env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          timeout=TIME_LIMIT_S)
    if done.returncode == EXIT_SKIP:
        return None, "bpf(2) is not permitted here"
    if done.returncode != 0:
        return None, f"{os.path.basename(program)} ended with {done.returncode}"
    return done.stdout.decode("latin-1"), None


def rows_of(text):
    rows = {}
    for line in text.splitlines():
        name, _, answer = line.partition(":")
        if name in rows:
            sys.exit(f"compare.py: row {name} is there twice")
        rows[name] = answer.strip()
    return rows


def run_user(program):
    """The program on bpfmap, in a runtime directory of its own."""
    directory = tempfile.mkdtemp(prefix="bpfmap-contract-", dir=os.environ.get("BPFMAP_DIR", "/dev/shm"))
    try:
        return run(program, dict(os.environ, BPFMAP_DIR=directory))
    finally:
        shutil.rmtree(directory, ignore_errors=True)


class Tap:
    def __init__(self):
        self.points = 0
        self.failed = 0

    def point(self, good, text):
        self.points += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.points} - {text}", flush=True)

    def skip(self, text, reason):
        self.points += 1
        print(f"ok {self.points} - {text} # SKIP {reason}", flush=True)


class Differences:
    """Patterns of row names that may differ, each with a count of the rows that did."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.used = dict.fromkeys(re.findall(r"^- `([^`]+)`", file.read(), re.M), 0)

    def covers(self, name):
        found = [p for p in self.used if fnmatch.fnmatchcase(name, p)]
        for pattern in found:
            self.used[pattern] += 1
        return bool(found)


def group_of(name):
    section, word = name.split(".")[:2]
    return f"{section}.{word}" if word in TYPES else section


def compared(tap, title, names, got):
    """The names without the rows that the program said cannot be compared on this machine: a SKIP for these."""
    skipped = [name for name in names if got.get(name, "").startswith(SKIPPED)]
    if skipped:
        tap.skip(f"{title}: {len(skipped)} rows", got[skipped[0]][len(SKIPPED):])
    return [name for name in names if name not in skipped]


def compare(tap, title, expected, got, differences):
    groups = {}
    for name in list(expected) + [n for n in got if n not in expected]:
        groups.setdefault(group_of(name), []).append(name)
    for group, all_names in groups.items():
        names = compared(tap, f"{title}: {group}", all_names, got)
        known = 0
        wrong = []
        for name in names:
            if expected.get(name) == got.get(name):
                continue
            if differences and differences.covers(name):
                known += 1
            else:
                wrong.append(name)
        note = f", {known} documented differences" if known else ""
        tap.point(not wrong, f"{title}: {group}: {len(names) - known - len(wrong)} of "
                  f"{len(names)} rows equal{note}")
        for name in wrong:
            print(f"#   {name}\n#     expected {expected.get(name, '(no such row)')}"
                  f"\n#     got      {got.get(name, '(no such row)')}")


class Silent(Tap):
    def point(self, good, text):
        self.failed += not good

    def skip(self, text, reason):
        pass


def canary(tap, trace, got, differences):
    """A row of ours that is wrong, and one that is missing, must be noticed."""
    same = [name for name in trace if trace[name] == got.get(name)]
    for what, spoil in (("wrong", {same[len(same) // 2]: "spoilt"}), ("missing", {same[-1]: None})):
        silent = Silent()
        rows = {name: answer for name, answer in {**got, **spoil}.items() if answer is not None}
        with contextlib.redirect_stdout(io.StringIO()):
            compare(silent, "canary", trace, rows, copy.deepcopy(differences))
        tap.point(silent.failed, f"a {what} answer is noticed (canary)")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--trace", required=True)
    parser.add_argument("--differences", required=True)
    parser.add_argument("--kernel", required=True)
    parser.add_argument("--user")
    parser.add_argument("--record", action="store_true")
    args = parser.parse_args()
    tap = Tap()

    kernel, why = run(args.kernel, os.environ)
    if args.record:
        if kernel is None:
            sys.exit(f"compare.py: nothing to record: {why}")
        with open(args.trace, "w", encoding="latin-1") as file:
            file.write(kernel)
        return 0
    if kernel is not None and not os.uname().release.startswith(TRACE_RELEASE):
        kernel, why = None, f"this kernel is {os.uname().release}, the reference is 6.18"
    with open(args.trace, encoding="latin-1") as file:
        trace = rows_of(file.read())
    if kernel is None:
        tap.skip("kernel = trace", why)
        tap.skip("bpfmap = kernel", why)
    else:
        compare(tap, "kernel = trace", trace, rows_of(kernel), None)
    if args.user:
        differences = Differences(args.differences)
        user, why = run_user(args.user)
        tap.point(user is not None, f"bpfmap ran{': ' + why if why else ''}")
        got = rows_of(user or "")
        compare(tap, "bpfmap = trace", trace, got, differences)
        if user is not None:
            canary(tap, trace, got, differences)
        if kernel is not None:
            compare(tap, "bpfmap = kernel", rows_of(kernel), got, differences)
        for pattern, used in differences.used.items():
            tap.point(used > 0, f"documented difference {pattern} is one")
        print(f"# figure: contract rows compared = {len(got) * (1 + (kernel is not None))} rows")
    print(f"1..{tap.points}")
    return 1 if tap.failed else 0


sys.exit(main())
