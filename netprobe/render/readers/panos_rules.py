"""The security rules of PAN-OS ``set`` commands as one chain: the first that fits decides, behind the last is denial.

Order by the PAN-OS Administrator's Guide, "Security Policy" (top to bottom, the first rule that meets the criteria),
read 2026-11-29; the words are those that pan-os-python writes (``disabled``, ``negate-destination``). Names alone are
judged: by custom URL categories and FQDN objects. A rule about other destinations or categories admits no name of ours
and denies none. Who sends, and by which application, is open; rules for other zones than those of a rule that allows
are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from netprobe.render.model import Form
from netprobe.render.readers.base import RulePorts, everything, matching, numbered_lines, ports_of, shell_words
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

_RULE = re.compile(
    r'(set|delete|move)\s(?:.*\s)?(?:pre-|post-)?rulebase security rules (?P<name>"[^"]{1,99}"|\S+)\s*(?P<rest>.*)$'
)
_PREDEFINED = {"service-https": ((443, 443),), "service-http": ((80, 80), (8080, 8080))}
_KEYS = frozenset(
    {
        *("from", "to", "source", "destination", "application", "service", "category", "action", "disabled"),
        *("negate-source", "negate-destination", "source-user", "log-end", "log-start", "log-setting", "description"),
        *("profile-setting", "tag", "hip-profiles", "source-hip", "destination-hip", "rule-type", "schedule", "option"),
        *("group-tag", "uuid", "icmp-unreachable", "qos", "target"),
    }
)
Entries = Mapping[str, Sequence[Callable[[str], bool]]]


def decision(text: str, categories: Entries) -> ChainsDecision | None:
    """What the rules decide; None where the file has none that says what it does.

    Args:
        text: the commands.
        categories: the entries of each custom category.
    """
    rules: dict[str, dict[str, list[str]]] = {}
    names: dict[str, list[Callable[[str], bool]]] = {}
    services: dict[str, RulePorts] = {}
    for _, line in numbered_lines(text):
        if fqdn := re.match(r'set\s(?:.*\s)?address ("[^"]{1,99}"|\S+) fqdn (\S+)$', line):
            matches = matching(Form.EXACT, fqdn[2])
            names[fqdn[1].strip('"')] = [matches] if matches else []
        elif service := re.match(r'set\s(?:.*\s)?service ("[^"]{1,99}"|\S+) protocol (tcp|udp) port (\S+)', line):
            ports = ports_of(service[3].strip('"')) if service[2] == "tcp" else RulePorts(((0, 0),))
            services[service[1].strip('"')] = ports
        elif found := _RULE.match(line):
            _take(rules, found)
    if not any("action" in rule for rule in rules.values()):
        return None
    read = [rule for rule in rules.values() if rule.get("disabled") != ["yes"]]
    return between_ends([(_ends(rule), _rule(rule, categories, names, services)) for rule in read])


def _ends(rule: Mapping[str, list[str]]) -> Ends:
    """Its zones."""
    return (
        frozenset(word for word in rule.get("from", ["any"]) if word not in "[]"),
        frozenset(word for word in rule.get("to", ["any"]) if word not in "[]"),
    )


def _take(rules: dict[str, dict[str, list[str]]], found: re.Match[str]) -> None:
    """Apply a command; rules stand in the order in which they were made, unless they are moved."""
    name = found["name"].strip('"')
    if found[1] == "delete":
        rules.pop(name, None)
        return
    if found[1] == "move":
        if found["rest"].strip() == "top" and name in rules:
            moved = {name: rules.pop(name)}
            rest = dict(rules)
            rules.clear()
            rules.update({**moved, **rest})
        return
    values = rules.setdefault(name, {})
    key = ""
    for word in shell_words(found["rest"]):
        if word in _KEYS and (not key or values.get(key)) and not _in_brackets(values.get(key, ())):
            key = word
            values.setdefault(key, [])
        elif key:
            values[key].append(word)


def _in_brackets(words: Iterable[str]) -> bool:
    """Whether a list was opened and not closed yet."""
    return sum((word == "[") - (word == "]") for word in words) > 0


def _rule(
    rule: Mapping[str, list[str]], categories: Entries, names: Entries, services: Mapping[str, RulePorts]
) -> ChainRule:
    conditions: list[Condition] = []
    listed = {key: [word for word in words if word not in "[]"] for key, words in rule.items()}
    if (category := listed.get("category", ["any"])) != ["any"]:
        conditions.append(_among(category, categories))
    if (destination := listed.get("destination", ["any"])) != ["any"]:
        negated = listed.get("negate-destination") == ["yes"]
        conditions.append(_among(destination, names, negated=negated))
    service = listed.get("service", ["any"])
    if not {"any", "application-default"} & set(service):
        conditions.append(_on(service, services))
    application = listed.get("application", ["any"])
    is_open = any(listed.get(key, ["any"]) != ["any"] for key in ("source", "source-user", "schedule"))
    is_open |= not {"any", "ssl"} & set(application)
    allows = listed.get("action", ["deny"]) == ["allow"]
    verdict = RuleVerdict.ALLOW if allows else RuleVerdict.DENY
    return ChainRule(verdict=verdict, conditions=tuple(conditions), is_open=is_open)


def _among(words: Iterable[str], known: Entries, *, negated: bool = False) -> Condition:
    """A condition on what any of these stands for; what is not in the file stands for none of our names."""
    found = [one for word in words for one in known.get(word, ())]
    return at_addresses(lambda probe: any(one(probe) for one in found), negated=negated)


def _on(words: Iterable[str], services: Mapping[str, RulePorts]) -> Condition:
    spans: list[tuple[int, int]] = []
    for word in words:
        if word in services:
            spans += services[word].spans
        elif word in _PREDEFINED:
            spans += _PREDEFINED[word]
        else:
            return lambda _probe, _port: None
    return at_ports(RulePorts.of(spans)) if spans else at_addresses(everything)
