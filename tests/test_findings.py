"""The words of every judgement: which outcome is the worst, and which verdict follows from what was found."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.diagnosis.model import EndpointOutcome, HostOutcome
from netprobe.findings import Outcome, Severity, Verdict, worst
from netprobe.observations import Subject
from tests.support.reports import finding

ERROR, WARNING, INFO = (finding("ecs", severity) for severity in Severity)


def test_what_was_not_run_is_worse_than_a_warning_and_no_failure() -> None:
    assert sorted(Outcome, key=lambda one: one.rank) == ["fail", "not_run", "warn", "pass", "not_applicable"]


@given(st.lists(st.sampled_from(Outcome), min_size=1))
def test_the_worst_decides_in_any_order(outcomes: list[Outcome]) -> None:
    assert worst(outcomes) is worst(reversed(outcomes)) is worst(set(outcomes))
    assert all(worst(outcomes).rank <= one.rank for one in outcomes)


def test_nothing_has_no_worst() -> None:
    with pytest.raises(ValueError):
        worst(())


@pytest.mark.parametrize(
    ("found", "is_open", "verdict"),
    [
        ((), False, Verdict.READY),
        ((INFO,), False, Verdict.READY),
        ((INFO, WARNING), False, Verdict.DEGRADED),
        ((WARNING, ERROR), False, Verdict.NOT_READY),
        ((), True, Verdict.INCONCLUSIVE),
        ((WARNING,), True, Verdict.INCONCLUSIVE),
        ((ERROR,), True, Verdict.NOT_READY),
    ],
)
def test_a_verdict_follows_from_what_was_found(found: tuple, is_open: bool, verdict: Verdict) -> None:  # type: ignore[type-arg]
    for order in itertools.permutations(found):
        assert Verdict.of(order, is_open=is_open) is verdict


def _endpoint(*hosts: tuple[str, Outcome]) -> EndpointOutcome:
    subject = Subject(id="ecs", region="r", group="control", pattern="ecs.r", port=443, required=True, used_by=())
    outcomes = (HostOutcome(host=host, outcome=one, failed_step=None, failure=None) for host, one in hosts)
    return EndpointOutcome.of(subject, Outcome.FAIL, tuple(outcomes))


def test_a_finding_touches_the_endpoint_whose_failing_host_it_names() -> None:
    endpoint = _endpoint(("a", Outcome.FAIL), ("b", Outcome.PASS))

    assert endpoint.touched_by(finding("x", region="r", hosts=("a",), endpoints=()))
    assert endpoint.touched_by(finding("x", region=None, hosts=("a", "c"), endpoints=()))
    assert not endpoint.touched_by(finding("x", region="elsewhere", hosts=("a",)))
    assert not endpoint.touched_by(finding("x", region="r", hosts=("b",), endpoints=("ecs",)))


def test_a_finding_touches_the_endpoint_that_it_names_where_no_host_is_known_to_fail() -> None:
    endpoint = _endpoint(("a", Outcome.NOT_RUN))

    assert endpoint.touched_by(finding("x", region="r", hosts=("z",), endpoints=("ecs",)))
    assert not endpoint.touched_by(finding("x", region="r", hosts=("a",), endpoints=("logs",)))
