"""The text for the network team: complete in itself, the smallest change, no secret."""

from __future__ import annotations

import msgspec

from netprobe.diagnosis import diagnose
from netprobe.diagnosis.handoff import handoff
from netprobe.findings import Certainty
from netprobe.observations import Failure as F
from netprobe.observations import VantageRecord
from tests.support.observe import World, name


def blocked() -> World:
    world = World()
    world.endpoint("ecs")
    world.dns(name("ecs"), "52.95.1.1")
    world.tcp(name("ecs"), "52.95.1.1", F.TIMEOUT)
    world.endpoint("ssm")
    world.good(name("ssm"), address="52.95.1.2")
    return world


def test_it_names_source_destination_time_and_change() -> None:
    run = blocked().run()

    text = handoff(run, diagnose(run), target="squid", rules=("acl netprobe dstdomain ecs.us-east-2.amazonaws.com",))

    for needed in (
        "10.9.8.7",
        "ecs.us-east-2.amazonaws.com TCP 443",
        "52.95.1.1",
        "12:00:00Z",
        f", catalog {run.catalog.version}\n",
        "generic_timeout_error",
        "tcp_dropped",
        "Rules for squid",
        "acl netprobe dstdomain",
    ):
        assert needed in text
    assert "ssm.us-east-2" not in text
    (addresses,) = (line for line in text.splitlines() if "Addresses at that time" in line)
    assert addresses.split(": ")[1] == "52.95.1.1", "the address that was compared with is not what is blocked"


def test_a_healthy_network_is_asked_for_nothing() -> None:
    world = World()
    world.endpoint("ecs")
    world.good(name("ecs"))
    run = world.run()

    text = handoff(run, diagnose(run))

    assert "nothing in the network" in text
    assert "Change asked for" not in text
    assert "After the change" not in text


def test_a_trial_and_a_run_that_was_cut_off_say_so() -> None:
    run = blocked().run()
    played = msgspec.structs.replace(run, context=msgspec.structs.replace(run.context, lab="blackhole"))
    cut = msgspec.structs.replace(run, context=msgspec.structs.replace(run.context, interrupted=True))
    assert "\nSeen in the embedded network 'blackhole', not on yours.\n" in handoff(played, diagnose(played))
    assert "\nInterrupted: this is what was seen until then.\n" in handoff(cut, diagnose(cut))


def test_no_secret_and_no_control_character() -> None:
    world = blocked()
    world.vantages = (VantageRecord(name="host", resolvers=("\x1b]0;53",), proxy="http://u:hunter2@p:1"),)
    run = world.run()

    text = handoff(run, diagnose(run), rules=("http://u:hunter2@p:1 \x1b[31m",))

    assert "hunter2" not in text
    assert "\x1b" not in text


def test_names_are_not_broken_across_lines() -> None:
    run = blocked().run()

    assert name("ecs") in handoff(run, diagnose(run)).split("Destinations")[0]


def test_a_change_is_asked_for_once_though_it_is_only_suspected_for_some() -> None:
    """Of the numbers that a proxy refuses, some exist for certain and others may."""
    world = World()
    numbers = tuple(name(f"ecs-a-{number}") for number in (1, 2, 3))
    world.endpoint("ecs-a", *numbers, pattern=name("ecs-a-*"), numbered=True)
    world.vantages = (VantageRecord(name="host", resolvers=("10.0.0.53:53",), proxy="http://proxy.corp.example:3128"),)
    for host in numbers:
        world.proxy(host, F.PROXY_FORBIDDEN, status=403)
    run = world.run()
    diagnosis = diagnose(run)
    (suspected,) = diagnosis.findings
    proven = msgspec.structs.replace(suspected, certainty=Certainty.PROVEN, hosts=numbers[:1])
    other = msgspec.structs.replace(suspected, remedy="Another change.")

    both = handoff(run, msgspec.structs.replace(diagnosis, findings=(proven, suspected, other)))
    alone = handoff(run, msgspec.structs.replace(diagnosis, findings=(suspected,)))

    assert both.count(". proxy_forbidden") == 2
    assert "2. proxy_forbidden (suspected)" in both
    assert "Another change." in both
    assert "1. proxy_forbidden (suspected)" in alone
