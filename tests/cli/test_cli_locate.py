"""``check --locate``: the hop stands in the finding, in the text and in the hand-off."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.cli import netprobe


def test_the_refusing_hop_is_named_everywhere(tmp_path: Path) -> None:
    report, handoff = tmp_path / "report.json", tmp_path / "request.txt"
    arguments = ("check", "-r", "us-east-2", "--lab", "refused", "--locate")
    ended = netprobe(*arguments, "--report", f"json={report}", "--handoff", str(handoff))
    assert ended.code == 1, ended.err
    (finding,) = (f for f in json.loads(report.read_text())["findings"] if f["severity"] == "error")
    location = finding["location"]
    # On loopback the host that refuses is the first hop and the server itself.
    assert location["hop"] == 1
    assert location["address"].startswith("127.")
    assert f"hop 1 {location['address']}" in ended.out
    assert f"Where: hop 1 {location['address']}" in handoff.read_text()


def test_without_it_no_path_is_looked_at(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    netprobe("check", "-r", "us-east-2", "--lab", "refused", "--report", f"json={report}")
    assert {f["location"] for f in json.loads(report.read_text())["findings"]} == {None}


def test_no_time_left_is_told(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    arguments = ("check", "-r", "us-east-2", "--lab", "blackhole-all", "--deadline", "1", "--locate")
    netprobe(*arguments, "--report", f"json={report}")
    assert "path not looked at: the deadline was reached" in json.loads(report.read_text())["notes"]
