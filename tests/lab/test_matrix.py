"""The fault lab: every case right, no error too many, and none at all on a healthy network.

The confusion matrix (case x finding) is printed at the end of the test run by ``conftest.py``.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import pytest

from netprobe.diagnosis import largehello as hellos
from netprobe.diagnosis import proof
from netprobe.diagnosis.taxonomy import TAXONOMY
from netprobe.findings import Certainty, Verdict
from netprobe.lab import SCENARIOS, Scenario
from netprobe.observations import HttpDetail, Step
from netprobe.probes import largehello as probed_hellos
from netprobe.probes import limits
from netprobe.report.model import Report
from tests.lab.cases import CASES
from tests.lab.proxy_cases import OPEN_WEBSOCKETS
from tests.support import need
from tests.support.lab_case import OF_CHANCE, Case, Network, Result, play
from tests.support.screen import missing_on_it
from tests.support.steady import REPEATS

HURRIED_SECONDS = 4.0
"""More than a first pass waits for a connection. What is silent in these cases is so for ever, and nothing in them
takes longer than that and ends well."""
PATIENT_CASES = frozenset(
    {"blackhole", "tls-stalled", "http-stalled", "dns-timeout", "large-hello-dropped", "path-mtu"}
)
"""One for each step that is silent, which waits as long as a user's check does."""


@pytest.fixture(autouse=True)
def _hurried(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait less for what stays silent, and call that proven: with ten seconds each, these cases take a quarter of an
    hour longer."""
    case = request.node.callspec.params.get("case") if hasattr(request.node, "callspec") else None
    if case is None or case.name in PATIENT_CASES:
        return
    bound = limits.Bound(unknown=HURRIED_SECONDS, quick=HURRIED_SECONDS, factor=0.0)
    monkeypatch.setattr(limits, "PATIENT", dict.fromkeys(Step, bound))
    monkeypatch.setattr(proof, "PATIENT_SECONDS", HURRIED_SECONDS)
    monkeypatch.setattr(probed_hellos, "PATIENCE", HURRIED_SECONDS)
    monkeypatch.setattr(hellos, "PATIENT_SECONDS", HURRIED_SECONDS * 0.98)


def test_the_patient_cases_exist() -> None:
    assert {case.name for case in CASES} >= PATIENT_CASES


def parameters() -> list[object]:
    """The cases; those with routers need root."""
    return [
        pytest.param(case, id=case.name, marks=[pytest.mark.root] if case.network is not None else []) for case in CASES
    ]


async def _played(case: Case) -> Result:
    """Play a case; once more, where this machine kept the run waiting and nothing is wrong but that it saw chance.

    A real engine that gets no processor for a while fails once and passes then, and netprobe rightly says so.
    """
    result = await play(case)
    for _ in range(REPEATS):
        more = set(result.findings) - set(case.findings)
        if not more or not more <= OF_CHANCE or not result.run.context.stalls:
            break
        seconds = sum(stall.duration_seconds for stall in result.run.context.stalls)
        warnings.warn(f"{case.name}: this machine stood still for {seconds:.1f} s; played again", stacklevel=1)
        result = await play(case)
    return result


@pytest.mark.parametrize("case", parameters())
async def test_case(case: Case, record_property: Callable[[str, object], None]) -> None:
    if case.network is not None:
        need.root()
        need.engine("nft")
        if case.network.dnsmasq is not None:
            need.engine("dnsmasq")
        for engine in case.network.engines:
            need.engine(engine.program)
    found = ["(did not finish)"]
    try:
        result = await _played(case)
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
