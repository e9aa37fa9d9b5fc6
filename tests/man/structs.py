#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""structs.py CC: are the structs that the man pages draw those of the code?

A drawing is a block of a page that begins with "struct NAME  N bytes"; its lines are OFFSET BYTES FIELD and what there
is to say. Each is compiled as assertions about offsetof() and sizeof(), and must leave no byte out.
"""
import re
import subprocess
import sys
import tempfile

import lib
import pages

HEAD = re.compile(r"^struct (\w+)  (\d+) bytes")
FIELD = re.compile(r"^ {1,4}(\d+) +(\d+)  (\w+)")
DEFINED = {"array": "map/array.c", "stripe": "map/array.c", "snapshot": "cli/snapshot_file.h"}
INCLUDES = ["region/region.h", "sync/vcpu.h", "map/hash.h", "map/lru.h", "map/bloom.h"]


def drawings(text):
    for block in pages.BLOCK.findall(text):
        if head := HEAD.match(block):
            fields = [match.groups() for match in map(FIELD.match, block.splitlines()) if match]
            yield head.group(1), int(head.group(2)), [(int(o), int(n), f) for o, n, f in fields]


def gaps(size, fields):
    """Where a drawing does not go on where the line before it ends."""
    at = 0
    for offset, length, field in fields:
        # Padding that the compiler puts in has no name to be drawn by.
        if not at <= offset < at + 8:
            yield f"{field} is drawn at {offset}; what stands before it ends at {at}"
        at = offset + length
    if not at <= size < at + 8:
        yield f"the last field ends at {at}, the struct at {size}"


def assertions(name, size, fields):
    yield f'_Static_assert(sizeof(struct {name}) == {size}, "size of {name}");'
    for offset, length, field in fields:
        yield f'_Static_assert(offsetof(struct {name}, {field}) == {offset}, "offset of {name}.{field}");'
        yield f'_Static_assert(sizeof(((struct {name} *)0)->{field}) == {length}, "size of {name}.{field}");'


def compiled(cc, name, lines):
    """What the compiler says against the assertions."""
    own = DEFINED.get(name.split("_")[0])
    includes = [own] if own else INCLUDES
    source = "".join(f'#include "{path}"\n' for path in includes) + "#include <stddef.h>\n" + "\n".join(lines) + "\n"
    with tempfile.NamedTemporaryFile("w", suffix=".c") as file:
        file.write(source)
        file.flush()
        run = subprocess.run([cc, "-D_GNU_SOURCE", "-w", "-fsyntax-only", f"-I{lib.TREE}/include", "-iquote",
                              f"{lib.TREE}/src", file.name], capture_output=True, text=True)
    return run.stderr.strip()


def canaries(cc):
    wrong = [(0, 8, "meta"), (8, 4, "lock"), (16, 4, "chain")]
    lib.it("(canary) a wrong offset is found", "offset of bucket_shm.chain" in
           compiled(cc, "bucket_shm", assertions("bucket_shm", 16, wrong)))
    lib.it("(canary) a field that is left out is found", list(gaps(32, [(0, 8, "a"), (24, 8, "b")])))


def main():
    cc, count = sys.argv[1], 0
    canaries(cc)
    for path in pages.sources():
        for name, size, fields in drawings(path.read_text()):
            count += 1
            lib.none(f"{path.stem} leaves no byte of struct {name} out", gaps(size, fields))
            said = compiled(cc, name, assertions(name, size, fields))
            lib.it(f"{path.stem} draws struct {name} as it is", not said, said)
    lib.it("there are such drawings", count >= 14, count)
    lib.finish()


if __name__ == "__main__":
    main()
