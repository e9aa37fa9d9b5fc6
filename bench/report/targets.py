# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""targets.py: the targets, each computed from the results of one run.

A target is a list of cases (where, what was reached, the limit), one for each size; it is met if all are.
Ratios of hash tables are medians over rounds in which both ran. Where the kernel takes part, what the loops
cost is taken off both sides first, which is to the kernel's favour.
"""
import pathlib
import re

from results import short

CONCURRENT = ["urcu", "ck_ht", "rte_hash", "libcuckoo", "tbb"]
SMALL = 64 * 1024


class Target:
    def __init__(self, name, limit, at_least):
        self.name = name
        self.limit = limit
        self.at_least = at_least
        self.cases = []  # (where, reached, limit)

    def add(self, where, reached, limit=None):
        if reached is not None:
            self.cases.append((where, reached, self.limit if limit is None else limit))
        return self

    def misses(self):
        return [case for case in self.cases if (case[1] < case[2]) == self.at_least and case[1] != case[2]]


def sizes(results, question="hash", **wanted):
    return results.values(question, "entries", **wanted)


def kernel_ratio(results, question, kernel, ours, **wanted):
    above = results.beyond_loop(question, peer=kernel, **wanted)
    below = results.beyond_loop(question, peer=ours, **wanted)
    return above / below if above and below else None


def peers_ratio(results, op, entries, shape, question="hash", threads="1"):
    ratios = [row["ratio"] for row in results.rows(question, op=op, entries=entries, shape=shape, threads=threads)
              if row["peer"] in CONCURRENT and row["ratio"]]
    return min(ratios, default=None)


def hash_targets(results):
    targets = []

    def against_kernel(name, op, limit):
        target = Target(f"{name}, kernel's time / ours", "", True)
        for shape in results.values("hash", "shape"):
            for n in sizes(results, shape=shape):
                target.add(f"{shape} {short(n)}", kernel_ratio(results, "hash", "kernel", "ours", op=op, entries=n,
                                                               shape=shape), limit(n))
        targets.append(target)

    def against_peers(name, op, limit):
        target = Target(f"{name}, best concurrent table's time / ours", limit, True)
        for shape in results.values("hash", "shape"):
            for n in sizes(results, shape=shape):
                target.add(f"{shape} {short(n)}", peers_ratio(results, op, n, shape))
        targets.append(target)

    def against_one(name, op, peer, limit, at_least, chosen=lambda n: True):
        target = Target(name, limit, at_least)
        for n in filter(chosen, sizes(results, shape="8/8")):
            row = results.one("hash", op=op, entries=n, peer=peer, shape="8/8")
            if row and row["ratio"]:
                target.add(short(n), row["ratio"] if at_least else 1 / row["ratio"])
        targets.append(target)

    against_kernel("lookup hit, independent", "hit", lambda n: 2.5)
    against_peers("lookup hit, independent", "hit", 1.8)
    against_one("lookup hit, independent, ours / absl's", "hit", "absl", 1.5, False)
    against_one("lookup hit, dependent, ours / one dependent miss", "dependent", "line", 1.3, False,
                lambda n: n > SMALL)
    against_peers("lookup miss", "miss", 1.5)
    against_kernel("update existing", "update", lambda n: 3.5 if n <= SMALL else 7)
    against_peers("update existing", "update", 1)
    against_kernel("delete + insert", "churn", lambda n: 3)
    against_peers("delete + insert", "churn", 1)
    against_one("batch lookup, rte_hash bulk's time / ours", "bulk", "rte_hash", 1.8, True)
    return targets


def quotient(results, name, limit, above, below, at_least=False, **wanted):
    """One of our figures over another: (question, fields) each."""
    target = Target(name, limit, at_least)
    for n in results.values(above[0], "entries", **above[1]):
        x = results.ns(above[0], **above[1], entries=n)
        y = results.ns(below[0], **below[1], entries=n)
        if x and y:
            target.add(short(n), x / y)
    return target


def own_targets(results):
    def ours(op, peer="ours", **more):
        return ("hash", {"op": op, "peer": peer, "shape": "8/8", **more})

    memory = Target("memory, 8/8 at 1M, bytes per entry", 56, False)
    memory.add("1M", results.ns("memory", peer="ours", entries=1 << 20, shape="8/8"))
    return [
        quotient(results, "update existing, two threads / one", 1.25,
                 ("threads", {"op": "update", "peer": "ours", "threads": "2"}), ours("update")),
        quotient(results, "copying read / pointer lookup", 1.3, ours("read"), ours("hit")),
        quotient(results, "through a descriptor, system call's time / ours", 10, ours("hit", "syscall"),
                 ours("hit", "ours-fd"), True),
        memory,
        quotient(results, "lookup in a shared file / in private memory", 1.1, ours("hit", "ours-shared"),
                 ours("hit")),
        quotient(results, "update in a shared file / in private memory", 1.1, ours("update", "ours-shared"),
                 ours("update")),
    ]


def type_targets(results):
    array = Target("array lookup beyond the loop, ns", 1.5, False)
    array.add("1k", results.beyond_loop("array", op="hit", peer="ours-array", entries=1024))
    percpu = Target("per-CPU lookup on a CPU beyond the loop, ns", 3, False)
    percpu.add("1k", results.beyond_loop("array", op="hit", peer="ours-percpu", entries=1024))
    cycle = Target("onto a CPU and off again, ns", 8, False)
    cycle.add("1k", results.ns("array", op="cycle", peer="ours-percpu", entries=1024))
    resident = Target("LRU, resident lookup / lookup in our hash", 1.2, False)
    insert = Target("LRU, insert with eviction, kernel's time / ours", 2, True)
    for n in sizes(results, "lru"):
        for threads in "12":
            where = f"{short(n)}, {threads} thread{'s' if threads == '2' else ''}"
            row = results.one("lru", op="hit", peer="ours", entries=n, threads=threads)
            if row and row["ratio"]:
                resident.add(where, 1 / row["ratio"])
            insert.add(where, kernel_ratio(results, "lru", "kernel-lru", "ours-lru", op="insert", entries=n,
                                           threads=threads))
    bloom = Target("Bloom filter that fits L2, peek and push, ns", 5, False)
    for n in sizes(results, "bloom", draw="k5"):
        for op, word in [("hit", "peek"), ("miss", "peek, absent"), ("update", "push")]:
            if n <= SMALL:
                bloom.add(f"{word}, {short(n)}", results.ns("bloom", op=op, draw="k5", entries=n,
                                                            peer="ours-bloom"))
    return [array, percpu, cycle, resident, insert, bloom]


def page_targets(figures):
    """What the pages of bench/figures say: how many of their rows are marked."""
    pages = [("lru-hit-ratio.md", "LRU hit ratio below the kernel's or exact LRU's, traces", r"\*\*below\*\*"),
             ("bloom-false-positives.md", "Bloom false positives above 2^-k or 1.2 × the kernel's, cases",
              r"\*\*above")]
    for name, title, mark in pages:
        page = pathlib.Path(figures) / name
        if page.exists():
            text = page.read_text(encoding="utf-8")
            yield Target(title, 0, False).add(f"[{name}](figures/{name})", len(re.findall(mark, text)))


def growth_targets(results):
    def at(op, n, peer="ours"):
        return results.ns("growth", op=op, entries=n, peer=peer)

    all_sizes = sizes(results, "growth")
    large = [n for n in all_sizes if n >= 1 << 20]
    create = Target("creation of a NO_PREALLOC map, ms", 10, False)
    pages = Target("creation of a preallocated map / the kernel's handing out of as many pages", 1.2, False)
    flat = Target("memory per entry / that at the smallest size from 4k", 1.1, False)
    for n in large:
        create.add(short(n), (at("create", n, "ours-no-prealloc") or 0) / 1e6)
        if at("pages", n):
            pages.add(short(n), at("create", n) / at("pages", n))
    enough = [n for n in all_sizes if n >= 4096]
    for n in enough[1:]:
        flat.add(short(n), at("bytes", n) / at("bytes", enough[0]))
    walks = []
    for op, word in [("iterate", "iteration"), ("dump", "batch dump")]:
        walk = Target(f"{word}, time per entry / looking it up, largest map", 1, False)
        if large and at(op, large[-1]):
            walk.add(short(large[-1]), at(op, large[-1]) / at("hit", large[-1]))
        walks.append(walk)
    return [create, pages, flat, *walks]


def program_targets(results):
    target = Target("examples as compiled programs, packets per second, ours / kernel's", 1, True)
    for row in results.programs:
        target.add(row["program"], float(row["jit/kernel"]))
    return [target]


def all_targets(results, figures):
    targets = [*hash_targets(results), *own_targets(results), *type_targets(results), *page_targets(figures),
               *growth_targets(results), *program_targets(results)]
    return [target for target in targets if target.cases]
