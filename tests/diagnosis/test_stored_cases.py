"""Runs that were really made against the lab, stored, and concluded again without a network.

A case is ``tests/cases/NAME.json``: ``expected`` (verdict, finding ids; from the scenario, not from the output) and
``run``. They keep diagnosis able to read what earlier versions wrote.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from netprobe.diagnosis import diagnose
from netprobe.observations import Run

CASES = sorted((Path(__file__).parent.parent / "cases").glob("*.json"))


class Expected(msgspec.Struct):
    verdict: str
    findings: list[str]


class Case(msgspec.Struct):
    expected: Expected
    run: Run


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_stored_case(path: Path) -> None:
    case = msgspec.json.decode(path.read_bytes(), type=Case)

    diagnosis = diagnose(case.run)

    assert sorted({f.id for f in diagnosis.findings}) == case.expected.findings
    assert diagnosis.verdict == case.expected.verdict


def test_there_are_cases() -> None:
    assert len(CASES) >= 40
