"""What changed between two looks at the same host: one line a change, for ``check --watch``.

The time of a line is when the look ended that saw it. Whether a cause became proven or fell back to suspected is no
change: that depends on what else a look met.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from netprobe import natural

if TYPE_CHECKING:
    from netprobe.findings import Finding
    from netprobe.report.model import Report

MOST_HOSTS = 2


def ended(report: Report) -> datetime.datetime:
    """When a look ended."""
    return datetime.datetime.fromisoformat(report.started_at) + datetime.timedelta(seconds=report.duration_seconds)


def stamp(moment: datetime.datetime) -> str:
    """A moment as lines begin: ``2026-11-28T14:03:12Z``."""
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def lines(before: Report | None, now: Report) -> tuple[str, ...]:
    """The lines, each with its time.

    Args:
        before: the look before, or None where there was none.
        now: the last look.
    """
    told = _first(now) if before is None else _changes(before, now)
    return tuple(f"{stamp(ended(now))} {line}" for line in told)


def _first(now: Report) -> Iterator[str]:
    from netprobe.report.words import VERDICTS, summary

    yield f"{VERDICTS[now.verdict]}: {summary(now)}"
    yield from _findings({}, _by_cause(now.findings))


def _changes(before: Report, now: Report) -> Iterator[str]:
    from netprobe.report.words import VERDICTS

    if before.verdict is not now.verdict:
        yield f"{VERDICTS[before.verdict]} -> {VERDICTS[now.verdict]}"
    yield from _findings(_by_cause(before.findings), _by_cause(now.findings))
    yield from _endpoints(before, now)


def _endpoints(before: Report, now: Report) -> Iterator[str]:
    from netprobe.report.words import OUTCOMES

    outcomes = {(one.region, one.id): one.outcome for one in before.endpoints}
    for one in now.endpoints:
        was = outcomes.get((one.region, one.id))
        if was is not None and was is not one.outcome:
            yield f"{one.region} {one.id}: {OUTCOMES[was]} -> {OUTCOMES[one.outcome]}"


_Causes = Mapping[tuple[str, str], Sequence["Finding"]]


def _by_cause(findings: Sequence[Finding]) -> _Causes:
    """The findings that matter, by what they are and where."""
    from netprobe.findings import Severity

    found: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        if finding.severity is not Severity.INFO:
            found.setdefault((finding.id, finding.region or ""), []).append(finding)
    return found


def _findings(before: _Causes, now: _Causes) -> Iterator[str]:
    for key in before:
        if key not in now:
            yield f"gone: {_named(key)}{_where(_hosts(before[key]))}"
    for key, findings in now.items():
        hosts = _hosts(findings)
        if key not in before:
            gravest = min(findings, key=lambda one: one.severity.rank)
            yield f"new {gravest.severity}: {_named(key)}{_where(hosts)}, to be mended by: {gravest.owner}"
            continue
        was = _hosts(before[key])
        if len(was) != len(hosts):
            yield f"still: {_named(key)}, {len(was)} -> {len(hosts)} hosts{_where(hosts)}"


def _named(key: tuple[str, str]) -> str:
    finding, region = key
    return f"{region} {finding}" if region else finding


def _hosts(findings: Sequence[Finding]) -> tuple[str, ...]:
    return tuple(natural.ordered({host for finding in findings for host in finding.hosts}))


def _where(hosts: Sequence[str]) -> str:
    from netprobe.report.words import hosts_told

    return f" ({hosts_told(hosts, MOST_HOSTS)})" if hosts else ""
