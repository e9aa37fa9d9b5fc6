#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""cache: a packet-processing cache in an LRU map.

Documented difference: which elements a full map gives up, and so hits and misses, is the engine's. What
is computed through the cache must be the same for both and as without one.
"""
import collections
import random

import frames
import lib

CAPACITY = 256
DESTINATIONS, PACKETS, SEED = 2000, 20000, 7
V4 = bytes(10) + b"\xff\xff"
PREFIXES = [(V4, 1), (V4 + b"\x0a", 2), (V4 + b"\x0a\x4d", 3), (V4 + b"\x0a\x4d\0\x64", 4),
            (b"\xfd", 5), (b"\xfd\x77", 6), (b"\xff", 7)]


def classify(address):
    return max(((len(p), c) for p, c in PREFIXES if address.startswith(p)), default=(0, 0))[1]


def made():
    """Destinations of skewed popularity in 10/8 and elsewhere: more than the cache can hold."""
    chance = random.Random(SEED)
    path = lib.WORK / "made.pcap"
    out = []
    for _ in range(PACKETS):
        n = min(int(chance.paretovariate(0.6)), DESTINATIONS)
        out.append(frames.ipv4("10.0.0.1", (0x0A4D0000, 0x0A000000, 0x0B000000)[n % 3] + n * 131, b"", 17))
    lib.pcap_write(path, out)
    return path


def lru_misses(destinations):
    """Misses of an exact LRU: for comparison, in the output."""
    cache, misses = collections.OrderedDict(), 0
    for destination in destinations:
        if destination not in cache:
            misses += 1
            if len(cache) == CAPACITY:
                cache.popitem(last=False)
        cache[destination] = True
        cache.move_to_end(destination)
    return misses


def check(engine, pcap):
    destinations = [p.dst for p in frames.packets(lib.pcap_read(pcap))]
    distinct = len(set(destinations))
    maps = lib.run_example("cache", pcap, engine)
    if not maps:
        return
    hits, misses, failed = (v for _, v in sorted(maps["counters"]))
    cached = {bytes(k["bytes"]): v for k, v in maps["cache"]}
    print(f"# {engine}, {pcap.name}: {misses} misses of {len(destinations)}, exact LRU {lru_misses(destinations)}")
    classes = collections.Counter(map(classify, destinations))
    lib.same(f"{engine}: packets of each class", {k: v for k, v in maps["classes"] if v}, dict(classes))
    lib.same(f"{engine}: each packet is a hit or a miss", hits + misses, len(destinations))
    lib.same(f"{engine}: an update of a full cache succeeds", failed, 0)
    lib.it(f"{engine}: the cache keeps its size", len(cached) <= CAPACITY, len(cached))
    lib.same(f"{engine}: each cached answer is right", cached, {a: classify(a) for a in cached})
    lib.it(f"{engine}: each cached destination occurred", set(cached) <= set(destinations))
    if distinct <= CAPACITY // 4:  # the kernel spreads free elements over CPUs; a quarter is surely there
        lib.same(f"{engine}: what fits misses once", misses, distinct)
    else:
        lib.it(f"{engine}: popular destinations are hits", distinct <= misses < len(destinations) // 2,
               distinct, misses)
        lib.it(f"{engine}: the last destination is cached", destinations[-1] in cached)


capture_made = made()
asked = lib.engines("cache", "lru_hash")
for engine in asked:
    check(engine, lib.CAPTURE)
    check(engine, capture_made)
if "user" in asked:
    maps = lib.run_example("cache", capture_made, "user", "pin", "cache")
    lib.same("user: a full cache is full", len(maps["cache"]), CAPACITY)
    code, out, err = lib.command(lib.ROOT / "examples/cache/cache.sh", lib.pin_dir("cache"))
    hits, misses, failed = (v for _, v in sorted(maps["counters"]))
    lines = [f"hits {hits}, misses {misses}, failed updates {failed}"]
    lines += [f"class {k}: {v} packets" for k, v in maps["classes"] if v]
    lib.same("cache.sh prints the counters", (code, out.splitlines(), err), (0, lines, ""))
lib.finish()
