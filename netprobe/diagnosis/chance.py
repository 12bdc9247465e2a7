"""Rules about failures that passed when they were tried again: chance, and slowness. They warn, and blame nothing.

A balancer with one bad member, one dead link of several, a resolver or proxy that fails now and then, a link that
flapped: each of them can look like any fault at all once. What tells them is that the same probe, unchanged and alone,
passes.
"""

from __future__ import annotations

from collections.abc import Iterator

from netprobe.diagnosis.causes import Cause, CauseGroup, Words
from netprobe.diagnosis.evidence import Evidence
from netprobe.diagnosis.loss import has_limit, is_limited
from netprobe.diagnosis.tries import Tries, end
from netprobe.diagnosis.views import View
from netprobe.diagnosis.words import count, duration, listing
from netprobe.findings import Severity
from netprobe.observations import Failure, Observation, Step

_MOST_NAMED = 4
_DOES: dict[Step | Failure, str] = {
    Step.DNS: "looking up",
    Step.TCP: "connecting to",
    Step.PROXY: "the tunnel to",
    Step.TLS: "the TLS handshake with",
    Step.HTTP: "the request to",
    Step.WEBSOCKET: "the WebSocket upgrade of",
    Failure.WEBSOCKET_CUT: "resting on an idle connection to",
}
"""What fails, in words: the step; of an idle connection the cut, since its upgrade passed."""


def companions(world: Evidence) -> Iterator[Cause]:
    """A warning for every failure that passed when it was tried again."""
    for view in world.views:
        if world.unneeded(view):
            continue
        if is_limited(view, has_limit(world, view.vantage)):
            continue
        for tries in view.chances:
            if world.stalls.ended(tries.failed):
                continue  # nobody here could look for the answer
            yield _cause(view, tries)


def _cause(view: View, tries: Tries) -> Cause:
    seconds = tries.seconds
    return Cause(
        id="works_by_chance" if seconds is None else "slow",
        key=_what(tries.failed),
        say=_say_chance if seconds is None else _say_slow,
        view=view,
        evidence=(tries.failed, *map(end, tries.made)),
        severity=Severity.WARNING,
    )


def _what(failed: Observation) -> Step | Failure:
    """What failed, for :data:`_DOES`."""
    return failed.failure if failed.failure is Failure.WEBSOCKET_CUT else failed.step


def _counted(group: CauseGroup) -> list[tuple[Tries, int]]:
    """The failures of a group that passed later, each with the number of its tries that passed."""
    mine = {cause.evidence[0].id for cause in group.causes}
    return [(t, len(t.passing)) for view in group.views for t in view.chances if t.failed.id in mine]


def _say_chance(group: CauseGroup) -> Words:
    counted = _counted(group)
    made, passed = sum(tries.of for tries, _ in counted), sum(number for _, number in counted)
    each = [f"{tries.failed.host}{_at(tries)} {number} of {tries.of}" for tries, number in counted]
    failures = listing(sorted({str(tries.failed.failure) for tries, _ in counted}))
    stopped = any(tries.is_stopped_later for tries, _ in counted)
    does, did = ("gets further", "got past it") if stopped else ("passes", "passed")
    return Words(
        title=f"It works by chance: {_DOES[_what(group.first)]} {group.names} fails ({failures}) and {does} when it is "
        f"tried again: {passed} of {count(made, 'try', 'tries')} {did} ({listing(each, most=_MOST_NAMED)}).",
        remedy="Look for what is there more than once: members of a load balancer, links that share the load by source "
        f"port, resolvers or proxies behind one address, a link that goes up and down. Run `netprobe check` again; "
        f"agents retry, so they carry on slowly where {group.patterns} sometimes fail.",
    )


def _at(tries: Tries) -> str:
    return f" at {tries.failed.address}" if tries.failed.address else ""


def _say_slow(group: CauseGroup) -> Words:
    counted = _counted(group)
    took = max(tries.seconds or 0.0 for tries, _ in counted)
    waited = min(tries.failed.limit_seconds or 0.0 for tries, _ in counted)
    return Words(
        title=f"It is slow: {_DOES[_what(group.first)]} {group.names} takes {duration(took)}; within the usual "
        f"{duration(waited)} nothing came.",
        remedy="Nothing is blocked. Look for what waits on the way (a filter that looks names up, a scanning proxy, a "
        f"resolver behind {group.patterns} that asks far away); the ECS agent gives a call 5 to 10 s.",
    )
