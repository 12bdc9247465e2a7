"""Saved reports: reading one back, and the JSON Schema that says how they look.

A report may come from another machine and another version, so reading is bounded, checks every type, and says where a
file is malformed. This is the one place of ``netprobe.report`` that touches a file.
"""

from __future__ import annotations

import zlib
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
_GZIP = b"\x1f\x8b"
_REMEDY = "give a file that 'netprobe check --format json' (or html) wrote"


class _Version(msgspec.Struct):
    schema_version: str


def read(path: Path) -> Report:
    """Read a saved report, JSON or the HTML page that holds it (``-`` is stdin).

    Raises:
        UnreadableFileError: missing, unreadable, too large, not a report, or of a version that cannot be read.
    """
    name = str(path)
    return decode(unpacked(reading.read(path, MAX_BYTES, _REMEDY, stdin=True), name, _REMEDY), name)


def unpacked(data: bytes, name: str, remedy: str) -> bytes:
    """What is in a gzip stream, and the report in a page that holds one; anything else as it is.

    Args:
        data: the file's bytes.
        name: what to call it in an error.
        remedy: what to do where it cannot be used.

    Raises:
        UnreadableFileError: it is damaged, ends too early, or holds more than :data:`MAX_BYTES`.
    """
    if data.startswith(_GZIP):
        try:
            inflater = zlib.decompressobj(wbits=31)  # gzip alone
            data = inflater.decompress(data, MAX_BYTES + 1)
        except zlib.error as exc:
            raise UnreadableFileError(name, "is a damaged gzip stream", remedy) from exc
        if len(data) > MAX_BYTES:
            raise UnreadableFileError(name, f"holds more than {MAX_BYTES >> 20} MiB", remedy)
        if not inflater.eof:
            raise UnreadableFileError(name, "is a gzip stream that ends too early", remedy)
    if embedded.is_page(data) and embedded.holds_a_report(data):
        return embedded.unpacked(data, name, most=MAX_BYTES)
    return data


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
