"""The policies of a FortiGate as one chain: the first that fits a session decides, behind the last it is denied.

Order by Fortinet's FortiGate guide ("Policy matching in detail": the first that matches, no match is dropped, disabled
ones are not matched), words by the CLI Reference 6.4 (``config firewall policy``), both read in excerpts 2026-11-29.
That a policy without ``set action`` denies was not found there, and is the careful reading. Names alone are judged:
FQDN addresses, and the URL filter of a policy that accepts. A policy about other addresses admits no name of ours and
denies none. Who sends, schedules and users are open.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from netprobe.render.model import Form
from netprobe.render.readers.base import RulePorts, everything, matching, numbered_lines, ports_of
from netprobe.render.readers.packet_filter import (
    ChainRule,
    ChainsDecision,
    Condition,
    Ends,
    RuleVerdict,
    at_addresses,
    at_ports,
    between_ends,
)

_WORDS = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)')
_PREDEFINED = {
    "ALL": ((0, 65535),),
    "ALL_TCP": ((1, 65535),),
    "HTTPS": ((443, 443),),
    "HTTP": ((80, 80),),
    "Web Access": ((80, 80), (443, 443)),
}
_OTHERS = frozenset({"DNS", "ALL_UDP", "ALL_ICMP", "ALL_ICMP6", "PING", "NTP", "SSH", "SMTP", "FTP", "SNMP", "SYSLOG"})
"""Services that FortiOS has of itself, on none of the endpoints' ports."""
_DEPTH = 8
Settings = dict[str, list[str]]
Url = Callable[[str, str], Callable[[str], bool] | None]


@dataclass(slots=True)
class _File:
    """What the file holds, by the name of its ``config`` and of its ``edit``.

    Attributes:
        of: the settings of each entry.
        urls: of each URL filter its entries: URL, type and action.
        filters: of each web filter profile its URL filter.
    """

    of: dict[str, dict[str, Settings]] = field(default_factory=dict)
    urls: dict[str, list[Settings]] = field(default_factory=dict)
    filters: dict[str, str] = field(default_factory=dict)

    def entries(self, kind: str) -> Mapping[str, Settings]:
        """The entries of a ``config``."""
        return self.of.get(kind, {})


def decision(text: str, url: Url) -> ChainsDecision | None:
    """What the policies decide; None where the file has none.

    Args:
        text: the configuration.
        url: how an entry of a URL filter is read, by its URL and type.
    """
    file = _read(text)
    policies = file.entries("firewall policy")
    if not any("dstaddr" in policy or "action" in policy for policy in policies.values()):
        return None
    rules: list[tuple[Ends, ChainRule]] = []
    for policy in policies.values():
        ends = (frozenset(policy.get("srcintf", ["any"])), frozenset(policy.get("dstintf", ["any"])))
        if policy.get("status") != ["disable"]:
            rules += [(ends, rule) for rule in _rules(file, policy, url)]
    return between_ends(rules)


def _read(text: str) -> _File:
    file = _File()
    opened: list[tuple[str, str]] = []
    """The ``config`` blocks that are open, each with the ``edit`` in it."""
    for _, line in numbered_lines(text):
        words = [(quoted or bare).replace("\\\\", "\\") for quoted, bare in _WORDS.findall(line)]
        match words:
            case ["config", *names]:
                opened.append((" ".join(names), ""))
            case ["edit", name] if opened:
                opened[-1] = (opened[-1][0], name)
                _begin(file, opened)
            case ["move", one, "before" | "after" as where, other] if opened:
                _move(file.of.get(opened[-1][0], {}), one, where, other)
            case ["end", *_] if opened:
                opened.pop()
            case ["set" | "append", key, *values] if opened:
                _set(file, opened, key, values)
    return file


def _begin(file: _File, opened: list[tuple[str, str]]) -> None:
    kind, name = opened[-1]
    if kind == "entries" and len(opened) > 1 and opened[-2][0] == "webfilter urlfilter":
        file.urls.setdefault(opened[-2][1], []).append({})
    else:
        file.of.setdefault(kind, {}).setdefault(name, {})


def _set(file: _File, opened: list[tuple[str, str]], key: str, values: list[str]) -> None:
    kind, name = opened[-1]
    outer = opened[-2] if len(opened) > 1 else ("", "")
    if kind == "entries" and outer[0] == "webfilter urlfilter":
        if file.urls.get(outer[1]):
            file.urls[outer[1]][-1][key] = values
    elif kind == "web" and outer[0] == "webfilter profile" and key == "urlfilter-table" and values:
        file.filters[outer[1]] = values[0]
    elif name:
        file.of.setdefault(kind, {}).setdefault(name, {})[key] = values


def _move(entries: dict[str, Settings], one: str, where: str, other: str) -> None:
    if one not in entries or other not in entries or one == other:
        return
    moved = entries.pop(one)
    rest = list(entries.items())
    at = [name for name, _ in rest].index(other) + (where == "after")
    entries.clear()
    entries.update([*rest[:at], (one, moved), *rest[at:]])


def _rules(file: _File, policy: Settings, url: Url) -> Iterator[ChainRule]:
    """A policy; what the URL filter of one that accepts blocks goes on to no other policy."""
    conditions = (_to(file, policy), _on(file, policy.get("service", ["ALL"])))
    is_open = policy.get("srcaddr", ["all"]) != ["all"] or policy.get("schedule", ["always"]) != ["always"]
    is_open |= bool({"groups", "users", "internet-service-src"} & set(policy))
    if policy.get("action") == ["accept"]:
        tables = [file.filters.get(name, "") for name in policy.get("webfilter-profile", ())]
        passes = tuple(_by_filter(file.urls[table], url) for table in tables if table in file.urls)
        yield ChainRule(verdict=RuleVerdict.ALLOW, conditions=(*conditions, *passes), is_open=is_open)
    yield ChainRule(verdict=RuleVerdict.DENY, conditions=conditions, is_open=is_open)


def _to(file: _File, policy: Settings) -> Condition:
    if policy.get("internet-service") == ["enable"]:
        return lambda _probe, _port: None
    listed = policy.get("dstaddr", policy.get("dstaddr6", []))
    negated = policy.get("dstaddr-negate") == ["enable"]
    if "all" in listed:
        return at_addresses(everything, negated=negated)
    found = [matches for name in listed for matches in _names(file, name, _DEPTH)]
    return at_addresses(lambda probe: any(one(probe) for one in found), negated=negated)


def _names(file: _File, name: str, depth: int) -> Iterable[Callable[[str], bool]]:
    """What an address, or a group of them, stands for, as far as it is a name."""
    fqdn = file.entries("firewall address").get(name, {}).get("fqdn")
    if fqdn:
        form = Form.SUFFIX if fqdn[0].startswith("*.") else Form.EXACT
        matches = matching(form, fqdn[0].removeprefix("*."))
        return [] if matches is None else [matches]
    members = file.entries("firewall addrgrp").get(name, {}).get("member", []) if depth else []
    return [one for member in members for one in _names(file, member, depth - 1)]


def _on(file: _File, services: Iterable[str]) -> Condition:
    spans: list[tuple[int, int]] = []
    for service in services:
        found = _spans(file, service, _DEPTH)
        if found is None:
            return lambda _probe, _port: None
        spans += found
    return at_ports(RulePorts.of(spans or [(0, 0)]))


def _spans(file: _File, name: str, depth: int) -> list[tuple[int, int]] | None:
    """The TCP ports of a service; None where the file does not say."""
    custom = file.entries("firewall service custom").get(name)
    if custom is not None:
        # PORTS or PORTS:SOURCE-PORTS, several of them.
        ranges = [value.partition(":")[0] for value in custom.get("tcp-portrange", [])]
        return list(ports_of(",".join(ranges)).spans) if ranges else [(0, 0)]
    group = file.entries("firewall service group").get(name)
    if group is not None and depth:
        parts = [_spans(file, member, depth - 1) for member in group.get("member", [])]
        return None if None in parts else [span for part in parts for span in part or ()]
    if name in _PREDEFINED:
        return list(_PREDEFINED[name])
    return [(0, 0)] if name in _OTHERS else None


def _by_filter(entries: Iterable[Settings], url: Url) -> Condition:
    """The first entry of a URL filter that fits decides; what none names passes."""
    rules = []
    for entry in entries:
        if entry.get("status") == ["disable"] or "url" not in entry:
            continue
        matches = url(entry["url"][0], entry.get("type", ["simple"])[0])
        rules.append((matches, entry.get("action", ["exempt"])[0] != "block"))

    def passes(probe: str, _port: int) -> bool | None:
        for matches, allowed in rules:
            if matches is None:
                return None
            if matches(probe):
                return allowed
        return True

    return passes
