#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""check_symbols.py LIBRARY HEADER...: what libbpfmap.so exports and needs.

Every exported symbol begins with bpfmap_ and is declared BPFMAP_API in one of the headers; every
function declared so is exported; the library needs libc and nothing else.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

PREFIX = "bpfmap_"
DECLARED = re.compile(r"BPFMAP_API[^;()]*?\b(\w+)\(")
NO_DECLARATION = re.compile(r"^#.*$|__attribute__\s*\(\(.*?\)\)", re.MULTILINE)
NEEDED = re.compile(r"\(NEEDED\).*\[(.*)\]")
NEEDED_ALLOWED = re.compile(r"^(libc\.|ld-linux)")


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def exported(library):
    """Names of the dynamic symbol table; "A" marks the version nodes, which are no symbols."""
    for line in output("nm", "-D", "--defined-only", library).splitlines():
        _, kind, name = line.split()
        if kind != "A":
            yield name.split("@")[0]


def check(library, headers):
    findings = []
    names = set(exported(library))
    declared = set()
    for header in headers:
        text = NO_DECLARATION.sub("", pathlib.Path(header).read_text())
        declared |= set(DECLARED.findall(text))
    findings += [f"exports {n}, which does not begin with {PREFIX}" for n in sorted(names) if not n.startswith(PREFIX)]
    findings += [f"exports {n}, which no public header declares" for n in sorted(names - declared)]
    findings += [f"does not export {n}, which a public header declares" for n in sorted(declared - names)]
    for needed in NEEDED.findall(output("readelf", "-d", library)):
        if not NEEDED_ALLOWED.match(needed):
            findings.append(f"needs {needed}; the core library links libc alone")
    return [f"{library}: {finding}" for finding in findings]


CANARIES = [
    ("sound", "int bpfmap_a(void){return 0;}", [], None),
    ("foreign name", "int bpfmap_a(void){return 0;} int foo(void){return 0;}", [], "does not begin"),
    ("undeclared", "int bpfmap_a(void){return 0;} int bpfmap_b(void){return 0;}", [], "no public header"),
    ("missing", "static int x; int *bpfmap_z(void){return &x;}", [], "does not export bpfmap_a"),
    ("library", "int bpfmap_a(void){return 0;}", ["-Wl,--no-as-needed", "-lm"], "needs libm"),
]


def self_test():
    failures = 0
    with tempfile.TemporaryDirectory(prefix="bpfmap-canary.") as root:
        header, source, library = (f"{root}/{name}" for name in ("a.h", "a.c", "a.so"))
        pathlib.Path(header).write_text("#define BPFMAP_API __attribute__((x))\nBPFMAP_API __attribute__((cold)) int bpfmap_a(void);\n")
        for name, text, flags, expected in CANARIES:
            pathlib.Path(source).write_text(text)
            subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, *flags], check=True)
            found = check(library, [header])
            caught = any(expected in f for f in found) if expected else not found
            if not caught:
                failures += 1
                print(f"FAIL {name}", *found, sep="\n  ")
    print(f"{len(CANARIES) - failures} of {len(CANARIES)} canaries as expected")
    return 1 if failures else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        sys.exit(self_test())
    findings = check(sys.argv[1], sys.argv[2:])
    for finding in findings:
        print(finding)
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
