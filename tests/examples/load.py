#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""load: per-CPU load statistics. Sums and maxima must agree; the spread over CPUs is the engine's."""
import re

import frames
import lib

KINDS = ["IPv4", "IPv6", "other"]
LINE = re.compile(r"(\S+) +(\d+) packets +(\d+) bytes, largest +(\d+), busiest CPU +(\d+); by CPU:((?: \d+)+)$")


def expected(pcap):
    """[packets, bytes, largest] for each kind."""
    sums = [[0, 0, 0] for _ in KINDS]
    for frame in lib.pcap_read(pcap):
        packet = frames.parse(frame)
        row = sums[{4: 0, 6: 1}[packet.version] if packet else 2]
        row[0] += 1
        row[1] += len(frame)
        row[2] = max(row[2], len(frame))
    return sums


def found(elements):
    rows = []
    for _, values in sorted(elements, key=lambda e: e[0]):
        loads = [v["value"] for v in values]
        rows.append([sum(x["packets"] for x in loads), sum(x["bytes"] for x in loads),
                     max(x["largest"] for x in loads)])
    return rows


wanted = expected(lib.CAPTURE)
lib.same("the expectation has the README's packets", [row[0] for row in wanted], [1570, 1613, 10])
for engine in lib.engines("load", "percpu_array"):
    maps = lib.run_example("load", lib.CAPTURE, engine)
    if maps:
        lib.same(f"{engine}: sums over the CPUs", found(maps["loads"]), wanted)

lib.run_example("load", lib.CAPTURE, "user", "pin", "load")
code, out, err = lib.command(lib.BUILT / "load-cpus", lib.pin_dir("load"))
lib.it("load-cpus reads the pin", code == 0 and not err, code, err)
rows = [LINE.match(line) for line in out.splitlines()]
lib.it("load-cpus prints a line for each kind", all(rows) and [r[1] for r in rows] == KINDS, out)
if all(rows):
    lib.same("its sums", [[int(r[i]) for i in (2, 3, 4)] for r in rows], wanted)
    cpus = [[int(n) for n in r[6].split()] for r in rows]
    lib.same("the CPUs add up to them", [sum(row) for row in cpus], [row[0] for row in wanted])
    lib.same("the busiest is one of them", [int(r[5]) for r in rows], [max(row) for row in cpus])
lib.finish()
