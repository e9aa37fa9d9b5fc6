#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""check_unions.py: no union on the stack is initialized by one of its members.

    union bpf_attr attr = {.map_fd = fd};

leaves the bytes behind that member undefined: clang does not clear them, and neither does gcc from 15 on.
bpf(2) refuses a block with such bytes. Instead:

    union bpf_attr attr;

    memset(&attr, 0, sizeof(attr));
    attr.map_fd = fd;

Refused are an initializer in braces, in whatever declarator of a declaration of unions, and a compound literal
of a union. What is static, or begins in a line's first column and so stands outside functions, is allowed: all
of its bytes are zero. In Markdown files, blocks of C are looked at.
"""
import pathlib
import re

import checklib

UNION = re.compile(r"\bunion\b\s*\w*\s*")
LITERAL = re.compile(r"\(\s*(?:const\s+)?union\s+\w+\s*(?:\[[^\]]*\]\s*)?\)\s*\{")
STATIC = re.compile(r"\bstatic\b[\w\s]*$")
BLOCK = re.compile(r"^```c\n.*?^```$", re.MULTILINE | re.DOTALL)


def group_end(code, start):
    """The position behind the bracket that closes the one at start."""
    depth = 0
    for i in range(start, len(code)):
        depth += (code[i] in "([{") - (code[i] in ")]}")
        if not depth:
            return i + 1
    return len(code)


def is_initialized(code, i):
    """Whether one of the declarators from i on has an initializer in braces."""
    last = ""
    while i < len(code) and code[i] not in ";)":
        if code[i] == "{":
            return last == "="
        if not code[i].isspace():
            last = code[i]
        i = group_end(code, i) if code[i] in "([" else i + 1
    return False


def is_static(code, at):
    line = code.rfind("\n", 0, at) + 1
    return code[line] not in "\t #" or bool(STATIC.search(code[line:at]))


def places(code):
    """Positions of what is refused."""
    for union in UNION.finditer(code):
        i = union.end()
        if code[i : i + 1] == "{":
            i = group_end(code, i)
        if is_initialized(code, i):
            yield union.start()
    for literal in LITERAL.finditer(code):
        yield literal.start()


def code_of(path, text):
    if path.suffix == ".md":
        blocks = [block.span() for block in BLOCK.finditer(text)]
        text = "".join(
            char if char == "\n" or any(first <= i < end for first, end in blocks) else " "
            for i, char in enumerate(text)
        )
    return checklib.blank_comments(text)


def files(root):
    yield from checklib.files(
        root, ["src", "include", "tests", "bench", "examples", "docs"], [".c", ".h", ".def", ".md"]
    )
    if (root / "README.md").exists():
        yield root / "README.md"


def check(root):
    findings = []
    for path in files(pathlib.Path(root)):
        text = path.read_text()
        if not UNION.search(text):
            continue
        code = code_of(path, text)
        for at in sorted(places(code)):
            if not is_static(code, at):
                line = code.count("\n", 0, at) + 1
                findings.append(f"{path}:{line}: a union is initialized by one member: clear it with memset()")
    return findings


SOUND = {
    "src/a.c": "static const union attr none = {.fd = 1};\n"
    "const union attr list[] = {{.fd = 1}};\n"
    "int f(union attr *r)\n{\n\tstatic union attr s = {0};\n"
    "\tunion attr a, b = *r, *c = &a;\n\tunion attr d = g((struct h){1});\n"
    "\t/* union attr a = {0}; */\n\tstruct h h = {.u = sizeof(union attr)};\n\tif (sizeof(union attr)) {\n\t}\n}\n",
    "docs/a.md": "    union attr a = {0};\n",
}


def canary(name, text):
    return checklib.Canary(name, {"src/b.c": text}, "src/b.c:2: a union is initialized")


CANARIES = [
    canary("one member", "{\n\tunion attr a = {.fd = 1};\n"),
    canary("zero", "{\n\tunion attr a = {0};\n"),
    canary("empty", "{\n\tunion attr a = {};\n"),
    canary("over lines", "{\n\tunion attr\n\ta\n\t= {\n\t.fd = 1};\n"),
    canary("second declarator", "{\n\tunion attr a, *b = f(x, y), c = {0};\n"),
    canary("array", "{\n\tunion attr a[2] = {{.fd = 1}, {.fd = 2}};\n"),
    canary("const", "{\n\tconst union attr a = {.fd = 1};\n"),
    canary("after a static variable", "{\n\tstatic int x; union attr a = {.fd = 1};\n"),
    canary("without a tag", "{\n\tunion {int fd; char bytes[8];} a = {.fd = 1};\n"),
    canary("compound literal", "{\n\ta = (union attr){.fd = 1};\n"),
    canary("compound literal of an array", "{\n\tf((const union attr[]){{.fd = 1}});\n"),
    canary("macro", "\n#define ATTR union attr a = {0}\n"),
    checklib.Canary(
        "documentation", {"docs/b.md": "```c\n\tunion attr a = {0};\n```\n"}, "docs/b.md:2: a union is initialized"
    ),
]

if __name__ == "__main__":
    checklib.main(check, SOUND, CANARIES)
