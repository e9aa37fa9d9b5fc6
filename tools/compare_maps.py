#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""compare_maps.py USER.json KERNEL.json: are the maps of two "bpfmap -j run" outputs identical?

Compares verdict counts and, map by map, every element: the key, the value, and that there is no other.
The order of a map's elements is no part of its contents (the kernel seeds its hash at random).
Prints a line per map and the first differences; status 1 if there is one.
"""
import json
import sys

DIFFERENCES_SHOWN = 5


def canonical(thing):
    return json.dumps(thing, sort_keys=True)


def contents(map_json):
    """Canonical key -> canonical value. Two elements with one key are a fault of their own."""
    elements = {}
    for element in map_json["elements"]:
        key = canonical(element["key"])
        if key in elements:
            raise SystemExit(f"map {map_json['name']} holds key {key} twice")
        elements[key] = canonical(element["value"])
    return elements


def compare_map(name, user, kernel):
    differences = [
        f"  {name}: key {key}: user {user.get(key, 'has none')}, kernel {kernel.get(key, 'has none')}"
        for key in sorted(user.keys() | kernel.keys())
        if user.get(key) != kernel.get(key)
    ]
    return differences


def compare(user_run, kernel_run):
    """(lines to print, number of differences)"""
    lines, total = [], 0
    maps = [{m["name"]: contents(m) for m in run["maps"]} for run in (user_run, kernel_run)]
    if canonical(user_run["verdicts"]) != canonical(kernel_run["verdicts"]):
        total += 1
        lines.append(f"  verdicts: user {user_run['verdicts']}, kernel {kernel_run['verdicts']}")
    if not maps[0] or maps[0].keys() != maps[1].keys():
        total += 1
        lines.append(f"  maps: user {sorted(maps[0])}, kernel {sorted(maps[1])}")
    for name in sorted(maps[0].keys() & maps[1].keys()):
        differences = compare_map(name, maps[0][name], maps[1][name])
        total += len(differences)
        verdict = f"{len(differences)} different" if differences else "identical"
        lines.append(f"{name}: {len(maps[0][name])} elements, {verdict}")
        lines += differences[:DIFFERENCES_SHOWN]
    return lines, total


def example_run(verdict_count, elements):
    return {"verdicts": {"XDP_PASS": verdict_count}, "maps": [{"name": "m", "elements": elements}]}


A, B, B2 = ({"key": k, "value": v} for k, v in [(1, 10), (2, 20), (2, 21)])
CANARIES = [
    ("order", example_run(1, [A, B]), example_run(1, [B, A]), False),
    ("value", example_run(1, [A, B]), example_run(1, [A, B2]), True),
    ("missing", example_run(1, [A, B]), example_run(1, [A]), True),
    ("surplus", example_run(1, [A]), example_run(1, [A, B]), True),
    ("verdicts", example_run(1, [A]), example_run(2, [A]), True),
    ("no maps", {"verdicts": {}, "maps": []}, {"verdicts": {}, "maps": []}, True),
]


def self_test():
    failures = 0
    for name, user, kernel, differs in CANARIES:
        if bool(compare(user, kernel)[1]) != differs:
            failures += 1
            print(f"FAIL {name}")
    print(f"{len(CANARIES) - failures} of {len(CANARIES)} canaries as expected")
    return 1 if failures else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        sys.exit(self_test())
    runs = []
    for path in sys.argv[1:3]:
        with open(path) as file:
            runs.append(json.load(file))
    lines, differences = compare(*runs)
    print(*lines, sep="\n")
    sys.exit(1 if differences else 0)


main()
