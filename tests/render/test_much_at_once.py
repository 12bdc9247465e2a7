"""Every region and hundreds of hosts' networks at once: a target refuses with its limit, or writes all of it."""

from __future__ import annotations

import ipaddress
import re

import pytest

from netprobe.errors import CannotExpressError
from netprobe.render import Options, render, targets
from netprobe.render.model import Policy
from tests.support.render_cases import CASES, ORIGIN, ecs, enforcing, seen

LIMITS = {"umbrella": 500, "clusternetworkpolicy": 625, "cisco-ftd": 1000, "route53-dns-firewall": 1000}
WRITES_ALL = (
    "meraki",
    "gcp-firewall",
    "mikrotik",
    "vyos",
    "sonicwall",
    "kubernetes-fqdn",
    "cisco-asa",
    "cisco-iosxe",
    "skyhigh",
    "netskope",
    "smokescreen",
    "bluecoat-cpl",
)
EVERYWHERE = tuple(endpoint for number in range(36) for endpoint in ecs(f"xx-test-{number}"))
NUMBERED = seen(*(one.pattern for one in EVERYWHERE if "*" in one.pattern), numbers=tuple(range(1, 33)))
NETWORKS = tuple(str(ipaddress.ip_network(int(ipaddress.ip_address("10.0.0.0")) + 2 * i)) for i in range(300))


@pytest.mark.parametrize("target", LIMITS)
def test_more_than_the_device_takes_is_refused_with_its_limit(target: str) -> None:
    options = Options(seen=NUMBERED, enumerate=True, allow_widening=target == "umbrella")
    with pytest.raises(CannotExpressError, match=f"the device takes {LIMITS[target]}"):
        render(target, EVERYWHERE, origin=ORIGIN, options=options, policy=enforcing(target))


@pytest.mark.parametrize("target", WRITES_ALL)
def test_nothing_is_left_out_of_thirty_six_regions(target: str) -> None:
    options = Options(seen=NUMBERED, enumerate=True)
    made = render(target, EVERYWHERE, origin=ORIGIN, options=options, policy=enforcing(target))
    text = made.main.replace("\\\\", "\\").replace("\\.", ".").replace("[a-z0-9-]+", "*")
    values = {entry.value for entry in made.lowered.entries}
    assert len(values) >= 216
    assert sorted(value for value in values if value not in text) == []


@pytest.mark.parametrize("target", [name for name in WRITES_ALL if targets.get(name).SCOPE.clients])
def test_nobody_is_left_out_of_three_hundred_networks(target: str) -> None:
    policy = Policy(enforce=True, sources=NETWORKS)
    options = Options(seen=CASES["strict"].options.seen, enumerate=True)
    text = render(target, CASES["strict"].endpoints, origin=ORIGIN, options=options, policy=policy).main
    body = "\n".join(line for line in text.splitlines() if line[:1] not in "#!;")
    written = set(re.findall(r"[0-9.]+", body))
    assert {network.removesuffix("/32") for network in NETWORKS} <= written
