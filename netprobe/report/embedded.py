"""A report inside its own HTML page, so that the page is all that anybody has to send.

It stands in a ``<template>``, which no browser shows and no script is needed for, as gzip in base64: that has no
character that HTML could take for markup, and a sweep over all regions stays small enough to mail. Reading it is
bounded: a page may come from anybody, and a kilobyte of gzip can hold a gigabyte.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import re
import zlib

from netprobe.errors import UnreadableFileError
from netprobe.report.model import Report

ELEMENT = "netprobe-report"
"""The id of the element."""
_LEVEL = 6
_FOUND = re.compile(rb'<template id="netprobe-report"[^<>]*>([A-Za-z0-9+/=\s]*)</template>')
_REMEDY = "give a page that 'netprobe check --format html' wrote, whole and unchanged"


def packed(report: Report) -> str:
    """The text of the element: the report's JSON, compressed, in base64.

    The same report gives the same text (``mtime`` of gzip is left out).
    """
    from netprobe.report.formats.json import encoded

    return base64.b64encode(gzip.compress(encoded(report), _LEVEL, mtime=0)).decode("ascii")


def is_page(data: bytes) -> bool:
    """Whether a file is an HTML page rather than JSON."""
    return data[:512].lstrip().lower().startswith((b"<!doctype html", b"<html"))


def holds_a_report(page: bytes) -> bool:
    """Whether a page is one of a check, damaged or not; those of other commands hold no report."""
    return f'<template id="{ELEMENT}"'.encode() in page


def unpacked(page: bytes, name: str, *, most: int) -> bytes:
    """Take the JSON out of a page.

    Args:
        page: the page's bytes.
        name: what to call it in an error.
        most: the longest JSON text, in bytes.

    Raises:
        UnreadableFileError: the page holds no report, more than one, or one that is damaged or too large.
    """
    found = _FOUND.findall(page)
    if len(found) != 1:
        what = "holds no report" if not found else f"holds {len(found)} reports"
        raise UnreadableFileError(name, f"is an HTML page that {what}", _REMEDY)
    try:
        inflater = zlib.decompressobj(wbits=31)  # gzip alone
        text = inflater.decompress(base64.b64decode(found[0], validate=False), most + 1)
    except (binascii.Error, zlib.error) as exc:
        raise UnreadableFileError(name, f"holds a damaged report ({exc})", _REMEDY) from exc
    if len(text) > most:
        raise UnreadableFileError(name, f"holds a report larger than {most >> 20} MiB", _REMEDY)
    if not inflater.eof:
        raise UnreadableFileError(name, "holds a report that ends too early", _REMEDY)
    return text
