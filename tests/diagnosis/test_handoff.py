"""The text for the network team: complete in itself, the smallest change, no secret."""

from __future__ import annotations

from netprobe.diagnosis import diagnose
from netprobe.diagnosis.handoff import handoff
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
        "generic_timeout_error",
        "tcp_dropped",
        "Rules for squid",
        "acl netprobe dstdomain",
    ):
        assert needed in text
    assert "ssm.us-east-2" not in text


def test_a_healthy_network_is_asked_for_nothing() -> None:
    world = World()
    world.endpoint("ecs")
    world.good(name("ecs"))
    run = world.run()

    text = handoff(run, diagnose(run))

    assert "nothing in the network" in text
    assert "Change asked for" not in text
    assert "After the change" not in text


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
