"""Fleets with planted truths: what was planted is what is named, and where nothing was, nothing is claimed.

Everything is played as a run plays it: reports are encoded, read, grouped and explained.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import msgspec
import pytest

from netprobe.findings import Certainty
from netprobe.fleet import words
from netprobe.fleet.causes import BY_CHANCE, NONE_PASS, TOO_FEW
from netprobe.fleet.census import Census
from netprobe.fleet.files import Document
from netprobe.fleet.model import Apart, Condition, Fleet, FleetCause
from netprobe.fleet.survey import FleetOptions, survey
from tests.support.fleets import CA, ENDPOINTS, Machine, encoded, fault, machines, strike

NOW = 1_764_500_000.0
NUMBERS = (40, 60, 120, 250)


def surveyed(fleet: list[Machine]) -> Fleet:
    census = Census()
    for machine in fleet:
        census.add(Document(source=f"{machine.name}.json", stem=machine.name, data=encoded(machine)))
    assert census.skipped == []
    return survey(census, FleetOptions(now=NOW))


def conditions(apart: Apart) -> set[tuple[str, tuple[str, ...]]]:
    """What is named, with what the data cannot tell from it."""
    every = [one for clause in apart.clauses for one in (*clause.conditions, *clause.same_as)]
    return {(one.attribute, one.values) for one in every}


def of(fleet: Fleet, id: str) -> FleetCause:
    [found] = [cause for cause in fleet.causes if cause.id == id]
    return found


Plant = Callable[[random.Random, list[Machine]], tuple[str, str, Callable[[Machine], bool]]]


def by_subnet(rng: random.Random, fleet: list[Machine]) -> tuple[str, str, Callable[[Machine], bool]]:
    bad = rng.choice(fleet).address.rpartition(".")[0]
    return "subnet", f"{bad}.0/24", lambda machine: machine.address.startswith(f"{bad}.")


def by_gateway(rng: random.Random, fleet: list[Machine]) -> tuple[str, str, Callable[[Machine], bool]]:
    bad = rng.choice(fleet).gateway
    return "gateway", bad, lambda machine: machine.gateway == bad


def by_proxy(rng: random.Random, fleet: list[Machine]) -> tuple[str, str, Callable[[Machine], bool]]:
    bad = rng.choice(["http://proxy-a:3128", "http://proxy-b:3128"])
    return "proxy", bad, lambda machine: machine.proxy == bad


def by_resolver(rng: random.Random, fleet: list[Machine]) -> tuple[str, str, Callable[[Machine], bool]]:
    bad = rng.choice(fleet).resolvers[0]
    return "resolver", bad, lambda machine: bad in machine.resolvers


def by_site(rng: random.Random, fleet: list[Machine]) -> tuple[str, str, Callable[[Machine], bool]]:
    bad = rng.choice(fleet).site
    return "site", bad, lambda machine: machine.site == bad


def by_agent(rng: random.Random, fleet: list[Machine]) -> tuple[str, str, Callable[[Machine], bool]]:
    bad = rng.choice(fleet).agents["ecs-agent"]
    return "agent ecs-agent", bad, lambda machine: machine.agents["ecs-agent"] == bad


def by_os(rng: random.Random, fleet: list[Machine]) -> tuple[str, str, Callable[[Machine], bool]]:
    bad = rng.choice(fleet).os
    return "os", bad, lambda machine: machine.os == bad


def by_label(rng: random.Random, fleet: list[Machine]) -> tuple[str, str, Callable[[Machine], bool]]:
    bad = rng.choice(fleet).labels["tier"]
    return "label tier", bad, lambda machine: machine.labels["tier"] == bad


PLANTS: dict[str, tuple[Plant, str, str]] = {
    "subnet": (by_subnet, "tcp_dropped", ""),
    "gateway": (by_gateway, "tcp_prohibited", "10.9.9.9"),
    "proxy": (by_proxy, "http_block_page", ""),
    "resolver": (by_resolver, "dns_slow", ""),
    "site": (by_site, "tls_intercepted", CA),
    "agent": (by_agent, "tls_untrusted_store", ""),
    "os": (by_os, "tls_untrusted_store", ""),
    "label": (by_label, "tcp_refused", ""),
}


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("plant", PLANTS)
def test_what_was_planted_is_what_is_named(plant: str, seed: int) -> None:
    """160 fleets, a third of them with hosts that fail or pass by accident."""
    rng = random.Random(f"{plant} {seed}")
    choose, id_, cause = PLANTS[plant]
    noise = rng.choice([0.0, 0.0, 0.02])
    fleet = machines(rng, rng.choice(NUMBERS))
    attribute, value, wrong = choose(rng, fleet)
    while not 8 <= sum(map(wrong, fleet)) <= len(fleet) - 8:  # too few would be chance
        fleet = machines(rng, rng.choice(NUMBERS))
        attribute, value, wrong = choose(rng, fleet)
    strike(rng, fleet, wrong, fault(id_, cause=cause), noise=noise)
    found = of(surveyed(fleet), id_)
    assert found.apart is not None
    assert (attribute, (value,)) in conditions(found.apart)
    assert [len(clause.conditions) for clause in found.apart.clauses] == [1]
    odd = {machine.name for machine in fleet if bool(machine.faults) is not wrong(machine)}
    assert {*found.apart.pass_anyway, *found.apart.fail_anyway} == odd
    if not odd:
        assert not found.apart.suspected
        assert (found.apart.purity, found.apart.coverage) == (1.0, 1.0)


@pytest.mark.parametrize("seed", range(40))
def test_two_causes_that_overlap_are_told_apart(seed: int) -> None:
    """A CA at one site hides what else is wrong with its hosts; they must not blur the other cause."""
    rng = random.Random(f"overlap {seed}")
    fleet = machines(rng, rng.choice((120, 250)))
    site, proxy = fleet[0].site, "http://proxy-b:3128"
    for machine in fleet:
        if machine.site == site:
            machine.faults = [fault("tls_intercepted", cause=CA)]
        elif machine.proxy == proxy:
            machine.faults = [fault("proxy_forbidden", cause=proxy)]
    found = surveyed(fleet)
    first, second = of(found, "tls_intercepted").apart, of(found, "proxy_forbidden").apart
    assert first is not None
    assert second is not None
    assert ("site", (site,)) in conditions(first)
    assert ("proxy", (proxy,)) in conditions(second)


@pytest.mark.parametrize("seed", range(20))
def test_one_finding_with_two_reasons_names_both(seed: int) -> None:
    rng = random.Random(f"either {seed}")
    fleet = machines(rng, 250)
    subnet, version = fleet[0].address.rpartition(".")[0], "1.89.2"
    for machine in fleet:
        if machine.address.startswith(f"{subnet}.") or machine.agents["ecs-agent"] == version:
            machine.faults = [fault("tcp_dropped")]
    apart = of(surveyed(fleet), "tcp_dropped").apart
    assert apart is not None
    assert {("subnet", (f"{subnet}.0/24",)), ("agent ecs-agent", (version,))} <= conditions(apart)
    assert not apart.suspected


@pytest.mark.parametrize("seed", range(20))
def test_a_version_that_fails_at_one_site_only_takes_both_attributes(seed: int) -> None:
    rng = random.Random(f"both {seed}")
    fleet = machines(rng, 250)
    site, version = fleet[0].site, fleet[0].agents["ecs-agent"]
    for machine in fleet:
        if machine.site == site and machine.agents["ecs-agent"] == version:
            machine.faults = [fault("tcp_dropped")]
    apart = of(surveyed(fleet), "tcp_dropped").apart
    assert apart is not None
    [clause] = apart.clauses
    assert {condition.attribute for condition in clause.conditions} <= {"site", "network", "agent ecs-agent"}
    assert len(clause.conditions) == 2
    assert clause.hosts == clause.failing == apart.failing


@pytest.mark.parametrize("seed", range(250))
def test_nothing_is_claimed_where_nothing_was_planted(seed: int) -> None:
    """Hosts that fail by accident, few or many, in fleets small and large."""
    rng = random.Random(f"nothing {seed}")
    fleet = machines(rng, rng.choice((6, 12, 40, 120, 250)))
    share = rng.choice((0.03, 0.1, 0.3, 0.6))
    strike(rng, fleet, lambda _machine: False, fault("tcp_dropped"), noise=share)
    for cause in surveyed(fleet).causes:
        assert cause.apart is None
        assert cause.why_not_apart in (BY_CHANCE, TOO_FEW, NONE_PASS)


def test_fewer_than_three_against_three_tell_nothing() -> None:
    rng = random.Random(7)
    fleet = machines(rng, 200)
    for machine in fleet:
        machine.proxy = "http://proxy-z:3128" if machine.name < "host0002" else None
    strike(rng, fleet, lambda machine: machine.proxy is not None, fault("tcp_dropped"))
    found = of(surveyed(fleet), "tcp_dropped")
    assert len(found.hosts) == 2
    assert (found.apart, found.why_not_apart) == (None, TOO_FEW)


def test_impure_is_suspected_and_its_exceptions_are_named() -> None:
    rng = random.Random(11)
    fleet = machines(rng, 250)
    spared = [machine for machine in fleet if machine.proxy == "http://proxy-a:3128"][:8]
    strike(rng, fleet, lambda one: one.proxy == "http://proxy-a:3128" and one not in spared, fault("tcp_dropped"))
    apart = of(surveyed(fleet), "tcp_dropped").apart
    assert apart is not None
    assert apart.clauses[0].conditions == (Condition(attribute="proxy", values=("http://proxy-a:3128",)),)
    assert apart.suspected
    assert apart.pass_anyway == tuple(sorted(machine.name for machine in spared))
    assert apart.purity == pytest.approx(1 - 8 / apart.clauses[0].hosts)


def test_subnet_and_gateway_are_one_fact_twice() -> None:
    rng = random.Random(3)
    fleet = machines(rng, 120)
    _, value, wrong = by_subnet(rng, fleet)
    strike(rng, fleet, wrong, fault("tcp_dropped"))
    apart = of(surveyed(fleet), "tcp_dropped").apart
    assert apart is not None
    [clause] = apart.clauses
    assert clause.conditions[0].attribute in ("gateway", "subnet")
    assert {"subnet", "gateway"} <= {one.attribute for one in (*clause.conditions, *clause.same_as)}
    assert value in {v for one in (*clause.conditions, *clause.same_as) for v in one.values}


def test_the_interceptor_is_no_reason_for_interception() -> None:
    rng = random.Random(5)
    fleet = machines(rng, 60)
    strike(rng, fleet, lambda machine: rng.random() < 0.4, fault("tls_intercepted", cause=CA))
    assert of(surveyed(fleet), "tls_intercepted").apart is None


def test_hosts_that_fail_for_another_reason_count_on_neither_side() -> None:
    rng = random.Random(6)
    fleet = machines(rng, 60)
    for place, machine in enumerate(fleet):
        machine.faults = [fault("tcp_dropped")] if place < 20 else [fault("tcp_refused")] if place < 30 else []
    found = of(surveyed(fleet), "tcp_dropped")
    assert (len(found.hosts), found.judged) == (20, 50)


def test_different_endpoints_are_different_causes_and_nearly_the_same_are_one() -> None:
    rng = random.Random(8)
    fleet = machines(rng, 30)
    for place, machine in enumerate(fleet[:20]):
        endpoints = ("ecs", "ecs-a", "ecs-t") if place < 9 else ("ecs", "ecs-a") if place < 12 else ("logs",)
        machine.faults = [fault("tcp_dropped", endpoints=endpoints)]
    causes = surveyed(fleet).causes
    assert sorted(len(cause.hosts) for cause in causes) == [8, 12]


def test_a_named_cause_is_one_whatever_it_touches() -> None:
    rng = random.Random(9)
    fleet = machines(rng, 10)
    fleet[0].faults = [fault("tls_intercepted", cause=CA, endpoints=("ecs",))]
    fleet[1].faults = [fault("tls_intercepted", cause=CA, endpoints=("logs",))]
    fleet[2].faults = [fault("tls_intercepted", cause="CN=Another", endpoints=("logs",))]
    assert sorted((cause.cause, len(cause.hosts)) for cause in surveyed(fleet).causes) == [("CN=Another", 1), (CA, 2)]


def test_the_answer_does_not_depend_on_the_order_of_the_reports() -> None:
    rng = random.Random(10)
    fleet = machines(rng, 120)
    _, _, wrong = by_proxy(rng, fleet)
    strike(rng, fleet, wrong, fault("tcp_dropped"), noise=0.02)
    once = surveyed(fleet)
    rng.shuffle(fleet)
    again = surveyed(fleet)
    sentence = {"title": "", "remedy": "", "example": ""}
    assert [msgspec.structs.replace(cause, **sentence) for cause in once.causes] == [
        msgspec.structs.replace(cause, **sentence) for cause in again.causes
    ]
    assert once.hosts == again.hosts


def test_a_host_of_which_a_part_is_suspected_is_not_counted_as_proven() -> None:
    """One cause in two findings, as a check writes it: proven for some names, suspected for others."""
    fleet = machines(random.Random(7), 4)
    parts = ((ENDPOINTS[:1], Certainty.PROVEN), (ENDPOINTS[1:], Certainty.SUSPECTED))
    fleet[1].faults = [fault("tcp_dropped", cause="10.0.0.1", endpoints=part, certainty=one) for part, one in parts]
    fleet[0].faults = [fault("tcp_dropped", cause="10.0.0.1")]
    found = of(surveyed(fleet), "tcp_dropped")
    assert (len(found.hosts), found.proven) == (2, 1)
    assert words.certainty(found) == "suspected at 1, proven at 1"


def test_a_named_cause_is_counted_over_hosts_of_every_region() -> None:
    """Half of each site looks at another region: all were judged for the CA, and those without it pass."""
    fleet = machines(random.Random(8), 120)
    site = fleet[0].site
    strike(random.Random(1), fleet, lambda machine: machine.site == site, fault("tls_intercepted", cause=CA))
    census = Census()
    for number, machine in enumerate(fleet):
        data = encoded(machine).replace(b"us-east-2", b"eu-west-1" if number % 3 else b"us-east-2")
        census.add(Document(source=machine.name, stem=machine.name, data=data))
    found = of(survey(census, FleetOptions(now=NOW)), "tls_intercepted")
    touched = sum(machine.site == site for machine in fleet)
    assert (len(found.hosts), found.judged) == (touched, 120)
    assert found.apart is not None
    assert (found.apart.passing, found.apart.suspected) == (120 - touched, False)
    assert ("site", (site,)) in conditions(found.apart)


def test_an_egress_address_that_operators_give_is_named_like_any_attribute() -> None:
    """A report cannot know it, since only a third party could tell; as a label it separates like the rest."""
    rng = random.Random(7)
    fleet = machines(rng, 60)
    for place, machine in enumerate(fleet):
        machine.labels = {**machine.labels, "egress": f"198.51.100.{place % 3 + 7}"}
    strike(rng, fleet, lambda machine: machine.labels["egress"] == "198.51.100.8", fault("http_block_page"), noise=0.0)
    found = of(surveyed(fleet), "http_block_page")
    assert found.apart is not None
    assert conditions(found.apart) == {("label egress", ("198.51.100.8",))}
