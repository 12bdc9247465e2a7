"""Squid's ``access.log`` as ``logformat combined`` (Apache's, with Squid's own words last)."""

from __future__ import annotations

import re

from netprobe.audit.formats import fields
from netprobe.audit.formats.squid_native import verdict
from netprobe.audit.model import Event

NAME = "squid-combined"
SUMMARY = "Squid access.log, combined"
_LINE = re.compile(
    r'(\S+) \S+ \S+ \[([^\]]{10,40})\] "\S+ (\S+) HTTP/[\d.]+" (\d{3}) \d+ "[^"]*" "[^"]*" ([A-Z_]+):([A-Z_]+)'
)


def matches(line: str) -> bool:
    """Whether a line is of this format."""
    return _LINE.match(line) is not None


def parse(line: str) -> tuple[Event, ...]:
    """The event of a line."""
    found = _LINE.match(line)
    if found is None:
        raise ValueError("not a combined Squid line")
    client, time, url, status, action, _hierarchy = found.groups()
    host, port = fields.of_url(url)
    event = Event(
        verdict=verdict(action, status),
        host=host,
        port=port,
        rule=f"{action}/{status}",
        client=client,
        time=fields.clf(time),
    )
    return (event,)
