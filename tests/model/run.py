#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""run.py: explores every state of the protocol models with spin, and checks that broken ones are caught.

Each model is a case for each of its sizes: no assertion fails, nobody waits for ever, and the search was
complete (neither depth nor memory ended it). Each -DBREAK_... variant is a case (canary) in which spin must
find an error, in the smallest size that shows it. BPFMAP_LONG=1 adds larger sizes: gigabytes of memory, an
hour at most each.
"""
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
LONG = os.environ.get("BPFMAP_LONG") == "1"
MEMORY_MB = 12000 if LONG else 2000
SECONDS = 3600 if LONG else 300
DEPTH = 100000

# (model, flags)
SHORT_SIZES = [
    ("lock", "-DPROCS=2 -DNUMBERS=2"),
    ("lock", "-DPROCS=2 -DNUMBERS=2 -DDEATHS=1 -DWITH_WAITED"),
    ("lock", "-DPROCS=2 -DNUMBERS=2 -DDEATHS=1 -DWITH_CPUS"),
    ("count", "-DDEATHS=1 -DOPS=1"),
    ("count", "-DDEATHS=1 -DOPS=1 -DMAX=2"),
    ("publish", "-DOPS=3 -DELEMS=3"),
    ("publish", "-DOPS=4 -DELEMS=3 -DSLOTS=2"),
    ("publish", "-DOPS=4 -DELEMS=3 -DWORD"),
    ("publish", "-DOPS=3 -DELEMS=3 -DWEAK"),
    ("array", ""),
]
LONG_SIZES = [
    ("lock", "-DPROCS=2 -DNUMBERS=2 -DOPS=2"),
    ("lock", "-DPROCS=3 -DNUMBERS=3 -DDEATHS=1"),
    ("lock", "-DPROCS=2 -DNUMBERS=2 -DWITH_CPUS"),
    ("count", "-DOPS=1"),
    ("count", "-DDEATHS=1 -DOPS=2"),
    ("count", "-DDEATHS=1 -DOPS=2 -DMAX=2"),
    ("publish", "-DOPS=4 -DELEMS=3"),
    ("publish", "-DOPS=4 -DELEMS=3 -DWEAK"),
    ("publish", "-DOPS=5 -DELEMS=3 -DSLOTS=2"),
    ("array", "-DOPS=2"),
]
CANARIES = [
    ("lock", "-DPROCS=2 -DNUMBERS=2", "NO_RECHECK ADOPT LOCK_AT_LATE RELEASE_FIRST MENDER_STAYS NO_GENERATION"),
    ("lock", "-DPROCS=2 -DNUMBERS=2 -DDEATHS=1 -DWITH_CPUS", "CPU_STAYS"),
    ("count", "-DDEATHS=1 -DOPS=1", "COUNT_FIRST NO_ACK NOT_ASKED HIDDEN_LATE OLD_NUMBERS"),
    ("publish", "-DOPS=3 -DELEMS=3", "LINK_FIRST HIDE_FIRST FIND_CHECK COPY_CHECK IN_PLACE"),
    ("publish", "-DOPS=4 -DELEMS=3", "VERSION FREE_FIRST SEQ"),
    ("publish", "-DOPS=4 -DELEMS=3 -DWEAK", "FILL_RELAXED"),
    ("array", "", "NO_STAGE NO_STATE NO_MEND"),
]


def command(words, where, seconds=SECONDS):
    done = subprocess.run(words, cwd=where, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=seconds, check=False)
    return done.returncode, done.stdout


def explore(model, flags, canary, where):
    """(errors, states, what went wrong or None)."""
    status, said = command(["spin", "-a", *flags.split(), str(HERE / f"{model}.pml")], where)
    if status or not (pathlib.Path(where) / "pan.c").exists():
        return 0, 0, "spin: " + said
    # The short searches take less time than an optimised compilation.
    status, said = command(["gcc", "-O1" if LONG and not canary else "-O0", "-w", "-DSAFETY", "-DVECTORSZ=2048",
                            f"-DMEMLIM={MEMORY_MB}", *(["-DCOLLAPSE"] if LONG else []), "-o", "pan", "pan.c"], where)
    if status:
        return 0, 0, "gcc: " + said
    _, said = command(["./pan", f"-m{DEPTH}", "-w22"], where)
    errors, states = re.search(r"errors: (\d+)", said), re.search(r"(\d+) states, stored", said)
    if not errors or not states:
        return 0, 0, said
    for ended in ("max search depth too small", "out of memory", "Search not completed"):
        if ended in said and not int(errors[1]):
            return 0, int(states[1]), "the search ended too early: " + ended
    reason = re.search(r"^pan:\d+: (.*)$", said, re.MULTILINE)
    return int(errors[1]), int(states[1]), reason[1] if reason else None


def check(model, flags, canary):
    """(passed, sentence, comments)."""
    where = tempfile.mkdtemp(prefix="bpfmap-model.")
    try:
        errors, states, reason = explore(model, flags, canary, where)
    except subprocess.TimeoutExpired as late:
        errors, states, reason = 0, 0, f"not finished within {late.timeout} s: {late.cmd[0]}"
    finally:
        shutil.rmtree(where)
    what = f"{model} {flags}".strip()
    if canary:
        found = errors > 0 and reason is not None
        return found, f"{what}: spin finds it (canary)", f"{reason}"
    return not errors and not reason, f"{what}: {states} states", f"{reason or 'complete'}"


def main():
    if not shutil.which("spin"):
        print("1..1\nok 1 - models # SKIP spin is not installed")
        return 0
    jobs = [(m, f, False) for m, f in SHORT_SIZES + (LONG_SIZES if LONG else [])]
    jobs += [(m, f"{f} -DBREAK_{b}".strip(), True) for m, f, names in CANARIES for b in names.split()]
    print(f"1..{len(jobs)}", flush=True)
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(1 if LONG else os.cpu_count()) as pool:
        for n, result in enumerate(pool.map(lambda job: check(*job), jobs), 1):
            passed, sentence, comments = result
            failed += not passed
            print("\n".join("# " + line for line in comments.splitlines()[-20:]))
            print(f"{'ok' if passed else 'not ok'} {n} - {sentence}", flush=True)
    return 1 if failed else 0


sys.exit(main())
