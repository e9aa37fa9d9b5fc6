#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""archive.py OUTPUT ARCHIVE COMPILER...: a static library that shows what the shared one shows.

A plain archive would put the library's internal names (fail, hash_lookup, ...) into the same space as those
of the program that links it. Its objects are linked into one, and whatever has hidden visibility becomes
local to that.
"""
import pathlib
import subprocess
import sys
import tempfile


def tool(compiler, name):
    """The binutils of the compiler's target, also when cross-compiling."""
    asked = subprocess.run([*compiler, "-print-prog-name=" + name], capture_output=True, text=True, check=True)
    return asked.stdout.strip()


def main():
    output, archive, *compiler = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="bpfmap-archive.") as where:
        one = pathlib.Path(where) / "bpfmap.o"
        subprocess.run([*compiler, "-r", "-nostdlib", "-o", one, "-Wl,--whole-archive", archive], check=True)
        subprocess.run([tool(compiler, "objcopy"), "--localize-hidden", one], check=True)
        pathlib.Path(output).unlink(missing_ok=True)
        subprocess.run([tool(compiler, "ar"), "rcsD", output, one], check=True)


if __name__ == "__main__":
    main()
