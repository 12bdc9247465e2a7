"""The log formats: one module each, with ``NAME``, ``SUMMARY``, ``matches(line)`` and ``parse(line)``.

``parse`` returns the events of a line (none where the line is about something else) and raises ValueError where a line
of this format is malformed, or where a line of the program is not understood; whoever calls counts that and tells it.
A format whose lines mean what a line before them said (a header that names the columns) also has ``parser()``, which
makes a parser for one file. ``TEACHES`` is true where it tells which name an address has: such logs are read first.

A new format is a module here and a line in ``_ALL``; the tests hold that no module is forgotten.

``netprobe.audit`` alone may import it. A format never guesses a verdict that its line does not say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import MappingProxyType, ModuleType
from typing import Protocol, cast

from netprobe.audit.formats import (
    adguard,
    bind,
    checkpoint,
    cisco,
    coredns,
    dnsmasq,
    envoy,
    eve,
    fortios,
    haproxy,
    hubble,
    netfilter,
    nginx_stream,
    panos,
    route53,
    squid_combined,
    squid_native,
    unbound,
    vpc_flow,
    zscaler,
)
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
    nginx_stream,
    envoy,
    panos,
    fortios,
    cisco,
    checkpoint,
    zscaler,
    eve,
    netfilter,
    hubble,
    vpc_flow,
    route53,
    dnsmasq,
    unbound,
    bind,
    coredns,
    adguard,
)
FORMATS = MappingProxyType({one.NAME: one for one in _ALL})
TEACHES = frozenset(one.NAME for one in _ALL if getattr(one, "TEACHES", False))


def parser(one: Format) -> Callable[[str], tuple[Event, ...]]:
    """What parses the lines of one file; a new one for every file where a line there may say how to read the next."""
    make = getattr(cast(ModuleType, one), "parser", None)
    return one.parse if make is None else cast(Callable[[str], tuple[Event, ...]], make())


def detect(lines: Sequence[str]) -> Format | None:
    """The format that most of the lines are of; None where no format knows any."""
    scores = {one.NAME: sum(map(one.matches, lines)) for one in _ALL}
    best = max(scores, key=lambda name: scores[name])
    return FORMATS[best] if scores[best] else None
