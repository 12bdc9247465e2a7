"""Odd but genuine answers, each given by a real TLS server, and what must be said of it: by whose chain it came.

Over a chain of the origin none makes a host NOT READY. Over an inspector's chain the same bytes may be the inspector's.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from netprobe import catalog
from netprobe.catalog.model import Endpoint
from netprobe.diagnosis import diagnose
from netprobe.findings import Certainty, Finding, Severity, Verdict
from netprobe.lab import SCENARIOS, open_lab
from netprobe.lab.behaviour import ShownChain
from netprobe.lab.odd import ODD
from netprobe.lab.scenarios import ANSWER, Scenario, Trust
from netprobe.observations import HttpDetail, Run
from netprobe.probes.run import check
from netprobe.probes.settings import Settings
from tests.support.lab_endpoints import REGION, facts

IMPOSSIBLE = {
    "http_block_page",
    "http_captive_portal",
    "http_foreign_answer",
    "websocket_upgrade_stripped",
    "websocket_refused_by_proxy",
}


def chosen(*ids: str) -> tuple[Endpoint, ...]:
    """The endpoints that give an answer, and one that is well; all of them required."""
    known = catalog.load().endpoints(REGION)
    return tuple(replaced(endpoint) for endpoint in known if endpoint.id in {*ids, "kms"})


def replaced(endpoint: Endpoint) -> Endpoint:
    import msgspec

    return msgspec.structs.replace(endpoint, required=True)


async def seen(scenario: Scenario, at: tuple[str, ...]) -> Run:
    endpoints = chosen(*at)
    # A patient limit of its own keeps the silent ones short and says nothing of the others.
    settings = Settings(lab=scenario.name, ecs_numbers=(1,), timeout=2.0, idle=0.5, genuine_chains=False)
    async with open_lab(scenario, endpoints) as lab:
        return await check(endpoints, [lab.vantage], settings, catalog=facts())


def warnings(found: tuple[Finding, ...]) -> set[str]:
    return {finding.id for finding in found if finding.severity is not Severity.INFO}


def test_the_table_is_large_and_whole() -> None:
    assert len(ODD) >= 47
    assert {f"{ANSWER}{name}" for name in ODD} <= set(SCENARIOS)
    known = {endpoint.id for endpoint in catalog.load().endpoints(REGION)}
    for odd in ODD.values():
        assert known.issuperset(odd.at), odd.name
        assert odd.finding not in IMPOSSIBLE


@pytest.mark.parametrize("name", ODD)
async def test_over_a_chain_of_the_origin_nobody_is_blamed(name: str) -> None:
    odd, scenario = ODD[name], SCENARIOS[f"{ANSWER}{name}"]

    diagnosis = diagnose(await seen(scenario, odd.at))

    told = warnings(diagnosis.findings)
    assert told == set(scenario.findings), [finding.title for finding in diagnosis.findings]
    assert diagnosis.verdict is scenario.verdict
    assert diagnosis.verdict in {Verdict.READY, Verdict.DEGRADED}
    for finding in diagnosis.findings:
        assert "device reads" not in finding.title + finding.remedy
        if finding.id in {"http_cut", "http_stalled"}:
            assert finding.certainty is Certainty.SUSPECTED


@pytest.mark.parametrize("name", ODD)
async def test_over_an_inspectors_chain_the_marks_decide(name: str) -> None:
    odd, plain = ODD[name], SCENARIOS[f"{ANSWER}{name}"]
    behaviour = replace(plain.behaviour, chain=ShownChain.INTERCEPTED)
    scenario = replace(plain, name=f"inspected-{name}", behaviour=behaviour, trust=Trust.ORIGIN_AND_INSPECTOR)

    diagnosis = diagnose(await seen(scenario, odd.at))

    told = warnings(diagnosis.findings)
    assert told == {"tls_intercepted_trusted", odd.inspected} - {""}, [f.title for f in diagnosis.findings]
    assert "http_unrecognised_answer" not in {finding.id for finding in diagnosis.findings}
    blamed = odd.inspected in IMPOSSIBLE | {"http_cut", "http_stalled", "tls_path_mtu"}
    assert diagnosis.verdict is (Verdict.NOT_READY if blamed else Verdict.DEGRADED)


@pytest.mark.parametrize(("name", "code"), [("upgrade-closed-1008", 1008), ("upgrade-closed-1011", 1011)])
async def test_a_close_frame_is_the_peers_word(name: str, code: int) -> None:
    run = await seen(SCENARIOS[f"{ANSWER}{name}"], ODD[name].at)

    codes = {o.detail.close_code for o in run.observations if isinstance(o.detail, HttpDetail)}
    assert code in codes
    assert not any(o.failure for o in run.observations if isinstance(o.detail, HttpDetail))
