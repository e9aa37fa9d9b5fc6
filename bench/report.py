#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""report.py show TABLE...: results of bench/run for the terminal.

A cell is the median in nanoseconds and, in brackets, how many times ours it is; ~ marks figures of which more
than a third of the samples were disturbed.
"""
import sys

FIELDS = ("shape draw op entries threads peer ns least most ratio ratio_least ratio_most rounds disturbed "
          "wrong").split()


def read(path):
    with open(path, encoding="utf-8") as table:
        for line in table:
            row = dict(zip(FIELDS, line.rstrip("\n").split("\t")))
            for name in FIELDS[6:12]:
                row[name] = float(row[name])
            for name in ["entries", "rounds", "disturbed", "wrong"]:
                row[name] = int(row[name])
            yield row


def short(entries):
    for unit, name in [(1 << 20, "M"), (1 << 10, "k")]:
        if entries >= unit and entries % unit == 0:
            return f"{entries // unit}{name}"
    return str(entries)


def number(x):
    return f"{x:.0f}" if x >= 99.5 else f"{x:.1f}" if x >= 9.95 else f"{x:.2f}"


def cell(row):
    noise = "~" if row["disturbed"] * 3 > row["rounds"] else ""
    ratio = f" ({row['ratio']:.2f})" if row["ratio"] and row["ratio"] != 1 else ""
    return f"{noise}{number(row['ns'])}{ratio}"


def show(rows):
    peers = list(dict.fromkeys(row["peer"] for row in rows))
    lines = {}
    for row in rows:
        key = (row["shape"], row["draw"], row["op"], row["threads"], short(row["entries"]))
        lines.setdefault(key, {})[row["peer"]] = cell(row)
    table = [["shape", "draw", "operation", "threads", "entries", *peers]]
    table += [[*key, *(cells.get(peer, "") for peer in peers)] for key, cells in lines.items()]
    widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
    for line in table:
        print("  ".join(text.rjust(width) for text, width in zip(line, widths)))


def main():
    if len(sys.argv) < 3 or sys.argv[1] != "show":
        sys.exit(__doc__)
    for path in sys.argv[2:]:
        show(list(read(path)))


if __name__ == "__main__":
    main()
