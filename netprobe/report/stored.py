"""Saved reports: reading one back, and the JSON Schema that says how they look.

A report may come from another machine and another version, so reading is bounded, checks every type, and says where a
file is malformed. This is the one place of ``netprobe.report`` that touches a file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from netprobe import reading
from netprobe.errors import UnreadableFileError
from netprobe.report import embedded
from netprobe.report.model import SCHEMA_VERSION, Report

MAX_BYTES = 64 << 20
"""A sweep over every region and group is about 20 MiB."""
_TOOK_UPGRADES_IN_1_0 = frozenset({"ecs-a", "ecs-t", "ecs-a-unnumbered", "ecs-t-unnumbered", "ssmmessages"})
_REMEDY = "give a file that 'netprobe check --format json' (or html) wrote"


class _Version(msgspec.Struct):
    schema_version: str


def read(path: Path) -> Report:
    """Read a saved report, JSON or the HTML page that holds it (``-`` is stdin).

    Raises:
        UnreadableFileError: missing, unreadable, too large, not a report, or of a version that cannot be read.
    """
    return decode(reading.read(path, MAX_BYTES, _REMEDY, stdin=True), str(path))


def decode(data: bytes, name: str) -> Report:
    """Decode a saved report.

    Args:
        data: the JSON text, or the HTML page that holds it.
        name: what to call it in an error.

    Raises:
        UnreadableFileError: it is not a report, or of a version that cannot be read.
    """
    if embedded.is_page(data):
        data = embedded.unpacked(data, name, most=MAX_BYTES)
    try:
        version = msgspec.json.decode(data, type=_Version).schema_version
        if version.partition(".")[0] != SCHEMA_VERSION.partition(".")[0]:
            raise UnreadableFileError(
                name,
                f"has schema_version {version[:20]!r}, this netprobe reads {SCHEMA_VERSION.partition('.')[0]}.x",
                "use the netprobe that wrote it",
            )
        report = msgspec.json.decode(data, type=Report)
        return _since_1_1(report) if version == "1.0" else report
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise UnreadableFileError(name, f"is not a netprobe report ({exc})", _REMEDY) from exc


def _since_1_1(report: Report) -> Report:
    """Say of every endpoint whether it takes upgrades, as the netprobe knew that wrote 1.0."""
    endpoints = (replace(one, upgrade=one.id in _TOOK_UPGRADES_IN_1_0) for one in report.endpoints)
    return replace(report, endpoints=tuple(endpoints))


def schema() -> dict[str, Any]:
    """Make the JSON Schema (2020-12) of the JSON report from its types."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "netprobe report",
        "description": f"What 'netprobe check --format json' writes, schema_version {SCHEMA_VERSION}.",
        **msgspec.json.schema(Report),
    }
