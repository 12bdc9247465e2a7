"""Reader of Symantec's Content Policy Language: what ``ALLOW`` lines of ``<Proxy>`` layers admit by host and port.

Layers are not weighed against each other: a later one may take back what a line allows, which a note says.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from netprobe.render.model import Form
from netprobe.render.readers.base import (
    MAX_RULES,
    Configuration,
    ReadRule,
    RulePorts,
    everything,
    expression,
    first_notes,
    matching,
    numbered_lines,
    ports_of,
    shell_words,
)

_Matches = Callable[[str], bool]
_ABOUT_CLIENTS = re.compile(
    r"(?:client|user|group|realm|time|date|weekday|hour|proxy|authenticated|http\.method|request\.method|url\.scheme)\b|"
    r"url\.host\.is_numeric=no$|[a-z_.]+\(.*\)$"
)
"""Conditions that are taken as if they held, and actions; as for every reader."""


def cpl(text: str) -> Configuration:
    """``ALLOW`` lines, by ``condition=``, ``url.host=``, ``url.host.regex=``, ``url.domain=`` and ``url.port=``."""
    conditions: dict[str, list[tuple[int, str]]] = {}
    allowed: list[tuple[int, list[str]]] = []
    notes: list[str] = []
    unread: list[str] = []
    block, layer = "", ""
    for number, line in numbered_lines(text):
        words = shell_words(line.partition(" ;")[0]) if not line.startswith(";") else []
        if not words:
            continue
        first = words[0].lower()
        if first == "define":
            block = words[2] if words[1:2] == ["condition"] and len(words) > 2 else "?"
        elif first == "end":
            block = ""
        elif block:
            if block != "?":
                conditions.setdefault(block, []).append((number, line.partition(" ;")[0].strip()))
        elif line.startswith("<"):
            layer = first
        elif line.startswith("["):
            unread.append(f"line {number}: sections such as {line[:40]} are not read")
        elif layer.startswith("<proxy") and first == "allow":
            allowed.append((number, words[1:]))
        elif layer.startswith("<proxy") and first in ("deny", "force_deny"):
            notes.append(f"line {number}: what it denies is not weighed against what other layers allow")
    rules: list[ReadRule] = []
    for number, words in allowed:
        found, why = _allowed(number, words, conditions)
        rules += found
        unread += why
    return Configuration(
        rules=tuple(rules[:MAX_RULES]), by_address=False, notes=first_notes(notes), unread=first_notes(unread)
    )


def _allowed(
    number: int, words: list[str], conditions: dict[str, list[tuple[int, str]]]
) -> tuple[list[ReadRule], list[str]]:
    """The rules that one line is, and what of it cannot be read."""
    ports = RulePorts()
    named: list[tuple[int, str]] | None = None
    for word in words:
        key, _, value = word.partition("=")
        if key == "url.port":
            ports = ports_of(value.replace("..", "-").strip("()"))
        elif key == "condition" and value in conditions and named is None:
            named = conditions[value]
        elif _host(word) is not None and named is None:
            named = [(number, word)]
        elif not _ABOUT_CLIENTS.match(word):
            return [], [f"line {number}: {word[:160]} cannot be judged"]
    if named is None:
        return [ReadRule(text=" ".join(words)[:400] or "ALLOW", line=number, ports=ports, matches=everything)], []
    rules: list[ReadRule] = []
    unread: list[str] = []
    for at, line in named:
        matches = _host(" ".join(shell_words(line)))
        if matches is None:
            unread.append(f"line {at}: {line[:160]} cannot be read")
        else:
            rules.append(ReadRule(text=line[:400], line=at, ports=ports, matches=matches))
    return rules, unread


def _host(term: str) -> _Matches | None:
    """The predicate of one condition about the host; None where it is none, or cannot be read."""
    found = re.fullmatch(r"(?:server_)?url\.(host|domain)(?:\.(exact|regex|suffix))?(?:\.no_lookup)?=(\S+)", term)
    if found is None:
        return None
    what, how, value = found.groups()
    if how == "regex":
        return expression(value, re.IGNORECASE)
    if what == "domain":
        return matching(Form.SUBTREE, value.removeprefix("//").strip("/"))
    return matching(Form.EXACT, value) if how != "suffix" else None
