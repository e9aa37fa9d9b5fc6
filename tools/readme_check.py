#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""readme_check.py BUILD: does README.md do what it says?

    ```c      is the text of examples/readme/counter.c behind its licence line
    ```sh     runs without error, all blocks in order in one shell, in a directory that looks like
              the tree with BUILD as build/plain
    ```text   directly behind a ```sh block is exactly what that block prints
    ```console   is shown only
"""
import pathlib
import re
import subprocess
import sys
import tempfile

TREE = pathlib.Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TIMEOUT_S = 120
MARK = "---- end of block"


def check_example(readme, example):
    wanted = example.split("\n", 1)[1].strip()
    shown = [text.strip() for kind, text in BLOCK.findall(readme) if kind == "c"]
    return [] if wanted in shown else ["no ```c block is the text of examples/readme/counter.c"]


def scripts(readme):
    """(commands, expected output or None) of each sh block."""
    blocks = list(BLOCK.finditer(readme))
    for block, following in zip(blocks, blocks[1:] + [None]):
        if block.group(1) != "sh":
            continue
        between = readme[block.end() : following.start()].strip() if following else "end"
        expected = following.group(2) if not between and following.group(1) == "text" else None
        yield block.group(2), expected


def check_commands(readme, directory):
    blocks = list(scripts(readme))
    program = "".join(f"{commands}\necho '{MARK}'\n" for commands, _ in blocks)
    run = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", program],
        cwd=directory,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    outputs = run.stdout.split(MARK + "\n")
    findings = []
    if run.returncode:
        number = len(outputs)
        findings.append(f"sh block {number} ends with status {run.returncode}: {run.stderr.strip()}")
    for (commands, expected), output in zip(blocks, outputs):
        if expected is not None and output != expected:
            findings.append(f"{commands.strip()}\nprints\n{output}\nand the README shows\n{expected}")
    return findings


def look_alike(directory, build):
    for entry in TREE.iterdir():
        if entry.name not in ("build", ".git"):
            (pathlib.Path(directory) / entry.name).symlink_to(entry)
    (pathlib.Path(directory) / "build").mkdir()
    (pathlib.Path(directory) / "build" / "plain").symlink_to(pathlib.Path(build).resolve())


CANARIES = [
    ("sound", "```sh\necho a\n```\n\n```text\na\n```\n", None),
    ("failing command", "```sh\ntrue\n```\n```sh\nfalse\n```\n", "sh block 2"),
    ("other output", "```sh\necho a\n```\n```text\nb\n```\n", "and the README shows"),
    ("failing pipe", "```sh\nfalse | cat\n```\n", "sh block 1"),
]


def self_test():
    failures = 0
    for name, readme, expected in CANARIES:
        with tempfile.TemporaryDirectory(prefix="bpfmap-canary.") as directory:
            found = check_commands(readme, directory)
        if bool(expected) != bool(found) or not all(expected in finding for finding in found):
            failures += 1
            print(f"FAIL {name}", *found, sep="\n  ")
    for example, caught in [("licence\nint a;\n", 0), ("licence\nint b;\n", 1)]:
        if len(check_example("```c\nint a;\n```\n", example)) != caught:
            failures += 1
            print(f"FAIL example {example!r}")
    total = len(CANARIES) + 2
    print(f"{total - failures} of {total} canaries as expected")
    return 1 if failures else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        sys.exit(self_test())
    readme = (TREE / "README.md").read_text()
    findings = check_example(readme, (TREE / "examples/readme/counter.c").read_text())
    with tempfile.TemporaryDirectory(prefix="bpfmap-readme.") as directory:
        look_alike(directory, sys.argv[1])
        findings += check_commands(readme, directory)
    for finding in findings:
        print(finding)
    sys.exit(1 if findings else 0)


main()
