"""The last resort: a failure that no rule knows is shown with its raw evidence, and never called a bare timeout."""

from __future__ import annotations

from netprobe.diagnosis.causes import Cause, Group, Words
from netprobe.diagnosis.views import View
from netprobe.diagnosis.words import duration
from netprobe.observations import Observation


def unexplained(view: View, o: Observation, *, blocking: bool, evidence: tuple[Observation, ...] = ()) -> Cause:
    """A finding that names the raw failure.

    Args:
        view: the host.
        o: the failure.
        blocking: whether the host has no way left because of it.
        evidence: what contradicts the rule that would otherwise explain it.
    """
    return Cause(
        id="unexplained_failure",
        key=f"{o.step}/{o.failure}",
        say=say_unexplained,
        view=view,
        evidence=(o, *evidence),
        blocking=blocking,
    )


def say_unexplained(group: Group) -> Words:
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
