#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""readme_check.py: do README.md, docs/ do what they say?

    readme_check.py BUILD [PAGE...]      every page, or these, against what BUILD would install
    readme_check.py installed [PAGE...]  against what is installed on this system
    readme_check.py --demo LOG           the README's transcript of ./demo against a real one
    readme_check.py --update             write the README's table of speed anew from docs/figures/benchmarks.tsv
    readme_check.py --update-demo LOG    write the numbers of the README's transcript anew from a real ./demo's

Each page has a directory and maps of its own; the tutorial's chapters share theirs, in order, as for a reader. Links
lead to files and headings that are there. In a page:
    <!-- FILE -->     before a block says which file the block shows. One that the tree has must contain the
                      block. Files of the page's own, and files of the tree that are shown whole, lie in the
                      directory in which the page's commands run.
    ```sh             runs without error, all blocks of a page in order in one shell, in a directory that
                      looks like the tree, with programs, headers and libraries as after an installation;
                      started by root it is an ordinary user's shell
    ```text           directly behind a ```sh block is what that block prints; "..." stands for anything within
                      a line, a line "..." for any lines
    ```about          the same, but each number stands for any other: it depends on the machine
    ```yaml           without a file is a CI job: its "run: |" lines, but for apt-get, are commands of the page
    ```console        is shown only
In README.md, too: the sentences under "Troubleshooting" are the library's and the tool's own; the table under
"Speed" is that of the benchmarks; each map type has a column and a page.
"""
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile

TREE = pathlib.Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"(?:^<!-- (\S+) -->\n)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TIMEOUT_S = 60
MARK = "---- end of block"
SOURCES = TREE / "docs/figures/benchmarks.tsv"


# ---- programs and commands ----


def files_shown(page):
    """(name, text) of each block that says which file it shows."""
    return [(name, text) for name, _, text in BLOCK.findall(page) if name]


def is_whole(name, text):
    """All of a file but its first line, the licence's."""
    path = TREE / name
    return path.is_file() and path.read_text().split("\n", 1)[1].strip() == text.strip()


def check_files(page):
    """Blocks that show a file of the tree show what is in it."""
    findings = []
    for name, text in files_shown(page):
        path = TREE / name
        if path.is_file() and text.strip() not in path.read_text():
            findings.append(f"the block that shows {name} is not in that file")
        elif "/" in name and not path.is_file():
            findings.append(f"{name} is shown, and the tree has no such file")
    return findings


def anchors(page):
    """What links may name of a page: its headings, as GitHub writes them."""
    headings = re.findall(r"^#+ +(.*?) *$", BLOCK.sub("", page), re.MULTILINE)
    words = [re.sub(r"\[(.*?)\]\(.*?\)", r"\1", heading).lower() for heading in headings]
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in words}


def check_links(page, folder):
    """Links within the tree lead to files, and to headings in them."""
    findings = []
    for link in re.findall(r"\]\(([^)\s]+)\)", BLOCK.sub("", page)):
        name, _, anchor = link.partition("#")
        target = folder / name
        if "://" in link:
            continue
        if name and not target.exists():
            findings.append(f"a link leads to {name}, which is not there")
        elif anchor and anchor not in anchors(target.read_text() if name else page):
            findings.append(f"a link leads to {link}, which is no heading there")
    return findings


def scripts(page):
    """(commands, expected output or None, whether numbers may be others) of each sh block."""
    blocks = list(BLOCK.finditer(page))
    for block, following in zip(blocks, blocks[1:] + [None]):
        if block.group(2) != "sh":
            continue
        between = page[block.end() : following.start()].strip() if following else "end"
        kind = following.group(2) if following and not between else None
        yield block.group(3), following.group(3) if kind in ("text", "about") else None, kind == "about"


def line_pattern(line, loose):
    """Loose: numbers may be others, so that columns may be wider."""
    parts = map(re.escape, line.lstrip().split("...") if loose else line.split("..."))
    if loose:
        parts = (re.sub(r"(?:\\ )+", r" +", re.sub(r"\d+(?:\\\.\d+)?", r"[\\d.]+", part)) for part in parts)
    return (" *" if loose else "") + ".*?".join(parts) + "\n"


def is_like(output, expected, loose=False):
    lines = expected.splitlines()
    pattern = "".join("(?:.*\n)*?" if line.strip() == "..." else line_pattern(line, loose) for line in lines)
    return re.fullmatch(pattern, output) is not None


def ordinary(path):
    """As root: the words that run a command as an ordinary user, who gets the directory; else none. Nothing that pages
    show needs root. Where that user cannot read the tree, it must be root all the same."""
    if os.geteuid():
        return []
    user = int(os.environ.get("SUDO_UID", 65534))
    words = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--inh-caps=-all", "--no-new-privs"]
    for place in (path, *path.rglob("*")):
        os.chown(place, user, user, follow_symlinks=False)
    reaches = subprocess.run([*words, "test", "-r", TREE / "README.md", "-a", "-w", path]).returncode == 0
    return words if reaches else []


def bash(program, directory, env):
    """(None or what went wrong, output, errors). Nothing that it has started in the background stays."""
    words = ordinary(pathlib.Path(directory))
    if words and env and "BPFMAP_DIR" in env:
        ordinary(pathlib.Path(env["BPFMAP_DIR"]))
    run = subprocess.Popen([*words, "bash", "-eu", "-o", "pipefail", "-c", program], cwd=directory, env=env, text=True,
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           start_new_session=True)
    try:
        out, err = run.communicate(timeout=TIMEOUT_S)
        status = f"status {run.returncode}" if run.returncode else None
    except subprocess.TimeoutExpired:
        os.killpg(run.pid, signal.SIGKILL)
        out, err = run.communicate()
        status = f"no end after {TIMEOUT_S} s"
    try:
        os.killpg(run.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    return status, out, err


def check_commands(page, directory, env=None):
    blocks = list(scripts(page))
    program = "".join(f"{commands}\necho '{MARK}'\n" for commands, *_ in blocks)
    status, out, err = bash(program, directory, env)
    outputs = out.split(MARK + "\n")
    findings = []
    if status:
        findings.append(f"sh block {len(outputs)} ends with {status}: {err.strip()}")
    for (commands, expected, loose), output in zip(blocks, outputs):
        if expected is not None and not is_like(output, expected, loose):
            findings.append(f"{commands.strip()}\nprints\n{output}\nand the page shows\n{expected}")
    return findings


def check_jobs(page):
    """What a CI job runs is what the page's own blocks have shown to work."""
    commands = {line.strip() for block, *_ in scripts(page) for line in block.splitlines()}
    findings = []
    for name, kind, text in BLOCK.findall(page):
        if kind != "yaml" or name:
            continue
        lines = re.findall(r"^ {10}(\S.*)$", text, re.MULTILINE)
        findings += [f"a CI job runs \"{line}\", which no sh block does" for line in lines
                     if "apt-get" not in line and line not in commands]
        if not lines:
            findings.append("a CI job without commands")
    return findings


# ---- sentences of the library and the tool ----


TOKEN = re.compile(r"""/\*.*?\*/|//[^\n]*|'(?:\\.|[^'\\\n])+'|"(?:\\.|[^"\\\n])*\"""", re.DOTALL)


def sentences():
    """All string literals of src/, a line each: adjacent ones joined, formats as an ellipsis."""
    text = "\n".join(TOKEN.sub(lambda t: t.group() if t.group()[0] == '"' else " ", path.read_text())
                     for kind in ("*.c", "*.h", "*.def") for path in sorted((TREE / "src").rglob(kind)))
    text = re.sub(r'"\s*(PRI\w+)\s*"', "d", text)
    text = re.sub(r'"\s*"', "", text)
    text = "\n".join(re.findall(r'"((?:[^"\\\n]|\\.)*)"', text))
    return re.sub(r"%[-+ #0]*[\d.*]*(?:hh|h|ll|l|z|j)?[a-zA-Z]", "…", text)


def check_troubles(readme, known):
    section = re.search(r"^## Troubleshooting\n(.*?)^## ", readme, re.MULTILINE | re.DOTALL)
    if not section:
        return ["there is no section Troubleshooting"]
    quoted = re.findall(r"^\| `(.*?)` \|", section.group(1), re.MULTILINE)
    findings = [f"nothing in src/ says: {q}" for q in quoted if q not in known]
    return findings or ([] if quoted else ["no sentence is quoted under Troubleshooting"])


# ---- map types ----


def types():
    """The words of types.def."""
    return re.findall(r'^MAP_TYPE\(\w+, "(\w+)"', (TREE / "src/map/types.def").read_text(), re.MULTILINE)


def check_types(readme, words, pages):
    """Each type has a column in the README and a page, and no page is left over."""
    heading = re.search(r"^\| operation \|.*bloom_filter.*$", readme, re.MULTILINE)
    columns = re.findall(r"\[(\w+)\]\(docs/maps/(\w+)\.md\)", heading.group() if heading else "")
    findings = [f"the README's table of map types has no column for {w}" for w in words if (w, w) not in columns]
    findings += [f"docs/maps/{w}.md is missing" for w in words if w not in pages]
    return findings + [f"docs/maps/{p}.md describes no type" for p in pages if p not in words]


# ---- figures ----

# Rows of the table under "Speed": words, and the question, shape and operation in the benchmarks.
SPEED = [
    ("hash, lookup", "hash", "8/8", "hit"),
    ("hash, lookup of an absent key", "hash", "8/8", "miss"),
    ("hash, update", "hash", "8/8", "update"),
    ("hash, delete and insert", "hash", "8/8", "churn"),
    ("hash, lookup, 16-byte keys, 64-byte values", "hash", "16/64", "hit"),
    ("hash, update, 16-byte keys, 64-byte values", "hash", "16/64", "update"),
    ("LRU, lookup", "lru", "8/8", "hit"),
    ("LRU, insertion into a full map", "lru", "8/8", "insert"),
]
CONCURRENT = {"urcu", "ck_ht", "rte_hash", "libcuckoo", "tbb"}
HEADING = ("| operation | entries | ns | kernel's time / ours | best other table's time / ours |\n"
           "|---|---|---|---|---|\n")


def measurements(text):
    rows = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    return [dict(zip(rows[0], row)) for row in rows[1:]]


def number(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def thousands(entries):
    return f"{entries >> 20}M" if entries >= 1 << 20 else f"{entries >> 10}k"


def span(values, shown=number):
    ends = sorted({shown(min(values)), shown(max(values))}, key=[shown(min(values)), shown(max(values))].index)
    return " to ".join(ends)


def speed_table(text):
    """The table under "Speed": one thread, uniform draws, over all sizes that were measured."""
    rows = [r for r in measurements(text) if r["threads"] == "1" and r["draw"] == "uniform"]
    table = HEADING
    for words, question, shape, op in SPEED:
        mine = [r for r in rows if (r["question"], r["shape"], r["op"]) == (question, shape, op)]
        sizes = sorted({int(r["entries"]) for r in mine})
        ratio = lambda peers: [[float(r["ratio"]) for r in mine if int(r["entries"]) == n and peers(r["peer"])]
                               for n in sizes]
        ours = [float(r["ns"]) for r in mine if r["peer"] == ("ours-lru" if question == "lru" else "ours")]
        kernel = [v for at in ratio(lambda p: p in ("kernel", "kernel-lru")) for v in at]
        others = [min(at) for at in ratio(lambda p: p in CONCURRENT) if at]
        table += f"| {words} | {span(sizes, thousands)} | {span(ours)} | {span(kernel)} | {span(others) if others else ''} |\n"
    return table


def check_speed(readme, table):
    return [] if table in readme else [
        "the table under Speed is not that of docs/figures/benchmarks.tsv; tools/readme_check.py --update writes it anew"]


def speed_written(readme, table):
    start = readme.index(HEADING.split("\n")[0])
    return readme[:start] + table + readme[readme.index("\n\n", start) + 1 :]


RATIOS = TREE / "docs/figures/lru-hit-ratio.md"
RATIO_SLACK = 0.3  # percentage points: the kernel's map is measured anew with each report


def ratio_rows(text):
    """name -> first three numbers, and whether it is marked as below."""
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()
             if re.match(r"\| .* \|( [\d.]+ \|){3}", line)]
    return {row[0]: ([float(cell) for cell in row[1:4]], "**below**" in row) for row in cells}


def check_ratios(page, report):
    """The hit ratios in lru_hash.md are the report's, and name every trace on which our map is below the others."""
    measured = ratio_rows(report)
    shown = ratio_rows(page)
    findings = [f"hit ratios of {name}: {row} is shown, {measured.get(name, [None])[0]} was measured"
                for name, (row, _) in shown.items()
                if name not in measured or max(abs(a - b) for a, b in zip(row, measured[name][0])) > RATIO_SLACK]
    findings += [f"hit ratios: below on {name}, which is not named" for name, (_, below) in measured.items()
                 if below and name not in page]
    return findings or ([] if shown else ["no hit ratios are shown"])


# ---- the demo ----


def stable_lines(transcript):
    """Lines that every run prints; those with a process, a rate or a moment in them are taken out."""
    return [line for line in transcript.splitlines()
            if line.strip() not in ("", "...") and not re.search(r"\[\d+\]|a second; |as user|^\$", line)]


def check_demo(readme, log):
    shown = [text for _, kind, text in BLOCK.findall(readme) if kind == "console" and "$ ./demo\n\n" in text]
    if not shown:
        return ["the README shows no transcript of ./demo"]
    lines = log.splitlines()
    if any("kernel: skipped" in line for line in lines):
        print("the kernel's part was skipped, so its lines are not compared")
        shown[0] = shown[0].split("== the same object in the kernel")[0]
    return [f"./demo no longer prints: {line}" for line in stable_lines(shown[0]) if line not in lines]


def line_like(shown):
    """A pattern for lines that differ in their numbers or the user; before an empty one, others may have been left out."""
    if not shown:
        return r"(?:.+\n)*()\n"
    pattern = re.sub(r"as\\ user\\ \w+", r"as user \\w+", re.escape(shown))
    pattern = re.sub(r"(?:\\ )+", " +", re.sub(r"\d[\d,.]*", r"[\\d,.]+", pattern))
    return f"({pattern})\n"


def demo_written(readme, log):
    """The README with the log's lines in its transcript; None if the log has others."""
    start = readme.index("$ ./demo\n") + len("$ ./demo\n")
    lines = readme[start : readme.index("```", start)].splitlines()
    pattern = "".join("(?:.*\n)*?" if line == "..." else line_like(line) for line in lines)
    found = re.fullmatch(pattern, log)
    if not found:
        return None
    words = iter(found.groups())
    shown = "".join(("..." if line == "..." else next(words)) + "\n" for line in lines)
    return readme[:start] + shown + readme[start + sum(len(line) + 1 for line in lines) :]


# ---- where pages run ----


def look_alike(directory, build):
    for entry in TREE.iterdir():
        if entry.name not in ("build", ".git"):
            (directory / entry.name).symlink_to(entry)
    if build:
        (directory / "build").mkdir()
        (directory / "build" / "plain").symlink_to(build)


def environment(scratch, build):
    """As for somebody who has installed the build; None as build: who has, indeed."""
    env = dict(os.environ)
    if not build:
        return env
    run = subprocess.run(["meson", "install", "-C", build, "--no-rebuild", "--quiet", "--destdir", scratch / "installed"],
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if run.returncode:
        sys.exit(f"meson install: {run.stdout.strip()}")
    pc = next((scratch / "installed").rglob("pkgconfig"))
    env["PATH"] = f"{next((scratch / 'installed').rglob('bin'))}:{env['PATH']}"
    env["LD_LIBRARY_PATH"] = str(pc.parent)
    env["PKG_CONFIG_PATH"] = str(pc)
    env["PKG_CONFIG_SYSROOT_DIR"] = str(scratch / "installed")
    return env


def check_page(path, env, directory, maps):
    page = path.read_text()
    for name, text in files_shown(page):
        if "/" not in name:
            (directory / name).write_text(text)
        elif is_whole(name, text):
            (directory / pathlib.Path(name).name).write_text(text)
    findings = check_files(page) + check_jobs(page) + check_links(page, path.parent)
    return findings + check_commands(page, directory, dict(env, BPFMAP_DIR=str(maps), TMPDIR=str(directory)))


def place_for(path, scratch, shm, build):
    """The directories in which a page runs and has its maps; chapters find those of the chapter before."""
    name = path.parent.name if path.parent == TREE / "docs/tutorial" else path.stem
    directory, maps = scratch / name, shm / name
    if not directory.exists():
        directory.mkdir()
        look_alike(directory, build)
        maps.mkdir(mode=0o700)
    return directory, maps


def check_pages(pages, build):
    findings = []
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with (tempfile.TemporaryDirectory(prefix="bpfmap-pages.") as name,
          tempfile.TemporaryDirectory(prefix="bpfmap-pages.", dir=base) as maps):
        scratch, shm = pathlib.Path(name), pathlib.Path(maps)
        for place in (scratch, shm):
            place.chmod(0o755)
        env = environment(scratch, build)
        for path in pages:
            found = check_page(path, env, *place_for(path, scratch, shm, build))
            print(f"{path.relative_to(TREE)}: {len(list(scripts(path.read_text())))} blocks run, {len(found)} findings")
            findings += [f"{path.relative_to(TREE)}: {finding}" for finding in found]
    return findings


# ---- canaries ----

CANARIES = [
    ("sound", "```sh\necho a\n```\n\n```text\na\n```\n", None),
    ("failing command", "```sh\ntrue\n```\n```sh\nfalse\n```\n", "sh block 2"),
    ("other output", "```sh\necho a\n```\n```text\nb\n```\n", "and the page shows"),
    ("failing pipe", "```sh\nfalse | cat\n```\n", "sh block 1"),
    ("anything in a line", "```sh\necho a 5 b\n```\n```text\na ... b\n```\n", None),
    ("not anything", "```sh\necho a 5 c\n```\n```text\na ... b\n```\n", "and the page shows"),
    ("any number", "```sh\necho a 5.5  KiB\n```\n```about\na 123 KiB\n```\n", None),
    ("wider number", "```sh\necho 15 a\n```\n```about\n 5 a\n```\n", None),
    ("no number", "```sh\necho a none KiB\n```\n```about\na 123 KiB\n```\n", "and the page shows"),
    ("any lines", "```sh\nseq 9\n```\n```text\n1\n...\n9\n```\n", None),
    ("last line missing", "```sh\nseq 8\n```\n```text\n1\n...\n9\n```\n", "and the page shows"),
]

TABLE = "question\tshape\tdraw\top\tentries\tthreads\tpeer\tns\tratio\n" + "".join(
    f"{q}\t{s}\tuniform\t{op}\t{n}\t1\t{peer}\t{n / 100}\t{ratio}\n"
    for _, q, s, op in SPEED for n in (1000, 2000)
    for peer, ratio in (("ours" if q == "hash" else "ours-lru", 1), ("kernel", 3), ("tbb", n / 500), ("urcu", 9)))


def other_canaries():
    """(name, findings, words that must be among them or None)."""
    trouble = "## Troubleshooting\n| `map …: bad` | x |\n## End\n"
    demo = "```console\n$ ./demo\n\n== flows\ntop[7]: 3\n5 flows\n```\n"
    job = "```sh\nmake it\n```\n```yaml\n  run: |\n          make {}\n```\n"
    table = speed_table(TABLE)
    yield "file of the tree", check_files("<!-- LICENSE -->\n```c\nint a;\n```\n"), "LICENSE"
    yield "file that is gone", check_files("<!-- no/such.c -->\n```c\nint a;\n```\n"), "no such file"
    yield "file of the page", check_files("<!-- a.c -->\n```c\nint a;\n```\n"), None
    yield "link", check_links("[a](LICENSE) [b](https://c.org/d) ![e](README.md#licence)", TREE), None
    yield "dead link", check_links("[a](no/such.md)", TREE), "no/such.md"
    yield "heading", check_links("# A `b`, c\n[a](#a-b-c) [b](README.md#map-types)", TREE), None
    yield "no heading", check_links("# A\n[a](#b)", TREE), "#b"
    yield "no heading there", check_links("[b](README.md#no-such)", TREE), "#no-such"
    yield "sentence", check_troubles(trouble, "x map …: bad x"), None
    yield "other sentence", check_troubles(trouble, "map …: good"), "nothing in src/"
    yield "no sentences", check_troubles("## Troubleshooting\n## End\n", ""), "no sentence"
    columns = "| operation | [hash](docs/maps/hash.md) | [bloom_filter](docs/maps/bloom_filter.md) |\n"
    yield "types", check_types(columns, ["hash", "bloom_filter"], ["hash", "bloom_filter"]), None
    yield "type without a column", check_types(columns, ["hash", "trie"], ["hash", "trie"]), "no column for trie"
    yield "type without a page", check_types(columns, ["hash"], []), "hash.md is missing"
    report = "| a, 1k | 10.11 | 20 | 30 | +1 |\n| b, 1k | 1 | 2 | 1.5 | -0.5 | **below** |\n"
    yield "ratios", check_ratios("| a, 1k | 10.1 | 20.0 | 30.0 |\n| b, 1k | 0.5 |", report), None
    yield "other ratios", check_ratios("| a, 1k | 10.9 | 20.0 | 30.0 |\n| b, 1k | 0.5 |", report), "was measured"
    yield "ratio not named", check_ratios("| a, 1k | 10.1 | 20.0 | 30.0 |\n", report), "which is not named"
    yield "transcript", check_demo(demo, "== flows\ntop[9]: 1\n5 flows\n"), None
    yield "other transcript", check_demo(demo, "== flows\n6 flows\n"), "5 flows"
    page = f"a\n{demo.replace('top[7]: 3', 'as user x, 3' + chr(10) + '...')}b\n"
    log = "\n== flows\nas user y, 1,5\nmore\n5 flows\n"
    yield "transcript written", check_demo(demo_written(page, log), log), None
    yield "its numbers", [] if "user y, 1,5\n...\n5 flows\n```\nb\n" in demo_written(page, log) else ["old"], None
    yield "transcript not written", [str(demo_written(page, "== flows\n5 trees\n"))], "None"
    yield "job", check_jobs(job.format("it")), None
    yield "other job", check_jobs(job.format("that")), "no sh block"
    yield "speed", check_speed("a\n" + table + "\nb", table), None
    yield "other speed", check_speed("a\n" + table.replace("20.0", "21.0") + "\nb", table), "--update"
    yield "speed written", check_speed(speed_written("a\n" + HEADING + "| old |\n\nb\n", table), table), None


def self_test():
    cases = []
    for name, page, expected in CANARIES:
        with tempfile.TemporaryDirectory(prefix="bpfmap-canary.") as directory:
            cases.append((name, check_commands(page, directory), expected))
    cases += list(other_canaries())
    failures = 0
    for name, found, expected in cases:
        if bool(expected) != bool(found) or not all(expected in finding for finding in found):
            failures += 1
            print(f"FAIL {name}", *found, sep="\n  ")
    print(f"{len(cases) - failures} of {len(cases)} canaries as expected")
    return 1 if failures else 0


def main(arguments):
    if arguments == ["--self-test"]:
        return self_test()
    readme = TREE / "README.md"
    if arguments == ["--update"]:
        readme.write_text(speed_written(readme.read_text(), speed_table(SOURCES.read_text())))
        return 0
    if arguments[0] == "--update-demo":
        text = demo_written(readme.read_text(), pathlib.Path(arguments[1]).read_text())
        if not text:
            print("the log has other lines than the transcript, not only other numbers: run ./demo once more, or edit it")
            return 1
        readme.write_text(text)
        return 0
    if arguments[0] == "--demo":
        findings = check_demo(readme.read_text(), pathlib.Path(arguments[1]).read_text())
    else:
        build = None if arguments[0] == "installed" else pathlib.Path(arguments[0]).resolve()
        pages = [pathlib.Path(a).resolve() for a in arguments[1:]] or [
            *sorted(TREE.glob("*.md")), *sorted(TREE.glob("docs/**/*.md"))]
        findings = check_pages(pages, build)
        if readme in pages:
            text = readme.read_text()
            findings += check_types(text, types(), [path.stem for path in TREE.glob("docs/maps/*.md")])
            findings += check_ratios((TREE / "docs/maps/lru_hash.md").read_text(), RATIOS.read_text())
            findings += check_troubles(text, sentences()) + check_speed(text, speed_table(SOURCES.read_text()))
    for finding in findings:
        print(finding)
    return 1 if findings else 0


sys.exit(main(sys.argv[1:]))
