# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""lib.py: what the tests of man pages and completion share: cases in TAP."""
import pathlib
import sys

TREE = pathlib.Path(__file__).resolve().parent.parent.parent
for folder in ("man", "tools", "completion"):
    sys.path.insert(0, str(TREE / folder))

_cases = []


def it(sentence, condition, *shown):
    """A case; what is shown explains a failure."""
    _cases.append(bool(condition))
    print(f"{'ok' if condition else 'not ok'} {len(_cases)} - {sentence}", flush=True)
    for value in shown if not condition else ():
        for line in str(value)[:4000].splitlines():
            print(f"# {line}")


def none(sentence, findings):
    """A case: there are none."""
    findings = list(findings)
    it(sentence, not findings, *findings)


def same(sentence, found, expected):
    it(sentence, found == expected, f"found:    {found}", f"expected: {expected}")


def skip(sentence, reason):
    _cases.append(True)
    print(f"ok {len(_cases)} - {sentence} # SKIP {reason}", flush=True)


def finish():
    print(f"1..{len(_cases)}")
    sys.exit(0 if all(_cases) else 1)
