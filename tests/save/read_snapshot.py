#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Reads a snapshot by man/bpfmap-snapshot.5.scd alone, with nothing of bpfmap's.

usage: read_snapshot.py FILE              the head's fields, the number of elements
       read_snapshot.py FILE values N     the values of keys below N are k * 7 and its complement where k is
                                          even, any x and its complement where k is odd; none is missing, none
                                          is there twice
       read_snapshot.py FILE steps        64 values that fall at most once, by 1 (writer.c)
"""
import struct
import sys
import zlib

HEAD = "<8sII6IIQQQ16sIIII156xI"


def chunks(data):
    at = 256
    while True:
        kind, count, size, crc, head_crc = struct.unpack_from("<4sIQII", data, at)
        assert head_crc == zlib.crc32(data[at : at + 20]), f"chunk head at {at}"
        body = data[at + 24 : at + 24 + size]
        assert len(body) == size and crc == zlib.crc32(body), f"chunk at {at}"
        yield kind, count, body
        at += 24 + size
        if kind == b"END ":
            assert at == len(data), "something follows"
            return


def read(path):
    data = open(path, "rb").read()
    head = struct.unpack_from("<8sII", data)
    assert head == (b"\x89bpfmap\n", 0x01020304, 1), head
    assert zlib.crc32(data[:252]) == struct.unpack_from("<I", data, 252)[0], "head's checksum"
    names = "type key_size value_size max_entries map_flags cpus".split()
    fields = dict(zip(names, struct.unpack_from("<6I", data, 16)))
    fields["name"] = data[64:80].rstrip(b"\0").decode()
    fields["flags"] = struct.unpack_from("<I", data, 92)[0]
    elements, seen = [], 0
    for kind, count, body in chunks(data):
        if kind == b"ELEM":
            size = len(body) // count
            assert size * count == len(body)
            elements += [body[i : i + size] for i in range(0, len(body), size)]
        if kind == b"END ":
            total, length = struct.unpack("<QQ", body)
            assert (total, length, count) == (len(elements), len(data), seen), "END"
        seen += 1
    return fields, elements


def check_values(elements, n):
    seen = bytearray(n)
    for element in elements:
        key, x, not_x = struct.unpack("<QQQ", element)
        assert x ^ not_x == 2**64 - 1, f"key {key} is torn: {x:x} {not_x:x}"
        if key >= n:
            continue
        assert not seen[key], f"key {key} is there twice"
        assert key % 2 or x == key * 7, f"key {key} has {x}"
        seen[key] = 1
    assert all(seen), f"{n - sum(seen)} keys are missing"
    print(f"{n} keys, none missing, none twice, none torn")


def check_steps(elements):
    values = dict(struct.unpack("<QQ8x", element) for element in elements)
    row = [values[key] for key in range(64)]
    falls = [a - b for a, b in zip(row, row[1:]) if a != b]
    assert falls in ([], [1]), row
    print("one moment")


if __name__ == "__main__":
    fields, elements = read(sys.argv[1])
    if len(sys.argv) > 3:
        check_values(elements, int(sys.argv[3]))
    elif len(sys.argv) > 2:
        check_steps(elements)
    else:
        print(*(f"{name}={value}" for name, value in fields.items()), f"elements={len(elements)}")
