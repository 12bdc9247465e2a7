"""Looking again and again until it is ready, or for as long as somebody watches.

A look at everything is a whole check: first pass, control probes, diagnosis; only that tells a change, and only that
says that a host is ready. In between, what failed alone is asked again, once, without control probes: cheap for the
host and for its resolvers, and what passed is left in peace. Where such a glance meets anything else than the look
before it, everything is looked at.

The waits grow while nothing changes and are jittered, so that hosts that were started together do not ask together.
Whether a look can be made at all may change too: a file that cannot be read for a moment is told, and not fatal.
"""

from __future__ import annotations

import random
import signal
import threading
from collections.abc import Awaitable, Callable, Collection
from enum import StrEnum
from typing import Protocol

import msgspec
import trio

from netprobe import interrupts
from netprobe.checking import changed
from netprobe.errors import NetprobeError
from netprobe.findings import Outcome, Verdict
from netprobe.report.model import Report

Key = tuple[str, str]
"""Region and id of an endpoint."""
_WELL = (Outcome.PASS, Outcome.NOT_APPLICABLE)
_SHORTEST_LOOK = 1.0
"""Seconds that must be left for another look to be worth while."""


class Waits(msgspec.Struct, frozen=True, kw_only=True):
    """How long to wait from look to look: ``first`` after a change, then ``growth`` times as long, up to ``most``."""

    first: float
    most: float
    growth: float = 1.6

    def after(self, quiet: int) -> float:
        """The wait in seconds, after so many looks that saw no change."""
        return float(min(self.first * self.growth ** min(quiet, 100), self.most))


class WatchPace(msgspec.Struct, frozen=True, kw_only=True):
    """How often to look.

    Attributes:
        failed: at what failed.
        passed: at everything, what passed included.
        jitter: the part of a wait by which it is longer or shorter by chance.
    """

    failed: Waits = Waits(first=5.0, most=60.0)
    passed: Waits = Waits(first=60.0, most=300.0)
    jitter: float = 0.2


class WatchEnding(StrEnum):
    """Why a watch ended."""

    FULFILLED = "fulfilled"
    TIME_OVER = "time_over"
    INTERRUPTED = "interrupted"


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How a watch ended.

    Attributes:
        why: what ended it.
        report: the last whole look; None where not even the first was made.
    """

    why: WatchEnding
    report: Report | None


class _Over(Exception):
    """The watch ends; never seen outside."""

    def __init__(self, why: WatchEnding) -> None:
        self.why = why
        super().__init__(why)


class See(Protocol):
    """Looks once."""

    def __call__(self, only: Collection[Key] | None, seconds: float | None) -> Awaitable[Report]:
        """Look.

        Args:
            only: the endpoints to glance at, without control probes; None for a whole check.
            seconds: the time that is left for it, or None.
        """
        ...


class Told(Protocol):
    """Whom a watch tells what it does."""

    def looked(self, report: Report, changes: tuple[str, ...]) -> None:
        """A whole look ended.

        Args:
            report: what it saw.
            changes: the lines of what changed.
        """
        ...

    def waits(self, seconds: float) -> None:
        """Nothing is done for so long."""
        ...

    def trouble(self, text: str) -> None:
        """A look could not be made."""
        ...


def unwell(report: Report) -> frozenset[Key]:
    """The endpoints that did not pass."""
    return frozenset((one.region, one.id) for one in report.endpoints if one.outcome not in _WELL)


def met(report: Report, endpoints: Collection[Key]) -> frozenset[tuple[str, ...]]:
    """What went wrong in the first pass over these endpoints: enough to tell whether anything changed.

    Addresses are left out: a name that has many gives others at every look.
    """
    return frozenset(
        (one.region, one.endpoint, one.host, one.step, one.failure)
        for one in report.observations
        if one.failure is not None and one.experiment is None and (one.region, one.endpoint) in endpoints
    )


class Watch:
    """One watch.

    Args:
        see: looks once.
        told: whom to tell.
        until: whether a whole look is what was waited for; None to watch for ever.
        seconds: how long to watch, or None.
        pace: how often to look.
        chance: gives a number between two others.
    """

    def __init__(
        self,
        see: See,
        told: Told,
        *,
        until: Callable[[Report], bool] | None = None,
        seconds: float | None = None,
        pace: WatchPace | None = None,
        chance: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._see = see
        self._told = told
        self._until = until
        self._seconds = seconds
        self._pace = pace or WatchPace()
        self._chance = chance
        self._report: Report | None = None
        self._quiet = 0
        self._met: frozenset[tuple[str, ...]] = frozenset()
        self._whole_at = 0.0
        self._stopped = False
        self._last_trouble = ""

    async def run(self) -> Ended:
        """Watch.

        Returns:
            How it ended: fulfilled, the time is over, or SIGINT (which SIGTERM is made into) came.

        Raises:
            UsageError: the very first look is impossible.
        """
        why = WatchEnding.INTERRUPTED
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                if threading.current_thread() is threading.main_thread():
                    await nursery.start(self._listen, scope)
                why = await self._watch()
                nursery.cancel_scope.cancel()
        if self._stopped or why is WatchEnding.INTERRUPTED:
            interrupts.patient()
            why = WatchEnding.INTERRUPTED
        return Ended(why=why, report=self._report)

    async def _listen(self, scope: trio.CancelScope, *, task_status: trio.TaskStatus[None]) -> None:
        """End the watch at a signal; one that comes in the middle of a look is that look's."""
        with trio.open_signal_receiver(signal.SIGINT) as signals:
            task_status.started()
            async for _ in signals:
                self._stopped = True
                scope.cancel()

    async def _watch(self) -> WatchEnding:
        end = None if self._seconds is None else trio.current_time() + self._seconds
        try:
            self._take(await self._see(None, self._seconds), end)
            while True:
                await self._next(end)
        except _Over as over:
            return over.why

    async def _next(self, end: float | None) -> None:
        """Wait, then look: at what failed alone, or at everything where that is due or where something is new.

        Raises:
            _Over: the watch ends here.
        """
        report = self._report
        assert report is not None
        if self._until is not None and self._until(report):
            raise _Over(WatchEnding.FULFILLED)
        bad = unwell(report)
        at = self._whole_at
        if bad or report.verdict is not Verdict.READY:
            at = min(at, trio.current_time() + self._wait(self._pace.failed))
        if end is not None and end - at < _SHORTEST_LOOK:
            await self._rest_until(end)
            raise _Over(WatchEnding.TIME_OVER)
        await self._rest_until(at)
        if bad and at < self._whole_at and not await self._sees_news(bad, end):
            return
        whole = await self._tried(None, end)
        if whole is not None:
            self._take(whole, end)

    async def _rest_until(self, moment: float) -> None:
        seconds = max(0.0, moment - trio.current_time())
        self._told.waits(seconds)
        await trio.sleep(seconds)

    def _wait(self, waits: Waits) -> float:
        jitter = self._pace.jitter
        return waits.after(self._quiet) * self._chance(1 - jitter, 1 + jitter)

    async def _sees_news(self, bad: frozenset[Key], end: float | None) -> bool:
        """Glance at what failed; say whether it fails otherwise than before."""
        glance = await self._tried(bad, end)
        if glance is None:
            return False
        if glance.context.interrupted:
            raise _Over(WatchEnding.INTERRUPTED)
        found = met(glance, bad)
        news = found != self._met
        self._met = found
        self._quiet += not news
        return news

    async def _tried(self, only: Collection[Key] | None, end: float | None) -> Report | None:
        """Look once; None where that was impossible, which is told once."""
        left = None if end is None else end - trio.current_time()
        try:
            report = await self._see(only, left)
        except NetprobeError as exc:
            if str(exc) != self._last_trouble:
                self._told.trouble(str(exc))
            self._last_trouble = str(exc)
            self._quiet += 1
            self._whole_at = trio.current_time() + self._wait(self._pace.failed)
            return None
        self._last_trouble = ""
        return report

    def _take(self, report: Report, end: float | None) -> None:
        """Take up a whole look. One that was cut short says less than the whole one before it, which is kept then.

        Raises:
            _Over: a signal or the end of the time cut it short.
        """
        over = end is not None and trio.current_time() >= end and report.context.deadline_reached
        if self._report is None or not (over or report.context.interrupted):
            self._told_and_kept(report)
        if report.context.interrupted:
            raise _Over(WatchEnding.INTERRUPTED)
        if over:
            raise _Over(WatchEnding.TIME_OVER)

    def _told_and_kept(self, report: Report) -> None:
        changes = changed.lines(self._report, report)
        if changes:
            self._met = met(report, unwell(report))
        self._quiet = 0 if changes else self._quiet + 1
        self._report = report
        self._whole_at = trio.current_time() + self._wait(self._pace.passed)
        self._told.looked(report, changes)
