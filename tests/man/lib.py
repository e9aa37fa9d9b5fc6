# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""lib.py: what the tests of man pages and completion share: the tree's modules, cases in TAP."""
import pathlib
import sys

TREE = pathlib.Path(__file__).resolve().parent.parent.parent
for folder in ("man", "tools", "completion", "tests/support"):
    sys.path.insert(0, str(TREE / folder))
from cases import finish, it, same, skip  # noqa: E402,F401


def none(sentence, findings):
    """A case: there are none."""
    findings = list(findings)
    it(sentence, not findings, *findings)
