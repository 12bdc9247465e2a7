"""dnsmasq and sets of nftables themselves: which addresses get into the set, and which connections open."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from netprobe.render import Options, Rendered, render
from netprobe.render.model import Policy
from tests.support import need
from tests.support.render_cases import CASES, ORIGIN
from tests.support.render_dns import ALIAS_TARGET, SUBTREES, Asker, Upstream, claimed, decide, names, rendered
from tests.support.render_dnsmasq import apply, host_and_internet, reached, running, write
from tests.support.render_engine import Namespace

pytestmark = [pytest.mark.engine, pytest.mark.root]

BUCKET = "prod-us-east-2-starport-layer-bucket.s3.us-east-2.amazonaws.com"
WIDE = Options(allow_widening=True)
ENFORCED = Policy(enforce=True)
SITE = """
table inet filter {
	chain output {
		type filter hook output priority filter; policy drop;
		oifname "lo" accept
		ct state established,related accept
		tcp dport 8443 accept
		meta l4proto tcp reject with tcp reset
	}
}
"""
"""A host of a site that lets out what it knows, and nothing else."""
OPEN = SITE.replace("meta l4proto tcp reject with tcp reset", "").replace("policy drop", "policy accept")


@pytest.fixture
def near() -> Iterator[Namespace]:
    need.engine("nft")
    with host_and_internet() as (near, _):
        yield near


def _made(policy: Policy = ENFORCED) -> Rendered:
    return render("dnsmasq-nftset", CASES["wide"].endpoints, origin=ORIGIN, options=WIDE, policy=policy)


def _members(space: Namespace, table: str) -> set[str]:
    listed = space.run("nft", "list", "set", "inet", table, "netprobe_dns_v4").stdout.partition("elements")[2]
    return set(re.findall(r"\d+\.\d+\.\d+\.\d+", listed))


@pytest.mark.parametrize("variant", SUBTREES)
def test_addresses_are_admitted_as_claimed(near: Namespace, tmp_path: Path, variant: str) -> None:
    """Every name of the corpus is resolved; then a connection is tried to each of their addresses."""
    made = rendered("dnsmasq-nftset", SUBTREES[variant], strict=variant != "as wide as it gets")
    asked = names()
    upstream = Upstream(asked)
    write(tmp_path, made.files)
    apply(near, tmp_path)
    with running(near, tmp_path, upstream):
        assert all(decide(near, Asker(), asked).values())  # it answers for everything
        found = _members(near, "netprobe_dns")
    expected = claimed(made, asked)
    assert {name: upstream.addresses[name] in found for name in asked} == expected
    assert {True, False} <= set(expected.values())
    some = asked[::5]
    opened = reached(near, [upstream.addresses[name] for name in some], 443)
    assert {name: opened[upstream.addresses[name]] for name in some} == {name: expected[name] for name in some}


def test_aliases_ports_and_emptying(near: Namespace, tmp_path: Path) -> None:
    """What an alias leads to is admitted with it; other ports are left alone; loading again empties the set."""
    upstream = Upstream([BUCKET, "www.example.com"], aliases={BUCKET: ALIAS_TARGET})
    write(tmp_path, _made().files)
    apply(near, tmp_path)
    with running(near, tmp_path, upstream):
        edge, other = upstream.addresses[ALIAS_TARGET], upstream.addresses["www.example.com"]
        assert reached(near, [edge], 443) == {edge: False}  # nobody has asked yet
        assert decide(near, Asker(), [BUCKET, "www.example.com"]) == {BUCKET: True, "www.example.com": True}
        assert reached(near, [edge, other], 443) == {edge: True, other: False}
        assert reached(near, [other], 8443) == {other: True}
        apply(near, tmp_path)
        assert _members(near, "netprobe_dns") == set()
    with running(near, tmp_path, upstream):  # restarted behind apply.sh, as the page says, with an empty cache
        assert decide(near, Asker(), [BUCKET]) == {BUCKET: True}
        assert _members(near, "netprobe_dns") == {edge}


def test_on_a_site_of_its_own_it_adds_and_can_be_taken_out(near: Namespace, tmp_path: Path) -> None:
    """The additive form: what was open stays open, the endpoints open, and nothing else does; twice, and back again."""
    upstream = Upstream([BUCKET, "www.example.com"])
    edge, other = upstream.addresses[BUCKET], upstream.addresses["www.example.com"]
    near.run("nft", "-f", "-", input=SITE)
    saved = near.run("nft", "list", "ruleset").stdout
    write(tmp_path, _made(Policy()).files)
    for _ in range(2):
        apply(near, tmp_path)
        with running(near, tmp_path, upstream):
            assert reached(near, [edge, other], 443) == {edge: False, other: False}
            decide(near, Asker(), [BUCKET, "www.example.com"])
            assert reached(near, [edge, other], 443) == {edge: True, other: False}
            assert reached(near, [other], 8443) == {other: True}
        assert near.run("nft", "list", "chain", "inet", "filter", "output").stdout.count("jump netprobe_dns") == 1
    handle = re.search(r"jump netprobe_dns # handle (\d+)", near.run("nft", "-a", "list", "ruleset").stdout)
    assert handle is not None
    near.run("nft", "delete", "rule", "inet", "filter", "output", "handle", handle[1])
    near.run("nft", "delete", "chain", "inet", "filter", "netprobe_dns")
    for name in ("netprobe_dns_v4", "netprobe_dns_v6"):
        near.run("nft", "delete", "set", "inet", "filter", name)
    assert near.run("nft", "list", "ruleset").stdout == saved


def test_without_the_sites_table_nothing_changes_and_the_reason_is_told(near: Namespace, tmp_path: Path) -> None:
    write(tmp_path, _made(Policy()).files)
    done = near.run("sh", str(tmp_path / "apply.sh"), check=False)
    assert done.returncode == 2
    assert "no chain output in a table inet filter" in done.stderr
    assert near.run("nft", "list", "ruleset").stdout == ""


def test_a_chain_for_every_machine_is_refused_without_a_source(near: Namespace, tmp_path: Path) -> None:
    near.run("nft", "-f", "-", input=SITE)
    write(tmp_path, _made(Policy()).files)
    done = near.run("sh", str(tmp_path / "apply.sh"), "forward", check=False)
    assert done.returncode == 2
    assert "--source" in done.stderr
    assert "netprobe" not in near.run("nft", "list", "ruleset").stdout


def test_enforced_for_sources_is_one_table_that_goes_as_it_came(near: Namespace, tmp_path: Path) -> None:
    """Loaded over a site's rules, for hosts that are not this one: this one notices nothing, and no rule is left."""
    upstream = Upstream(["www.example.com"])
    other = upstream.addresses["www.example.com"]
    near.run("nft", "-f", "-", input=OPEN)
    saved = near.run("nft", "list", "ruleset").stdout
    write(tmp_path, _made(Policy(enforce=True, sources=("192.0.2.0/24", "2001:db8::/64"))).files)
    for _ in range(2):
        apply(near, tmp_path)
        assert reached(near, [other], 443) == {other: True}
    near.run("nft", "delete", "table", "inet", "netprobe_dns")
    assert near.run("nft", "list", "ruleset").stdout == saved


@pytest.mark.parametrize("policy", [ENFORCED, Policy()])
def test_the_script_does_the_same(near: Namespace, tmp_path: Path, policy: Policy) -> None:
    near.run("nft", "-f", "-", input=OPEN if policy.enforce else SITE)
    (tmp_path / "netprobe.sh").write_text(_made(policy).main, encoding="utf-8")
    conf = tmp_path / "netprobe.dnsmasq.conf"
    near.run("env", f"CONF={conf}", f"PATH={os.environ['PATH']}:/usr/sbin:/sbin", "sh", str(tmp_path / "netprobe.sh"))
    upstream = Upstream([BUCKET, "www.example.com"])
    with running(near, tmp_path, upstream):
        decide(near, Asker(), upstream.names)
        opened = reached(near, upstream.addresses.values(), 443)
    assert opened == {upstream.addresses[BUCKET]: True, upstream.addresses["www.example.com"]: False}


def test_the_check_takes_it(tmp_path: Path) -> None:
    write(tmp_path, _made().files)
    check = [str(need.engine("dnsmasq")), "--test", "-C", str(tmp_path / "netprobe.dnsmasq.conf")]
    subprocess.run(check, check=True, capture_output=True, timeout=20)
