"""Reader of PAN-OS ``set`` commands: custom URL categories, and which of them only rules that deny use."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable

from netprobe.render.readers import panos_rules
from netprobe.render.readers.base import (
    MAX_RULES,
    MOST_STARS,
    Configuration,
    ReadRule,
    first_notes,
    numbered_lines,
    shell_words,
)


def panos(text: str) -> Configuration:
    """PAN-OS ``set … custom-url-category NAME list …`` (one entry, or several in brackets)."""
    rules, notes, dead = [], [], []
    categories: dict[str, list[Callable[[str], bool]]] = {}
    denied = _panos_denied(text)
    for number, line in numbered_lines(text):
        found = re.search(r"\bcustom-url-category\s+(\S+)\s+list\s+(.+)$", line)
        if not found or not line.startswith("set "):
            continue
        named = categories.setdefault(found.group(1).strip('"'), [])
        if found.group(1) in denied:
            named += filter(None, map(panos_entry, found.group(2).strip("[] ").replace('"', "").split()))
            notes.append(f"line {number}: only rules that deny use the category {found.group(1)}")
            continue
        for entry in found.group(2).strip("[] ").split():
            matches = panos_entry(entry.strip('"'))
            if matches is None:
                dead.append(f"line {number}: {entry[:160]}: a wildcard must be a whole token, so it never matches")
            else:
                named.append(matches)
                rules.append(ReadRule(text=f"{entry[:200]} in {line[:200]}", line=number, matches=matches))
    return Configuration(
        rules=tuple(rules[:MAX_RULES]),
        by_address=False,
        notes=first_notes(notes),
        dead=first_notes(dead),
        decides=panos_rules.decision(text, categories),
    )


def _panos_denied(text: str) -> set[str]:
    """The categories that security rules use, and none that allows."""
    categories: dict[str, set[str]] = {}
    actions: dict[str, str] = {}
    for _, line in numbered_lines(text):
        found = re.match(r'set\s.*?\bsecurity\s+rules\s+("[^"]{1,99}"|\S+)\s', line)
        if not found:
            continue
        words = shell_words(line[found.end() :])
        for index, word in enumerate(words[:-1]):
            if word == "action":
                actions[found.group(1)] = words[index + 1]
            elif word == "category":
                several = words[index + 2 :] if words[index + 1] == "[" else words[index + 1 : index + 2]
                named = itertools.takewhile(lambda name: name != "]", several)
                categories.setdefault(found.group(1), set()).update(named)
    used: dict[bool, set[str]] = {True: set(), False: set()}
    for rule, names in categories.items():
        used[actions.get(rule, "allow") == "allow"] |= names
    return used[False] - used[True]


def panos_entry(entry: str) -> Callable[[str], bool] | None:
    """Tokens between dots: ``^`` is one, ``*`` one or more; a path would need decryption, so only ``/`` counts."""
    host, slash, path = entry.partition("/")
    if (slash and path not in ("", "*")) or not re.fullmatch(r"[A-Za-z0-9.^*-]{1,255}", host):
        return None
    labels = host.lower().split(".")
    if any(("*" in label or "^" in label) and len(label) > 1 for label in labels) or labels.count("*") > MOST_STARS:
        return None
    words = {"^": r"[^.]+", "*": r"[^.]+(?:\.[^.]+)*"}
    found = re.compile(r"\.".join(words.get(label, re.escape(label)) for label in labels))
    return lambda probe: found.fullmatch(probe) is not None
