from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netprobe.cli import emit, values
from netprobe.cli.options import listed
from netprobe.errors import UsageError
from netprobe.findings import Verdict
from netprobe.observations import Context
from tests.support import reports


def test_comma_lists() -> None:
    assert listed(["a, b", "c,,a", " "]) == ("a", "b", "c")
    assert listed(None) == ()


@pytest.mark.parametrize(
    ("text", "found"), [("1-3", (1, 2, 3)), ("7", (7,)), ("16,1-2", (1, 2, 16)), ("1-1", (1,)), ("999", (999,))]
)
def test_ranges_of_numbers(text: str, found: tuple[int, ...]) -> None:
    assert values.numbers(text) == found


@pytest.mark.parametrize("text", ["", "-", "1-", "-3", "0", "1000", "3-1", "a", "1-b", "²", "1--2", "1-2-3", "9" * 50])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="ecs-numbers"):
        values.numbers(text)


@given(st.text(max_size=20))
@settings(max_examples=100, deadline=None)
def test_any_text_is_a_range_or_a_usage_error(text: str) -> None:
    try:
        found = values.numbers(text)
    except UsageError:
        return
    assert found
    assert found == tuple(sorted(set(found)))


def test_expectations() -> None:
    assert values.expectations(["images=private,ssm=public"]) == {"images": "private", "ssm": "public"}
    assert values.expectations(None) == {}
    for wrong in (["images"], ["images=x"], ["images=private", "images=public"]):
        with pytest.raises(UsageError):
            values.expectations(wrong)


def test_reports_asked_for() -> None:
    asked = emit.wanted("text", None, ["junit=a.xml", "sarif=b=c.sarif"])
    assert asked.more == (("junit", Path("a.xml")), ("sarif", Path("b=c.sarif")))
    for wrong in ("junit", "junit=", "xml=a.xml", "=a", "junit=-"):
        with pytest.raises(UsageError):
            emit.wanted("text", None, [wrong])
    with pytest.raises(UsageError, match="named for two reports"):
        emit.wanted("text", Path("x"), ["junit=x"])


def test_the_files_are_written_beside_the_main_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    emit.emit(reports.report(), emit.wanted("text", None, [f"junit={tmp_path / 'j.xml'}", f"tap={tmp_path / 't'}"]))
    assert capsys.readouterr().out.startswith("NOT READY")
    assert (tmp_path / "j.xml").read_text().startswith("<?xml")
    assert (tmp_path / "t").read_text().startswith("TAP version 13")


@pytest.mark.parametrize(
    ("verdict", "strict", "code"),
    [
        (Verdict.READY, False, 0),
        (Verdict.READY, True, 0),
        (Verdict.DEGRADED, False, 0),
        (Verdict.DEGRADED, True, 1),
        (Verdict.NOT_READY, False, 1),
        (Verdict.INCONCLUSIVE, False, 4),
        (Verdict.INCONCLUSIVE, True, 4),
    ],
)
def test_exit_codes_of_verdicts(verdict: Verdict, strict: bool, code: int) -> None:
    report = msgspec.structs.replace(reports.ready(), verdict=verdict)
    assert emit.exit_code(report, strict=strict) == code
    stopped = msgspec.structs.replace(report, context=Context(interrupted=True))
    assert emit.exit_code(stopped, strict=strict) == 130
