"""A reader of FortiOS configuration: blocks, quoting, URL filter, what policies decide; written from documents."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from netprobe.render import Rendered
from tests.support.firewall_case import Decides

_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|([^\s"\\]+)')


@dataclass
class Block:
    """A table or an entry: its settings, and what is beneath it."""

    settings: dict[str, list[str]] = field(default_factory=dict)
    inner: dict[str, Block] = field(default_factory=dict)

    def at(self, *path: str) -> Block:
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


def read(text: str) -> Block:
    """Every ``config`` has its ``end``, every ``edit`` its ``next``; the same table or entry twice is merged."""
    top = Block()
    stack: list[tuple[str, Block]] = [("top", top)]
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        kind, here = stack[-1]
        match _words(line.strip()):
            case ["config", *path] if kind in ("top", "edit"):
                stack.append(("config", here.inner.setdefault(" ".join(path), Block())))
            case ["config", *path] if kind == "config" and path:
                stack.append(("config", here.inner.setdefault(" ".join(path), Block())))
            case ["edit", name] if kind == "config":
                stack.append(("edit", here.inner.setdefault(name, Block())))
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


def lists(top: Block) -> dict[str, list[Block]]:
    """Each list by its number; its entries in the order of their numbers."""
    tables = top.at("webfilter urlfilter").inner
    return {
        number: [t for _, t in sorted(_entries(table), key=lambda e: int(e[0]))] for number, table in tables.items()
    }


def _entries(table: Block) -> list[tuple[str, Block]]:
    return list(table.at("entries").inner.items())


def filtered(entries: list[Block], url: str) -> bool:
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


def _inspected(top: Block, name: str) -> set[int]:
    """The ports on which the list is asked: 80 by the default protocol options, others by the inspection profile."""
    if name == "certificate-inspection":
        return {80, 443}
    profile = top.at("firewall ssl-ssh-profile", name)
    assert profile.at("https").one("status") == "certificate-inspection"
    others = [block for protocol, block in profile.inner.items() if protocol != "https"]
    assert {block.one("status") for block in others} == {"disable"}, "nothing is decrypted"
    return {80, *map(int, profile.at("https").settings["ports"])}


HOSTS = {"": ["198.51.100.16 255.255.255.240"], "6": ["2001:db8:5::/48"]}
"""By what tables and settings have behind their names (nothing for IPv4, 6 for IPv6): the hosts' networks."""


def decides(output: Rendered, versions: tuple[str, ...] = ("", "6")) -> Decides:
    """What the policies decide for a session of the hosts, which must be the same over each of the versions of IP."""
    top = read(output.main)
    services = {
        name: int(s.one("tcp-portrange"))
        for name, s in top.at("firewall service custom").inner.items()
        if name != "netprobe-udp"
    }
    for digit in versions:
        hosts = top.at(f"firewall addrgrp{digit}", f"netprobe-hosts{digit}").settings["member"]
        key = "ip6" if digit else "subnet"
        assert [" ".join(top.at(f"firewall address{digit}", one).settings[key]) for one in hosts] == HOSTS[digit]
    tables = lists(top)

    def over(digit: str, name: str, port: int) -> bool:
        for policy in top.at("firewall policy").inner.values():
            assert any(f"srcaddr{one}" in policy.settings for one in versions), "a policy without a source"
            if f"srcaddr{digit}" not in policy.settings:
                continue
            assert policy.settings[f"srcaddr{digit}"] == [f"netprobe-hosts{digit}"]
            assert policy.settings[f"dstaddr{digit}"] == ["all"]
            if port not in [services[s] for s in policy.settings["service"] if s in services]:
                continue
            if policy.one("action") == "deny":
                return False
            assert policy.one("nat") == ("disable" if digit else "enable")
            assert port in _inspected(top, policy.one("ssl-ssh-profile")), "what nobody looks at passes"
            profile = top.at("webfilter profile", policy.one("webfilter-profile"))
            assert profile.at("ftgd-wf").settings["options"] == ["ftgd-disable"], "else a rating decides, or its error"
            entries = tables[profile.at("web").one("urlfilter-table")]
            # What is compared is the host alone for TLS, and host and path for HTTP: both must come out alike.
            found = {filtered(entries, url) for url in (name, f"{name}/", f"{name}/a?b=c", f"{name}:443")}
            (same,) = found
            return same
        return False

    def decide(name: str, port: int) -> bool:
        (same,) = {over(digit, name, port) for digit in versions}
        return same

    return decide
