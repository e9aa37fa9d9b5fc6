#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""region.py TOOL: a reader of maps' files that was written after bpfmap-region(5), takes its offsets from the page's
drawings, and must find the elements that the tool dumps.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import lib
import pages
from structs import drawings

TOOL = pathlib.Path(sys.argv[1]).resolve()
SHM = os.environ.get("BPFMAP_DIR") or ("/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
DRAWN = {name: {field: (at, n) for at, n, field in fields}
         for name, _, fields in drawings((pages.TREE / "man/bpfmap-region.5.scd").read_text())}
HASH, ARRAY, PERCPU_HASH, PERCPU_ARRAY, LRU_HASH, LRU_PERCPU_HASH = 1, 2, 5, 6, 9, 10
NO_PREALLOC = 1

# Words for create, and how many elements are put in.
MAPS = {
    "small": ("type hash key 4 value 8 entries 200", 200),
    "three": ("type hash key 8 value 8 entries 300", 250),
    "wide": ("type hash key 4 value 200 entries 50", 30),
    "lazy": ("type hash key 4 value 4 entries 100 flags no_prealloc", 40),
    "percpu": ("type percpu_hash key 4 value 8 entries 50", 20),
    "lru": ("type lru_hash key 4 value 8 entries 50", 50),
    "array": ("type array key 4 value 4 entries 30", 30),
    "array_wide": ("type array key 4 value 20 entries 30", 30),
    "percpu_array": ("type percpu_array key 4 value 8 entries 10", 10),
}


def up(n, to):
    return (n + to - 1) // to * to


class Region:
    def __init__(self, path):
        self.bytes = path.read_bytes()
        self.header = len(self.bytes) - 4096

    def word(self, struct, field, at):
        offset, size = DRAWN[struct][field]
        return int.from_bytes(self.bytes[at + offset : at + offset + size], sys.byteorder)

    def head(self, field):
        return self.word("region_header_shm", field, self.header)

    def shape(self):
        self.type, self.n, self.cpus = self.head("type"), self.head("max_entries"), self.head("cpus")
        self.key, self.value = up(self.head("key_size"), 8), up(self.head("value_size"), 8)
        self.percpu = self.type in (PERCPU_HASH, PERCPU_ARRAY, LRU_PERCPU_HASH)
        if self.type in (ARRAY, PERCPU_ARRAY):
            return self.shape_array()
        return self.shape_hash()

    def shape_array(self):
        self.plane, planes = up(self.n * self.value, 64), self.cpus if self.percpu else 1
        stripes = min(max(self.n // 8, 1), 64) if planes * self.value > 8 else 0
        cpus = self.cpus * 64 if self.percpu else 0
        return planes * self.plane + cpus + stripes * 64 + stripes * planes * self.value

    def shape_hash(self):
        slot = self.key + (0 if self.percpu else self.value)
        self.slots, self.stride, self.buckets = 0, 16, self.n
        if slot <= 128 and self.type == HASH and not self.head("map_flags") & NO_PREALLOC and not self.head("spin_lock_plus1"):
            three, four = up(16 + 3 * slot, 64), up(16 + 4 * slot, 64)
            self.slots, self.stride, self.buckets = (
                (3, three, (4 * self.n + 4) // 5) if 7 * three <= 5 * four else (4, four, (4 * self.n + 6) // 7))
        self.pool = up(self.buckets * self.stride, 4096)
        self.elem = 16 + slot
        end = self.pool + (self.n + max(self.cpus, 2)) * self.elem
        if self.percpu:
            self.planes = up(up(end, 4096) + self.cpus * 64, 4096)
            self.plane = up((self.n + max(self.cpus, 2)) * self.value, 64)
            end = self.planes + self.cpus * self.plane
        return end

    def take(self, at, size):
        return list(self.bytes[at : at + size])

    def element(self, key_at, value_at):
        value, size = [self.take(at, self.head("value_size")) for at in value_at], self.head("key_size")
        return tuple(self.take(key_at, size)), tuple(map(tuple, value))

    def elements(self):
        if self.type in (ARRAY, PERCPU_ARRAY):
            planes = self.cpus if self.percpu else 1
            for i in range(self.n):
                places = [cpu * self.plane + i * self.value for cpu in range(planes)]
                value = [self.take(at, self.head("value_size")) for at in places]
                yield tuple(i.to_bytes(4, sys.byteorder)), tuple(map(tuple, value))
            return
        for bucket in range(0, self.buckets * self.stride, self.stride):
            meta = self.word("bucket_shm", "meta", bucket)
            for slot in range(self.slots):
                if meta >> 8 * slot & 0xff:
                    at = bucket + 16 + slot * (self.key + self.value)
                    yield self.element(at, [at + self.key])
            link = self.word("bucket_shm", "chain", bucket)
            while link:
                at = self.pool + (link - 1) * self.elem
                places = [at + 16 + self.key]
                if self.percpu:
                    places = [self.planes + cpu * self.plane + (link - 1) * self.value for cpu in range(self.cpus)]
                yield self.element(at + 16, places)
                link = self.word("elem_shm", "next", at)


def tool(*words, text=""):
    return subprocess.run([TOOL, *words], input=text, text=True, capture_output=True, check=True).stdout


def fill(name, words, count):
    tool("create", name, *words.split())
    size = {word: int(words.split()[words.split().index(word) + 1]) for word in ("key", "value")}
    lines = [json.dumps({"key": list(i.to_bytes(size["key"], sys.byteorder)), "value": [i % 251] * size["value"]})
             for i in range(count)]
    tool("load", name, "-", text="\n".join(lines) + "\n")


def dumped(name):
    for element in json.loads(tool("-j", "dump", name)):
        values = [value["value"] for value in element["values"]] if "values" in element else [element["value"]]
        key = element["key"]
        key = key if isinstance(key, list) else key.to_bytes(4, sys.byteorder)
        yield tuple(key), tuple(map(tuple, values))


folder = pathlib.Path(tempfile.mkdtemp(prefix="bpfmap-region.", dir=SHM))
os.environ["BPFMAP_DIR"] = str(folder)
try:
    for map_name, (map_words, entries) in MAPS.items():
        fill(map_name, map_words, entries)
        region = Region(folder / map_name)
        body = region.shape()
        lib.same(f"{map_name}: the magic number is there", region.head("magic"), 0x70616D6670625FFF)
        if region.type != LRU_HASH:
            lib.same(f"{map_name}: the file is as large as the page says", len(region.bytes),
                     up(up(body, 65536) + 786496 + region.head("btf_size"), 4096) + 4096)
        found = sorted(region.elements())
        lib.same(f"{map_name}: all elements are found", len(found), entries)
        lib.same(f"{map_name}: they are those that the tool dumps", found, sorted(dumped(map_name)))
finally:
    shutil.rmtree(folder, ignore_errors=True)
lib.finish()
