"""Readers of devices that are told objects: pfSense, FTD, Check Point, NSX, Windows, Zscaler, App-ID, Azure.

Where a file does not say which rule uses an object, every object counts, and a note says so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from netprobe.render.model import Form
from netprobe.render.readers.base import (
    Collected,
    Configuration,
    RulePorts,
    expression,
    in_network,
    matching,
    numbered_lines,
    ports_of,
)
from netprobe.render.readers.documents import MAX_NODES

_ASSUMED = "every object of the file counts as one that an accepting rule uses"
_MOST_DOCUMENTS = 64
_BEGINS = re.compile(r"\s*(?=[\[{])")


def _json_mappings(text: str, found: Collected) -> Iterator[Mapping[str, Any]]:
    """Every mapping of the JSON documents of a text, which may stand one behind the other."""
    decoder = json.JSONDecoder()
    at, documents = 0, []
    for _ in range(_MOST_DOCUMENTS):
        begun = _BEGINS.match(text, at)
        if begun is None:
            break
        try:
            document, at = decoder.raw_decode(text, begun.end())
        except (ValueError, RecursionError) as exc:
            found.unread(f"it is not JSON ({str(exc)[:80]})")
            break
        documents.append(document)
    waiting, seen = list(reversed(documents)), 0
    while waiting and seen < MAX_NODES:
        seen += 1
        here = waiting.pop()
        if isinstance(here, dict):
            yield here
            waiting += reversed(list(here.values()))
        elif isinstance(here, list):
            waiting += reversed(here)


def _strings(node: Mapping[str, Any], key: str) -> list[str]:
    value = node.get(key)
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _starred(name: str, form: Form = Form.SUFFIX) -> Callable[[str], bool] | None:
    return matching(form, name[2:]) if name.startswith("*.") else matching(Form.EXACT, name)


def pfsense(text: str) -> Configuration:
    """Aliases of hosts and networks, in XML or as a list, a name or a network a line."""
    found = Collected()
    found.notes.append(_ASSUMED)
    aliases = re.findall(r"<type>(?:host|network)</type>\s*<address>([^<]*)</address>", text)
    values = [word for alias in aliases for word in alias.split()]
    if not aliases:
        values = [line.split()[0] for _, line in numbered_lines(text) if not line.startswith(("#", "<"))]
    for value in values:
        if in_network(value) is not None:
            found.network(value, value)
        elif "." in value:
            found.name(value, matching(Form.EXACT, value))
    return found.made()


def ftd(text: str) -> Configuration:
    """``FQDN`` and ``Network`` objects, as the management center's interface takes them."""
    found = Collected()
    found.notes.append(_ASSUMED)
    for node in _json_mappings(text, found):
        value = node.get("value")
        if node.get("type") == "FQDN" and isinstance(value, str):
            found.name(value, matching(Form.EXACT, value))
        elif node.get("type") in ("Network", "Host") and isinstance(value, str):
            found.network(value, value)
    return found.made()


_DESTINATION = re.compile(r"destination\.\d+ '?([^'\s\\\\]+)'?")
_SERVICE = re.compile(r"-(\d+)'?$")


def checkpoint(text: str) -> Configuration:
    """Calls of ``mgmt_cli``: destinations of rules that accept, and domain objects where the text has no rule."""
    found = Collected()
    networks = {
        name: f"{address}/{mask}"
        for name, address, mask in re.findall(r"network '([^']+)' subnet6? '([^']+)' mask-length6? (\d+)", text)
    }
    text = text.replace("\\\n", " ")
    rules = [(n, line) for n, line in numbered_lines(text) if re.match(r"rule |mgmt_cli .*add access-rule ", line)]
    for number, line in rules:
        if not re.search(r"\baction Accept\b", line):
            continue
        service = re.search(r"service(?:\.1)? (\S+)", line)
        numbered = _SERVICE.search(service.group(1)) if service else None
        ports = ports_of(numbered.group(1)) if numbered else RulePorts()
        for name in _DESTINATION.findall(line):
            if name in networks:
                found.network(networks[name], networks[name], line=number, ports=ports)
            elif name.startswith("."):
                found.name(name, matching(Form.EXACT, name[1:]), line=number, ports=ports)
    if not rules:
        found.notes.append(_ASSUMED)
        for number, line in numbered_lines(text):
            domain = re.search(r"add dns-domain name \"?'?\.([^\"'\s]+)", line)
            beneath = "is-sub-domain true" in line
            if domain:
                found.name(line, matching(Form.SUBTREE if beneath else Form.EXACT, domain.group(1)), line=number)
    return found.made()


def nsx(text: str) -> Configuration:
    """Values of ``DOMAIN_NAME`` attributes; ``^`` is one word without a dot (4.1.2 and later)."""
    found = Collected()
    found.notes.append(_ASSUMED)
    for node in _json_mappings(text, found):
        if node.get("key") != "DOMAIN_NAME":
            continue
        for value in _strings(node, "value"):
            if value.startswith("*."):
                found.name(value, matching(Form.SUFFIX, value[2:]))
            else:
                found.name(value, matching(Form.GLOB if "^" in value else Form.EXACT, value.replace("^", "*")))
    return found.made()


_KEYWORD = re.compile(r"New-NetFirewallDynamicKeywordAddress -Id '([^']+)' -Keyword '([^']+)'")
_WINDOWS_RULE = re.compile(r"New-NetFirewallRule ([^\n]{0,1000}?)-Remote(DynamicKeywordAddresses|Address) ([^)\n]*)")


def windows(text: str) -> Configuration:
    """Keywords and networks of rules that allow outbound TCP, as netprobe's script makes them."""
    found = Collected()
    keywords = dict(_KEYWORD.findall(text))
    kind, ports = "", RulePorts()
    for number, line in numbered_lines(text):
        values = line
        if line.startswith("New-NetFirewallRule "):
            rule = _WINDOWS_RULE.match(line)
            options = rule.group(1) if rule else ""
            outbound = "-Action Allow" in options and not re.search(r"-Direction Inbound|-Protocol UDP", options)
            kind = rule.group(2) if rule and outbound else ""
            port = re.search(r"-RemotePort (\S+)", options)
            ports = ports_of(port.group(1)) if port else RulePorts()
            values = rule.group(3) if rule else ""
        for value in re.findall(r"'([^']+)'", values) if kind else ():
            if kind == "Address":
                found.network(value, value, line=number, ports=ports)
            else:
                name = keywords.get(value, "")
                found.name(name or value, _starred(name) if name else None, line=number, ports=ports)
        if line.endswith(")"):
            kind = ""
    return found.made()


def zscaler(text: str) -> Configuration:
    """URLs of custom categories, in JSON or one a line; a dot in front means everything beneath too."""
    found = Collected()
    urls = [line.split()[0] for _, line in numbered_lines(text) if not line.startswith("#")]
    if text.lstrip().startswith(("{", "[")):
        urls = [url for node in _json_mappings(text, found) for url in _strings(node, "urls")]
    for url in urls:
        host = url.partition("/")[0].partition(":")[0]
        if "." in host and not set(host) & set('{}[]"'):
            found.name(url, matching(Form.SUBTREE if host.startswith(".") else Form.EXACT, host.removeprefix(".")))
    return found.made()


def appid(text: str) -> Configuration:
    """Patterns of custom applications, which the device finds anywhere in what it looks at."""
    found = Collected()
    found.notes.append("every custom application of the file counts as one that an allowing rule names")
    for number, line in numbered_lines(text):
        for pattern in re.findall(r"<pattern>([^<]+)</pattern>", line):
            found.name(pattern, expression(pattern, re.IGNORECASE), line=number)
    return found.made()


def azure(text: str) -> Configuration:
    """Application rules, as Terraform or as the interface's JSON; ``*.`` in front is any depth."""
    found = Collected()
    ports: list[str] = []
    listing = False
    for number, line in numbered_lines(text):
        if re.match(r"rule\s*\{$", line):
            ports = []
        elif port := re.match(r"port\s*=\s*(\d+)$", line):
            ports.append(port.group(1))
        listing = listing or re.match(r"destination_fqdns\s*=\s*\[", line) is not None
        if listing:
            for name in re.findall(r'"([^"\s]+)"', line):
                found.name(name, _starred(name), line=number, ports=ports_of(",".join(ports)))
            listing = "]" not in line
    begins = 0 if text.startswith("{") else text.find("\n{") + 1
    for node in _json_mappings(text[begins:], found) if text[begins : begins + 1] == "{" else ():
        protocols = node.get("protocols")
        told = [str(one.get("port", "")) for one in protocols if isinstance(one, dict)] if protocols else []
        for name in _strings(node, "targetFqdns"):
            found.name(name, _starred(name), ports=ports_of(",".join(told)))
    return found.made()
