"""The stored runs of the lab (``tests/cases``) as reports: what netprobe really saw, without playing it again."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec

from netprobe.diagnosis import diagnose
from netprobe.observations import Run
from netprobe.report.model import Report

_FOLDER = Path(__file__).resolve().parents[1] / "cases"
CASES = tuple(sorted(path.stem for path in _FOLDER.glob("*.json")))
"""The names of all."""


class _Case(msgspec.Struct):
    run: Run


@cache
def lab_report(name: str) -> Report:
    """The report of one."""
    case = msgspec.json.decode((_FOLDER / f"{name}.json").read_bytes(), type=_Case)
    return Report.of(case.run, diagnose(case.run))
