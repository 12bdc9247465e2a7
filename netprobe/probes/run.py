"""The runner: every probe once, side by side, within the run's limits; and a record of it whatever ends it.

What limits a run: slots for connections (a slot is taken first, then the clock starts), gates in front of resolvers, a
limit for each step, and a deadline for the whole. The deadline and Ctrl-C end a run early but never lose it: what was
seen is returned, and what was not run is said. Order and ids depend on what was probed, not on when it answered.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

import msgspec
import trio

from netprobe import __version__, natural
from netprobe.catalog.model import Endpoint
from netprobe.observations import (
    CatalogVersion,
    Context,
    DnsDetail,
    Ending,
    HttpDetail,
    Observation,
    Run,
    Step,
    Subject,
    VantageRecord,
)
from netprobe.probes import ahead, bugs, descriptors, dnswire, numbered, plan, rooms
from netprobe.probes.early import Begun
from netprobe.probes.first_pass import Progress, bounded, first_pass
from netprobe.probes.limits import PATIENCE
from netprobe.probes.news import Listen, Teller
from netprobe.probes.plan import Plan
from netprobe.probes.session import Session, Trace
from netprobe.probes.settings import Settings
from netprobe.vantage import Vantage, who_looks

_STEPS = list(Step)
STALLED_SECONDS = 3.0
"""From how long a machine that kept the run waiting for half of its time is worth a note."""


class CatalogFacts(Protocol):
    """What a run keeps of the catalog."""

    @property
    def version(self) -> str:
        """The catalog's version."""
        ...

    @property
    def digest(self) -> str:
        """The catalog's digest."""
        ...

    @property
    def imported_from(self) -> str:
        """Where the catalog was imported from; nothing for what ships."""
        ...


async def check(
    endpoints: Sequence[Endpoint],
    vantages: Sequence[Vantage],
    settings: Settings,
    *,
    catalog: CatalogFacts,
    progress: Progress | None = None,
    keep_bugs: Callable[[str], str] = lambda text: "its traceback was not kept",
    meanwhile: Callable[[Run], None] | None = None,
    news: Listen | None = None,
    later: Callable[[], None] = ahead.nothing,
    begun: Begun | None = None,
) -> Run:
    """Probe every endpoint as every vantage, and make the control probes that failures call for.

    Args:
        endpoints: what must work (``netprobe.requirements``).
        vantages: as whom to look; the first is named where several see the same.
        settings: limits and choices.
        catalog: where the endpoints come from.
        progress: called with (done, total) whenever a host is done.
        meanwhile: called with what the first pass saw, where something of it is tried again, which takes its time.
        news: called every while with what the first pass knows so far, where it takes long.
        later: imports what the caller needs when the run is over; called in a thread, while answers are under way.
        begun: what of the run began before its event loop; None where nothing did.
        keep_bugs: keeps the tracebacks of bugs that were met in a probe, and says where.

    Returns:
        The run, complete or cut short by the deadline or Ctrl-C (``context`` says so).

    Raises:
        UsageError: a trust store or hosts file cannot be read.
    """
    started_at = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    begun = begun or Begun(layout=plan.make(endpoints, vantages, settings))
    layout, workers = begun.layout, begun.workers
    layout.clock.zero = zero = _zero(begun)
    settings, notes = descriptors.within_limits(settings, vantages)
    session = Session.begin(settings, vantages, zero, later=later, asked=begun.asked)

    def so_far(ended_by: str, *, final: bool = False) -> Run:
        subjects = tuple(_subjects(session, layout, ended_by))
        observations = _number(_observations(session))
        return Run(
            netprobe_version=__version__,
            catalog=CatalogVersion(version=catalog.version, digest=catalog.digest, imported=catalog.imported_from),
            started_at=started_at,
            duration_seconds=round(trio.current_time() - zero, 6),
            regions=tuple(dict.fromkeys(endpoint.region for endpoint in endpoints)),
            context=_context(vantages, session, ended_by, subjects),
            subjects=subjects,
            observations=observations,
            notes=(
                *(notes if workers is None else dict.fromkeys(session.notes)),
                *_address_notes(observations),
                *_idle_notes(settings, observations),
                *_stall_notes(session, trio.current_time() - zero),
                *rooms.notes(),
                *(bugs.notes(session.bugs, keep_bugs) if final else ()),
            ),
        )

    teller = Teller(session, news, progress, len(layout.probes))

    async def work() -> None:
        async with teller.telling():
            if workers is None:
                await first_pass(session, layout.probes, teller.count)
            if again := numbered.doubtful(session):
                await first_pass(session, again, None)
            if more := numbered.widen(session, layout, endpoints):
                await first_pass(session, more, teller.count)
        if settings.experiments:
            from netprobe.probes import conversation, experiments, rests  # late: see netprobe.probes.ahead

            conversation.complete_chains(session)
            await numbered.look_up_refused(session)
            if meanwhile is not None and (experiments.called_for(session) or rests.called_for(session)):
                meanwhile(so_far(""))
            await experiments.make(session)
            conversation.complete_chains(session)  # a try may have come further than the first pass, to a chain
            await rests.make(session)

    ended_by = ""
    if workers is not None:
        async with teller.telling(), trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, later)  # the workers work meanwhile, and a signal is heard
            ended_by = await workers.collect(session, layout.probes, teller.count)
    ended_by = ended_by or await bounded(session, work)
    return so_far(ended_by, final=True)


def _zero(begun: Begun) -> float:
    """The moment the run began, on trio's clock: with its workers, or with its first question."""
    if begun.workers is not None:
        return begun.workers.zero()
    asked = begun.asked.began
    return trio.current_time() - (0.0 if asked is None else time.perf_counter() - asked)


def _records(vantages: Sequence[Vantage], subjects: Sequence[Subject]) -> Iterator[VantageRecord]:
    """What the report says of each vantage, with what its NO_PROXY made of the hosts that exist.

    One that stands in is named only where it had to.
    """
    for vantage in vantages:
        mine = [s for s in subjects if vantage in who_looks(s.used_by, vantages)]
        if vantage.stands_in and not mine:
            continue
        hosts = {(host, s.port) for s in subjects for host in s.candidates if host not in s.absent}
        exempt = {
            host: token
            for host, port in sorted(hosts, key=_place)
            if (token := vantage.exempts(host, port)) is not None
        }
        yield msgspec.structs.replace(vantage.record, exempt=exempt, answers_for=vantage.answers_for, looked=bool(mine))


def _place(one: tuple[str, int]) -> tuple[natural.Key, int]:
    """Where a host and port stand among others."""
    return natural.key(one[0]), one[1]


def _context(vantages: Sequence[Vantage], session: Session, ended_by: str, subjects: Sequence[Subject]) -> Context:
    settings = session.settings
    return Context(
        vantages=tuple(_records(vantages, subjects)),
        lab=settings.lab,
        origin_ca=any(vantage.origin_ca is not None for vantage in vantages),
        expect=dict(settings.expect),
        own_hosts=settings.own_hosts,
        families=settings.families,
        timeout_seconds=settings.timeout or 0.0,
        limits={} if settings.timeout else {step.value: round(session.limits.seconds(step), 3) for step in Step},
        patience_seconds=0.0 if settings.timeout else PATIENCE,
        deadline_seconds=settings.deadline,
        deadline_reached=ended_by == Ending.DEADLINE,
        interrupted=ended_by == Ending.INTERRUPTED,
        repeated=settings.experiments,
        idle_seconds=settings.idle,
        stalls=session.pulse.stalls,
    )


def _subjects(session: Session, layout: Plan, ended_by: str) -> Iterator[Subject]:
    """The subjects, with what became of their candidates."""
    taken_up: dict[tuple[str, int], list[Trace]] = {}
    for trace in session.traces:
        taken_up.setdefault((trace.probe.scene.host, trace.probe.scene.port), []).append(trace)
    for subject in layout.subjects:
        traces = {name: taken_up.get((name, subject.port), []) for name in subject.candidates}
        if subject.unused:
            yield subject
            continue
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


_MOST_NAMED = 3


def _address_notes(observations: Iterable[Observation]) -> Iterator[str]:
    """Say of which names not every address was tried: one that is left out may be the one that is blocked."""
    many: dict[str, int] = {}
    for o in observations:
        if isinstance(o.detail, DnsDetail) and o.detail.left_out and o.experiment is None:
            many[o.host] = max(many.get(o.host, 0), len(o.detail.answers) + o.detail.left_out)
    if many:
        told = [f"{host} ({number})" for host, number in natural.items(many)]
        more = f" and {len(told) - _MOST_NAMED} more" if len(told) > _MOST_NAMED else ""
        names = f"{', '.join(told[:_MOST_NAMED])}{more}"
        yield f"more addresses than a check tries, so {dnswire.MAX_ADDRESSES} of each answer were tried: {names}"


def _idle_notes(settings: Settings, observations: Iterable[Observation]) -> Iterator[str]:
    """Say where ``--idle`` could not look, and where a connection at rest ended though nobody can be blamed for it."""
    if settings.idle is None:
        return
    from netprobe.probes import idle  # late: see netprobe.probes.ahead

    steps = [
        (o, o.detail)
        for o in observations
        if o.step is Step.WEBSOCKET and o.experiment is None and isinstance(o.detail, HttpDetail)
    ]
    unseen = {o.host for o, detail in steps if detail.held_seconds is None}
    if unseen:
        yield f"idle cuts not run for {', '.join(natural.ordered(unseen))}: no connection could be held open"
    for word in (idle.ENDED, idle.GOODBYE):
        ended = {o.host: detail.held_seconds for o, detail in steps if o.failure is None and detail.error == word}
        if ended:
            least = min(seconds for seconds in ended.values() if seconds is not None)
            hosts = ", ".join(natural.ordered(ended))
            yield f"{hosts}: {word}, after {least:.0f} s at the earliest; nobody is blamed for that"


def _stall_notes(session: Session, took: float) -> Iterator[str]:
    """Say where the machine itself was so busy that slowness and loss could not be judged."""
    kept = min(took, sum(stall.duration_seconds for stall in session.pulse.stalls))
    if kept >= STALLED_SECONDS and kept >= took / 2:
        yield (
            f"this machine had no free processor for {kept:.0f} of {took:.0f} s (netprobe's own timers fired late): "
            "slow answers and lost packets were not judged; run the check again when it is less busy"
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
