"""A site whose names are taken, or whose kernel lacks what a render asks for: nothing of the site's is lost."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from netprobe.render import Addresses, Options, Rendered, render
from netprobe.render.model import Policy
from tests.support import need
from tests.support.render_cases import ORIGIN, endpoint
from tests.support.render_engine import Namespace, namespace

pytestmark = [pytest.mark.engine, pytest.mark.root]

_OPTIONS = Options(
    allow_widening=True,
    addresses=Addresses(how="a test", by_region={"us-east-2": ("198.18.0.10/32", "2001:db8:ffff::10/128")}),
)
_FORMS = (Policy(), Policy(enforce=True))


@pytest.fixture
def host() -> Iterator[Namespace]:
    with namespace() as here:
        yield here


def _made(target: str, policy: Policy, folder: Path) -> Rendered:
    made = render(target, (endpoint("ecs.us-east-2.amazonaws.com"),), origin=ORIGIN, options=_OPTIONS, policy=policy)
    for name, text in {**made.files, "main.sh": made.main}.items():
        (folder / name).write_text(text, encoding="utf-8")
    return made


@pytest.mark.parametrize("target", ["iptables", "dnsmasq-ipset"])
def test_a_chain_of_the_site_is_not_emptied(target: str, host: Namespace, tmp_path: Path) -> None:
    """It has our name by chance: a rule of it in either family, of either iptables, stops everything."""
    for name in ("iptables-legacy", "ipset"):
        need.engine(name)
    chain = "NETPROBE-DNS" if target == "dnsmasq-ipset" else "NETPROBE"
    environment = f"CONF={tmp_path}/site.conf DNSMASQ_FILES={tmp_path}/none"
    scripts = ("main.sh", "apply.sh")
    for backend, tables in itertools.product(("-nft", "-legacy"), ("iptables", "ip6tables")):
        mine = f"{tables}{backend} -w"
        host.run("sh", "-euc", f"{mine} -N {chain}; {mine} -A {chain} -p tcp --dport 22 -j ACCEPT")
        before = host.run("sh", "-c", f"iptables{backend}-save; ip6tables{backend}-save; ipset save").stdout
        for script, policy in zip(scripts, _FORMS, strict=True):
            _made(target, policy, tmp_path)
            done = host.run("sh", "-c", f"{environment} BACKEND={backend} sh {tmp_path}/{script}", check=False)
            assert done.returncode == 2, done.stdout + done.stderr
            assert f"{tables}{backend} has a chain {chain} that is not ours" in done.stderr
        after = host.run("sh", "-c", f"iptables{backend}-save; ip6tables{backend}-save; ipset save").stdout
        assert _rules(after) == _rules(before)
        assert not (tmp_path / "site.conf").exists()
        host.run("sh", "-euc", f"{mine} -F {chain}")  # an empty one holds nothing that could be lost
        host.run("sh", "-euc", f"{environment} BACKEND={backend} sh {tmp_path}/apply.sh")
        host.run("sh", "-euc", f"{environment} BACKEND={backend} sh {tmp_path}/apply.sh")
        for each in (f"iptables{backend}", f"ip6tables{backend}"):
            host.run("sh", "-euc", f"{each} -F; {each} -X {chain}")
        host.run("ipset", "destroy")


def _rules(saved: str) -> list[str]:
    """Without what iptables-save says of itself."""
    return [line for line in saved.splitlines() if not line.startswith(("#", ":"))]


@pytest.mark.parametrize("target", ["iptables", "dnsmasq-ipset", "dnsmasq-connmark"])
def test_a_kernel_without_ipv6_gets_the_rules_for_ipv4(target: str, host: Namespace, tmp_path: Path) -> None:
    """As with ``ipv6.disable=1``: there is no /proc/net/if_inet6, and every use of ip6tables fails."""
    need.engine("ipset")
    policy = Policy(enforce=True, every_client=True) if target == "dnsmasq-connmark" else Policy()
    _made(target, policy, tmp_path)
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("ip6tables", "ip6tables-restore"):
        (tools / name).write_text("#!/bin/sh\necho 'Address family not supported by protocol' >&2\nexit 3\n")
        (tools / name).chmod(0o755)
    (tmp_path / "empty").mkdir()
    for script in ("main.sh", "apply.sh"):
        run = (
            f"mount --bind {tmp_path}/empty /proc/$$/net; export PATH={tools}:$PATH CONF={tmp_path}/site.conf "
            f"DNSMASQ_FILES={tmp_path}/none; exec sh {tmp_path}/{script}"
        )
        host.run("unshare", "--mount", "sh", "-euc", run)
        assert "-j NETPROBE" in host.run("iptables", "-S", "OUTPUT").stdout
        host.run("iptables", "-F", "OUTPUT")
    assert "NETPROBE" not in host.run("ip6tables", "-S").stdout
