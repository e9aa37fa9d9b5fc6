# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""plots.py: curves and bars by gnuplot, as SVG and PNG."""
import pathlib
import subprocess

from results import short

# Ours is red and thick; the kernel dark; bounds grey; other tables in the rest.
LOOKS = {
    "ours": "lc rgb '#c00020' lw 3 pt 7", "ours-shared": "lc rgb '#e07080' lw 2 pt 6",
    "ours-fd": "lc rgb '#e08000' lw 2 pt 4", "kernel": "lc rgb '#000000' lw 2 pt 5",
    "syscall": "lc rgb '#777777' lw 1 pt 4 dt 2", "urcu": "lc rgb '#1f77b4' lw 1 pt 8",
    "ck_ht": "lc rgb '#2ca02c' lw 1 pt 10", "rte_hash": "lc rgb '#9467bd' lw 1 pt 12",
    "libcuckoo": "lc rgb '#8c564b' lw 1 pt 14", "tbb": "lc rgb '#17becf' lw 1 pt 2",
    "absl": "lc rgb '#999999' lw 1 pt 1 dt 3", "line": "lc rgb '#bbbbbb' lw 2 dt 2 pt 3",
}
SPARE = ["lc rgb '#c00020' lw 3 pt 7", "lc rgb '#e08000' lw 2 pt 6", "lc rgb '#000000' lw 2 pt 5",
         "lc rgb '#777777' lw 2 pt 4 dt 2", "lc rgb '#1f77b4' lw 2 pt 8", "lc rgb '#2ca02c' lw 2 pt 10"]
KEY_LINES = 4


class Panel:
    """Curves: name -> [(x, median, least, most)]."""

    def __init__(self, title, xlabel, ylabel="ns per operation", log="xy", xtics=None):
        self.title, self.xlabel, self.ylabel, self.log, self.xtics = title, xlabel, ylabel, log, xtics
        self.curves = {}

    def add(self, name, points):
        if points:
            self.curves[name] = points
        return self

    def commands(self, key):
        spread = [value for points in self.curves.values() for _x, value, *_ in points]
        lines = [f'set title "{self.title}"', f'set xlabel "{self.xlabel}"', f'set ylabel "{self.ylabel}"',
                 "unset logscale", f"set logscale {self.log}" if self.log else "",
                 "set yrange [0:*]" if "y" not in self.log else
                 f"set yrange [{min(spread) / 1.5}:{max(spread) * 1.5}]",
                 "set key outside right center vertical Left reverse samplen 2 width 1" if key else "unset key"]
        xs = sorted({x for points in self.curves.values() for x, *_ in points})
        tics = self.xtics or {x: short(int(x)) for x in xs}
        lines.append("set xtics (" + ", ".join(f'"{tics.get(x, x)}" {x}' for x in xs) + ")")
        margin = (xs[-1] / xs[0]) ** 0.05 if "x" in self.log else 1
        lines.append(f"set xrange [{xs[0] / margin}:{xs[-1] * margin}]" if "x" in self.log else
                     f"set xrange [{xs[0] - 0.3}:{xs[-1] + 0.3}]")
        plots = []
        for i, (name, points) in enumerate(self.curves.items()):
            lines.append(f"$d{i} << EOD\n" + "\n".join(" ".join(map(str, p)) for p in points) + "\nEOD")
            look = LOOKS.get(name, SPARE[i % len(SPARE)])
            plots.append(f"$d{i} using 1:2 with linespoints {look} ps 0.7 title \"{name.replace('_', chr(92) * 2 + '_')}\"")
        return "\n".join(lines) + "\nplot " + ", ".join(plots) + "\n"


def draw(path, panels, columns=2, width=560, height=400):
    """Writes path.svg and path.png."""
    panels = [panel for panel in panels if panel.curves]
    if not panels:
        return False
    rows = -(-len(panels) // columns)
    body = "".join(panel.commands(True) for panel in panels)
    names = max(len(name) for panel in panels for name in panel.curves)
    for kind, terminal in [("svg", "svg font 'sans,11' background 'white'"), ("png", "pngcairo font 'sans,9'")]:
        script = (f"set terminal {terminal} size {width * columns},{height * rows}\n"
                  f"set output '{path}.{kind}'\nset rmargin {names + 9}\nset grid lt 1 lw 0.5 lc rgb '#dddddd'\n"
                  f"set multiplot layout {rows},{columns}\n{body}unset multiplot\n")
        subprocess.run(["gnuplot"], input=script, text=True, check=True)
    svg = pathlib.Path(f"{path}.svg")
    lines = svg.read_text(encoding="utf-8").split("\n", 1)
    # The XML declaration says nothing that is not the default.
    svg.write_text("<!-- SPDX-License-" + "Identifier: LGPL-2.1-only OR BSD-2-Clause -->\n" + lines[1], encoding="utf-8")
    return True


def points(rows, x=lambda row: row["entries"]):
    return sorted((x(row), row["ns"], row["least"], row["most"]) for row in rows if row["ns"] > 0)


def by_entries(results, question, ops, **wanted):
    panels = []
    for op, title in ops:
        panel = Panel(title, "entries")
        for peer in results.values(question, "peer", op=op, **wanted):
            panel.add(peer, points(results.rows(question, op=op, peer=peer, **wanted)))
        panels.append(panel)
    return panels


def by_threads(results, ops):
    panels = []
    for op, title in ops:
        for n in results.values("threads", "entries"):
            panel = Panel(f"{title}, {short(n)} entries", "threads", log="y", xtics={1: "1", 2: "2"})
            for peer in results.values("threads", "peer", op=op, entries=n):
                rows = results.rows("hash", op=op, entries=n, peer=peer, shape="8/8")
                rows += results.rows("threads", op=op, entries=n, peer=peer)
                panel.add(peer, points(rows, lambda row: int(row["threads"])))
            panels.append(panel)
    return panels


def value_bytes(row):
    return int(row["shape"].split("/")[1])


def by_value(results, ops):
    panels = []
    for op, title in ops:
        panel = Panel(title, "bytes in a value")
        for peer in results.values("values", "peer", op=op):
            panel.add(peer, points(results.rows("values", op=op, peer=peer), value_bytes))
        panels.append(panel)
    return panels


def by_hashes(results, n, ops):
    panel = Panel(f"Bloom filter of {short(n)} values", "hash functions", log="y",
                  xtics={k: str(k) for k in range(1, 16)})
    for peer in results.values("bloom", "peer"):
        for op, word in ops:
            rows = [row for row in results.rows("bloom", op=op, peer=peer, entries=n)]
            panel.add(f"{word}, {peer.split('-')[0]}", points(rows, lambda row: int(row["draw"][1:])))
    return panel


def growth(results):
    panels = []
    for op, title, ylabel in [("fill", "inserting, time per entry", "ns"), ("hit", "lookup", "ns"),
                              ("iterate", "iteration, time per entry", "ns"),
                              ("dump", "batch dump, time per entry", "ns"),
                              ("bytes", "memory per entry when full", "bytes"),
                              ("create", "creation", "ns in all")]:
        panel = Panel(title, "entries", ylabel, log="xy" if op == "create" else "x")
        for peer in results.values("growth", "peer", op=op):
            panel.add(peer, points(results.rows("growth", op=op, peer=peer)))
        if op == "create":
            panel.add("as many pages", points(results.rows("growth", op="pages")))
        panels.append(panel)
    return panels
