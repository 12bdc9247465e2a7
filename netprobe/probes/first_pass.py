"""The first pass: every probe once, side by side, until all are done or something ends it early.

The deadline and Ctrl-C end a pass but never lose it: what was seen is in the session. Control probes come afterwards
(:mod:`netprobe.probes.experiments`); they know what the whole pass saw.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import nullcontext

import trio

from netprobe import interrupts
from netprobe.observations import Ending, Step
from netprobe.probes import bugs, chain, largehello, resolve
from netprobe.probes.bugs import contained
from netprobe.probes.plan import Probe
from netprobe.probes.session import Session, Trace
from netprobe.probes.wildcard import Wildcards

Progress = Callable[[int, int], None]


def load() -> None:
    """Import what the pass needs behind its questions; a process that is forked afterwards has it already."""
    import netprobe.probes.conversation
    import netprobe.probes.proxy  # noqa: F401


def _load_controls() -> None:
    """Import what a run needs behind its first pass."""
    import netprobe.probes.experiments
    import netprobe.probes.rests  # noqa: F401


async def bounded(session: Session, work: Callable[[], Awaitable[None]], interrupt: int = signal.SIGINT) -> str:
    """Work until the run's deadline or a signal; say what ended it early, or nothing.

    Args:
        session: the run.
        work: what to do.
        interrupt: the signal that ends it.
    """
    interrupted = False

    async def watch(scope: trio.CancelScope, *, task_status: trio.TaskStatus[None]) -> None:
        nonlocal interrupted
        with trio.open_signal_receiver(interrupt) as signals:
            task_status.started()
            async for _ in signals:
                interrupted = True
                interrupts.hear()
                scope.cancel()

    listens = session.settings.interruptible and threading.current_thread() is threading.main_thread()
    with interrupts.one_wish() if listens and interrupt == signal.SIGINT else nullcontext():
        with trio.CancelScope(deadline=session.zero + session.settings.deadline) as scope:
            async with trio.open_nursery() as nursery:
                if listens:
                    await nursery.start(watch, scope)
                nursery.start_soon(session.pulse.beat)
                await work()
                nursery.cancel_scope.cancel()
        if interrupted and interrupt == signal.SIGINT:
            interrupts.patient()
    if interrupted:
        return Ending.INTERRUPTED
    return Ending.DEADLINE if scope.cancelled_caught else ""


async def first_pass(session: Session, probes: Sequence[Probe], progress: Progress | None) -> None:
    """Take up the probes in their order; bounded, so that ten thousand of them need no ten thousand tasks."""
    waiting: Iterator[Probe] = iter(probes)
    wildcards = Wildcards(session)
    done = 0

    async def look_up_nothing(probe: Probe) -> None:
        with contained(session.bugs, probe.scene.host):
            await wildcards.addresses(probe)

    async def work() -> None:
        nonlocal done
        for probe in waiting:
            with contained(session.bugs, probe.scene.host):
                await _probe(session, probe, wildcards)
            done += 1
            if progress is not None:
                progress(done, len(probes))

    beside = largehello.beside(session) if session.settings.experiments else nullcontext()
    async with beside, trio.open_nursery() as nursery:
        nursery.start_soon(session.ahead.load, load, session.prepare_handshakes, _load_controls)
        for first in {(t.suffix, t.vantage.name): t for t in probes if t.candidate and t.proxy is None}.values():
            nursery.start_soon(look_up_nothing, first)
        for _ in range(min(len(probes), 2 * session.settings.concurrency)):
            nursery.start_soon(work)


async def _probe(session: Session, probe: Probe, wildcards: Wildcards) -> None:
    """One probe's first pass. A host behind a proxy needs no DNS of its own: the name goes to the proxy."""
    trace = Trace(probe=probe)
    session.traces.append(trace)
    if probe.proxy is not None:
        await chain.through_proxy(session, trace)
        trace.absent = probe.candidate and await wildcards.is_no_proof(trace)
    else:
        left = await _find(session, trace, wildcards)
        if not trace.absent:
            await _connect(session, trace, left)
    trace.complete = True


async def _find(session: Session, trace: Trace, wildcards: Wildcards) -> tuple[int, ...]:
    """Look a host up, and tell a candidate that does not exist; returns the families that are still to be asked for.

    Of 64 numbered names most do not exist. So they are asked for in one family, and in another only where they are not
    denied; where the first shows that a name exists, that can wait until its connections are under way.
    """
    probe = trace.probe
    if not probe.candidate:
        await _look_up(session, trace, probe.families)
        return ()
    at_once = len(probe.families) if session.doubts(probe.vantage) else 1
    first, others = probe.families[:at_once], probe.families[at_once:]
    denied = await _look_up(session, trace, first)
    made_up = await wildcards.addresses(probe)
    if others and not denied and made_up.issuperset(trace.said):  # nothing shows yet that it exists
        await _look_up(session, trace, others)
        others = ()
    # An address that every name gets proves no name.
    trace.absent = trace.says_absent or (bool(trace.said) and made_up.issuperset(trace.said))
    return others


async def _connect(session: Session, trace: Trace, left: tuple[int, ...]) -> None:
    """Every step after dns, at every address; beside them the host is asked for in the families that are left."""
    known = tuple(trace.addresses)
    if not left:
        await chain.through_addresses(session, trace, known)
        return
    async with trio.open_nursery() as nursery:
        nursery.start_soon(chain.through_addresses, session, trace, known)
        await _look_up(session, trace, left)
        await chain.through_addresses(session, trace, trace.addresses[len(known) :])


async def _look_up(session: Session, trace: Trace, families: tuple[int, ...]) -> bool:
    """The dns step of a probe, in some families; returns whether the name is denied in them."""
    probe = trace.probe
    lookup = resolve.Lookup()
    try:
        with bugs.seen_as_unknown(session.bugs, probe.scene, lookup.observations, first=Step.DNS):
            await resolve.resolve(probe.scene, probe.vantage, families, session.limits, session.gates, into=lookup)
    finally:
        trace.lookup.extend(lookup.observations)
    trace.addresses.extend(lookup.addresses)
    whole = resolve.Lookup(observations=trace.lookup)
    trace.says_absent, trace.said = whole.is_absent, whole.said
    return lookup.is_denied
