"""A comparison, shown: text for people, Markdown for a pull request or a chat, JSON for machines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from netprobe import cilog, jsontext
from netprobe.errors import printable
from netprobe.fleet import words
from netprobe.fleet.compare import SCHEMA_VERSION, Difference, DifferenceKind, FleetComparison, Weight
from netprobe.observe.text import fitted
from netprobe.report.formats.markdown import as_code, as_text

FORMATS = ("text", "json", "markdown")
_TITLES = {
    DifferenceKind.NEW: "New",
    DifferenceKind.CHANGED: "Changed",
    DifferenceKind.UNJUDGED: "No longer judged",
    DifferenceKind.SLOWER: "Slower",
    DifferenceKind.FIXED: "Fixed",
    DifferenceKind.FASTER: "Faster",
    DifferenceKind.SAME: "The same",
}
_ANSWERS = {
    Weight.WORSE: "WORSE: something that worked does not",
    Weight.WARNING: "NOT WORSE, but there are new warnings, or something takes longer",
    Weight.NONE: "NOT WORSE",
}


def render(comparison: FleetComparison, format: str, *, width: int = 80) -> str | bytes:
    """Show a comparison.

    Args:
        comparison: what to show.
        format: one of :data:`FORMATS`.
        width: the columns that text may use.
    """
    if format == "json":
        return jsontext.encode(comparison)
    if format == "markdown":
        return _markdown(comparison)
    lines = [printable(line, 2000) if line else "" for line in _text(comparison)]
    return cilog.in_text(fitted(lines, width))


def schema() -> dict[str, Any]:
    """Make the JSON Schema (2020-12) of the comparison from its types."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "netprobe comparison",
        "description": f"What 'netprobe compare --format json' writes, schema_version {SCHEMA_VERSION}.",
        **msgspec.json.schema(FleetComparison),
    }


def headline(comparison: FleetComparison) -> str:
    """How many of each kind, a host at a time."""
    counts = [f"{count} {kind}" for kind, count in comparison.counts.items() if count]
    return ", ".join(counts) or "nothing is different"


def _text(comparison: FleetComparison) -> Iterator[str]:
    for kind in DifferenceKind:
        changes = [change for change in comparison.changes if change.kind is kind]
        if not changes:
            continue
        yield f"{_TITLES[kind]}:"
        for change in changes:
            mark = "! " if change.weight is Weight.WORSE else "  "
            yield f"{mark}{told(change)}"
            yield f"    {where(change)}"
        yield ""
    yield from (f"{line}" for line in _only(comparison))
    yield f"{_ANSWERS[comparison.weight]}: {headline(comparison)}."


def _only(comparison: FleetComparison) -> Iterator[str]:
    for what, names in (("Only in the old", comparison.gone), ("Only in the new", comparison.added)):
        if names:
            yield f"{what} ({len(names)}): {words.hosts(names, 40)}"
    for what, side in (("old", comparison.old), ("new", comparison.new)):
        if side.skipped:
            yield f"Could not be read of the {what} ({len(side.skipped)}): {side.skipped[0].source} and so on"


def told(change: Difference) -> str:
    """One change in a line, without its hosts."""
    who = f"; for {change.owner}" if change.owner is not None else ""
    grave = f" ({change.severity}{who})" if change.severity is not None else ""
    if change.kind in (DifferenceKind.NEW, DifferenceKind.FIXED, DifferenceKind.SAME, DifferenceKind.UNJUDGED):
        cause = change.now or change.before
        return f"{change.id}{f', {cause}' if cause else ''}{grave}"
    from_to = f"{change.before} → {change.now}" if change.before else change.now
    return f"{change.id}{grave}: {from_to}"


def where(change: Difference) -> str:
    """Hosts and endpoints of a change."""
    sites = ", ".join(f"{site} {count}" for site, count in change.sites.items())
    endpoints = f"; {', '.join(change.endpoints[:12])}" if change.endpoints else ""
    more = f" and {len(change.endpoints) - 12} more" if len(change.endpoints) > 12 else ""
    number = words.counted(len(change.hosts), "host")
    return f"{number} ({sites}): {words.hosts(change.hosts)}{endpoints}{more}"


def _markdown(comparison: FleetComparison) -> str:
    lines = [f"## netprobe compare: {_ANSWERS[comparison.weight]}", "", as_text(headline(comparison)), ""]
    for kind in DifferenceKind:
        changes = [change for change in comparison.changes if change.kind is kind]
        if not changes:
            continue
        lines += [
            f"### {_TITLES[kind]}",
            "",
            "| what | before | now | who | hosts | endpoints |",
            "|---|---|---|---|---|---|",
        ]
        lines += [_row(change) for change in changes]
        lines.append("")
    lines += [f"- {as_text(line)}" for line in _only(comparison)]
    return "\n".join(lines).rstrip("\n") + "\n"


def _row(change: Difference) -> str:
    sites = ", ".join(f"{site} {count}" for site, count in change.sites.items())
    hosts = f"{len(change.hosts)} ({sites}): {words.hosts(change.hosts)}"
    cells = (
        f"{as_code(change.id)}{f' ({change.severity})' if change.severity is not None else ''}",
        as_text(change.before),
        as_text(change.now),
        str(change.owner or ""),
        as_text(hosts),
        as_text(", ".join(change.endpoints[:12])),
    )
    return f"| {' | '.join(cells)} |"
