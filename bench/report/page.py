# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""page.py: docs/benchmarks.md."""
import datetime
import os
import pathlib
import platform
import subprocess

import plots
from results import cell, noisy, number, short
from targets import CONCURRENT, all_targets

PACKAGES = ["liburcu-dev", "libck-dev", "libdpdk-dev", "libcuckoo-dev", "libtbb-dev", "libabsl-dev", "libbpf-dev"]
WORDS = {"hit": "lookup hit, independent keys", "dependent": "lookup hit, each key from the last value",
         "miss": "lookup miss", "read": "copying read", "bulk": "batch lookup, 64 keys a call",
         "update": "update existing", "churn": "delete oldest and insert new (a pair)",
         "mixed": "nine lookups, one update", "add": "lookup and addition", "insert": "insert of a new key",
         "cycle": "onto a CPU and off again", "loop": "the loop alone"}
OPS = ["hit", "dependent", "miss", "read", "bulk", "update", "churn", "mixed"]


def said(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "?"


def machine(results):
    with open("/proc/cpuinfo", encoding="ascii") as info:
        cpu = next((line.split(":", 1)[1].strip() for line in info if line.startswith("model name")), "?")
    versions = [f"{p} {said('dpkg-query', '-W', '-f=${Version}', p)}" for p in PACKAGES]
    rows = [row for question in results.by_question for row in results.rows(question)]
    disturbed = sum(row["disturbed"] for row in rows) / max(sum(row["rounds"] for row in rows), 1)
    huge = pathlib.Path("/sys/kernel/mm/transparent_hugepage/enabled")
    return [
        f"- Machine: {cpu}, {os.cpu_count()} CPUs, Linux {platform.release()} ({platform.machine()}), huge pages "
        f"`{huge.read_text(encoding='ascii').strip() if huge.exists() else '?'}`.",
        f"- Compilers: {said('cc', '--version').splitlines()[0]}; {said('clang', '--version').splitlines()[0]}. The library is "
        "a release build (-O3), used as a shared library; benchmarks and header-only tables -O2; other tables as "
        "Debian builds them.",
        f"- Peers: {', '.join(versions)}.",
        f"- Date: {datetime.date.today().isoformat()}. {disturbed:.0%} of the samples were disturbed by other load and "
        f"could not be had better; load average at the end {os.getloadavg()[0]:.1f}. (Other load cools the caches, too, which no clock tells.)",
    ]


def table(columns, rows):
    lines = ["", "| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows] + [""]


def peer_tables(results, question, ops, **wanted):
    """One table for each operation and shape: a row for each size, a column for each peer."""
    lines = []
    for shape in results.values(question, "shape", **wanted):
        for op in ops:
            peers = results.values(question, "peer", op=op, shape=shape, **wanted)
            if not peers:
                continue
            rows = []
            for n in results.values(question, "entries", op=op, shape=shape, **wanted):
                found = {row["peer"]: row for row in results.rows(question, op=op, shape=shape, entries=n, **wanted)}
                first = found[peers[0]]
                rows.append([short(n), *(cell(found[peer]) if peer in found else "" for peer in peers),
                             f"{number(first['least'])} to {number(first['most'])}"])
            lines += [f"**{WORDS[op]}, {shape} bytes**", *table(["entries", *peers, f"{peers[0]}, least to most"], rows)]
    return lines


def target_rows(targets):
    rows = []
    for target in targets:
        order = sorted(target.cases, key=lambda case: case[1] / case[2] if case[2] else case[1],
                       reverse=not target.at_least)
        where, reached, limit = order[0]
        best = order[-1]
        span = f"{number(reached)} ({where})"
        if len(order) > 1:
            span += f" to {number(best[1])} ({best[0]})"
        limits = sorted({case[2] for case in target.cases})
        misses = target.misses()
        verdict = "met" if not misses else f"**missed** in {len(misses)} of {len(target.cases)}: " + ", ".join(
            f"{where} {number(value)}" for where, value, _limit in misses[:6]) + (", ..." if len(misses) > 6 else "")
        rows.append([target.name, ("at least " if target.at_least else "at most ") + " or ".join(f"{x:g}" for x in limits),
                     span, verdict])
    return rows


def losses(results):
    """Where another table or the kernel was faster; absl and the bare line are bounds and left out."""
    rows = []
    for question in ["hash", "zipf", "threads", "values", "lru", "bloom"]:
        for row in results.rows(question):
            rival = row["peer"] in CONCURRENT or row["peer"].startswith("kernel")
            if rival and 0 < row["ratio"] < 0.97 and row["op"] != "loop":
                threads = "" if row["threads"] == "1" else f", {row['threads']} threads"
                rows.append((row["ratio"], [
                    question, f"{WORDS[row['op']]}, {row['shape']}, {row['draw']}, {short(row['entries'])}{threads}",
                    row["peer"], f"{number(row['ns'])} ns", f"× {row['ratio']:.2f} ({row['ratio_least']:.2f} to "
                    f"{row['ratio_most']:.2f})", "~" if noisy(row) else ""]))
    return [row for _ratio, row in sorted(rows, key=lambda pair: pair[0])]


def wrong(results):
    lines = []
    for question, rows in results.by_question.items():
        for row in rows:
            if row["wrong"] and question != "bloom" and not (question == "lru" and row["peer"].startswith("kernel")):
                lines.append(f"- {row['peer']}: {WORDS[row['op']]}, {short(row['entries'])} entries, {row['threads']} threads: "
                             f"{row['wrong']} runs whose sum was not the expected one")
    return lines


def memory_table(results):
    lines = []
    for shape in results.values("memory", "shape"):
        names = results.values("memory", "entries", shape=shape)
        rows = [[peer, *(number(results.ns("memory", shape=shape, peer=peer, entries=n) or 0) for n in names)]
                for peer in results.values("memory", "peer", shape=shape) if peer not in ("line", "syscall")]
        lines += table([f"{shape} bytes", *(short(n) for n in names)], rows)
    return lines


def growth_table(results):
    rows = []
    for peer in results.values("growth", "peer"):
        for n in results.values("growth", "entries"):
            def at(op):
                row = results.one("growth", op=op, entries=n, peer=peer)
                return row["ns"] if row else 0

            cells = [at(op) for op in ("fill", "slow", "hit", "iterate", "dump", "bytes")]
            pages = f"{at('pages') / 1e6:.2f}" if at("pages") else ""
            rows.append([peer, short(n), f"{at('create') / 1e6:.2f}", pages,
                         *(number(x) if x else "" for x in cells)])
    return table(["map", "entries", "create, ms", "as many pages, ms", "fill, ns", "1 in 10,000 slower than, ns", "lookup, ns",
                  "iterate, ns", "dump, ns", "bytes per entry"], rows)


def picture(name, path, panels, **size):
    return [f"![{name}](figures/{path.name}.svg)", ""] if plots.draw(path, panels, **size) else []


def hash_part(results, figures):
    ops = [(op, WORDS[op]) for op in OPS]
    wanted = {"shape": "8/8"}
    return [
        "## Hash: by number of entries", "",
        *picture("time by entries", figures / "hash-by-entries", plots.by_entries(results, "hash", ops, **wanted)),
        *peer_tables(results, "hash", OPS),
        "## Hash: Zipf 0.99", "",
        *picture("time by entries, Zipf", figures / "hash-zipf",
                 plots.by_entries(results, "zipf", [x for x in ops if x[0] in ("hit", "update")], **wanted)),
        *peer_tables(results, "zipf", OPS),
        "## Hash: two threads, two processes", "",
        "Both begin together; time per operation of each. `2p`: two processes on one shared file.", "",
        *picture("time by threads", figures / "hash-by-threads",
                 plots.by_threads(results, [x for x in ops if x[0] in ("hit", "update", "churn")])),
        *peer_tables(results, "threads", OPS), *peer_tables(results, "processes", OPS),
        "## Hash: by value size", "",
        *picture("time by value size", figures / "hash-by-value-size",
                 plots.by_value(results, [x for x in ops if x[0] in ("hit", "read", "update")])),
        *peer_tables(results, "values", OPS),
    ]


def types_part(results, figures):
    bloom = [("hit", "peek"), ("miss", "peek, absent"), ("update", "push")]
    sizes = results.values("bloom", "entries")
    lines = ["## Arrays and per-CPU arrays", "",
             "`ours-array` is lookup inlined in the caller (`BPFMAP_DEFINE_ARRAY`), `ours-array-call` is `bpfmap_lookup()`, "
             "`plain` is an array of C with a bounds check. Updates of `ours-percpu` are through the pointer.", "",
             *peer_tables(results, "array", ["loop", "hit", "dependent", "read", "update", "add", "cycle"]),
             "## LRU", "", "`ours` is our hash, which the LRU's lookup is compared with. Hit ratios: "
             "[lru-hit-ratio.md](figures/lru-hit-ratio.md).", "", "![hit ratios](figures/lru-hit-ratio.svg)", ""]
    for threads in "12":
        lines += [f"{'One thread' if threads == '1' else 'Two threads'}:", "",
                  *peer_tables(results, "lru", ["hit", "update", "insert"], threads=threads)]
    lines += ["## Bloom filter", "", "False positives: [bloom-false-positives.md](figures/bloom-false-positives.md).", "",
              "![false positives](figures/bloom-false-positives.svg)", ""]
    if sizes:
        lines += picture("time by hashes", figures / "bloom-by-hashes", [plots.by_hashes(results, sizes[0], bloom)],
                         columns=1, width=800)
    for k in results.values("bloom", "draw"):
        lines += [f"{k[1:]} hash functions:", "", *peer_tables(results, "bloom", ["hit", "miss", "update"], draw=k)]
    return lines


def programs_part(results):
    if not results.programs:
        return []
    return ["## Programs", "",
            "Million packets per second, each packet of a sample many times in a row in each engine, best rounds; "
            "`bench/programs.c` says how. The kernel's is its own JIT's code, as BPF_PROG_TEST_RUN reports it.",
            *table(list(results.programs[0]), [list(row.values()) for row in results.programs])]


def write(results, out, kind, notes):
    figures = pathlib.Path(out) / "figures"
    targets = all_targets(results, figures)
    rows = target_rows(targets)
    met = sum(row[3] == "met" for row in rows)
    lost = losses(results)
    lines = [
        "<!-- SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause -->", "# Benchmarks", "",
        "Written by `bench/run" + (" --quick" if kind == "quick" else "") + "`.", "", *machine(results), "",
        "Nanoseconds per operation, median of the rounds; × is how many times ours that is, the median of the rounds' ratios "
        "(above 1: we are faster). All peers run in turn in one process, pinned to one CPU. ~: more than a third of the samples "
        "were disturbed. *kernel*: from inside a JIT-compiled program (`bpf_loop`), its loop included; *syscall*: through bpf(2); "
        "*ours-fd*: ours through libbpf's names; *absl* has no concurrency of any kind and is a bound, as is *line*: one cache "
        "line per element whose place is known. All tables are full to their capacity. Least and most of everything: "
        "[benchmarks.tsv](figures/benchmarks.tsv).", "",
        "## Targets", "", f"{met} of {len(rows)} met. Reached: the worst case, to the best.",
        *table(["what", "target", "reached", ""], rows), "## Where we lose", "",
        *(table(["question", "operation", "peer", "its time", "its time / ours (least to most)", ""], lost) if lost else
          ["Nowhere against a concurrent table or the kernel.", ""]),
        *(["Sums that were wrong, because lookups missed keys that were present throughout:", "", *wrong(results), ""]
          if wrong(results) else []),
        *notes,
        *hash_part(results, figures), *types_part(results, figures), *programs_part(results),
        "## Memory: bytes per entry when full", "", *memory_table(results),
        "## Cost growth", "",
        *picture("growth", figures / "growth", plots.growth(results)), *growth_table(results),
    ]
    text = "\n".join(lines).rstrip("\n") + "\n"
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    (pathlib.Path(out) / "benchmarks.md").write_text(text, encoding="utf-8")
