"""ufw itself: every command is taken by its dry run, and the script is run in namespaces with a private /etc/ufw."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from netprobe.render import Addresses, Options, Rendered, render
from netprobe.render.model import Policy
from tests.support import need
from tests.support.render_cases import ORIGIN, closed, ecs
from tests.support.render_engine import Namespace, cable, listeners, namespace
from tests.support.render_packets import PORTS, claimed, decide, questions, rendered

pytestmark = [pytest.mark.engine, pytest.mark.root]

SOME = ("192.0.2.16/28", "198.51.100.7/32", "2001:db8:9::5/128")
OTHER = ("192.0.2.16/28", "2001:db8:7::/48")


@pytest.fixture
def near() -> Iterator[Namespace]:
    """A host, with listeners at every documentation address on its far side."""
    need.engine("ufw")
    need.engine("iptables")
    with namespace() as near, namespace() as far:
        cable(near, far)
        with listeners(far, PORTS):
            yield near


class _Host:
    """ufw with an /etc/ufw, an /etc/default/ufw and a /run of its own, in the namespace."""

    def __init__(self, space: Namespace, folder: Path) -> None:
        self._space, self._folder = space, folder
        shutil.copytree("/etc/ufw", folder / "etc")
        for name in ("user.rules", "user6.rules"):
            shutil.copy(f"/usr/share/ufw/{name}", folder / "etc" / name)
        (folder / "etc" / "sysctl.conf").write_text("", encoding="utf-8")
        shutil.copy("/etc/default/ufw", folder / "default")

    def run(self, command: str, *, check: bool = True) -> subprocess.CompletedProcess[str]:
        own = {"etc": "/etc/ufw", "default": "/etc/default/ufw"}
        mounts = "".join(f"mount --bind {self._folder}/{mine} {theirs} && " for mine, theirs in own.items())
        private = f"{mounts}mount -t tmpfs tmpfs /run && {command}"
        return self._space.run("unshare", "--mount", "sh", "-c", private, check=check)

    def script(self, made: Rendered, mode: str) -> str:
        path = self._folder / "netprobe-ufw.sh"
        path.write_text(made.main, encoding="utf-8")
        return f"sh {path} {mode}"


def _only_https(networks: tuple[str, ...]) -> Rendered:
    options = Options(allow_widening=True, addresses=Addresses(how="a test", by_region={"us-east-2": networks}))
    return render("ufw", ecs("us-east-2"), origin=ORIGIN, options=options, policy=closed("ufw"))


def test_connections_fare_as_claimed(near: Namespace, tmp_path: Path) -> None:
    """Beside a rule of the site that would admit everything."""
    host, asked, made = _Host(near, tmp_path), questions(SOME), rendered("ufw", SOME)
    host.run("ufw allow out 443/tcp && ufw --force enable")
    assert all(decide(near, asked).values())  # nothing is in the way before
    host.run(host.script(made, "add"))
    decided = decide(near, asked)
    assert decided == claimed(made, asked)
    assert {True, False} <= set(decided.values())


def test_replaced_and_removed(near: Namespace, tmp_path: Path) -> None:
    """A new list leaves nothing of the old one; removed, nothing is left at all."""
    host, asked = _Host(near, tmp_path), questions((*SOME, *OTHER))
    made, other = _only_https(SOME), _only_https(OTHER)
    host.run("ufw allow out proto tcp to any && ufw --force enable")
    host.run(f"{host.script(made, 'add')} && ufw allow out 443")
    host.run(host.script(other, "add"))
    assert decide(near, asked) == claimed(other, asked)
    host.run(host.script(other, "remove"))
    assert "netprobe" not in host.run("ufw show added").stdout
    assert all(decide(near, asked).values())


def test_the_check_takes_every_command_and_changes_nothing(near: Namespace, tmp_path: Path) -> None:
    host, made = _Host(near, tmp_path), rendered("ufw", SOME)
    host.run(host.script(made, "check"))
    assert "netprobe" not in host.run("ufw show added").stdout
    script = host.script(made, "check")
    path = tmp_path / "netprobe-ufw.sh"
    path.write_text(made.main.replace("192.0.2.16/28", "ecs.us-east-2.amazonaws.com"), encoding="utf-8")
    refused = host.run(script, check=False)
    assert refused.returncode != 0
    assert "Bad destination address" in refused.stderr


_ENDPOINT, _INTRANET, _ELSEWHERE = "192.0.2.20", "203.0.113.50", "203.0.113.99"
_THEIRS = ("198.51.100.7", "192.0.2.16/28")
_SITE = (
    f"ufw reject out to {_ELSEWHERE} && ufw allow out to {_INTRANET}"
    # In the words in which a render would say it: one that allows, one that refuses.
    f" && ufw allow out proto tcp to {_THEIRS[0]} port 443 && ufw reject out proto tcp to {_THEIRS[1]} port 443"
    " && ufw default reject outgoing && ufw --force enable"
)
"""A host that lets out what goes to its intranet and to one of the addresses that a render lists, and nothing else."""


@pytest.mark.parametrize("policy", [Policy(), Policy(enforce=True), Policy(name="netprobe-handoff")], ids=str)
def test_on_a_host_with_rules_of_its_own(policy: Policy, near: Namespace, tmp_path: Path) -> None:
    """Added, added again and removed as the page tells; a rule of the site's in the same words stays the site's."""
    host = _Host(near, tmp_path)
    asked = [(a, p) for a in (_ENDPOINT, _INTRANET, _ELSEWHERE, _THEIRS[0]) for p in (443, 8443)]
    host.run(_SITE)
    saved = host.run("ufw show added").stdout
    before = decide(near, asked)
    assert before == {(a, p): a == _INTRANET or (a, p) == (_THEIRS[0], 443) for a, p in asked}
    options = Options(allow_widening=True, addresses=Addresses(how="a test", by_region={"us-east-2": SOME}))
    made = render("ufw", ecs("us-east-2"), origin=ORIGIN, options=options, policy=policy)
    wanted = {**before, (_ENDPOINT, 443): True}
    if policy.enforce:
        wanted[_INTRANET, 443] = False
    for _ in range(2):
        host.run(host.script(made, "add"))
        assert decide(near, asked) == wanted
    host.run(host.script(made, "remove"))
    assert decide(near, asked) == before
    assert host.run("ufw show added").stdout == saved


def test_on_a_host_that_denies_outgoing_it_adds_and_can_be_taken_out(near: Namespace, tmp_path: Path) -> None:
    """The additive form beside a rule of the site (a default of ``deny`` would be the same, in silence)."""
    listed, site = ("198.51.100.7", 443), ("192.0.2.16", 8443)
    host, asked = _Host(near, tmp_path), [listed, site, ("198.51.100.7", 8443), ("198.51.100.8", 443)]
    options = Options(allow_widening=True, addresses=Addresses(how="a test", by_region={"us-east-2": SOME[1:2]}))
    made = render("ufw", ecs("us-east-2"), origin=ORIGIN, options=options, policy=Policy())
    host.run("ufw default reject outgoing && ufw allow out to 192.0.2.16 port 8443 proto tcp && ufw --force enable")
    saved, before = host.run("ufw show added").stdout, decide(near, asked)
    assert [question for question in asked if before[question]] == [site]
    add = host.script(made, "add")
    host.run(f"{add} && {add}")
    assert decide(near, asked) == {**before, listed: True}
    assert host.run(f"{host.script(made, 'remove')} && ufw show added").stdout.endswith(saved)
    assert decide(near, asked) == before
