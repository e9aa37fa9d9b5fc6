# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""lib.py: what the tests of the examples share.

A test runs an example in bpfmap and, where bpf(2) is permitted, in the kernel, and compares what comes
out with what it worked out itself from the same packets. It speaks TAP; what could not be run is a
case of its own that says SKIP. Usage of each: TEST.py TOOL EXAMPLES-BUILD-DIR SOURCE-ROOT
"""
import atexit
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cases import finish, it, same, skip  # noqa: E402,F401

TOOL, BUILT, ROOT = (pathlib.Path(p).resolve() for p in sys.argv[1:4])
CAPTURE = ROOT / "examples/data/web.pcap"
NO_PERMISSION = 4  # the tool's exit code
TIMEOUT_S = 120

_base = os.environ.get("BPFMAP_DIR") or ("/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
WORK = pathlib.Path(tempfile.mkdtemp(prefix="bpfmap-examples-", dir=_base))
atexit.register(shutil.rmtree, WORK, ignore_errors=True)
os.environ["BPFMAP_DIR"] = str(WORK / "maps")
os.environ["BPFMAP"] = str(TOOL)
(WORK / "maps").mkdir()


# ---- engines ----


def command(*words, stdin=""):
    """(exit code, output, errors) of a program that must not hang."""
    run = subprocess.run([str(w) for w in words], input=stdin, capture_output=True, text=True,
                         timeout=TIMEOUT_S)
    return run.returncode, run.stdout, run.stderr


def tool_run(example, pcap, *words):
    """(exit code, report, errors) of "bpfmap run"."""
    code, out, err = command(TOOL, "-j", "run", BUILT / f"{example}.bpf.o", "pcap", pcap, *words)
    return code, json.loads(out) if out else {}, err


def kernel_refusal():
    """None, or why the kernel runs no programs for us."""
    pcap = WORK / "one.pcap"
    pcap_write(pcap, [bytes(60)])
    code, _, err = tool_run("sources", pcap, "engine", "kernel")
    return err.splitlines()[0] if code == NO_PERMISSION else None


def user_lacks(type_word):
    """None, or that this build has no such map type. A type that is listed must work."""
    _, out, _ = command(TOOL, "help")
    types = re.search(r"^ *TYPE *:= (.*(?:\n {9}.*)*)", out, re.MULTILINE)[1]
    return None if type_word in re.findall(r"\w+", types) else f"no {type_word} in this build"


def engines(what, type_word=None):
    """The engines to test with; a case is skipped for each one that cannot be asked."""
    found = []
    lacks = user_lacks(type_word) if type_word else None
    refusal = kernel_refusal()
    for engine, reason in (("user", lacks), ("kernel", refusal)):
        if reason:
            skip(f"{what}, engine {engine}", reason)
        else:
            found.append(engine)
    return found


def maps_of(report):
    """name -> [(key, value)] of a report of "bpfmap run"."""
    return {
        m["name"]: [(e["key"], e.get("value", e.get("values"))) for e in m.get("elements", [])]
        for m in report["maps"]
    }


def run_example(example, pcap, engine, *words):
    """The maps that a run leaves; the run itself is a case."""
    code, report, err = tool_run(example, pcap, "engine", engine, *words)
    it(f"{example} runs, engine {engine}, {pathlib.Path(pcap).name}", code == 0 and not err, code, err)
    return maps_of(report) if code == 0 else None


def host_of(name, engine):
    return BUILT / (name if engine == "user" else f"{name}-kernel")


def run_host(name, engine, *words, stdin=""):
    """The lines that a host prints; the run itself is a case."""
    code, out, err = command(host_of(name, engine), *words, stdin=stdin)
    it(f"{name} runs, engine {engine}", code == 0, code, err)
    return out.splitlines()


def pin_dir(name):
    return WORK / "maps" / name


# ---- captures ----


def pcap_write(path, frames):
    with open(path, "wb") as file:
        word = lambda *values: b"".join(v.to_bytes(4, "little") for v in values)
        file.write(word(0xA1B2C3D4) + b"\2\0\4\0" + word(0, 0, 65535, 1))
        for frame in frames:
            file.write(word(0, 0, len(frame), len(frame)) + frame)


def pcap_read(path):
    data, at, frames = pathlib.Path(path).read_bytes(), 24, []
    while at < len(data):
        size = int.from_bytes(data[at + 8 : at + 12], "little")
        frames.append(data[at + 16 : at + 16 + size])
        at += 16 + size
    return frames
