"""Readers of devices that hold names in lists: RouterOS, Google Cloud's firewall policies, Meraki MX, SonicOS."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from netprobe.render.model import Form
from netprobe.render.readers.base import (
    MAX_RULES,
    Configuration,
    ReadRule,
    RulePorts,
    first_notes,
    matching,
    numbered_lines,
    ports_of,
)
from netprobe.render.readers.packet_filter import (
    ChainRule,
    ChainsDecision,
    Condition,
    FilterChain,
    RuleVerdict,
    any_of,
    at_addresses,
    at_ports,
    never,
)

_Found = tuple[int, str, str]
"""Line, name (or ``*.name``), and the ports as they are written; none: every port."""


def mikrotik(text: str) -> Configuration:
    """Names of address lists that an accepting rule has as its destination (``export``, or what netprobe writes)."""
    whole = re.sub(r"\\\n\s*", " ", text)  # an export goes on in the next line behind a backslash
    return replace(_made(_mikrotik(whole)), decides=_mikrotik_rules(whole))


def _mikrotik_words(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    """The properties of each line that adds something."""
    for number, line in numbered_lines(text):
        if "add" in line.split():
            yield number, dict(re.findall(r'([a-z-]+)="?([^"\s]+)"?', line))


def _mikrotik(text: str) -> Iterator[_Found]:
    lists: dict[str, list[tuple[int, str]]] = {}
    rules: list[tuple[str, str]] = []
    for number, words in _mikrotik_words(text):
        if "list" in words and "address" in words:
            lists.setdefault(words["list"], []).append((number, words["address"]))
        elif words.get("action", "accept") == "accept" and "dst-address-list" in words:
            rules.append((words["dst-address-list"], words.get("dst-port", "")))
    for name, ports in rules:
        for number, address in lists.get(name, ()):
            if not _is_network(address):
                yield number, address, ports


_MIKROTIK = {
    "accept": RuleVerdict.ALLOW,
    "drop": RuleVerdict.DENY,
    "reject": RuleVerdict.DENY,
    "tarpit": RuleVerdict.DENY,
    "return": RuleVerdict.RETURN,
    "jump": RuleVerdict.JUMP,
}
_MIKROTIK_CLOSED = frozenset(
    {*("action", "chain", "protocol", "dst-port", "dst-address-list", "dst-address", "connection-state"),
     *("jump-target", "comment", "log", "log-prefix", "reject-with", "disabled", "place-before")}
)  # fmt: skip
"""Properties that are judged, or that say nothing of the packet; any other is open."""


def _mikrotik_rules(text: str) -> ChainsDecision:
    """The filter's chains in their order (RouterOS manual, IP/Firewall/Filter); INPUT leads to no server."""
    lists: dict[str, list[Callable[[str], bool]]] = {}
    chains: dict[str, FilterChain] = {}
    for _, words in _mikrotik_words(text):
        if "list" in words and "address" in words:
            matches = None if _is_network(words["address"]) else matching(Form.EXACT, words["address"])
            lists.setdefault(words["list"], []).extend(filter(None, [matches]))
    for _, words in _mikrotik_words(text):
        name = words.get("chain", "")
        if not name or words.get("disabled") == "yes" or words.get("action", "accept") not in _MIKROTIK:
            continue
        hook = name if name in ("forward", "output", "input") else ""
        rules = chains.setdefault(name, FilterChain(hook=hook)).rules
        conditions: list[Condition] = []
        if words.get("protocol", "tcp") not in ("tcp", "6"):
            conditions.append(never)
        if "new" not in words.get("connection-state", "new").split(",") or "dst-address" in words:
            conditions.append(never)
        if "dst-port" in words:
            conditions.append(at_ports(ports_of(words["dst-port"])))
        if "dst-address-list" in words:
            found = lists.get(words["dst-address-list"].removeprefix("!"), [])
            negated = words["dst-address-list"].startswith("!")
            conditions.append(at_addresses(any_of(found), negated=negated))
        verdict = _MIKROTIK[words.get("action", "accept")]
        is_open = not _MIKROTIK_CLOSED.issuperset(words)
        target = words.get("jump-target", "")
        rules.append(ChainRule(verdict=verdict, chain=target, conditions=tuple(conditions), is_open=is_open))
    return ChainsDecision(chains)


def _is_network(value: str) -> bool:
    return ":" in value or re.fullmatch(r"[0-9./-]+", value) is not None


def gcp(text: str) -> Configuration:
    """``dest_fqdns`` of allowing rules in Terraform, and ``--dest-fqdns`` of commands of gcloud."""
    commands = tuple(_gcloud(text))
    made = _made((*_gcp_terraform(text), *commands))
    return made if commands else replace(made, decides=_gcp_rules(text))


def _gcp_rules(text: str) -> ChainsDecision | None:
    """Terraform's rules by their priority, the lowest number first; None where there are none."""
    rules: list[tuple[int, ChainRule]] = []
    parts = re.split(r'^resource "google_compute_[a-z_]*firewall_policy_rule"', text, flags=re.MULTILINE)[1:]
    for part in parts:
        action = re.search(r'action\s*=\s*"(allow|deny)"', part)
        if action is None or re.search(r'disabled\s*=\s*true|direction\s*=\s*"INGRESS"', part):
            continue
        priority = re.search(r"priority\s*=\s*(\d{1,10})", part)
        conditions: list[Condition] = []
        names = re.search(r"dest_fqdns\s*=\s*\[([^\]]*)\]", part)
        ranges = re.search(r"dest_ip_ranges\s*=\s*\[([^\]]*)\]", part)
        if names is not None:
            found = [matching(Form.EXACT, name) for name in re.findall(r'"([^"]+)"', names.group(1))]
            conditions.append(at_addresses(any_of([one for one in found if one is not None])))
        elif re.search(r"dest_(?!ip_ranges)", part) or (ranges and "/0" not in ranges.group(1)):
            conditions.append(never)  # networks, countries and the like: no name is admitted or denied by them
        conditions.append(_gcp_layer4(part))
        is_open = re.search(r"\bsrc_|target_", part) is not None
        verdict = RuleVerdict.ALLOW if action.group(1) == "allow" else RuleVerdict.DENY
        at = int(priority.group(1)) if priority else 0
        rules.append((at, ChainRule(verdict=verdict, conditions=tuple(conditions), is_open=is_open)))
    if not parts:
        return None
    ordered = [rule for _, rule in sorted(rules, key=lambda one: one[0])]
    return ChainsDecision({"rules": FilterChain(rules=ordered)})


def _gcp_layer4(part: str) -> Condition:
    """Whether any of a rule's protocols is TCP on the port; without any, all are."""
    configs = re.findall(r"layer4_configs\s*\{([^}]*)\}", part)
    spans: list[RulePorts] = []
    for config in configs:
        if re.search(r'ip_protocol\s*=\s*"(?:tcp|all|6)"', config):
            listed = re.search(r"ports\s*=\s*\[([^\]]*)\]", config)
            spans.append(
                ports_of(",".join(re.findall(r'"(\d+(?:-\d+)?)"', listed.group(1)))) if listed else RulePorts()
            )
    if not configs:
        return lambda _probe, _port: True
    return lambda _probe, port: any(port in one for one in spans)


def _gcp_terraform(text: str) -> Iterator[_Found]:
    parts = re.split(r'^resource "google_compute_[a-z_]*firewall_policy_rule"', text, flags=re.MULTILINE)
    line = parts[0].count("\n") + 1
    for part in parts[1:]:
        names = re.search(r"dest_fqdns\s*=\s*\[([^\]]*)\]", part)
        if names is not None and re.search(r'action\s*=\s*"allow"', part):
            ports = ",".join(re.findall(r'"(\d+(?:-\d+)?)"', "".join(re.findall(r"ports\s*=\s*\[([^\]]*)\]", part))))
            for name in re.findall(r'"([^"]+)"', names.group(1)):
                yield line, name, ports
        line += part.count("\n")


def _gcloud(text: str) -> Iterator[_Found]:
    for number, line in numbered_lines(text):
        names = re.search(r"--dest-fqdns=(\S+)", line)
        if names is not None and "--action=allow" in line:
            ports = ",".join(re.findall(r"tcp:(\d+)", line))
            for name in names.group(1).split(","):
                yield number, name, ports


def meraki(text: str) -> Configuration:
    """Allowing layer 3 rules: what the API answers, a list of rules, or the script that netprobe writes."""
    inside = re.search(r"<<'RULES'\n(.*?)\nRULES\n", text, re.DOTALL)
    try:
        told = json.loads(inside.group(1) if inside else text)
    except (ValueError, RecursionError) as exc:
        return Configuration(rules=(), by_address=False, unread=(f"it is not JSON ({str(exc)[:120]})",))
    rules = told.get("rules") if isinstance(told, dict) else told
    listed = rules if isinstance(rules, list) else []
    return replace(_made(_meraki(listed)), decides=_meraki_rules(listed))


def _meraki_rules(rules: list[Any]) -> ChainsDecision:
    """The rules in their order; the last, which allows everything, is the network's default and does not count."""
    chain = FilterChain()
    for rule in rules:
        if (
            not isinstance(rule, dict)
            or rule.get("policy") not in ("allow", "deny")
            or rule.get("comment") == "Default rule"
        ):
            continue
        conditions: list[Condition] = []
        if str(rule.get("protocol", "any")).lower() not in ("tcp", "any"):
            conditions.append(never)
        ports = str(rule.get("destPort", "any"))
        if ports.lower() != "any":
            conditions.append(at_ports(ports_of(ports)))
        targets = [one.strip() for one in str(rule.get("destCidr", "any")).split(",")]
        if not any(one.lower() == "any" for one in targets):
            found = [matching(Form.SUFFIX if one.startswith("*.") else Form.EXACT, one.removeprefix("*."))
                     for one in targets if not _is_network(one)]  # fmt: skip
            conditions.append(at_addresses(any_of([one for one in found if one is not None])))
        is_open = str(rule.get("srcCidr", "any")).lower() != "any"
        verdict = RuleVerdict.ALLOW if rule["policy"] == "allow" else RuleVerdict.DENY
        chain.rules.append(ChainRule(verdict=verdict, conditions=tuple(conditions), is_open=is_open))
    return ChainsDecision({"rules": chain})


def _meraki(rules: list[Any]) -> Iterator[_Found]:
    for number, rule in enumerate(rules, start=1):
        if not isinstance(rule, dict) or rule.get("policy") != "allow":
            continue
        ports = str(rule.get("destPort", ""))
        for name in str(rule.get("destCidr", "")).split(","):
            if name.strip() and not _is_network(name.strip()) and name.strip().lower() != "any":
                yield number, name.strip(), "" if ports.lower() == "any" else ports


def sonicwall(text: str) -> Configuration:
    """Allowing access rules with groups of FQDN objects: requests of the SonicOS API, or what it answers.

    Several answers (objects, groups, services, rules) may stand in one file, one after the other.
    """
    parts: list[Any] = []
    try:
        decoder, at = json.JSONDecoder(), 0
        while at < len(text.rstrip()):
            part, at = decoder.raw_decode(text, at + len(text[at:]) - len(text[at:].lstrip()))
            parts.append(part)
    except (ValueError, RecursionError) as exc:
        return Configuration(rules=(), by_address=False, unread=(f"it is not JSON ({str(exc)[:120]})",))
    return _made(tuple(_sonicwall(parts)), tree=Form.SUBTREE)


def _sonicwall(parts: list[Any]) -> Iterator[_Found]:
    domains = {one.get("name"): one.get("domain") for one in _members(parts, "address_objects", "fqdn")}
    groups = {one.get("name"): one for one in _members(parts, "address_groups", "ipv4")}
    services = {one.get("name"): one.get("tcp") for one in _members(parts, "service_objects", "")}
    for number, rule in enumerate(_members(parts, "access_rules", "ipv4"), start=1):
        address = _inside(rule, "destination", "address")
        group = groups.get(address.get("group"), {})
        names = [m.get("name") for m in _several(_inside(group, "address_object").get("fqdn"))]
        service = services.get(_inside(rule, "service").get("name"))
        ports = f"{service.get('begin')}-{service.get('end')}" if isinstance(service, dict) else ""
        for name in [*names, address.get("name")] if rule.get("action") == "allow" else ():
            domain = domains.get(name)
            if isinstance(domain, str):
                yield number, domain, ports


def _members(parts: list[Any], collection: str, kind: str) -> Iterator[dict[str, Any]]:
    """Every object of a collection, in bodies of requests and in answers."""
    for part in parts:
        bodies = [one.get("body") for one in _several(part.get("requests"))] if isinstance(part, dict) else []
        for body in [part, *bodies]:
            for one in _several(body.get(collection) if isinstance(body, dict) else None):
                inner = one.get(kind) if kind else one
                if isinstance(inner, dict):
                    yield inner


def _several(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _inside(value: Any, *keys: str) -> dict[str, Any]:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _made(found: Iterator[_Found] | tuple[_Found, ...], tree: Form = Form.SUFFIX) -> Configuration:
    rules: list[ReadRule] = []
    unread: list[str] = []
    for number, name, ports in found:
        form = tree if name.startswith("*.") else Form.EXACT
        matches = matching(form, name.removeprefix("*."))
        if matches is None:
            unread.append(f"line {number}: {name[:160]} cannot be read")
        elif len(rules) < MAX_RULES:
            rules.append(ReadRule(text=name[:400], line=number, ports=ports_of(ports), matches=matches))
    return Configuration(
        rules=tuple(rules),
        by_address=False,
        notes=("networks are left out: they are not judged by name",),
        unread=first_notes(unread),
    )
