"""One self-contained page, with the look of a host's report: causes, sites, the map with hosts as columns, a list.

It is complete without a script. The one script that it has sorts and filters what stands there; the page's own
Content-Security-Policy allows that script by its digest, no other, and no load, so that even a mistake in escaping
would stay inert.
"""

from __future__ import annotations

import base64
import hashlib

import jinja2
import msgspec
from markupsafe import Markup

from netprobe import cilog
from netprobe.errors import printable
from netprobe.findings import Outcome, Severity, Verdict
from netprobe.fleet import words
from netprobe.fleet.model import Count, Fleet, FleetCause, HostLine
from netprobe.resources import template_source

MOST_COLUMNS = 2000
"""Hosts of the map; above it, those at which nothing fails are left out first."""
_LONGEST = 1_000_000
GLYPHS = {Outcome.PASS: "✓", Outcome.WARN: "!", Outcome.FAIL: "✕", Outcome.NOT_RUN: "?", Outcome.NOT_APPLICABLE: "-"}
WORDS = {
    Outcome.PASS: "passes",
    Outcome.WARN: "passes with a warning",
    Outcome.FAIL: "fails",
    Outcome.NOT_RUN: "was not run",
    Outcome.NOT_APPLICABLE: "does not apply",
}
_OUTCOMES = {
    Verdict.READY: Outcome.PASS,
    Verdict.DEGRADED: Outcome.WARN,
    Verdict.NOT_READY: Outcome.FAIL,
    Verdict.INCONCLUSIVE: Outcome.NOT_RUN,
}


class _Card(msgspec.Struct, frozen=True, kw_only=True):
    cause: FleetCause
    name: str
    outcome: Outcome
    certainty: str
    line: str
    number: str
    apart: str
    exceptions: list[str]


class _Line(msgspec.Struct, frozen=True, kw_only=True):
    """A host, and its number on the page."""

    at: int
    line: HostLine
    verdict: str
    failing: int
    causes: str
    labels: str


class _Cell(msgspec.Struct, frozen=True, kw_only=True):
    at: int
    word: str
    glyph: str
    told: str


class _Row(msgspec.Struct, frozen=True, kw_only=True):
    endpoint: str
    cells: list[_Cell]


class _Counted(msgspec.Struct, frozen=True, kw_only=True):
    endpoint: str
    counts: list[Count]


def render(fleet: Fleet, *, width: int) -> str:
    """Fill the template ``report/fleet.html.j2``."""
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(template_source("report")),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=lambda value: printable(value, _LONGEST) if type(value) is str else value,
    )
    script = environment.get_template("fleet.js.j2").render()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    lines = [_line(at, host) for at, host in enumerate(fleet.hosts)]
    columns = _columns(lines)
    page = environment.get_template("fleet.html.j2").render(
        fleet=fleet,
        verdict=fleet.verdict.upper().replace("_", " "),
        outcome=_OUTCOMES[fleet.verdict],
        headline=words.headline(fleet),
        left_open=words.left_open(fleet),
        cards=[_card(cause, fleet.by) for cause in fleet.causes],
        by_endpoint=_by_endpoint(fleet),
        columns=columns,
        left_out=len(lines) - len(columns),
        rows=_rows(fleet, columns),
        lines=lines,
        heads=_heads(fleet),
        glyphs=GLYPHS,
        words=WORDS,
        style=Markup(environment.get_template("style.css").render()),  # noqa: S704 - a file of ours
        script=Markup(script),  # noqa: S704 - a file of ours, without a variable in it
        script_hash=f"sha256-{digest}",
    )
    return cilog.in_markup(page)


def _card(cause: FleetCause, by: str) -> _Card:
    return _Card(
        cause=cause,
        name=words.name(cause),
        outcome=Outcome.FAIL if cause.severity is Severity.ERROR else Outcome.WARN,
        certainty=words.certainty(cause),
        line=words.line(cause, by),
        number=words.counted(len(cause.hosts), "host"),
        apart=words.apart(cause),
        exceptions=words.exceptions(cause.apart) if cause.apart is not None else [],
    )


def _heads(fleet: Fleet) -> list[str]:
    """The columns of the list of hosts."""
    group = [] if fleet.by == "site" else [fleet.by]
    return ["host", "site", *group, "verdict", "fails", "report of", "causes", "labels"]


def _line(at: int, host: HostLine) -> _Line:
    return _Line(
        at=at,
        line=host,
        verdict="too old" if host.too_old else host.verdict.replace("_", " "),
        failing=host.outcomes.count(Outcome.FAIL),
        causes=", ".join(str(number + 1) for number in host.causes),
        labels=", ".join(f"{name}={value}" for name, value in host.labels.items()),
    )


def _columns(lines: list[_Line]) -> list[_Line]:
    """The hosts of the map: all of them, or as many as a browser shows, those that fail first."""
    if len(lines) <= MOST_COLUMNS:
        return lines
    return sorted(lines, key=lambda line: (not line.failing, line.at))[:MOST_COLUMNS]


def _rows(fleet: Fleet, columns: list[_Line]) -> list[_Row]:
    return [
        _Row(endpoint=endpoint, cells=[_cell(endpoint, line, line.line.outcomes[place]) for line in columns])
        for place, endpoint in enumerate(fleet.endpoints)
    ]


def _cell(endpoint: str, line: _Line, outcome: Outcome | None) -> _Cell:
    if outcome is None:
        return _Cell(at=line.at, word="blank", glyph="", told=f"{line.line.name}: {endpoint} was not asked for")
    return _Cell(at=line.at, word=outcome, glyph=GLYPHS[outcome], told=f"{line.line.name}: {endpoint} {WORDS[outcome]}")


def _by_endpoint(fleet: Fleet) -> list[_Counted]:
    return [
        _Counted(endpoint=endpoint, counts=[group.endpoints[place] for group in fleet.groups])
        for place, endpoint in enumerate(fleet.endpoints)
        if any(group.endpoints[place].failing for group in fleet.groups)
    ]
