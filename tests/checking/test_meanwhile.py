"""What is said of the first pass while what failed is tried again."""

from __future__ import annotations

from netprobe.checking.meanwhile import MOST_TOLD, Bulletin, lines
from netprobe.observations import Failure as F
from netprobe.probes.experiments import LONGEST_SECONDS
from netprobe.probes.news import News
from tests.support.observe import World, name


def test_each_finding_is_told_and_none_is_proven_yet() -> None:
    world = World()
    world.endpoint("ecs")
    world.dns(name("ecs"), failure=F.DNS_NXDOMAIN)

    *found, last = lines(world.run())

    assert found == [f"netprobe: so far: dns_name_missing (error, suspected): {name('ecs')}"]
    assert f"up to {LONGEST_SECONDS:.0f} s" in last


def test_many_findings_are_counted_not_listed() -> None:
    world = World()
    kinds = (F.DNS_NXDOMAIN, F.DNS_NO_ANSWER, F.DNS_SERVFAIL, F.DNS_REFUSED, F.DNS_TCP_BLOCKED, F.CONNECTION_REFUSED)
    for number, failure in enumerate(kinds):
        world.endpoint(f"e{number}")
        world.dns(name(f"e{number}"), failure=failure)

    told = list(lines(world.run()))

    assert len(told) == MOST_TOLD + 2
    assert told[-2] == f"netprobe: so far: {len(kinds) - MOST_TOLD} more findings"


def test_what_is_known_is_told_and_each_failure_once() -> None:
    world = World()
    world.endpoint("ecs")
    world.tcp(name("ecs"), "52.95.1.1", F.CONNECTION_REFUSED)
    (refused,) = world.observations
    bulletin = Bulletin()

    first = list(bulletin.lines(News(done=1, total=3, failed=())))
    second = list(bulletin.lines(News(done=2, total=3, failed=(refused,))))
    third = list(bulletin.lines(News(done=3, total=3, failed=(refused,))))

    assert first == ["netprobe: so far: 1 of 3 names looked at"]
    assert second[1:] == [f"netprobe: so far: tcp connection_refused, not tried again yet: {name('ecs')}"]
    assert third == ["netprobe: so far: 3 of 3 names looked at"]
