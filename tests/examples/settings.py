#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""settings: a filter whose settings change while it stays loaded."""
import lib

LENGTHS = range(60, 1501, 20)
CHANGES = ["max_length=500", "min_length=100", "max_length=99", "min_length=60", "max_length=", "min_length=1500",
           "min_length=", "max_length=0"]


def expected():
    lines, settings = [], {}
    for change in ["no settings"] + CHANGES:
        name, _, value = change.partition("=")
        if value:
            settings[name] = int(value)
        else:
            settings.pop(name, None)
        low, high = settings.get("min_length", 0), settings.get("max_length", 1 << 64)
        passed = sum(low <= length <= high for length in LENGTHS)
        lines.append(f"{change}: {passed} passed, {len(LENGTHS) - passed} dropped")
    return lines


OBJECT = lib.BUILT / "settings.bpf.o"
for engine in lib.engines("settings"):
    lines = lib.run_host("settings", engine, OBJECT, *CHANGES)
    lib.same(f"{engine}: what passes after each change", lines, expected())
    code, _, err = lib.command(lib.host_of("settings", engine), OBJECT, "max_length=")
    lib.it(f"{engine}: taking away a setting that is not there is an error", code == 1 and "No such file" in err,
           code, err)
lib.finish()
