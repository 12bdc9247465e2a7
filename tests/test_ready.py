"""The process that becomes commands: each is as if started alone, and one that does not end is ended."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from netprobe import __version__
from tests.support import ready
from tests.support.cli import ROOT, environment, netprobe


def test_a_command_has_its_own_folder_and_environment_and_leaves_none(tmp_path: Path) -> None:
    (tmp_path / "netprobe.toml").write_text('region = "eu-west-1"\n')
    there = netprobe("endpoints", "--format", "csv", cwd=tmp_path)
    assert (there.code, there.err) == (0, "")
    assert "ecs.eu-west-1.amazonaws.com" in there.out
    named = netprobe("endpoints", "--format", "csv", env={"NETPROBE_REGION": "us-east-2"})
    assert "ecs.us-east-2.amazonaws.com" in named.out
    assert netprobe("endpoints").code == 2, "no region is left of those before"


def test_how_it_ends_and_what_it_says_where_are_its_own() -> None:
    for _ in range(2):
        good, wrong = netprobe("--version"), netprobe("check", "-r", "cn-north-1")
        assert (good.code, good.err) == (0, "")
        assert __version__ in good.out
        assert (wrong.code, wrong.out) == (2, "")
        assert "cn-north-1" in wrong.err


def test_what_cannot_be_read_leaves_the_next_command_alone(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    assert netprobe("check", "-r", "us-east-2", "--lab", "refused", "--report", f"json={report}").code == 1
    with pytest.raises(UnicodeDecodeError):
        netprobe("fleet", str(report), "--format", "xlsx")
    assert netprobe("fleet", str(report), "--format", "xlsx", errors="surrogateescape").out.startswith("PK")
    assert netprobe("check", "-r", "cn-north-1").code == 2


def test_what_does_not_end_is_ended() -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        netprobe("lab", "run", "healthy", timeout=2)
    assert netprobe("--version").code == 0


def test_what_python_reads_before_it_begins_takes_a_start() -> None:
    env = environment(PYTHONUTF8="0")
    assert ready.run(["--version"], cwd=ROOT, env=env, timeout=10) is None
    assert netprobe("--version", env={"PYTHONUTF8": "0"}).code == 0
