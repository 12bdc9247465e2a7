"""Cisco ASA and FTD syslog: the messages that tell what became of a connection.

Sources: Cisco ASA Series Syslog Messages (106001, 106006, 106007, 106023, 106100, 302013 to 302016) and FTD Syslog
Messages (430002, 430003), read 2026-11-28 as a search index keeps them. A connection that is built is no success yet:
its teardown says how many bytes it carried and why it ended (``SYN Timeout`` is an answer that never came).
"""

from __future__ import annotations

import re

from netprobe.audit.formats import fields
from netprobe.audit.model import Event, Verdict

NAME = "cisco"
SUMMARY = "Cisco ASA or FTD syslog"
_MESSAGE = re.compile(r"%(ASA|FTD)-(?:\w{1,20}-)?([0-7])-(\d{6}): ?(.*)")
_END = r"(?:\S{1,80}[:/])?([0-9a-fA-F.:]{2,45}|[A-Za-z0-9_.-]{1,120})"
_DENY = re.compile(
    rf"Deny (?:tcp|udp) src {_END}/(\d+)(?:\([^)]{{0,60}}\))? dst {_END}/(\d+)\b.{{0,200}}?by access-group \"([^\"]*)\""
)
_LIST = re.compile(
    rf"access-list (\S+) (permitted|denied|est-allowed) (?:tcp|udp) {_END}\((\d+)\)(?:\([^)]{{0,60}}\))? -> "
    rf"{_END}\((\d+)\)"
)
_INBOUND = re.compile(
    rf"(?:Inbound TCP connection denied|Deny inbound UDP|Deny inbound UDP) from {_END}/(\d+) to {_END}/(\d+)"
)
_TEARDOWN = re.compile(
    rf"Teardown (TCP|UDP) connection \d+ for {_END}/(\d+)(?:\([^)]{{0,80}}\))? to {_END}/(\d+)(?:\([^)]{{0,80}}\))? "
    r"duration \S+ bytes (\d+)(.*)"
)
_FTD_FIELD = re.compile(r"(?:^|, )([A-Za-z0-9]{2,40}): ")
_ABOUT_CONNECTIONS = frozenset(
    {"106001", "106006", "106007", "106023", "106100", "302014", "302016", "430002", "430003"}
)


def matches(line: str) -> bool:
    """Whether a line is of this format."""
    return _MESSAGE.search(line) is not None


def parse(line: str) -> tuple[Event, ...]:
    """The event of a line; none for messages about something else."""
    found = _MESSAGE.search(line)
    if found is None:
        raise ValueError("not a Cisco line")
    _product, _level, number, text = found.groups()
    if number not in _ABOUT_CONNECTIONS:
        return ()
    time = _time(line[: found.start()])
    event = _connection(text, time) if number in ("430002", "430003") else _classic(number, text, time)
    if event is None:
        raise ValueError(f"message {number} is not understood")
    return (event,)


def _classic(number: str, text: str, time: float | None) -> Event | None:
    if number in ("302014", "302016"):
        return _teardown(text, time)
    for pattern in (_DENY, _INBOUND):
        denied = pattern.match(text)
        if denied is not None:
            rule = denied[5] if pattern is _DENY else f"message {number}"
            return _event(Verdict.DENIED, denied[3], denied[4], rule, denied[1], time)
    listed = _LIST.match(text)
    if listed is None:
        return None
    verdict = Verdict.DENIED if listed[2] == "denied" else Verdict.UNKNOWN
    return _event(verdict, listed[5], listed[6], f"access-list {listed[1]} {listed[2]}", listed[3], time)


def _teardown(text: str, time: float | None) -> Event | None:
    """Of the two ends the one with the lower port serves: ASA puts the side that opened the connection last."""
    ended = _TEARDOWN.match(text)
    if ended is None:
        return None
    _protocol, one, one_port, other, other_port, size, rest = ended.groups()
    if int(other_port[:6]) < int(one_port[:6]):
        one, one_port, other = other, other_port, one
    reason = rest.strip().partition(" from ")[0][:80]
    if size != "0":
        verdict = Verdict.ALLOWED
    else:
        verdict = Verdict.FAILED_UPSTREAM if "Timeout" in reason or "Reset" in reason else Verdict.UNKNOWN
    return _event(verdict, one, one_port, reason or "teardown", other, time)


def _event(verdict: Verdict, end: str, port: str, rule: str, client: str, time: float | None) -> Event:
    return Event(
        verdict=verdict,
        host=fields.name(end),
        address=fields.address(end),
        port=fields.port(port),
        rule=rule,
        client=client,
        time=time,
    )


def _connection(text: str, time: float | None) -> Event | None:
    """FTD's connection events: ``Key: value, Key: value``."""
    marks = list(_FTD_FIELD.finditer(text))[:200]
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    one = {mark[1]: text[mark.end() : end] for mark, end in zip(marks, ends, strict=False)}
    action = one.get("AccessControlRuleAction", "").lower()
    if not action or "DstIP" not in one:
        return None
    verdict = Verdict.DENIED if "block" in action else Verdict.ALLOWED
    if verdict is Verdict.ALLOWED and one.get("ResponderBytes") == "0":
        verdict = Verdict.FAILED_UPSTREAM
    elif verdict is Verdict.ALLOWED and "ResponderBytes" not in one:
        verdict = Verdict.UNKNOWN  # the beginning of a connection says nothing of its end
    host = fields.of_url(one["URL"])[0] if "URL" in one else one.get("ReferencedHost", "")
    return Event(
        verdict=verdict,
        host=fields.name(host),
        address=one["DstIP"],
        port=fields.port(one.get("DstPort", "")),
        rule=one.get("AccessControlRuleName") or one.get("AccessControlRuleReason") or action,
        client=one.get("SrcIP", ""),
        time=fields.iso(one["FirstPacketSecond"]) if "FirstPacketSecond" in one else time,
    )


def _time(head: str) -> float | None:
    """``Nov 28 2026 09:12:01``, ``Nov 28 09:12:01`` or an ISO time, behind a priority."""
    words = head.rpartition(">")[2].replace(": ", " ").split()
    if len(words) >= 4 and words[2].isdigit() and len(words[2]) == 4:
        return fields.syslog([words[0], words[1], words[3].rstrip(":")], int(words[2]))
    return (fields.iso(words[0].rstrip(":")) or fields.syslog(words, fields.this_year())) if words else None
