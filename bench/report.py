#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""report.py show TABLE...            results of bench/run for the terminal
report.py write RESULTS OUT KIND   OUT/benchmarks.md and OUT/figures; KIND is quick or empty

A cell is the median in nanoseconds and how many times ours it is; ~ marks figures of which more than a third
of the samples were disturbed. bench/profiles.md, if there, becomes part of the page: what the time is
spent on where a target was missed.
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent / "report"))

import page  # noqa: E402
from results import FIELDS, Results, cell, read, short  # noqa: E402


def show(rows):
    peers = list(dict.fromkeys(row["peer"] for row in rows))
    lines = {}
    for row in rows:
        key = (row["shape"], row["draw"], row["op"], row["threads"], short(row["entries"]))
        lines.setdefault(key, {})[row["peer"]] = cell(row, "x")
    table = [["shape", "draw", "operation", "threads", "entries", *peers]]
    table += [[*key, *(cells.get(peer, "") for peer in peers)] for key, cells in lines.items()]
    widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
    for line in table:
        print("  ".join(text.rjust(width) for text, width in zip(line, widths)))


def write(folder, out, kind):
    results = Results(folder)
    profiles = pathlib.Path(__file__).parent / "profiles.md"
    notes = profiles.read_text(encoding="utf-8").splitlines()[1:] + [""] if profiles.exists() else []
    page.write(results, out, kind, notes)
    with open(pathlib.Path(out) / "figures" / "benchmarks.tsv", "w", encoding="utf-8") as target:
        target.write("# SPDX-License-" + "Identifier: LGPL-2.1-only OR BSD-2-Clause\n")
        target.write("\t".join(["question", *FIELDS]) + "\n")
        for question in results.by_question:
            for row in results.rows(question):
                target.write("\t".join([question, *(str(row[name]) for name in FIELDS)]) + "\n")


def main():
    if len(sys.argv) >= 3 and sys.argv[1] == "show":
        for path in sys.argv[2:]:
            show(read(path))
    elif len(sys.argv) == 5 and sys.argv[1] == "write":
        write(*sys.argv[2:])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
