# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""deftables.py: the .def tables of src/, for what is made from them without a compiler: man pages,
completion, and their tests.

    rows("cli/verbs.def", "VERB")  ->  [("list", "[MAP]", "all maps, one a line"), ...]

A row is a tuple of strings: string literals with their value, adjacent ones joined, anything else as it is
written.
"""
import pathlib
import re

TREE = pathlib.Path(__file__).resolve().parent.parent
TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|\'(?:[^\'\\]|\\.)\'|[^",()\s]+|[,()]')
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
PREPROCESSOR = re.compile(r"^#(?:.*\\\n)*.*$", re.MULTILINE)
ESCAPES = {"n": "\n", "t": "\t"}


def blank(text):
    """Without comments and preprocessor lines; strings may hold what looks like one."""
    strings = []

    def keep(match):
        strings.append(match.group())
        return f"\0{len(strings) - 1}\0"

    text = re.sub(r'"(?:[^"\\\n]|\\.)*"|' + COMMENT.pattern, lambda m: keep(m) if m.group()[0] == '"' else " ",
                  text, flags=re.DOTALL)
    text = PREPROCESSOR.sub("", text)
    return re.sub(r"\0(\d+)\0", lambda m: strings[int(m.group(1))], text)


def unquoted(text):
    return re.sub(r"\\(.)", lambda m: ESCAPES.get(m.group(1), m.group(1)), text)


def arguments(text, at):
    """The arguments behind the opening parenthesis at text[at - 1]; parentheses inside are kept."""
    found, words, depth = [], [], 0
    for token in TOKEN.finditer(text, at):
        word = token.group()
        if word == ")" and not depth or word == "," and not depth:
            found.append("".join(words).strip())
            words = []
            if word == ")":
                return tuple(found)
            continue
        depth += (word == "(") - (word == ")")
        words.append(unquoted(token.group(1)) if token.group(1) is not None else word)
    raise ValueError("a row of a table has no end")


def rows(table, macro, root=TREE):
    text = blank((pathlib.Path(root) / "src" / table).read_text())
    return [arguments(text, match.end()) for match in re.finditer(rf"\b{macro}\(", text)]


def verbs(root=TREE):
    """name -> (synopsis, help)"""
    return {name: (" ".join(synopsis.split()), " ".join(text.split()))
            for name, synopsis, text in rows("cli/verbs.def", "VERB", root)}


def aliases(root=TREE):
    """word -> verb"""
    return dict(rows("cli/aliases.def", "ALIAS", root))
