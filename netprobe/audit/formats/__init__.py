"""The log formats: one module each, with ``NAME``, ``SUMMARY``, ``matches(line)`` and ``parse(line)``.

``parse`` returns the events of a line (none where the line is about something else) and raises ValueError where a line
of this format is malformed; whoever calls counts that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Protocol

from netprobe.audit.formats import bind, dnsmasq, eve, haproxy, netfilter, panos, squid_combined, squid_native, unbound
from netprobe.audit.model import Event


class Format(Protocol):
    """What a format module offers."""

    NAME: str
    SUMMARY: str

    def matches(self, line: str) -> bool:
        """Whether a line is of this format."""

    def parse(self, line: str) -> tuple[Event, ...]:
        """The events of a line."""


_ALL: tuple[Format, ...] = (
    squid_native,
    squid_combined,
    haproxy,
    panos,
    eve,
    netfilter,
    dnsmasq,
    unbound,
    bind,
)
FORMATS = MappingProxyType({one.NAME: one for one in _ALL})


def parser(one: Format) -> Callable[[str], tuple[Event, ...]]:
    """What parses the lines of one file; a new one for every file, since a header line there may name the columns."""
    return panos.parser() if one.NAME == panos.NAME else one.parse


def detect(lines: Sequence[str]) -> Format | None:
    """The format that most of the lines are of; None where no format knows any."""
    scores = {one.NAME: sum(map(one.matches, lines)) for one in _ALL}
    best = max(scores, key=lambda name: scores[name])
    return FORMATS[best] if scores[best] else None
