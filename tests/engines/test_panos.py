"""PAN-OS cannot be had here: an independent reader of its documented rules, and the vendor's own pan-os-python.

The rules (guidelines for URL category exceptions, read 2026-11-23): tokens stand between ``. / ? & = ; +``; a wildcard
is a whole token; ``^`` is exactly one token, ``*`` one or more; no two ``*`` beside each other, at most nine ``^``; no
scheme; at most 255 characters; names of objects have at most 63 (31 for a custom URL category).
"""

from __future__ import annotations

import itertools
import re
import shlex
from dataclasses import dataclass, field

import pytest
from panos.objects import CustomUrlCategory

from netprobe.render import Options, Rendered, render
from tests.support.render_cases import CASES, ORIGIN
from tests.support.render_corpus import corpus

_WORDS = {"^": 1, "*": None}


@dataclass
class _Device:
    """A candidate configuration, as the ``set`` commands make it."""

    categories: dict[str, list[str]] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    services: dict[str, int] = field(default_factory=dict)
    rules: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)

    def run(self, line: str) -> None:
        words = shlex.split(line)
        match words:
            case ["delete", "profiles", "custom-url-category", name, "list"]:
                self.categories.pop(name, None)
            case ["set", "profiles", "custom-url-category", name, "type", kind]:
                assert len(name) <= 31
                self.types[name] = kind
            case ["set", "profiles", "custom-url-category", name, "list", entry]:
                _check_entry(entry)
                self.categories.setdefault(name, []).append(entry)
            case ["set", "service", name, "protocol", "tcp", "port", port]:
                assert len(name) <= 63
                self.services[name] = int(port)
            case ["set", "rulebase", "security", "rules", name, *rest]:
                assert len(name) <= 63
                self.rules[name] = _members(rest)
                self.order.append(name)
            case ["move", "rulebase", "security", "rules", name, "top"]:
                self.order.remove(name)
                self.order.insert(0, name)
            case _:
                raise AssertionError(f"not a command that we know: {line}")

    def allows(self, name: str, port: int) -> bool:
        """The first rule that matches decides; without one, the built-in deny."""
        for rule in (self.rules[n] for n in self.order):
            services = [self.services[s] for s in rule["service"]]
            categories = rule.get("category", ["any"])
            fits = categories == ["any"] or any(_fits(e, name) for c in categories for e in self.categories[c])
            if port in services and fits:
                return rule["action"] == ["allow"]
        return False


def _members(words: list[str]) -> dict[str, list[str]]:
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


def _check_entry(entry: str) -> None:
    assert len(entry) <= 255
    assert entry.endswith("/")
    assert "://" not in entry
    tokens = re.split(r"[./?&=;+]", entry[:-1])
    assert all(token for token in tokens)
    assert all(token in _WORDS or not set(token) & set("^*") for token in tokens), entry
    assert tokens.count("^") <= 9
    assert all(pair != ("*", "*") for pair in itertools.pairwise(tokens))


def _fits(entry: str, name: str) -> bool:
    return _tokens(entry[:-1].split("."), name.split("."))


def _tokens(entry: list[str], name: list[str]) -> bool:
    if not entry or not name:
        return not entry and not name
    if entry[0] == "*":
        return _tokens(entry[1:], name[1:]) or _tokens(entry, name[1:])
    return (entry[0] == "^" or entry[0].lower() == name[0].lower()) and _tokens(entry[1:], name[1:])


def _load(made: Rendered) -> _Device:
    device = _Device()
    for line in made.main.splitlines():
        if line and not line.startswith("#"):
            device.run(line)
    return device


@pytest.mark.parametrize(
    ("case", "options"),
    [
        ("strict", CASES["strict"].options),
        ("wide", CASES["wide"].options),
        ("strict", Options(seen=CASES["strict"].options.seen, enumerate=True)),
    ],
)
def test_the_documented_rules_admit_what_is_claimed(case: str, options: Options) -> None:
    endpoints = CASES[case].endpoints
    made = render("panos", endpoints, origin=ORIGIN, options=options)
    device = _load(made)
    asked = [(name, port) for name in corpus(endpoints) for port in (443, 80, 8443)]
    decided = {question: device.allows(*question) for question in asked}
    assert decided == {(name, port): made.lowered.admits(name, port) for name, port in asked}
    assert {True, False} <= set(decided.values())


def test_rules_hold_together() -> None:
    """Every category has its type, every rule its objects; the deny stands behind every allow, for the same hosts."""
    device = _load(render("panos", CASES["wide"].endpoints, origin=ORIGIN, options=CASES["wide"].options))
    assert set(device.types.values()) == {"URL List"}
    assert set(device.types) == set(device.categories)
    assert device.order[-1] == "netprobe-deny"
    assert sorted(device.services.values()) == [80, 443]
    assert set(device.rules["netprobe-deny"]["service"]) == set(device.services)
    for name, rule in device.rules.items():
        assert rule["source"] == ["netprobe-hosts"]
        assert rule["action"] == ["deny" if name == "netprobe-deny" else "allow"]
        assert set(rule.get("category", ())) <= set(device.categories)


def test_loading_it_again_changes_nothing() -> None:
    made = render("panos", CASES["strict"].endpoints, origin=ORIGIN, options=CASES["strict"].options)
    once, twice = _load(made), _load(made)
    for line in made.main.splitlines():
        if line.startswith(("delete", "set profiles")):
            twice.run(line)
    assert twice.categories == once.categories


def test_the_vendors_library_takes_the_category() -> None:
    device = _load(render("panos", CASES["wide"].endpoints, origin=ORIGIN, options=CASES["wide"].options))
    for name, entries in device.categories.items():
        category = CustomUrlCategory(name=name, url_value=entries, type="URL List")
        assert re.findall(r"<member>([^<]+)</member>", category.element_str().decode()) == entries


def test_the_reader_notices_what_is_invalid() -> None:
    for entry in ("ecs-a-*.us-east-2.amazonaws.com/", "a.example.com", "https://a.example.com/", "*.*.example.com/"):
        with pytest.raises(AssertionError):
            _check_entry(entry)
