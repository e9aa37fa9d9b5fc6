#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""events: concurrent runners, not one event lost. The spread over CPUs is the scheduler's."""
import re

import lib

KINDS = 5
LINE = re.compile(r"kind (\d+): (\d+) events; by CPU:((?: \d+)+)$")
OBJECT = lib.BUILT / "events.bpf.o"

for engine in lib.engines("events", "percpu_hash"):
    for processes, threads, rounds in ((1, 1, 100), (1, 8, 200), (4, 1, 300), (4, 4, 150)):
        out = lib.run_host("events", engine, OBJECT, processes, threads, rounds)
        rows = [LINE.match(line) for line in out]
        lib.it(f"{engine}: a line for each kind", len(rows) == KINDS and all(rows), out)
        if not all(rows):
            continue
        wanted = [(k, (k + 1) * processes * threads * rounds) for k in range(KINDS)]
        name = f"{engine}: {processes} processes with {threads} threads"
        lib.same(f"{name} count every event", [(int(r[1]), int(r[2])) for r in rows], wanted)
        lib.same(f"{name}: the CPUs add up", [sum(map(int, r[3].split())) for r in rows], [n for _, n in wanted])
lib.finish()
