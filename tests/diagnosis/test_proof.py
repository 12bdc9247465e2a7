"""Proven is earned per host: by its own repeat and its own control, in every run that there is."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netprobe.diagnosis import diagnose
from netprobe.diagnosis.causes import Cause, Words
from netprobe.diagnosis.evidence import Evidence
from netprobe.diagnosis.proof import NEEDS, UNLUCKY_AT_MOST, Doubt, Proof, judge
from netprobe.diagnosis.taxonomy import TAXONOMY
from netprobe.diagnosis.tries import Luck
from netprobe.findings import Certainty, Finding
from netprobe.observations import Failure as F
from netprobe.observations import Observation, Run, Step
from tests.diagnosis.test_cases import CASES
from tests.diagnosis.test_diagnosis_properties import runs
from tests.support.observe import R1, World, name

TraceFunction = Callable[[FrameType, str, Any], Any]
STORED = sorted((Path(__file__).parent.parent / "cases").glob("*.json"))
ECS, SSM, A, B = name("ecs"), name("ssm"), "52.95.1.1", "52.95.1.2"


class _Stored(msgspec.Struct):
    run: Run


def unearned(run: Run) -> list[tuple[str, str]]:
    """The findings that a run calls proven for a host which has no repeat or no control of its own.

    Written against the contract and the evidence that a report lists, and not with the code that decides.
    """
    by_id = {o.id: o for o in run.observations}
    found = []
    for finding in diagnose(run).findings:
        if finding.certainty is not Certainty.PROVEN:
            continue
        evidence = [by_id[id_] for id_ in finding.evidence]
        for host in finding.hosts:
            mine = [o for o in evidence if o.host == host]
            if _must_be_repeated(finding, mine) and not _is_earned(finding, mine):
                found.append((finding.id, host))
    return found


def _must_be_repeated(finding: Finding, mine: list[Observation]) -> bool:
    """Not where nothing failed: a line of a file, an answer, a chain, a date is what it is."""
    if NEEDS[finding.id].experiments is None:
        return False
    read = any(getattr(o.detail, "transport", "") == "file" for o in mine)
    # A date is read from whatever answer bears one; where it only warns, nothing failed by it.
    seen = (None,) if finding.id == "clock_skew" else _SEEN
    failed = any(o.failure is not None and o.experiment in seen for o in mine)
    return not read and (failed or finding.id == "dns_sinkholed")


_SEEN = (None, "repeat")


def _is_earned(finding: Finding, mine: list[Observation]) -> bool:
    """Whether it failed alike on two connections, one of them a repeat, and the control is there.

    Both may be repeats: what the first pass did not come as far as, since something ended it by chance.
    """
    alike: Counter[tuple[Step, F | None]] = Counter(
        (o.step, o.failure) for o in mine if o.experiment in _SEEN and o.failure is not None
    )
    again = {(o.step, o.failure) for o in mine if o.experiment == "repeat"}
    if not alike:  # an answer that leads nowhere, which is no failure
        alike = Counter((o.step, o.failure) for o in mine if o.experiment in _SEEN)
    repeated = any(count > 1 and end in again for end, count in alike.items())
    return repeated and any(o.experiment in (NEEDS[finding.id].experiments or ()) for o in mine)


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_no_stored_run_calls_proven_what_its_host_did_not_show(path: Path) -> None:
    assert unearned(msgspec.json.decode(path.read_bytes(), type=_Stored).run) == []


@pytest.mark.parametrize("case", CASES)
def test_no_case_calls_proven_what_its_host_did_not_show(case: str) -> None:
    world = World()
    CASES[case][0](world)
    assert unearned(world.run()) == []


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(runs())
def test_no_run_at_all_calls_proven_what_its_host_did_not_show(run: Run) -> None:
    assert unearned(run) == []


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(CASES)), st.data())
def test_without_its_repeats_a_failure_is_never_proven(case: str, data: st.DataObject) -> None:
    world = World()
    CASES[case][0](world)
    run = world.run()
    kept = tuple(o for o in run.observations if o.experiment != "repeat" or data.draw(st.booleans()))
    assert unearned(msgspec.structs.replace(run, observations=kept)) == []


def test_every_finding_says_what_proves_it() -> None:
    assert set(NEEDS) == set(TAXONOMY)
    assert all(need.control.endswith(".") for need in NEEDS.values())


def test_a_proof_is_made_of_nothing_but_the_hosts_own() -> None:
    world = World()
    world.endpoint("ecs")
    world.endpoint("ssm")
    for host, address in ((ECS, A), (SSM, B)):
        world.tcp(host, address, F.CONNECTION_REFUSED)
        world.tcp(host, address, F.CONNECTION_REFUSED, experiment="repeat")
    failed, repeat, _, anothers = world.observations
    assert Proof(failed=failed, repeat=repeat, control=repeat).control is repeat
    for bad_repeat, bad_control in ((anothers, repeat), (repeat, anothers), (failed, repeat), (repeat, failed)):
        with pytest.raises(ValueError, match="no repeat or control"):
            Proof(failed=failed, repeat=bad_repeat, control=bad_control)
    with pytest.raises(ValueError, match="does not repeat"):
        Proof(failed=failed, repeat=msgspec.structs.replace(repeat, failure=F.TIMEOUT), control=repeat)


def _refused(*hosts: tuple[str, str]) -> World:
    world = World()
    for host, address in hosts:
        world.endpoint(host.partition(".")[0])
        world.dns(host, address)
        world.tcp(host, address, F.CONNECTION_REFUSED)
    return world


@pytest.mark.parametrize(
    ("context", "reason"),
    [
        ({}, "saved by a version that did not repeat"),
        ({"repeated": True}, "the run's bound was reached"),
        ({"repeated": True, "deadline_reached": True}, "the run ended before"),
        ({"repeated": True, "interrupted": True}, "the run ended before"),
    ],
)
def test_a_failure_that_was_not_repeated_says_why(context: dict[str, bool], reason: str) -> None:
    world = _refused((ECS, A))
    world.context.update(context)
    (finding,) = world.diagnosis().findings
    assert finding.certainty is Certainty.SUSPECTED
    assert finding.title.endswith(".")
    assert f"Suspected: not repeated: {reason}" in finding.title or reason in finding.title


def test_one_cause_of_which_only_some_hosts_are_proven_is_told_in_two() -> None:
    world = _refused((ECS, A), (SSM, B))
    world.context["repeated"] = True
    for attempt in (1, 2, 3):
        world.tcp(ECS, A, F.CONNECTION_REFUSED, experiment="repeat", attempt=attempt)
    told = {f.certainty: (f.id, f.hosts) for f in world.diagnosis().findings}
    assert told == {
        Certainty.PROVEN: ("tcp_refused", (ECS,)),
        Certainty.SUSPECTED: ("tcp_refused", (SSM,)),
    }


def test_chance_is_counted_and_told_for_its_step() -> None:
    world = _refused((ECS, A))
    world.context["repeated"] = True
    for attempt, failure in enumerate((F.CONNECTION_REFUSED, None, None), start=1):
        world.tcp(ECS, A, failure, experiment="repeat", attempt=attempt)
        if failure is None:
            world.tls(ECS, A, experiment="repeat", attempt=attempt)
            world.http(ECS, A, experiment="repeat", attempt=attempt)
    diagnosis = world.diagnosis()
    (finding,) = diagnosis.findings
    assert (finding.id, finding.hosts) == ("works_by_chance", (ECS,))
    assert f"{ECS} at {A} 2 of 4" in finding.title
    assert "connecting to" in finding.title
    assert diagnosis.verdict.value == "degraded"
    assert [e.outcome.value for e in diagnosis.endpoints] == ["warn"]


@pytest.mark.parametrize(
    ("chance", "certainty"),
    [
        ((F.CONNECTION_REFUSED, None, F.CONNECTION_REFUSED, None), Certainty.SUSPECTED),
        ((None,) * 20, Certainty.PROVEN),
    ],
)
def test_who_always_fails_where_others_fail_now_and_then_may_only_be_unlucky(
    chance: tuple[F | None, ...], certainty: Certainty
) -> None:
    """Of many names that fail by halves, one fails six times in a row; where tries rarely fail, none does."""
    world = _refused((ECS, A), (SSM, B))
    world.context["repeated"] = True
    for attempt in range(1, 7):
        world.tcp(ECS, A, F.CONNECTION_REFUSED, experiment="repeat", attempt=attempt)
    for attempt, failure in enumerate(chance, start=1):
        world.tcp(SSM, B, failure, experiment="repeat", attempt=attempt)
        if failure is None:
            world.tls(SSM, B, experiment="repeat", attempt=attempt)
            world.http(SSM, B, experiment="repeat", attempt=attempt)
    told = {f.id: f.certainty for f in world.diagnosis().findings}
    assert told == {"tcp_refused": certainty, "works_by_chance": Certainty.PROVEN}


@pytest.mark.parametrize("rate", [0.33, 0.5, 0.7])
def test_the_luck_of_tries_is_what_a_simulation_finds(rate: float) -> None:
    """Whatever share of the tries fails: of networks with nothing but chance, few have a name called broken.

    Each name is tried until it passes, as a run does it, and four of those that pass are tried four times.
    """
    random = Random(20261128)
    wrong, most = 0, 8
    for _ in range(NETWORKS):
        ends = [_until_one_passes(random, rate, most) for _ in range(14) if random.random() < rate]
        mixed = [tries for tries in ends if not all(tries)]
        for tries in mixed[:4]:
            tries += [random.random() < rate for _ in range(4 - len(tries))]
        luck = Luck(failed=sum(map(sum, mixed)), made=sum(map(len, mixed)), names=14)
        wrong += any(map(all, ends)) and bool(mixed) and luck.unlucky(most) <= UNLUCKY_AT_MOST
    assert wrong <= NETWORKS * MOST_WRONG


NETWORKS, MOST_WRONG = 5000, 0.0025


def _until_one_passes(random: Random, rate: float, most: int) -> list[bool]:
    """Whether each try failed, up to the first that did not."""
    tries = [random.random() < rate]
    while tries[-1] and len(tries) < most:
        tries.append(random.random() < rate)
    return tries


def test_a_sinkhole_is_proven_by_the_same_answer_again_and_not_by_another() -> None:
    for again, certainty in (("0.0.0.0", Certainty.PROVEN), (A, Certainty.SUSPECTED)):
        world = World(context={"repeated": True})
        world.endpoint("ecs")
        world.dns(ECS, "0.0.0.0", resolver=R1)
        world.tcp(ECS, "0.0.0.0", F.CONNECTION_REFUSED)
        world.dns(ECS, again, resolver=R1, experiment="repeat")
        (finding,) = world.diagnosis().findings
        assert (finding.id, finding.certainty) == ("dns_sinkholed", certainty)


def test_controls_of_many_hosts_do_not_cost_their_square() -> None:
    """An interceptor before every name of every region: eight times the hosts, far from sixty-four times the work."""

    def lines(hosts: int) -> int:
        world = World(context={"repeated": True})
        for number in range(hosts):
            world.endpoint(f"s{number}")
            host = name(f"s{number}")
            world.dns(host, A)
            world.tcp(host, A)
            world.tls(host, A, F.SSL_UNKNOWN_AUTHORITY)
            for attempt in range(1, 5):
                world.tls(host, A, experiment="lax_chain", attempt=attempt)
        run = world.run()
        with counted_lines() as executed:
            diagnose(run)
        return executed[0]

    assert lines(320) < 12 * lines(40)


@contextmanager
def counted_lines() -> Iterator[list[int]]:
    """How many lines of Python are executed in the block: the same on every machine, however busy."""
    executed = [0]

    def count(_frame: FrameType, event: str, _arg: object) -> TraceFunction:
        executed[0] += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        yield executed
    finally:
        sys.settrace(before)


@pytest.mark.parametrize("host", [ECS, SSM])
def test_another_hosts_control_proves_nothing(host: str) -> None:
    """No rule can call anything proven: what it hands over of another host is looked past."""
    world = World(context={"repeated": True})
    world.endpoint("ecs", ECS, SSM)
    world.tls(ECS, A, F.SSL_UNKNOWN_AUTHORITY)
    world.tls(ECS, A, F.SSL_UNKNOWN_AUTHORITY, experiment="repeat")
    world.tls(host, A, experiment="lax_chain")
    failed, repeat, control = world.observations
    cause = Cause(
        id="tls_intercepted",
        say=lambda _: Words(title="", remedy=""),
        evidence=(failed, repeat),
        controls=(control,),
        repeat=repeat,
    )
    assert isinstance(judge(Evidence(world.run()), cause), Proof if host == ECS else Doubt)
