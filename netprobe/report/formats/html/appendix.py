"""The appendix: what was *not* looked at, in full; what does not apply and what passes, folded; and notes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from netprobe.diagnosis.capabilities import CAPABILITIES
from netprobe.findings import Outcome
from netprobe.report.formats.html.index import Index
from netprobe.report.formats.html.where import answering
from netprobe.report.model import Report

_AGENTS = ("ecs-agent", "ssm-agent", "docker")


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """One thing that passes."""

    name: str
    where: str
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """One thing that was not looked at, or does not apply, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Appendix:
    """What the section shows."""

    unseen: tuple[Unseen, ...]
    inapplicable: tuple[Unseen, ...]
    passed: tuple[Passed, ...]
    notes: tuple[str, ...]


def view(report: Report, index: Index) -> Appendix:
    """What was not seen, what does not apply, passes, and notes."""
    return Appendix(
        unseen=tuple(_unseen(report)),
        inapplicable=tuple(_inapplicable(report)),
        passed=tuple(_passed(report)),
        notes=report.notes,
    )


def _inapplicable(report: Report) -> Iterator[Unseen]:
    """Rules that were judged and have nothing to say of this host; their reason is an answer, not a gap."""
    for rule in report.rules:
        if rule.outcome is Outcome.NOT_APPLICABLE:
            yield Unseen(name=f"{rule.id} ({rule.subject or 'host'})", reason=rule.title)


def _passed(report: Report) -> Iterator[Passed]:
    several = len(report.regions) > 1
    for one in report.endpoints:
        if one.outcome is Outcome.PASS:
            told = f"{answering(one)} names answer" if len(one.hosts) > 1 else ""
            where = f"{one.pattern}:{one.port}"
            yield Passed(name=f"{one.id} ({one.region})" if several else one.id, where=where, told=told)
    for rule in report.rules:
        if rule.outcome is Outcome.PASS:
            yield Passed(name=rule.id, where=rule.subject or "host", told=rule.title)


def _unseen(report: Report) -> Iterator[Unseen]:
    yield from _endpoints(report)
    for rule in report.rules:
        if rule.outcome is Outcome.NOT_RUN:
            yield Unseen(name=f"{rule.id} ({rule.subject or 'host'})", reason=rule.not_run or "it could not be judged")
    if not report.endpoints:
        yield Unseen(name="the network", reason="no endpoint was probed: netprobe check -r REGION does that")
        return
    groups = {one.group for one in report.endpoints}
    for capability in CAPABILITIES:
        left = sorted(capability.groups - groups)
        if left and not any(one.id == capability.id for one in report.capabilities):
            reason = f"left out: --with {','.join(left)} looks at it"
            yield Unseen(name=f"{capability.id}: {capability.summary}", reason=reason)
    looked = {record.name for record in report.context.vantages}
    if looked == {"host"}:
        yield Unseen(
            name=f"the settings of {', '.join(_AGENTS)}", reason="looked as the host alone: --as all looks as each"
        )
    if report.context.idle_seconds is None:
        yield Unseen(name="whether idle WebSockets are cut", reason="it takes its time: --idle 120 looks at it")
    if not report.rules:
        yield Unseen(name="the host itself (packages, kernel, time)", reason="netprobe host looks at it")


def _endpoints(report: Report) -> Iterator[Unseen]:
    """Endpoints that were not run, those with the same reason in one line a region."""
    together: dict[tuple[str, str], list[str]] = {}
    for one in report.endpoints:
        if one.outcome in (Outcome.NOT_RUN, Outcome.NOT_APPLICABLE):
            reason = one.not_run or one.unused or str(one.outcome)
            together.setdefault((one.region, reason), []).append(one.id)
    for (region, reason), ids in together.items():
        yield Unseen(name=f"{', '.join(ids)} in {region}", reason=reason)
