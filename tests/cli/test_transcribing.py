"""``--transcript`` on the command line: where the file goes, and what is said where there can be none."""

from __future__ import annotations

from pathlib import Path

import pytest

from netprobe.catalog.transcripts import read
from netprobe.cli.main import run as netprobe


def test_a_file_that_cannot_be_written_is_told_before_a_packet_leaves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [
        "check",
        "-r",
        "us-east-2",
        "--lab",
        "healthy",
        "--transcript",
        str(tmp_path / "no" / "such" / "place"),
    ]
    assert netprobe(arguments) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


@pytest.mark.parametrize(("gate", "code"), [('regions = ["us-east-2"]', 0), ('image = "."', 2)])
def test_gate_hands_the_option_on_or_says_why_not(
    gate: str, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings, file = tmp_path / "netprobe.toml", tmp_path / "answers.json"
    settings.write_text(f"[gate]\n{gate}\n")
    arguments = ["gate", "--config", str(settings), "--lab", "healthy", "--transcript", str(file)]
    assert netprobe(arguments) == code
    if code:
        assert "checks no region" in capsys.readouterr().err
        assert not file.exists()
    else:
        assert {one.entry for one in read(file.read_bytes(), "t").heard} >= {"ecs", "ssm"}
