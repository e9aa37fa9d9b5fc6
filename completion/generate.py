#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""generate.py TEMPLATE OUTPUT: completion for a shell, from the tool's tables.

Templates name what is put in as @NAME@. The walk along the grammar (engine.sh) is the same for both shells.
"""
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "tools"), str(HERE)]
import deftables  # noqa: E402
import grammar  # noqa: E402


def quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


def column(table, macro, at):
    return " ".join(row[at] for row in deftables.rows(table, macro))


def options():
    found = []
    for letter, name, _ in deftables.rows("cli/options.def", "OPTION"):
        found += ([f"-{letter.strip(chr(39))}"] if letter != "0" else []) + [f"--{name}"]
    return " ".join(found)


def table():
    lines = []
    for verb, (synopsis, _) in deftables.verbs().items():
        rows = grammar.rows(synopsis)
        if rows:
            lines.append(f"\t{verb}) _bpfmap_rows=(")
            lines += [f"\t\t{quoted(f'{start} {label} {end}')}" for start, label, end in rows]
            lines.append("\t) ;;")
    return "\n".join(lines)


def word_lists():
    """What is offered where a word is one of a list."""
    columns = " ".join(row[1] for row in deftables.rows("cli/top_columns.def", "TOP_COLUMN") if row[2] != "NULL")
    return {"TYPE": column("map/types.def", "MAP_TYPE", 1), "COLUMN": columns, "FIELD": "key value",
            "OP": "eq ne lt le gt ge"}


def described():
    return "\n".join("\t\t" + quoted(f"{verb}:{text}") for verb, (_, text) in deftables.verbs().items())


def values():
    lists = word_lists()
    return {
        "TABLE": table(),
        "VERBS": " ".join(deftables.verbs()),
        "ALIASES": " ".join(deftables.aliases()),
        "ALIAS_CASES": "\n".join(f"\t{word}) found={verb} ;;" for word, verb in deftables.aliases().items()),
        "OPTIONS": options(),
        "FLAGS": column("cli/map_flags.def", "MAP_FLAG", 1),
        "VERBS_DESCRIBED": described(),
        "WORD_CASES_BASH": "\n".join(f"\t{kind}) COMPREPLY+=($(compgen -W '{words}' -- \"$cur\")) ;;"
                                     for kind, words in lists.items()),
        "WORD_CASES_ZSH": "\n".join(f"\t{kind}) compadd -- {words} ;;" for kind, words in lists.items()),
    }


def filled(template):
    engine = (HERE / "engine.sh").read_text().split("\n", 2)[2]
    text = pathlib.Path(template).read_text().replace("@ENGINE@\n", engine + "\n")
    # zsh looks for #compdef in the first line.
    text = re.sub(r"\A(.*\n)(#compdef .*\n)", r"\2\1", text)
    found = values()
    return re.sub(r"@([A-Z_]+)@", lambda m: found[m.group(1)], text)


if __name__ == "__main__":
    pathlib.Path(sys.argv[2]).write_text(filled(sys.argv[1]))
