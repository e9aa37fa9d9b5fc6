#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""paths: known good paths in a Bloom filter, compared with a set."""
import lib

FALSE_MAX = 3  # of 2000: with 1003 paths in a filter for 100000 one in 10^11 is expected
KNOWN = [f"/usr/lib/module-{n}/file.{n % 17}.so" for n in range(1000)] + ["/", "/ with blanks", "/ü/日本"]
UNKNOWN = [f"/usr/lib/module-{n}/file.{(n + 1) % 17}.so" for n in range(1000)] + \
          [f"/tmp/{n}" for n in range(1000)]
LONG = "/" + "x" * 255  # one byte too long
FITS = "/" + "y" * 254

known_file = lib.WORK / "known"
known_file.write_text("\n".join(KNOWN + [FITS, LONG]) + "\n")
asked = KNOWN + UNKNOWN + [FITS, LONG, LONG + "z", FITS[:-1]]
good = set(KNOWN + [FITS])
OBJECT = lib.BUILT / "paths.bpf.o"

for engine in lib.engines("paths", "bloom_filter"):
    lines = lib.run_host("paths", engine, OBJECT, known_file, stdin="\n".join(asked) + "\n")
    answers = [tuple(line.split(" ", 1)) for line in lines]
    lib.same(f"{engine}: an answer for each path, in order", [path for _, path in answers], asked)
    lib.same(f"{engine}: no known path is refused", [p for word, p in answers if p in good and word != "known"], [])
    wrong = [p for word, p in answers if p not in good and word != "unknown"]
    lib.it(f"{engine}: unknown paths are found out", len(wrong) <= FALSE_MAX, wrong)
    lib.same(f"{engine}: a path that is too long is unknown, though listed", ("unknown", LONG) in answers, True)
lib.finish()
