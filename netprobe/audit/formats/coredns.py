"""CoreDNS: the plugin ``log`` in its common and combined formats, and what ``errors`` says of queries.

Source: coredns/coredns at 4b26cced3, plugin/log/README.md, plugin/errors/README.md and errors.go, plugin/acl/README.md
(read 2026-11-28). REFUSED is what ``acl`` answers where it blocks (where it filters: NOERROR without an address, which
looks like any other), NXDOMAIN what a ``template`` or an empty zone does.
"""

from __future__ import annotations

import re

from netprobe.audit.formats import fields
from netprobe.audit.model import Decision, Event

NAME = "coredns"
SUMMARY = "CoreDNS query log"
_LINE = re.compile(
    r'(?:^|.{0,200}? )\[INFO\] (\[?[0-9a-fA-F.:%\w]{2,60}\]?):\d{1,5} - \d+ "([A-Z0-9]{1,12}) [A-Z]{1,4} (\S{1,1100}) '
    r'[a-z]{3,5} \d+ (?:true|false) \d+" ([A-Z]{1,12}|\d+|-) '
)
_ERROR = re.compile(r"(?:^|.{0,200}? )\[ERROR\] plugin/errors: \d+ (\S{1,1100}) ([A-Z0-9]{1,12}): (.{1,300})")
_OTHER = re.compile(
    r"(?:^|.{0,200}? )\[(?:INFO|WARNING|ERROR|NOTICE|FATAL|DEBUG)\] |CoreDNS-|linux/|^\.:\d+$|^\S+:\d+$"
)
_RCODES = {"NOERROR": Decision.ALLOWED, "NXDOMAIN": Decision.DENIED, "REFUSED": Decision.DENIED, "-": Decision.UNKNOWN}


def matches(line: str) -> bool:
    """Whether a line is of this format."""
    return _LINE.match(line) is not None or _ERROR.match(line) is not None


def parse(line: str) -> tuple[Event, ...]:
    """The event of a line; none for what CoreDNS says of itself."""
    found = _LINE.match(line)
    if found is not None:
        client, _type, name, rcode = found.groups()
        verdict = _RCODES.get(rcode, Decision.FAILED_UPSTREAM)
        return (Event(verdict, fields.name(name), rule=f"rcode {rcode}", client=client, time=_time(line), layer="dns"),)
    failed = _ERROR.match(line)
    if failed is not None:
        rule = failed[3][:200]
        return (Event(Decision.FAILED_UPSTREAM, fields.name(failed[1]), rule=rule, time=_time(line), layer="dns"),)
    if _OTHER.match(line) is None:
        raise ValueError("not a CoreDNS line")
    if "[INFO]" in line and " - " in line and '"' in line:
        raise ValueError("a line of CoreDNS about a query that is not understood")
    return ()


def _time(line: str) -> float | None:
    """Where a supervisor puts one before the line; CoreDNS itself writes none."""
    return fields.iso(line.split(" ", 1)[0])
