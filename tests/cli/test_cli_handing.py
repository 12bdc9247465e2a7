from __future__ import annotations

from pathlib import Path

import pytest

from netprobe.cli import handing
from netprobe.errors import UsageError
from tests.support.cli import netprobe


def test_a_target_is_checked_before_any_work(tmp_path: Path) -> None:
    assert handing.wanted(None, None) is None
    with pytest.raises(UsageError, match="there is no such target"):
        handing.wanted(tmp_path / "x", "squidd")
    with pytest.raises(UsageError, match="give --handoff FILE"):
        handing.wanted(None, "squid")


@pytest.mark.parametrize(
    ("target", "rule"),
    [
        ("squid", r"dstdom_regex -n -i ^ecs-a-[a-z0-9-]+\.us-east-2\.amazonaws\.com$"),
        ("nftables", "tcp dport 443 counter"),
    ],
)
def test_the_network_team_gets_the_rules_for_what_is_blocked_and_for_nothing_else(
    tmp_path: Path, target: str, rule: str
) -> None:
    text = tmp_path / "request.txt"
    arguments = ("check", "-r", "us-east-2", "--account", "123456789012", "--handoff", str(text))
    ended = netprobe(*arguments, "--lab", "blackhole", "--handoff-target", target)
    assert ended.code == 1, ended.err
    written = text.read_text()
    assert f"Rules for {target}" in written
    assert rule in written
    rules = written.partition("Rules for")[2]
    assert "ssmmessages" not in rules
    assert "\\t" not in written


def test_nothing_wrong_nothing_asked_for(tmp_path: Path) -> None:
    text = tmp_path / "request.txt"
    arguments = ("check", "-r", "us-east-2", "--account", "123456789012", "--handoff", str(text))
    ended = netprobe(*arguments, "--lab", "healthy", "--handoff-target", "squid")
    assert ended.code == 0, ended.err
    assert "Rules for" not in text.read_text()
    assert "nothing in the network that needs a change" in " ".join(text.read_text().split())
