# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""checklib.py: what the checkers share.

A checker is a function from the root of a tree to a list of findings, and a list of canaries: small
trees with one fault each. "check_x.py [ROOT]" prints the findings; "check_x.py --self-test" shows
that every canary is caught and that the sound tree passes. Both exit with 1 on any surprise.
"""
import os
import pathlib
import sys
import tempfile

SPDX_LINE = "SPDX-License-" + "Identifier: LGPL-2.1-only OR BSD-2-Clause"


class Canary:
    """A tree {path: text} and a part of the finding it must cause."""

    def __init__(self, name, files, expected):
        self.name = name
        self.files = files
        self.expected = expected


def files(root, folders, suffixes):
    """Paths below the given folders of root, build directories and hidden ones left out."""
    for folder in folders:
        for where, dirs, names in os.walk(pathlib.Path(root) / folder):
            dirs[:] = sorted(d for d in dirs if not d.startswith((".", "build", "__pycache__")))
            for name in sorted(names):
                if name.endswith(tuple(suffixes)):
                    yield pathlib.Path(where) / name


def blank_comments(text):
    """The text with comments and string literals blanked out, line structure kept."""
    out = []
    i = 0
    while i < len(text):
        if text.startswith("/*", i):
            end = text.find("*/", i + 2)
            end = len(text) if end < 0 else end + 2
        elif text.startswith("//", i):
            end = text.find("\n", i)
            end = len(text) if end < 0 else end
        elif text[i] in "\"'":
            end = literal_end(text, i)
        else:
            out.append(text[i])
            i += 1
            continue
        out.append("".join("\n" if c == "\n" else " " for c in text[i:end]))
        i = end
    return "".join(out)


def literal_end(text, start):
    quote = text[start]
    i = start + 1
    while i < len(text) and text[i] not in (quote, "\n"):
        i += 2 if text[i] == "\\" else 1
    return min(i + 1, len(text))


def run_on_tree(check, tree):
    with tempfile.TemporaryDirectory(prefix="bpfmap-canary.") as root:
        for path, text in tree.items():
            target = pathlib.Path(root) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        return check(root)


def self_test(check, sound, canaries):
    failures = 0
    surprises = run_on_tree(check, sound)
    if surprises:
        failures += 1
        print("FAIL the sound tree has findings:", *surprises, sep="\n  ")
    for canary in canaries:
        found = run_on_tree(check, {**sound, **canary.files})
        if not any(canary.expected in finding for finding in found):
            failures += 1
            print(f"FAIL not caught: {canary.name}", *found, sep="\n  ")
    print(f"{len(canaries) + 1 - failures} of {len(canaries) + 1} canaries as expected")
    return 1 if failures else 0


def main(check, sound, canaries):
    if sys.argv[1:] == ["--self-test"]:
        sys.exit(self_test(check, sound, canaries))
    root = sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent
    findings = check(root)
    for finding in findings:
        print(finding)
    sys.exit(1 if findings else 0)
