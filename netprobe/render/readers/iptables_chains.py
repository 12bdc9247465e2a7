"""The chains of ``iptables-save``, as far as a new TCP connection that leaves meets them (iptables-extensions(8))."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from netprobe.render.readers.base import everything, in_networks, numbered_lines, shell_words
from netprobe.render.readers.packet_filter import (
    ChainRule,
    Condition,
    FilterChain,
    RuleVerdict,
    at_addresses,
    at_ports,
    by_client_port,
    named_ports,
    never,
)

_VERDICTS = {
    "ACCEPT": RuleVerdict.ALLOW,
    "DROP": RuleVerdict.DENY,
    "REJECT": RuleVerdict.DENY,
    "RETURN": RuleVerdict.RETURN,
}
_GO_ON_NAMES = """
    LOG NFLOG ULOG AUDIT MARK CONNMARK SECMARK CONNSECMARK CLASSIFY DSCP TOS TTL HL TCPMSS TCPOPTSTRIP CHECKSUM
    TRACE CT NOTRACK SET IDLETIMER LED RATEEST TEE TPROXY SYNPROXY MASQUERADE SNAT DNAT REDIRECT NETMAP
"""
"""Targets after which the next rule is asked, or that no rule of ``filter`` has."""
_GO_ON = frozenset(_GO_ON_NAMES.split())
_TARGETS = frozenset({"-j", "--jump", "-g", "--goto"})
_WITHOUT_VALUE = frozenset({"-f", "--fragment", "--syn", "--rpfilter", "--loose", "--reverse", "--random"})
_ANY_VALUE = frozenset({"--comment", "--string", "--hex-string"})
"""Options whose value may look like an option."""
_HARMLESS = frozenset({"-m", "--match", "--comment", "-c", "--set-counters"})
_TABLES = frozenset({"filter", ""})
Sets = Mapping[str, Callable[[str], bool]]


def sections(text: str, sets: Sets) -> Iterator[dict[str, FilterChain]]:
    """The chains of each table ``filter``: both families' may stand in one file."""
    table, begun = "", False
    chains: dict[str, FilterChain] = {}
    family, known = 0, set[int]()
    for _, line in numbered_lines(text):
        if "ip6tables-save" in line and line.startswith("#"):
            family = 6
        if line.startswith("*"):
            if begun and table in _TABLES:
                yield _of_family(chains, family, known)
                family = 0
            table, begun, chains, known = line[1:].strip(), True, {}, set()
        elif table in _TABLES:
            begun = _read(line, chains, sets, known) or begun
    if begun and table in _TABLES:
        yield _of_family(chains, family, known)


def _of_family(chains: dict[str, FilterChain], family: int, known: set[int]) -> dict[str, FilterChain]:
    """A table of IPv6 says nothing of IPv4; one that names no network is taken for both."""
    if family == 6 or known == {6}:
        for chain in chains.values():
            chain.family = 6
    return chains


def _read(line: str, chains: dict[str, FilterChain], sets: Sets, known: set[int]) -> bool:
    """Take a line in; whether it is one of a table's."""
    declared = re.match(r":(\S+)\s+(\S+)", line)
    if declared:
        _chain(chains, declared[1]).drops = declared[2] == "DROP"
        return True
    words = shell_words(line)
    if words[:1] == ["-P"] and len(words) > 2:
        _chain(chains, words[1]).drops = words[2] == "DROP"
    if words[:1] not in (["-A"], ["-I"]) or len(words) < 4 or words[1].startswith("-"):
        return words[:1] == ["-P"]
    rule = _rule(words[2:], sets, known)
    if rule is not None:
        at = len(_chain(chains, words[1]).rules) if words[0] == "-A" else 0
        chains[words[1]].rules.insert(at, rule)
    return True


def _chain(chains: dict[str, FilterChain], name: str) -> FilterChain:
    hooks = {"OUTPUT": "output", "FORWARD": "forward", "INPUT": "input"}
    return chains.setdefault(name, FilterChain(hook=hooks.get(name, "")))


@dataclass(slots=True)
class _Draft:
    """A rule while it is read."""

    conditions: list[Condition] = field(default_factory=list)
    is_open: bool = False
    verdict: RuleVerdict | None = None
    chain: str = ""


def _rule(words: list[str], sets: Sets, known: set[int]) -> ChainRule | None:
    """One rule; None for one that decides nothing."""
    draft = _Draft()
    at, negated = 0, False
    while at < len(words):
        word = words[at]
        at += 1
        if word == "!":
            negated = True
            continue
        values: list[str] = []
        if word in _ANY_VALUE:
            values, at = words[at : at + 1], at + 1
        while word not in _WITHOUT_VALUE and at < len(words) and not _is_option(words[at]) and words[at] != "!":
            values.append(words[at])
            at += 1
        if word in _TARGETS:
            _target(draft, word, values)
            break
        if word not in _HARMLESS:
            _condition(draft, word, values, negated, sets, known)
        negated = False
    if draft.verdict is None:
        return None
    return ChainRule(
        verdict=draft.verdict, chain=draft.chain, conditions=tuple(draft.conditions), is_open=draft.is_open
    )


def _is_option(word: str) -> bool:
    return word.startswith("-") and len(word) > 1 and not word[1].isdigit()


def _target(draft: _Draft, word: str, values: list[str]) -> None:
    value = values[0] if values else ""
    if value in _VERDICTS:
        draft.verdict = _VERDICTS[value]
    elif value and value not in _GO_ON:
        draft.verdict = RuleVerdict.GOTO if word in ("-g", "--goto") else RuleVerdict.JUMP
        draft.chain = value


def _condition(draft: _Draft, word: str, values: list[str], negated: bool, sets: Sets, known: set[int]) -> None:
    value = values[0] if values else ""
    match word:
        case "-d" | "--destination" | "--dst":
            known |= {6 if ":" in part else 4 for part in value.split(",")}
            draft.conditions.append(at_addresses(_networks(value), negated=negated))
        case "--dport" | "--destination-port" | "--dports" | "--destination-ports":
            draft.conditions.append(at_ports(named_ports(value), negated=negated))
        case "--match-set" if values[1:2] and values[1].split(",")[0] == "dst":
            draft.conditions.append(at_addresses(sets.get(value), negated=negated))
        case "-s" | "--source" | "--src" if value in ("0.0.0.0/0", "::/0", "0/0"):
            pass
        case "-s" | "--source" | "--src":
            known |= {6 if ":" in part else 4 for part in value.split(",")}
            draft.is_open = True
        case _:
            held = _of_packet(word, values)
            if held is None:
                draft.is_open = True
            elif held is negated:
                draft.conditions.append(never)


def _networks(value: str) -> Callable[[str], bool] | None:
    """A predicate for networks that a comma parts; None where one is a name."""
    if value in ("0/0", "any"):
        return everything
    matches, unread = in_networks(value.split(","))
    return None if unread else matches


def _of_packet(word: str, values: list[str]) -> bool | None:
    """Whether a new TCP connection that leaves meets a condition; None where that is open."""
    value = values[0] if values else ""
    match word:
        case "-p" | "--protocol":
            return value.lower() in ("tcp", "6", "all", "0")
        case "--ctstate" | "--state":
            return "NEW" in value.upper().split(",")
        case "--sport" | "--source-port" | "--sports" | "--source-ports":
            return by_client_port(named_ports(value))
        case "--syn":
            return True
        case "-i" | "--in-interface" | "-o" | "--out-interface":
            return False if value == "lo" else None
        case "--dst-type":
            return "UNICAST" in value.upper().split(",")
        case _:
            return None
