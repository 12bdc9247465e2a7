"""A change request as a workbook, opened by openpyxl as a spreadsheet would; and workbooks that nobody should open."""

from __future__ import annotations

import contextlib
import csv
import datetime
import io
import zipfile
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.cells import FORMULA
from netprobe.cli.main import run
from netprobe.errors import UnreadableFileError
from netprobe.render.carry import COLUMNS, FILLED
from netprobe.workbook import MAX_UNPACKED, read_workbook, workbook

ARGV = ["render", "xlsx", "-r", "us-east-2", "--account", "123456789012", "-q"]


def _table(cells: list[list[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(cells)
    return out.getvalue()


def _opened(path: Path) -> list[dict[str, object]]:
    sheet = openpyxl.load_workbook(path).active
    assert sheet is not None
    head, *rows = sheet.iter_rows(values_only=True)
    return [dict(zip(map(str, head), row, strict=True)) for row in rows]


@given(
    st.lists(st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), max_size=40), min_size=1, max_size=3)
)
def test_no_cell_is_a_formula_and_every_cell_comes_back(
    tmp_path_factory: pytest.TempPathFactory, row: list[str]
) -> None:
    marked = [f"{sign}{cell}" for sign, cell in zip(("=", "+", "@"), row, strict=False)]
    path = tmp_path_factory.mktemp("book") / "x.xlsx"
    path.write_bytes(workbook(_table([["a"] * len(marked), marked]), "x"))
    sheet = openpyxl.load_workbook(path).active
    assert sheet is not None
    assert [cell.data_type for cell in sheet[2]] == ["s"] * len(marked)
    assert all(cell.quotePrefix for cell in sheet[2])
    back = list(csv.reader(io.StringIO(read_workbook(path), newline="")))[1]
    assert [cell.removeprefix("'") for cell in back] == marked
    assert not [cell for cell in back if cell.startswith(FORMULA)]


def test_rendered_filled_in_and_rendered_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "request.xlsx"
    assert run([*ARGV, "-o", "request.xlsx"]) == 0
    first = path.read_bytes()
    assert tuple(_opened(path)[0]) == COLUMNS
    assert {row["port"] for row in _opened(path)} == {443}
    book = openpyxl.load_workbook(path)
    sheet = book.active
    assert sheet is not None
    for name in FILLED:
        sheet.cell(4, COLUMNS.index(name) + 1).value = f"my {name}"
    sheet.cell(4, COLUMNS.index("expiry") + 1).value = datetime.datetime(2027, 1, 31)
    sheet.cell(4, COLUMNS.index("owner") + 1).value = "=1+1"
    book.save(path)
    assert run([*ARGV, "--check", "request.xlsx"]) == 0, "what people fill in makes nothing stale"
    assert run([*ARGV, "-o", "request.xlsx"]) == 0
    row = _opened(path)[2]
    assert (row["site"], row["expiry"], row["owner"]) == ("my site", "2027-01-31", "=1+1")
    assert openpyxl.load_workbook(path)["ECS Anywhere"].cell(4, COLUMNS.index("owner") + 1).data_type == "s"
    path.unlink()
    assert run([*ARGV, "-o", "request.xlsx"]) == 0
    assert path.read_bytes() == first, "the same request, the same bytes"


def test_a_stale_workbook_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["render", "csv", "-r", "us-east-2", "-q", "-o", "request.xlsx", "--without", "logs"]) == 0
    assert run([*ARGV, "--check", "request.xlsx"]) == 1
    assert "+logs.us-east-2.amazonaws.com" in capsys.readouterr().out


@pytest.mark.parametrize(
    "argv", [ARGV, [*ARGV, "-o", "x.csv"], ["render", "squid", "-r", "us-east-2", "-o", "x.xlsx"]], ids=len
)
def test_what_is_no_workbook_is_not_written_as_one(
    argv: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(argv) == 2
    assert "workbook" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_without_openpyxl_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    assert run([*ARGV, "-o", str(tmp_path / "x.xlsx")]) == 2
    assert "netprobe-ecs[xlsx]" in capsys.readouterr().err


def test_a_hostile_workbook_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    bomb, many = tmp_path / "bomb.xlsx", tmp_path / "many.xlsx"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b" " * (MAX_UNPACKED + 1))
    with zipfile.ZipFile(many, "w") as archive:
        for number in range(300):
            archive.writestr(str(number), b"")
    assert bomb.stat().st_size < 1 << 20
    for path in (bomb, many):
        with pytest.raises(UnreadableFileError, match="unpacks to more"):
            read_workbook(path)


_ENTITIES = (
    b'<?xml version="1.0"?><!DOCTYPE w [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    + b"".join(f'<!ENTITY c{n} "{"&c" + str(n - 1) + ";" if n else "&b;"}{"&b;" * 60}">'.encode() for n in range(60))
    + b"]><w>&c59;</w>"
)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"x" * 1000])
def test_what_is_no_archive_is_told_so(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    path.write_bytes(content)
    with pytest.raises(UnreadableFileError, match="no workbook"):
        read_workbook(path)


@pytest.mark.parametrize(
    "part", ["xl/workbook.xml", "[Content_Types].xml", "xl/worksheets/sheet1.xml", "xl/styles.xml"]
)
@pytest.mark.parametrize("content", [b"", b"<x/>", _ENTITIES], ids=["empty", "odd", "entities"])
def test_a_part_that_is_odd_is_refused_or_read_small(part: str, content: bytes, tmp_path: Path) -> None:
    good = io.BytesIO(workbook("a,b\n1,2\n", "x"))
    path = tmp_path / "x.xlsx"
    with zipfile.ZipFile(good) as old, zipfile.ZipFile(path, "w") as new:
        for one in old.namelist():
            new.writestr(one, content if one == part else old.read(one))
    with contextlib.suppress(UnreadableFileError):
        assert len(read_workbook(path)) < 10_000
