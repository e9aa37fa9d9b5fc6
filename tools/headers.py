# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""headers.py: what the public headers declare, and what their comments say of it: for the man pages and their
tests.

Relies on the formatting that check_format.py enforces, and on the comment of a function standing directly before it.
"""
import collections
import pathlib
import re
import textwrap

TREE = pathlib.Path(__file__).resolve().parent.parent
FOLDER = TREE / "include/bpfmap"

Function = collections.namedtuple("Function", "name header prototype comment")

LINE_MAX = 68  # columns that a prototype has in a man page
COMMENT = r"(?:/\*(?P<comment>(?:(?!\*/).)*)\*/\n)?"
DECLARED = re.compile(rf"^{COMMENT}BPFMAP_API (?P<declaration>[^;{{]*?(?P<name>\w+)\([^;{{]*\));",
                      re.MULTILINE | re.DOTALL)
INLINE = re.compile(rf"^{COMMENT}static inline (?P<declaration>[^;{{]*?(?P<name>bpfmap_\w+)\([^;{{]*\))\n\{{",
                    re.MULTILINE | re.DOTALL)
BY_TYPE = re.compile(rf"^{COMMENT}BPFMAP_API (?P<declaration>\w+ (?P<name>\w+));", re.MULTILINE | re.DOTALL)
NOT_FOR_USE = re.compile(r"^/\* ---- [^\n]*not for direct use.*?\n(?=/\* ----|\Z)", re.MULTILINE | re.DOTALL)


def comment_text(comment):
    """A comment as paragraphs of one line each; a heading of dashes is left out."""
    lines = [re.sub(r"^\s*\* ?", "", line).strip() for line in (comment or "").strip().splitlines()]
    lines = [line for line in lines if not re.match(r"^-{4}", line)]
    return " ".join(" ".join(lines).split())


def prototype_text(declaration):
    """A declaration, with the lines behind the first one set under its first parameter, if there is room."""
    text = " ".join(declaration.split())
    head, found, parameters = text.partition("(")
    if not found:
        return text + ";"
    lines, indent = [head + "("], " " * (len(head) + 1)
    if max(map(len, parameters.split(","))) + len(indent) > LINE_MAX:
        indent = " " * 4
        lines.append(indent)
    for parameter in re.findall(r"[^,]+,?", parameters):
        parameter = parameter.strip()
        if len(lines[-1]) + len(parameter) + 1 > LINE_MAX and lines[-1][-1] not in "( ":
            lines.append(indent + parameter)
        else:
            lines[-1] += ("" if lines[-1][-1] in "( " else " ") + parameter
    return "\n".join(lines) + ";"


def functions(folder=FOLDER):
    """name -> Function, in the order of the headers."""
    found = {}
    for path in sorted(pathlib.Path(folder).glob("*.h")):
        text = NOT_FOR_USE.sub("", path.read_text())
        matches = [m for pattern in (DECLARED, INLINE, BY_TYPE) for m in pattern.finditer(text)]
        matches.sort(key=lambda m: m.start())
        for match in matches:
            name = match.group("name")
            if name not in found:
                found[name] = Function(name, path.name, prototype_text(match.group("declaration")),
                                       comment_text(match.group("comment")))
    return found


PART = re.compile(r"/\*(?P<comment>.*?)\*/|(?P<member>[^/]*?(?:;|,(?=\s*(?:/\*|$))))", re.DOTALL | re.MULTILINE)
WIDTH, COMMENT_COLUMN = 68, 26


def comment_lines(text, column):
    """A comment set into lines, the first of which begins in that column."""
    lines = textwrap.wrap(f"/* {comment_text(text)}\0*/", WIDTH - 3 - column)
    return f"\n{' ' * (column + 3)}".join(lines).replace("\0", " ")


def members_text(body):
    """The members of a struct or an enum, each with its comment beside it, in lines that fit a man page."""
    lines, end = [], 0
    for part in PART.finditer(body):
        alone = "\n" in body[end : part.start()] or not lines
        end = part.end()
        if part.group("member"):
            lines.append("    " + " ".join(part.group("member").split()).replace("* ", "*"))
        elif alone:
            lines.append("    " + comment_lines(part.group("comment"), 4))
        else:
            lines[-1] = f"{lines[-1]:<{COMMENT_COLUMN - 1}} "
            lines[-1] += comment_lines(part.group("comment"), min(len(lines[-1]), 40))
    return "\n".join(lines)


def definition(name, folder=FOLDER):
    """The text of a struct, an enum or a macro."""
    braced = re.compile(rf"^((?:struct|enum) {name} \{{\n)(.*?)^\}};$", re.MULTILINE | re.DOTALL)
    macro = re.compile(rf"^#define ({name}\b.*?[^\\])$", re.MULTILINE | re.DOTALL)
    for path in sorted(pathlib.Path(folder).glob("*.h")):
        text = path.read_text()
        if match := braced.search(text):
            head, body = match.groups()
            body = body.replace("\t", "    ").rstrip() if "{" in body else members_text(body)
            return f"{head}{body}\n}};"
        if match := macro.search(text):
            value = re.sub(r"/\*.*?\*/", "", match.group(1), flags=re.DOTALL).replace("\\\n", " ")
            return "#define " + " ".join(value.split())
    raise KeyError(f"no public header defines {name}")
