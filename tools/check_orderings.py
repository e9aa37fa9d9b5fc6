#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""check_orderings.py: every ordered access to shared memory names its partner.

An ordered access is a call of a function of src/sync/ whose name ends in the ordering:

    shm_*_acquire( shm_*_release( shm_*_acq_rel( shm_*_seq_cst( and *fence_<ordering>(
    private_*_<ordering>(, for words of one process

A comment carries its tag: on the line before the call, if there is nothing else on it, or on the lines
of the expression that the call is part of:

    tag      = name kind arrow partners
    name     = capital letters, then digits          H1
    kind     = "acquire" | "release" | "acq_rel" | "fence"
    arrow    = "->" (what is written before becomes visible to)
             | "<-" (sees what was written before) | "<->" (both)
    partners = name, or several separated by ", "    A1, A3

for example:  /* H1 release -> H2 */   and at the other end   /* H2 acquire <- H1 */

Checked: each ordered access has a tag; its kind is the function's (seq_cst goes as acq_rel); release
points ->, acquire points <-; each partner is a tag of some line, and names this tag in return. One
name may stand at several lines if they play the same part. Names are unique in the whole tree.

Raw atomics (__atomic_*, __sync_*, <stdatomic.h>) stand in src/sync/ alone. Layer 0 lies below it and
may use relaxed ones.
"""
import pathlib
import re

import checklib

CALL = re.compile(r"\b(?:shm_\w+|private_\w+|\w*fence)_(acquire|release|acq_rel|seq_cst)\s*\(")
FENCE = re.compile(r"\w*fence_\w+\s*\(")
TAG = re.compile(
    r"\b([A-Z]+[0-9]+) (acquire|release|acq_rel|fence) (<->|->|<-) ([A-Z]+[0-9]+(?:, [A-Z]+[0-9]+)*)\b"
)
RAW = re.compile(r"\b(__atomic_\w+|__sync_\w+|atomic_(?:load|store|exchange|compare|fetch|thread|signal)\w*)\s*\(")
RELAXED = re.compile(r"__ATOMIC_RELAXED\)")
STDATOMIC = re.compile(r"#\s*include\s*<stdatomic\.h>")
DIRECTIONS = {"release": ("->",), "acquire": ("<-",)}

# Raw atomics outside src/sync/, each with its reason.
RAW_ALLOWED = {
    "src/vm/atomics.h": "the interpreted program's own atomic instructions, on the program's words",
}


class Tag:
    def __init__(self, place, match):
        self.place = place
        self.name, self.kind, self.arrow, partners = match.groups()
        self.partners = set(partners.split(", "))


def expected_kind(call_text, ordering):
    if FENCE.match(call_text):
        return "fence"
    return "acq_rel" if ordering == "seq_cst" else ordering


def tag_lines(code, number):
    """Where the tag of a call at line number may stand: the line before, if it is all comment, and
    the lines up to the end of the expression that the call is part of."""
    first = number - 1 if number and not code[number - 1].strip() else number
    last, open_parens = number, 0
    for last in range(number, len(code)):
        open_parens += code[last].count("(") - code[last].count(")")
        if open_parens <= 0:
            break
    return range(first, last + 1)


def check_calls(path, code, lines):
    findings = []
    for number, line in enumerate(code):
        for call in CALL.finditer(line):
            kind = expected_kind(call.group(0), call.group(1))
            near = "\n".join(lines[n] for n in tag_lines(code, number))
            kinds = [tag.group(2) for tag in TAG.finditer(near)]
            place = f"{path}:{number + 1}: {call.group(0)[:-1]}"
            if not kinds:
                findings.append(f"{place} has no tag naming its partner")
            elif kind not in kinds:
                findings.append(f"{place} is tagged {', '.join(kinds)}, not {kind}")
    return findings


def check_raw(root, path, code):
    relative = path.relative_to(root)
    if relative.parts[:2] == ("src", "sync") or str(relative) in RAW_ALLOWED:
        return []
    if relative.parts[:2] == ("src", "base"):
        code = [line for line in code if not RELAXED.search(line)]
    return [
        f"{path}:{number + 1}: raw atomics belong into src/sync/"
        for number, line in enumerate(code)
        if RAW.search(line) or STDATOMIC.search(line)
    ]


def check_tags(tags):
    findings = []
    by_name = {}
    for tag in tags:
        by_name.setdefault(tag.name, []).append(tag)
    for tag in tags:
        if tag.arrow not in DIRECTIONS.get(tag.kind, (tag.arrow,)):
            findings.append(f"{tag.place}: {tag.name}: {tag.kind} cannot point {tag.arrow}")
        for partner in sorted(tag.partners):
            if partner not in by_name:
                findings.append(f"{tag.place}: {tag.name} names {partner}, which tags no line")
            elif not any(tag.name in other.partners for other in by_name[partner]):
                findings.append(f"{tag.place}: {tag.name} names {partner}, which does not name it in return")
    return findings


def tags_of(path, code, lines):
    """Tags count where they belong to a call: the block at the top of a file, which lists the edges,
    proves nothing."""
    tagged = {n for number, line in enumerate(code) if CALL.search(line) for n in tag_lines(code, number)}
    for number in sorted(tagged):
        for match in TAG.finditer(lines[number]):
            yield Tag(f"{path}:{number + 1}", match)


def check(root):
    findings, tags = [], []
    root = pathlib.Path(root)
    for path in checklib.files(root, ["src"], [".c", ".h"]):
        text = path.read_text()
        lines = text.splitlines()
        code = checklib.blank_comments(text).splitlines()
        findings += check_calls(path, code, lines)
        findings += check_raw(root, path, code)
        tags += tags_of(path, code, lines)
    return findings + check_tags(tags)


PAIR = (
    "\tshm_u32_store_release(w, 0); /* H1 release -> H2 */\n"
    "\t/* H2 acquire <- H1 */\n"
    "\treturn shm_u32_load_acquire(w);\n"
    "\tif (likely(shm_u32_cas_acq_rel(w, &v, 1),\n\t\t   1)) /* H2 acq_rel <- H1 */\n"
)
SOUND = {
    "src/map/a.c": PAIR,
    "src/sync/raw.h": "__atomic_load_n(p, __ATOMIC_ACQUIRE);\n",
    "src/base/cache.c": "__atomic_load_n(p, __ATOMIC_RELAXED);\n",
}


def canary(name, text, expected):
    return checklib.Canary(name, {"src/map/b.c": text}, expected)


CANARIES = [
    canary("no tag", "x = shm_u64_load_acquire(w);\n", "has no tag"),
    canary("tag too far", "/* H2 acquire <- H1 */\n\nx = shm_u64_load_acquire(w);\n", "has no tag"),
    canary("the neighbour's tag", "shm_u32_store_release(v, 0); /* H1 release -> H2 */\n"
           "shm_u32_store_release(w, 0);\n", "has no tag"),
    canary("wrong kind", "x = shm_u64_load_acquire(w); /* H1 release -> H2 */\n", "not acquire"),
    canary("no such partner", "x = shm_u64_load_acquire(w); /* H3 acquire <- H9 */\n", "tags no line"),
    canary("partner in a comment only", "/* K1 release -> K2 */\nint x;\n"
           "y = shm_u64_load_acquire(w); /* K2 acquire <- K1 */\n", "tags no line"),
    canary("one-sided", "x = shm_u64_load_acquire(w); /* H3 acquire <- H1 */\n", "in return"),
    canary("direction", "x = shm_u64_load_acquire(w); /* H2 acquire -> H1 */\n", "cannot point"),
    canary("raw", "x = __atomic_load_n(p, __ATOMIC_ACQUIRE);\n", "raw atomics"),
    checklib.Canary(
        "ordered in layer 0",
        {"src/base/c.c": "__atomic_load_n(p, __ATOMIC_ACQUIRE);\n"},
        "raw atomics",
    ),
    canary("stdatomic", "#include <stdatomic.h>\n", "raw atomics"),
    canary("private word without tag", "x = private_ptr_load_acquire(p);\n", "has no tag"),
    canary("fence without tag", "shm_fence_seq_cst();\n", "has no tag"),
]

if __name__ == "__main__":
    checklib.main(check, SOUND, CANARIES)
