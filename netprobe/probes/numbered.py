"""Numbered names beyond the first pass: a wider search where none was found, and which refused ones exist.

AWS publishes no range for ``ecs-a-N``: none found in the usual one says little, so the search is widened once. And a
proxy's policy speaks before anybody resolves: which of the numbers that it refuses exist, this host's own resolvers may
know (experiment ``local_name``). A resolver is asked, nothing is connected to.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import trio

from netprobe.catalog.model import Endpoint
from netprobe.observations import DnsDetail, Experiment, Failure, Observation, Step
from netprobe.probes import plan, resolve
from netprobe.probes.dnswire import RRTYPE
from netprobe.probes.plan import Plan, Probe
from netprobe.probes.session import Session, Trace
from netprobe.probes.settings import DEFAULT_NUMBERS

LOCAL_NAME = Experiment.LOCAL_NAME
WIDER = tuple(range(DEFAULT_NUMBERS[-1] + 1, 129))
"""The numbers that the wider search tries."""
MOST_LOOKED_UP = 256
"""Refused names that are asked for, over all vantages of a run."""


def widen(session: Session, layout: Plan, endpoints: Sequence[Endpoint]) -> list[Probe]:
    """Put more numbers into the layout where none of the usual ones was found; returns the probes to probe.

    Args:
        session: the run after its first pass.
        layout: what was probed; its subjects get the further candidates.
        endpoints: what the layout was made of.
    """
    if session.settings.ecs_numbers != DEFAULT_NUMBERS:
        return []  # the user said where to look
    traces: dict[tuple[str, str], list[Trace]] = {}
    for trace in session.traces:
        scene = trace.probe.scene
        traces.setdefault((scene.region, scene.host), []).append(trace)
    lost = [one for one in endpoints if one.numbered and _is_lost(one, endpoints, traces)]
    if not lost:
        return []
    wider = msgspec.structs.replace(session.settings, ecs_numbers=WIDER)
    more = plan.make(lost, session.vantages, wider, layout.clock)
    further = {(subject.id, subject.region): subject.candidates for subject in more.subjects}
    layout.subjects = [
        msgspec.structs.replace(s, candidates=tuple(dict.fromkeys((*s.candidates, *further.get((s.id, s.region), ())))))
        for s in layout.subjects
    ]
    known = {(probe.scene.host, probe.scene.vantage) for probe in layout.probes}
    new = [probe for probe in more.probes if (probe.scene.host, probe.scene.vantage) not in known]
    layout.probes.extend(new)
    return new


def doubtful(session: Session) -> list[Probe]:
    """The numbers to ask for once more, in every family at once; what was seen of them so far is forgotten.

    A name that is denied is denied for every family (RFC 8020), so numbers are asked for in one first. Where a resolver
    denied a name in that family and knew it in another, its denials say nothing of names.

    Args:
        session: the run after its first pass.
    """
    fresh = {r for trace in session.traces for r in _contradictory(trace)} - session.doubted
    if not fresh:
        return []
    session.doubted |= fresh
    again = [
        trace
        for trace in session.traces
        if trace.probe.candidate and trace.absent and trace.complete and session.doubts(trace.probe.vantage)
    ]
    kept = {id(trace) for trace in again}
    session.traces[:] = [trace for trace in session.traces if id(trace) not in kept]
    return [trace.probe for trace in again]


def _contradictory(trace: Trace) -> Iterator[str]:
    """The resolvers that denied a host in the family that is asked for first, and knew it in another."""
    first = RRTYPE.get(next(iter(trace.probe.families), 0))
    denied: set[str] = set()
    known: set[str] = set()
    for o in trace.lookup:
        assert isinstance(o.detail, DnsDetail)
        if o.detail.rrtype == first and o.failure is Failure.DNS_NXDOMAIN:
            denied.add(o.detail.resolver)
        elif o.detail.rrtype != first and o.failure is None:
            known.add(o.detail.resolver)
    yield from denied & known


def _is_lost(endpoint: Endpoint, endpoints: Sequence[Endpoint], traces: dict[tuple[str, str], list[Trace]]) -> bool:
    """Whether every number that was tried is absent, and the un-numbered name too."""
    tried = [
        trace for name in endpoint.candidates(DEFAULT_NUMBERS) for trace in traces.get((endpoint.region, name.name), ())
    ]
    if not tried or not all(trace.complete and trace.absent for trace in tried):
        return False
    bare = [
        trace
        for one in endpoints
        if one.stands_in_for == endpoint.id and one.region == endpoint.region
        for name in one.candidates()
        for trace in traces.get((one.region, name.name), ())
    ]
    return not any(trace.passed or (trace.probe.proxy is None and not trace.says_absent) for trace in bare)


async def look_up_refused(session: Session) -> None:
    """Ask this host's resolvers for the numbers that a proxy's policy refuses."""
    refused = [trace for trace in session.traces if trace.probe.candidate and _is_refused(trace)][:MOST_LOOKED_UP]
    if not refused:
        return
    beside = {(trace.probe.suffix, trace.probe.vantage.name): trace for trace in refused}
    limits = session.limits.for_controls()

    async def ask(probe: Probe, host: str) -> None:
        scene = msgspec.structs.replace(probe.scene.control(LOCAL_NAME), host=host)
        lookup = resolve.Lookup()
        try:
            await resolve.resolve(scene, probe.vantage, probe.families, limits, session.gates, into=lookup)
        finally:
            session.controls.extend(lookup.observations)

    async with trio.open_nursery() as nursery:
        for trace in beside.values():
            nursery.start_soon(ask, trace.probe, trace.probe.impossible)
        for trace in refused:
            nursery.start_soon(ask, trace.probe, trace.probe.scene.host)


def _is_refused(trace: Trace) -> bool:
    return any(
        o.step is Step.PROXY and o.failure is Failure.PROXY_FORBIDDEN and o.experiment is None for o in _steps(trace)
    )


def _steps(trace: Trace) -> list[Observation]:
    return [o for steps in trace.steps.values() for o in steps]
