"""Runs that were really made against the lab, stored, and concluded again without a network.

A case is ``tests/cases/NAME.json`` (``tests/lab/store.py`` writes it): ``expected`` (verdict and ids of the errors and
warnings; from the case, not from the output) and ``run``. They keep diagnosis able to read what earlier versions wrote.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import jsonschema_rs
import msgspec
import pytest

from netprobe.cli.main import run as netprobe
from netprobe.diagnosis import diagnose
from netprobe.findings import Severity
from netprobe.observations import Run
from netprobe.report import render, schema
from netprobe.report.model import Report
from tests.lab.cases import CASES as PLAYED

CASES = sorted((Path(__file__).parent.parent / "cases").glob("*.json"))


class Expected(msgspec.Struct):
    verdict: str
    findings: list[str]


class Case(msgspec.Struct):
    expected: Expected
    run: Run


@cache
def validator() -> jsonschema_rs.Draft202012Validator:
    """A compiled one: in Python itself these reports take ten times what their diagnosis takes."""
    return jsonschema_rs.Draft202012Validator(schema())


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_stored_case(path: Path) -> None:
    case = msgspec.json.decode(path.read_bytes(), type=Case)

    diagnosis = diagnose(case.run)

    # Not as a set: one cause is one finding, however many endpoints it touches.
    assert sorted(f.id for f in diagnosis.findings if f.severity is not Severity.INFO) == case.expected.findings
    assert diagnosis.verdict == case.expected.verdict


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_report_of_a_stored_case_is_diagnosed_alike(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = msgspec.json.decode(path.read_bytes(), type=Case)
    shown = render(Report.of(case.run, diagnose(case.run)), "json")
    assert isinstance(shown, bytes)
    validator().validate(json.loads(shown))
    saved = tmp_path / "report.json"
    saved.write_bytes(shown)

    netprobe(["diagnose", str(saved), "--format", "json"])

    assert json.loads(capsys.readouterr().out) == json.loads(shown)


def test_the_schema_refuses_a_report_with_another_word() -> None:
    case = msgspec.json.decode(CASES[0].read_bytes(), type=Case)
    shown = render(Report.of(case.run, diagnose(case.run)), "json")
    document = json.loads(shown)
    validator().validate(document)
    document["observations"][-1]["step"] = "telepathy"
    with pytest.raises(jsonschema_rs.ValidationError, match="telepathy"):
        validator().validate(document)


def test_what_is_stored_was_played_and_every_lab_run_is_stored() -> None:
    stored = {path.stem for path in CASES}
    assert stored <= {case.name for case in PLAYED}
    # What real proxies say changes with their version: those cases are always played.
    assert {c.name for c in PLAYED if c.network is None or not c.network.engines} <= stored


def test_a_verifiers_objection_is_told_without_its_librarys_words() -> None:
    """It stands in one sentence about many hosts, and the library names the certificate of one."""
    path = next(path for path in CASES if path.stem == "tls-nonconforming")
    findings = diagnose(msgspec.json.decode(path.read_bytes(), type=Case).run).findings

    title = next(one.title for one in findings if one.id == "tls_nonconforming_chain")

    assert "(invalid extension: 2.5.29.35: Certificate is missing required extension)" in title
    assert "validation failed" not in title
