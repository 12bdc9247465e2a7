"""The last resort: a failure that no rule knows is shown with its raw evidence, and never called a bare timeout."""

from __future__ import annotations

from netprobe.diagnosis.broken import Broken
from netprobe.diagnosis.causes import Cause, CauseGroup, Words
from netprobe.diagnosis.words import duration
from netprobe.observations import Observation


def unexplained(broken: Broken, beside: tuple[Observation, ...] = ()) -> Cause:
    """A finding that names the raw failure.

    Args:
        broken: the failure.
        beside: what contradicts the rule that would otherwise explain it.
    """
    return broken.cause(
        "unexplained_failure", say_unexplained, key=f"{broken.o.step}/{broken.o.failure}", beside=beside
    )


def say_unexplained(group: CauseGroup) -> Words:
    """Name the raw failure, where no rule knows it."""
    first = group.first
    where = f" at {first.address}" if first.address else ""
    return Words(
        title=f"{group.names}: the step {first.step} ended with {first.failure}{where}, which no rule explains.",
        remedy=f"Look at the evidence ({', '.join(o.id for o in group.evidence[:5])}) in the JSON report; what the "
        f"probe saw: {_raw(first)}.",
    )


def _raw(o: Observation) -> str:
    error = getattr(o.detail, "error", "") or getattr(o.detail, "reason", "") or getattr(o.detail, "errno", "")
    return error or f"nothing more than {o.failure} after {duration(o.duration_seconds)}"
