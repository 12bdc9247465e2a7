"""Reader of ``iptables-save``, with ``ipset save`` beside it."""

from __future__ import annotations

import re
from collections.abc import Callable

from netprobe.render.readers import iptables_chains
from netprobe.render.readers.base import (
    MAX_RULES,
    Configuration,
    ReadRule,
    everything,
    first_notes,
    in_network,
    in_networks,
    numbered_lines,
    ports_of,
    shell_words,
    word_after,
)
from netprobe.render.readers.packet_filter import ChainsDecision


def iptables(text: str) -> Configuration:
    """``iptables-save``, and ``ipset save`` in the same file: ``-d`` networks and sets of rules that ACCEPT."""
    notes: list[str] = []
    sets = _sets(text, notes)
    rules = []
    for number, line in numbered_lines(text):
        if unguarded := re.match(r":(OUTPUT|FORWARD)\s+ACCEPT\b", line):
            notes.append(f"the chain {unguarded.group(1)} lets out what no rule refuses, which does not count here")
        words = shell_words(line)
        named = len(words) > 1 and not words[1].startswith("-")
        if words[:1] not in (["-A"], ["-I"]) or not named or not _goes_out(words):
            continue
        into = _destination_set(words)
        target = word_after(words, "-d") or word_after(words, "--destination")
        ports = ports_of(word_after(words, "--dport") or word_after(words, "--dports") or "")
        if into and into not in sets:
            notes.append(f"line {number}: the set {into} is not in the file (add the output of ipset save)")
        if word_after(words, "-j") != "ACCEPT" or "!" in words:
            continue
        network = in_network(target) if target else None
        matches = sets.get(into) if into else network if target else everything
        if matches is not None:
            rules.append(ReadRule(text=line, line=number, ports=ports, matches=matches))
    sections = [ChainsDecision(chains) for chains in iptables_chains.sections(text, sets)]

    def decides(probe: str, port: int) -> bool | None:
        answers = {decide(probe, port) for decide in sections}
        return True if True in answers else (None if None in answers else False)

    return Configuration(rules=tuple(rules[:MAX_RULES]), by_address=True, notes=first_notes(notes), decides=decides)


def _sets(text: str, notes: list[str]) -> dict[str, Callable[[str], bool]]:
    """What each set of ``ipset save`` holds; lines that are no network go into the notes."""
    members: dict[str, list[str]] = {}
    for number, line in numbered_lines(text):
        added = re.match(r"add\s+(\S+)\s+(\S+)", line)
        if not added:
            continue
        if in_network(added.group(2)) is None:
            notes.append(f"line {number}: not a network")
        else:
            members.setdefault(added.group(1), []).append(added.group(2))
    for line in text.splitlines():
        swapped = re.match(r"swap\s+(\S+)\s+(\S+)", line)
        if swapped:
            one, other = swapped.groups()
            members[one], members[other] = members.get(other, []), members.get(one, [])
    return {name: in_networks(values)[0] for name, values in members.items()}


def _goes_out(words: list[str]) -> bool:
    """Whether a rule is about new TCP connections that leave: not UDP, not INPUT, not loopback, not what stands."""
    state = word_after(words, "--ctstate") or word_after(words, "--state") or "NEW"
    return (
        (word_after(words, "-p") or "tcp") in ("tcp", "6", "all")
        and words[1:2] not in (["INPUT"], ["PREROUTING"])
        and "lo" not in (word_after(words, "-o"), word_after(words, "-i"))
        and "NEW" in state.split(",")
    )


def _destination_set(words: list[str]) -> str | None:
    """The set that a rule holds the destination against."""
    for at, word in enumerate(words[:-2]):
        if word == "--match-set" and words[at + 2].startswith("dst"):
            return words[at + 1]
    return None
