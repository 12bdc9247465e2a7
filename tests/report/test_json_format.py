"""The report as JSON is one document, in whatever portions it was laid out."""

from __future__ import annotations

import json
import tracemalloc

import msgspec
import pytest

from netprobe import jsontext
from netprobe.observations import HttpDetail, Observation
from netprobe.report.formats import json as format_
from netprobe.report.model import Report
from tests.support import reports

TEXTS = ('\n  "observations": []', '"]},\n', "\u202e\x9b31m", "Soci\u00e9t\u00e9", "##[error]x", "\u6f22\u5b57" * 40)


def _report(count: int, text: str = "") -> Report:
    first = reports.report().observations[0]
    told = [
        msgspec.structs.replace(
            first, id=f"o{number}", detail=HttpDetail(method="GET", path="/", title=text or TEXTS[number % len(TEXTS)])
        )
        for number in range(count)
    ]
    return reports.report(observations=tuple[Observation, ...](told))


@pytest.mark.parametrize("count", [0, 1, 2, 255, 256, 257, 1000])
def test_portions_make_the_document_that_the_whole_makes(count: int) -> None:
    report = _report(count)
    shown = format_.render(report, width=80, colour=False)
    assert shown == jsontext.indented(msgspec.json.encode(report, order="deterministic"))
    assert len(json.loads(shown)["observations"]) == count


def test_a_name_that_is_no_utf8_is_told_in_any_portion() -> None:
    report = _report(300, "caf\udce9")
    shown = json.loads(format_.render(report, width=80, colour=False))
    assert {one["detail"]["title"] for one in shown["observations"]} == {"caf\\udce9"}


def test_the_memory_beside_the_document_does_not_grow_with_it() -> None:
    def beside(report: Report) -> int:
        tracemalloc.start()
        size = len(format_.render(report, width=80, colour=False))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak - size

    assert beside(_report(8000)) < 2 * beside(_report(1000)) + (1 << 20)
