"""firewalld itself: its checker reads the files, and its core loads them in a namespace, where connections are made."""

from __future__ import annotations

import errno
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from netprobe.render import Addresses, Options, render
from netprobe.render.model import Policy
from tests.support import need
from tests.support.render_cases import ORIGIN, ecs
from tests.support.render_engine import Namespace, cable, connects, listeners, namespace
from tests.support.render_packets import PORTS, REGION, claimed, decide, questions, rendered

pytestmark = [pytest.mark.engine, pytest.mark.root]

_DAEMON = """
import sys
import firewall.config
firewall.config.set_system_config_paths(sys.argv[1])
from firewall.core.fw import Firewall
Firewall().start()
"""
"""What the daemon does when it starts, without its D-Bus: read the folder, apply it with nftables."""
_SOME = ("192.0.2.16/28", "198.51.100.7/32", "2001:db8:9::5/128")


@pytest.fixture
def near() -> Iterator[Namespace]:
    """A host, with listeners at every documentation address on its far side."""
    need.engine("firewall-offline-cmd")
    need.engine("nft")
    with namespace() as near, namespace() as far:
        cable(near, far)
        with listeners(far, PORTS):
            yield near


def _install(folder: Path, files: Mapping[str, str]) -> Path:
    """As the page says, beside a firewalld.conf as Debian has it."""
    folder.mkdir(exist_ok=True)
    (folder / "firewalld.conf").write_text("DefaultZone=public\nFirewallBackend=nftables\n", encoding="utf-8")
    for name, text in files.items():
        place = folder / ("policies" if name == "netprobe.xml" else "ipsets")
        place.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text, encoding="utf-8")
    return folder


def _check(folder: Path) -> str:
    argv = [str(need.engine("firewall-offline-cmd")), f"--system-config={folder}", "--check-config"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    return f"{done.returncode} {done.stdout}{done.stderr}"


def _load(space: Namespace, folder: Path) -> None:
    done = space.run("/usr/bin/python3", "-c", _DAEMON, str(folder))
    assert "ERROR" not in done.stdout + done.stderr, done.stderr


@pytest.mark.parametrize("form", ["files", "stdout"])
def test_connections_fare_as_claimed(near: Namespace, tmp_path: Path, form: str) -> None:
    asked = questions()
    assert all(decide(near, asked).values())  # nothing is in the way before
    made = rendered("firewalld")
    folder = _install(tmp_path, made.files if form == "files" else {"netprobe.xml": made.main})
    _load(near, folder)
    decided = decide(near, asked)
    assert decided == claimed(made, asked)
    assert {True, False} <= set(decided.values())


def test_replacing_leaves_nothing_of_the_old(near: Namespace, tmp_path: Path) -> None:
    _load(near, _install(tmp_path, rendered("firewalld", REGION).files))
    other = rendered("firewalld", ("203.0.113.0/30",))
    _load(near, _install(tmp_path, other.files))
    asked = questions()[::3]
    assert decide(near, asked) == claimed(other, asked)


@pytest.mark.root
def test_the_check_sees_mistakes(tmp_path: Path) -> None:
    need.root()  # firewall-offline-cmd refuses to look at a folder for anybody else
    made = rendered("firewalld", _SOME)
    folder = _install(tmp_path, made.files)
    assert _check(folder) == "0 "
    assert _check(_install(tmp_path / "stdout", {"netprobe.xml": made.main})) == "0 "
    ipset = folder / "ipsets" / "netprobe-443-v4.xml"
    ipset.write_text(ipset.read_text().replace("192.0.2.16/28", "ecs.us-east-2.amazonaws.com"), encoding="utf-8")
    assert "INVALID_ENTRY" in _check(folder)


_SITE = """<?xml version="1.0" encoding="utf-8"?>
<policy target="REJECT" priority="-50">
  <short>site</short>
  <ingress-zone name="HOST"/>
  <egress-zone name="ANY"/>
  <rule family="ipv4"><destination address="203.0.113.50/32"/><accept/></rule>
</policy>
"""
"""A host of a site that lets out what goes to its intranet, and nothing else."""
_ENDPOINT, _INTRANET, _ELSEWHERE = "192.0.2.20", "203.0.113.50", "203.0.113.99"


def _reached(near: Namespace, asked: list[tuple[str, int]]) -> dict[tuple[str, int], bool]:
    """A policy that rejects says so by ICMP, which is no route to the host."""

    def one(address: str, port: int) -> bool:
        try:
            return connects(address, port)
        except OSError as exc:
            if exc.errno != errno.EHOSTUNREACH:
                raise
            return False

    return near.call(lambda: {question: one(*question) for question in asked})


@pytest.mark.parametrize("enforce", [False, True])
def test_on_a_host_with_policies_of_its_own(enforce: bool, near: Namespace, tmp_path: Path) -> None:
    asked = [(address, port) for address in (_ENDPOINT, _INTRANET, _ELSEWHERE) for port in (443, 8443)]
    folder = _install(tmp_path / "etc", {})
    (folder / "policies").mkdir(exist_ok=True)
    (folder / "policies" / "site.xml").write_text(_SITE, encoding="utf-8")
    _load(near, folder)
    before = _reached(near, asked)
    assert before == {(address, port): address == _INTRANET for address, port in asked}
    options = Options(allow_widening=True, addresses=Addresses(how="x", by_region={"us-east-2": _SOME}))
    made = render("firewalld", ecs("us-east-2"), origin=ORIGIN, options=options, policy=Policy(enforce=enforce))
    wanted = {**before, (_ENDPOINT, 443): True}
    if enforce:
        wanted[_INTRANET, 443] = False
    for _ in range(2):
        _install(folder, made.files)
        _load(near, folder)
        assert _reached(near, asked) == wanted
    for name in made.files:
        next(folder.rglob(name)).unlink()
    _load(near, folder)
    assert _reached(near, asked) == before
