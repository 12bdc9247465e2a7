"""What a failure calls for: the same once more, and the control probes that tell its look-alikes apart.

Made after the first pass, within the deadline, and only where something failed; for every host by itself, since a cause
that is shown for one host says nothing of another. The tries (:mod:`netprobe.probes.repeats`) and the controls
(:mod:`netprobe.probes.controls`) take turns, so that what time could explain does not look like a cause: unchanged,
control, unchanged, control. Everything goes at an agent's pace and has an end: so many hosts of each kind of failure,
spread over services and regions, and so many seconds for all. Diagnosis tells what was not looked into.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import product

import msgspec
import trio

from netprobe import origin
from netprobe.observations import (
    CERTIFICATE_FAILURES,
    DnsDetail,
    Experiment,
    Failure,
    Observation,
    Step,
    TlsDetail,
    gets_past,
)
from netprobe.probes import bursts, controls, repeats, secondanswers
from netprobe.probes.bugs import contained
from netprobe.probes.controls import Control, ControlCase
from netprobe.probes.session import Session, Trace

A_KIND = 32
"""Hosts of one kind of failure that are looked into."""
QUESTIONS = 96
"""The same of questions to one resolver, which cost little: a region's names in both families."""
PASSES = 4
"""How often more of a kind are looked into, while some of it pass."""
SECONDS, MOST_SECONDS = 25.0, 35.0
"""For what is tried again; where some of it passes, the longer one: then the rest may pass as well."""
SECONDS_AFTER = 10.0
"""For what the tries call for: a burst, and what other resolvers answer."""
LONGEST_SECONDS = MOST_SECONDS + SECONDS_AFTER
"""What all of it takes at most."""
ROUNDS = 3
"""How often the unchanged probe and its telling control take turns. One of two paths that is dead passes for a cause
with a chance of one half to the power of twice that."""
TRIES, SILENT_TRIES = 14, 8
"""How often a failure is tried again where one like it passed; where each try waits in silence, fewer. Of fourteen
hosts whose tries fail by halves, fourteen tries leave one that never passed in three of ten thousand runs, six in
every tenth."""
PASSING_TRIES = 4
"""How often it is tried at least, once it passed, so that it can be told how often it does."""
COUNTED = 4
"""Failures of one kind for which that is found out; of the others it is enough that they pass."""
PATIENT_TRIES = 2
"""Tries that must be silent with patience, where one like it passed."""
CALM_GAP, CALM_FEW_GAP = 0.3, 0.05
"""Seconds between one first try and the next: far below what agents do when a task starts. Where no more are silent
than agents hold at once, less: no limit stands against so few, and each of them waits for ten seconds."""
CALM_SECONDS, CALM_SILENCE = 6.0, 3.0
"""Seconds in which all first tries begin; where some are silent, whose patience is long by itself, fewer."""
SETTLED = 0.8
"""Seconds after which a try that is silent will probably stay so, and the controls begin beside it."""

_SILENT_TLS: tuple[Control, ...] = (
    controls.lower_mss,
    controls.other_sni,
    controls.no_sni,
    controls.other_sni_lower_mss,
    controls.fresh_sni,
    controls.other_address,
)
_CUT_TLS: tuple[Control, ...] = (
    controls.other_sni,
    controls.no_sni,
    controls.fresh_sni,
    controls.send_nothing,
    controls.other_address,
)
_REFUSED_TLS: tuple[Control, ...] = (controls.other_sni, controls.no_sni, controls.other_address)
_UPSTREAM: tuple[Control, ...] = (controls.connect_by_address, controls.without_proxy)

CALLED_FOR: dict[tuple[Step, Failure], tuple[Control, ...]] = {
    (Step.DNS, Failure.TIMEOUT): (controls.other_resolver, controls.dns_over_tcp, controls.without_edns),
    (Step.DNS, Failure.DNS_TCP_BLOCKED): (controls.other_resolver,),
    (Step.DNS, Failure.DNS_NXDOMAIN): (controls.other_resolver,),
    (Step.DNS, Failure.DNS_NO_ANSWER): (controls.other_resolver,),
    (Step.DNS, Failure.DNS_SERVFAIL): (controls.other_resolver, controls.dns_over_tcp, controls.without_edns),
    (Step.DNS, Failure.DNS_REFUSED): (controls.other_resolver, controls.dns_over_tcp, controls.without_edns),
    (Step.DNS, Failure.DNS_OTHER_RCODE): (controls.other_resolver, controls.dns_over_tcp, controls.without_edns),
    (Step.DNS, Failure.DNS_MALFORMED): (controls.other_resolver, controls.dns_over_tcp, controls.without_edns),
    (Step.DNS, Failure.CONNECTION_REFUSED): (controls.other_resolver, controls.dns_over_tcp),
    (Step.TLS, Failure.TIMEOUT): _SILENT_TLS,
    (Step.TLS, Failure.CONNECTION_RESET): _CUT_TLS,
    (Step.TLS, Failure.EOF): _CUT_TLS,
    (Step.TLS, Failure.SSL_ALERT): _REFUSED_TLS,
    (Step.TLS, Failure.SSL_VERSION_REFUSED): _REFUSED_TLS,
    (Step.TLS, Failure.SSL_FAILED_HANDSHAKE): _REFUSED_TLS,
    (Step.TLS, Failure.SSL_NOT_TLS): _REFUSED_TLS,
    (Step.HTTP, Failure.TIMEOUT): (controls.small_request, controls.lower_mss, controls.other_method),
    (Step.HTTP, Failure.CONNECTION_RESET): (controls.other_method,),
    (Step.HTTP, Failure.EOF): (controls.other_method,),
    (Step.PROXY, Failure.PROXY_CANNOT_CONNECT): _UPSTREAM,
    (Step.PROXY, Failure.PROXY_CANNOT_RESOLVE): _UPSTREAM,
    (Step.PROXY, Failure.PROXY_UPSTREAM_TIMEOUT): _UPSTREAM,
    (Step.PROXY, Failure.PROXY_BAD_ANSWER): _UPSTREAM,
    (Step.PROXY, Failure.PROXY_FORBIDDEN): (controls.without_proxy,),
    (Step.PROXY, Failure.PROXY_METHOD_REFUSED): (controls.without_proxy,),
    (Step.PROXY, Failure.PROXY_NOT_A_PROXY): _UPSTREAM,  # Privoxy answers 404 for a name that it cannot resolve
    (Step.PROXY, Failure.TIMEOUT): (controls.without_proxy,),
    (Step.PROXY, Failure.CONNECTION_REFUSED): (controls.without_proxy,),
    (Step.PROXY, Failure.HOST_UNREACHABLE): (controls.without_proxy,),
    (Step.PROXY, Failure.NETWORK_UNREACHABLE): (controls.without_proxy,),
}
"""What each failure of a step calls for, beyond what the first pass did (every address, every resolver, lax chains)."""


_HELD_BACK = frozenset(product((Step.HTTP, Step.WEBSOCKET), origin.CUT_OFF))
"""Answers that never came through a tunnel: without the proxy they come, where it is the proxy that keeps or cuts."""


class Examined(msgspec.Struct, kw_only=True):
    """What became of one failure when it was tried again.

    Attributes:
        case: the failure.
        a_try_passed: called whenever a try passes, or gets past the failure.
        passed: how many tries passed.
        tries: how many were made.
        met: the failure that a try met furthest on, where one got past the failure itself.
        explained: what the controls were made for last.
        arrived: whether the first try is over, or silent.
        begun: set when the first try begins.
    """

    case: ControlCase
    a_try_passed: Callable[[], None]
    passed: int = 0
    tries: int = 0
    met: Observation | None = None
    explained: Observation | None = None
    arrived: bool = False
    begun: trio.Event = msgspec.field(default_factory=trio.Event)

    @property
    def silent(self) -> bool:
        """Whether silence was the failure."""
        return self.case.failed.failure is Failure.TIMEOUT

    @property
    def overcome(self) -> bool:
        """Whether a try got past the failure: all the way, or to another one."""
        return self.passed > 0 or self.met is not None

    @property
    def furthest(self) -> Observation:
        """What stands in the way, as far as is known: the failure, or what a try met past it."""
        return self.met or self.case.failed

    def meets(self, met: Observation | None) -> None:
        """A try got past the failure, and met another."""
        if met is not None and gets_past(self.furthest, met):
            self.met = met


async def make(session: Session) -> None:
    """Try again what failed, and make the control probes that it calls for."""
    turns, examined = repeats.Turns(), list[Examined]()
    with trio.move_on_after(SECONDS) as bound:
        await _try_all_again(session, turns, examined, bound)
    passing = [one.case for one in examined if one.tries and one.passed == one.tries]
    with trio.move_on_after(SECONDS_AFTER):
        await bursts.make(session, turns, passing)
        await bursts.make_where_syns_were_lost(session, turns)
        await secondanswers.look(session, turns)


async def _try_all_again(
    session: Session, turns: repeats.Turns, examined: list[Examined], bound: trio.CancelScope
) -> None:
    """Look into every failure, kind by kind.

    Args:
        session: the run.
        turns: the pace.
        examined: takes what became of each.
        bound: what ends it; it is moved once a try passes.
    """
    latest = trio.current_time() + MOST_SECONDS

    def a_try_passed() -> None:
        bound.deadline = latest

    done: set[int] = set()
    hopeless: set[tuple[object, ...]] = set()
    counted: Counter[tuple[object, ...]] = Counter()
    # What a second lookup finds has steps of its own, which may fail too; and where some of a kind pass, those
    # beyond the bound may pass as well.
    for _ in range(PASSES):
        kinds = _kinds(session, done, hopeless)
        if not kinds:
            break
        now = [Examined(case=case, a_try_passed=a_try_passed) for cases in kinds.values() for case in cases]
        examined += now
        calm = _Calm(turns, now, counted)
        async with trio.open_nursery() as nursery:
            for one in now:
                nursery.start_soon(_contained, session, turns, one, calm)
        await _look_closer(session, turns, kinds, now)
        hopeless = set(kinds) - {_kind(one.case.trace, one.case.failed) for one in now if one.overcome}


def called_for(session: Session) -> bool:
    """Whether anything failed that is tried again."""
    return bool(_kinds(session, set(), set()))


class _Calm:
    """First everything is tried again once, unhurried; only where nothing passes so, the rest need not be as slow.

    A limit on new connections, which agents never meet, would fail the tries as it failed the first pass.

    Args:
        turns: whose gap is set.
        examined: what is tried again.
        counted: of each kind, how many were tried often.
    """

    def __init__(
        self, turns: repeats.Turns, examined: Sequence[Examined], counted: Counter[tuple[object, ...]]
    ) -> None:
        self._turns = turns
        self._examined = examined
        self._missing = len(examined)
        self._over = trio.Event()
        self._counted = counted
        silent = any(one.silent for one in examined)
        gap = CALM_FEW_GAP if silent and len(examined) <= repeats.AT_ONCE else CALM_GAP
        turns.gap = min(gap, (CALM_SILENCE if silent else CALM_SECONDS) / max(1, len(examined)))

    def arrive(self, one: Examined) -> None:
        """The first try of one is over, or is silent."""
        if one.arrived:
            return
        one.arrived = True
        self._missing -= 1
        if self._missing == 0:
            if not any(other.overcome for other in self._examined):
                self._turns.gap = 0.0
            self._over.set()

    def mixed(self, one: Examined) -> bool:
        """Whether a failure like this one passed when it was tried again: then this one may pass too."""
        mine = _kind(one.case.trace, one.case.failed)
        return any(other.overcome and _kind(other.case.trace, other.case.failed) == mine for other in self._examined)

    def counts(self, one: Examined) -> bool:
        """Whether it is worth finding out how often this one passes: a few of a kind tell."""
        kind = _kind(one.case.trace, one.case.failed)
        self._counted[kind] += not one.case.trace.absent
        return not one.case.trace.absent and self._counted[kind] <= COUNTED

    async def over(self, one: Examined) -> None:
        """Wait until every first try is over."""
        self.arrive(one)
        await self._over.wait()


async def _contained(session: Session, turns: repeats.Turns, one: Examined, calm: _Calm) -> None:
    with contained(session.bugs, one.case.trace.probe.scene.host):
        try:
            await _examine(session, turns, one, calm)
        finally:
            calm.arrive(one)


async def _examine(session: Session, turns: repeats.Turns, one: Examined, calm: _Calm) -> None:
    """Take turns between the unchanged probe and its controls, until one try passes or the rounds are over."""
    if one.silent:
        await _examine_silence(session, turns, one, calm)
    else:
        await _try(session, turns, one)
        await calm.over(one)
        await _try_while_others_pass(session, turns, one, calm)
        if not one.passed:
            await repeats.resolve_again(session, turns, one.case.trace, one.case.failed)
            await _explain(session, turns, one)
    if one.passed and calm.counts(one):
        await _try_often(session, turns, one, PASSING_TRIES)


async def _explain(session: Session, turns: repeats.Turns, one: Examined) -> None:
    """The controls for what stands in the way, in turns with the unchanged probe; and for what that meets past it."""
    while not one.passed and one.furthest is not one.explained:
        one.explained = one.furthest
        await _rounds(session, turns, one, one.explained)


async def _examine_silence(session: Session, turns: repeats.Turns, one: Examined, calm: _Calm) -> None:
    """One try waits with patience; where it is silent too, the rounds are made while it waits."""
    waiting = trio.Event()

    async def patiently() -> None:
        await _try(session, turns, one, patient=True)
        waiting.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(patiently)
        await one.begun.wait()  # others may be before it
        with trio.move_on_after(SETTLED):
            await waiting.wait()
        await calm.over(one)
        await _try_while_others_pass(session, turns, one, calm)
        if not one.passed:
            await repeats.resolve_again(session, turns, one.case.trace, one.case.failed)
            await _explain(session, turns, one)
    await _explain(session, turns, one)  # the patient try may have got past it at last


async def _try_while_others_pass(session: Session, turns: repeats.Turns, one: Examined, calm: _Calm) -> None:
    """Where another failure of the kind passed, controls would only tell of chance: try until this one passes too."""
    most = SILENT_TRIES if one.silent else TRIES
    while calm.mixed(one) and not one.overcome and one.tries < most:
        await _try(session, turns, one)


async def _rounds(session: Session, turns: repeats.Turns, one: Examined, failed: Observation) -> None:
    """All controls once, then the one that tells most in turns with the unchanged probe.

    Args:
        session: the run.
        turns: the pace.
        one: what is tried again.
        failed: what the controls are for: its failure, or what a try met further on.
    """
    case = one.case if failed is one.case.failed else msgspec.structs.replace(one.case, failed=failed, made=[])
    wanted = _controls_for(session, case.trace, failed)
    telling: Control | None = None
    for control in wanted:
        made = await _control(session, turns, case, control)
        if telling is None and any(_completes(o) for o in made):
            telling = control
    if telling is None and wanted:
        telling = wanted[0]
    for number in range(2, ROUNDS + 1):
        if one.passed or gets_past(failed, one.furthest):
            return
        await _try(session, turns, one)
        if telling is not None:
            await _control(session, turns, msgspec.structs.replace(case, attempt=number), telling)


async def _control(
    session: Session, turns: repeats.Turns, case: ControlCase, control: Control
) -> Sequence[Observation]:
    """Make one control; a control that was silent the last time is not made again."""
    its_own = Experiment(control.__name__)  # each control is named after its experiment
    known = [o for o in case.made if o.experiment == its_own]
    if known and all(o.failure is Failure.TIMEOUT for o in known):
        return ()
    before = len(case.made)
    try:
        async with turns.turn(silent=case.failed.failure is Failure.TIMEOUT):
            await control(session, session.limits.for_controls(), case)
    finally:  # also what the end of the time cuts short
        session.controls.extend(case.made[before:])
    return case.made[before:]


def _completes(o: Observation) -> bool:
    return o.failure is None or o.failure in CERTIFICATE_FAILURES


async def _try(session: Session, turns: repeats.Turns, one: Examined, *, patient: bool = False) -> None:
    limits = session.limits.patient() if patient else session.limits
    if one.silent and not patient:
        limits = session.limits.for_controls()  # one with patience waits beside it
    async with turns.turn(silent=one.silent):
        one.tries += 1
        one.begun.set()
        ended = await repeats.again(session, one.case.trace, one.case.failed, one.tries, limits)
        one.meets(ended.met)
        one.passed += ended.passed
        if ended.passed or ended.met is not None:
            one.a_try_passed()


async def _try_often(session: Session, turns: repeats.Turns, one: Examined, tries: int) -> None:
    """Find out how often it passes."""
    while one.tries < tries:
        await _try(session, turns, one, patient=one.silent)


async def _look_closer(
    session: Session,
    turns: repeats.Turns,
    kinds: dict[tuple[object, ...], list[ControlCase]],
    examined: Sequence[Examined],
) -> None:
    """Where one failure of a kind passed when it was tried again, the others of that kind are tried more often."""
    by_case = {id(one.case): one for one in examined}
    async with trio.open_nursery() as nursery:
        for cases in kinds.values():
            ones = [by_case[id(case)] for case in cases]
            if any(one.overcome for one in ones):
                for one in ones:
                    if not one.overcome:
                        more = one.tries + PATIENT_TRIES - 1 if one.silent else TRIES
                        nursery.start_soon(_try_often, session, turns, one, more)


def _kinds(
    session: Session, done: set[int], hopeless: set[tuple[object, ...]]
) -> dict[tuple[object, ...], list[ControlCase]]:
    """The failures to look into, by kind, those of each spread over what they stand for.

    Args:
        session: the run.
        done: failures that were looked into before; those that are returned now are put in.
        hopeless: kinds of which enough was looked into, and nothing passed.
    """
    found: dict[tuple[object, ...], list[ControlCase]] = defaultdict(list)
    for trace in session.traces:
        if trace.absent or not trace.complete:
            continue
        peer = None
        for failed in failures(trace):
            if id(failed) in done or _kind(trace, failed) in hopeless:
                continue
            peer = peer or _peer(session, trace)
            found[_kind(trace, failed)].append(ControlCase(trace=trace, failed=failed, peer=peer))
    chosen = {kind: list(one_of_each(cases))[: _bound(cases)] for kind, cases in found.items()}
    done |= {id(case.failed) for cases in chosen.values() for case in cases}
    return chosen


def _bound(cases: Sequence[ControlCase]) -> int:
    return QUESTIONS if cases[0].failed.step is Step.DNS else A_KIND


def one_of_each(cases: Iterable[ControlCase]) -> Iterator[ControlCase]:
    """One of each endpoint and region, then another of each: the same cause may stand behind all of them, or not."""
    waiting: dict[tuple[str, str], list[ControlCase]] = defaultdict(list)
    for case in cases:
        waiting[case.failed.region, case.failed.endpoint].append(case)
    while waiting:
        for place in list(waiting):
            yield waiting[place].pop(0)
            if not waiting[place]:
                del waiting[place]


def failures(trace: Trace) -> Iterator[Observation]:
    """The failures of a first pass; of a lookup only those that leave the host without an address it could have."""
    for o in trace.lookup:
        assert isinstance(o.detail, DnsDetail)
        has_answer = o.failure is Failure.DNS_NO_ANSWER and bool(trace.addresses)
        if o.failure is not None and not has_answer and o.detail.transport != "file":
            yield o
    for steps in trace.steps.values():
        yield from (o for o in steps if o.failure not in repeats.PASSES and o.experiment is None)


def _controls_for(session: Session, trace: Trace, failed: Observation) -> tuple[Control, ...]:
    assert failed.failure is not None
    wanted = CALLED_FOR.get((failed.step, failed.failure), ())
    if failed.step is Step.TCP:
        wanted = (controls.working_address, *wanted)
    if failed.experiment == Experiment.REPEAT and failed.failure in CERTIFICATE_FAILURES:
        wanted = (controls.lax_chain, *wanted)
    if failed.step is not Step.DNS and trace.probe.proxy is None:
        if any(o.detail.transport == "file" for o in trace.lookup if isinstance(o.detail, DnsDetail)):
            wanted = (*wanted, controls.without_hosts_file)
        scene = trace.probe.scene
        proxies = (trace.probe.vantage.proxy, *(v.proxy_for(scene.host, scene.port) for v in session.vantages))
        if any(server is not None for server in proxies):
            wanted = (*wanted, controls.with_proxy)
        if len(trace.probe.vantage.resolvers) > 1:
            wanted = (*wanted, controls.other_resolver)
    if trace.probe.proxy is not None and (failed.step, failed.failure) in _HELD_BACK:
        wanted = (*wanted, controls.without_proxy)
    return wanted


def _kind(trace: Trace, failed: Observation) -> tuple[object, ...]:
    """What makes failures alike: who looked, the step, the word, and how much came back."""
    detail = failed.detail
    answered = isinstance(detail, TlsDetail) and detail.bytes_received > 0
    resolver = detail.resolver if isinstance(detail, DnsDetail) else ""
    return (trace.probe.scene.vantage, failed.step, failed.failure, answered, resolver)


def _peer(session: Session, trace: Trace) -> Trace | None:
    """A host that passed as the same vantage, a sibling or of the same region where there is one."""
    scene, suffix = trace.probe.scene, trace.probe.suffix
    passed = [
        other
        for other in session.traces
        if other.passed and other.probe.scene.vantage == scene.vantage and other.probe.scene.host != scene.host
    ]

    def distance(other: Trace) -> tuple[bool, bool, str]:
        theirs = other.probe.scene
        return (theirs.region != scene.region, other.probe.suffix != suffix, theirs.host)

    return min(passed, key=distance, default=None)
