"""What a path's answers are worth, once it is known who gave them (:mod:`netprobe.origin`).

The probe records who answered. A report that was saved before it did so is judged again from its handshakes: what was
called a block page over a chain of the origin is the origin's own page. Over such a chain a cut is no device's doing
until a control proves it, since a flow can only be cut unread: so it is asked again with the other method
(``other_method``), and an upgrade is held against the plain request before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec

from netprobe import origin
from netprobe.observations import Experiment, Failure, HttpDetail, Observation, Step

OTHER_METHOD = Experiment.OTHER_METHOD
Controls = Callable[[Experiment, Observation, Step], Sequence[Observation]]
"""Gives the control probes of one kind that are like an observation, of one step."""
_ANSWERED = frozenset({None, Failure.HTTP_SERVICE_ERROR, Failure.HTTP_SOURCE_REFUSED})


def by_origin(o: Observation) -> bool:
    """Whether the origin answered, or would have: TLS said so on this connection."""
    return isinstance(o.detail, HttpDetail) and o.detail.origin is True


def settle(steps: Sequence[Observation]) -> tuple[Observation, ...]:
    """The steps of one path, the answers judged by who gave them.

    Args:
        steps: in their order; a tls step stands before the requests over it.
    """
    settled: list[Observation] = []
    origin_answers = False
    for o in steps:
        if o.step is Step.TLS:
            origin_answers = origin.answered(o)
        settled.append(_settled(o, origin_answers))
    return tuple(settled)


def _settled(o: Observation, origin_answers: bool) -> Observation:
    detail = o.detail
    if not isinstance(detail, HttpDetail):
        return o
    known = origin_answers if detail.origin is None else detail.origin
    failure = origin.settled(o.failure, detail.status, o.step) if known else o.failure
    return msgspec.structs.replace(o, failure=failure, detail=msgspec.structs.replace(detail, origin=known))


def outweighed(steps: Sequence[Observation], controls: Controls) -> Iterator[str]:
    """The ids of cuts over a chain of the origin that another observation outweighs."""
    for o in steps:
        if o.failure not in origin.CUT_OFF or not by_origin(o):
            continue
        if o.step is Step.WEBSOCKET and not without_proxy(o, controls):
            yield o.id  # the request before it, or with it no upgrade would have been asked for, was answered
        elif o.step is Step.HTTP and answered_otherwise(o, controls):
            yield o.id


def without_proxy(o: Observation, controls: Controls) -> tuple[Observation, ...]:
    """The same, answered without the proxy: then it is the proxy that keeps or cuts it."""
    return tuple(c for c in controls(Experiment.WITHOUT_PROXY, o, o.step) if c.failure in _ANSWERED)


def answered_otherwise(o: Observation, controls: Controls) -> bool:
    """Whether the origin answered the other method, and all that follows from it."""
    again = [*controls(OTHER_METHOD, o, Step.HTTP), *controls(OTHER_METHOD, o, Step.WEBSOCKET)]
    return bool(again) and all(c.failure in _ANSWERED and by_origin(c) for c in again)
