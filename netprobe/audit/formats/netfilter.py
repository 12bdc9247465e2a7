"""Kernel log lines of nftables ``log`` and iptables ``LOG`` (nf_log_syslog): ``PREFIX IN= OUT= SRC= DST= PROTO= DPT=``.

The line does not say what became of the packet; the prefix does, where its author wrote a word for it.
"""

from __future__ import annotations

import re

from netprobe.audit.formats import fields
from netprobe.audit.model import Decision, Event

NAME = "netfilter"
SUMMARY = "nftables or iptables kernel log"
_LINE = re.compile(r"(?:^|[\s\]:])IN=(\S{0,32}) OUT=(\S{0,32}) ")
"""An interface's name has fifteen characters at most."""
_PREFIX = re.compile(
    r"^(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S{1,255} )?(?:.*?kernel:\s*)?(?:<\d+>)?(?:\[\s*\d+\.\d+\]\s*)?(.*)$"
)
_FIELD = re.compile(r"\b(SRC|DST|PROTO|DPT)=(\S+)")
_DENIED = re.compile(r"(?i)drop|den[yi]|reject|block|refus|forbid")
_ALLOWED = re.compile(r"(?i)accept|allow|permit|pass")


def matches(line: str) -> bool:
    """Whether a line is of this format."""
    return _LINE.search(line) is not None and "SRC=" in line


def parse(line: str) -> tuple[Event, ...]:
    """The event of a line; none for other kernel messages and for protocols without ports."""
    found = _LINE.search(line)
    if found is None:
        return ()
    values = dict(reversed(_FIELD.findall(line, found.start())))  # the first of each counts: an ICMP error quotes more
    if "SRC" not in values or "DST" not in values:
        raise ValueError("no addresses")
    if "DPT" not in values:
        return ()
    head = _PREFIX.match(line[: found.start() + 1].strip())
    prefix = head[1].strip(" :") if head is not None else ""
    denied, allowed = _DENIED.search(prefix), _ALLOWED.search(prefix)
    event = Event(
        verdict=Decision.DENIED if denied else Decision.ALLOWED if allowed else Decision.UNKNOWN,
        address=values["DST"],
        port=fields.port(values["DPT"]),
        rule=prefix or "(no prefix)",
        client=values["SRC"],
        time=_time(line),
    )
    return (event,)


def _time(line: str) -> float | None:
    words = line.split(maxsplit=3)
    return fields.iso(words[0]) or fields.syslog(words, fields.this_year()) if words else None
