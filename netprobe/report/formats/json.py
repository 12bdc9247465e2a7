"""JSON: the whole report, the same bytes for the same report. Its schema is ``netprobe.report.schema()``."""

from __future__ import annotations

import msgspec

from netprobe.report.model import Report


def render(report: Report, *, width: int, colour: bool) -> bytes:
    """Encode with two spaces of indent and a newline at the end; keys in the order of the types."""
    return msgspec.json.format(msgspec.json.encode(report, order="deterministic"), indent=2) + b"\n"
