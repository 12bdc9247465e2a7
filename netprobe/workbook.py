"""A table as a workbook (XLSX): every cell says itself that it is text, so nothing in it is ever evaluated.

openpyxl (MIT) writes and reads workbooks; it is an extra, imported when a workbook is asked for. A workbook comes from
whoever edited it: it is a ZIP archive of XML, so what it unpacks to is bounded before any of it is read, and it is read
as a stream of rows. Its own time stamps are taken out, so that the same table gives the same bytes.
"""

from __future__ import annotations

import csv
import datetime
import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netprobe import reading
from netprobe.cells import FORMULA, plain
from netprobe.errors import UnreadableFileError, UsageError

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

MAX_BYTES = 8 << 20
MAX_UNPACKED = 64 << 20
MAX_PARTS = 200
MAX_ROWS = 20_000
MAX_COLUMNS = 60
SUFFIX = ".xlsx"
_REMEDY = "save it again as .xlsx from a spreadsheet program, or give CSV"
_DATE = (1980, 1, 1, 0, 0, 0)
_TIMES = re.compile(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*(<)")
_WIDEST = 60


def workbook(table: str, title: str) -> bytes:
    """A table as a workbook with one sheet: a header that stays in sight, filters, every cell text or a number.

    Args:
        table: CSV with a header; the apostrophe before what could be a formula is left out, since cells have a type.
        title: the sheet's name.

    Raises:
        UsageError: openpyxl is not installed.
    """
    openpyxl = library()
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = title
    rows = list(csv.reader(io.StringIO(table, newline="")))
    for number, row in enumerate(rows, start=1):
        for column, value in enumerate(row, start=1):
            _put(sheet.cell(number, column), value, header=number == 1)
    _lay_out(sheet, rows)
    raw = io.BytesIO()
    book.save(raw)
    return timeless(raw.getvalue())


def library() -> Any:
    """Openpyxl.

    Raises:
        UsageError: it is not installed.
    """
    try:
        import openpyxl
    except ImportError as exc:
        remedy = "install netprobe-ecs[xlsx], or write CSV"
        raise UsageError(SUFFIX, "workbooks are written and read by openpyxl, which is not installed", remedy) from exc
    return openpyxl


def _put(cell: Any, value: str, *, header: bool) -> None:
    """One cell; a string is typed as one whatever it begins with, and stays one when somebody edits it."""
    from openpyxl.styles import Alignment, Font

    if value.isascii() and value.isdigit() and len(value) < 10 and not header:
        cell.value = int(value)
        return
    text = value[1:] if value.startswith("'") and value[1:].startswith(FORMULA) else value
    as_text(cell, text)
    cell.alignment = Alignment(vertical="top", wrap_text=len(text) > _WIDEST)
    if header:
        cell.font = Font(bold=True)


def as_text(cell: Any, text: str) -> None:
    """Make a cell one of text, whatever it begins with; it stays one when somebody edits it.

    Args:
        cell: of openpyxl, which else takes what begins with ``=`` for a formula.
        text: without characters that XML 1.0 cannot hold.
    """
    cell.value = text
    cell.data_type = "s"
    if text.startswith(FORMULA):
        cell.quotePrefix = True


def _lay_out(sheet: Worksheet, rows: Sequence[Sequence[str]]) -> None:
    from openpyxl.utils import get_column_letter

    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = sheet.dimensions
    for column, cells in enumerate(zip(*rows, strict=True), start=1):
        widest = max(len(cell) for cell in cells)
        sheet.column_dimensions[get_column_letter(column)].width = min(widest, _WIDEST) + 2


def timeless(data: bytes) -> bytes:
    """The same workbook without the times at which it and its parts were written: equal content gives equal bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            content = old.read(part)
            if part.filename == "docProps/core.xml":
                content = _TIMES.sub(rb"\g<1>1980-01-01T00:00:00Z\2", content)
            new.writestr(zipfile.ZipInfo(part.filename, _DATE), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def read_workbook(path: Path) -> str:
    """The first sheet of a workbook, as CSV.

    Raises:
        UnreadableFileError: it is no workbook, or larger than any change request.
        UsageError: openpyxl is not installed.
    """
    data = reading.read(path, MAX_BYTES, _REMEDY)
    openpyxl = library()
    try:
        _bounded(path, data)
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=False, keep_links=False)
        rows = book.worksheets[0].iter_rows(max_row=MAX_ROWS, max_col=MAX_COLUMNS, values_only=True)
        return _as_csv(rows)
    except UnreadableFileError:
        raise
    except Exception as exc:  # openpyxl has no error of its own: what it raises for odd XML is whatever met it first
        raise UnreadableFileError(str(path), "is no workbook that can be read", _REMEDY) from exc


def _bounded(path: Path, data: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = archive.infolist()
    if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED:
        raise UnreadableFileError(str(path), f"unpacks to more than {MAX_UNPACKED >> 20} MiB", _REMEDY)


def _as_csv(rows: Iterable[Sequence[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    width = None
    for row in rows:
        # Rows are padded as far as anybody looks; the header tells how many columns the table has.
        texts = [_text(cell) for cell in row[:width]]
        if width is None:
            width = len(texts) - next((n for n, text in enumerate(reversed(texts)) if text), len(texts))
        writer.writerow([plain(text) for text in texts[:width]])
    return out.getvalue()


def _text(cell: object) -> str:
    """What a person sees: a spreadsheet makes a date, with a time of its own, of what was typed as one."""
    if isinstance(cell, datetime.datetime) and cell.time() == datetime.time():
        return cell.date().isoformat()
    return "" if cell is None else str(cell)
