"""The looks of a watch, at the lab: a glance asks for what failed alone, and for names that exist."""

from __future__ import annotations

import trio

from netprobe.checking import perform
from netprobe.checking.looks import Looks
from netprobe.checking.request import CheckRequest
from netprobe.findings import Verdict
from netprobe.report.model import Report

REQUEST = CheckRequest(
    regions=("us-east-2",), account="123456789012", without_groups=("logs", "images"), lab="nxdomain"
)
FAILED = ("us-east-2", "ssm")


def questions(report: Report) -> set[str]:
    return {one.host for one in report.observations if one.step == "dns"}


def test_a_glance_asks_for_what_failed_alone_once() -> None:
    async def look() -> tuple[Report, Report]:
        looks = Looks(REQUEST, perform.ALONE)
        return await looks(None, None), await looks({FAILED, ("us-east-2", "ecs-a")}, None)

    whole, glance = trio.run(look)
    assert whole.verdict is Verdict.NOT_READY
    assert {(one.region, one.id) for one in glance.endpoints} == {FAILED, ("us-east-2", "ecs-a")}
    assert any(one.experiment for one in whole.observations)
    # The name that cannot exist belongs to a first pass over numbers: it tells which of them do.
    assert {one.experiment for one in glance.observations} == {None, "impossible_name"}
    asked = {name for one in glance.endpoints for name in one.candidates}
    numbered = next(one for one in whole.endpoints if one.id == "ecs-a")
    assert len(numbered.candidates) == 32
    assert asked == {"ssm.us-east-2.amazonaws.com", *set(numbered.candidates) - set(numbered.absent)}
    assert len(asked) < 8


def test_what_is_left_of_the_time_bounds_a_look() -> None:
    slow = CheckRequest(regions=("us-east-2",), account="123456789012", lab="blackhole-all", timeout=20.0)
    report = trio.run(Looks(slow, perform.ALONE), None, 1.5)
    assert report.context.deadline_seconds == 1.5
    assert report.context.deadline_reached


def test_the_first_look_is_the_check_that_was_prepared() -> None:
    prepared = perform.prepare(REQUEST)
    other = CheckRequest(regions=("eu-west-1",), account="123456789012", lab="healthy")

    async def look() -> tuple[Report, Report]:
        looks = Looks(other, perform.ALONE, prepared)
        return await looks(None, None), await looks(None, None)

    first, second = trio.run(look)
    assert (first.regions, second.regions) == (("us-east-2",), ("eu-west-1",))
