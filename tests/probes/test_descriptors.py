"""Open files: the limit is raised as far as it goes, and what does not fit is told."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from netprobe.probes import descriptors

SCRIPT = """
import resource, sys
soft, hard, connections = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
from netprobe.probes import descriptors
print(descriptors.allow(connections, 128), resource.getrlimit(resource.RLIMIT_NOFILE)[0], sep="|")
"""


def allow(soft: int, hard: int, connections: int) -> tuple[str, int]:
    """In a process of its own: a hard limit cannot be raised again."""
    argv = [sys.executable, "-c", SCRIPT, str(soft), str(hard), str(connections)]
    shown = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=30).stdout
    answer, limit = shown.strip().split("|")
    return answer, int(limit)


def test_the_usual_limit_holds_the_default() -> None:
    assert allow(1024, 4096, 256) == ("(256, '')", 1024)


def test_the_soft_limit_is_raised_to_what_is_needed_and_no_further() -> None:
    answer, limit = allow(1024, 8192, 1000)
    assert answer == "(1000, '')"
    assert 2000 + 128 < limit < 2000 + 128 + 100


@pytest.mark.parametrize(("hard", "least", "most"), [(1024, 380, 420), (200, 1, 5), (64, 1, 1)])
def test_what_does_not_fit_is_told(hard: int, least: int, most: int) -> None:
    answer, limit = allow(64, hard, 4096)
    fewer = int(answer[1:].split(",")[0])
    assert least <= fewer <= most
    assert f"{fewer} connections at a time instead of 4096: this system allows {hard} open files" in answer
    assert limit == hard


def test_open_files_are_counted_without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chroot or a bare container has no /proc; the count is the same, and a file more is one more."""
    with_proc = len(os.listdir("/proc/self/fd"))  # the listing itself holds one

    def missing(_path: str) -> list[str]:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(os, "listdir", missing)
    before = descriptors._open_now(1 << 20)
    assert before == with_proc - 1
    with open(os.devnull, "rb"):
        assert descriptors._open_now(1 << 20) == before + 1
