"""Markdown for a ticket, a merge request or a chat; foreign text is escaped as in the report of one host."""

from __future__ import annotations

from collections.abc import Iterator

from netprobe.fleet import words
from netprobe.fleet.model import Fleet, FleetCause
from netprobe.report.formats.markdown import as_code, as_text

_MOST_HOSTS = 100


def render(fleet: Fleet, *, width: int) -> str:
    """Write the answer, the causes, and the matrices."""
    lines = [f"## netprobe fleet: {fleet.verdict.replace('_', ' ')}", "", as_text(words.headline(fleet)), ""]
    for cause in fleet.causes:
        lines += _cause(cause, fleet.by)
    lines += _by_cause(fleet)
    lines += _by_endpoint(fleet)
    lines += _hosts(fleet)
    for what, names in (("Sent nothing", fleet.missing), ("Report too old", fleet.too_old)):
        if names:
            lines += [f"**{what} ({len(names)}):** {as_text(words.hosts(names, 100))}", ""]
    if fleet.skipped:
        number = len(fleet.skipped) + fleet.skipped_more
        lines += [f"### Could not be read ({number})", ""]
        lines += [f"- {as_text(f'{one.source} {one.reason}')}" for one in fleet.skipped[:20]]
        lines.append("")
    return "\n".join(lines).rstrip("\n") + "\n"


def _cause(cause: FleetCause, by: str) -> Iterator[str]:
    called = f" {as_text(cause.cause)}" if cause.cause else ""
    yield f"### {cause.severity}: {as_code(cause.id)}{called} ({words.certainty(cause)})"
    yield ""
    yield f"- **reach:** {as_text(words.line(cause, by))}"
    if told := words.apart(cause):
        yield f"- {as_text(told)}"
    if cause.apart is not None:
        yield from (f"- {as_text(one)}" for one in words.exceptions(cause.apart))
    yield f"- **hosts:** {as_text(words.hosts(cause.hosts, 30))}"
    if cause.title:
        yield f"- **at {as_text(cause.example)}:** {as_text(cause.title)}"
        yield f"- **fix:** {as_text(cause.remedy)}"
    yield f"- **who:** {cause.owner}"
    yield ""


def _table(heads: list[str], rows: list[list[str]]) -> list[str]:
    return [
        f"| {' | '.join(heads)} |",
        f"|{'---|' * len(heads)}",
        *(f"| {' | '.join(row)} |" for row in rows),
        "",
    ]


def _by_cause(fleet: Fleet) -> list[str]:
    if not fleet.causes:
        return []
    heads = [as_text(fleet.by), "hosts", *(as_text(words.name(cause)) for cause in fleet.causes)]
    rows = [[as_text(one.name), str(one.hosts), *(str(count) for count in one.causes)] for one in fleet.groups]
    return [f"### {as_text(fleet.by)} and cause", "", *_table(heads, rows)]


def _by_endpoint(fleet: Fleet) -> list[str]:
    if not fleet.endpoints:
        return []
    heads = ["endpoint", *(as_text(group.name) for group in fleet.groups)]
    rows = []
    for column, endpoint in enumerate(fleet.endpoints):
        counts = [group.endpoints[column] for group in fleet.groups]
        cells = [f"{one.failing} of {one.passing + one.warning + one.failing}" if one.failing else "" for one in counts]
        if any(cells):
            rows.append([as_text(endpoint), *cells])
    return [f"### {as_text(fleet.by)} and endpoint: hosts that fail", "", *_table(heads, rows)] if rows else []


def _hosts(fleet: Fleet) -> list[str]:
    failing = [host for host in fleet.hosts if "fail" in host.outcomes]
    if not failing:
        return []
    rows = []
    for host in failing[:_MOST_HOSTS]:
        bad = [one for one, outcome in zip(fleet.endpoints, host.outcomes, strict=True) if outcome == "fail"]
        rows.append([as_text(host.name), as_text(host.site), as_text(", ".join(bad))])
    more = [f"and {len(failing) - _MOST_HOSTS} more", ""] if len(failing) > _MOST_HOSTS else []
    return ["### Host and endpoint: what fails", "", *_table(["host", "site", "fails"], rows), *more]
