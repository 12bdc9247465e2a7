"""Time limits that follow what the run itself measured.

One big constant is wrong twice: it waits too long for the dead and gives up too early on the slow. Linux sends a SYN
at 0 s and again after 1, 3 and 7 s (RFC 6298 section 2: an initial timeout of 1 s, doubled each time). So a connection
that stayed silent through three SYNs *and the time that an answer takes here* is dead, and how long an answer takes
here is known as soon as other hosts have answered in the same run. Until then a limit is generous.

A limit is therefore not a number but a scope whose end moves when the run learns: it comes nearer to the quick value of
its step, and stays several times the slowest answer seen away from it. A limit that the user gave is kept exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import trio

from netprobe.observations import Step


class Bound(msgspec.Struct, frozen=True):
    """The limits of one step.

    Attributes:
        unknown: while the run has not measured enough.
        quick: the shortest limit, before the share of the slowest answer is added.
        factor: how many times the slowest answer is added to ``quick``.
    """

    unknown: float
    quick: float
    factor: float


ENOUGH = 5
"""Answers that must have been measured before a limit is shortened."""
GRAIN = 0.05
"""A limit that moves by less is not told to what is already waiting: with hundreds open, telling costs more."""

BOUNDS = {
    Step.DNS: Bound(unknown=5.0, quick=3.0, factor=4.0),  # glibc and Go wait 5 s for one server
    # SYN at 0, 1 (and with Linux 6.5 and newer, which sends the first five a second apart, 2 s), and an answer's time.
    # More patience is the repeat's: what is silent now is tried again for :data:`PATIENCE` seconds.
    Step.TCP: Bound(unknown=5.0, quick=2.05, factor=4.0),
    Step.PROXY: Bound(unknown=10.0, quick=5.0, factor=8.0),  # the proxy resolves and connects on our behalf
    Step.TLS: Bound(unknown=6.0, quick=2.5, factor=8.0),  # a lost flight is sent again after 0.2, 0.6, 1.4 s
    Step.HTTP: Bound(unknown=8.0, quick=3.0, factor=8.0),  # the service may think
    Step.WEBSOCKET: Bound(unknown=8.0, quick=3.0, factor=8.0),
}


CONTROLS = {
    Step.DNS: Bound(unknown=2.0, quick=1.5, factor=4.0),
    Step.TCP: Bound(unknown=3.2, quick=1.2, factor=4.0),
    Step.PROXY: Bound(unknown=4.0, quick=3.0, factor=4.0),
    Step.TLS: Bound(unknown=3.0, quick=1.5, factor=6.0),
    Step.HTTP: Bound(unknown=3.0, quick=2.0, factor=6.0),
    Step.WEBSOCKET: Bound(unknown=3.0, quick=2.0, factor=6.0),
}
"""The limits of control probes: what they compare with has already answered or failed, so they need wait less."""


PATIENCE = 10.0
"""Seconds for a step that was silent in the first pass, when it is repeated: SYNs at 0, 1, 3 and 7 s, or a service
that takes its time. Only what stays silent for as long is called silent."""
PATIENT = dict.fromkeys(Step, Bound(unknown=PATIENCE, quick=PATIENCE, factor=0.0))


class Limits:
    """The limits of one run.

    Args:
        explicit: what the user set for every step, or None.
        bounds: the limits of each step.
    """

    def __init__(self, explicit: float | None = None, bounds: Mapping[Step, Bound] = BOUNDS) -> None:
        self._explicit = explicit
        self._bounds = bounds
        self._slowest: dict[Step, float] = {}
        self._measured: dict[Step, int] = {}
        self._told: dict[Step, float] = {}
        self._open: dict[Step, dict[trio.CancelScope, float]] = {step: {} for step in Step}

    def seconds(self, step: Step) -> float:
        """The limit that holds for a step at this moment."""
        if self._explicit is not None:
            return self._explicit
        bound = self._bounds[step]
        if self._measured.get(step, 0) < ENOUGH:
            return bound.unknown
        return min(bound.unknown, bound.quick + bound.factor * self._slowest[step])

    def for_controls(self) -> Limits:
        """The limits of control probes, with what this run measured."""
        return self._with(CONTROLS)

    def patient(self) -> Limits:
        """The limits of the repeat of what was silent; a limit that the user gave is kept."""
        return self._with(PATIENT)

    def _with(self, bounds: Mapping[Step, Bound]) -> Limits:
        limits = Limits(self._explicit, bounds)
        limits._slowest = dict(self._slowest)
        limits._measured = dict(self._measured)
        return limits

    def known(self) -> list[tuple[Step, float, int]]:
        """What was measured: of every step the slowest answer in seconds, and how many there were."""
        return [(step, self._slowest[step], self._measured[step]) for step in self._slowest]

    def adopt(self, known: Iterable[tuple[Step, float, int]]) -> None:
        """Take over what another process of this run measured."""
        for step, slowest, measured in known:
            self._slowest[step] = max(slowest, self._slowest.get(step, 0.0))
            self._measured[step] = measured + self._measured.get(step, 0)

    def learn(self, step: Step, seconds: float) -> None:
        """Take note of an answer, and move the end of what is still waiting."""
        self._measured[step] = self._measured.get(step, 0) + 1
        slower = seconds > self._slowest.get(step, -1.0)
        if slower:
            self._slowest[step] = seconds
        if self._measured[step] == ENOUGH or (slower and self._measured[step] > ENOUGH):
            limit = self.seconds(step)
            if abs(limit - self._told.get(step, 0.0)) < GRAIN:
                return
            self._told[step] = limit
            for scope, started in self._open[step].items():
                scope.deadline = started + limit

    def within(self, step: Step, at_most: float | None = None, since: float | None = None) -> Bounded:
        """Bound a block; ``scope.cancelled_caught`` tells whether the limit ended it.

        Args:
            step: whose limit.
            at_most: a shorter limit, where the caller knows better; what the user set is kept all the same.
            since: when the step began, on trio's clock; None for now.
        """
        started, seconds = trio.current_time() if since is None else since, self.seconds(step)
        if at_most is not None and self._explicit is None and at_most < seconds:
            return Bounded(trio.CancelScope(deadline=started + at_most), started, {})
        return Bounded(trio.CancelScope(deadline=started + seconds), started, self._open[step])


class Bounded:
    """A block that a limit ends; while it is open, the run can move its end."""

    __slots__ = ("_open", "_scope", "_started")

    def __init__(self, scope: trio.CancelScope, started: float, open_: dict[trio.CancelScope, float]) -> None:
        self._scope = scope
        self._started = started
        self._open = open_

    def __enter__(self) -> trio.CancelScope:
        self._open[self._scope] = self._started
        return self._scope.__enter__()

    def __exit__(self, *raised: Any) -> bool:
        del self._open[self._scope]
        return self._scope.__exit__(*raised)
