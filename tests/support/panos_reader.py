"""An independent reader of PAN-OS: ``set`` commands, configuration XML, URL entries. It decides like the documents say.

The rules (guidelines for URL category exceptions, read 2026-11-23): tokens stand between ``. / ? & = ; +``; a wildcard
is a whole token; ``^`` is exactly one token, ``*`` one or more; no two ``*`` beside each other, at most nine ``^``; no
scheme; at most 255 characters; names of objects have at most 63 (31 for a custom URL category or application).
"""

from __future__ import annotations

import ipaddress
import itertools
import re
import shlex
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field

_WORDS = {"^": 1, "*": None}


@dataclass
class Device:
    """A candidate configuration, as the ``set`` commands make it."""

    categories: dict[str, list[str]] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    udp: dict[str, list[int]] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)
    services: dict[str, int] = field(default_factory=dict)
    rules: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    networks: dict[str, list[str]] = field(default_factory=dict)
    """IP lists, by the name under which a rule has them as its destination."""
    signatures: dict[str, list[str]] = field(default_factory=dict)
    """Patterns of custom applications; a session that none of them knows is ``ssl``."""

    def run(self, line: str) -> None:
        words = shlex.split(line)
        match words:
            case ["delete", "profiles", "custom-url-category", name, "list"]:
                self.categories.pop(name, None)
            case ["set", "profiles", "custom-url-category", name, "type", kind]:
                assert len(name) <= 31
                self.types[name] = kind
            case ["set", "profiles", "custom-url-category", name, "list", entry]:
                check_entry(entry)
                self.categories.setdefault(name, []).append(entry)
            case ["set", "service", name, "protocol", "tcp", "port", port]:
                assert len(name) <= 63
                self.services[name] = int(port)
            case ["set", "service", name, "protocol", "udp", "port", ports]:
                self.udp[name] = [int(port) for port in ports.split(",")]
            case ["set", "address", name, "ip-netmask", network]:
                assert len(name) <= 63
                self.addresses[name] = str(ipaddress.ip_network(network))
            case ["delete", "address-group", name]:
                used = [rule for rule, said in self.rules.items() if name in said["source"]]
                assert not used, f"{name} cannot be deleted because of references from {used}"
                self.groups.pop(name, None)
            case ["delete", "rulebase", "security", "rules", name]:
                self.rules.pop(name, None)
                self.order = [one for one in self.order if one != name]
            case ["set", "address-group", name, "static", "[", *members_, "]"]:
                assert set(members_) <= set(self.addresses), "a group holds what is there"
                self.groups[name] = [*self.groups.get(name, ()), *members_]
            case ["set", "rulebase", "security", "rules", name, *rest]:
                assert len(name) <= 63
                assert name not in self.rules, "set adds to the lists of a rule that is there"
                self.rules[name] = members(rest)
                self.order.append(name)
            case ["move", "rulebase", "security", "rules", name, "top"]:
                self.order.remove(name)
                self.order.insert(0, name)
            case _:
                raise AssertionError(f"not a command that we know: {line}")

    def read(self, text: str) -> ET.Element:
        """Merge a configuration in XML, as ``load config partial`` does, and return the virtual system."""
        vsys = ET.fromstring(text).find("./devices/entry[@name='localhost.localdomain']/vsys/entry[@name='vsys1']")
        assert vsys is not None
        known = {"service", "profiles", "application", "rulebase", "address", "address-group"}
        assert {child.tag for child in vsys} <= known
        for entry in vsys.iterfind("./address/entry"):
            self.addresses[_name(entry)] = str(ipaddress.ip_network(_text(entry, "./ip-netmask")))
        for entry in vsys.iterfind("./address-group/entry"):
            self.groups[_name(entry)] = _member(entry, "./static")
        for entry in vsys.iterfind("./service/entry"):
            if entry.find("./protocol/udp") is not None:
                ports = _text(entry, "./protocol/udp/port").split(",")
                self.udp[_name(entry)] = [int(port) for port in ports]
                continue
            self.services[_name(entry)] = int(_text(entry, "./protocol/tcp/port"))
        for entry in vsys.iterfind("./profiles/custom-url-category/entry"):
            name = _name(entry, 31)
            self.types[name] = _text(entry, "./type")
            for entered in _member(entry, "./list"):
                check_entry(entered)
                self.categories.setdefault(name, []).append(entered)
        for entry in vsys.iterfind("./application/entry"):
            self.signatures[_name(entry, 31)] = _patterns(entry)
        for entry in vsys.iterfind("./rulebase/security/rules/entry"):
            name = _name(entry)
            keys = ("from", "to", "source", "destination", "application", "service", "category")
            self.rules[name] = {key: _member(entry, key) for key in keys} | {"action": [_text(entry, "action")]}
            self.order.append(name)
        return vsys

    def allows(self, name: str, port: int) -> bool:
        """The first rule that matches decides; without one, the built-in deny."""
        for rule in (self.rules[n] for n in self.order):
            if port in [self.services[s] for s in rule["service"] if s not in self.udp] and self._category(rule, name):
                known = self._application(rule, name)
                if known and self._destination(rule, name):
                    return rule["action"] == ["allow"]
        return False

    def _category(self, rule: dict[str, list[str]], name: str) -> bool:
        wanted = rule.get("category", ["any"])
        return wanted == ["any"] or any(fits(e, name) for c in wanted for e in self.categories.get(c, ()))

    def _application(self, rule: dict[str, list[str]], name: str) -> bool:
        found = [app for app, patterns in self.signatures.items() if any(re.search(p, name) for p in patterns)]
        return rule["application"] == ["any"] or bool(set(found or ["ssl"]) & set(rule["application"]))

    def _destination(self, rule: dict[str, list[str]], address: str) -> bool:
        wanted = rule["destination"]
        return wanted == ["any"] or any(within(address, net) for n in wanted for net in self.networks.get(n, ()))


def within(address: str, network: str) -> bool:
    """Whether it is an address, and one of the network's."""
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(network)
    except ValueError:
        return False


def _patterns(application: ET.Element) -> list[str]:
    """The signature's patterns: one condition, any of its patterns, all of them in the ClientHello."""
    (signature,) = application.findall("./signature/entry")
    assert _text(signature, "order-free") in ("yes", "no")
    assert _text(signature, "scope") in ("protocol-data-unit", "session")
    (condition,) = signature.findall("./and-condition/entry")
    found = []
    for entry in condition.iterfind("./or-condition/entry"):
        _name(entry, 31)
        assert _text(entry, "./operator/pattern-match/context") == "ssl-req-client-hello"
        pattern = _text(entry, "./operator/pattern-match/pattern")
        assert len(pattern) <= 127
        literal = re.sub(r"\\(.)", r"\1", re.sub(r"\[\^?[^]]*\][+*]?", "\n", pattern))
        assert max(map(len, literal.split("\n"))) >= 7, pattern
        found.append(pattern)
    return found


def _name(entry: ET.Element, limit: int = 63) -> str:
    name = entry.get("name", "")
    assert re.fullmatch(rf"[A-Za-z0-9][A-Za-z0-9 _.-]{{0,{limit - 1}}}", name), name
    return name


def _text(element: ET.Element, path: str) -> str:
    found = element.findtext(path)
    assert found, path
    return found


def _member(element: ET.Element, path: str) -> list[str]:
    return [member.text or "" for member in element.iterfind(f"./{path.removeprefix('./')}/member")]


def members(words: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    rest = iter(words)
    for key in rest:
        value = next(rest)
        if value == "[":
            found[key] = []
            for member in rest:
                if member == "]":
                    break
                found[key].append(member)
        else:
            found[key] = [value]
    return found


def check_entry(entry: str) -> None:
    assert len(entry) <= 255
    assert entry.endswith("/")
    assert "://" not in entry
    tokens = re.split(r"[./?&=;+]", entry[:-1])
    assert all(token for token in tokens)
    assert all(token in _WORDS or not set(token) & set("^*") for token in tokens), entry
    assert tokens.count("^") <= 9
    assert all(pair != ("*", "*") for pair in itertools.pairwise(tokens))


def fits(entry: str, name: str) -> bool:
    return _tokens(entry[:-1].split("."), name.split("."))


def _tokens(entry: list[str], name: list[str]) -> bool:
    if not entry or not name:
        return not entry and not name
    if entry[0] == "*":
        return _tokens(entry[1:], name[1:]) or _tokens(entry, name[1:])
    return (entry[0] == "^" or entry[0].lower() == name[0].lower()) and _tokens(entry[1:], name[1:])
