#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""pack.py: many small inputs in one file, each behind its length (four bytes, little endian).

    pack.py pack PACK PATH...     the inputs (files, directories, other packs), each once, smallest first
    pack.py unpack PACK DIRECTORY one file per input, named by its number
    pack.py list PACK             how many and how large
"""
import pathlib
import struct
import sys


def read_pack(path):
    data, at = path.read_bytes(), 0
    while at < len(data):
        (length,) = struct.unpack_from("<I", data, at)
        yield data[at + 4 : at + 4 + length]
        at += 4 + length


def inputs_of(path):
    if path.is_dir():
        for entry in path.iterdir():
            yield from inputs_of(entry)
    elif path.suffix == ".pack":
        yield from read_pack(path)
    else:
        yield path.read_bytes()


def pack(target, *sources):
    inputs = {one for source in sources for one in inputs_of(pathlib.Path(source))}
    ordered = sorted(inputs, key=lambda one: (len(one), one))
    pathlib.Path(target).write_bytes(b"".join(struct.pack("<I", len(one)) + one for one in ordered))


def unpack(source, target):
    directory = pathlib.Path(target)
    directory.mkdir(parents=True, exist_ok=True)
    for number, one in enumerate(read_pack(pathlib.Path(source))):
        (directory / f"{number:05}").write_bytes(one)


def show(source):
    sizes = [len(one) for one in read_pack(pathlib.Path(source))]
    print(f"{len(sizes)} inputs, {sum(sizes)} bytes, the largest {max(sizes, default=0)}")


if __name__ == "__main__":
    verbs = {"pack": pack, "unpack": unpack, "list": show}
    if len(sys.argv) < 3 or sys.argv[1] not in verbs:
        sys.exit(__doc__)
    verbs[sys.argv[1]](*sys.argv[2:])
