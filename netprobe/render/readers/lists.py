"""Reader of plain lists of names and networks."""

from __future__ import annotations

import re
from collections.abc import Callable

from netprobe.render.model import Form
from netprobe.render.readers.base import (
    MAX_RULES,
    Configuration,
    Rule,
    first_notes,
    in_network,
    matching,
    numbered_lines,
)


def plain(text: str) -> Configuration:
    """A list: a name, ``*.name`` (beneath it), ``.name`` (it and beneath it), a pattern or a network a line."""
    rules, notes = [], []
    for number, line in numbered_lines(text):
        word = re.split(r"[\s#;,]", line, maxsplit=1)[0].rstrip("/")
        if not word:
            continue
        matches = in_network(word) or _listed(word)
        if matches is None:
            notes.append(f"line {number} is neither a name nor a network")
            continue
        rules.append(Rule(text=line, line=number, matches=matches))
    by_address = bool(rules) and all(in_network(re.split(r"[\s#;,]", r.text, maxsplit=1)[0]) is not None for r in rules)
    return Configuration(rules=tuple(rules[:MAX_RULES]), by_address=by_address, notes=first_notes(notes))


def _listed(word: str) -> Callable[[str], bool] | None:
    if word.startswith("*."):
        return matching(Form.SUFFIX, word[2:])
    if word.startswith("."):
        return matching(Form.SUBTREE, word[1:])
    return matching(Form.GLOB if "*" in word else Form.EXACT, word)
