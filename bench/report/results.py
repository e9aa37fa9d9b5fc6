# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""results.py: what bench/run measured, and how numbers are written."""
import pathlib

FIELDS = ("shape draw op entries threads peer ns least most ratio ratio_least ratio_most rounds disturbed "
          "wrong").split()


def read(path):
    """Rows as dictionaries; the columns are those of harness/race.c."""
    rows = []
    for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines():
        row = dict(zip(FIELDS, line.split("\t")))
        for name in FIELDS[6:12]:
            row[name] = float(row[name])
        for name in ["entries", "rounds", "disturbed", "wrong"]:
            row[name] = int(row[name])
        rows.append(row)
    return rows


class Results:
    """All questions' rows."""

    def __init__(self, folder):
        self.by_question = {p.stem: read(p) for p in sorted(pathlib.Path(folder).glob("*.tsv"))}

        programs = pathlib.Path(folder) / "programs.table"
        lines = programs.read_text(encoding="utf-8").splitlines() if programs.exists() else []
        self.programs = [dict(zip(lines[0].split("\t"), line.split("\t"))) for line in lines[1:]]

    def rows(self, question, **wanted):
        return [row for row in self.by_question.get(question, [])
                if all(row[name] == value for name, value in wanted.items())]

    def one(self, question, **wanted):
        found = self.rows(question, **wanted)
        return found[0] if found else None

    def values(self, question, field, **wanted):
        """The field's values in order, each once."""
        return list(dict.fromkeys(row[field] for row in self.rows(question, **wanted)))

    def ns(self, question, **wanted):
        row = self.one(question, **wanted)
        return row["ns"] if row else None

    def beyond_loop(self, question, **wanted):
        """Without what the peer's loop costs: the kernel's is dearer than ours."""
        row = self.one(question, **wanted)
        loop = self.ns(question, **{**wanted, "op": "loop"})
        if row and loop is None:
            loop = self.ns("hash", op="loop", peer=row["peer"], entries=row["entries"], shape=row["shape"])
        return max(row["ns"] - (loop or 0), 0.01) if row else None


def short(entries):
    for unit, name in [(1 << 20, "M"), (1 << 10, "k")]:
        if entries >= unit and entries % unit == 0:
            return f"{entries // unit}{name}"
    return str(entries)


def number(x):
    return f"{x:.0f}" if x >= 99.5 else f"{x:.1f}" if x >= 9.95 else f"{x:.2f}"


def noisy(row):
    return row["disturbed"] * 3 > row["rounds"]


def cell(row, times="×"):
    """Median, how many times the first peer's, and ~ where over a third of the samples were disturbed."""
    ratio = f" {times}{number(row['ratio'])}" if row["ratio"] and row["ratio"] != 1 else ""
    return f"{'~' if noisy(row) else ''}{number(row['ns'])}{ratio}"
