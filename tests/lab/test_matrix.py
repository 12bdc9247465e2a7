"""The fault lab: every case right, no error too many, and none at all on a healthy network.

The confusion matrix (case x finding) is printed at the end of the test run by ``conftest.py``.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import trio

from netprobe.diagnosis.taxonomy import TAXONOMY
from netprobe.findings import Certainty, Verdict
from netprobe.lab import SCENARIOS, Scenario
from netprobe.observations import HttpDetail, Step
from netprobe.report.model import Report
from tests.lab.cases import CASES
from tests.lab.proxy_cases import OPEN_WEBSOCKETS
from tests.support import need
from tests.support.lab_case import Case, Network, play
from tests.support.lab_played import PATIENT_CASES, hurry, played, played_once
from tests.support.screen import missing_on_it


@pytest.fixture(autouse=True)
def _hurried(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    case = request.node.callspec.params.get("case") if hasattr(request.node, "callspec") else None
    if case is not None:
        hurry(monkeypatch, case.name)


def test_the_patient_cases_exist() -> None:
    assert {case.name for case in CASES} >= PATIENT_CASES


def parameters() -> list[object]:
    """The cases; those with routers need root."""
    return [
        pytest.param(case, id=case.name, marks=[pytest.mark.root] if case.network is not None else []) for case in CASES
    ]


@pytest.mark.parametrize("case", parameters())
def test_case(
    case: Case, record_property: Callable[[str, object], None], tmp_path_factory: pytest.TempPathFactory
) -> None:
    if case.network is not None:
        need.root()
        need.engine("nft")
        if case.network.dnsmasq is not None:
            need.engine("dnsmasq")
        for engine in case.network.engines:
            need.engine(engine.program)
    found = ["(did not finish)"]
    try:
        result = played_once(tmp_path_factory, case) if case.network is None else trio.run(played, case)
        found = list(result.findings)
    finally:
        # A case that raises while it is set up belongs into the table too, as a wrong one.
        record_property("case", {"name": case.name, "expected": sorted(case.findings), "found": found})
    assert result.findings == tuple(sorted(case.findings)), [f.title for f in result.diagnosis.findings]
    assert result.diagnosis.verdict is case.verdict
    if case.idle is not None:
        assert all(f.certainty is Certainty.PROVEN for f in result.diagnosis.findings), result.diagnosis.findings
    assert missing_on_it(Report.of(result.run, result.diagnosis)) == []
    if case.scenario.failure is not None and case.network is None:
        seen = {o.failure for o in result.run.observations if o.experiment is None}
        assert case.scenario.failure in seen


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 60
    assert len({case.name for case in CASES}) == len(CASES)
    assert sum(case.is_healthy for case in CASES) >= 60


WITHOUT_A_CASE: dict[str, str] = {
    "tls_former_root": "nobody here has the key of a root that was public; tests/probes/test_origin.py plays one",
    "http_source_refused": "an answer of the origin: tests/lab/test_odd_answers.py plays it",
    "http_unrecognised_answer": "an answer of the origin: tests/lab/test_odd_answers.py plays it",
}
"""Finding → why no network can be made that has it."""


def test_every_finding_about_the_network_has_a_case() -> None:
    found = {id_ for case in CASES for id_ in case.findings}
    about_the_network = {
        e.id for e in TAXONOMY.values() if e.area in {"dns", "tcp", "tls", "http", "websocket", "clock"}
    }
    assert about_the_network - found == set(WITHOUT_A_CASE)


@pytest.mark.root
@pytest.mark.parametrize("scenario", [SCENARIOS["healthy"], OPEN_WEBSOCKETS], ids=["refused", "granted"])
async def test_what_needs_no_credentials_is_held(scenario: Scenario) -> None:
    """AWS refuses an unsigned upgrade: then an open TLS connection rests, and nothing is left that was not run."""
    need.root()
    result = await play(Case(name="idle", scenario=scenario, network=Network(), idle=0.2, verdict=Verdict.READY))
    assert result.run.notes == ()
    held = {
        o.detail.held_seconds
        for o in result.run.observations
        if o.step is Step.WEBSOCKET and o.experiment is None and isinstance(o.detail, HttpDetail)
    }
    assert held == {0.2}
    assert result.findings == ()
