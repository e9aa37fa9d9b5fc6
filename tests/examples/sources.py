#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""sources: packets and bytes per source address."""
import collections
import random

import frames
import lib

SEED = 3


def expected(pcap):
    count = collections.defaultdict(lambda: (0, 0))
    for packet in frames.packets(lib.pcap_read(pcap)):
        seen, size = count[packet.src]
        count[packet.src] = seen + 1, size + packet.size
    return dict(count)


def found(elements):
    return {bytes(k["address"]): (v["packets"], v["bytes"]) for k, v in elements}


def table(counts):
    """What sources-top prints."""
    rows = sorted(counts.items(), key=lambda row: (-row[1][0], row[0]))
    return [[frames.address_text(a), str(n), str(size)] for a, (n, size) in rows]


def made():
    """3000 sources, each with 1 to 3 packets of different sizes."""
    chance = random.Random(SEED)
    path = lib.WORK / "made.pcap"
    out = [
        frames.ipv4(0x0B000000 + chance.randrange(3000), "10.0.0.1", bytes(chance.randrange(900)), 17)
        for _ in range(6000)
    ]
    lib.pcap_write(path, out)
    return path


web = expected(lib.CAPTURE)
lib.same("the expectation has as many packets as the capture's README",
         sum(n for n, _ in web.values()), 1570 + 1613)
for engine in lib.engines("sources"):
    for pcap in (lib.CAPTURE, made()):
        maps = lib.run_example("sources", pcap, engine)
        if maps:
            lib.same(f"{engine}: packets and bytes of each source in {pcap.name}",
                     found(maps["sources"]), expected(pcap))

lib.run_example("sources", lib.CAPTURE, "user", "pin", "sources")
for place in (lib.pin_dir("sources"), "/sys/fs/bpf/sources"):
    code, out, err = lib.command(lib.BUILT / "sources-top", place)
    lib.it("sources-top reads the pin", code == 0, code, err)
    lib.same("sources-top prints the table", [line.split() for line in out.splitlines()], table(web))

lib.run_example("load", lib.CAPTURE, "user", "pin", "other")
(lib.pin_dir("other") / "loads").rename(lib.pin_dir("other") / "sources")
code, out, err = lib.command(lib.BUILT / "sources-top", lib.pin_dir("other"))
lib.it("sources-top refuses a map of other sizes and names them",
       code == 1 and "key_size: map has 4, struct source_key has 16" in err, code, out, err)
lib.finish()
