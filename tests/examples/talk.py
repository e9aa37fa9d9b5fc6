#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""talk: one program writes a map, another acts on it, in two processes at the same time."""
import lib

PORTS_MAX = 8


def expected(sources):
    scanners = range(PORTS_MAX + 1, sources + 1)
    return [f"before: {sources} passed, 0 dropped",
            f"after: {sources - len(scanners)} passed, {len(scanners)} dropped"] + \
           [f"source {s}: blocked after {PORTS_MAX + 1} ports, packets were dropped" for s in scanners]


for engine in lib.engines("talk"):
    for sources in (1, PORTS_MAX, PORTS_MAX + 1, 40):
        lines = lib.run_host("talk", engine, lib.BUILT / "detect.bpf.o", lib.BUILT / "enforce.bpf.o", sources)
        lib.same(f"{engine}: {sources} sources, some of them scanners", lines, expected(sources))
lib.finish()
