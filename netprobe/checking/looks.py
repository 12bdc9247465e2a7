"""The looks of a watch: each is a check of its own, from the reading of the host's settings on.

What keeps a host from AWS may be a setting of that host, so nothing that was read for one look serves the next.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import msgspec

from netprobe.checking import perform
from netprobe.checking.perform import Outside, Prepared
from netprobe.checking.request import CheckRequest

if TYPE_CHECKING:
    from netprobe.report.model import Report


class Looks:
    """Looks again and again (:class:`netprobe.checking.watch.See`).

    Args:
        request: what to look at.
        outside: what is told by whole looks; notes and what was seen half-way only by the first.
        first: the check that the first look makes, where it is prepared already.
    """

    def __init__(self, request: CheckRequest, outside: Outside, first: Prepared | None = None) -> None:
        self._request = request
        self._first = first
        self._loud = outside
        self._quiet = Outside(keep_bug=outside.keep_bug)
        self._existing: tuple[str, ...] = ()

    async def __call__(self, only: Collection[tuple[str, str]] | None, seconds: float | None) -> Report:
        """Look once.

        Args:
            only: endpoints to glance at, by region and id; None for a whole check.
            seconds: what is left of the time, or None.

        Raises:
            UsageError: what the request names cannot be read just now.
        """
        prepared, outside = self._first, self._loud
        if prepared is None:
            outside = self._quiet
            prepared = perform.prepare(self._request, outside)
        self._first = None
        if only is not None:
            glance = perform.glancing(prepared, only, self._existing)
            return await perform.look(perform.hurried(glance, seconds), self._quiet)
        shown = msgspec.structs.replace(outside, progress=self._loud.progress)
        report = await perform.look(perform.hurried(prepared, seconds), shown)
        self._existing = tuple(_existing(report))
        return report


def _existing(report: Report) -> set[str]:
    """The numbered names that a whole look found."""
    return {
        host
        for endpoint in report.endpoints
        if endpoint.numbered
        for host in set(endpoint.candidates) - set(endpoint.absent) - set(endpoint.unfinished)
    }
