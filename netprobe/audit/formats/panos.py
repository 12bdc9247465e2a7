"""PAN-OS traffic and URL filtering logs: CSV as syslog sends it, or as the web interface exports it with a header.

Field order: docs.paloaltonetworks.com, "Traffic Log Fields" and "URL Filtering Log Fields" (PAN-OS 10.1 and later keep
the first 35 fields of both). An exported file names its columns in the first line; those names are looked up by the
words that every version uses.
"""

from __future__ import annotations

import csv
import re

from netprobe.audit.formats import fields
from netprobe.audit.model import Event, Verdict

NAME = "panos"
SUMMARY = "PAN-OS traffic or URL log, CSV"
_LINE = re.compile(r"[^,]*,\"?(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d)\"?,[^,]*,\"?(TRAFFIC|THREAT|URL)\"?,")
_TIME, _TYPE, _SOURCE, _DESTINATION, _RULE, _APPLICATION, _PORT, _ACTION, _URL = 1, 3, 7, 8, 11, 14, 25, 30, 31
_SUBTYPE = 4
_ALLOWED = frozenset({"allow", "alert", "continue", "override"})
_DENIED = re.compile(r"(?:deny|drop|block|reset)")


def matches(line: str) -> bool:
    """Whether a line is of this format (a header line is, too)."""
    return _LINE.match(line) is not None or _is_header(line)


def _is_header(line: str) -> bool:
    return line.count(",") > 20 and "Receive Time" in line and "Action" in line and "Rule" in line


def parse(line: str) -> tuple[Event, ...]:
    """The event of a line; none for a header, a threat that is no URL, or the begin of a session."""
    if _is_header(line):
        return ()
    if _LINE.match(line) is None:
        raise ValueError("not a PAN-OS traffic or URL line")
    try:
        row = next(csv.reader([line]))
    except csv.Error as error:
        raise ValueError("not CSV") from error
    if len(row) <= _ACTION or (row[_TYPE] == "THREAT" and (row[_SUBTYPE] != "url" or len(row) <= _URL)):
        if row[_TYPE] == "THREAT" and len(row) > _ACTION:
            return ()
        raise ValueError("too few fields")
    if row[_TYPE] == "TRAFFIC" and row[_SUBTYPE] == "start":
        return ()
    action = row[_ACTION].strip().lower()
    verdict = Verdict.DENIED if _DENIED.match(action) else Verdict.UNKNOWN
    if action in _ALLOWED:
        verdict = Verdict.ALLOWED
    host = fields.of_url(row[_URL])[0] if row[_TYPE] in ("THREAT", "URL") else ""
    event = Event(
        verdict=verdict,
        host=host,
        address=row[_DESTINATION],
        port=fields.port(row[_PORT]),
        rule=row[_RULE] or action,
        client=row[_SOURCE],
        time=fields.iso(row[_TIME].replace("/", "-")),
    )
    return (event,)
