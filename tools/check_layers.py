#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""check_layers.py: a file includes headers of its own layer or lower ones, never higher.

The layer is the folder under src/. Own headers are included as "folder/file.h", so that the reader
sees the layer; public headers (include/) know nothing of src/.
"""
import pathlib
import re

import checklib

LAYERS = {
    "base": 0,
    "sync": 1,
    "region": 2,
    "map": 3,
    "vm": 4,
    "jit": 4,
    "bpf": 5,
    "compat": 6,
    "kernel": 6,
    "object": 6,
    "cli": 7,
    "export": 7,
}
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.MULTILINE)


def check_source(root, path):
    src = pathlib.Path(root) / "src"
    folder = path.relative_to(src).parts[0]
    if folder not in LAYERS:
        return [f"{path}: folder {folder} has no layer; name it in tools/check_layers.py"]
    findings = []
    for quote, target in INCLUDE.findall(path.read_text()):
        head = target.split("/")[0]
        if (pathlib.Path(root) / "include" / target).is_file():
            continue
        if quote == '"' and (head not in LAYERS or not (src / target).is_file()):
            findings.append(f'{path}: "{target}" is no file of src/; write "layer/file.h"')
        elif quote == '"' and LAYERS[head] > LAYERS[folder]:
            findings.append(
                f'{path}: layer {LAYERS[folder]} includes "{target}" of layer {LAYERS[head]}'
            )
    return findings


def check(root):
    findings = []
    for path in checklib.files(root, ["src"], [".c", ".h", ".def"]):
        findings += check_source(root, path)
    for path in checklib.files(root, ["include"], [".h"]):
        for quote, target in INCLUDE.findall(path.read_text()):
            if quote == '"':
                findings.append(f'{path}: a public header includes "{target}"')
    return findings


SOUND = {
    "src/base/a.h": "",
    "src/map/types.def": "",
    "src/map/m.c": '#include "base/a.h"\n#include "map/types.def"\n'
    "#include <stdio.h>\n#include <bpfmap/x.h>\n",
    "include/bpfmap/x.h": "#include <stdint.h>\n",
}
CANARIES = [
    checklib.Canary("upwards", {"src/base/b.c": '#include "map/types.def"\n'}, "layer 0 includes"),
    checklib.Canary("no folder", {"src/map/n.c": '#include "types.def"\n'}, "is no file of src"),
    checklib.Canary("new folder", {"src/misc/n.c": "\n"}, "has no layer"),
    checklib.Canary("public", {"include/bpfmap/y.h": '#include "map/m.h"\n'}, "public header"),
]

if __name__ == "__main__":
    checklib.main(check, SOUND, CANARIES)
