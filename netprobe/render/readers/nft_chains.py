"""The chains of ``nft list ruleset``, as far as a new TCP connection that leaves meets them (nft(8), 1.0.6)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from netprobe.render.readers.base import in_networks, numbered_lines, spread
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
    of_family,
)

_BLOCK = re.compile(
    r"(?:add\s+|create\s+)?(?:(table|chain|set|map)(?:\s+\S+){1,3}|(?:flowtable|counter|quota|limit|synproxy|secmark)\s+\S+"
    r"|ct\s+(?:helper|timeout|expectation)\s+\S+)\s*\{"
)
"""What opens a block; any other brace is part of a rule."""
_BASE = re.compile(r"type\s+(\w+)\s+hook\s+(\w+)[^;]*")
_RULE = re.compile(r"(?:add|insert)\s+rule\s+(?:(ip6?|inet|arp|bridge|netdev)\s+)?(\S+)\s+(\S+)\s+(.*)")
_ADD_CHAIN = re.compile(r"(?:add\s+|create\s+)?chain\s+(?:(ip6?|inet|arp|bridge|netdev)\s+)?(?:(\S+)\s+)?(\S+)\s*\{")
_TABLE = re.compile(r"(?:add\s+)?table\s+(?:(ip6?|inet|arp|bridge|netdev)\s+)?(\S+)")
_VMAP = re.compile(r"(.*\S)\s+vmap\s+(\{[^}]*\}|@\S+)\s*$")
_VERDICT = re.compile(r"\s*\b(accept|drop|return|continue|reject\b.*|queue\b.*|(?:jump|goto)\s+\S+)\s*$")
_VALUE = r"(!=\s*)?(@\S+|\{[^}]*\}|\$\S+|[^\s{}]+)"
_QUOTED = re.compile(r'\b(?:comment|prefix)\s+"[^"]*"')
_STATEMENTS = re.compile(
    r"\b(?:counter(?:\s+packets\s+\d+\s+bytes\s+\d+|\s+name\s+\S+)?|log(?:\s+(?:level|group|flags)\s+\S+)*|notrack)\b"
)
_FAMILIES = {"ip": 4, "ip6": 6, "inet": 0, "": 4}
Sets = Mapping[str, Callable[[str], bool]]


@dataclass(slots=True)
class _Reading:
    """Where in the file the reader is."""

    chains: dict[str, FilterChain] = field(default_factory=dict)
    blocks: list[str] = field(default_factory=list)
    table: str = ""
    family: int | None = 0
    chain: str | None = None
    """The chain that is open; None outside of one."""


def chains(text: str, sets: Sets) -> dict[str, FilterChain]:
    """Every chain of filters, by family, table and name; rules that stand in no chain are one of their own."""
    at = _Reading()
    for statement in _statements(text):
        _take(at, statement, sets)
    return at.chains


def _take(at: _Reading, statement: str, sets: Sets) -> None:
    if statement == "}":
        closed = at.blocks.pop() if at.blocks else ""
        if closed == "chain":
            at.chain = None
        elif closed == "table":
            at.table, at.family = "", 0
        return
    block = _BLOCK.fullmatch(statement)
    if block is not None:
        at.blocks.append(block[1] or "object")
        if block[1] == "table" and (named := _TABLE.match(statement)):
            at.table, at.family = f"{named[1] or 'ip'} {named[2]}", _FAMILIES.get(named[1] or "ip")
        elif block[1] == "chain" and (opened := _ADD_CHAIN.match(statement)):
            if opened[2]:
                at.table, at.family = f"{opened[1] or 'ip'} {opened[2]}", _FAMILIES.get(opened[1] or "ip")
            at.chain = f"{at.table} {opened[3]}"
            if at.family is not None:
                at.chains.setdefault(at.chain, FilterChain(family=at.family))
        return
    if at.blocks and at.blocks[-1] not in ("table", "chain"):
        return
    scripted = _RULE.match(statement)
    if scripted is not None:
        family = _FAMILIES.get(scripted[1] or "ip")
        if family is not None:
            table = f"{scripted[1] or 'ip'} {scripted[2]}"
            chain = at.chains.setdefault(f"{table} {scripted[3]}", FilterChain(family=family))
            added = _rules(scripted[4], table, sets)
            chain.rules = [*added, *chain.rules] if statement.startswith("insert") else [*chain.rules, *added]
        return
    if at.family is None:
        return
    chain = at.chains.setdefault(at.chain or "", FilterChain(family=at.family))
    base = _BASE.match(statement)
    if base is not None:
        # A chain of NAT changes addresses, and lets every packet pass.
        chain.hook = base[2] if base[1] in ("filter", "route") else "nat"
    elif policy := re.match(r"policy\s+(\w+)", statement):
        chain.drops = policy[1] == "drop"
    else:
        chain.rules += _rules(statement, at.table, sets)


def _statements(text: str) -> Iterator[str]:
    """Statements: what a brace opens, a brace that closes, and what a line's end or a semicolon ends."""
    held, depth = "", 0
    for _, line in numbered_lines(text):
        code = line if "#" not in line else re.sub(r'("[^"]*")|#.*$', lambda found: found[1] or "", line)
        for piece in re.findall(r'"[^"]*"|[{};]|[^{};"]+', code):
            if piece == "{" and not depth:
                held += piece
                if _BLOCK.fullmatch(held.strip()):
                    yield held.strip()
                    held = ""
                else:
                    depth = 1
            elif piece == "}" and not depth:
                yield from filter(None, [held.strip()])
                yield "}"
                held = ""
            elif piece == ";" and not depth:
                yield from filter(None, [held.strip()])
                held = ""
            else:
                depth += (piece == "{") - (piece == "}")
                held += piece
        if held.endswith("\\"):
            held = held[:-1]
        elif not depth:
            yield from filter(None, [held.strip()])
            held = ""
        else:
            held += " "


def _rules(text: str, table: str, sets: Sets) -> list[ChainRule]:
    """The rules of a statement; a map of verdicts is one rule for each of its elements."""
    plain = _STATEMENTS.sub(" ", _QUOTED.sub(" ", text)).strip()
    mapped = _VMAP.fullmatch(plain)
    if mapped is not None:
        pairs = re.findall(r"([^\s{},:](?:[^{},]*[^\s{},])?)\s*:\s+([a-z]+(?:\s+[^\s,}]+)?)", mapped[2])
        return [rule for key, verdict in pairs for rule in _rules(f"{mapped[1]} {key} {verdict}", table, sets)]
    found = _VERDICT.search(plain)
    if found is None or found[1] == "continue":
        return []
    word, _, target = found[1].partition(" ")
    verdict = {
        "accept": RuleVerdict.ALLOW,
        "drop": RuleVerdict.DENY,
        "reject": RuleVerdict.DENY,
        "return": RuleVerdict.RETURN,
        "jump": RuleVerdict.JUMP,
        "goto": RuleVerdict.GOTO,
    }.get(word)
    if verdict is None:
        return []
    conditions, is_open = _conditions(plain[: found.start()], sets)
    chain = f"{table} {target.strip()}" if word in ("jump", "goto") else ""
    return [ChainRule(verdict=verdict, chain=chain, conditions=conditions, is_open=is_open)]


def _conditions(text: str, sets: Sets) -> tuple[tuple[Condition, ...], bool]:
    """The conditions of a rule on the destination, and whether anything else is asked."""
    conditions: list[Condition] = []
    is_open = False

    def take(pattern: str, read: Callable[[re.Match[str]], Condition | bool | None]) -> None:
        nonlocal text, is_open

        def one(match: re.Match[str]) -> str:
            nonlocal is_open
            held = read(match)
            if held is None:
                is_open = True
            elif held is False:
                conditions.append(never)
            elif held is not True:
                conditions.append(held)
            return " "

        text = re.sub(pattern, one, text)

    take(rf"\bip\s+daddr\s+{_VALUE}", lambda m: _to(m, 4, sets))
    take(rf"\bip6\s+daddr\s+{_VALUE}", lambda m: _to(m, 6, sets))
    take(rf"\btcp\s+dport\s+{_VALUE}", lambda m: _port(m))
    take(rf"\bth\s+dport\s+{_VALUE}", lambda m: _port(m))
    take(rf"\b(?:tcp|th)\s+sport\s+{_VALUE}", lambda m: _client_port(m))
    take(rf"\b(?:udp|icmp|icmpv6|sctp|dccp|udplite|igmp)\s+\w+\s+{_VALUE}", lambda m: False)
    take(rf"\b(?:meta\s+l4proto|ip\s+protocol|ip6\s+nexthdr)\s+{_VALUE}", lambda m: _is_among(m, {"tcp", "6"}))
    take(rf"\b(?:meta\s+)?nfproto\s+{_VALUE}", lambda m: _family(m))
    take(rf"\bct\s+state\s+{_STATES}", lambda m: _is_among(m, {"new"}))
    take(rf"\b(?:meta\s+)?(?:i|o)if(?:name)?\s+{_VALUE}", lambda m: _interface(m))
    take(rf"\bfib\s+daddr(?:\s*\.\s*\w+)?\s+type\s+{_VALUE}", lambda m: _is_among(m, {"unicast"}))
    return tuple(conditions), is_open or bool(text.strip())


_STATES = r"(!=\s*)?(\{[^}]*\}|\w+(?:\s*,\s*\w+)*)"


def _to(match: re.Match[str], version: int, sets: Sets) -> Condition:
    """A condition on the destination; a rule of one family matches no packet of the other."""
    negated, value = bool(match[1]), match[2]
    if value.startswith("@"):
        at = at_addresses(sets.get(value[1:]), negated=negated)
    else:
        matches, unread = in_networks(spread(word for word in re.split(r"[{},\s]+", value) if word))
        at = at_addresses(None if unread else matches, negated=negated)
    family = of_family(version)
    return lambda probe, port: family(probe, port) and at(probe, port)


def _port(match: re.Match[str]) -> Condition:
    if match[2].startswith(("@", "$")):
        return lambda _probe, _port: None
    return at_ports(named_ports(match[2]), negated=bool(match[1]))


def _client_port(match: re.Match[str]) -> bool | None:
    if match[2].startswith(("@", "$")):
        return None
    return by_client_port(named_ports(match[2]), negated=bool(match[1]))


def _is_among(match: re.Match[str], ours: set[str]) -> bool:
    words = set(re.split(r"[{},\s]+", match[2]))
    return bool(words & ours) is not bool(match[1])


def _family(match: re.Match[str]) -> Condition:
    return of_family(6 if ("6" in match[2]) is not bool(match[1]) else 4)


def _interface(match: re.Match[str]) -> bool | None:
    """Loopback leads to no server of AWS; which interface does is not known."""
    words = {word.strip('"') for word in re.split(r"[{},\s]+", match[2]) if word}
    if words == {"lo"}:
        return bool(match[1])
    return None
