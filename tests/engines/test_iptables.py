"""iptables and ipset themselves: loaded in a namespace, real connections must fare as lowering claims."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from netprobe.render import Rendered
from tests.support import need
from tests.support.render_engine import Namespace, cable, connects, listeners, namespace
from tests.support.render_packets import PORTS, claimed, decide, questions, rendered

pytestmark = [pytest.mark.engine, pytest.mark.root]


@pytest.fixture
def near() -> Iterator[Namespace]:
    """A host, with listeners at every documentation address on its far side."""
    for name in ("iptables-restore", "ipset", "ip"):
        need.engine(name)
    with namespace() as near, namespace() as far:
        cable(near, far)
        with listeners(far, PORTS):
            yield near


def _apply(space: Namespace, folder: Path, made: Rendered) -> None:
    for name, text in made.files.items():
        (folder / name).write_text(text, encoding="utf-8")
    space.run("sh", str(folder / "apply.sh"))


def test_the_script_alone(near: Namespace) -> None:
    """What goes to stdout is complete by itself: piped to a shell, it does the whole work."""
    asked = questions()
    assert all(decide(near, asked).values())
    made = rendered("iptables")
    near.run("sh", input=made.main)
    decided = decide(near, asked)
    assert decided == claimed(made, asked)
    assert {True, False} <= set(decided.values())


def test_the_folder(near: Namespace, tmp_path: Path) -> None:
    made = rendered("iptables")
    _apply(near, tmp_path, made)
    asked = questions()
    assert decide(near, asked) == claimed(made, asked)


def test_replacing_leaves_nothing_of_the_old(near: Namespace, tmp_path: Path) -> None:
    _apply(near, tmp_path, rendered("iptables"))
    other = rendered("iptables", ("203.0.113.0/30",))
    _apply(near, tmp_path, other)
    _apply(near, tmp_path, other)
    asked = questions()
    assert decide(near, asked) == claimed(other, asked)
    saved = near.run("iptables-save").stdout
    assert saved.count("-j NETPROBE") == 1
    assert saved.count("--match-set netprobe-443-v4") == 1
    assert "-new" not in near.run("ipset", "list", "-n").stdout


def test_check_command(tmp_path: Path) -> None:
    """The check of the header works in an empty namespace, and finds a broken rule."""
    for name in ("iptables-restore", "ipset"):
        need.engine(name)
    made = rendered("iptables")
    for name, text in made.files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    check = (
        f"cd {tmp_path} && ipset restore -exist < netprobe.ipset && iptables-restore --test netprobe.rules.v4 "
        "&& ip6tables-restore --test netprobe.rules.v6"
    )
    with namespace() as space:
        space.run("sh", "-c", check)
        bad = tmp_path / "netprobe.rules.v4"
        bad.write_text(bad.read_text(encoding="utf-8").replace("COMMIT", ""), encoding="utf-8")
        assert space.run("sh", "-c", check, check=False).returncode != 0


def test_loopback_is_left_alone(near: Namespace) -> None:
    near.run("sh", input=rendered("iptables").main)
    with listeners(near, (443,)):
        assert near.call(lambda: connects("127.0.0.1", 443))


def test_a_whole_partition_fits(near: Namespace) -> None:
    """As many networks as the largest region has, several times over."""
    many = tuple(f"198.18.{i // 256}.{i % 256}/32" for i in range(0, 8000, 2))
    made = rendered("iptables", many)
    near.run("sh", input=made.main)
    assert near.run("ipset", "list", "netprobe-443-v4", "-t").stdout.count("Number of entries: 4000") == 1
