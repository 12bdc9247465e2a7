"""CSV (RFC 4180): one line a host and endpoint, for a spreadsheet or a script.

A cell that begins like a formula is shown as text by an apostrophe before it (OWASP, "CSV Injection", read 2026-11-28):
names and labels come from hosts, and a spreadsheet would run what they begin with ``=``.
"""

from __future__ import annotations

import csv
import io
import unicodedata

from netprobe.fleet import words
from netprobe.fleet.model import Fleet, HostLine

COLUMNS = (
    "site",
    "group",
    "host",
    "verdict",
    "too_old",
    "started_at",
    "region",
    "endpoint",
    "outcome",
    "causes",
    "source",
)
_FORMULA = ("=", "+", "-", "@")


def render(fleet: Fleet, *, width: int) -> str:
    """Write a line for every host and endpoint; a host without endpoints has one line."""
    sheet = io.StringIO()
    writer = csv.writer(sheet, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for host in fleet.hosts:
        for row in _rows(fleet, host):
            writer.writerow([cell(value) for value in row])
    return sheet.getvalue()


def _rows(fleet: Fleet, host: HostLine) -> list[tuple[str, ...]]:
    before = (host.site, host.group, host.name, str(host.verdict), str(host.too_old).lower(), host.started_at)
    causes = [fleet.causes[number] for number in host.causes]
    rows: list[tuple[str, ...]] = []
    for endpoint, outcome in zip(fleet.endpoints, host.outcomes, strict=True):
        if outcome is not None:
            here = [words.name(cause) for cause in causes if endpoint in cause.endpoints]
            region, _, id_ = endpoint.partition("/")
            rows.append((*before, region, id_, str(outcome), "; ".join(here), host.source))
    everywhere = [words.name(cause) for cause in causes if not cause.endpoints]
    if everywhere or not rows:
        rows.append((*before, "", "", "", "; ".join(everywhere), host.source))
    return rows


def cell(text: str) -> str:
    """A text that no spreadsheet runs, without control characters."""
    safe = "".join(" " if unicodedata.category(c)[0] == "C" else c for c in text)
    return f"'{safe}" if safe.lstrip().startswith(_FORMULA) else safe
