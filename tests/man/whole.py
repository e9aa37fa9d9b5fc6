#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""whole.py CC BUILT-MAN: are the man pages complete, and do they agree with the code?

BUILT-MAN is where the build put them. Without scdoc there are none, and what needs them is skipped.
"""
import pathlib
import re
import shutil
import subprocess
import sys

import lib
import deftables
import headers
import pages

WIDTH = 69  # columns of a block on a terminal of 80
REFERENCE = re.compile(r"\*([\w-]+)\*\((\d)\)")
LITERAL = re.compile(r"-?[a-z][a-z-]*")
CAPITALS = re.compile(r"[A-Z][\w.]*")
OF_MAP = {"user", "kernel", "id", "name", "pinned"}


def names_of(section, all_pages):
    return [name for page in all_pages if page.section == section for name in page.names]


# ---- tables ----


def synopsis_words(synopsis):
    """(words in small letters, words in capitals); a file's suffix is neither."""
    tokens = re.findall(r"-?[A-Za-z][\w.-]*|-", synopsis)
    small = {token for token in tokens if LITERAL.fullmatch(token)}
    return small | ({"-"} & set(tokens)), {token.rstrip(".") for token in tokens if CAPITALS.match(token)}


def check_tables():
    verbs = deftables.verbs()
    words = {row[0] for row in deftables.rows("cli/words.def", "WORD")}
    examples = {row[0] for row in deftables.rows("cli/examples.def", "EXAMPLE")}
    said = {verb: set() for verb in verbs}
    for of, text, _ in deftables.rows("cli/keywords.def", "KEYWORD"):
        for verb in of.split():
            lib.it(f"keywords.def: {text}: {verb} is a verb", verb in verbs)
            small, _ = synopsis_words(text)
            lib.it(f"keywords.def: the words of '{text}' stand in the synopsis of {verb}",
                   small <= synopsis_words(verbs.get(verb, ("", ""))[0])[0], small)
            said.setdefault(verb, set()).update(small)
    for verb, (synopsis, _) in verbs.items():
        small, capitals = synopsis_words(synopsis)
        lib.none(f"{verb}: keywords.def says what each keyword means", small - said[verb] - {"user", "kernel"})
        lib.none(f"{verb}: words.def says what each word in capitals means", capitals - words)
        lib.it(f"{verb}: examples.def has an example", verb in examples)


# ---- pages ----


def check_environment(all_pages):
    """Every variable that the code asks for is in bpfmap(1)."""
    page = next(page for page in all_pages if page.title == "bpfmap" and page.section == "1")
    asked = set()
    for path in (lib.TREE / "src").rglob("*.c"):
        asked |= set(re.findall(r'getenv\("(\w+)"\)', path.read_text()))
    lib.it("the code asks for variables of the environment", asked)
    for name in sorted(asked):
        lib.it(f"bpfmap(1) names {name}", f"*{pages.plain(name)}*" in page.text)


def check_names(all_pages):
    found = names_of("1", all_pages)
    for verb in list(deftables.verbs()) + list(deftables.aliases()):
        lib.same(f"bpfmap-{verb} is named by one page", found.count(f"bpfmap-{verb}"), 1)
    found = names_of("3", all_pages)
    for name in headers.functions():
        lib.same(f"{name} is named by one page", found.count(name), 1)
    for macro in re.findall(r"^#define (BPFMAP_DEFINE\w*[^_\W])\(", (headers.FOLDER / "typed.h").read_text(), re.MULTILINE):
        lib.same(f"{macro} is named by one page", found.count(macro), 1)
    listed = set(re.findall(r"'([\w.-]+\.scd)'", (lib.TREE / "man/meson.build").read_text()))
    lib.same("man/meson.build lists every page", listed, {path.name for path in pages.sources()})


def check_references(all_pages):
    there = {(name, page.section) for page in all_pages for name in page.names}
    for page in all_pages:
        dead = [f"{name}({section})" for name, section in REFERENCE.findall(page.text)
                if name.startswith("bpfmap") and (name, section) not in there]
        lib.none(f"{page.title}({page.section}) refers to pages that exist", dead)


def check_examples(all_pages):
    examples = dict(deftables.rows("cli/examples.def", "EXAMPLE"))
    for page in all_pages:
        for name in page.names if page.section == "1" else ():
            verb = name.removeprefix("bpfmap-")
            if verb in examples:
                lib.it(f"{page.title}(1) shows the example of {verb}", examples[verb] in page.text)


def check_width(all_pages):
    for page in all_pages:
        wide = [line for block in pages.BLOCK.findall(page.text) for line in block.expandtabs().splitlines() if len(line) > WIDTH]
        lib.none(f"{page.title}({page.section}): blocks fit a terminal of 80 columns", wide)


def check_prototypes(cc, all_pages):
    """Each SYNOPSIS is declared once more behind the header: the compiler compares."""
    for page in all_pages:
        synopsis = pages.BLOCK.search(page.text)
        if page.section != "3" or not any(name in headers.functions() for name in page.names):
            continue
        run = subprocess.run([cc, "-std=gnu11", "-Wall", "-Werror", "-Wno-redundant-decls", "-fsyntax-only",
                              f"-I{lib.TREE}/include", "-x", "c", "-"], input=synopsis.group(1), capture_output=True,
                             text=True)
        lib.it(f"{page.title}(3): the compiler agrees with the signatures", not run.returncode, run.stderr)
        absent = [name for name in page.names if name in headers.functions() and
                  not re.search(rf"\b{name}\b[(;]", synopsis.group(1))]
        lib.none(f"{page.title}(3): each function has its signature", absent)


# ---- what was built ----


def check_built(built, all_pages):
    for page in all_pages:
        path = f"{built}/{page.title}.{page.section}"
        said = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", path], capture_output=True, text=True).stdout
        said += subprocess.run(["groff", "-man", "-ww", "-z", "-K", "utf8", path], capture_output=True, text=True).stderr
        lib.it(f"{page.title}({page.section}): mandoc and groff have nothing to say", not said, said)
        shown = subprocess.run(["mandoc", "-T", "utf8", "-O", "width=80", path], capture_output=True, text=True).stdout
        shown = re.sub(".\b", "", shown)
        lines = [line for block in pages.BLOCK.findall(page.text) for line in block.splitlines()]
        lib.none(f"{page.title}({page.section}) shows what its blocks say", (line for line in lines if line not in shown))
        run = subprocess.run(["lexgrog", path], capture_output=True, text=True)
        shown = [f'{path}: "{name} - {page.purpose}"' for name in page.names]
        lib.same(f"{page.title}({page.section}): apropos finds each name", run.stdout.strip().splitlines(), shown)
    for tool in ("mandoc", "groff", "lexgrog"):
        lib.it(f"{tool} is there", shutil.which(tool))


def check_links(built, all_pages):
    for page in all_pages:
        for name in page.names:
            if name != page.title:
                link = pathlib.Path(f"{built}/{name}.{page.section}")
                lib.it(f"{name}({page.section}) leads to its page", link.is_file() and
                       link.read_text() == f".so man{page.section}/{page.title}.{page.section}\n")


def main():
    cc, built = sys.argv[1:]
    all_pages = [pages.Page(path) for path in pages.sources()]
    check_tables()
    check_names(all_pages)
    check_environment(all_pages)
    check_references(all_pages)
    check_examples(all_pages)
    check_width(all_pages)
    check_prototypes(cc, all_pages)
    if pathlib.Path(f"{built}/bpfmap.1").exists():
        check_built(built, all_pages)
        check_links(built, all_pages)
    else:
        lib.skip("the built pages", "they are made where scdoc is installed")
    lib.finish()


main()
