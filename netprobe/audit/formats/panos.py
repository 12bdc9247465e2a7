"""PAN-OS traffic and URL filtering logs: CSV as syslog sends it, or as the web interface exports it with a header.

Field order of syslog: docs.paloaltonetworks.com, "Traffic Log Fields" and "Threat Log Fields" of PAN-OS 8.1 to 11.0
(read 2026-11-23 as a search index keeps them, and the order of traffic fields of 9.1 again on 2026-11-29, where the
session's end reason is the 47th): the first 31 fields are the same in both, a URL follows as the 32nd. An
exported file names its columns in its first line, and that line alone decides which column is which: it has more of
them in some versions, and calls some by other words. The words known here are those of the pages and of exports that
users have published.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from netprobe.audit.formats import fields
from netprobe.audit.model import Decision, Event

NAME = "panos"
SUMMARY = "PAN-OS traffic or URL log, CSV"
_LINE = re.compile(r"[^,]*,\"?(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d)\"?,[^,]*,\"?(TRAFFIC|THREAT|URL)\"?,")
_ALLOWED = frozenset({"allow", "alert", "continue", "override"})
_DENIED = re.compile(r"(?:deny|drop|block|reset)")
_SYSLOG = MappingProxyType(
    {
        "time": 1,
        "type": 3,
        "subtype": 4,
        "source": 7,
        "destination": 8,
        "rule": 11,
        "port": 25,
        "action": 30,
        "url": 31,
        "application": 14,
        "reason": 46,
    }
)
_HEADER_WORDS = MappingProxyType(
    {
        "time": ("receive time",),
        "type": ("type",),
        "subtype": ("threat/content type", "subtype"),
        "source": ("source address", "source ip", "source"),
        "destination": ("destination address", "destination ip", "destination"),
        "rule": ("rule", "rule name"),
        "port": ("destination port",),
        "action": ("action",),
        "url": ("url", "url/filename"),
        "application": ("application",),
        "reason": ("session end reason",),
    }
)
_NEEDED = ("type", "subtype", "source", "destination", "port", "action")


def matches(line: str) -> bool:
    """Whether a line is of this format (a header line is, too)."""
    return _LINE.match(line) is not None or _header(line) is not None


def parser() -> Callable[[str], tuple[Event, ...]]:
    """A parser for one file: it keeps the columns that the last header line named."""
    columns: Mapping[str, int] = _SYSLOG

    def parse_next(line: str) -> tuple[Event, ...]:
        nonlocal columns
        named = _header(line)
        if named is None:
            return _parse(line, columns)
        columns = named
        _require(columns)
        return ()

    return parse_next


def parse(line: str) -> tuple[Event, ...]:
    """The event of a line as syslog sends it; none for a header, a threat that is no URL, or the begin of a session."""
    return parser()(line)


def _header(line: str) -> Mapping[str, int] | None:
    """The column of each field that a header line names; None where the line is no header."""
    lowered = line.lower()
    if "receive time" not in lowered or "action" not in lowered:
        return None
    words = [word.strip().lower() for word in _row(line.removeprefix("\ufeff"))]
    if "receive time" not in words or "action" not in words:
        return None
    return {
        field: words.index(name)
        for field, names in _HEADER_WORDS.items()
        if (name := next((name for name in names if name in words), None)) is not None
    }


def _require(columns: Mapping[str, int]) -> None:
    for field in _NEEDED:
        if field not in columns:
            raise ValueError(f"the header names no column {_HEADER_WORDS[field][0]!r}")


def _row(line: str) -> Sequence[str]:
    try:
        return next(csv.reader([line]), [])
    except csv.Error as error:
        raise ValueError("not CSV") from error


def _parse(line: str, columns: Mapping[str, int]) -> tuple[Event, ...]:
    _require(columns)
    if columns is _SYSLOG and _LINE.match(line) is None:
        raise ValueError("not a PAN-OS traffic or URL line")
    row = _row(line)

    def cell(field: str) -> str:
        column = columns.get(field)
        return row[column].strip() if column is not None and column < len(row) else ""

    if len(row) <= max(columns[field] for field in _NEEDED):
        raise ValueError("too few fields")
    kind, subtype, action = cell("type").upper(), cell("subtype").lower(), cell("action").lower()
    if kind not in ("TRAFFIC", "THREAT", "URL"):
        raise ValueError("not a PAN-OS traffic or URL line")
    if (kind == "THREAT" and subtype != "url") or (kind == "TRAFFIC" and subtype == "start"):
        return ()
    if kind != "TRAFFIC" and not cell("url"):
        raise ValueError("a URL line without a URL")
    event = Event(
        verdict=_verdict(action, cell("application").lower(), cell("reason").lower() if kind == "TRAFFIC" else ""),
        host="" if kind == "TRAFFIC" else fields.of_url(cell("url"))[0],
        address=cell("destination"),
        port=fields.port(cell("port")),
        rule=cell("rule") or action,  # the reason and the application stand in the verdict
        client=cell("source"),
        time=fields.iso(cell("time").replace("/", "-")),
    )
    return (event,)


def _verdict(action: str, application: str, reason: str) -> Decision:
    """What became of a session.

    ``incomplete`` means that no TCP handshake came about, and ``aged-out`` with it that the answer never came: the rule
    admitted it (Palo Alto Networks knowledge base, "Not-applicable, incomplete, insufficient data in the application
    field", read 2026-11-28 as a search index keeps it). ``aged-out`` alone is how UDP ends.
    """
    if _DENIED.match(action) or reason in ("policy-deny", "decrypt-error", "threat"):
        return Decision.DENIED
    if application == "incomplete" and action in _ALLOWED:
        return Decision.FAILED_UPSTREAM
    return Decision.ALLOWED if action in _ALLOWED else Decision.UNKNOWN
