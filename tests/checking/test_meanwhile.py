"""What is said of the first pass while what failed is tried again."""

from __future__ import annotations

from netprobe.checking.meanwhile import MOST_TOLD, lines
from netprobe.observations import Failure as F
from netprobe.probes.experiments import SECONDS
from tests.support.observe import World, name


def test_each_finding_is_told_and_none_is_proven_yet() -> None:
    world = World()
    world.endpoint("ecs")
    world.dns(name("ecs"), failure=F.DNS_NXDOMAIN)

    *found, last = lines(world.run())

    assert found == [f"netprobe: so far: dns_name_missing (error, suspected): {name('ecs')}"]
    assert f"up to {SECONDS:.0f} s" in last


def test_many_findings_are_counted_not_listed() -> None:
    world = World()
    kinds = (F.DNS_NXDOMAIN, F.DNS_NO_ANSWER, F.DNS_SERVFAIL, F.DNS_REFUSED, F.DNS_TCP_BLOCKED, F.CONNECTION_REFUSED)
    for number, failure in enumerate(kinds):
        world.endpoint(f"e{number}")
        world.dns(name(f"e{number}"), failure=failure)

    told = list(lines(world.run()))

    assert len(told) == MOST_TOLD + 2
    assert told[-2] == f"netprobe: so far: {len(kinds) - MOST_TOLD} more findings"
