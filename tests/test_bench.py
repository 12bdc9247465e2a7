"""The bench says what it can measure; what it measures is no test's business."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.bench.main import SPECIAL, WORKS
from tests.support import cli

_RUN = cli.ROOT / "tests" / "bench" / "run"


def test_help_names_every_work() -> None:
    done = subprocess.run([sys.executable, _RUN, "--help"], capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert all(work in done.stdout for work in (*SPECIAL, *WORKS)), done.stdout


@pytest.mark.parametrize("work", ["no-such-work", "5"])
def test_a_work_that_does_not_exist_is_refused(work: str) -> None:
    done = subprocess.run([sys.executable, _RUN, work], capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 2
    assert f"no such work: {work}" in done.stderr
