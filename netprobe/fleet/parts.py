"""Several reports of one host: which of them count, and what they say together.

A newer report replaces an older one only for what it looked at itself. A check of one region says nothing about
another, one of the container images' endpoints nothing about the agents', and one as Docker nothing about what the ECS
agent's proxy lets through: what a host failed at there stands until somebody looks again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from netprobe.findings import Outcome, Severity, Verdict, worst
from netprobe.fleet.model import HostFinding, Member

MOST_PARTS = 64
"""Reports that are kept of one host, the newest of them; no schedule splits a check into more."""
ANY_AGENT = "host"
"""The vantage of a check without an agent's settings; whoever looks as an agent has looked further than that."""
RULES = "rules"
"""What rules about a host, an image or a task stand under where an endpoint has a region."""
_FROM_WORST = (Verdict.NOT_READY, Verdict.INCONCLUSIVE, Verdict.DEGRADED, Verdict.READY)


def counting(reports: Iterable[Member]) -> tuple[Member, ...]:
    """Those that no newer ones replace, the newest first.

    Args:
        reports: of one host; of two that are equally old the one that comes later counts as newer.
    """
    covered: dict[str, set[str]] = {}
    kept: list[Member] = []
    reports = tuple(reports)
    if len(reports) == 1:  # the usual case
        return reports
    oldest_first = sorted(reports, key=lambda member: member.moment or 0.0)
    for one in oldest_first[::-1]:
        if kept and not _left(one, covered):
            continue
        kept.append(one)
        for part in one.scope:
            covered.setdefault(part, set()).update(one.vantages)
    return tuple(kept[:MOST_PARTS])


def _left(one: Member, covered: Mapping[str, set[str]]) -> set[str]:
    """The parts of its scope that nothing newer looked at, or not as every agent that it looked as."""
    asked = set(one.vantages) - {ANY_AGENT}
    return {part for part in one.scope if part not in covered or not asked <= covered[part]}


def together(parts: Sequence[Member], since: float | None = None) -> Member:
    """One record of what the parts say.

    Args:
        parts: what :func:`counting` kept, the newest first.
        since: Unix time; of older checks than that only the newest counts, and what the others looked at is told as
            ``lapsed``. None where every age counts.
    """
    if len(parts) == 1:
        return parts[0]
    checks = [one for one in parts if one.outcomes]
    first = (checks or parts)[0]
    whole = first
    covered = {part: set(first.vantages) for part in first.scope}
    for one in (*checks, *(one for one in parts if not one.outcomes)):
        if one is first:
            continue
        left = _left(one, covered)
        is_old = since is not None and (one.moment is None or one.moment < since)
        if one.outcomes and is_old:
            whole = replace(whole, lapsed=tuple(sorted({*whole.lapsed, *left})))
            continue
        whole = _joined(whole, _about(one, left, whole, covered) if one.outcomes else one)
        for part in one.scope:
            covered.setdefault(part, set()).update(one.vantages)
    return whole


def _about(one: Member, left: Iterable[str], newer: Member, covered: Mapping[str, set[str]]) -> Member:
    """An older check, without what newer ones say anew."""
    regions = {part.partition("/")[0]: part in covered for part in left}
    keys = {
        key
        for key in one.outcomes
        if (region := key.partition("/")[0]) in regions and (regions[region] or key not in newer.outcomes)
    }
    findings = tuple(
        seen for seen in one.findings if not keys.isdisjoint(seen.endpoints) or (seen.from_rule and RULES in regions)
    )
    outcomes = {key: outcome for key, outcome in one.outcomes.items() if key in keys}
    return replace(
        one, outcomes=outcomes, findings=findings, verdict=_verdict(one.verdict, findings, outcomes.values())
    )


def _verdict(whole: Verdict, findings: Sequence[HostFinding], outcomes: Iterable[Outcome]) -> Verdict:
    """What a check says about a part of what it looked at."""
    found = set(outcomes)
    if whole is Verdict.INCONCLUSIVE and found:
        return Verdict.INCONCLUSIVE
    if whole is Verdict.NOT_READY:
        if any(seen.severity is Severity.ERROR for seen in findings) or Outcome.FAIL in found:
            return Verdict.NOT_READY
        if Outcome.NOT_RUN in found:
            return Verdict.INCONCLUSIVE
    return Verdict.DEGRADED if findings or Outcome.WARN in found else Verdict.READY


def _joined(whole: Member, one: Member) -> Member:
    """The record with one more part in it."""
    outcomes = dict(whole.outcomes)
    for key, outcome in one.outcomes.items():
        outcomes[key] = worst((outcomes.get(key, outcome), outcome))
    return replace(
        whole,
        verdict=min(whole.verdict, one.verdict, key=_FROM_WORST.index),
        outcomes=outcomes,
        findings=(*whole.findings, *one.findings),
        traits={**one.traits, **whole.traits},
        labels={**one.labels, **whole.labels},
        judged_rules=whole.judged_rules or one.judged_rules,
        beside=(*whole.beside, one.source),
    )
