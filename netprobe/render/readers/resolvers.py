"""Readers of resolvers: BIND and Unbound policy zones, Unbound's local zones, CoreDNS, dnsmasq's marks.

A resolver binds no name to a port. What they say of clients (views, tags, groups) is taken as if it held.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from netprobe.errors import InvalidHostnameError
from netprobe.hostnames import HostPattern
from netprobe.render.model import Claim, Form
from netprobe.render.readers.base import (
    Collected,
    Comments,
    Configuration,
    code_lines,
    everything,
    expression,
    matching,
)

_RPZ = re.compile(r"(\S+)\s+(?:(?:\d+[smhdw]?|IN)\s+){0,2}CNAME\s+rpz-passthru\.?$", re.IGNORECASE)
_LOCAL = re.compile(r'local-zone:\s*["\']?([^"\'\s]+?)\.?["\']?\s+["\']?(\w+)["\']?$')
_OPEN_ZONES = frozenset({"transparent", "typetransparent", "always_transparent", "nodefault", "inform"})
_CLAUSE = re.compile(r"name\(\)\s+(?:in\s+\[([^\]\[]*)\]|matches\s+'((?:[^'\\\\]|\\\\.)*)')")
_ALLOWLIST = re.compile(r"connmark-allowlist=[^,]*,(.+)$")


def rpz(text: str) -> Configuration:
    """Owners with ``CNAME rpz-passthru.``: names that pass, whatever a later zone says."""
    found = Collected()
    for number, line in code_lines(text, Comments.SEMICOLON):
        record = _RPZ.match(line)
        if record is None or ".rpz-" in record.group(1).lower():
            continue
        owner = record.group(1)
        form = Form.SUFFIX if owner.startswith("*.") else Form.EXACT
        matches = everything if owner == "*" else matching(form, owner.removeprefix("*."))
        found.name(line, matches, line=number)
    return found.made()


def unbound(text: str) -> Configuration:
    """``local-zone`` lines that give a name and everything beneath it back; the closest zone decides."""
    found = Collected()
    zones: dict[str, bool] = {}
    for number, line in code_lines(text, Comments.HASH):
        zone = _LOCAL.match(line)
        if zone is None:
            continue
        name = zone.group(1)
        zones[name.lower().strip(".")] = zone.group(2) in _OPEN_ZONES
        if zone.group(2) not in _OPEN_ZONES:
            continue
        found.name(line, everything if name in ("", ".") else matching(Form.SUBTREE, name), line=number)

    def decides(probe: str, _port: int) -> bool:
        name = probe
        while name and name not in zones:
            name = name.partition(".")[2]
        return zones.get(name, False)

    return replace(found.made(), decides=decides)


def coredns(text: str) -> Configuration:
    """Views of server blocks that forward: the names and expressions of ``name()``."""
    found = Collected()
    views: list[tuple[int, str]] = []
    for number, line in code_lines(text, Comments.HASH_APART):
        word = line.split()[0]
        if word == "expr":
            views.append((number, line))
        elif word == "forward":
            for at, view in views:
                _view(found, at, view)
            views = []
        elif line.endswith("{") and word not in ("view", "template"):
            views = []
    return found.made()


def _view(found: Collected, number: int, view: str) -> None:
    for clause in _CLAUSE.finditer(view):
        names, pattern = clause.groups()
        for name in re.findall(r"'([^']+?)\.?'", names or ""):
            found.name(name, matching(Form.EXACT, name), line=number)
        if pattern:
            # A string of expr-lang reads two backslashes as one; the name that is held against it ends with a dot.
            told = pattern.replace("\\\\", "\\")
            found.name(told, expression(told.removesuffix("\\.$") + "$", re.IGNORECASE), line=number)


def connmark(text: str) -> Configuration:
    """The patterns of ``connmark-allowlist=``, of which alone answers are given."""
    found = Collected()
    for number, line in code_lines(text, Comments.HASH_APART):
        patterns = _ALLOWLIST.match(line)
        for pattern in patterns.group(1).split("/") if patterns else ():
            found.name(line, _connmark(pattern), line=number)
    return found.made()


def _connmark(pattern: str) -> Callable[[str], bool] | None:
    """An asterisk stands within its label, for nothing too, but no label begins or ends with a hyphen."""
    if pattern == "*":
        return everything
    try:
        parsed = HostPattern.parse(pattern).pattern
    except InvalidHostnameError:
        return None
    starred = "*" in parsed
    return Claim(form=Form.GLOB, value=parsed, empty_star=starred, hostnames_only=starred).admits
