# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""cases.py: what the tests in Python share: cases in TAP."""
import sys

_cases = []


def it(sentence, condition, *shown):
    """A case; what is shown explains a failure."""
    _cases.append(bool(condition))
    print(f"{'ok' if condition else 'not ok'} {len(_cases)} - {sentence}", flush=True)
    for value in shown if not condition else ():
        for line in str(value)[:4000].splitlines():
            print(f"# {line}")


def same(sentence, found, expected):
    it(sentence, found == expected, f"found:    {found}", f"expected: {expected}")


def skip(sentence, reason):
    _cases.append(True)
    print(f"ok {len(_cases)} - {sentence} # SKIP {reason}", flush=True)


def finish():
    print(f"1..{len(_cases)}")
    sys.exit(0 if all(_cases) else 1)
