"""What a proxy's answer, its headers and a CONNECT to an address make of a failed tunnel, without a proxy."""

from __future__ import annotations

import pytest

from netprobe.findings import Finding
from netprobe.observations import Failure as F
from netprobe.observations import ProxyDetail, Step, VantageRecord
from tests.support.observe import PROXY, R1, World, name

ECS, SSM = name("ecs"), name("ssm")


def proxied() -> World:
    """Two required endpoints behind a proxy."""
    world = World(vantages=(VantageRecord(name="host", resolvers=(R1,), proxy=PROXY),))
    world.endpoint("ecs")
    world.endpoint("ssm")
    return world


def only(world: World) -> Finding:
    (finding,) = world.diagnosis().findings
    return finding


@pytest.mark.parametrize(
    ("failure", "phase", "id_"),
    [
        (F.TIMEOUT, "tcp", "proxy_timeout"),
        (F.TIMEOUT, "tls", "proxy_timeout"),
        (F.TIMEOUT, "connect", "proxy_timeout"),
        (F.HOST_UNREACHABLE, "tcp", "proxy_unreachable"),
        (F.NETWORK_UNREACHABLE, "tcp", "proxy_unreachable"),
        (F.ADMIN_PROHIBITED, "tcp", "proxy_unreachable"),
        (F.ADDRESS_UNAVAILABLE, "tcp", "proxy_unreachable"),
        (F.CONNECTION_REFUSED, "tcp", "proxy_refused"),
        (F.DNS_NXDOMAIN, "dns", "proxy_name_missing"),
    ],
)
def test_silence_icmp_and_a_closed_port_are_three_findings(failure: F, phase: str, id_: str) -> None:
    world = proxied()
    for host in (ECS, SSM):
        world.proxy(host, failure, phase=phase)
    assert only(world).id == id_


@pytest.mark.parametrize(
    ("failure", "header", "address_opens", "id_"),
    [
        (F.PROXY_CANNOT_CONNECT, "", True, "proxy_cannot_resolve"),
        (F.PROXY_CANNOT_CONNECT, "", False, "proxy_cannot_connect"),
        (F.PROXY_CANNOT_CONNECT, "ERR_CONNECT_FAIL 111", True, "proxy_cannot_connect"),
        (F.PROXY_CANNOT_RESOLVE, "ERR_CANNOT_FORWARD 0", True, "proxy_cannot_resolve"),
        (F.PROXY_CANNOT_RESOLVE, "ERR_CANNOT_FORWARD 0", False, "proxy_cannot_connect"),
        (F.PROXY_CANNOT_RESOLVE, "ERR_DNS_FAIL 0", False, "proxy_cannot_resolve"),
    ],
)
def test_a_connect_to_an_address_decides_where_no_header_does(
    failure: F, header: str, address_opens: bool, id_: str
) -> None:
    world = proxied()
    world.tunnelled(SSM)
    world.proxy(ECS, failure, status=503, error_header=header)
    refused = None if address_opens else F.PROXY_CANNOT_CONNECT
    world.proxy(ECS, refused, experiment="connect_by_address", address="52.95.1.1")
    assert only(world).id == id_


def test_a_refusal_names_the_proxy_and_says_whether_it_is_all_or_some() -> None:
    every, some = proxied(), proxied()
    for world in (every, some):
        world.proxy(ECS, F.PROXY_FORBIDDEN, status=403, server="squid/5.7", via="1.1 gate.corp.example")
    every.proxy(SSM, F.PROXY_FORBIDDEN, status=403)
    some.tunnelled(SSM)

    assert "every endpoint: a rule on port 443 or on this client" in only(every).title
    assert "these names only: a rule on the names" in only(some).title
    for world in (every, some):
        assert "Server: squid/5.7, Via: 1.1 gate.corp.example" in only(world).title


def test_a_number_that_the_proxy_does_not_know_is_no_exception_from_every_endpoint() -> None:
    world = World(vantages=(VantageRecord(name="host", resolvers=(R1,), proxy=PROXY),))
    one, two = world.endpoint("ecs-a", name("ecs-a-1"), name("ecs-a-2"), numbered=True)
    world.endpoint("ecs")
    for host in (one, ECS):
        world.proxy(host, F.PROXY_FORBIDDEN, status=403)
    world.proxy(two, F.PROXY_CANNOT_RESOLVE, status=503)
    assert "every endpoint" in only(world).title


def test_what_is_to_be_allowed_holds_the_numbered_names_too() -> None:
    """A proxy that refuses all says nothing of the numbers: the un-numbered name stands in, and is not enough."""
    world = World(vantages=(VantageRecord(name="host", resolvers=(R1,), proxy=PROXY),))
    numbers = world.endpoint("ecs-a", name("ecs-a-1"), name("ecs-a-2"), pattern=name("ecs-a-*"), numbered=True)
    (stands_in,) = world.endpoint("ecs-a-unnumbered", name("ecs-a"), stands_in_for="ecs-a")
    for endpoint in ("ecs", "ssm", "logs"):
        world.endpoint(endpoint)
    for host in (*numbers, stands_in, ECS, SSM, name("logs")):
        world.proxy(host, F.PROXY_FORBIDDEN, status=403)
    finding = only(world)
    assert set(finding.endpoints) == {"ecs", "ecs-a", "ecs-a-unnumbered", "logs", "ssm"}
    assert name("ecs-a-*") in finding.patterns
    assert len(finding.patterns) == len(finding.endpoints)
    assert "forbids (403) all 5 endpoints: a rule on port 443 or on this client." in finding.title


@pytest.mark.parametrize(("phase", "closed"), [("tcp", True), ("tls", False), ("connect", False)])
def test_a_silent_proxy_whose_port_is_open_asks_nothing_of_the_firewall(phase: str, closed: bool) -> None:
    world = proxied()
    for host in (ECS, SSM):
        world.proxy(host, F.TIMEOUT, phase=phase)
    assert ("on the firewall" in only(world).remedy) is closed


@pytest.mark.parametrize(
    ("vantage", "files", "shell"), [("ecs-agent", True, False), ("installer", False, True), ("host", True, False)]
)
def test_the_installer_is_told_of_the_proxy_in_its_shell(vantage: str, files: bool, shell: bool) -> None:
    """It reads no file of the agents'."""
    world = World(vantages=(VantageRecord(name=vantage, resolvers=(R1,)),))
    world.endpoint("ecs")
    world.dns(ECS, "52.95.1.1", vantage=vantage)
    world.tcp(ECS, "52.95.1.1", F.TIMEOUT, vantage=vantage)
    world.proxy(ECS, status=200, experiment="with_proxy", vantage=vantage)
    world.tls(ECS, None, experiment="with_proxy", vantage=vantage)
    finding = only(world)
    assert finding.id == "proxy_required"
    assert ("/etc/ecs/ecs.config" in finding.remedy, "`export HTTPS_PROXY=" in finding.remedy) == (files, shell)


def test_what_the_deadline_cut_off_was_not_let_through() -> None:
    world = World(
        vantages=(VantageRecord(name="host", resolvers=(R1,), proxy=PROXY),), context={"deadline_reached": True}
    )
    world.endpoint("ecs")
    world.endpoint("ssm", unfinished=(SSM,))
    world.proxy(ECS, F.PROXY_FORBIDDEN, status=403)
    world.proxy(SSM, status=200)
    assert "these names only" not in only(world).title


@pytest.mark.parametrize(("where", "owner"), [("http://127.0.0.1:3128", "host"), ("http://10.0.0.9:3128", "network")])
def test_a_proxy_on_this_very_host_is_this_hosts(where: str, owner: str) -> None:
    world = World(vantages=(VantageRecord(name="host", resolvers=(R1,), proxy=where),))
    world.endpoint("ecs")
    detail = ProxyDetail(proxy=where, target=f"{ECS}:443", phase="tcp")
    world.see(Step.PROXY, ECS, F.CONNECTION_REFUSED, detail)
    finding = only(world)
    assert (finding.id, finding.owner) == ("proxy_refused", owner)


def test_what_is_seen_behind_a_proxy_is_said_to_be_there() -> None:
    world = World()
    world.endpoint("ssm", group="ssm")
    world.proxy(SSM, status=200)
    world.tls(SSM, None, F.EOF)
    (found,) = world.diagnosis().findings
    assert found.id == "tls_closed_after_hello"
    assert "(through the proxy)" in found.title
