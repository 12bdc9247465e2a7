"""A workbook: causes, groups, hosts, and the map of hosts and endpoints, for people who live in spreadsheets.

Every text is written as a text cell, so nothing that a host calls itself becomes a formula, then or when it is edited
(:mod:`netprobe.workbook`, which the change requests are written by, too).
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from netprobe import workbook
from netprobe.findings import Outcome
from netprobe.fleet import words
from netprobe.fleet.model import Fleet

if TYPE_CHECKING:
    from openpyxl.worksheet._write_only import WriteOnlyWorksheet

_LONGEST = 32_000
"""Characters of a cell; Excel takes 32,767."""
_FILLS = {Outcome.PASS: "E3F4E9", Outcome.WARN: "FDF0D5", Outcome.FAIL: "FDE7EA", Outcome.NOT_RUN: "ECEBF8"}
_ROWS = 1_000_000

Value = str | int


def render(fleet: Fleet, *, width: int) -> bytes:
    """Write the workbook; the same bytes for the same fleet."""
    book = workbook.library().Workbook(write_only=True)
    book.properties.creator = "netprobe"
    _sheet(book, "Causes", _causes(fleet))
    _sheet(book, "Groups", _groups(fleet))
    _sheet(book, "Hosts", _hosts(fleet))
    _map(book, fleet)
    _sheet(book, "Absent", _absent(fleet))
    stream = io.BytesIO()
    book.save(stream)
    return workbook.timeless(stream.getvalue())


def _sheet(book: Any, title: str, rows: Iterator[Sequence[Value]]) -> WriteOnlyWorksheet:
    sheet: WriteOnlyWorksheet = book.create_sheet(title)
    sheet.freeze_panes = "A2"
    for number, row in enumerate(rows):
        if number >= _ROWS:
            break
        sheet.append([_cell(sheet, value) for value in row])
    return sheet


def _cell(sheet: Any, value: Value, fill: str = "") -> Any:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import PatternFill

    if not isinstance(value, str):
        return value
    cell = WriteOnlyCell(sheet)
    workbook.as_text(cell, _text(value))
    if fill:
        cell.fill = PatternFill("solid", start_color=fill)
    return cell


def _text(text: str) -> str:
    """Without the characters that XML 1.0 cannot hold."""
    return "".join(" " if unicodedata.category(c)[0] == "C" else c for c in text[:_LONGEST])


def _causes(fleet: Fleet) -> Iterator[Sequence[Value]]:
    yield (
        *("number", "finding", "cause", "severity", "owner", "certainty", "hosts", "judged", "reach", "apart"),
        *("exceptions", "names", "title", "remedy"),
    )
    for number, one in enumerate(fleet.causes, start=1):
        exceptions = " ".join(words.exceptions(one.apart)) if one.apart is not None else ""
        yield (
            *(number, one.id, one.cause, str(one.severity), str(one.owner), words.certainty(one)),
            *(len(one.hosts), one.judged, words.line(one, fleet.by), words.apart(one), exceptions),
            *(", ".join(one.hosts), one.title, one.remedy),
        )


def _groups(fleet: Fleet) -> Iterator[Sequence[Value]]:
    numbered = [f"{number}. {words.name(one)}" for number, one in enumerate(fleet.causes, start=1)]
    yield (fleet.by, "hosts", *(f"fails: {endpoint}" for endpoint in fleet.endpoints), *numbered)
    for group in fleet.groups:
        yield (group.name, group.hosts, *(count.failing for count in group.endpoints), *group.causes)


def _hosts(fleet: Fleet) -> Iterator[Sequence[Value]]:
    yield ("host", "site", fleet.by, "verdict", "too old", "report of", "causes", "labels", "source")
    for host in fleet.hosts:
        causes = ", ".join(str(number + 1) for number in host.causes)
        labels = ", ".join(f"{name}={value}" for name, value in host.labels.items())
        old = "yes" if host.too_old else ""
        yield (
            *(host.name, host.site, host.group, str(host.verdict), old, host.started_at, causes, labels),
            host.source,
        )


def _map(book: Any, fleet: Fleet) -> None:
    sheet = book.create_sheet("Hosts and endpoints")
    sheet.freeze_panes = "C2"
    sheet.append([_cell(sheet, value) for value in ("host", "site", *fleet.endpoints)])
    for host in fleet.hosts[:_ROWS]:
        cells = [_cell(sheet, str(one), _FILLS.get(one, "")) if one is not None else None for one in host.outcomes]
        sheet.append([_cell(sheet, host.name), _cell(sheet, host.site), *cells])


def _absent(fleet: Fleet) -> Iterator[Sequence[Value]]:
    yield ("what", "name", "why")
    for what, names in (
        ("sent nothing", fleet.missing),
        ("report too old", fleet.too_old),
        ("expected by nobody", fleet.unexpected),
    ):
        yield from ((what, name, "") for name in names)
    yield from (("could not be read", one.source, one.reason) for one in fleet.skipped)
