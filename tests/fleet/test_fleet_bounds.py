"""What many reports may cost, in figures that hold on a busy machine: memory, and work that grows as reports do.

Times are measured by ``tests/bench/run fleet``.
"""

from __future__ import annotations

from pathlib import Path

from tests.bench import reports
from tests.support import bounded


def cost(folder: Path) -> tuple[int, float, float]:
    """Exit code, seconds of CPU, MiB."""
    ended = bounded.netprobe("fleet", str(folder), "-o", "/dev/null", cpu_seconds=60)
    return ended.returncode, ended.cpu_seconds, ended.memory / (1 << 20)


def test_two_thousand_reports_stay_small_and_cost_no_more_each_than_two_hundred(tmp_path: Path) -> None:
    few = cost(reports.write(tmp_path / "few", 200))
    many = cost(reports.write(tmp_path / "many", 2000))
    assert few[0] == many[0] == 1
    start = cost(reports.write(tmp_path / "one", 1))[1]
    assert many[2] < 90  # 150 MiB are for ten thousand
    assert many[1] - start < 10 * 2.5 * max(few[1] - start, 0.02)
    assert many[1] < 4.0  # 200 MB; it takes 0.5 s on an idle machine


def test_memory_does_not_follow_the_size_of_reports(tmp_path: Path) -> None:
    small = cost(reports.write(tmp_path / "small", 300, size=10_000))
    large = cost(reports.write(tmp_path / "large", 300, size=400_000))
    assert large[2] - small[2] < 10
