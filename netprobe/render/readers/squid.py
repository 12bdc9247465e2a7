"""Reader of ``squid.conf``: names that an ``http_access allow`` admits."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from netprobe.errors import InvalidHostnameError
from netprobe.hostnames import Hostname
from netprobe.render.model import Claim, Form
from netprobe.render.readers.base import (
    MAX_RULES,
    Comments,
    Configuration,
    ReadRule,
    RulePorts,
    code_lines,
    everything,
    expression,
    first_notes,
    matching,
    numbered_lines,
    ports_of,
)


def squid(text: str) -> Configuration:
    """``acl`` lines that an ``http_access allow`` uses; lists in other files are told, not read."""
    access = tuple(_squid_access(text))
    allowed = {word for _, verdict, words in access if verdict == "allow" for word in words if not word.startswith("!")}
    kinds = {"all": "src", "CONNECT": "method"}
    ports: dict[str, RulePorts] = {}
    for _, line in code_lines(text, Comments.HASH_APART):
        words = line.split()
        if words[:1] == ["acl"] and len(words) > 3:
            kinds[words[1]] = words[2]
            if words[2] == "port":
                ports[words[1]] = ports_of(",".join(words[3:]))
    bound = _ports_by_acl(access, ports)
    rules, notes = _squid_without_names(access, kinds, ports)
    unread: list[str] = []
    dead: list[str] = []
    for number, line in code_lines(text, Comments.HASH_APART):
        words = [word.strip('"') for word in line.split()]
        if len(words) < 4 or words[0] != "acl" or words[1] not in allowed or words[2] not in _SQUID:
            continue
        flags = [word for word in words[3:] if word.startswith("-")]
        for value in words[3:]:
            if value.startswith("-"):
                continue
            if value.startswith("/"):
                unread.append(f"line {number}: the list {value} is in another file; paste it into this one")
                continue
            matches = _squid_value(words[2], value, ignore_case="-i" in flags)
            if matches is None:
                if "*" in value and _SQUID[words[2]] == "name":
                    dead.append(
                        f"line {number}: {value[:160]}: {words[2]} takes an asterisk literally, so it never matches"
                    )
                else:
                    unread.append(f"line {number}: {value[:160]} cannot be read")
                continue
            said = f"{value[:200]} in {line[:200]}"
            rules.append(ReadRule(text=said, line=number, ports=bound[words[1]], matches=matches))
    return Configuration(
        rules=tuple(rules[:MAX_RULES]),
        by_address=False,
        notes=first_notes(notes),
        unread=first_notes(unread),
        dead=first_notes(dead),
    )


def squid_splice(text: str) -> Configuration:
    """Names that ``ssl_bump splice`` lets through; without a ``terminate`` for every step, everything passes."""
    kinds = {
        words[1]: words[2]
        for _, line in code_lines(text, Comments.HASH_APART)
        if (words := line.split())[:1] == ["acl"] and words[3:]
    }
    lines = [(number, line.split()) for number, line in code_lines(text, Comments.HASH_APART)]
    bumps = [(number, words[1], words[2:]) for number, words in lines if words[:1] == ["ssl_bump"] and words[2:]]
    spliced = {word for _, verdict, words in bumps if verdict == "splice" for word in words}
    plain = "\n".join(line for _, line in numbered_lines(text) if not line.startswith("http_access"))
    allows = "".join(f"http_access allow {word}\n" for word in sorted(spliced) if kinds.get(word) in _SQUID)
    found = squid(f"{plain}\n{allows}")
    whole = any(words[:1] in (["https_port"], ["http_port"]) for _, words in lines)
    ends = any(
        verdict == "terminate" and all(word == "all" or kinds.get(word) in _SQUID_CLIENT for word in words)
        for _, verdict, words in bumps
    )
    if not whole or ends:
        return found
    at = bumps[-1][0] if bumps else 1
    everywhere = ReadRule(
        text="no ssl_bump terminate for every step, so what no line names is spliced through",
        line=at,
        matches=everything,
    )
    return Configuration(
        rules=(*found.rules, everywhere), by_address=False, notes=found.notes, unread=found.unread, dead=found.dead
    )


_SQUID = {
    "dstdomain": "name",
    "ssl::server_name": "name",
    "dstdom_regex": "regex",
    "ssl::server_name_regex": "regex",
}


_SQUID_CLIENT = frozenset({"src", "port", "method", "proto", "time", "proxy_auth", "myportname", "localport", "arp"})
"""Conditions on anything but the destination; a line of these alone admits every name."""


_Access = tuple[int, str, list[str]]


def _squid_access(text: str) -> Iterator[_Access]:
    """The ``http_access`` lines that can be reached: what stands behind ``deny all`` or ``allow all`` cannot."""
    for number, line in code_lines(text, Comments.HASH_APART):
        words = line.split()
        if words[:1] != ["http_access"] or len(words) < 3 or words[1] not in ("allow", "deny"):
            continue
        yield number, words[1], words[2:]
        if words[2:] == ["all"]:
            return


def _squid_without_names(
    access: Iterable[_Access], kinds: dict[str, str], ports: dict[str, RulePorts]
) -> tuple[list[ReadRule], list[str]]:
    """The lines that admit every name, and notes on those that deny some first."""
    rules: list[ReadRule] = []
    notes: list[str] = []
    for number, verdict, words in access:
        names = [word for word in words if kinds.get(word) in _SQUID]
        if verdict == "deny" and names:
            notes.append(f"line {number}: it denies {' '.join(names)} first, which is not judged")
        if verdict == "deny" or names or {"localhost", "manager"} & set(words):
            continue
        if all(kinds.get(word) in _SQUID_CLIENT for word in words):
            mine = _together(words, ports)
            text = f"http_access allow {' '.join(words)}"
            rules.append(ReadRule(text=text, line=number, ports=mine, matches=everything))
            notes.append(f"line {number}: it admits every name, for the clients that it is about")
        else:
            notes.append(f"line {number}: it cannot be judged")
    return rules, notes


def _ports_by_acl(access: Iterable[_Access], ports: dict[str, RulePorts]) -> dict[str, RulePorts]:
    """For each ACL the ports of the ``http_access allow`` lines that name it (empty: every port)."""
    found: dict[str, RulePorts] = {}
    everywhere: set[str] = set()
    for _, verdict, words in access:
        if verdict != "allow":
            continue
        mine = _together(words, ports)
        for word in words:
            if not mine:
                everywhere.add(word)
            found[word] = found.get(word, RulePorts()) | mine
    return {name: RulePorts() if name in everywhere else mine for name, mine in found.items()}


def _together(words: Iterable[str], ports: dict[str, RulePorts]) -> RulePorts:
    """The ports of all the ACLs of a line that are about ports."""
    return RulePorts.of(span for word in words if word in ports for span in ports[word].spans)


def _squid_value(kind: str, value: str, *, ignore_case: bool) -> Callable[[str], bool] | None:
    if _SQUID[kind] == "name":
        return matching(Form.SUBTREE, value[1:]) if value.startswith(".") else _exact(value)
    # Squid lower-cases the host of a CONNECT, and a name in lower case is what we try.
    return expression(value, re.IGNORECASE if ignore_case else re.NOFLAG)


def _exact(value: str) -> Callable[[str], bool] | None:
    try:
        name = Hostname.parse(value).name
    except InvalidHostnameError:
        return None
    return Claim(form=Form.EXACT, value=name).admits
