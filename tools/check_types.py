#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""check_types.py: a map type of types.def has its row where something is chosen for each type by hand.

What can be derived from types.def is. These places hold judgement: the shapes in which a suite makes the type,
the model's behaviour, the kernel's memory, when to choose it. Run it after adding a type: what it prints is
what is still to be written.
"""
import pathlib
import re

import checklib

# file: what is missing there
PLACES = {
    "tests/support/model_map.c": "the model does not know it",
    "tests/contract/types_contract.c": "no shapes for the contract with the kernel",
    "tests/diff/world.c": "no shapes for random scripts beside the kernel",
    "tests/crash/subjects.def": "no subject to be killed at",
    "tests/fuzz/region_fuzz.c": "no shape for spoilt regions",
    "tests/fuzz/fuzz_region.c": "no shape for the harness that spoils regions",
    "tests/fuzz/fuzz_program.c": "no map for random programs",
    "src/kernel/footprint.c": "its memory in the kernel is not known",
    "src/cli/choices.def": "when to choose it is not said",
}
TYPE = re.compile(r'^MAP_TYPE\((\w+), "(\w+)"', re.MULTILINE)


def check(root):
    findings = []
    root = pathlib.Path(root)
    types = TYPE.findall((root / "src/map/types.def").read_text())
    if not types:
        findings.append("src/map/types.def: no types found")
    for place, missing in PLACES.items():
        text = (root / place).read_text()
        findings += [f"{place}: {word}: {missing}" for name, word in types
                     if not re.search(rf"\bBPF_MAP_TYPE_{name}\b|^(?:CHOICE|SUBJECT)\({name},", text, re.MULTILINE)]
    findings += [f"docs/maps/{word}.md: not written" for _, word in types if not (root / f"docs/maps/{word}.md").is_file()]
    return findings


SOUND = {
    "src/map/types.def": 'MAP_TYPE(HASH, "hash", hash_map_ops)\n',
    "docs/maps/hash.md": "",
    **{place: "BPF_MAP_TYPE_HASH\n" for place in PLACES},
    "src/cli/choices.def": "CHOICE(HASH, 0)\n",
    "tests/crash/subjects.def": "SUBJECT(HASH, 4, 8, 1, 0, NULL)\n",
}
BOTH = 'MAP_TYPE(HASH, "hash", hash_map_ops)\nMAP_TYPE(STACK, "stack", stack_map_ops)\n'
CANARIES = [checklib.Canary(f"nothing in {place}", {"src/map/types.def": BOTH}, f"{place}: stack") for place in PLACES] + [
    checklib.Canary("no page", {"src/map/types.def": BOTH}, "docs/maps/stack.md"),
    checklib.Canary("a longer name", {"tests/diff/world.c": "BPF_MAP_TYPE_HASH_OF_MAPS\n"}, "tests/diff/world.c: hash"),
    checklib.Canary("no table", {"src/map/types.def": "\n"}, "no types found"),
]

if __name__ == "__main__":
    checklib.main(check, SOUND, CANARIES)
