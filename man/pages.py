#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""pages.py: the man pages, from their sources and from what the code's tables and headers say already.

    pages.py page SCDOC SOURCE.scd PAGE...   make one page, and those of the further names in its NAME line, which
                                             only lead there
    pages.py files SOURCE.scd...             a line for each source: its file's name, and those of the pages

Lines of the sources that stand in for something (arguments are words):

    @SYNOPSIS@ VERB...     the synopses of verbs            @WORDS@ VERB...    what their keywords mean
    @VERBS@                all verbs, a line each           @PLACEHOLDERS@     MAP, PATH, DATA, ...
    @OPTIONS@              the tool's options               @EXIT@ [NUMBER...] exit codes
    @COLUMNS@              of top                           @RULES@            of advise
    @CHOICES@              the kinds of maps, and when each serves
    @PROTOTYPES@           of the functions of the page's NAME line, from the public headers
    @FUNCTIONS@            what the headers say of each of them
    @STRUCT@ NAME...       a definition in the public headers: a struct, an enum, a macro
    $ @EXAMPLE@ VERB       the example of a verb, in a block that begins with ```
"""
import functools
import pathlib
import re
import subprocess
import sys

TREE = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TREE / "tools"))
import deftables  # noqa: E402
import headers  # noqa: E402

NAME_LINE = re.compile(r"^# NAME\n+(.*?) - (.*)$", re.MULTILINE)
PREAMBLE = re.compile(r"^([\w-]+)\((\d)\)")
BLOCK = re.compile(r"^```\n(.*?)^```$", re.MULTILINE | re.DOTALL)


# ---- scdoc ----

HARD_BLANK = "\N{NO-BREAK SPACE}"


def plain(text):
    """Text in which nothing is markup."""
    return re.sub(r"([\\*_`@])", r"\\\1", text)


def bold(text):
    return f"*{plain(text)}*" if text else ""


def synopsis_markup(text):
    """Keywords bold, words in capitals underlined. What is short and in brackets stays on one line."""
    text, out = re.sub(r"[\[{][^\][{}]{1,40}[\]}]", lambda m: m.group().replace(" ", HARD_BLANK), text), []
    for token in re.findall(r"[A-Za-z][\w.-]*|[^A-Za-z]+", text):
        if token[0].isupper():
            out.append(f"_{plain(token.rstrip('.'))}_" + "." * (len(token) - len(token.rstrip("."))))
        elif token[0].isalpha():
            out.append(bold(token))
        else:
            out.append(plain(token))
    return "".join(out)


def at_start(text):
    """Text that begins a line, where some characters begin a list or a table."""
    return "\\" + text if text[:1] in ("-", ".", ";", ":", "#", "[", "|", "]") else text


def entries(pairs):
    """A list of terms and what is said of them."""
    return "\n\n".join(f"{at_start(term)}\n\t{at_start(text)}" if text else at_start(term) for term, text in pairs)


# ---- what stands in for something ----


def synopsis(_, *verbs):
    table = deftables.verbs()
    lines = [f"*bpfmap* [_OPTIONS_] {bold(v)} {synopsis_markup(table[v][0])}".strip() for v in verbs]
    return "++\n".join(lines)


def words(_, *verbs):
    found = [(synopsis_markup(w), plain(text))
             for of, w, text in deftables.rows("cli/keywords.def", "KEYWORD") if set(of.split()) & set(verbs)]
    return entries(found)


def verbs_all(_):
    return entries((f"{bold(name)} {synopsis_markup(use)}".strip(),
                    f"{plain(text)}; {bold('bpfmap-' + name)}(1)")
                   for name, (use, text) in deftables.verbs().items())


def placeholders(_):
    made = {"TYPE": ("map/types.def", "MAP_TYPE", 1), "FLAGS": ("cli/map_flags.def", "MAP_FLAG", 1),
            "COLUMN": ("cli/top_columns.def", "TOP_COLUMN", 1)}
    found = []
    for name, _, grammar, text in deftables.rows("cli/words.def", "WORD"):
        if name in made:
            table, macro, column = made[name]
            # A column without a name in JSON cannot be sorted by.
            grammar = " | ".join(row[column] for row in deftables.rows(table, macro) if "NULL" not in row)
        lines = [synopsis_markup(grammar) if "|" in grammar else plain(grammar), plain(text)]
        found.append((f"_{name}_", "++\n\t".join(line for line in lines if line)))
    return entries(found)


def options(_):
    found = []
    for letter, name, text in deftables.rows("cli/options.def", "OPTION"):
        short = f"*-{letter.strip(chr(39))}*, " if letter != "0" else ""
        found.append((f"{short}*--{name}*", plain(text)))
    return entries(found)


def exit_codes(_, *numbers):
    return entries((f"*{number}*", plain(text))
                   for _, number, text in deftables.rows("cli/exit.def", "EXIT_CODE")
                   if not numbers or number in numbers)


def columns(_):
    return entries((bold(row[1]), plain(row[7]))
                   for row in deftables.rows("cli/top_columns.def", "TOP_COLUMN") if row[7])


def rules(_):
    return entries((bold(name), f"{plain(when)}. {plain(why[:1].upper() + why[1:])}.")
                   for name, when, why in deftables.rows("cli/advise.def", "RULE"))


def choices(_):
    words_of = {name: word for name, word, *_ in deftables.rows("map/types.def", "MAP_TYPE")}
    flags_of = dict(deftables.rows("cli/map_flags.def", "MAP_FLAG"))
    found = []
    for name, flag, when in deftables.rows("cli/choices.def", "CHOICE"):
        kind = bold(words_of[name]) + (f", flags {bold(flags_of[flag])}" if flag != "0" else "")
        found.append((kind, plain(when)))
    return entries(found)


def block(text):
    return "```\n" + text.strip("\n") + "\n```"


def prototypes(page):
    found = headers.functions()
    files = sorted({found[n].header for n in page.names if n in found})
    lines = [f"#include <bpfmap/{name}>" for name in files]
    for name in page.names:
        if name in found:
            lines += ["", found[name].prototype]
    return block("\n".join(lines))


NAMED = re.compile(r"\b(?P<errno>E[A-Z0-9]{3,})\b|\b(?P<call>bpfmap_\w+)(?=\(\))")


def comment_markup(text):
    """A comment of a header: errnos and functions bold, everything else as it is."""
    out, end = [], 0
    for match in NAMED.finditer(text):
        out += [plain(text[end : match.start()]), bold(match.group())]
        end = match.end()
    return "".join(out) + plain(text[end:])


def functions(page):
    found, out = headers.functions(), []
    for name in page.names:
        if name not in found:
            continue
        if not found[name].comment:
            if out:
                out[-1][0].append(name)
            continue
        out.append(([name], comment_markup(found[name].comment)))
    return entries((", ".join(f"*{n}*()" for n in names), text) for names, text in out)


def struct(_, *names):
    return block("\n\n".join(headers.definition(name) for name in names))


def example(verb):
    lines = [line for of, line in deftables.rows("cli/examples.def", "EXAMPLE") if of == verb]
    return lines[0]


STANDS_FOR = {"SYNOPSIS": synopsis, "WORDS": words, "VERBS": verbs_all, "PLACEHOLDERS": placeholders,
              "OPTIONS": options, "EXIT": exit_codes, "COLUMNS": columns, "RULES": rules, "CHOICES": choices,
              "PROTOTYPES": prototypes, "FUNCTIONS": functions, "STRUCT": struct}


class Page:
    """The source of a page; its text has everything put in."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        first, _, self.source = self.path.read_text().partition("\n")
        if not first.startswith("; SPDX"):
            self.source = first + "\n" + self.source
        self.title, self.section = PREAMBLE.match(self.source).groups()
        listed, self.purpose = NAME_LINE.search(self.source).groups()
        self.names = [name.strip() for name in listed.split(",")]

    @functools.cached_property
    def text(self):
        text = re.sub(r"^([$#]) @EXAMPLE@ (\w+)$", lambda m: f"{m.group(1)} {example(m.group(2))}", self.source,
                      flags=re.MULTILINE)
        text = re.sub(r"^@([A-Z]+)@(.*)$", self.put_in, text, flags=re.MULTILINE)
        return BLOCK.sub(lambda m: m.group().expandtabs(4), text)

    def put_in(self, match):
        return STANDS_FOR[match.group(1)](self, *match.group(2).split())


def sources():
    return sorted((TREE / "man").glob("*.scd"))


# ---- commands ----


def unbroken(line):
    """A line of text whose hard blanks and names of pages are not broken."""
    line = line.lstrip("\t").replace(HARD_BLANK, "\\ ")
    return line if line.startswith(".") else re.sub(r"\bbpfmap-(?=[a-z]+\\f)", r"bpfmap\-", line)


DEFINITION = re.compile(r"^([^.\n].*)\n\.RS 4\n((?:[^.\n].*\n)+)\.RE\n", re.MULTILINE)


def tidy(troff):
    """scdoc ends each paragraph with a macro that begins one; where none begins, formatters complain. It keeps the tabs by
    which the source indents the lines behind the first one. Terms of a definition that are short share their line."""
    troff = re.sub(r"^\.P\n\.RE$", ".RE\n.P", troff, flags=re.MULTILINE)
    lines, kept, filled = DEFINITION.sub(r".TP 4\n\1\n\2", troff).splitlines(), [], True
    for line, following in zip(lines, lines[1:] + [".SH"]):
        filled = line == ".fi" or filled and line != ".nf"
        at_heading = kept and kept[-1][:3] in (".SH", ".SS")
        if line != ".P" or not (at_heading or following[:3] in (".P", ".SH", ".SS", ".RE", ".TS", ".TP")):
            kept.append(unbroken(line) if filled else line)
    return "\n".join(kept) + "\n"


def page_make(scdoc, source, target, *links):
    # In blocks, too, scdoc takes a backslash for an escape.
    page = Page(source)
    text = BLOCK.sub(lambda m: m.group().replace("\\", "\\\\"), page.text)
    made = subprocess.run([scdoc], input=text, capture_output=True, text=True)
    if made.returncode:
        sys.exit(f"{source}: {made.stderr.strip()}")
    text = made.stdout.replace("\n.nh\n", "\n.nh\n.nr HY 0\n", 1)
    pathlib.Path(target).write_text('.\\" SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause\n' + tidy(text))
    for link in links:
        pathlib.Path(link).write_text(f".so man{page.section}/{page.title}.{page.section}\n")


def files_tell(paths):
    for page in map(Page, paths):
        others = (name for name in page.names if name != page.title)
        print(page.path.name, *(f"{name}.{page.section}" for name in (page.title, *others)))


def main():
    command, *args = sys.argv[1:]
    if command == "page":
        page_make(*args)
    elif command == "files":
        files_tell(args)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
