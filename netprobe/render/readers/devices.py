"""Readers of FortiOS, Cisco ASA, IOS XE and Juniper SRX configurations, and of PAN-OS XML and URL lists: names.

Where the file holds rules, they decide in their order, and only objects that they use count; of a file of objects alone
every object counts, and a note says so.

Parsers that others keep were looked at on 2026-11-29, and are used beside these in the tests alone
(``tests/render/test_readers_beside_kept.py``). What speaks against them here:

- ciscoconfparse2 0.9.18 (GPL-3, and 18 packages): its import takes 4.9 s on the machine where ``python -c pass`` takes
  0.06 s, and a configuration of 0.9 MB that is nothing but nested lines 2.0 s and 70 MiB;
- hier_config 2.3.1 (MIT): 0.26 s to import, and 1.3 s and 52 MiB for the same; version 3 brings pydantic along;
- pan-os-python 1.13 (ISC) makes objects of XML that ElementTree has expanded already, from a whole document.

These read the same 0.9 MB in 0.1 s and 34 MiB, line by line: they keep no tree, expand nothing, stop at ``MAX_RULES``,
and try plain expressions only. None of the three knows FortiOS, nor says which names an object stands for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from netprobe.render.model import Form
from netprobe.render.readers import asa_rules, fortios_policies
from netprobe.render.readers.base import (
    LAST_PORT,
    MAX_RULES,
    Configuration,
    ReadRule,
    RulePorts,
    everything,
    expression,
    first_notes,
    in_network,
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
    named_ports,
    never,
)
from netprobe.render.readers.panos import panos_entry

_ASSUMED = "every object of the file counts as one that an accepting rule uses"
_Found = tuple[int, str, Callable[[str], bool] | None, str]
"""Line, text, predicate (None: it cannot be read) and, where it never matches, why."""


def fortios(text: str) -> Configuration:
    """FQDN objects, and URL filter entries that allow."""
    decides = fortios_policies.decision(text, _url)
    return replace(_made(_fortios(text)), decides=decides, notes=() if decides is not None else (_ASSUMED,))


def _fortios(text: str) -> Iterator[_Found]:
    url, kind = "", ""
    for number, line in numbered_lines(text):
        words = re.findall(r'"((?:[^"\\]|\\.)*)"|(\S+)', line)
        plain = [(quoted or bare).replace("\\\\", "\\") for quoted, bare in words]
        match plain:
            case ["set", "fqdn", name]:
                form = Form.SUFFIX if name.startswith("*.") else Form.EXACT
                yield number, line, matching(form, name.removeprefix("*.")), ""
            case ["set", "url", value]:
                url, kind = value, "simple"
            case ["set", "type", value]:
                kind = value
            case ["set", "action", "allow" | "exempt" | "monitor"] if url:
                yield number, f"{url} ({kind})", _url(url, kind), ""
                url = ""
            case ["next"]:
                url = ""


def _url(url: str, kind: str) -> Callable[[str], bool] | None:
    if kind == "regex":
        return expression(url.removesuffix("([:/]|$)") + "$" if url.endswith("([:/]|$)") else url, re.IGNORECASE)
    if kind == "wildcard":
        return everything if url == "*" else matching(Form.GLOB_DOTS, url)
    return matching(Form.SUBTREE, url)


def asa(text: str) -> Configuration:
    """``fqdn`` objects that an access list permits; networks are told, not judged."""
    permitted = set(re.findall(r"^access-list\s.*\bpermit\b.*?\bobject(?:-group)?\s+(\S+)", text, re.MULTILINE))
    permitted |= set(re.findall(r"^\s*network-object object (\S+)", text, re.MULTILINE))
    decides = asa_rules.decision(text)
    notes = () if decides is not None else (_ASSUMED,)
    return replace(_made(_asa(text, permitted)), decides=decides, notes=notes)


def _asa(text: str, permitted: set[str]) -> Iterator[_Found]:
    here = ""
    for number, line in numbered_lines(text):
        if named := re.match(r"object network (\S+)", line):
            here = named.group(1)
        elif (name := re.match(r"fqdn (?:v[46] )?(\S+)", line)) and here in permitted:
            yield number, line, matching(Form.EXACT, name.group(1)), ""


def iosxe(text: str) -> Configuration:
    """Patterns of FQDN groups that an access list permits on some ports; a group that nothing permits is told."""
    patterns: dict[str, list[tuple[int, str]]] = {}
    permitted: list[tuple[str, RulePorts]] = []
    here = ""
    for number, line in numbered_lines(text):
        if named := re.match(r"object-group fqdn (\S+)$", line):
            here = named.group(1)
        elif line.startswith(("object-group ", "ip access-list ", "interface ")):
            here = ""
        elif here and (pattern := re.match(r"pattern (\S+)$", line)):
            patterns.setdefault(here, []).append((number, pattern.group(1)))
        elif (ace := _FQDN_ACE.match(line)) and ace.group(1) == "permit":
            permitted.append((ace.group(2), ports_of(ace.group(3) or "")))
    rules: list[ReadRule] = []
    unread: list[str] = []
    for group, ports in permitted:
        for number, said in patterns.get(group, ()):
            matches = expression(said, re.IGNORECASE)
            if matches is None:
                unread.append(f"line {number}: {said[:160]} cannot be read")
            elif len(rules) < MAX_RULES:
                rules.append(ReadRule(text=f"{said[:240]} in {group}", line=number, ports=ports, matches=matches))
    idle = sorted(set(patterns) - {group for group, _ in permitted})
    notes = [f"no line permits the group {group}" for group in idle]
    return Configuration(
        rules=tuple(rules),
        by_address=False,
        notes=first_notes(notes),
        unread=first_notes(unread),
        decides=_iosxe_lists(text, patterns),
    )


def _iosxe_lists(text: str, patterns: Mapping[str, Sequence[tuple[int, str]]]) -> ChainsDecision | None:
    """The access lists in the order of their numbers; None where the file has none."""
    lists: dict[str, list[tuple[int, ChainRule]]] = {}
    here = ""
    for _, line in numbered_lines(text):
        if named := re.match(r"ip access-list extended (\S+)$", line):
            here = named.group(1)
            lists.setdefault(here, [])
        elif line.startswith(("object-group ", "interface ", "ip access-list ")):
            here = ""
        elif here and len(line) < MOST_WORDS and (entry := _ENTRY.match(line)):
            entries = lists[here]
            at = int(entry.group(1) or (entries[-1][0] + 10 if entries else 10))
            entries.append((at, _iosxe_entry(entry, patterns)))
    if not any(lists.values()):
        return None
    ordered = {name: sorted(entries, key=lambda one: one[0]) for name, entries in lists.items()}
    return ChainsDecision(
        {name: FilterChain(drops=True, rules=[rule for _, rule in entries]) for name, entries in ordered.items()}
    )


MOST_WORDS = 500
"""Characters of an entry: longer than any that a router takes."""
_END = r"(?:any|host \S+|object-group \S+|fqdn-group \S+|\d\S+ \d\S+)"
_ENTRY = re.compile(
    rf"(?:(\d{{1,9}}) )?(permit|deny) (\S+) ({_END})(?: (?:eq|gt|lt|neq|range) [\d ]+)? ({_END})"
    r"(?: (eq|neq|range|gt|lt) ([\w ]+?))?(?: (established|log\S*|time-range \S+).*)?$"
)


def _iosxe_entry(entry: re.Match[str], patterns: Mapping[str, Sequence[tuple[int, str]]]) -> ChainRule:
    _, verb, protocol, source, target, operator, port, rest = entry.groups()
    conditions: list[Condition] = []
    if protocol not in ("tcp", "ip") or rest == "established":
        conditions.append(never)
    if target.startswith("fqdn-group "):
        found = [expression(said, re.IGNORECASE) for _, said in patterns.get(target.split()[1], ())]
        conditions.append(at_addresses(any_of([one for one in found if one is not None])))
    elif target != "any":
        conditions.append(never)  # networks: no name is admitted or denied by them
    if operator in ("eq", "neq"):
        conditions.append(at_ports(named_ports(",".join(port.split())), negated=operator == "neq"))
    elif operator == "range":
        conditions.append(at_ports(named_ports("-".join(port.split()[:2]))))
    elif operator:
        conditions.append(lambda _probe, _port: None)
    is_open = source != "any" or str(rest).startswith("time-range")
    verdict = RuleVerdict.ALLOW if verb == "permit" else RuleVerdict.DENY
    return ChainRule(verdict=verdict, conditions=tuple(conditions), is_open=is_open)


_FQDN_ACE = re.compile(
    r"(?:\d+ )?(permit|deny) (?:tcp|ip) (?:any|host \S+|object-group \S+|\S+ \S+) fqdn-group (\S+)(?: eq ([\d ]+))?"
)


def srx(text: str) -> Configuration:
    """Values of URL patterns, and ``dns-name`` addresses."""
    decides = _srx_policies(text)
    return replace(_made(_srx(text)), decides=decides, notes=() if decides is not None else (_ASSUMED,))


_SRX_BOOK = r"set security (?:address-book \S+|zones security-zone \S+ address-book) "
_SRX_ADDRESS = re.compile(_SRX_BOOK + r"address (\S+) dns-name (\S+)(?: ipv[46]-only)?$")
_SRX_SET = re.compile(_SRX_BOOK + r"address-set (\S+) address(?:-set)? (\S+)$")
_SRX_POLICY = re.compile(r"(set|deactivate|delete) security policies (.+?) policy (\S+)(?: (match|then) (\S+) ?(.*))?$")
_SRX_PORTS = {"any": ((0, LAST_PORT),), "junos-https": ((443, 443),), "junos-http": ((80, 80),)}


def _srx_policies(text: str) -> ChainsDecision | None:
    """Policies between zones in their order, by their ``dns-name`` addresses; None where the file has none.

    A policy that reads server names (``utm-policy``) is another matter: there the values of the patterns count.
    """
    names: dict[str, list[str]] = {}
    ports: dict[str, list[tuple[int, int]]] = {name: list(spans) for name, spans in _SRX_PORTS.items()}
    policies: dict[tuple[str, str], dict[str, list[str]]] = {}
    named = False
    for _, line in numbered_lines(text):
        if address := _SRX_ADDRESS.match(line):
            names.setdefault(address.group(1), []).append(address.group(2))
        elif member := _SRX_SET.match(line):
            names.setdefault(member.group(1), []).extend(names.get(member.group(2), ()))
        elif service := re.match(r"set applications application (\S+) (?:protocol tcp )?destination-port (\S+)$", line):
            ports.setdefault(service.group(1), []).extend(named_ports(service.group(2)).spans)
        elif len(line) < MOST_WORDS and (found := _SRX_POLICY.match(line)):
            verb, zones, policy, part, key, value = found.groups()
            named = True
            if verb != "set":
                policies.pop((zones, policy), None)
            elif part:
                said = policies.setdefault((zones, policy), {})
                said.setdefault(key if part == "match" else "then", []).append(value if part == "match" else key)
    if "utm-policy" in text or not named:
        return None
    chains: dict[str, FilterChain] = {}
    for (zones, _), policy in policies.items():
        chains.setdefault(zones, FilterChain(drops=True)).rules.append(_srx_rule(policy, names, ports))
    return ChainsDecision(chains)


def _srx_rule(
    policy: Mapping[str, list[str]], names: Mapping[str, list[str]], ports: Mapping[str, list[tuple[int, int]]]
) -> ChainRule:
    conditions: list[Condition] = []
    target = policy.get("destination-address", [])
    if not {"any", "any-ipv4"} & set(target):
        found = [matching(Form.EXACT, name) for word in target for name in names.get(word, ())]
        conditions.append(at_addresses(any_of([one for one in found if one is not None])))
    applications = policy.get("application", ["any"])
    if all(one in ports for one in applications):
        spans = [span for one in applications for span in ports[one]]
        conditions.append(at_ports(RulePorts.of(spans or [(0, 0)])))
    elif not any(one.startswith("junos-") for one in applications):
        conditions.append(lambda _probe, _port: None)
    else:
        spans = [span for one in applications for span in ports.get(one, ())]
        conditions.append(at_ports(RulePorts.of(spans or [(0, 0)])))
    is_open = not {"any", "any-ipv4"} & set(policy.get("source-address", ["any"])) or "scheduler-name" in policy
    verdict = RuleVerdict.ALLOW if "permit" in policy.get("then", ()) else RuleVerdict.DENY
    return ChainRule(verdict=verdict, conditions=tuple(conditions), is_open=is_open)


def _srx(text: str) -> Iterator[_Found]:
    for number, line in numbered_lines(text):
        if found := re.search(r"\burl-pattern \S+ value (\S+)$", line):
            value = re.sub(r"^https?://", "", found.group(1))
            if value.startswith("*."):
                yield number, line, matching(Form.SUBTREE, value[2:]), ""
            elif value.startswith("^."):
                yield number, line, matching(Form.ONE_LABEL, value[2:]), ""
            elif set(value) & set("*^?"):
                yield number, line, None, "a wildcard stands for whole words at the head only"
            else:
                yield number, line, matching(Form.EXACT, value), ""
        elif found := re.search(r"\bdns-name (\S+)$", line):
            yield (
                number,
                line,
                matching(Form.EXACT, found.group(1)),
                "" if "*" not in line else "dns-name takes no star",
            )


def panos_xml(text: str) -> Configuration:
    """Members of custom URL categories in configuration XML, by the elements alone: nothing is expanded."""
    return _made(
        _tokens((n, m) for n, line in numbered_lines(text) for m in re.findall(r"<member>([^<]+/)</member>", line))
    )


def panos_edl(text: str) -> Configuration:
    """A URL list: an entry a line."""
    return _made(_tokens((n, line.split()[0]) for n, line in numbered_lines(text) if not line.startswith("#")))


def _tokens(entries: Iterator[tuple[int, str]]) -> Iterator[_Found]:
    for number, entry in entries:
        if in_network(entry) is not None:
            continue
        matches = panos_entry(entry)
        dead = "" if matches is not None else "a wildcard must be a whole token"
        yield number, entry, matches, dead


def _made(found: Iterator[_Found]) -> Configuration:
    rules: list[ReadRule] = []
    dead: list[str] = []
    unread: list[str] = []
    for number, text, matches, why in found:
        if why:
            dead.append(f"line {number}: {text[:160]}: {why}")
        elif matches is None:
            unread.append(f"line {number}: {text[:160]} cannot be read")
        elif len(rules) < MAX_RULES:
            rules.append(ReadRule(text=text[:400], line=number, matches=matches))
    return Configuration(
        rules=tuple(rules), by_address=False, notes=(_ASSUMED,), unread=first_notes(unread), dead=first_notes(dead)
    )
