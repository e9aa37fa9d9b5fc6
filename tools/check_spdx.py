#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""check_spdx.py: every file states its licence in its first line, or in the second one after #!.

Left out: the licence texts themselves, and files that cannot carry a comment (binary ones, JSON,
recorded traces, fuzz corpora, whose bytes are the point, and some of Debian's).
"""
import os
import pathlib

import checklib

NO_COMMENT_SUFFIXES = (".abi", ".json", ".pcap", ".o", ".trace")
NO_COMMENT_FOLDERS = ("LICENSES", "corpus")
NO_COMMENT_FILES = (".reuse/dep5", "debian/changelog", "debian/copyright", "debian/source/format")


def is_exempt(path, content):
    return (
        path.name == "LICENSE"
        or path.as_posix() in NO_COMMENT_FILES
        or path.suffix in NO_COMMENT_SUFFIXES
        or any(part in NO_COMMENT_FOLDERS for part in path.parts)
        or b"\0" in content
    )


def check(root):
    findings = []
    root = pathlib.Path(root)
    for where, dirs, names in os.walk(root):
        dirs[:] = sorted(d for d in dirs if d not in (".git", "__pycache__") and not d.startswith("build"))
        for name in sorted(names):
            path = pathlib.Path(where) / name
            content = path.read_bytes() if path.is_file() else b""
            if is_exempt(path.relative_to(root), content):
                continue
            lines = content.decode(errors="replace").splitlines()[:2]
            first = lines[1:2] if lines[:1] and lines[0].startswith("#!") else lines[:1]
            if not first or checklib.SPDX_LINE not in first[0]:
                findings.append(f"{path}: the first line is not: {checklib.SPDX_LINE}")
    return findings


SOUND = {
    "a.c": f"/* {checklib.SPDX_LINE} */\n",
    "run": f"#!/bin/sh\n# {checklib.SPDX_LINE}\n",
    "LICENSES/X.txt": "text\n",
    "data.json": "{}\n",
}
CANARIES = [
    checklib.Canary("no line", {"b.c": "int b;\n"}, "b.c"),
    checklib.Canary("line too late", {"c.c": f"\n\n/* {checklib.SPDX_LINE} */\n"}, "c.c"),
    checklib.Canary("other licence", {"d.c": f"/* {checklib.SPDX_LINE} */\n".replace("LGPL-2.1-only OR ", "")}, "d.c"),
    checklib.Canary("empty file", {"e.h": ""}, "e.h"),
]

if __name__ == "__main__":
    checklib.main(check, SOUND, CANARIES)
