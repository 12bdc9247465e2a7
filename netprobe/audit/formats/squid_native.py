"""Squid's native ``access.log``: ``%ts.%03tu %6tr %>a %Ss/%03>Hs %<st %rm %ru %[un %Sh/%<a %mt``.

Source: www.squid-cache.org, configuration directive ``logformat`` (read 2026-11-23 as a search index keeps it); the
lines of the tests are those that Squid itself writes.
"""

from __future__ import annotations

import re

from netprobe.audit.formats import fields
from netprobe.audit.model import Event, Verdict

NAME = "squid"
SUMMARY = "Squid access.log, native"
_LINE = re.compile(r"(\d{9,11}\.\d{3})\s+\d+ (\S+) ([A-Z_]+)/(\d{3}) \d+ (\S+) (\S+) \S+ (\S+)")


def matches(line: str) -> bool:
    """Whether a line is of this format."""
    return _LINE.match(line) is not None


def parse(line: str) -> tuple[Event, ...]:
    """The event of a line."""
    found = _LINE.match(line)
    if found is None:
        raise ValueError("not a native Squid line")
    time, client, action, status, _method, url, _hierarchy = found.groups()
    host, port = fields.of_url(url)
    return (
        Event(
            verdict=verdict(action, status),
            host=host,
            port=port,
            rule=f"{action}/{status}",
            client=client,
            time=float(time),
        ),
    )


def verdict(action: str, status: str) -> Verdict:
    """DENIED is Squid's word for its own rules; NONE and errors without a request decide nothing."""
    if "DENIED" in action:
        return Verdict.DENIED
    if action in ("NONE", "NONE_NONE") or status == "000":
        return Verdict.UNKNOWN
    return Verdict.ALLOWED
