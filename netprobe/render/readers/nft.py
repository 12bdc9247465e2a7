"""Reader of ``nft list ruleset``."""

from __future__ import annotations

import re
from collections.abc import Callable

from netprobe.render.readers import nft_chains
from netprobe.render.readers.base import (
    MAX_RULES,
    Comments,
    Configuration,
    ReadRule,
    RulePorts,
    code_lines,
    everything,
    first_notes,
    in_networks,
    ports_of,
    spread,
)
from netprobe.render.readers.packet_filter import ChainsDecision

MAX_NAME = 256
"""How far before a brace we look for what it opens, in characters."""


def nft(text: str) -> Configuration:
    """``nft list ruleset``: sets, and rules that accept by ``daddr``."""
    sets = {name: in_networks(spread(values))[0] for name, values in _elements(text).items()}
    rules, notes, unread = [], [], []
    hook = ""
    for number, line in code_lines(text, Comments.HASH):
        if re.match(r"chain\s+(\S+)\s*\{", line):
            hook = ""
        if hooked := re.search(r"\bhook\s+(\w+)", line):
            hook = hooked.group(1)
            if hook in ("output", "forward") and not re.search(r"\bpolicy\s+drop\b", line):
                notes.append(
                    f"line {number}: the {hook} chain lets out what no rule refuses, which does not count here"
                )
            continue
        if hook in ("input", "prerouting") or not _nft_goes_out(line) or not re.search(r"\baccept\b", line):
            continue
        found = re.search(r"\b(?:ip|ip6)\s+daddr\s+(@\S+|\{[^}]*\}|\S+)", line)
        dport = re.search(r"\bdport\s+(\{[^}]*\}|\S+)", line)
        ports = ports_of(dport.group(1)) if dport else RulePorts()
        where = found.group(1) if found else ""
        matches = _networks(where, sets) if found else everything
        if where == "!=":
            continue  # what it admits is everything else, which the chains together say
        if matches is None:
            unread.append(f"line {number}: no network could be read")
            continue
        rules.append(ReadRule(text=line, line=number, ports=ports, matches=matches))
    return Configuration(
        rules=tuple(rules[:MAX_RULES]),
        by_address=True,
        notes=first_notes(notes),
        unread=first_notes(unread),
        decides=ChainsDecision(nft_chains.chains(text, sets)),
    )


def _nft_goes_out(line: str) -> bool:
    """Whether a rule is about new TCP connections that leave, as far as its line tells."""
    udp = re.search(r"\budp\b", line) and not re.search(r"\btcp\b", line)
    stands = re.search(r"\bct\s+state\b", line) and not re.search(r"\bnew\b", line)
    return not udp and not stands and not re.search(r'\b[io]if(?:name)?\s+"?lo\b', line)


def _networks(where: str, sets: dict[str, Callable[[str], bool]]) -> Callable[[str], bool] | None:
    """The networks that a rule names: a set, one, or several in braces; None where none can be read."""
    if where.startswith("@"):
        return sets.get(where[1:])
    values = [value for value in re.split(r"[{},\s]+", where) if value]
    matches, unread = in_networks(values)
    return matches if unread < len(values) else None


def _elements(text: str) -> dict[str, list[str]]:
    """The elements of each set, in one pass over the braces."""
    found: dict[str, list[str]] = {}
    opened: list[tuple[str, int]] = []
    """For each brace that is open: the set's name, ``elements``, or nothing; and where its content begins."""
    previous = 0
    for brace in re.finditer(r"[{}]", text):
        if brace.group() == "{":
            opened.append((_opens(text[max(previous, brace.start() - MAX_NAME) : brace.start()]), brace.end()))
        elif opened:
            name, begins = opened.pop()
            owner = opened[-1][0] if opened else ""
            if name.startswith("=") and not owner:  # add element FAMILY TABLE SET { … }
                found.setdefault(name[1:], []).extend(
                    word for word in re.split(r"[,\s]+", text[begins : brace.start()]) if word
                )
            elif name == "elements" and owner:
                found[owner] = [word for word in re.split(r"[,\s]+", text[begins : brace.start()]) if word]
        previous = brace.end()
    return found


def _opens(before: str) -> str:
    """What a brace opens, from what stands before it: the name of a set, the word ``elements``, or nothing."""
    words = before.split()
    if "".join(words[-2:]).endswith("elements="):
        return "elements"
    if "element" in words[-4:-1]:
        return f"={words[-1]}"
    return words[-1] if "set" in words[-4:-1] else ""
