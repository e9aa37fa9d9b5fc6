#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""examples.py: are the examples in the man pages true?

    examples.py BUILD PAGE.scd...            run them; speaks TAP, a case for each command
    examples.py BUILD --record PAGE.scd...   write what they print into the pages, to be read and shortened

In the sources' blocks between lines of ``` :

    $ command        runs in a shell, all of one page in order, in a directory of the page's own, with a runtime
    > more of it     directory of its own. There are web.pcap, the examples' objects (seen.bpf.o), and docs.
    # command        the same for root, where bpf(2) is permitted; else it is skipped
    output           all that the command prints, errors too. A line of "..." stands for any lines, "..." in a line
                     for any text. Blanks count as one. A command that fails is followed by $ echo $?
    /* name.c */     as the first line: the block is that file

The runtime directory is shown as /dev/shm/bpfmap-1000. Blocks without such lines are not run.
"""
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

TREE = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TREE / "man"))
import pages  # noqa: E402

PROMPT = re.compile(r"^[$#] ")
FILE_NAME = re.compile(r"^/\* ([\w.]+) \*/\n")
SHOWN_DIR = "/dev/shm/bpfmap-1000"
TIMEOUT_S = 120
PAGES_AT_ONCE = 4  # most of their time they wait: for a second of bpfmap top, for counts of the kernel's maps

NO_COMPILER = "there is no compiler for programs"  # libbpfmap-jit is not built everywhere

SCRIPT_HEAD = 'set +m; cd "$WORK"; true\n'
SCRIPT_STEP = """eval {command} >"$OUT/{n}" 2>&1 </dev/null
s=$?; echo $s >"$OUT/{n}.status"; (exit $s)
"""


class Example:
    def __init__(self, first):
        self.for_root = first.startswith("# ")
        self.command = first[2:]
        self.expected = []


def examples_of(text):
    """The commands of a page in order, and its files: name -> text."""
    found, files = [], {}
    for block in pages.BLOCK.findall(text):
        if match := FILE_NAME.match(block):
            files[match.group(1)] = block
            continue
        current = None
        for line in block.splitlines():
            if PROMPT.match(line):
                current = Example(line)
                found.append(current)
            elif current and line.startswith("> ") and not current.expected:
                current.command += "\n" + line[2:]
            elif current:
                current.expected.append(line)
    return found, files


def words(line):
    return " ".join(line.split())


def pattern_of(expected):
    parts = []
    for line in expected:
        if line.strip() == "...":
            parts.append(r"(?:.*\n)*?")
        else:
            parts.append(".*".join(re.escape(part) for part in words(line).split("...")) + r" ?\n")
    return re.compile("".join(parts))


def is_said(output, expected):
    text = "".join(words(line) + "\n" for line in output.splitlines())
    return bool(pattern_of(expected).fullmatch(text))


class Session:
    """A page's commands, run one after the other in one shell."""

    def __init__(self, build, examples, files, may_bpf):
        self.base = pathlib.Path(tempfile.mkdtemp(prefix="bpfmap-man.", dir=os.environ.get("TMPDIR")))
        shm = os.environ.get("BPFMAP_DIR") or ("/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
        self.maps = pathlib.Path(tempfile.mkdtemp(prefix="bpfmap-man.", dir=shm))
        self.work, self.out = self.base / "work", self.base / "out"
        for folder in (self.work, self.out):
            folder.mkdir()
        for source in [TREE / "examples/data/web.pcap", TREE / "docs", *build.glob("examples/*.bpf.o")]:
            (self.work / source.name).symlink_to(source)
        for name, text in files.items():
            (self.work / name).write_text(text)
        script = SCRIPT_HEAD
        for n, example in enumerate(examples):
            if not example.for_root or may_bpf:
                script += SCRIPT_STEP.format(n=n, command=quoted(example.command))
        subprocess.run(["bash", "--norc", "-c", script], env=self.environment(build), timeout=TIMEOUT_S,
                       stdin=subprocess.DEVNULL, check=False)

    def environment(self, build):
        libraries = f"{build}/src:{build}/src/compat:{build}/src/object"
        module = pathlib.Path(build) / "src/jit/libbpfmap-jit.so"
        found = {"BPFMAP_JIT": str(module)} if module.exists() else {}
        return {**os.environ, **found, "PATH": f"{build}/src/cli:{os.environ['PATH']}", "WORK": str(self.work),
                "OUT": str(self.out), "BPFMAP_DIR": str(self.maps), "CPATH": str(TREE / "include"),
                "LIBRARY_PATH": libraries, "LD_LIBRARY_PATH": libraries, "LC_ALL": "C.UTF-8"}

    def said(self, n):
        """(status, output); status None: it did not run to its end."""
        path = self.out / f"{n}.status"
        output = (self.out / str(n)).read_text(errors="replace") if (self.out / str(n)).exists() else ""
        output = output.replace(str(self.maps), SHOWN_DIR).replace(str(self.work), "/home/you")
        return (int(path.read_text()) if path.exists() else None), output

    def close(self):
        shutil.rmtree(self.base, ignore_errors=True)
        shutil.rmtree(self.maps, ignore_errors=True)


def quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


def is_looked_at(examples, n):
    """A command that fails must be meant to."""
    return n + 1 < len(examples) and examples[n + 1].command == "echo $?"


def verdicts(build, path, may_bpf):
    """(name, None if it is true, else what is wrong; or "SKIP ...") for each command of a page."""
    page = pages.Page(path)
    examples, files = examples_of(page.text)
    session = Session(build, examples, files, may_bpf)
    for n, example in enumerate(examples):
        name = f"{page.title}({page.section}): " + example.command.splitlines()[0]
        status, output = session.said(n)
        if example.for_root and not may_bpf:
            yield name, "SKIP bpf(2) is not permitted"
        elif NO_COMPILER in output:
            yield name, f"SKIP {NO_COMPILER}"
        elif status and not is_looked_at(examples, n):
            yield name, f"ends with status {status}\n{output}"
        elif status is None or not is_said(output, example.expected):
            yield name, f"prints\n{output}and the page shows\n" + "\n".join(example.expected)
        else:
            yield name, None
    session.close()


def record(build, path, may_bpf):
    """The page's source with what its commands print now."""
    page, text = pages.Page(path), pathlib.Path(path).read_text()
    examples, files = examples_of(page.text)
    session = Session(build, examples, files, may_bpf)
    count = 0

    def block_recorded(match):
        nonlocal count
        lines = []
        if FILE_NAME.match(match.group(1)):
            return match.group()
        for line in match.group(1).splitlines():
            if PROMPT.match(line) or not lines:
                lines.append([line, None])
                if PROMPT.match(line):
                    lines[-1][1] = count
                    count += 1
            elif line.startswith("> "):
                lines.append([line, lines[-1][1]])
                lines[-2][1] = None
            elif not any(n is not None for _, n in lines):
                lines.append([line, None])
        out = "".join(f"{line}\n" + (session.said(n)[1] if n is not None else "") for line, n in lines)
        return f"```\n{out}```"

    pathlib.Path(path).write_text(pages.BLOCK.sub(block_recorded, text))
    session.close()


def bpf_permitted(build):
    run = subprocess.run([f"{build}/src/cli/bpfmap", "list", "kernel"], capture_output=True)
    return os.geteuid() == 0 and run.returncode == 0


def main():
    build, args = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2:]
    may_bpf, count, failed = bpf_permitted(build), 0, 0
    if args[0] == "--record":
        for path in args[1:]:
            record(build, path, may_bpf)
        return
    with concurrent.futures.ThreadPoolExecutor(PAGES_AT_ONCE) as pool:
        of_pages = list(pool.map(lambda path: list(verdicts(build, path, may_bpf)), args))
    for of_page in of_pages:
        for name, wrong in of_page:
            count += 1
            if wrong and wrong.startswith("SKIP"):
                print(f"ok {count} - {name} # {wrong}")
                continue
            failed += bool(wrong)
            print(f"{'not ok' if wrong else 'ok'} {count} - {name}", flush=True)
            for line in (wrong or "").splitlines():
                print(f"# {line}")
    print(f"# figure: examples of the man pages = {count} examples")
    print(f"1..{count}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
