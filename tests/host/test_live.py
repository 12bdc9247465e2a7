"""The few facts of a running host that no file tells, asked of this machine."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from netprobe.host import live
from tests.support import need


def test_this_machine_answers() -> None:
    facts = live.live()
    assert (facts.free_bytes("/") or 0) > 0
    assert facts.free_bytes("/nowhere/at/all") is None
    assert facts.clock_synchronised() in (True, False, None)


def test_free_space_agrees_with_df() -> None:
    shown = subprocess.run(["df", "--output=avail", "-B1", "/"], capture_output=True, text=True, timeout=10, check=True)
    expected = int(shown.stdout.split()[-1])
    assert live.live().free_bytes("/") == pytest.approx(expected, rel=0.05)


@pytest.mark.root
@pytest.mark.engine
def test_firewall_is_listed_without_a_shell_or_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A program of that name on PATH is never run."""
    need.root()
    need.engine("nft")
    trap = tmp_path / "nft"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert live.live().firewall("nft") is not None
    assert not (tmp_path / "sprung").exists()


@pytest.mark.root
@pytest.mark.engine
@pytest.mark.parametrize(("script", "told"), [("sleep 60", None), ("exit 3", None), ("echo rules", "rules\n")])
def test_programs_that_hang_or_fail_say_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, told: str | None
) -> None:
    need.root()
    program = tmp_path / "nft"
    program.write_text(f"#!/bin/sh\nexec {script}\n" if script.startswith("sleep") else f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(live, "_FOLDERS", (str(tmp_path), "/usr/bin", "/bin"))
    monkeypatch.setattr(live, "_SECONDS", 0.5)
    assert live.live().firewall("nft") == told
