#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""conntrack: TCP connections under a fixed budget.

Documented difference: which silent connections are forgotten when the budget is used up. Within the
budget both engines must agree with a plain dictionary; beyond it, with what holds for any LRU.
"""
import collections

import frames
import lib

BUDGET = 1024
FLOOD = 8000  # connections that open and fall silent
BUSY_EVERY = 50  # between so many of them a packet of the busy connection


def expected(pcap):
    """endpoints -> [packets, bytes, state, fins], and how many began with SYN."""
    table, opened = {}, 0
    for packet in frames.packets(lib.pcap_read(pcap)):
        segment = frames.segment(packet)
        if not segment:
            continue
        key = frozenset([(packet.src, segment.src_port), (packet.dst, segment.dst_port)])
        syn, ack, fin, rst = (bool(segment.flags & f) for f in (frames.SYN, frames.ACK, frames.FIN, frames.RST))
        if key not in table:
            table[key] = [0, 0, "STATE_SYN" if syn and not ack else "STATE_MIDSTREAM", 0]
            opened += syn and not ack
        row = table[key]
        row[0] += 1
        row[1] += packet.size
        row[3] += fin
        if rst or row[2] == "STATE_RESET":
            row[2] = "STATE_RESET"
        elif fin:
            row[2] = "STATE_CLOSING"
        elif row[2] == "STATE_SYN" and syn and ack:
            row[2] = "STATE_ESTABLISHED"
    return table, opened


def endpoint(end):
    return bytes(end["address"]["bytes"]), end["port"]


def found(elements):
    return {frozenset([endpoint(k["low"]), endpoint(k["high"])]): [v[n] for n in ("packets", "bytes", "state", "fins")]
            for k, v in elements}


def made():
    """A flood of connections, and one that stays busy in the midst of it."""
    busy = [frames.ipv4("10.1.0.1", "10.9.9.9", frames.tcp(40000, 443, frames.SYN))]
    out = busy + [frames.ipv4("10.9.9.9", "10.1.0.1", frames.tcp(443, 40000, frames.SYN | frames.ACK))]
    for n in range(FLOOD):
        out.append(frames.ipv4(0x0B000000 + n, "10.9.9.9", frames.tcp(1024 + n, 80, frames.SYN)))
        if n % BUSY_EVERY == 0:
            out.append(frames.ipv4("10.1.0.1", "10.9.9.9", frames.tcp(40000, 443)))
    path = lib.WORK / "flood.pcap"
    lib.pcap_write(path, out)
    return path


def counters(maps):
    return [v for _, v in sorted(maps["counters"])]


def check_within(engine):
    table, opened = expected(lib.CAPTURE)
    maps = lib.run_example("conntrack", lib.CAPTURE, engine)
    if maps:
        lib.same(f"{engine}: packets, bytes and state of each connection", found(maps["connections"]), table)
        lib.same(f"{engine}: counters", counters(maps),
                 [sum(r[0] for r in table.values()), opened, len(table) - opened, 0])


def check_beyond(engine, pcap):
    table, opened = expected(pcap)
    maps = lib.run_example("conntrack", pcap, engine)
    if not maps:
        return
    kept = found(maps["connections"])
    packets, new, midstream, failed = counters(maps)
    busy = next(k for k in table if any(port == 443 for _, port in k))
    lib.it(f"{engine}: the budget holds", len(kept) <= BUDGET, len(kept))
    lib.same(f"{engine}: no packet of the flood is turned away", (packets, new, failed),
             (sum(r[0] for r in table.values()), opened, 0))
    lib.same(f"{engine}: the busy connection is never forgotten", (kept.get(busy), midstream), (table[busy], 0))
    kept.pop(busy, None)
    lib.same(f"{engine}: what is kept is right", kept, {k: table[k] for k in kept})


table, opened = expected(lib.CAPTURE)
lib.same("the expectation has the README's connections", (len(table), opened), (38, 38))
flood = made()
asked = lib.engines("conntrack", "lru_hash")
for engine in asked:
    check_within(engine)
    check_beyond(engine, flood)
if "user" in asked:
    maps = lib.run_example("conntrack", flood, "user", "pin", "conntrack")
    lib.same("user: the whole budget is used", len(maps["connections"]), BUDGET)
    code, out, err = lib.command(lib.ROOT / "examples/conntrack/conntrack.sh", lib.pin_dir("conntrack"))
    states = collections.Counter(row[2] for row in found(maps["connections"]).values())
    lines = [f"{s} {n}" for s, n in sorted(states.items())]
    lines.append("packets %d, opened %d, midstream %d, failed updates %d" % tuple(counters(maps)))
    lib.same("conntrack.sh prints states and counters", (code, out.splitlines(), err), (0, lines, ""))
lib.finish()
