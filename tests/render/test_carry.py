"""A change request that people worked on is rendered again: what they filled in, and their order, stays."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.cli.main import run
from netprobe.render import render
from netprobe.render.carry import FILLED, carried
from tests.support.render_cases import CASES, ORIGIN

_CASE = CASES["strict"]
_NEW = render("csv", _CASE.endpoints, origin=ORIGIN, options=_CASE.options).main


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


def _written(rows: list[dict[str, str]]) -> str:
    import io

    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def test_what_was_filled_in_and_its_order_stay() -> None:
    rows = _rows(_NEW)
    old = [{**row, "owner": f"owner {i}", "ticket": f"CHG{i}"} for i, row in enumerate(reversed(rows))][:-1]
    again = _rows(carried(_written(old), _NEW))
    assert [row["owner"] for row in again] == [row["owner"] for row in old] + [""]
    assert [row["endpoint"] for row in again] == [row["endpoint"] for row in old] + [rows[0]["endpoint"]]
    assert {row["endpoint"] for row in again} == {row["endpoint"] for row in rows}


@given(st.text(max_size=80))
def test_a_cell_is_one_line_and_no_formula(cell: str) -> None:
    old = [{**row, "owner": cell} for row in _rows(_NEW)]
    text = carried(_written(old), _NEW)
    rows = list(csv.reader(text.split("\n"), strict=True))
    assert not [c for row in rows for c in row if c.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert len([row for row in rows if row]) == len(_rows(_NEW)) + 1


@pytest.mark.parametrize("old", ["", "x", "a,b\n1,2\n", "destination,port,region\n", '"', "\x00"])
def test_what_is_no_request_carries_nothing(old: str) -> None:
    assert carried(old, _NEW) == _NEW


def test_rendered_again_over_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    argv = ["render", "csv", "-r", "us-east-2", "--account", "123456789012", "-q"]
    assert run([*argv, "-o", "request.csv"]) == 0
    path = tmp_path / "request.csv"
    rows = _rows(path.read_text(encoding="utf-8"))
    rows[3].update({name: f"my {name}" for name in FILLED})
    path.write_text(_written(rows), encoding="utf-8")
    assert run([*argv, "--check", "request.csv"]) == 0, "what people fill in makes nothing stale"
    assert run([*argv, "-o", "request.csv"]) == 0
    again = _rows(path.read_text(encoding="utf-8"))
    assert {name: again[3][name] for name in FILLED} == {name: f"my {name}" for name in FILLED}
