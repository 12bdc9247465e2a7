"""dnsmasq and ipset themselves: which addresses get into the set, and which connections open, must be as claimed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from netprobe.render import Options
from tests.support import need
from tests.support.render_dns import ALIAS_TARGET, SUBTREES, Asker, Upstream, claimed, decide, names, rendered
from tests.support.render_dnsmasq import apply, host_and_internet, members, reached, running, write
from tests.support.render_engine import Namespace

pytestmark = [pytest.mark.engine, pytest.mark.root]

BUCKET = "prod-us-east-2-starport-layer-bucket.s3.us-east-2.amazonaws.com"
WIDE = Options(allow_widening=True)


@pytest.fixture
def near() -> Iterator[Namespace]:
    with host_and_internet() as (near, _):
        yield near


@pytest.mark.parametrize("variant", SUBTREES)
def test_addresses_are_admitted_as_claimed(near: Namespace, tmp_path: Path, variant: str) -> None:
    """Every name of the corpus is resolved; then a connection is tried to each of their addresses."""
    made = rendered("dnsmasq-ipset", SUBTREES[variant], strict=variant != "as wide as it gets")
    asked = names()
    upstream = Upstream(asked)
    write(tmp_path, made.files)
    with running(near, tmp_path, upstream):
        apply(near, tmp_path)
        assert all(decide(near, Asker(), asked).values())  # it answers for everything
        found = members(near)
    expected = claimed(made, asked)
    assert {name: upstream.addresses[name] in found for name in asked} == expected
    assert {True, False} <= set(expected.values())
    some = asked[::5]
    opened = reached(near, [upstream.addresses[name] for name in some], 443)
    assert {name: opened[upstream.addresses[name]] for name in some} == {name: expected[name] for name in some}


def test_aliases_ports_and_emptying(near: Namespace, tmp_path: Path) -> None:
    """What an alias leads to is admitted with it; other ports are left alone; loading again empties the set."""
    upstream = Upstream([BUCKET, "www.example.com"], aliases={BUCKET: ALIAS_TARGET})
    write(tmp_path, rendered("dnsmasq-ipset", WIDE).files)
    with running(near, tmp_path, upstream):
        apply(near, tmp_path)
        edge, other = upstream.addresses[ALIAS_TARGET], upstream.addresses["www.example.com"]
        assert reached(near, [edge], 443) == {edge: False}  # nobody has asked yet
        assert decide(near, Asker(), [BUCKET, "www.example.com"]) == {BUCKET: True, "www.example.com": True}
        assert reached(near, [edge, other], 443) == {edge: True, other: False}
        assert reached(near, [edge, other], 80) == {edge: True, other: False}
        assert reached(near, [other], 8443) == {other: True}
        apply(near, tmp_path)
        assert members(near) == set()
        assert near.run("iptables", "-S", "OUTPUT").stdout.count("NETPROBE-DNS") == 1
    with running(near, tmp_path, upstream):  # the page restarts it behind apply.sh, which empties its cache too
        assert decide(near, Asker(), [BUCKET]) == {BUCKET: True}
        assert members(near) == {edge}  # not lost to dnsmasq's cache


def test_the_script_does_the_same(near: Namespace, tmp_path: Path) -> None:
    made = rendered("dnsmasq-ipset", WIDE)
    (tmp_path / "netprobe.sh").write_text(made.main, encoding="utf-8")
    conf = tmp_path / "netprobe.dnsmasq.conf"
    near.run("env", f"CONF={conf}", f"PATH={os.environ['PATH']}:/usr/sbin:/sbin", "sh", str(tmp_path / "netprobe.sh"))
    upstream = Upstream([BUCKET, "www.example.com"])
    with running(near, tmp_path, upstream):
        decide(near, Asker(), upstream.names)
        assert members(near) == {upstream.addresses[BUCKET]}
        opened = reached(near, upstream.addresses.values(), 443)
    assert opened == {upstream.addresses[BUCKET]: True, upstream.addresses["www.example.com"]: False}


def test_the_check_takes_it(tmp_path: Path) -> None:
    write(tmp_path, rendered("dnsmasq-ipset", WIDE).files)
    check = [str(need.engine("dnsmasq")), "--test", "-C", str(tmp_path / "netprobe.dnsmasq.conf")]
    subprocess.run(check, check=True, capture_output=True, timeout=20)
