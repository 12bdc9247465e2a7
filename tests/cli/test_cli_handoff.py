from __future__ import annotations

from pathlib import Path

import pytest

from netprobe.cli import handoff
from netprobe.errors import UsageError
from tests.support import once
from tests.support.cli import netprobe


def test_a_target_is_checked_before_any_work(tmp_path: Path) -> None:
    assert handoff.wanted(None, None) is None
    with pytest.raises(UsageError, match="there is no such target"):
        handoff.wanted(tmp_path / "x", "squidd")
    with pytest.raises(UsageError, match="give --handoff FILE"):
        handoff.wanted(None, "squid")


@pytest.mark.parametrize(
    ("target", "rule"),
    [
        ("squid", r"dstdom_regex -n -i ^ecs-a-[a-z0-9-]+\.us-east-2\.amazonaws\.com$"),
        ("nftables", "tcp dport 443 counter"),
    ],
)
def test_the_network_team_gets_the_rules_for_what_is_blocked_and_for_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, target: str, rule: str
) -> None:
    written = _handed(tmp_path_factory, "blackhole", target, code=1)
    assert f"Rules for {target}" in written
    assert rule in written
    rules = written.partition("Rules for")[2]
    assert "ssmmessages" not in rules
    assert "\\t" not in written


def test_nothing_wrong_nothing_asked_for(tmp_path_factory: pytest.TempPathFactory) -> None:
    written = _handed(tmp_path_factory, "healthy", "squid", code=0)
    assert "Rules for" not in written
    assert "nothing in the network that needs a change" in " ".join(written.split())


def _handed(factory: pytest.TempPathFactory, fault: str, target: str, *, code: int) -> str:
    """The text that a check against the lab writes, which ends with this code; each is run once for all who ask."""

    def make(folder: Path) -> None:
        folder.mkdir()
        text = folder / "request.txt"
        arguments = ("check", "-r", "us-east-2", "--account", "123456789012", "--handoff", str(text))
        ended = netprobe(*arguments, "--lab", fault, "--handoff-target", target)
        assert ended.code == code, ended.err

    return (once.made(factory, f"handed-{fault}-{target}", make) / "request.txt").read_text()


def test_a_dead_resolver_is_asked_for_by_port_53_and_by_no_destination(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Thirteen destinations on 443 would be opened, and the host would be as dead as before."""
    written = _handed(tmp_path_factory, "resolver-down", "squid", code=0)
    assert " UDP " in written
    assert "TCP 443" not in written
    assert "None: no list of destinations on squid would remove" in written
    assert "acl " not in written


@pytest.mark.parametrize(
    ("fault", "code"), [("nxdomain", 1), ("blackhole", 1), ("tcp-reset", 1), ("resolver-down", 0), ("healthy", 0)]
)
def test_what_is_handed_over_denies_nothing(fault: str, code: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Additive, under a name of its own, and whole lines: a rule that is cut is another rule."""
    written = _handed(tmp_path_factory, fault, "squid", code=code)
    rules = written.partition("Rules for")[2]
    assert "http_access deny" not in rules
    assert "netprobe_exact" not in rules, "a part of the endpoints never takes the whole list's name"
    assert "…" not in rules
    # Squid is asked for what it stops, never for names that do not resolve.
    assert ("\nacl " in rules) == (fault in ("blackhole", "tcp-reset"))
    assert ("None: no list of destinations" in rules) == (fault in ("nxdomain", "resolver-down"))


def test_a_long_line_is_whole(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The lists of FortiOS and CoreDNS are one line, however long; cut at 400 characters they said something else."""
    written = _handed(tmp_path_factory, "nxdomain", "coredns", code=1)
    assert "name() in [" in written
    assert "…" not in written.partition("Rules for")[2]
    assert "']" in written
