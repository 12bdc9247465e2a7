"""JSON: the whole report, the same bytes for the same report. Its schema is ``netprobe.report.schema()``."""

from __future__ import annotations

from typing import Any

import msgspec

from netprobe import jsontext
from netprobe.report.model import Report


def render(report: Report, *, width: int, colour: bool) -> bytes:
    """Encode with two spaces of indent and a newline at the end; keys in the order of the types."""
    return jsontext.indented(encoded(report))


def encoded(report: Report) -> bytes:
    """The JSON without a blank or a line break, for a place where no person reads it."""
    try:
        return msgspec.json.encode(report, order="deterministic")
    except UnicodeEncodeError:
        # A file name of an image that is not UTF-8 comes as lone surrogates, which JSON cannot carry.
        return msgspec.json.encode(_encodable(msgspec.to_builtins(report)), order="deterministic")


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, dict):
        return {_encodable(key): _encodable(inner) for key, inner in value.items()}
    return [_encodable(inner) for inner in value] if isinstance(value, (list, tuple)) else value
