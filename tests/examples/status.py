#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""status: HTTP status codes."""
import collections
import re

import frames
import lib

LINE = re.compile(rb"HTTP/1\.. (\d\d\d) ", re.DOTALL)
CODES_MAX = 600


def expected(pcap):
    """code -> responses; what is not a code below 600 is not counted."""
    count = collections.Counter()
    for packet in frames.packets(lib.pcap_read(pcap)):
        segment = frames.segment(packet)
        line = LINE.match(segment.data) if segment else None
        if line and 0 < int(line[1]) < CODES_MAX:
            count[int(line[1])] += 1
    return dict(count)


def made():
    """Responses with many codes, and lines that are almost responses."""
    lines = []
    for code in (100, 200, 200, 200, 204, 301, 302, 304, 400, 403, 404, 404, 418, 500, 503, 599, 600, 999):
        lines += [b"HTTP/1.%d %d Words\r\n\r\n" % (code % 2, code)] * (code % 7 + 1)
    lines += [b"", b"HTTP/1.1 20", b"HTTP/1.1 200", b"HTTP/2.0 200 ", b"http/1.1 200 OK", b"HTTP/1.1 2x0 OK",
              b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 000 zero", b"HTTP/1.1  200 OK", b"HTTP/1.1 2000 OK"]
    out = []
    for n, line in enumerate(lines):
        make, src, dst = ((frames.ipv4, "10.0.0.1", "10.0.0.2"), (frames.ipv6, "fd00::1", "fd00::2"))[n % 2]
        options = (b"", bytes([1] * 12), bytes([1] * 40))[n % 3]
        out.append(make(src, dst, frames.tcp(80, 5000 + n, data=line, options=options),
                        vlan=10 if n % 5 == 0 else None))
        out.append(make(src, dst, line, 17))  # the same in UDP counts for nothing
    path = lib.WORK / "made.pcap"
    lib.pcap_write(path, out)
    return path


capture_made = made()
lib.same("the expectation has as many responses as the capture's README", expected(lib.CAPTURE), {200: 53})
lib.it("the made capture has many codes", len(expected(capture_made)) > 10)
for engine in lib.engines("status"):
    for pcap in (lib.CAPTURE, capture_made):
        maps = lib.run_example("status", pcap, engine)
        if maps:
            found = {k: v for k, v in maps["codes"] if v}
            lib.same(f"{engine}: responses per code in {pcap.name}", found, expected(pcap))

lib.run_example("status", capture_made, "user", "pin", "status")
code, out, err = lib.command(lib.ROOT / "examples/status/status.sh", lib.pin_dir("status"))
lib.it("status.sh reads the pin", code == 0 and not err, code, err)
lib.same("status.sh prints the codes that occurred", out.splitlines(),
         [f"{c} {n}" for c, n in sorted(expected(capture_made).items())])
lib.finish()
