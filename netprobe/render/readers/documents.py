"""Readers of Cilium policies, Suricata and AWS rules, and the documents that netprobe writes (CSV, JSON, YAML)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from netprobe.render.model import Form
from netprobe.render.readers.base import (
    MAX_RULES,
    Configuration,
    ReadRule,
    RulePorts,
    expression,
    first_notes,
    matching,
    numbered_lines,
    ports_of,
)

MAX_NODES = 200_000
MAX_DEPTH = 500


def cilium(text: str) -> Configuration:
    """``toFQDNs`` of a CiliumNetworkPolicy: ``*`` stands within one label, ``**.`` in front for one or more."""
    rules: list[ReadRule] = []
    documents, broken = yaml_documents(text)
    unread = [*broken]
    for document in documents:
        for block in _mappings(document, "toFQDNs"):
            ports = _ports(block)
            for selector in block["toFQDNs"]:
                pattern = str(selector.get("matchPattern") or selector.get("matchName") or "")
                matches = _cilium(pattern)
                if matches is None:
                    unread.append(f"{pattern[:160]} cannot be read")
                else:
                    rules.append(ReadRule(text=pattern[:400], line=0, ports=ports, matches=matches))
    return Configuration(rules=tuple(rules[:MAX_RULES]), by_address=False, unread=first_notes(unread))


def _cilium(pattern: str) -> Callable[[str], bool] | None:
    if pattern == "*":
        return lambda probe: True
    if pattern.startswith("**."):
        return matching(Form.SUFFIX, pattern[3:])
    if not re.fullmatch(r"[A-Za-z0-9_.*-]{1,255}", pattern) or pattern.count("*") > 3:
        return None
    found = re.compile(re.escape(pattern.lower().rstrip(".")).replace(r"\*", "[-a-z0-9_]*"))
    return lambda probe: found.fullmatch(probe) is not None


def _ports(block: Mapping[str, Any]) -> RulePorts:
    told = [str(port.get("port", "")) for one in block.get("toPorts") or () for port in one.get("ports") or ()]
    return ports_of(",".join(told)) if told else RulePorts()


def fqdn_policy(text: str) -> Configuration:
    """``matches`` of GKE's FQDNNetworkPolicy: ``*.x`` stands for one label in front of x."""
    found: list[tuple[Form, str, RulePorts]] = []
    documents, broken = yaml_documents(text)
    for document in documents:
        for block in _mappings(document, "matches"):
            told = ",".join(str(port.get("port", "")) for port in block.get("ports") or () if isinstance(port, dict))
            for match in block["matches"]:
                value = str(match.get("pattern") or match.get("name") or "")
                form = Form.ONE_LABEL if value.startswith("*.") else Form.EXACT
                found.append((form, value.removeprefix("*."), ports_of(told)))
    return _by_form(found, broken)


def cluster_policy(text: str) -> Configuration:
    """``domainNames`` of rules that accept: ``*.x`` stands for one label or more in front of x."""
    found: list[tuple[Form, str, RulePorts]] = []
    documents, broken = yaml_documents(text)
    for document in documents:
        for block in _mappings(document, "to"):
            if block.get("action") not in ("Accept", "Allow"):
                continue
            told = ",".join(_destination_ports(block))
            for value in (str(name) for peer in block["to"] for name in peer.get("domainNames") or ()):
                form = Form.SUFFIX if value.startswith("*.") else Form.EXACT
                found.append((form, value.removeprefix("*."), ports_of(told)))
    return _by_form(found, broken)


def _destination_ports(block: Mapping[str, Any]) -> Iterator[str]:
    """The TCP ports of a rule."""
    for protocol in block.get("protocols") or ():
        tcp = protocol.get("tcp") if isinstance(protocol, dict) else None
        port = tcp.get("destinationPort") if isinstance(tcp, dict) else None
        if isinstance(port, dict):
            yield str(port.get("number", ""))


def _by_form(found: list[tuple[Form, str, RulePorts]], broken: tuple[str, ...]) -> Configuration:
    rules: list[ReadRule] = []
    unread = [*broken]
    for form, value, ports in found[:MAX_RULES]:
        matches = matching(form, value)
        if matches is None:
            unread.append(f"{value[:160]} cannot be read")
        else:
            rules.append(ReadRule(text=value[:400], line=0, ports=ports, matches=matches))
    return Configuration(rules=tuple(rules), by_address=False, unread=first_notes(unread))


def yaml_documents(text: str) -> tuple[list[Any], tuple[str, ...]]:
    """Every document of a YAML stream, plain data only; and why, where it cannot be read.

    An alias is refused: a few lines of them make billions of nodes. So is what stands too deep, since the parser looks
    at every open level for each word.
    """
    import yaml

    if _depth(text) > MAX_DEPTH:
        return [], (f"it is nested more than {MAX_DEPTH} deep",)
    try:
        if any(isinstance(event, yaml.events.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader)):
            return [], ("an alias stands for other parts of the file: write them out",)
        return list(yaml.safe_load_all(text)), ()
    except (yaml.YAMLError, RecursionError, ValueError) as exc:
        return [], (f"it is not YAML ({' '.join(str(exc).split())[:120]})",)


def _depth(text: str) -> int:
    """How deep brackets and braces are nested, those in strings counted too: the parser's time grows by its square."""
    deepest = depth = 0
    for sign in re.findall(r"[\[\]{}]", text):
        depth = max(depth + (1 if sign in "[{" else -1), 0)
        deepest = max(deepest, depth)
    return deepest


def _mappings(node: Any, key: str) -> Iterator[Mapping[str, Any]]:
    """Every mapping that has the key with a list of mappings, wherever it stands."""
    waiting, seen = [node], 0
    while waiting and seen < MAX_NODES:
        seen += 1
        here = waiting.pop()
        if isinstance(here, dict):
            value = here.get(key)
            if isinstance(value, list) and all(isinstance(one, dict) for one in value):
                yield here
            waiting += here.values()
        elif isinstance(here, list):
            waiting += here


_PASS = re.compile(r"pass\s+tls\s+.+?->\s*\S+\s+(\S+)\s*\((.*)\)\s*$")


def suricata(text: str) -> Configuration:
    """``pass tls`` rules by ``tls.sni``, and the items of a domain list of AWS Network Firewall."""
    rules: list[ReadRule] = []
    unread: list[str] = []
    for number, line in numbered_lines(text):
        if found := _PASS.match(line):
            matches = _sni(found.group(2))
            if matches is None:
                unread.append(f"line {number}: {line[:160]} cannot be read")
            else:
                rules.append(ReadRule(text=line[:400], line=number, ports=ports_of(found.group(1)), matches=matches))
        elif item := re.fullmatch(r'"(\.?[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)",?', line):
            form = Form.SUBTREE if item.group(1).startswith(".") else Form.EXACT
            listed = matching(form, item.group(1).lstrip("."))
            if listed is not None:
                rules.append(ReadRule(text=item.group(1), line=number, matches=listed))
    return Configuration(rules=tuple(rules[:MAX_RULES]), by_address=False, unread=first_notes(unread))


def _sni(options: str) -> Callable[[str], bool] | None:
    if pcre := re.search(r'pcre:"/((?:[^"/\\]|\\.)*)/i?"', options):
        return expression(pcre.group(1), re.IGNORECASE)
    content = re.search(r'tls\.sni;\s*(dotprefix;\s*)?content:"([^"]+)";(.*)', options)
    if content is None or options.count("content:") != 1:
        return None
    dotted, value, rest = content.groups()
    if dotted and "endswith" in rest and value.startswith("."):
        return matching(Form.SUBTREE, value[1:])
    if "startswith" in rest and "endswith" in rest:
        return matching(Form.EXACT, value)
    return matching(Form.SUFFIX, value[1:]) if "endswith" in rest and value.startswith(".") else None


def table(text: str) -> Configuration:
    """A change request in CSV: the columns ``destination`` and ``port``."""
    rows = csv.DictReader(io.StringIO(text, newline=""))
    return _listed((row.get("destination") or "", row.get("port") or "") for row in rows)


def document(text: str) -> Configuration:
    """Netprobe's own JSON or YAML: ``pattern`` and ``port`` of each row."""
    documents, broken = yaml_documents(text)
    rows = [row for one in documents for block in _mappings(one, "rows") for row in block["rows"]]
    return _listed(((str(row.get("pattern", "")), str(row.get("port", ""))) for row in rows), broken)


def _listed(rows: Iterator[tuple[str, str]], broken: tuple[str, ...] = ()) -> Configuration:
    rules: list[ReadRule] = []
    unread = [*broken]
    for number, (name, port) in enumerate(rows, start=1):
        matches = matching(Form.GLOB if "*" in name else Form.EXACT, name)
        if matches is None:
            unread.append(f"row {number}: {name[:160]} cannot be read")
        elif len(rules) < MAX_RULES:
            rules.append(ReadRule(text=f"{name} {port}", line=number, ports=ports_of(port), matches=matches))
    return Configuration(rules=tuple(rules), by_address=False, unread=first_notes(unread))
