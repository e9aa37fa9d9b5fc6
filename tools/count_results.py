#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""count_results.py TESTLOG.json: counts single test cases in what "meson test" logged.

Prints "PASSED FAILED SKIPPED" and, on stderr, each case that failed with what the test says about it, and
one line for each test of which something was skipped.

A test that is expected to fail (a canary) is one case. A test that speaks TAP (cmocka with CMOCKA_MESSAGE_OUTPUT=TAP) counts with each of its cases; cases
that its plan announced and that never reported have failed. Any other test is one case. A test that
failed as a whole without a failed case (a crash, a timeout, a sanitizer's report) is one more failure.
"""
import json
import re
import sys
import tempfile

CASE = re.compile(r"^(not ok|ok)\b\s*\d*\s*(?:- )?(.*)$", re.MULTILINE)
COMMENTS = r"(?:^#.*\n?)*"
FAILED_CASE = re.compile(f"({COMMENTS})^not ok.*\n?({COMMENTS})", re.MULTILINE)
REPORT = re.compile(r"^.*(?:ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:).*", re.MULTILINE)
COMMENTS_SHOWN, REPORT_SHOWN, COLUMNS = 4, 24, 240
PLAN = re.compile(r"^1\.\.(\d+)", re.MULTILINE)
DIRECTIVE = re.compile(r"#\s*skip\b(.*)", re.IGNORECASE)
GOOD, SKIPPED = ("OK", "EXPECTEDFAIL"), ("SKIP",)


class Counts:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.notes = []
        self.skips = {}  # test -> what was skipped there

    def add(self, outcome, test, what=""):
        setattr(self, outcome, getattr(self, outcome) + 1)
        if outcome == "failed":
            self.notes.append(f"failed: {test}: {what}")
        elif outcome == "skipped":
            self.skips.setdefault(test, []).append(what)

    def lines(self):
        skips = [f"skipped: {test}: {len(w)}, the first: {w[0]}" for test, w in self.skips.items()]
        return self.notes + skips


def indented(lines):
    return "".join(f"\n    {line[:COLUMNS]}" for line in lines)


def last_words(test):
    """Of a test that failed as a whole: a sanitizer's report, or the end of what it said."""
    errors = test.get("stderr") or ""
    report = REPORT.search(errors)
    if report:
        return indented(errors[report.start() :].splitlines()[:REPORT_SHOWN])
    said = ((test.get("stdout") or "") + "\n" + errors).splitlines()
    return indented([line for line in said if line.strip()][-REPORT_SHOWN // 2 :])


def explanations(output):
    """Of each failed case the comments behind it, or else those before it."""
    for before, behind in FAILED_CASE.findall(output):
        lines = behind.splitlines()[:COMMENTS_SHOWN] or before.splitlines()[-COMMENTS_SHOWN:]
        yield indented(lines)


def count_case(counts, test, verdict, description, explained):
    why = next(explained, "") if verdict == "not ok" else ""
    skip = DIRECTIVE.search(description)
    if skip:
        counts.add("skipped", test, description)
    elif verdict == "ok":
        counts.add("passed", test)
    else:
        counts.add("failed", test, description + why)


def count_test(counts, test):
    name, result, output = test["name"], test["result"], test.get("stdout") or ""
    plans = [int(n) for n in PLAN.findall(output)] if result not in ("EXPECTEDFAIL", "UNEXPECTEDPASS") else []
    cases = CASE.findall(output) if plans else []
    failed_before, explained = counts.failed, explanations(output)
    if not plans:
        outcome = "passed" if result in GOOD else "skipped" if result in SKIPPED else "failed"
        counts.add(outcome, name, result + (last_words(test) if outcome == "failed" else ""))
        return
    for verdict, description in cases:
        count_case(counts, name, verdict, description, explained)
    missing = sum(plans) - len(cases)
    if missing > 0:
        counts.failed += missing - 1
        counts.add("failed", name, f"{result}, {missing} planned cases not reported" + last_words(test))
    if result not in GOOD + SKIPPED and counts.failed == failed_before:
        counts.add("failed", name, result + last_words(test))
    if result in SKIPPED and not cases:
        counts.add("skipped", name, result)


def count(path):
    counts = Counts()
    with open(path) as log:
        for line in log:
            count_test(counts, json.loads(line))
    return counts


CANARIES = [
    ({"result": "OK", "stdout": "1..3\nok 1 - a\nok 2 - b\nok 3 - c\n"}, (3, 0, 0)),
    ({"result": "FAIL", "stdout": "1..2\nok 1 - a\nnot ok 2 - b\n"}, (1, 1, 0)),
    ({"result": "OK", "stdout": "1..2\nok 1 - a\nok 2 # SKIP no bpf(2)\n"}, (1, 0, 1)),
    ({"result": "OK", "stdout": "1..2\nok 1 - a\nnot ok 2 # SKIP b\n"}, (1, 0, 1)),
    ({"result": "FAIL", "stdout": "1..3\nok 1 - a\n"}, (1, 2, 0)),
    ({"result": "FAIL", "stdout": "1..1\nok 1 - a\n"}, (1, 1, 0)),
    ({"result": "SKIP", "stdout": "1..0 # SKIP no bpf(2)\n"}, (0, 0, 1)),
    ({"result": "OK", "stdout": "fine\n"}, (1, 0, 0)),
    ({"result": "SKIP"}, (0, 0, 1)),
    ({"result": "EXPECTEDFAIL", "stdout": "1..2\nok 1\nnot ok 2 - b\n"}, (1, 0, 0)),
    ({"result": "UNEXPECTEDPASS", "stdout": "1..1\nok 1\n"}, (0, 1, 0)),
    ({"result": "TIMEOUT"}, (0, 1, 0)),
    ({"result": "ERROR", "stdout": "ok, so far\n"}, (0, 1, 0)),
]


def self_test():
    failures = 0
    for test, expected in CANARIES:
        with tempfile.NamedTemporaryFile("w") as log:
            log.write(json.dumps({"name": "t", **test}) + "\n")
            log.flush()
            counts = count(log.name)
        got = (counts.passed, counts.failed, counts.skipped)
        if got != expected:
            failures += 1
            print(f"FAIL {test}: {got}, not {expected}")
    print(f"{len(CANARIES) - failures} of {len(CANARIES)} canaries as expected")
    return 1 if failures else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        sys.exit(self_test())
    counts = count(sys.argv[1])
    print(*counts.lines(), sep="\n", file=sys.stderr)
    print(counts.passed, counts.failed, counts.skipped)


main()
