"""The runs of an exporter: one on a schedule, others when they are asked for; one at a time for each question.

A run has its own deadline, so that a black hole costs that much and no more; who asks for what is already being looked
at waits for that run, and who asks again soon gets the same answer.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Awaitable, Callable

import msgspec
import trio

from netprobe.errors import NetprobeError
from netprobe.report.model import Report
from netprobe.report.words import is_ready

FRESH_SECONDS = 15.0
MOST_AT_ONCE = 2
"""Runs that are asked for, beside the one on schedule."""
MOST_WAITING = 8
MOST_KEPT = 32
JITTER = 0.1
LEAST_PAUSE = 1.0
"""Seconds between two scheduled runs, however long the first took."""
Key = tuple[str, ...]
Look = Callable[[Key], Awaitable[Report]]
"""Looks for one question; an empty key is the exporter's own."""
OWN: Key = ()


class TooManyRunsError(Exception):
    """More runs are waited for than is reasonable."""


class TimedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One answer, and when it was had (on trio's clock)."""

    report: Report
    at: float


class Runs:
    """All runs.

    Args:
        look: makes one.
        every: seconds from one scheduled run to the next.
        chance: gives a number between two others.
        strict: whether a host with warnings is not ready.
    """

    def __init__(
        self,
        look: Look,
        *,
        every: float,
        chance: Callable[[float, float], float] = random.uniform,
        strict: bool = False,
    ) -> None:
        self._look = look
        self.every = every
        self._chance = chance
        self.strict = strict
        self._kept: dict[Key, TimedAnswer] = {}
        self._going: dict[Key, trio.Event] = {}
        self._slots = trio.CapacityLimiter(MOST_AT_ONCE)
        self.latest: Report | None = None
        self.last_success: str = ""
        self.trouble: str = ""
        self.done = 0

    async def keep_looking(self) -> None:
        """Look on schedule, for ever; a run that takes longer than the time between two is followed by the next."""
        while True:
            began = trio.current_time()
            try:
                await self.answer(OWN)
                self.trouble = ""
            except NetprobeError as exc:
                self.trouble = str(exc)
            wait = self.every * self._chance(1 - JITTER, 1 + JITTER)
            await trio.sleep_until(max(began + wait, trio.current_time() + LEAST_PAUSE))

    async def answer(self, key: Key) -> Report:
        """What is seen for a question.

        Raises:
            UsageError: it makes no sense.
            TooManyError: too many others wait.
        """
        while key in self._going:
            await self._going[key].wait()
        seen = self._kept.get(key)
        if seen is not None and trio.current_time() - seen.at < FRESH_SECONDS and key != OWN:
            return seen.report
        if key != OWN and len(self._going) - (OWN in self._going) >= MOST_WAITING:
            raise TooManyRunsError
        self._going[key] = trio.Event()
        try:
            # The exporter's own run never waits for those that others ask for.
            async with contextlib.nullcontext() if key == OWN else self._slots:
                report = await self._look(key)
        finally:
            self._going.pop(key).set()
        self._keep(key, report)
        return report

    def _keep(self, key: Key, report: Report) -> None:
        self.done += 1
        self._kept.pop(key, None)
        while len(self._kept) >= MOST_KEPT:
            self._kept.pop(next(iter(self._kept)))
        if key != OWN:
            self._kept[key] = TimedAnswer(report=report, at=trio.current_time())
            return
        self.latest = report
        if is_ready(report, strict=self.strict):
            self.last_success = report.started_at
