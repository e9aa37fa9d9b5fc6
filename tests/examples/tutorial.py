#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""tutorial: the tool of docs/tutorial, compared with what the capture holds. The chapters' own commands are run by
tools/readme_check.py."""
import collections
import ipaddress
import re

import lib

BUILT = lib.BUILT / "tutorial"
THREADS, PACKETS = 3, 20000


def expected():
    """address -> packets, bytes of the untagged IPv4 frames."""
    rows = collections.defaultdict(lambda: [0, 0])
    for frame in lib.pcap_read(lib.CAPTURE):
        if len(frame) >= 34 and frame[12:14] == b"\x08\x00":
            row = rows[str(ipaddress.IPv4Address(frame[26:30]))]
            row[0] += 1
            row[1] += len(frame)
    return dict(rows)


def talkers(name, *words):
    return lib.command(BUILT / "talkers", lib.pin_dir(name) / "talkers", *words)


def pinned(kind):
    code, _, err = lib.command(lib.TOOL, "run", BUILT / f"talkers-{kind}.bpf.o", "pcap", lib.CAPTURE, "pin", kind)
    lib.it(f"{kind}: the program runs", code == 0, err)


for kind in ("hash", "percpu"):
    pinned(kind)
    code, out, err = talkers(kind, "top", 100)
    rows = {r[0]: [int(r[1]), int(r[3])] for r in map(str.split, out.splitlines())}
    lib.same(f"{kind}: top shows every sender", (code, rows, err), (0, expected(), ""))
    code, out, err = talkers(kind, "top", 1)
    lib.same(f"{kind}: the first is who sent most", out.split()[0], max(expected(), key=lambda a: expected()[a][1]))
    code, out, _ = talkers(kind, "room")
    now, full = map(int, re.findall(r"(\d+) KiB", out))
    lib.it(f"{kind}: there is room", code == 0 and out.startswith("5 of 1024") and now <= full, out)
    lib.same(f"{kind}: nobody was silent for an hour", talkers(kind, "expire", 3600), (0, "0 forgotten, 5 stay\n", ""))
    lib.same(f"{kind}: all are forgotten", talkers(kind, "expire", 0), (0, "5 forgotten, 0 stay\n", ""))
    code, out, err = lib.command(BUILT / "crowd", BUILT / f"talkers-{kind}.bpf.o", THREADS, PACKETS)
    total = THREADS * PACKETS
    lib.same(f"{kind}: threads lose nothing", (code, out, err), (0, f"{total} of {total} packets counted\n", ""))

pinned("lru")
code, out, _ = talkers("lru", "top", 100)
lib.it("lru: three stay, others made room", len(out.splitlines()) == 4 and "made room" in out, out)
code, out, _ = talkers("lru", "room")
lib.it("lru: a full map is a status", code == 3 and out.startswith("3 of 3"), code, out)
code, out, err = lib.command(BUILT / "talkers", lib.pin_dir("lru") / "nosuch", "top", 1)
lib.it("a map that is not there is a sentence", code == 1 and "cannot open" in err, code, err)
lib.command(lib.TOOL, "create", "other", "type", "hash", "key", "4", "value", "8", "entries", "4")
code, out, err = lib.command(BUILT / "talkers", lib.pin_dir("other"), "top", 1)
lib.it("a map of other values is a sentence", code == 1 and "value_size: map has 8, struct talker has 24" in err, code, err)
for words in (["lru"], ["lru", "fly"], ["lru", "top"]):
    code, _, err = lib.command(BUILT / "talkers", lib.pin_dir(words[0]) / "talkers", *words[1:])
    lib.it(f"arguments {words} are refused", code == 2 and "usage" in err, code, err)
lib.finish()
