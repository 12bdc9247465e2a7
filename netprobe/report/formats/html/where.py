"""Where: every endpoint of every region, or every rule, as one mark that leads to its evidence.

Up to three regions are drawn as tiles, more as a table of regions by endpoints. Numbered names are one mark with the
number of those that answer: which of ``ecs-a-1`` … AWS picks is nobody's choice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from netprobe.diagnosis.model import EndpointOutcome
from netprobe.findings import Outcome, RuleOutcome
from netprobe.report.formats.html.index import Index
from netprobe.report.model import Report

_MOST_TILED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One endpoint or rule.

    Attributes:
        name: its id.
        outcome: what became of it.
        told: ``3 of 3`` for numbered names, the reason where it was not run, else nothing.
        optional: whether the verdict does not need it.
        anchor: its evidence, or nothing.
        detail: a rule's sentence.
    """

    name: str
    outcome: Outcome
    told: str = ""
    optional: bool = False
    anchor: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiles:
    """The marks of one region, by group; or the rules of one subject."""

    title: str
    groups: tuple[tuple[str, tuple[Mark, ...]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionRow:
    """One region in the table: a mark or None a column."""

    region: str
    marks: tuple[Mark | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """What the section shows: tiles or a table, then rules."""

    tiles: tuple[Tiles, ...]
    groups: tuple[tuple[str, int], ...]
    columns: tuple[str, ...]
    rows: tuple[RegionRow, ...]
    rules: tuple[Tiles, ...]


def view(report: Report, index: Index) -> Where | None:
    """Every endpoint and rule of the report."""
    if not report.endpoints and not report.rules:
        return None
    regions: dict[str, list[EndpointOutcome]] = {}
    for one in report.endpoints:
        regions.setdefault(one.region, []).append(one)
    rules = tuple(_rules(report))
    if len(regions) <= _MOST_TILED:
        tiles = tuple(_tiles(region, mine, index) for region, mine in regions.items())
        return Where(tiles=tiles, groups=(), columns=(), rows=(), rules=rules)
    homes: dict[str, str] = {}
    for one in report.endpoints:
        homes.setdefault(one.id, one.group)
    order = list(dict.fromkeys(homes.values()))
    columns = sorted(homes, key=lambda id_: order.index(homes[id_]))
    groups = tuple((group, sum(home == group for home in homes.values())) for group in order)
    rows = tuple(_row(region, mine, columns, index) for region, mine in regions.items())
    return Where(tiles=(), groups=groups, columns=tuple(columns), rows=rows, rules=rules)


def _tiles(region: str, endpoints: list[EndpointOutcome], index: Index) -> Tiles:
    groups: dict[str, list[Mark]] = {}
    for one in endpoints:
        groups.setdefault(one.group, []).append(_mark(one, index))
    return Tiles(title=region, groups=tuple((name, tuple(marks)) for name, marks in groups.items()))


def _row(region: str, endpoints: list[EndpointOutcome], columns: list[str], index: Index) -> RegionRow:
    marks = {one.id: _mark(one, index) for one in endpoints}
    return RegionRow(region=region, marks=tuple(marks.get(id_) for id_ in columns))


def _mark(endpoint: EndpointOutcome, index: Index) -> Mark:
    return Mark(
        name=endpoint.id,
        outcome=endpoint.outcome,
        told=answering(endpoint) if endpoint.numbered or len(endpoint.hosts) > 1 else "",
        optional=not endpoint.required,
        anchor=index.endpoint(endpoint),
    )


def answering(endpoint: EndpointOutcome) -> str:
    """How many of the names that stood for an endpoint answer: ``3 of 3``."""
    if not endpoint.hosts:
        return ""
    good = sum(host.outcome in (Outcome.PASS, Outcome.WARN) for host in endpoint.hosts)
    return f"{good} of {len(endpoint.hosts)}"


def _rules(report: Report) -> Iterator[Tiles]:
    subjects: dict[str, list[RuleOutcome]] = {}
    for rule in report.rules:
        subjects.setdefault(rule.subject or "host", []).append(rule)
    for subject, rules in subjects.items():
        shown = [rule for rule in rules if rule.outcome not in (Outcome.PASS, Outcome.NOT_APPLICABLE)]
        marks = tuple(_rule(rule) for rule in sorted(shown, key=lambda one: one.outcome.rank))
        passed = sum(rule.outcome is Outcome.PASS for rule in rules)
        inapplicable = sum(rule.outcome is Outcome.NOT_APPLICABLE for rule in rules)
        told = f"{passed} of {len(rules)} rules pass"
        if inapplicable:
            told += f", {inapplicable} {'does' if inapplicable == 1 else 'do'} not apply"
        yield Tiles(title=subject, groups=((told, marks),))


def _rule(rule: RuleOutcome) -> Mark:
    told = rule.not_run if rule.outcome is Outcome.NOT_RUN else rule.title
    return Mark(name=rule.id, outcome=rule.outcome, detail=told)
