"""The bench says what it can measure, weighs programs alone, and tells what moved; how fast is no test's business."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.bench import baseline, measure
from tests.bench.baseline import Moved
from tests.bench.main import SPECIAL, WORKS
from tests.support import cli, need

_BENCH = cli.ROOT / "tests" / "bench" / "run"


def test_help_names_every_work() -> None:
    done = subprocess.run([sys.executable, _BENCH, "--help"], capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert all(work in done.stdout for work in (*SPECIAL, *WORKS)), done.stdout


@pytest.mark.parametrize("work", ["no-such-work", "5"])
def test_a_work_that_does_not_exist_is_refused(work: str) -> None:
    done = subprocess.run([sys.executable, _BENCH, work], capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 2
    assert f"no such work: {work}" in done.stderr


FAT = 160 << 20
"""Bytes that this test holds while it starts a small program."""


@pytest.mark.engine
def test_a_program_is_weighed_without_who_starts_it(tmp_path: Path) -> None:
    need.engine("time")
    held = bytearray(b"x" * FAT)
    small = [sys.executable, "-c", "pass"]

    def weighed_by_us(argv: Sequence[str]) -> float:
        process = subprocess.Popen(argv)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        return usage.ru_maxrss / 1024

    # What wait4 tells of a child that executed another program is at least the size of whoever started it.
    assert weighed_by_us(small) >= FAT >> 20
    weight = tmp_path / "weight"
    assert weighed_by_us(measure.weighed(small, weight)) >= FAT >> 20
    assert 4 < measure.read_weight(weight) < 40
    larger = [sys.executable, "-c", f"bytearray(b'x' * {FAT})"]
    weighed_by_us(measure.weighed(larger, weight))
    assert measure.read_weight(weight) > FAT >> 20
    assert len(held) == FAT


@pytest.mark.engine
def test_how_a_program_ends_is_kept(tmp_path: Path) -> None:
    need.engine("time")
    command = measure.weighed([sys.executable, "-c", "raise SystemExit(7)"], tmp_path / "weight")
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (7, b"")
    assert measure.read_weight(tmp_path / "weight") > 1


@pytest.mark.parametrize(
    ("then", "now", "moved"),
    [
        ([1.0, 1.1, 1.2], [1.3, 1.4, 1.5], Moved.MORE),
        ([1.3, 1.4, 1.5], [1.0, 1.1, 1.2], Moved.LESS),
        ([1.0, 1.1, 1.2], [1.2, 1.4, 1.5], Moved.NOISE),  # they touch
        ([1.0, 1.1, 9.0], [2.0, 2.1, 2.2], Moved.NOISE),  # one bad round says how much noise there was
        ([1.0, 1.1, 1.2], [0.9, 1.1, 1.3], Moved.NOISE),
        ([1.0, 1.1], [5.0, 5.1, 5.2], Moved.UNKNOWN),
        ([1.0, 1.1, 1.2], [5.0], Moved.UNKNOWN),
    ],
)
def test_what_moved_is_what_every_round_shows(then: list[float], now: list[float], moved: Moved) -> None:
    assert baseline.judge(then, now) is moved


def test_the_rule_is_wrong_as_seldom_as_it_says() -> None:
    """All orders of three and three rounds: one in ten has every round of one run before those of the other."""
    from itertools import combinations

    def false_alarms(rounds: int) -> float:
        places = range(2 * rounds)
        orders = [(set(chosen), set(places) - set(chosen)) for chosen in combinations(places, rounds)]
        judged = [baseline.judge(sorted(map(float, a)), sorted(map(float, b))) for a, b in orders]
        return sum(one is not Moved.NOISE for one in judged) / len(judged)

    assert false_alarms(3) == pytest.approx(1 / 10)
    assert false_alarms(5) == pytest.approx(1 / 126)


def _run(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"machine": {"processors": 2, "load": [0.5, 0.5, 0.5]}, "rows": list(rows)}


def _row(program: str, wall: Sequence[float], memory: float = 0.0) -> dict[str, Any]:
    costs = [{"wall": one, "cpu": 0.0, "memory": memory, "status": 0} for one in wall]
    return {"work": "30", "program": program, "costs": costs}


def test_two_runs_are_compared_row_by_row(tmp_path: Path) -> None:
    then = _run(_row("netprobe", [1.0, 1.1, 1.2], 50.0), _row("curl -Z", [0.5, 0.5, 0.6]), _row("sslyze", [9.0] * 3))
    now = _run(_row("netprobe", [2.0, 2.1, 2.2], 50.0), _row("curl -Z", [0.5, 0.5, 0.6]), _row("nmap", [9.0] * 3))
    file = tmp_path / "then.json"
    file.write_text(json.dumps(then), encoding="utf-8")
    assert list(baseline.lines(baseline.read(file), now)) == [
        "then: load 0.50, 2 processors",
        "now: load 0.50, 2 processors",
        "30, netprobe: wall 1.100 -> 2.100 (1.91 x): more",
        "1 figures moved, 2 did not beyond noise, 0 have fewer than 3 rounds",
        "only in one of the runs: 30, nmap",
        "only in one of the runs: 30, sslyze",
    ]


@pytest.mark.parametrize(
    ("text", "told"), [("{}", "was not written by --json"), ("nothing", "Expecting value"), (None, "No such file")]
)
def test_a_baseline_that_is_none_is_refused(text: str | None, told: str, tmp_path: Path) -> None:
    file = tmp_path / "then.json"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    command = [sys.executable, str(_BENCH), "start", "--baseline", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert told in done.stderr
