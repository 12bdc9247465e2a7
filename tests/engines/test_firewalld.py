"""firewalld itself: its checker reads the files, and its core loads them in a namespace, where connections are made."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.support import need
from tests.support.render_engine import Namespace, cable, listeners, namespace
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
