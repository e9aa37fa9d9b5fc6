#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""tables.py KIND TABLE [PLOT]: what a benchmark measured, as a page of docs/figures.

KIND is hits (lru_maps.c), rates (bloom_rates.c) or cost (lru_cost.c); TABLE is the program's output.
Writes Markdown to stdout and the points of the plot to PLOT.
"""
import datetime
import math
import os
import platform
import sys

TIE = 0.1  # percentage points
AGREE = 0.3  # between our map and the model of its policy
RATE_LIMIT = 1.2  # our rate against the kernel's
TARGETS = {"insert with eviction, ours / kernel": 0.5, "resident lookup, ours / our hash": 1.2}


def machine():
    with open("/proc/cpuinfo", encoding="ascii") as info:
        names = [line.split(":", 1)[1].strip() for line in info if line.startswith("model name")]
    cpu = names[0] if names else platform.machine()
    return (
        f"Machine: {cpu}, {os.cpu_count()} CPUs, Linux {platform.release()}. "
        f"{datetime.date.today().isoformat()}. Reproduce: `bench/figures`."
    )


def head(title):
    print("<!-- SPDX-License-" + "Identifier: LGPL-2.1-only OR BSD-2-Clause -->")
    print(f"# {title}\n\n{machine()}")


def table(columns, rows):
    print("\n| " + " | ".join(columns) + " |")
    print("|" + "---|" * len(columns))
    for row in rows:
        print("| " + " | ".join(row) + " |")


def hit_marks(row):
    marks = []
    if row["diff"] < -TIE:
        marks.append("**below**")
    if abs(row["ours"] - row["simulated"]) > AGREE:
        marks.append("**not as simulated**")
    return marks


def hit_rows(lines):
    """trace -> seed -> figures"""
    traces = {}
    for name, seed, kernel, lru, ours, simulated, source in lines:
        row = {"kernel": float(kernel), "lru": float(lru), "ours": float(ours)}
        row |= {"simulated": float(simulated), "source": source}
        # Figures have two digits: so have their differences.
        row["diff"] = round(row["ours"] - max(row["kernel"], row["lru"]), 2)
        traces.setdefault(name, {})[seed] = row
    return traces


def hits(lines, plot):
    traces = hit_rows(lines)
    seeds = sorted({seed for by_seed in traces.values() for seed in by_seed})
    every = [row for by_seed in traces.values() for row in by_seed.values()]
    live = all(row["source"] == "live" for row in every)
    head("LRU: hit ratios of real maps")
    print(
        f"Seeds of the traces: {', '.join(seeds)}.\n\n![plot](lru-hit-ratio.svg)\n\n"
        "Percent of requests that hit, last 3M of 4M. A request is a program's lookup, a miss is followed by "
        "an insert; `bench/lru/traces.c` defines the traces. *Ours*: an LRU_HASH map through the native "
        "API. *Kernel*: "
        + ("the running kernel's LRU_HASH, driven by a BPF program on one CPU" if live else
           "**the simulator's model of it: bpf(2) was not permitted**")
        + ". *LRU*: exact LRU, simulated. *diff*: ours less the better of both, in percentage points."
    )
    columns, rows, points = ["trace"], [], []
    for seed in seeds:
        columns += [f"kernel, seed {seed}", "LRU", "ours", "diff"]
    for name, by_seed in traces.items():
        cells, marks = [name], []
        for seed in seeds:
            row = by_seed[seed]
            cells += [f"{row[key]:.2f}" for key in ("kernel", "lru", "ours")] + [f"{row['diff']:+.2f}"]
            marks += hit_marks(row)
        rows.append(cells + [", ".join(dict.fromkeys(marks))])
        points.append("\t".join(cells))
    table(columns + [""], rows)
    for seed in seeds:
        below = sum(by_seed[seed]["diff"] < -TIE for by_seed in traces.values())
        print(f"\nSeed {seed}: at or above both (within {TIE}) on {len(traces) - below} of {len(traces)} traces.")
    apart = max(abs(row["ours"] - row["simulated"]) for row in every)
    print(f"\nThe map and the simulator's model of its policy differ by at most {apart:.2f} points.")
    if not live:
        points.insert(0, "# model")
    return points, plot


def rate_mark(rate, count, theory, kernel_rate, kernel_count, hashes):
    marks = []
    if rate > 2.0**-hashes:
        marks.append("**above 2^-k**")
    # Where the kernel's filter showed too little to count, theory stands in for it.
    reference = kernel_rate or theory
    if rate > RATE_LIMIT * reference:
        # Counts are Poisson: the logarithm of their ratio has about this standard deviation.
        doubt = math.sqrt(1 / count + (1 / kernel_count if kernel_count else 0))
        sure = math.log(rate / reference / RATE_LIMIT) > 2 * doubt
        marks.append("**above 1.2 x**" if sure else "above 1.2 x, within the counting error")
    return ", ".join(marks)


def spread(count):
    return f"± {196 / math.sqrt(count):.0f} %" if count else "none seen"


def rates(lines, plot):
    head("Bloom filters: false positives")
    print(
        "Values are numbered and mixed: no seed but the filters' own.\n\n![plot](bloom-false-positives.svg)"
        "\n\nFilters full of 8-byte values, asked for values that were never pushed; ± is the 95 % interval "
        "of a count. *Theory*: (1 - e^(-kn/m))^k. *Predicted*: what `bpfmap_bloom_info()` says. *Kernel*: "
        "the running kernel's filter, asked by a BPF program"
        + ("" if all(line[8] != "-" for line in lines) else " (**bpf(2) was not permitted**)")
        + ". Every pushed value was found. Bits per "
        "item are the same for both: 7/5 x k, up to the next power of two of the whole."
    )
    columns = ["k", "bits per item, ours", "kernel", "theory", "predicted", "ours", "", "kernel", "",
               "ours / theory", "ours / kernel", ""]
    sizes, points = {}, []
    for items, *row in lines:
        sizes.setdefault(items, []).append(row)
    for items, group in sizes.items():
        print(f"\n## {items} items")
        rows = []
        points.append(f'"{items} items"')
        for k, bits, kernel_bits, theory, predicted, ours, count, kernel, kernel_count in group:
            there = kernel != "-"
            kernel_rate = float(kernel) if there else 0.0
            ratio = f"{float(ours) / kernel_rate:.2f}" if kernel_rate else "-"
            rows.append([k, bits, kernel_bits if there else "-", theory, predicted, ours, spread(int(count)),
                         kernel, spread(int(kernel_count)) if there else "-",
                         f"{float(ours) / float(theory):.2f}", ratio,
                         rate_mark(float(ours), int(count), float(theory), kernel_rate,
                                   int(kernel_count) if there else 0, int(k))])
            points.append("\t".join([k, theory, predicted, ours, kernel if there else "nan",
                                     str(2.0 ** -int(k))]))
        points += ["", ""]
        table(columns, rows)
    return points, plot


def cost(lines, _plot):
    head("LRU: cost of operations")
    print(
        "Nanoseconds of CPU time, 8-byte keys and values, one thread; median, least and most of the rounds, each "
        "of which measures everything once in turn; ratios are taken within a round. The kernel's map is driven by "
        "a BPF program (`bpf_loop`)"
        + ("" if any("kernel" in what for _cap, what, *_ in lines) else " (**bpf(2) was not permitted**)")
        + ". The loops' own cost is in all figures. Inserts of new keys into a full map; "
        "lookups of resident keys, in no order."
    )
    noise = [float(most) / float(least) for _cap, what, _median, least, most in lines if what.endswith("ns")]
    rows, last = [], None
    for cap, what, median, least, most in lines:
        limit = TARGETS.get(what)
        mark = "" if limit is None else f"target {limit}: " + ("met" if float(median) <= limit else "**missed**")
        rows.append([f"{int(cap) // 1024}k" if cap != last else "", what, median, least, most, mark])
        last = cap
    table(["capacity", "what", "median", "least", "most", ""], rows)
    print(f"\nNoise: a time's largest sample is {min(noise):.1f} to {max(noise):.1f} times its smallest; "
          f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs.")
    return [], None


def main():
    kinds = {"hits": hits, "rates": rates, "cost": cost}
    if len(sys.argv) < 3 or sys.argv[1] not in kinds:
        sys.exit(__doc__)
    with open(sys.argv[2], encoding="utf-8") as source:
        lines = [line.rstrip("\n").split("\t") for line in source]
    points, plot = kinds[sys.argv[1]](lines, sys.argv[3] if len(sys.argv) > 3 else None)
    if plot:
        with open(plot, "w", encoding="utf-8") as target:
            target.write("\n".join(points) + "\n")


if __name__ == "__main__":
    main()
