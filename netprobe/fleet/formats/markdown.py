"""Markdown for a ticket, a merge request or a chat; foreign text is escaped as in the report of one host."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from netprobe.fleet import words
from netprobe.fleet.model import Count, Fleet, FleetCause
from netprobe.report.formats.markdown import as_code, as_text

_MOST_HOSTS = 100
_MOST_SKIPPED = 20


def render(fleet: Fleet, *, width: int) -> str:
    """Write the answer, the causes, and the matrices."""
    lines = [f"## netprobe fleet: {fleet.verdict.replace('_', ' ')}", "", as_text(words.headline(fleet)), ""]
    if left := words.left_open(fleet):
        lines += [*(f"- {as_text(sentence)}" for sentence in left), ""]
    for cause in fleet.causes:
        lines += _cause(cause, fleet.by)
    lines += _by_cause(fleet)
    lines += _by_endpoint(fleet)
    lines += _hosts(fleet)
    lines += _named("Sent nothing", fleet.missing)
    lines += _named("Report too old", fleet.too_old)
    lines += _skipped(fleet)
    return "\n".join(lines).rstrip("\n") + "\n"


def _named(what: str, names: Sequence[str]) -> list[str]:
    if not names:
        return []
    return [f"**{what} ({len(names)}):** {as_text(words.hosts(names, 100))}", ""]


def _skipped(fleet: Fleet) -> Iterator[str]:
    if not fleet.skipped:
        return
    yield f"### Could not be read ({len(fleet.skipped) + fleet.skipped_more})"
    yield ""
    for one in fleet.skipped[:_MOST_SKIPPED]:
        yield f"- {as_text(f'{one.source} {one.reason}')}"
    yield ""


def _cause(cause: FleetCause, by: str) -> Iterator[str]:
    called = f" {as_text(cause.cause)}" if cause.cause else ""
    yield f"### {cause.severity}: {as_code(cause.id)}{called} ({words.certainty(cause)})"
    yield ""
    yield f"- **reach:** {as_text(words.line(cause, by))}"
    if told := words.apart(cause):
        yield f"- {as_text(told)}"
    if cause.apart is not None:
        for one in words.exceptions(cause.apart):
            yield f"- {as_text(one)}"
    yield f"- **hosts:** {as_text(words.hosts(cause.hosts, 30))}"
    if cause.title:
        yield f"- **at {as_text(cause.example)}:** {as_text(cause.title)}"
        yield f"- **fix:** {as_text(cause.remedy)}"
    yield f"- **who:** {cause.owner}"
    yield ""


def _table(heads: list[str], rows: list[list[str]]) -> list[str]:
    return [_row(heads), f"|{'---|' * len(heads)}", *map(_row, rows), ""]


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _by_cause(fleet: Fleet) -> list[str]:
    if not fleet.causes:
        return []
    heads = [as_text(fleet.by), "hosts", *map(as_text, map(words.name, fleet.causes))]
    rows = [[as_text(one.name), str(one.hosts), *map(str, one.causes)] for one in fleet.groups]
    return [f"### {as_text(fleet.by)} and cause", "", *_table(heads, rows)]


def _by_endpoint(fleet: Fleet) -> list[str]:
    if not fleet.endpoints:
        return []
    heads = ["endpoint", *(as_text(group.name) for group in fleet.groups)]
    rows = []
    for column, endpoint in enumerate(fleet.endpoints):
        cells = [_failing(group.endpoints[column]) for group in fleet.groups]
        if any(cells):
            rows.append([as_text(endpoint), *cells])
    if not rows:
        return []
    return [f"### {as_text(fleet.by)} and endpoint: hosts that fail", "", *_table(heads, rows)]


def _failing(count: Count) -> str:
    """``2 of 5``, or nothing where none fails."""
    if not count.failing:
        return ""
    return f"{count.failing} of {count.passing + count.warning + count.failing}"


def _hosts(fleet: Fleet) -> list[str]:
    failing = [host for host in fleet.hosts if "fail" in host.outcomes]
    if not failing:
        return []
    rows = []
    for host in failing[:_MOST_HOSTS]:
        bad = [one for one, outcome in zip(fleet.endpoints, host.outcomes, strict=True) if outcome == "fail"]
        rows.append([as_text(host.name), as_text(host.site), as_text(", ".join(bad))])
    lines = ["### Host and endpoint: what fails", "", *_table(["host", "site", "fails"], rows)]
    if len(failing) > _MOST_HOSTS:
        lines += [f"and {len(failing) - _MOST_HOSTS} more", ""]
    return lines
