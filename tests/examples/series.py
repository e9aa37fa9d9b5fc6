#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""series: a time series in a ring. Times are the machine's; that samples keep their distance is checked."""
import lib

SLOTS, INTERVAL_MS = 16, 3
OBJECT = lib.BUILT / "series.bpf.o"


def expected(samples):
    """(number, packets, total) of the samples that the ring still has."""
    rows = [(i, i * i, sum(n * n for n in range(1, i + 1))) for i in range(1, samples + 1)]
    return rows[-SLOTS:]


for engine in lib.engines("series"):
    for samples in (1, SLOTS - 1, SLOTS, SLOTS + 1, 40):
        lines = [line.split() for line in lib.run_host("series", engine, OBJECT, samples, INTERVAL_MS)]
        rows = [tuple(int(n) for n in line[:3]) for line in lines[1:]]
        lib.same(f"{engine}: the ring after {samples} samples", rows, expected(samples))
        times = [line[3] for line in lines[1:]]
        lib.it(f"{engine}: {samples} samples are {INTERVAL_MS} ms apart or more",
               times[:1] == ["-"] and all(float(t) >= INTERVAL_MS for t in times[1:]), times)
lib.finish()
