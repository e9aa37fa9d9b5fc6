#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""embed: a program of the caller's own process, in four threads, its maps read by a second process."""
import os

import lib

OBJECT = lib.BUILT / "flows/flows.bpf.o"
EMBED, UNIT_TEST = (lib.BUILT / "embed" / name for name in ("embed", "unit_test"))


def totals(pcap):
    """What the tool's own run of the program leaves."""
    code, report, err = lib.tool_run("flows/flows", pcap)
    lib.it(f"the tool runs the program on {pcap.name}", code == 0 and not err, code, err)
    flows = next(m for m in report["maps"] if m["name"] == "flows")
    return flows["entries"], report["verdicts"]


def run(pcap, name):
    pins = lib.pin_dir(name)
    pins.mkdir()
    code, out, err = lib.command(EMBED, OBJECT, pcap, pins)
    lib.it(f"embed runs on {pcap.name}", code == 0 and not err, code, err)
    lib.same("the maps stay pinned", sorted(os.listdir(pins)), ["counters", "flows"])
    code, again, err = lib.command(EMBED, OBJECT, pcap, pins)
    lib.it("pins that are there already are refused by name", code == 1 and "exists already" in err, code, err)
    return out.splitlines()


def check(pcap, name):
    packets = len(lib.pcap_read(pcap))
    flows, verdicts = totals(pcap)
    lib.same(f"no packet of {pcap.name} is lost between threads, and the second process sees all", run(pcap, name), [
        f"{packets} packets in 4 threads",
        f"{flows} flows, {verdicts.get('XDP_PASS', 0)} packets passed, {verdicts.get('XDP_DROP', 0)} dropped"])


def main():
    if not EMBED.exists():
        lib.skip("embed", "libbpfmap-object is not built: there is no static libbpf")
        return
    check(lib.CAPTURE, "capture")
    short = lib.WORK / "short.pcap"
    lib.pcap_write(short, [bytes(12) + b"\x08\x00\x45" + bytes(5), bytes(60)])
    check(short, "short")
    code, out, err = lib.command(EMBED, short, short, lib.WORK)
    lib.it("a file that is no object is told", code == 1 and "cannot load" in err, code, err)
    code, out, err = lib.command(UNIT_TEST, OBJECT)
    lib.it("the unit test passes", code == 0, code, err)


main()
lib.finish()
