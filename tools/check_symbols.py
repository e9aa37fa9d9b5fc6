#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""check_symbols.py: what the libraries export, in three places that must agree.

maps TREE VERSION [STAMP DEPFILE]: the maps of symbols against the headers. Every name that a header
declares BPFMAP_API stands in the map, and no other name of ours; nodes follow one another, each name stands
in one of them, and the newest node carries the project's version. The build runs this.

library LIBRARY MAP: the built library against its map. It exports what the map lists, under the version
that the map gives it, and nothing else; the core library needs libc alone.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

import checklib

# Each map and the headers that declare its names; the core has what the others leave. The second one's node has
# no name; its file says why.
CORE, COMPAT, OBJECT = "src/libbpfmap.map", "src/compat/libbpfmap-compat.map", "src/object/libbpfmap-object.map"
MAPS = (CORE, COMPAT, OBJECT)
OTHERS_HEADERS = {COMPAT: "include/bpfmap/compat*.h", OBJECT: "include/bpfmap/object.h"}
CORE_HEADERS = ("include/bpfmap/*.h", "src/bpf/command.h")
PREFIX = "bpfmap_"
DECLARATION = re.compile(r"\bBPFMAP_API\b([^;{}]*)[;{]")
NO_DECLARATION = re.compile(r"^[ \t]*#.*$|__attribute__\s*\(\(.*?\)\)", re.MULTILINE)
NODE = re.compile(r"([\w.]*)\s*\{([^}]*)\}\s*([\w.]*)\s*;")
NEEDED = re.compile(r"\(NEEDED\).*\[(.*)\]")
NEEDED_ALLOWED = re.compile(r"^(libc\.|ld-linux)")


class Map:
    """A version script: its nodes in order, and the node of each global name."""

    def __init__(self, path):
        self.findings = []
        self.nodes = []
        self.names = {}
        for node, body, after in NODE.findall(checklib.blank_comments(pathlib.Path(path).read_text())):
            before = self.nodes[-1] if self.nodes else ""
            if after != before:
                self.findings.append(f"{node} follows {after or 'no node'}, but stands behind {before or 'none'}")
            self.nodes.append(node)
            for name in re.sub(r".*\bglobal:|\blocal:.*", "", body, flags=re.DOTALL).replace(";", " ").split():
                self.add(name, node)

    def add(self, name, node):
        if "*" in name:
            self.findings.append(f"{name} is a pattern; each name is listed, so that its version is decided")
        if name in self.names:
            self.findings.append(f"{name} stands in it twice")
        self.names[name] = node


def declared(header):
    """The functions a header declares BPFMAP_API, also those declared by the name of a function type."""
    text = NO_DECLARATION.sub("", checklib.blank_comments(header.read_text()))
    for declaration in DECLARATION.findall(text):
        yield re.findall(r"\w+", declaration.split("(")[0])[-1]


def headers_of(tree, path):
    if path in OTHERS_HEADERS:
        return sorted(tree.glob(OTHERS_HEADERS[path]))
    others = {h for pattern in OTHERS_HEADERS.values() for h in tree.glob(pattern)}
    return sorted({h for pattern in CORE_HEADERS for h in tree.glob(pattern)} - others)


def check_map(tree, path, version):
    listed = Map(tree / path)
    findings = listed.findings
    node = f"BPFMAP_{'.'.join(version.split('.')[:2])}" if path != COMPAT else ""
    if listed.nodes[-1:] != [node]:
        findings.append(f"its newest node is not {node or 'one without a name'}, as version {version} asks for")
    where = {name: header for header in headers_of(tree, path) for name in declared(header)}
    findings += [f"lacks {n}, which {where[n]} declares" for n in sorted(where.keys() - listed.names.keys())]
    ours = {n for n in listed.names if path != COMPAT or n.startswith(PREFIX)}
    findings += [f"lists {n}, which no public header declares" for n in sorted(ours - where.keys())]
    return [f"{path}: {finding}" for finding in findings]


def check_maps(tree, version):
    return [finding for path in MAPS for finding in check_map(tree, path, version)]


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def exported(library):
    """Names of the dynamic symbol table and their versions; "A" marks the version nodes, which are no symbols."""
    for line in output("nm", "-D", "--defined-only", library).splitlines():
        _, kind, symbol = line.split()
        if kind != "A":
            name, _, node = symbol.partition("@")
            yield name, node.lstrip("@")


def check_library(library, path):
    listed = Map(path).names
    found = dict(exported(library))
    findings = [f"exports {n}, which {path} does not list" for n in sorted(found.keys() - listed.keys())]
    findings += [f"does not export {n}, which {path} lists" for n in sorted(listed.keys() - found.keys())]
    findings += [f"has {n} under the version {found[n] or 'none'}, and {path} under {listed[n] or 'none'}"
                 for n in sorted(found.keys() & listed.keys()) if found[n] != listed[n]]
    if pathlib.Path(path).name == pathlib.Path(CORE).name:
        findings += [f"needs {needed}; the core library links libc alone"
                     for needed in NEEDED.findall(output("readelf", "-d", library)) if not NEEDED_ALLOWED.match(needed)]
    return [f"{library}: {finding}" for finding in findings]


HEADER = "#define BPFMAP_API __attribute__((x))\nBPFMAP_API __attribute__((cold)) int bpfmap_a(void);\n"
TREE = {
    "include/bpfmap/bpfmap.h": HEADER + "/* BPFMAP_API int bpfmap_not(void); */\n",
    "include/bpfmap/compat.h": "BPFMAP_API int bpfmap_compat_a(void);\n",
    "src/bpf/command.h": "BPFMAP_API bpfmap_fn bpfmap_b;\n",
    CORE: "BPFMAP_0.1 {\nglobal:\n\tbpfmap_a;\n};\nBPFMAP_0.2 {\nglobal:\n\tbpfmap_b;\nlocal:\n\t*;\n} BPFMAP_0.1;\n",
    COMPAT: "{\nglobal: bpfmap_compat_a; close;\nlocal: *;\n};\n",
    "include/bpfmap/object.h": "BPFMAP_API int bpfmap_object_a(void);\n",
    OBJECT: "BPFMAP_0.2 { global: bpfmap_object_a; local: *; };\n",
}
TREE_CANARIES = [
    ("declared, not listed", {"include/bpfmap/b.h": "BPFMAP_API int bpfmap_c(int (*f)(int));\n"}, "lacks bpfmap_c"),
    ("listed, not declared", {"src/bpf/command.h": ""}, "lists bpfmap_b"),
    ("compat: declared, not listed", {"include/bpfmap/compat_b.h": "BPFMAP_API int bpf_c(void);\n"}, "lacks bpf_c"),
    ("object: listed, not declared", {"include/bpfmap/object.h": ""}, "lists bpfmap_object_a"),
    ("object: in the core's map", {CORE: TREE[CORE].replace("bpfmap_b", "bpfmap_b; bpfmap_object_a")}, "lists bpfmap_object_a"),
    ("compat: listed, not declared", {"include/bpfmap/compat.h": ""}, "lists bpfmap_compat_a"),
    ("a version without its node", {CORE: "BPFMAP_0.1 { global: bpfmap_a; bpfmap_b; local: *; };\n"}, "newest node"),
    ("a pattern", {CORE: TREE[CORE].replace("bpfmap_b", "bpfmap_*")}, "is a pattern"),
    ("twice", {CORE: TREE[CORE].replace("bpfmap_b;", "bpfmap_b; bpfmap_a;")}, "twice"),
    ("a node that follows none", {CORE: TREE[CORE].replace("} BPFMAP_0.1;", "};")}, "follows no node"),
]
SOURCE = "int bpfmap_a(void){return 0;}"
LIBRARY_CANARIES = [
    ("sound", SOURCE, "BPFMAP_0.1", [], None),
    ("not listed", SOURCE + "int foo(void){return 0;}", "BPFMAP_0.1", [], "exports foo"),
    ("missing", "static int x; int *bpfmap_z(void){return &x;}", "BPFMAP_0.1", [], "does not export bpfmap_a"),
    ("wrong version", SOURCE, "BPFMAP_0.2", [], "has bpfmap_a under the version BPFMAP_0.2"),
    ("library", SOURCE, "BPFMAP_0.1", ["-Wl,--no-as-needed", "-lm"], "needs libm"),
]


def library_canary(root, source, node, flags):
    names = " ".join(f"{name};" for name in re.findall(r"(\w+)\(void\)", source))
    listed, script, code, library = (root / n for n in ("libbpfmap.map", "used.map", "a.c", "a.so"))
    listed.write_text("BPFMAP_0.1 { global: bpfmap_a; local: *; };\n")
    script.write_text(f"{node} {{ global: {names} local: *; }};\n")
    code.write_text(source)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, code, f"-Wl,--version-script={script}", *flags], check=True)
    return check_library(library, listed)


def self_test():
    results = [("the sound tree", checklib.run_on_tree(lambda root: check_maps(pathlib.Path(root), "0.2.5"), TREE), None)]
    for name, files, expected in TREE_CANARIES:
        found = checklib.run_on_tree(lambda root: check_maps(pathlib.Path(root), "0.2.5"), {**TREE, **files})
        results.append((name, found, expected))
    for name, source, node, flags, expected in LIBRARY_CANARIES:
        with tempfile.TemporaryDirectory(prefix="bpfmap-canary.") as root:
            results.append((name, library_canary(pathlib.Path(root), source, node, flags), expected))
    failed = [(n, found) for n, found, expected in results
              if (not any(expected in f for f in found) if expected else found)]
    for name, found in failed:
        print(f"FAIL {name}", *found, sep="\n  ")
    print(f"{len(results) - len(failed)} of {len(results)} canaries as expected")
    return 1 if failed else 0


def main(arguments):
    if arguments == ["--self-test"]:
        return self_test()
    if arguments[:1] == ["maps"]:
        tree = pathlib.Path(arguments[1])
        findings = check_maps(tree, arguments[2])
        if not findings and arguments[3:]:
            headers = [str(h) for path in MAPS for h in headers_of(tree, path)]
            pathlib.Path(arguments[3]).write_text("")
            pathlib.Path(arguments[4]).write_text(f"{arguments[3]}: {' '.join(headers)}\n")
    else:
        findings = check_library(*arguments[1:])
    for finding in findings:
        print(finding, file=sys.stderr)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
