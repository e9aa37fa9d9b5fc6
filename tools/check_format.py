#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""check_format.py: every C file is as clang-format 14 leaves it under the tree's .clang-format, and comments,
which that leaves alone, fit into 100 columns in src, include and examples.

Other versions of clang-format differ in details, so only 14 counts.
"""
import pathlib
import shutil
import subprocess

import checklib

FOLDERS = ["src", "include", "tests", "bench", "examples"]
NARROW = ["src", "include", "examples"]
COLUMNS = 100
STYLE = pathlib.Path(__file__).resolve().parent.parent / ".clang-format"


def formatter():
    for name in ["clang-format-14", "clang-format"]:
        path = shutil.which(name)
        if path and " 14." in subprocess.run([path, "--version"], capture_output=True, text=True).stdout:
            return path
    return None


def check_columns(root):
    return [
        f"{path}:{number}: a comment of {len(line.expandtabs(8))} columns; {COLUMNS} at most"
        for path in checklib.files(root, NARROW, [".c", ".h"])
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if len(line.expandtabs(8)) > COLUMNS and line.lstrip().startswith(("/*", "*"))
    ]


def check(root):
    program = formatter()
    if not program:
        return ["clang-format 14 is not installed: apt-get install clang-format"]
    paths = [str(p) for p in checklib.files(root, FOLDERS, [".c", ".h"])]
    if not paths:
        return []
    run = subprocess.run(
        [program, f"--style=file:{STYLE}", "--dry-run", *paths], capture_output=True, text=True
    )
    wrong = {line.split(":")[0] for line in run.stderr.splitlines() if "clang-format-violations" in line}
    if run.returncode and not wrong:
        return [run.stderr.strip()]
    return [f"{path}: not formatted; run {program} -i {path}" for path in sorted(wrong)] + check_columns(root)


SOUND = {"src/base/a.c": "int a(void)\n{\n\treturn 1;\n}\n"}
CANARIES = [
    checklib.Canary("blanks for tabs", {"src/base/b.c": "int b(void)\n{\n  return 1;\n}\n"}, "b.c"),
    checklib.Canary("long comment", {"src/base/d.h": "/* " + "word " * 20 + "*/\n"}, "d.h:1"),
    checklib.Canary("brace", {"tests/unit/c.c": "int c(void) {\n\treturn 1;\n}\n"}, "c.c"),
]

if __name__ == "__main__":
    checklib.main(check, SOUND, CANARIES)
