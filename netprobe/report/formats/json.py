"""JSON: the whole report, the same bytes for the same report. Its schema is ``netprobe.report.schema()``."""

from __future__ import annotations

import io
from typing import Any

import msgspec

from netprobe import jsontext
from netprobe.observations import Observation
from netprobe.report.model import Report

_OBSERVATIONS = b'\n  "observations": ['
"""Where they stand in the document: nothing within an object or a text begins with a line break and two spaces."""
_NO_OBSERVATIONS = _OBSERVATIONS + b"]"
_AT_ONCE = 256


def render(report: Report, *, width: int, colour: bool) -> bytes:
    """Encode with two spaces of indent and a newline at the end; keys in the order of the types.

    Observations, of which a run of all regions has tens of thousands, are laid out a few at a time: the whole of them,
    in each of the forms that it goes through, would need several times the memory of the document.
    """
    skeleton = jsontext.indented(encoded(msgspec.structs.replace(report, observations=())))
    if not report.observations:
        return skeleton
    before, _, after = skeleton.partition(_NO_OBSERVATIONS)
    document = io.BytesIO()
    document.write(before + _OBSERVATIONS)
    for start in range(0, len(report.observations), _AT_ONCE):
        document.write(b",\n" if start else b"\n")
        document.write(_laid_out(report.observations[start : start + _AT_ONCE]))
    document.write(b"\n  ]" + after)
    return document.getvalue()


def _laid_out(some: tuple[Observation, ...]) -> bytes:
    """Elements of an array, as they stand in an array one level deeper: no line break is within a text (RFC 8259)."""
    array = jsontext.indented(_encoded(some))
    return b"  " + array.removeprefix(b"[\n").removesuffix(b"\n]\n").replace(b"\n", b"\n  ")


def encoded(report: Report) -> bytes:
    """The JSON without a blank or a line break, for a place where no person reads it."""
    return _encoded(report)


def _encoded(value: Report | tuple[Observation, ...]) -> bytes:
    try:
        return msgspec.json.encode(value, order="deterministic")
    except UnicodeEncodeError:
        # A file name of an image that is not UTF-8 comes as lone surrogates, which JSON cannot carry.
        return msgspec.json.encode(_encodable(msgspec.to_builtins(value)), order="deterministic")


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, dict):
        return {_encodable(key): _encodable(inner) for key, inner in value.items()}
    return [_encodable(inner) for inner in value] if isinstance(value, (list, tuple)) else value
