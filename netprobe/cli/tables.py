"""Tables of facts as CSV and JSON: for spreadsheets and scripts.

CSV ends up in a spreadsheet: no cell is a formula there (:mod:`netprobe.cells`). Control characters are escaped,
so that a row is always one line.
"""

from __future__ import annotations

import csv
import io
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from netprobe.cells import plain
from netprobe.cli.output import width
from netprobe.errors import UsageError, printable

if TYPE_CHECKING:
    from netprobe.catalog import Catalog

FORMATS = ("table", "json", "csv")


def check_format(name: str) -> None:
    """Refuse a format that is none, before anything else is done.

    Raises:
        UsageError: the formats are named.
    """
    if name not in FORMATS:
        raise UsageError(f"--format {name}", "there is no such format here", f"use one of {', '.join(FORMATS)}")


def csv_text(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """The rows as CSV (RFC 4180, with line feeds), safe to open in a spreadsheet."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return buffer.getvalue()


def json_text(document: object) -> str:
    """A document as indented JSON with a final line feed."""
    import msgspec

    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def version_of(catalog: Catalog) -> dict[str, str]:
    """Which facts a document stands on."""
    imported = {"imported": catalog.imported_from} if catalog.imported_from else {}
    return {"version": catalog.version, "digest": catalog.digest, **imported}


def wrapped(paragraphs: Iterable[str], indent: int = 0) -> list[str]:
    """Paragraphs as lines that fit the terminal; a host name is never broken."""
    space = " " * indent
    return [
        line
        for paragraph in paragraphs
        for line in textwrap.wrap(
            paragraph,
            width=width(),
            initial_indent=space,
            subsequent_indent=space,
            break_long_words=False,
            break_on_hyphens=False,
        )
    ]


def _cell(value: str) -> str:
    return plain(printable(value, limit=2000))
