"""FortiOS cannot be had here: an independent reader of its configuration blocks, quoting and URL filter."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pytest

from netprobe.errors import CannotExpressError
from netprobe.render import Rendered, render
from tests.support.firewall_case import INPUTS, Decides, holds, made
from tests.support.render_cases import CASES, ORIGIN, endpoint, enforcing

_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|([^\s"\\]+)')


@dataclass
class _Block:
    """A table or an entry: its settings, and what is beneath it."""

    settings: dict[str, list[str]] = field(default_factory=dict)
    inner: dict[str, _Block] = field(default_factory=dict)

    def at(self, *path: str) -> _Block:
        found = self
        for step in path:
            found = found.inner[step]
        return found

    def one(self, key: str) -> str:
        (value,) = self.settings[key]
        return value


def _words(line: str) -> list[str]:
    """Words of a line: quoted ones with a backslash before a backslash or a quote, others plain. No ``?`` at all."""
    assert "?" not in line, "the command line takes it as a call for help"
    words, position = [], 0
    while position < len(line):
        match = _WORD.match(line, position)
        assert match, line
        words.append(match[2] if match[1] is None else re.sub(r"\\(.)", r"\1", match[1]))
        position = match.end()
        assert position == len(line) or line[position] == " ", line
        position += 1
    return words


def _read(text: str) -> _Block:
    """Every ``config`` has its ``end``, every ``edit`` its ``next``; the same table or entry twice is merged."""
    top = _Block()
    stack: list[tuple[str, _Block]] = [("top", top)]
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        kind, here = stack[-1]
        match _words(line.strip()):
            case ["config", *path] if kind in ("top", "edit"):
                stack.append(("config", here.inner.setdefault(" ".join(path), _Block())))
            case ["config", *path] if kind == "config" and path:
                stack.append(("config", here.inner.setdefault(" ".join(path), _Block())))
            case ["edit", name] if kind == "config":
                stack.append(("edit", here.inner.setdefault(name, _Block())))
            case ["set", key, *values] if kind != "top" and values:
                here.settings[key] = values
            case ["unset", key] if kind != "top":
                here.settings.pop(key, None)
            case ["next"] if kind == "edit":
                stack.pop()
            case ["end"] if kind == "config":
                stack.pop()
            case other:
                raise AssertionError(f"{other} has no place in {kind}")
    assert len(stack) == 1, "a block is open"
    return top


def _lists(top: _Block) -> dict[str, list[_Block]]:
    """Each list by its number; its entries in the order of their numbers."""
    tables = top.at("webfilter urlfilter").inner
    return {
        number: [t for _, t in sorted(_entries(table), key=lambda e: int(e[0]))] for number, table in tables.items()
    }


def _entries(table: _Block) -> list[tuple[str, _Block]]:
    return list(table.at("entries").inner.items())


def _filter(entries: list[_Block], url: str) -> bool:
    """The first entry that fits decides; nothing that fits is admitted, which is why the last one must block."""
    for entry in entries:
        pattern = entry.one("url")
        assert entry.one("status") == "enable"
        assert len(pattern) <= 511
        kind = entry.one("type")
        assert kind in ("regex", "wildcard")
        if re.search(pattern, url) if kind == "regex" else pattern == "*":
            return entry.one("action") == "allow"
    return True


def _inspected(top: _Block, name: str) -> set[int]:
    """The ports on which the list is asked: 80 by the default protocol options, others by the inspection profile."""
    if name == "certificate-inspection":
        return {80, 443}
    profile = top.at("firewall ssl-ssh-profile", name)
    assert profile.at("https").one("status") == "certificate-inspection"
    others = [block for protocol, block in profile.inner.items() if protocol != "https"]
    assert {block.one("status") for block in others} == {"disable"}, "nothing is decrypted"
    return {80, *map(int, profile.at("https").settings["ports"])}


def _decides(output: Rendered) -> Decides:
    top = _read(output.main)
    services = {
        name: int(s.one("tcp-portrange"))
        for name, s in top.at("firewall service custom").inner.items()
        if name != "netprobe-udp"
    }
    hosts = top.at("firewall addrgrp", "netprobe-hosts").settings["member"]
    assert [top.at("firewall address", one).settings["subnet"] for one in hosts] == [
        ["198.51.100.16", "255.255.255.240"]
    ]
    lists = _lists(top)

    def decide(name: str, port: int) -> bool:
        for policy in top.at("firewall policy").inner.values():
            assert policy.settings["srcaddr"] == ["netprobe-hosts"]
            if port not in [services[s] for s in policy.settings["service"] if s in services]:
                continue
            if policy.one("action") == "deny":
                return False
            assert policy.one("nat") == "enable"
            assert port in _inspected(top, policy.one("ssl-ssh-profile")), "what nobody looks at passes"
            profile = top.at("webfilter profile", policy.one("webfilter-profile"))
            assert profile.at("ftgd-wf").settings["options"] == ["ftgd-disable"], "else a rating decides, or its error"
            entries = lists[profile.at("web").one("urlfilter-table")]
            # What is compared is the host alone for TLS, and host and path for HTTP: both must come out alike.
            found = {_filter(entries, url) for url in (name, f"{name}/", f"{name}/a?b=c", f"{name}:443")}
            (same,) = found
            return same
        return False

    return decide


@pytest.mark.parametrize("what", INPUTS)
def test_the_url_filter_admits_what_is_claimed(what: str) -> None:
    holds("fortios", what, _decides)


def test_tls_on_another_port_is_inspected_too() -> None:
    """The factory's profile looks at 443 alone: on 8443 the list would never be asked, and everything would pass."""
    endpoints = (*CASES["strict"].endpoints, endpoint("registry.example.com", "own", group="own", port=8443))
    output = render("fortios", endpoints, origin=ORIGIN, options=CASES["strict"].options, policy=enforcing("fortios"))
    decides = _decides(output)
    assert decides("registry.example.com", 8443)
    assert not decides("example.com", 8443)
    assert decides("ecs.us-east-2.amazonaws.com", 443)
    assert not decides("example.com", 443)


def test_every_list_ends_by_blocking() -> None:
    for entries in _lists(_read(made("fortios", "wide").main)).values():
        last = entries[-1]
        assert (last.one("url"), last.one("type"), last.one("action")) == ("*", "wildcard", "block")
        assert all(entry.one("type") == "regex" for entry in entries[:-1])


def test_the_last_policy_denies_the_same_ports() -> None:
    """The accepting ones take every session of their port, so no question to them shows whether it does."""
    top = _read(made("fortios", "wide").main)
    *others, (number, last) = top.at("firewall policy").inner.items()
    assert (number, last.one("action")) == ("1000000", "deny")
    governed = [name for _, policy in others for name in policy.settings["service"]]
    assert last.settings["service"] == [*governed, "netprobe-udp"]
    assert top.at("firewall service custom", "netprobe-udp").settings["udp-portrange"] == ["80", "443"]
    assert {policy.one("utm-status") for _, policy in others} == {"enable"}, "without it no profile is asked"


def test_a_shorter_list_over_a_longer_one_still_blocks() -> None:
    """Entries keep their numbers, so what is left of the longer one stands behind the one that blocks."""
    fewer = CASES["strict"].endpoints[:2]
    again = render("fortios", fewer, origin=ORIGIN, options=CASES["strict"].options, policy=enforcing("fortios"))
    both = _read(made("fortios", "strict").main + again.main)
    (entries,) = _lists(both).values()
    assert _filter(entries, "ecs.us-east-2.amazonaws.com")
    assert _filter(entries, "ecs-a-7.us-east-2.amazonaws.com")
    assert not _filter(entries, "123456789012.dkr.ecr.us-east-2.amazonaws.com")
    assert not _filter(entries, "example.com")


def test_objects_hold_what_an_object_can() -> None:
    top = _read(made("fortios", "wide").files["netprobe-addresses.conf"])
    objects = top.at("firewall address").inner
    names = {entry.one("fqdn") for entry in objects.values()}
    assert names >= {"ecs.us-east-2.amazonaws.com", "*.dkr.ecr.us-east-2.amazonaws.com", "archive.ubuntu.com"}
    assert all("*" not in name.removeprefix("*.") for name in names)
    assert {entry.one("type") for entry in objects.values()} == {"fqdn"}
    assert all(len(name) <= 79 for name in objects)
    assert top.at("firewall addrgrp", "netprobe-fqdn").settings["member"] == list(objects)
    assert set(top.inner) == {"firewall address", "firewall addrgrp"}, "it admits nothing"


def test_the_reader_notices_what_is_invalid() -> None:
    for bad in (
        'config x\nedit "1"\nend',
        "set a b",
        'config x\nset a "b',
        "config x\nset a ^b?$\nend",
        "edit 1\nnext",
    ):
        with pytest.raises(AssertionError):
            _read(bad)


def test_a_url_that_is_too_long_is_refused() -> None:
    with pytest.raises(CannotExpressError):
        render(
            "fortios",
            (endpoint(".".join(["*"] * 115 + ["example.com"]), "x"),),
            origin=ORIGIN,
            options=CASES["strict"].options,
            policy=enforcing("fortios"),
        )
