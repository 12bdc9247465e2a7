"""The access lists of a Cisco ASA as chains: the first entry that fits a session decides, behind the last it is denied.

By Cisco's ASA Series Firewall CLI Configuration Guide, "Access Control Lists" (order, implicit deny, ``inactive``, FQDN
objects), read in excerpts 2026-11-29. Names alone are judged: an entry about networks admits no name and denies none.
Who sends, when, and by which user is open. Where the file binds lists to interfaces (``access-group``), no other list
counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from netprobe.render.model import Form
from netprobe.render.readers.base import LAST_PORT, RulePorts, everything, matching, numbered_lines
from netprobe.render.readers.packet_filter import (
    ChainRule,
    ChainsDecision,
    Condition,
    FilterChain,
    RuleVerdict,
    at_addresses,
    at_ports,
    named_ports,
    never,
)

_ANY = frozenset({"any", "any4", "any6"})
_TCP = frozenset({"tcp", "ip", "6"})
_OPERATORS = frozenset({"eq", "neq", "gt", "lt", "range"})
_DEPTH = 8


@dataclass(slots=True)
class _Objects:
    """What the file calls by a name.

    Attributes:
        names: of each object, the host name that it stands for, or nothing for a network.
        groups: of each group of objects, its members: objects, or groups with a ``+`` in front.
        ports: of each service object or group.
    """

    names: dict[str, str] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)
    ports: dict[str, list[tuple[int, int]]] = field(default_factory=dict)

    def of(self, name: str, depth: int = _DEPTH) -> Iterator[str]:
        """The host names of an object or group."""
        if self.names.get(name):
            yield self.names[name]
        for member in self.groups.get(name, ()) if depth else ():
            yield from self.of(member, depth - 1)


def decision(text: str) -> ChainsDecision | None:
    """What the access lists decide; None where the file has none."""
    objects = _objects(text)
    chains: dict[str, FilterChain] = {}
    bound: set[str] = set()
    read = False
    for _, line in numbered_lines(text):
        words = line.split()
        if words[:1] == ["access-group"] and len(words) > 1:
            bound.add(words[1])
        if words[:1] != ["access-list"] or len(words) < 5 or not {"permit", "deny"} & set(words[2:6]):
            continue
        read = True
        at: int | None = None
        rest = words[2:]
        if rest[0] == "line" and rest[1].isdigit():
            at, rest = int(rest[1][:6]) - 1, rest[2:]
        rule = _entry(rest[1:] if rest[:1] == ["extended"] else rest, objects)
        if rule is not None:
            rules = chains.setdefault(words[1], FilterChain(drops=True)).rules
            rules.insert(len(rules) if at is None else at, rule)
    if not read:
        return None
    return ChainsDecision({name: chain for name, chain in chains.items() if name in bound} if bound else chains)


def _objects(text: str) -> _Objects:
    found = _Objects()
    kind, here = "", ""
    for _, line in numbered_lines(text):
        words = line.split()
        if words[0] in ("object", "object-group") and len(words) > 2:
            kind, here = " ".join(words[:2]), words[2]
            continue
        match [kind, *words]:
            case ["object network", "fqdn", *rest] if rest:
                found.names[here] = rest[-1]
            case ["object-group network", "network-object", "object", name]:
                found.groups.setdefault(here, []).append(name)
            case ["object-group network" | "object-group service", "group-object", name]:
                found.groups.setdefault(here, []).append(name)
                found.ports.setdefault(here, []).extend(found.ports.get(name, ()))
            case ["object service", "service", "tcp", "destination", *port]:
                found.ports.setdefault(here, []).extend(_ports(port) or ())
            case ["object-group service", "port-object", *port]:
                found.ports.setdefault(here, []).extend(_ports(port) or ())
            case ["object-group service", "service-object", "tcp" | "tcp-udp", "destination", *port]:
                found.ports.setdefault(here, []).extend(_ports(port) or ())
            case ["object-group service", "service-object", "object", name]:
                found.ports.setdefault(here, []).extend(found.ports.get(name, ()))
            case ["object-group service", "service-object", "tcp" | "ip"]:
                found.ports.setdefault(here, []).append((0, LAST_PORT))
    return found


def _entry(words: list[str], objects: _Objects) -> ChainRule | None:
    """One entry; None for a remark, one that is inactive, and one that is no entry of an extended list."""
    if words[:1] not in (["permit"], ["deny"]) or "inactive" in words or len(words) < 4:
        return None
    verdict = RuleVerdict.ALLOW if words[0] == "permit" else RuleVerdict.DENY
    conditions: list[Condition] = []
    rest = words[1:]
    if rest[0] in ("object", "object-group"):
        conditions.append(_of_service(rest[1], objects))
        rest = rest[2:]
    else:
        if rest[0] not in _TCP:
            conditions.append(never)
        rest = rest[1:]
    source, rest = _address(rest)
    if rest[:1] and rest[0] in _OPERATORS:
        rest = rest[3 if rest[0] == "range" else 2 :]  # a client's own port, of which nothing is known
        source = "open"
    target, rest = _address(rest)
    conditions.append(_to(target, objects))
    if rest[:1] and rest[0] in _OPERATORS:
        conditions.append(_by_ports(rest))
    elif rest[:1] == ["object-group"] and len(rest) > 1:
        conditions.append(_of_service(rest[1], objects))
    if source.startswith("=") and any(objects.of(source[1:])):
        conditions.append(never)  # from a name, so it is about what comes from there
    is_open = source not in _ANY or "time-range" in rest
    return ChainRule(verdict=verdict, conditions=tuple(conditions), is_open=is_open)


def _address(words: list[str]) -> tuple[str, list[str]]:
    """What an entry says of one end, as one word, and the rest of it."""
    if words[:1] and words[0] in _ANY:
        return words[0], words[1:]
    if words[:1] and words[0] in ("object", "object-group"):
        return f"={words[1] if len(words) > 1 else ''}", words[2:]
    return "network", words[2:]


def _to(target: str, objects: _Objects) -> Condition:
    if target in _ANY:
        return at_addresses(everything)
    if not target.startswith("="):
        return never
    found = [matching(Form.EXACT, name) for name in objects.of(target[1:])]
    known: list[Callable[[str], bool]] = [one for one in found if one is not None]
    return lambda probe, _: any(one(probe) for one in known)


def _of_service(name: str, objects: _Objects) -> Condition:
    spans = objects.ports.get(name)
    return at_ports(RulePorts.of(spans)) if spans else lambda _probe, _port: None


def _by_ports(words: list[str]) -> Condition:
    spans = _ports(words[:3])
    if spans is None:
        return lambda _probe, _port: None
    return at_ports(RulePorts.of(spans), negated=words[0] == "neq")


def _ports(words: list[str]) -> list[tuple[int, int]] | None:
    """``eq https``, ``range 1 1024``, ``gt 1023``; None where it is something else."""
    match words:
        case ["eq" | "neq", port, *_]:
            return list(named_ports(port).spans)
        case ["range", first, last, *_]:
            return list(named_ports(f"{first}-{last}").spans)
        case ["gt", port, *_] if re.fullmatch(r"\d{1,5}", port):
            return [(int(port) + 1, LAST_PORT)]
        case ["lt", port, *_] if re.fullmatch(r"\d{1,5}", port):
            return [(0, int(port) - 1)]
    return None
