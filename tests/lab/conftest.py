"""Print the confusion matrix of the fault lab after the tests, also when they ran in several processes."""

from __future__ import annotations

from collections import Counter
from typing import Any


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Rows: cases that were wrong. Below: for each finding, how often it was expected, found, missed and too much."""
    played = [
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        for key, value in getattr(report, "user_properties", ())
        if key == "case" and getattr(report, "when", "") == "call"
    ]
    if not played:
        return
    terminalreporter.section("fault lab: case x finding")
    for case in sorted(played, key=lambda case: str(case["name"])):
        mark = "right" if case["expected"] == case["found"] else "WRONG"
        found = ", ".join(case["found"]) or "nothing"
        line = f"{mark} {case['name']:<28} {found}"
        expected = "" if mark == "right" else f" (expected {', '.join(case['expected']) or 'nothing'})"
        terminalreporter.write_line(line + expected)
    hits, missed, extra = Counter[str](), Counter[str](), Counter[str]()
    for case in played:
        expected_ids, found_ids = set(case["expected"]), set(case["found"])
        hits.update(expected_ids & found_ids)
        missed.update(expected_ids - found_ids)
        extra.update(found_ids - expected_ids)
    terminalreporter.write_line("")
    terminalreporter.write_line(f"{'finding':<30}{'right':>6}{'missed':>8}{'extra':>7}")
    for finding in sorted({*hits, *missed, *extra}):
        terminalreporter.write_line(f"{finding:<30}{hits[finding]:>6}{missed[finding]:>8}{extra[finding]:>7}")
    right = sum(case["expected"] == case["found"] for case in played)
    terminalreporter.write_line(f"{right} of {len(played)} cases right")
