"""What counts of several reports of one host: a newer one replaces only what it looked at itself."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.findings import Certainty, Outcome, Owner, Severity, Verdict
from netprobe.fleet.census import Census
from netprobe.fleet.files import Document
from netprobe.fleet.model import HostFinding, Member
from netprobe.fleet.parts import counting, together
from netprobe.fleet.survey import FleetOptions, survey
from tests.support.fleets import encoded, fault, machines

HOUR = 3600.0
GROUPS = ("control", "images")


def look(
    at: float,
    *regions: str,
    fails: Sequence[str] = (),
    groups: Sequence[str] = GROUPS,
    vantages: Sequence[str] = ("docker", "ssm-agent"),
    verdict: Verdict | None = None,
) -> Member:
    """A check of these regions; ``fails`` are REGION/GROUP."""
    outcomes = {
        f"{region}/{group}-1": Outcome.FAIL if f"{region}/{group}" in fails else Outcome.PASS
        for region in regions
        for group in groups
    }
    findings = tuple(
        HostFinding(
            id="tcp_dropped",
            cause="",
            severity=Severity.ERROR,
            certainty=Certainty.PROVEN,
            owner=Owner.NETWORK,
            endpoints=(f"{part}-1",),
        )
        for part in fails
    )
    return Member(
        name="web1",
        site="fra",
        labels={},
        machine_id="a" * 32,
        source=f"{at:g}",
        started_at="",
        moment=at,
        netprobe_version="",
        verdict=verdict or (Verdict.NOT_READY if fails else Verdict.READY),
        outcomes=outcomes,
        findings=findings,
        traits={},
        scope=tuple(sorted(f"{region}/{group}" for region in regions for group in groups)),
        vantages=tuple(vantages),
    )


def rules(at: float, subject: str, verdict: Verdict) -> Member:
    """A look at a host, an image or a task without any probe."""
    return msgspec.structs.replace(look(at), verdict=verdict, scope=(f"rules/{subject}",), judged_rules=True)


def answer(*reports: Member, since: float | None = None) -> Member:
    return together(counting(reports), since)


@pytest.mark.parametrize(
    ("reports", "verdict"),
    [
        ([look(1, "us", fails=["us/control"]), look(2, "us")], Verdict.READY),
        ([look(1, "us", fails=["us/control"]), look(2, "eu")], Verdict.NOT_READY),
        ([look(2, "eu"), look(1, "us", fails=["us/control"])], Verdict.NOT_READY),
        ([look(1, "us", "eu", fails=["us/control"]), look(2, "us")], Verdict.READY),
        ([look(1, "us", "eu", fails=["eu/control"]), look(2, "us")], Verdict.NOT_READY),
        ([look(1, "us", fails=["us/control"]), look(2, "us", groups=["images"])], Verdict.NOT_READY),
        ([look(1, "us", fails=["us/images"]), look(2, "us", groups=["images"])], Verdict.READY),
        ([look(1, "us", fails=["us/control"]), look(2, "us", vantages=["docker"])], Verdict.NOT_READY),
        ([look(1, "us", fails=["us/control"], vantages=["host"]), look(2, "us")], Verdict.READY),
        ([look(1, "us", "eu", verdict=Verdict.INCONCLUSIVE), look(2, "us")], Verdict.INCONCLUSIVE),
        ([look(1, "us", fails=["us/control"]), look(2, "us", verdict=Verdict.INCONCLUSIVE)], Verdict.INCONCLUSIVE),
        ([rules(1, "host", Verdict.NOT_READY), rules(2, "task.json", Verdict.READY)], Verdict.NOT_READY),
        ([rules(1, "host", Verdict.NOT_READY), rules(2, "host", Verdict.READY)], Verdict.READY),
        ([rules(1, "host", Verdict.NOT_READY), look(2, "us")], Verdict.NOT_READY),
    ],
    ids=[
        "mended",
        "another-region",
        "read-in-another-order",
        "the-region-that-failed-again",
        "the-region-that-failed-not-again",
        "fewer-groups",
        "the-group-that-failed-again",
        "as-docker-alone",
        "as-agents-now",
        "a-part-left-open",
        "a-new-look-that-was-cut-short",
        "rules-about-something-else",
        "rules-again",
        "rules-and-a-check",
    ],
)
def test_a_newer_report_replaces_what_it_looked_at_itself(reports: list[Member], verdict: Verdict) -> None:
    assert answer(*reports).verdict is verdict


def test_what_only_an_older_report_looked_at_keeps_its_outcomes_findings_and_source() -> None:
    whole = answer(look(1, "us", "eu", fails=["us/control", "eu/images"]), look(2, "us"))
    failing = [key for key, outcome in whole.outcomes.items() if outcome is Outcome.FAIL]
    assert failing == ["eu/images-1"]
    assert [seen.endpoints for seen in whole.findings] == [("eu/images-1",)]
    assert (whole.source, whole.beside, whole.moment) == ("2", ("1",), 2)


def test_an_older_report_beyond_the_age_does_not_count_and_is_told() -> None:
    older, newer = look(1 * HOUR, "us", fails=["us/control"]), look(9 * HOUR, "eu")
    assert answer(older, newer, since=0).verdict is Verdict.NOT_READY
    whole = answer(older, newer, since=2 * HOUR)
    assert (whole.verdict, whole.lapsed, whole.beside) == (Verdict.READY, ("us/control", "us/images"), ())


@pytest.mark.parametrize(
    ("age", "lapsed", "verdict"), [(HOUR, ("us-east-2/control",), Verdict.INCONCLUSIVE), (None, (), Verdict.READY)]
)
def test_a_part_that_nobody_looks_at_any_more_leaves_the_fleet_open(
    age: float | None, lapsed: tuple[str, ...], verdict: Verdict
) -> None:
    machine = machines(random.Random(1), 1)[0]
    now = datetime(2026, 11, 18, 11, tzinfo=UTC).timestamp()
    census = Census(now, age)
    for hour, region in (("08", "us-east-2"), ("10", "eu-west-1")):
        machine.started_at = f"2026-11-18T{hour}:30:00Z"
        data = encoded(machine).replace(b"us-east-2", region.encode())
        census.add(Document(source=region, stem="x", data=data))
    fleet = survey(census, FleetOptions(max_age_seconds=age, now=now))
    assert (fleet.verdict, fleet.hosts[0].lapsed, fleet.superseded) == (verdict, lapsed, 0)


def test_many_reports_of_one_host_keep_what_is_still_open_and_no_more() -> None:
    machine = machines(random.Random(1), 1)[0]
    machine.faults = [fault("tcp_dropped")]
    census = Census()
    for day in range(1, 29):
        machine.started_at = f"2026-11-{day:02}T10:00:00Z"
        census.add(Document(source=f"day{day}", stem="x", data=encoded(machine)))
    [member] = census.members()
    assert (member.source, member.beside, census.superseded) == ("day28", (), 27)


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["us", "eu", "us eu"]), st.booleans()), min_size=1))
def test_the_order_in_which_reports_are_read_means_nothing(reports: list[tuple[int, str, bool]]) -> None:
    """And a host is ready only if the newest look at every region found it so."""
    looks = [
        look(place + 10 * at, *regions.split(), fails=[f"{regions.split()[0]}/control"] if fails else [])
        for place, (at, regions, fails) in enumerate(reports)
    ]
    there, back = answer(*looks), answer(*reversed(looks))
    if len({one.moment for one in looks}) == len(looks):
        assert (there.verdict, there.outcomes) == (back.verdict, back.outcomes)
        newest: dict[str, Outcome] = {}
        for one in sorted(looks, key=lambda one: one.moment or 0.0):
            newest |= one.outcomes
        assert there.outcomes == newest
        assert (there.verdict is Verdict.READY) == (Outcome.FAIL not in newest.values())
