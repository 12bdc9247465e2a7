"""What a try meets past a failure that comes and goes: that stands in the way, and nothing else is named for it.

An inspector that makes its certificates one after the other is silent for some names when a whole run asks at once, and
answers at once for names that it has made already: as a filter for names looks, and a path that loses large packets.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from netprobe.findings import Certainty, Severity, Verdict
from netprobe.lab import SCENARIOS, Scenario
from netprobe.lab.behaviour import HostBehaviour, ProxyBehaviour, ShownChain
from netprobe.observations import Experiment, Failure, Step, TlsDetail
from tests.lab.test_chance import HALF_OF_THE_PORTS
from tests.support import need
from tests.support.lab_case import OF_CHANCE, Case, Network, Result, play, play_once
from tests.support.lab_devices import ROUTER
from tests.support.netns import Topology

INSPECTOR = HostBehaviour(chain=ShownChain.INTERCEPTED)
ONE_BY_ONE = replace(INSPECTOR, signing_seconds=0.45)
"""All names of a region take twice as long as a first pass waits for a handshake."""
SLOW_ONCE = replace(INSPECTOR, signing_seconds=6.5)
"""Longer than a first pass waits, and shorter than patience."""


def _inspected(name: str, behaviour: HostBehaviour, *at: str) -> Scenario:
    return Scenario(name=name, summary=".", behaviour=behaviour, at=at)


SIGNERS = (
    _inspected("one-by-one", ONE_BY_ONE),
    Scenario(name="one-by-one-at-a-proxy", summary=".", proxy=ProxyBehaviour(through=ONE_BY_ONE)),
    _inspected("slow-once", SLOW_ONCE, "ssm"),
)


@pytest.mark.parametrize("scenario", SIGNERS, ids=lambda scenario: scenario.name)
async def test_an_inspector_that_signs_slowly_is_no_filter_for_names(scenario: Scenario) -> None:
    result = await play_once(Case(name=scenario.name, scenario=scenario))

    silent = [o for o in result.run.observations if o.experiment is None and o.failure is Failure.TIMEOUT]
    assert {o.step for o in silent} == {Step.TLS}, "it was not slow enough to be seen"
    _is_intercepted(result, Certainty.PROVEN)
    (found,) = (f for f in result.diagnosis.findings if f.id == "tls_intercepted")
    assert {o.host for o in silent} <= set(found.hosts)


def _is_intercepted(result: Result, *certainties: Certainty) -> None:
    """That alone is an error, and beside it stands what comes and goes."""
    shown = [(f.id, f.severity.value, f.certainty.value, f.title) for f in result.diagnosis.findings]
    errors = {f.id for f in result.diagnosis.findings if f.severity is Severity.ERROR}
    assert errors == {"tls_intercepted"}, shown
    assert {f.id for f in result.diagnosis.findings} <= OF_CHANCE | {"tls_intercepted"}, shown
    assert {f.certainty for f in result.diagnosis.findings if f.id == "tls_intercepted"} >= set(certainties), shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Both:
    """An inspector behind a line that fails now and then."""

    name: str
    network: Network


LOST = ", ".join(map(str, range(3, 100, 9)))
BOTH = (
    Both(name="and-a-lossy-line", network=Network(forward=(f"numgen inc mod 100 {{{{ {LOST} }}}} drop",))),
    Both(
        name="and-a-closed-member",
        network=Network(redirect=(f"ip daddr {{all}} {HALF_OF_THE_PORTS} dnat to {ROUTER}:1",)),
    ),
    Both(name="and-a-dead-link", network=Network(forward=(f"{HALF_OF_THE_PORTS} drop",))),
)


@pytest.mark.root
@pytest.mark.parametrize("both", BOTH, ids=lambda both: both.name)
async def test_interception_is_told_on_a_line_that_fails_now_and_then(both: Both) -> None:
    need.root()
    need.engine("nft")
    scenario = _inspected(both.name, INSPECTOR)
    result = await play(Case(name=both.name, scenario=scenario, network=both.network))

    shown = [(f.id, f.severity.value, f.certainty.value, len(f.hosts), f.title) for f in result.diagnosis.findings]
    assert "tls_intercepted" in result.findings, shown
    proven = {f.id for f in result.diagnosis.findings if f.certainty is Certainty.PROVEN}
    assert proven <= OF_CHANCE | {"tls_intercepted"}, shown
    assert "tls_intercepted" in proven, shown
    # A host of which every try was lost (one in hundreds) may be suspected of that; a filter for names never.
    others = [f for f in result.diagnosis.findings if f.id not in OF_CHANCE | {"tls_intercepted"}]
    assert {f.id for f in others} <= {"tcp_dropped", "tcp_refused"}, shown
    assert sum(len(f.hosts) for f in others) <= 2, shown


async def _ban(net: Topology) -> None:
    """A device that turns a source away for a minute once it opened ten connections."""
    net.routers[0].nft(
        """table inet ban {
            set counted { type ipv4_addr; flags dynamic; size 100; }
            set banned { type ipv4_addr; flags dynamic,timeout; timeout 60s; size 100; }
            chain c { type filter hook forward priority 10;
                tcp dport 443 ct state new update @counted { ip saddr limit rate over 10/minute burst 10 packets } \
                    add @banned { ip saddr timeout 60s }
                tcp dport 443 ip saddr @banned reject with tcp reset
            }
        }"""
    )


@pytest.mark.root
async def test_a_device_that_bans_the_check_leaves_all_open_and_blames_no_rule_for_names() -> None:
    need.root()
    need.engine("nft")
    result = await play(Case(name="ban", scenario=SCENARIOS["healthy"], network=Network(beside=_ban)))

    (banned,) = (f for f in result.diagnosis.findings if f.id == "connection_limit")
    assert (banned.severity, banned.certainty) == (Severity.WARNING, Certainty.SUSPECTED), banned.title
    assert "none can be made any more" in banned.title
    assert [f.title for f in result.diagnosis.findings if f.severity is Severity.ERROR] == []
    assert {f.id for f in result.diagnosis.findings if f.certainty is Certainty.PROVEN} == set()
    assert result.diagnosis.verdict is Verdict.INCONCLUSIVE


DROPS_A_NAME = ("-p tcp --dport 443 -m string --algo bm --string ssm.us-east -j DROP",)


@pytest.mark.root
async def test_a_hello_that_is_dropped_on_the_way_is_told_from_one_that_is_read() -> None:
    """Both are silent for one name: a router that drops it, and a peer that takes it and says nothing."""
    need.root()
    need.engine("nft")
    dropped = await play(Case(name="dropped", scenario=SCENARIOS["healthy"], network=Network(iptables=DROPS_A_NAME)))
    taken = await play(Case(name="taken", scenario=SCENARIOS["sni-dropped"]))

    for result, arrived in ((dropped, False), (taken, True)):
        (finding,) = result.diagnosis.findings
        assert (finding.id, finding.certainty) == ("tls_sni_blocked", Certainty.PROVEN), finding.title
        by_id = {o.id: o for o in result.run.observations}
        silent = [o for id_ in finding.evidence if (o := by_id[id_]).failure is Failure.TIMEOUT]
        left = {o.detail.unacknowledged_bytes == 0 for o in silent if isinstance(o.detail, TlsDetail)}
        assert left == {arrived}
    fresh = [o for o in taken.run.observations if o.experiment == Experiment.FRESH_SNI]
    assert fresh
    assert all(o.failure is None for o in fresh), "a name that nobody asked for before is answered"
