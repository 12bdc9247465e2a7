"""Reader of ``nft list ruleset``."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable

from netprobe.render.readers.base import (
    MAX_RULES,
    Configuration,
    Denied,
    Rule,
    any_of,
    everything,
    first_notes,
    in_network,
    numbered_lines,
    ports_of,
)

MAX_SETS = 1000


def nft(text: str) -> Configuration:
    """``nft list ruleset``: sets, and rules that accept by ``daddr``."""
    sets: dict[str, list[Callable[[str], bool]]] = {}
    for opened in itertools.islice(re.finditer(r"\bset\s+([A-Za-z0-9_.-]+)\s*\{", text), MAX_SETS):
        name, body = opened.group(1), _block(text, opened.end())
        elements = re.search(r"elements\s*=\s*\{([^}]*)\}", body)
        words = re.split(r"[,\s]+", elements.group(1)) if elements else []
        sets[name] = [n for n in map(in_network, filter(None, words)) if n]
    rules, notes = [], []
    denied = Denied()
    chain, hook = "", ""
    for number, line in numbered_lines(text):
        if begun := re.match(r"chain\s+(\S+)\s*\{", line):
            chain, hook = f"{begun.group(1)} {number}", ""
        if hooked := re.search(r"\bhook\s+(\w+)", line):
            hook = hooked.group(1)
            if hook in ("output", "forward") and not re.search(r"\bpolicy\s+drop\b", line):
                notes.append(
                    f"line {number}: the {hook} chain lets out what no rule refuses, which does not count here"
                )
            continue
        if hook in ("input", "prerouting") or not _nft_goes_out(line):
            continue
        found = re.search(r"\b(?:ip|ip6)\s+daddr\s+(@\S+|\{[^}]*\}|\S+)", line)
        dport = re.search(r"\bdport\s+(\{[^}]*\}|\S+)", line)
        ports = ports_of(dport.group(1)) if dport else frozenset()
        if re.search(r"\b(?:drop|reject)\b", line) and not re.search(r"\b(?:[ds]addr|[io]ifname|meta|ct)\b", line):
            denied.add(chain, ports)
        if not re.search(r"\baccept\b", line) or denied.covers(chain, ports):
            continue
        where = found.group(1) if found else ""
        if where.startswith("@"):
            networks = sets.get(where[1:], [])
        else:
            networks = [n for n in map(in_network, re.split(r"[{},\s]+", where)) if n]
        if found and not networks:
            notes.append(f"line {number}: no network could be read")
        rules.append(Rule(text=line, line=number, ports=ports, matches=any_of(networks) if found else everything))
    return Configuration(rules=tuple(rules[:MAX_RULES]), by_address=True, notes=first_notes(notes))


def _nft_goes_out(line: str) -> bool:
    """Whether a rule is about new TCP connections that leave, as far as its line tells."""
    udp = re.search(r"\budp\b", line) and not re.search(r"\btcp\b", line)
    stands = re.search(r"\bct\s+state\b", line) and not re.search(r"\bnew\b", line)
    return not udp and not stands and not re.search(r'\b[io]if(?:name)?\s+"?lo\b', line)


def _block(text: str, start: int) -> str:
    """What stands between a brace, which ends at ``start``, and the one that closes it."""
    depth = 1
    for brace in re.finditer(r"[{}]", text[start:]):
        depth += 1 if brace.group() == "{" else -1
        if depth == 0:
            return text[start : start + brace.start()]
    return text[start:]
