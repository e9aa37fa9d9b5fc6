#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""seen: addresses seen before. A Bloom filter never takes an old address for a new one."""
import random

import frames
import lib

SEED = 5
ADDRESSES, PACKETS = 3000, 12000
FALSE_SHARE = 0.01  # far above what 5 hash functions over a filter for 10000 elements give


def made():
    chance = random.Random(SEED)
    path = lib.WORK / "made.pcap"
    lib.pcap_write(path, [frames.ipv4(0x0B000000 + chance.randrange(ADDRESSES), "10.0.0.1", b"", 17)
                          for _ in range(PACKETS)])
    return path


def check(engine, pcap):
    sources = [p.src for p in frames.packets(lib.pcap_read(pcap))]
    maps = lib.run_example("seen", pcap, engine)
    if not maps:
        return
    new, before, failed = (v for _, v in sorted(maps["counters"]))
    distinct = len(set(sources))
    lib.same(f"{engine}: every packet is new or was seen before", new + before, len(sources))
    lib.same(f"{engine}: no push fails", failed, 0)
    lib.it(f"{engine}: no address is new twice", new <= distinct, new, distinct)
    lib.it(f"{engine}: few new ones pass for old", new >= distinct * (1 - FALSE_SHARE), new, distinct)


capture_made = made()
asked = lib.engines("seen", "bloom_filter")
for engine in asked:
    check(engine, lib.CAPTURE)
    check(engine, capture_made)
if "user" in asked:
    lib.run_example("seen", lib.CAPTURE, "user", "pin", "seen")
    code, out, err = lib.command(lib.ROOT / "examples/seen/seen.sh", lib.pin_dir("seen"))
    lib.same("seen.sh prints the counters", (code, out, err),
             (0, "new 19, seen before 3164, failed pushes 0\n", ""))
lib.finish()
