"""The scene of a probe: what is probed, as whom, since when; and the one place that makes observations of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from netprobe.observations import Detail, Experiment, Failure, Observation, Step

if TYPE_CHECKING:
    import trio


class RunClock:
    """When one run began. A run is laid out before there is an event loop, and only a loop has a clock.

    Attributes:
        zero: that moment, on trio's clock. There is none before the loop begins, and nothing to observe either.

    Args:
        zero: that moment, where the loop runs already.
    """

    __slots__ = ("zero",)
    zero: float

    def __init__(self, zero: float | None = None) -> None:
        if zero is not None:
            self.zero = zero


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """What every observation of one probe has in common.

    Attributes:
        clock: when the run began.
        vantage: as whom we look.
        region: the region of the endpoint that asked.
        endpoint: the id of that endpoint.
        host: the name that is probed.
        port: the service port, as the catalog names it.
        experiment: which control probe this is, or None in the first pass.
        shared_with: other vantages with equal settings for this host.
        attempt: which try of the experiment this is, from 1; 0 in the first pass.
    """

    clock: RunClock
    vantage: str
    region: str
    endpoint: str
    host: str
    port: int
    experiment: Experiment | None = None
    shared_with: tuple[str, ...] = ()
    attempt: int = 0

    def control(self, experiment: Experiment, attempt: int = 1) -> Scene:
        """The same scene for a control probe."""
        return msgspec.structs.replace(self, experiment=experiment, attempt=attempt)

    def observe(
        self,
        step: Step,
        started: float,
        failure: Failure | None,
        detail: Detail,
        *,
        address: str | None = None,
        limited: trio.CancelScope | None = None,
        ended: float | None = None,
    ) -> Observation:
        """Record a step that began at ``started`` and ends now; the run numbers it at the end.

        Args:
            step: which step.
            started: when it began, on trio's clock.
            failure: what it met, or None.
            detail: what exactly was seen.
            address: the address used, where there is one.
            limited: the scope of the step's time limit; where it ended the step, the limit is told.
            ended: when it ended, on trio's clock, where that was before now.
        """
        import trio  # late: what is probed is known before there is an event loop

        now = trio.current_time() if ended is None else ended
        ended_by_limit = limited is not None and limited.cancelled_caught and failure is not None
        return Observation(
            id="",
            vantage=self.vantage,
            region=self.region,
            endpoint=self.endpoint,
            host=self.host,
            port=self.port,
            address=address,
            step=step,
            started_seconds=round(started - self.clock.zero, 6),
            duration_seconds=round(now - started, 6),
            failure=failure,
            detail=detail,
            experiment=self.experiment,
            shared_with=self.shared_with,
            attempt=self.attempt,
            limit_seconds=round(limited.deadline - started, 3) if limited is not None and ended_by_limit else None,
        )
