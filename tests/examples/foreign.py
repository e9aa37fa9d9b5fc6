#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""foreign: our maps in virtual machines that are not ours."""
import collections
import ipaddress
import os
import re

import frames
import lib

LINE = re.compile(r"(\S+) +(\d+) packets(?: +(\d+) bytes)?$")
OBJECT = lib.BUILT / "foreign/count.bpf.o"


def expected(pcap):
    """What the machines print: word or address -> packets, bytes."""
    rows = collections.Counter({"IPv4": 0, "other": 0})
    sizes = collections.Counter()
    for frame in lib.pcap_read(pcap):
        # The example looks at untagged frames alone.
        if len(frame) < 34 or frame[12:14] != b"\x08\x00":
            rows["other"] += 1
            continue
        source = str(ipaddress.IPv4Address(frame[26:30]))
        rows["IPv4"] += 1
        rows[source] += 1
        sizes[source] += len(frame)
    return {word: (count, sizes.get(word)) for word, count in rows.items()}


def made():
    path = lib.WORK / "made.pcap"
    lib.pcap_write(path, [frames.ipv4(0x0B000000 + n % 900, "10.0.0.1", bytes(n % 60), 17) for n in range(3000)] +
                   [b"", bytes(13), bytes(33), bytes(60)])
    return path


def check(machine, pcap):
    code, out, err = lib.command(lib.BUILT / "foreign" / machine, OBJECT if machine == "foreign" else
                                 lib.BUILT / f"foreign/{machine}.bpf.o", pcap)
    lib.it(f"{machine} runs on {pcap.name}", code == 0 and not err, code, err)
    rows = [LINE.match(line) for line in out.splitlines()]
    lib.it(f"{machine} prints rows", all(rows), out)
    found = {r[1]: (int(r[2]), int(r[3]) if r[3] else None) for r in rows if r}
    lib.same(f"{machine}: packets and bytes of each source in {pcap.name}", found, expected(pcap))


for pcap in (lib.CAPTURE, made()):
    for machine in ("foreign", "dpdk"):
        if not (lib.BUILT / "foreign" / machine).exists():
            lib.skip(f"{machine} runs on {pcap.name}", "DPDK is not installed")
            continue
        check(machine, pcap)
        code, out, err = lib.command(lib.TOOL, "-j", "dump", "pinned", f"/sys/fs/bpf/{machine}")
        lib.it(f"{machine}'s map is there for others", code == 0 and out.count('"key"') == len(expected(pcap)) - 2, err)
        os.unlink(lib.pin_dir(machine))

code, out, err = lib.command(lib.BUILT / "foreign/foreign", lib.BUILT / "sources.bpf.o", lib.CAPTURE)
lib.it("an object without the program is refused in a sentence", code == 1 and "no instructions in section" in err, code, err)
os.unlink(lib.pin_dir("foreign"))
code, out, err = lib.command(lib.BUILT / "foreign/foreign", OBJECT, lib.ROOT / "README.md")
lib.it("what is no capture is refused in a sentence", code == 1 and err.strip() and not out, code, err)
lib.finish()
