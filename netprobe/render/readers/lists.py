"""Reader of plain lists of names and networks."""

from __future__ import annotations

import re
from collections.abc import Callable

from netprobe.render.model import Form
from netprobe.render.readers.base import (
    MAX_RULES,
    Configuration,
    ReadRule,
    first_notes,
    in_network,
    matching,
    numbered_lines,
)


def plain(text: str) -> Configuration:
    """A list: a name, ``*.name`` (beneath it), ``.name`` (it and beneath it), a pattern or a network a line.

    A list of both is judged by its names: which networks belong to which name, it cannot say.
    """
    names: list[ReadRule] = []
    networks: list[ReadRule] = []
    notes: list[str] = []
    for number, line in numbered_lines(text):
        word = re.split(r"[\s#;,]", line, maxsplit=1)[0].rstrip("/")
        if not word:
            continue
        if (network := in_network(word)) is not None:
            networks.append(ReadRule(text=line, line=number, matches=network))
        elif (name := _listed(word)) is not None:
            names.append(ReadRule(text=line, line=number, matches=name))
        else:
            notes.append(f"line {number} is neither a name nor a network")
    by_address = bool(networks) and not names
    if networks and names:
        first = networks[0].line
        notes.insert(0, f"networks that stand among names are not judged: {len(networks)}, the first in line {first}")
    rules = networks if by_address else names
    return Configuration(rules=tuple(rules[:MAX_RULES]), by_address=by_address, notes=first_notes(notes))


def _listed(word: str) -> Callable[[str], bool] | None:
    if word.startswith("*."):
        return matching(Form.SUFFIX, word[2:])
    if word.startswith("."):
        return matching(Form.SUBTREE, word[1:])
    return matching(Form.GLOB if "*" in word else Form.EXACT, word)
