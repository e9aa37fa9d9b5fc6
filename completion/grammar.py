# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""grammar.py: the synopses of the verbs as automata, which completion follows word by word.

    sequence     items one behind the other; A | B with blanks: either of two sequences
    item         word, item|item without blanks, [sequence] may be left out, {sequence}, item... again and again
    word         in small letters, or -: itself; in capitals: what words.def says

Neighbours in brackets may come in any order, as the tool takes them. MAP is spelt out.

A row of an automaton is (state, label, state); 0 begins. Labels: "=word"; "?word", which is offered once; "@OFFER", the
second column of words.def.
"""
import re

import deftables

TOKEN = re.compile(r"\.\.\.|,\.\.\.|[A-Za-z][\w-]*(?:\.[a-z]\w*)*|-[a-z]+|[][{}|-]")
# What stands for a part of MAP.
IN_MAP = {"N": "ID", "NAME": "MAPNAME", "PATH": "PIN"}
# What a word is behind another one, or behind what another one offers.
BEHIND = {("prog", "NAME"): "PROGRAM", ("interface", "NAME"): "INTERFACE", ("OBJECT", "FILE"): "YAML"}


class Parser:
    """A synopsis as nested lists: ("seq", ...), ("alt", ...), ("opt", x), ("again", x), ("word", w)."""

    def __init__(self, text):
        self.tokens = [(m.group(), text[m.start() - 1 : m.start()] != " " and m.start() > 0,
                        text[m.end() : m.end() + 1] in (" ", "")) for m in TOKEN.finditer(text)]
        self.at = 0

    def peek(self):
        return self.tokens[self.at][0] if self.at < len(self.tokens) else None

    def take(self):
        self.at += 1
        return self.tokens[self.at - 1][0]

    def is_tight_bar(self):
        return self.peek() == "|" and self.tokens[self.at][1]

    def sequences(self):
        found = [self.sequence()]
        while self.peek() == "|":
            self.take()
            found.append(self.sequence())
        return found[0] if len(found) == 1 else ("alt", *found)

    def sequence(self):
        items = []
        while self.peek() not in (None, "]", "}") and not (self.peek() == "|" and not self.is_tight_bar()):
            items.append(self.item())
        return ("seq", *items)

    def item(self):
        found = [self.single()]
        while self.is_tight_bar():
            self.take()
            found.append(self.single())
        item = found[0] if len(found) == 1 else ("alt", *found)
        while self.peek() in ("...", ",..."):
            item = ("again", item) if self.take() == "..." else item
        return item

    def single(self):
        token = self.take()
        if token not in ("[", "{"):
            return ("word", token)
        inner = self.sequences()
        self.take()
        return ("opt", inner) if token == "[" else inner


def begins_with_keyword(node):
    """Is it an option [word ...] that may stand anywhere among its neighbours? The world and a MAP may not."""
    kind, *parts = node
    if kind == "again":
        return begins_with_keyword(parts[0])
    while kind != "word" and kind in ("opt", "seq", "alt") and node[0] == "opt":
        kind, *parts = parts[0]
        if kind == "word":
            return not parts[0][0].isupper() and parts[0] not in ("user", "kernel")
    return False


class Automaton:
    def __init__(self, text):
        self.words = {name: (offer, grammar) for name, offer, grammar, _ in deftables.rows("cli/words.def", "WORD")}
        self.labelled, self.silent, self.states = [], [], 1
        self.build(Parser(text).sequences(), 0, {})

    def state(self):
        self.states += 1
        return self.states - 1

    def step(self, start, label):
        end = self.state()
        self.labelled.append((start, label, end))
        return end

    def word(self, word, start, how):
        if not word[0].isupper():
            return self.step(start, ("?" if how.get("once") else "=") + word)
        if word == "MAP":
            return self.build(Parser(self.words["MAP"][1]).sequences(), start, {"map": True})
        before = [label[1:] for _, label, end in self.labelled if start in self.closure(end)]
        offer = IN_MAP.get(word) if how.get("map") else next(
            (BEHIND[label, word] for label in before if (label, word) in BEHIND), None)
        end = self.step(start, "@" + (offer or self.words.get(word, ("NOTHING", ""))[0]))
        if offer is None and self.words.get(word, ("",))[0] == "DATA":
            self.labelled.append((end, "@DATA", end))
        return end

    def options(self, items, start):
        """Neighbours in brackets: any of them, in any order."""
        for item in items:
            end = self.build(item[1] if item[0] == "opt" else item[1][1], start,
                             {"once": item[0] == "opt"})
            self.silent.append((end, start))
        return start

    def sequence(self, items, start, how):
        is_option = [begins_with_keyword(item) for item in items]
        at, n = start, 0
        while n < len(items):
            end = n
            while end < len(items) and is_option[end] and not how.get("map"):
                end += 1
            if end > n + 1 or end == n + 1 and items[n][0] == "again":
                hub = self.state()
                self.silent.append((at, hub))
                at, n = self.options(items[n:end], hub), end
                continue
            at = self.build(items[n], at, {**how, "once": False} if n else how)
            n += 1
        return at

    def build(self, node, start, how):
        kind, *parts = node
        if kind == "word":
            return self.word(parts[0], start, how)
        if kind == "seq":
            return self.sequence(parts, start, how)
        end = self.state()
        for part in parts:
            self.silent.append((self.build(part, start, how), end))
        if kind == "opt":
            self.silent.append((start, end))
        if kind == "again":
            self.silent.append((end, start))
        return end

    def closure(self, state):
        found, todo = {state}, [state]
        while todo:
            at = todo.pop()
            for start, end in self.silent:
                if start == at and end not in found:
                    found.add(end)
                    todo.append(end)
        return found

    def rows(self):
        """Without silent steps."""
        found = []
        for state in range(self.states):
            reached = self.closure(state)
            found += [(state, label, end) for start, label, end in self.labelled if start in reached]
        return found


def merged(found):
    """States from which the same is possible become one."""
    while True:
        ways = {}
        for start, label, end in found:
            ways.setdefault(start, set()).add((label, end))
        first, same = {frozenset(): -1}, {}
        for state in sorted(ways):
            same[state] = first.setdefault(frozenset(ways[state]), state)
        shorter = list(dict.fromkeys((same[start], label, same.get(end, -1)) for start, label, end in found))
        if shorter == found:
            return found
        found = shorter


def rows(synopsis):
    """What begins is reached from 0; -1: nothing follows."""
    found, reached = merged(Automaton(synopsis).rows()), {0}
    while True:
        more = reached | {end for start, _, end in found if start in reached}
        if more == reached:
            return [row for row in found if row[0] in reached]
        reached = more
