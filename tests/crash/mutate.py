#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""mutate.py SOURCE OUTPUT OLD NEW: a deliberately wrong copy of a source file, for a canary.

OLD must be there exactly once, white space aside: who changes the line changes the canary, too.
"""
import re
import sys


def main():
    source, output, old, new = sys.argv[1:]
    with open(source, encoding="utf-8") as f:
        text = f.read()
    pattern = r"\s+".join(re.escape(word) for word in old.split())
    text, found = re.subn(pattern, lambda _: new, text)
    if found != 1:
        sys.exit(f"{source}: found {found} times instead of once: {old}")
    with open(output, "w", encoding="utf-8") as f:
        f.write(text)


if __name__ == "__main__":
    main()
