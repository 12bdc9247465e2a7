"""Readers of devices that hold names in groups or lists of their own: dnsmasq's sets, VyOS, Smokescreen, Route 53."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from netprobe.render.model import Form
from netprobe.render.readers.base import (
    MAX_CHAINS,
    MAX_RULES,
    Configuration,
    ReadRule,
    RulePorts,
    everything,
    first_notes,
    matching,
    numbered_lines,
    ports_of,
    word_after,
)
from netprobe.render.readers.documents import yaml_documents
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

_Named = tuple[int, str, RulePorts]
"""Line, entry, and the ports on which it is admitted."""
_SETS = re.compile(r"(nftset|ipset)=/(.+)/([^/]+)$")
_NFT_ACCEPT = re.compile(r"@(\S+) tcp dport (\{[^}@]*\}|\S+)(?= )")


def dnsmasq_sets(text: str) -> Configuration:
    """``nftset=`` and ``ipset=`` lines, with the ports of the rules that accept what is in those sets."""
    ports: dict[str, RulePorts] = {}
    named: list[tuple[int, str, list[str]]] = []
    for number, line in numbered_lines(text):
        if found := _SETS.match(line):
            sets = [one.rpartition("#")[2] for one in found[3].split(",")]
            named += [(number, name, sets) for name in found[2].split("/")]
            continue
        words = line.split()
        said, name = word_after(words, "--dport") or word_after(words, "--dports"), word_after(words, "--match-set")
        if said and name and words[-2:] == ["-j", "ACCEPT"]:
            ports[name] = ports.get(name, RulePorts()) | ports_of(said)
        elif "accept" in words and (found := _NFT_ACCEPT.search(line)):
            ports[found[1]] = ports.get(found[1], RulePorts()) | ports_of(found[2])
    notes = (
        [] if ports or not named else ["no rule that accepts these sets is in the file, so each counts on every port"]
    )
    entries: list[_Named] = []
    for number, name, sets in named:
        accepted = [ports[one] for one in sets if one in ports]
        if accepted or not ports:
            entries.append((number, name, _together(accepted)))
    return _made(entries, lambda name: everything if name == "#" else matching(Form.SUBTREE, name), notes)


def _together(several: Iterable[RulePorts]) -> RulePorts:
    found = RulePorts()
    for one in several:
        found = found | one if found else one
    return found


def vyos(text: str) -> Configuration:
    """Members of domain groups that a rule accepts, with the rule's ports."""
    members: dict[str, list[tuple[int, str]]] = {}
    rules: dict[str, dict[str, str]] = {}
    for number, line in numbered_lines(text):
        words = [word.strip("'\"") for word in line.split()]
        if words[:4] == ["set", "firewall", "group", "domain-group"] and words[5:6] == ["address"] and len(words) == 7:
            members.setdefault(words[4], []).append((number, words[6]))
        elif words[:2] == ["set", "firewall"] and "rule" in words and len(rules) < MAX_CHAINS:
            at = words.index("rule") + 2
            rules.setdefault(" ".join(words[:at]), {})[" ".join(words[at:-1])] = words[-1]
    entries: list[_Named] = []
    for rule in rules.values():
        group = rule.get("destination group domain-group", "")
        if rule.get("action") == "accept" and rule.get("protocol", "tcp") in ("tcp", "tcp_udp", "all"):
            ports = ports_of(rule.get("destination port", ""))
            entries += [(number, name, ports) for number, name in members.get(group, ())]
    used = {rule.get("destination group domain-group") for rule in rules.values() if rule.get("action") == "accept"}
    notes = [f"no rule accepts the group {group}" for group in sorted(set(members) - used)]
    made = _made(list(dict.fromkeys(entries)), lambda name: matching(Form.EXACT, name), notes)
    return replace(made, decides=_vyos_rules(rules, members))


def _vyos_rules(
    rules: Mapping[str, Mapping[str, str]], members: Mapping[str, Sequence[tuple[int, str]]]
) -> ChainsDecision:
    """Each named chain in the order of its numbers (Vyatta, "Firewall rules", read 2026-11-29)."""
    verdicts = {"accept": RuleVerdict.ALLOW, "drop": RuleVerdict.DENY, "reject": RuleVerdict.DENY}
    chains: dict[str, FilterChain] = {}
    for where in sorted(rules, key=lambda one: int(one.split()[-1]) if one.split()[-1].isdecimal() else 0):
        rule = rules[where]
        verdict = verdicts.get(rule.get("action", ""))
        if verdict is None or rule.get("") == "disable":
            continue
        conditions: list[Condition] = []
        states = [key for key in rule if key.split()[0:1] == ["state"]]
        if rule.get("protocol", "tcp") not in ("tcp", "tcp_udp", "all") or (states and not _asks_new(rule)):
            conditions.append(never)
        if "destination port" in rule:
            conditions.append(at_ports(ports_of(rule["destination port"])))
        group = rule.get("destination group domain-group")
        if group is not None:
            found = [matching(Form.EXACT, name) for _, name in members.get(group, ())]
            conditions.append(at_addresses(any_of([one for one in found if one is not None])))
        elif any(key.startswith("destination") and key != "destination port" for key in rule):
            conditions.append(never)  # networks: no name is admitted or denied by them
        is_open = any(key.startswith(("source", "inbound", "outbound", "time", "limit", "recent")) for key in rule)
        chain = chains.setdefault(where.rpartition(" rule ")[0], FilterChain())
        chain.rules.append(ChainRule(verdict=verdict, conditions=tuple(conditions), is_open=is_open))
    return ChainsDecision(chains)


def _asks_new(rule: Mapping[str, str]) -> bool:
    """Whether a rule with states is for new connections too: ``state new`` or, before 1.5, ``state new enable``."""
    return rule.get("state") == "new" or rule.get("state new") == "enable"


def smokescreen(text: str) -> Configuration:
    """``allowed_domains`` of each role, and ``global_allow_list``; a role that only reports admits everything."""
    documents, broken = yaml_documents(text)
    entries: list[_Named] = []
    for one in documents:
        acl: dict[str, Any] = one if isinstance(one, dict) else {}
        services = acl.get("services")
        roles = [
            *(services if isinstance(services, list) else ()),
            acl.get("default"),
            {"allowed_domains": acl.get("global_allow_list")},
        ]
        for role in roles:
            if not isinstance(role, dict):
                continue
            if role.get("action") in ("open", "report"):
                entries.append((0, "*", RulePorts()))
            domains = role.get("allowed_domains")
            entries += [(0, str(name), RulePorts()) for name in (domains if isinstance(domains, list) else ())]
    notes = ["every role's list counts: which client has which role, the file does not say"] if entries else []
    return _made(list(dict.fromkeys(entries)), _starred, notes, broken)


_RESOURCE = re.compile(r'resource "aws_route53_resolver_firewall_(domain_list|rule)" "([^"]+)" \{')


def route53(text: str) -> Configuration:
    """``Domains`` of the API's request, and the lists of a Terraform file that a rule allows."""
    lists: dict[str, list[tuple[int, str]]] = {}
    actions: dict[str, str] = {}
    kind, name, action = "", "", ""
    for number, line in numbered_lines(text):
        if found := _RESOURCE.match(line):
            kind, name, action = found[1], found[2], ""
        elif found := re.match(r'action\s*=\s*"(\w+)"', line):
            action = found[1]
        elif kind == "rule" and (found := re.search(r"firewall_domain_list_id\s*=.*domain_list\.([\w-]+)\.id", line)):
            actions[found[1]] = action
        elif kind == "domain_list" and not line.startswith("name"):
            listed = re.findall(r'"(\*|(?:\*\.)?[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)"', line)
            lists.setdefault(name, []).extend((number, one) for one in listed)
        if line == "}":
            kind = ""
    entries = [
        (at, one, RulePorts()) for key, names in lists.items() if actions.get(key) == "ALLOW" for at, one in names
    ]
    for request in re.findall(r'"Domains"\s*:\s*\[([^\[\]]*)\]', text):
        entries += [(0, one, RulePorts()) for one in re.findall(r'"([^"\s]{1,255})"', request)]
    idle = [key for key in lists if key not in actions]
    return _made(list(dict.fromkeys(entries)), _starred, [f"no rule of the file names the list {key}" for key in idle])


def _starred(name: str) -> Callable[[str], bool] | None:
    """A name, ``*.name`` for what is beneath it, or ``*`` for everything."""
    if name == "*":
        return everything
    return matching(Form.SUFFIX if name.startswith("*.") else Form.EXACT, name.removeprefix("*."))


def _made(
    entries: list[_Named],
    predicate: Callable[[str], Callable[[str], bool] | None],
    notes: Iterable[str] = (),
    broken: tuple[str, ...] = (),
) -> Configuration:
    rules: list[ReadRule] = []
    unread = [*broken]
    for number, name, ports in entries:
        matches = predicate(name)
        if matches is None:
            unread.append(f"line {number}: {name[:160]} cannot be read")
        elif len(rules) < MAX_RULES:
            rules.append(ReadRule(text=name[:400], line=number, ports=ports, matches=matches))
    return Configuration(rules=tuple(rules), by_address=False, notes=first_notes([*notes]), unread=first_notes(unread))
