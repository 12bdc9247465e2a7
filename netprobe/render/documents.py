"""One row an endpoint, for documents: what was asked for, what was written for it, and what that loses.

Pure. Every string is validated by its type, as in ``render.views``; the rows stand in the order of the endpoints.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from netprobe.catalog.model import Endpoint
from netprobe.render import text
from netprobe.render.lowering import asked_for
from netprobe.render.model import Loss, Lowered
from netprobe.render.text import Text
from netprobe.render.views import EndpointView, EntryView


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """A loss beside its endpoint; ``explanation`` is a whole line, which only a filter of the format may print."""

    kind: Text
    exfiltration: bool
    explanation: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointRow:
    """An endpoint as a document tells it.

    Attributes:
        endpoint: the endpoint.
        pattern: what is asked for: the endpoint's pattern, with an asterisk where no account was given.
        regex: the same as an anchored expression, to be matched without regard to case.
        entries: what was written for it.
        losses: where that is wider, or missing.
        lost: the same in one line.
    """

    endpoint: EndpointView
    pattern: Text
    regex: Text
    entries: tuple[EntryView, ...]
    losses: tuple[Lost, ...]
    lost: Text


def rows(lowered: Lowered, endpoints: Iterable[Endpoint]) -> tuple[EndpointRow, ...]:
    """A row for each endpoint, entries and losses beside it."""
    written: dict[str, list[EntryView]] = {}
    for entry in lowered.entries:
        view = EntryView.of(entry)
        for origin in entry.endpoints:
            written.setdefault(origin, []).append(view)
    lost: dict[tuple[str, str], list[Lost]] = {}
    for loss in lowered.losses:
        lost.setdefault((loss.region, loss.endpoint), []).append(_lost(loss))
    return tuple(
        _row(
            endpoint,
            entries=written.get(f"{endpoint.region}/{endpoint.id}", ()),
            losses=lost.get((endpoint.region, endpoint.id), ()),
        )
        for endpoint in endpoints
    )


def _lost(loss: Loss) -> Lost:
    return Lost(kind=text.words(loss.kind), exfiltration=loss.exfiltration, explanation=text.line(loss.explanation))


def _row(endpoint: Endpoint, *, entries: Iterable[EntryView], losses: Iterable[Lost]) -> EndpointRow:
    pattern = asked_for(endpoint).pattern
    told = tuple(losses)
    return EndpointRow(
        endpoint=EndpointView.of(endpoint),
        pattern=text.name(pattern),
        regex=text.regex(pattern),
        entries=tuple(entries),
        losses=told,
        lost=text.line("; ".join(f"{loss.kind}: {loss.explanation}" for loss in told)),
    )
