"""Readers of firewalld's policies and ipsets, and of ufw's rules: networks that this host may reach."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from netprobe.render.readers.base import Collected, Comments, Configuration, code_lines, ports_of

_FILE = re.compile(r"^<!-- file ([\w.-]{1,255})\.xml -->$", re.MULTILINE)
_LONGEST = 4_000
"""Characters of one rule."""
_UFW = re.compile(r"(?:ufw )?(?:prepend |insert \d+ )?allow out (?:.*\b)?to (\S+)(?: port (\S+))?")
_ADMITTED = re.compile(r"([0-9a-f.:]+/\d{1,3}) (\d{1,5})$")


def in_file(name: str, text: str) -> str:
    """The text of a file with its name in front of it."""
    return f"<!-- file {re.sub(r'[^A-Za-z0-9_.-]', '-', name)} -->\n{text}"


def firewalld(text: str) -> Configuration:
    """Rich rules that accept by destination, an address or an ipset.

    An ipset has the name of its file, which stands in front of it (:func:`in_file`).
    """
    found = Collected()
    parts = _FILE.split(text)
    sets = {name: _entries(body) for name, body in zip(parts[1::2], parts[2::2], strict=True) if "<ipset" in body}
    at = text.find("<rule")
    while at >= 0:
        end = text.find("</rule>", at, at + _LONGEST)
        if end > 0:
            _rich_rule(found, text[at:end], sets)
        at = text.find("<rule", max(end, at + 1))
    return found.made()


def _entries(body: str) -> list[str]:
    return [part.partition("</entry>")[0] for part in body.split("<entry>")[1:]]


def _rich_rule(found: Collected, body: str, sets: Mapping[str, Sequence[str]]) -> None:
    to = re.search(r'<destination (address|ipset)="([^"]+)"', body)
    if "<accept" not in body or to is None or 'protocol="udp"' in body:
        return
    port = re.search(r'<port port="([^"]+)"', body)
    kind, value = to.groups()
    if kind == "ipset" and value not in sets:
        found.unread(f"the ipset {value} is in another file, so it")
    for network in sets.get(value, ()) if kind == "ipset" else (value,):
        found.network(network, network, ports=ports_of(port.group(1)) if port else None)


def ufw(text: str) -> Configuration:
    """``ufw allow out … to NETWORK port PORT``, as ``ufw show added`` prints it, and the list of netprobe's script."""
    found = Collected()
    for number, line in code_lines(text, Comments.HASH_APART):
        told = _UFW.match(line)
        if told and "proto udp" not in line:
            network = told.group(1)
            for one in ("0.0.0.0/0", "::/0") if network == "any" else (network,):
                found.network(line, one, line=number, ports=ports_of(told.group(2) or ""))
        elif listed := _ADMITTED.match(line):
            found.network(line, listed.group(1), line=number, ports=ports_of(listed.group(2)))
    return found.made()
