"""The runner: every target once, side by side, within the run's limits; and a record of it whatever ends it.

What limits a run: slots for connections (a slot is taken first, then the clock starts), gates in front of resolvers, a
limit for each step, and a deadline for the whole. The deadline and Ctrl-C end a run early but never lose it: what was
seen is returned, and what was not run is said. Order and ids depend on what was probed, not on when it answered.
"""

from __future__ import annotations

import datetime
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

import msgspec
import trio

from netprobe import __version__
from netprobe.catalog.model import Endpoint
from netprobe.observations import CatalogVersion, Context, HttpDetail, Observation, Run, Step, Subject, VantageRecord
from netprobe.probes import certificates, chain, descriptors, experiments, plan
from netprobe.probes.limits import BOUNDS
from netprobe.probes.plan import Plan, Target
from netprobe.probes.resolve import IN_FLIGHT
from netprobe.probes.session import Session, Trace
from netprobe.probes.settings import Settings
from netprobe.probes.wildcard import Wildcards
from netprobe.vantage import Vantage

Progress = Callable[[int, int], None]
DEADLINE = "deadline"
INTERRUPTED = "interrupted"
_STEPS = list(Step)


class Facts(Protocol):
    """What a run keeps of the catalog."""

    @property
    def version(self) -> str:
        """The catalog's version."""
        ...

    @property
    def digest(self) -> str:
        """The catalog's digest."""
        ...


async def check(
    endpoints: Sequence[Endpoint],
    vantages: Sequence[Vantage],
    settings: Settings,
    *,
    catalog: Facts,
    progress: Progress | None = None,
) -> Run:
    """Probe every endpoint as every vantage, and make the control probes that failures call for.

    Args:
        endpoints: what must work (``netprobe.requirements``).
        vantages: as whom to look; the first is named where several see the same.
        settings: limits and choices.
        catalog: where the endpoints come from.
        progress: called with (done, total) whenever a host is done.

    Returns:
        The run, complete or cut short by the deadline or Ctrl-C (``context`` says so).

    Raises:
        UsageError: a trust store or hosts file cannot be read.
    """
    started_at = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if settings.genuine_chains:
        certificates.prepare()
    zero = trio.current_time()
    settings, notes = _within_limits(settings, vantages)
    session = Session.begin(settings, vantages, zero)
    layout = plan.make(endpoints, vantages, settings, zero)
    ended_by = await _bounded(session, layout, progress)
    subjects = tuple(_subjects(session, layout, ended_by))
    observations = _number(_observations(session))
    return Run(
        netprobe_version=__version__,
        catalog=CatalogVersion(version=catalog.version, digest=catalog.digest),
        started_at=started_at,
        duration_seconds=round(trio.current_time() - zero, 6),
        regions=tuple(dict.fromkeys(endpoint.region for endpoint in endpoints)),
        context=_context(vantages, settings, ended_by, subjects),
        subjects=subjects,
        observations=observations,
        notes=(*notes, *_idle_notes(settings, observations)),
    )


def _within_limits(settings: Settings, vantages: Sequence[Vantage]) -> tuple[Settings, tuple[str, ...]]:
    """As many connections as this system has open files for, and what there is to tell about it."""
    resolvers = {resolver for vantage in vantages for resolver in vantage.resolvers}
    allowed, note = descriptors.allow(settings.concurrency, len(resolvers) * IN_FLIGHT)
    return msgspec.structs.replace(settings, concurrency=allowed), (note,) if note else ()


async def _bounded(session: Session, layout: Plan, progress: Progress | None) -> str:
    """Run the plan; say what ended it early, or nothing."""
    interrupted = False

    async def watch(scope: trio.CancelScope) -> None:
        nonlocal interrupted
        with trio.open_signal_receiver(signal.SIGINT) as signals:
            async for _ in signals:
                interrupted = True
                scope.cancel()

    with trio.CancelScope(deadline=session.zero + session.settings.deadline) as scope:
        async with trio.open_nursery() as nursery:
            if threading.current_thread() is threading.main_thread():
                nursery.start_soon(watch, scope)
            await _first_pass(session, layout.targets, progress)
            if session.settings.experiments:
                await experiments.make(session)
            nursery.cancel_scope.cancel()
    if interrupted:
        return INTERRUPTED
    return DEADLINE if scope.cancelled_caught else ""


async def _first_pass(session: Session, targets: Sequence[Target], progress: Progress | None) -> None:
    """Take up the targets in their order; bounded, so that ten thousand of them need no ten thousand tasks."""
    waiting: Iterator[Target] = iter(targets)
    wildcards = Wildcards(session)
    done = 0

    async def work() -> None:
        nonlocal done
        for target in waiting:
            await _probe(session, target, wildcards)
            done += 1
            if progress is not None:
                progress(done, len(targets))

    async with trio.open_nursery() as nursery:
        for first in {(t.suffix, t.vantage.name): t for t in targets if t.candidate and t.proxy is None}.values():
            nursery.start_soon(wildcards.addresses, first)
        for _ in range(min(len(targets), 2 * session.settings.concurrency)):
            nursery.start_soon(work)


async def _probe(session: Session, target: Target, wildcards: Wildcards) -> None:
    """One target's first pass. A host behind a proxy needs no DNS of its own: the name goes to the proxy."""
    trace = Trace(target=target)
    session.traces.append(trace)
    if target.proxy is not None:
        await chain.through_proxy(session, trace)
        trace.absent = target.candidate and await wildcards.is_no_proof(trace)
    else:
        await chain.look_up(session, trace)
        if target.candidate:
            made_up = await wildcards.addresses(target)
            # An address that every name gets proves no name.
            trace.absent = trace.says_absent or (bool(trace.said) and made_up.issuperset(trace.said))
        if not trace.absent:
            await chain.through_addresses(session, trace)
    trace.complete = True


def _record(vantage: Vantage, subjects: Sequence[Subject]) -> VantageRecord:
    """What the report says of a vantage, with what its NO_PROXY made of the hosts that exist."""
    hosts = {(host, s.port) for s in subjects for host in s.candidates if host not in s.absent}
    exempt = {host: token for host, port in sorted(hosts) if (token := vantage.exempts(host, port)) is not None}
    return msgspec.structs.replace(vantage.record, exempt=exempt)


def _context(vantages: Sequence[Vantage], settings: Settings, ended_by: str, subjects: Sequence[Subject]) -> Context:
    return Context(
        vantages=tuple(_record(vantage, subjects) for vantage in vantages),
        lab=settings.lab,
        origin_ca=any(vantage.origin_ca is not None for vantage in vantages),
        expect=dict(settings.expect),
        families=settings.families,
        timeout_seconds=settings.timeout if settings.timeout is not None else BOUNDS[Step.TCP].unknown,
        deadline_seconds=settings.deadline,
        deadline_reached=ended_by == DEADLINE,
        interrupted=ended_by == INTERRUPTED,
        idle_seconds=settings.idle,
    )


def _subjects(session: Session, layout: Plan, ended_by: str) -> Iterator[Subject]:
    """The subjects, with what became of their candidates."""
    taken_up: dict[tuple[str, int], list[Trace]] = {}
    for trace in session.traces:
        taken_up.setdefault((trace.target.scene.host, trace.target.scene.port), []).append(trace)
    for subject in layout.subjects:
        traces = {name: taken_up.get((name, subject.port), []) for name in subject.candidates}
        cut = tuple(name for name, found in traces.items() if not found or not all(t.complete for t in found))
        yield msgspec.structs.replace(
            subject,
            absent=tuple(name for name, found in traces.items() if found and all(t.absent for t in found)),
            unfinished=cut,
            not_run=subject.not_run or (ended_by if len(cut) == len(traces) else ""),
        )


def _observations(session: Session) -> Iterator[Observation]:
    for trace in session.traces:
        if not trace.absent:
            yield from trace.observations()
    yield from session.controls


def _idle_notes(settings: Settings, observations: Iterable[Observation]) -> Iterator[str]:
    """Say where ``--idle`` could not look: an upgrade that is refused leaves no connection, and no pass either."""
    if settings.idle is None:
        return
    refused = {
        o.host
        for o in observations
        if o.step is Step.WEBSOCKET and isinstance(o.detail, HttpDetail) and o.detail.held_seconds is None
    }
    if refused:
        yield (
            f"idle cuts not run for {', '.join(sorted(refused))}: an unsigned upgrade is refused, so no connection "
            "could be held open"
        )


def _number(observations: Iterable[Observation]) -> tuple[Observation, ...]:
    """Sort by what was probed, and count: the same network gives the same ids, whoever answered first."""

    def place(o: Observation) -> tuple[object, ...]:
        return (
            o.region,
            o.endpoint,
            o.host,
            o.port,
            o.address or "",
            _STEPS.index(o.step),
            o.vantage,
            o.experiment or "",
            getattr(o.detail, "resolver", ""),
            getattr(o.detail, "rrtype", ""),
            o.started_seconds,
        )

    ordered = sorted(observations, key=place)
    return tuple(msgspec.structs.replace(o, id=f"o{number}") for number, o in enumerate(ordered, start=1))
