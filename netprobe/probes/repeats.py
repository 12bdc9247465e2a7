"""Tried again: the same probe once more, unchanged and alone, so that chance is told from cause.

A failure of the first pass happened among many probes at once, and once. It may have been the burst, a lost packet, one
bad member of a balancer, a link that flapped. So it is made again on a new source port, at the pace of one agent, and
with patience where silence was the failure: a black hole stays black, a slow service answers. What each try saw is an
observation with ``experiment`` ``repeat`` and the number of its ``attempt``; what it means is diagnosis' business.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec
import trio

from netprobe import addresses
from netprobe.observations import SOFT, DnsDetail, Failure, Observation, Step, gets_past, is_overcome
from netprobe.probes import chain, dns, resolve
from netprobe.probes.attempt import Attempt
from netprobe.probes.limits import Limits
from netprobe.probes.session import Session, Trace
from netprobe.vantage import Resolver

EXPERIMENT = chain.REPEAT
AT_ONCE = 6
"""Connections that are tried again at once: what the agents of one host hold (facts of the agents' sources: the ECS
agent's two WebSockets and its calls, the SSM agent's channel, Docker's pulls)."""
GIVES_WAY_AFTER = 0.5
"""Seconds after which a try that waits in silence makes room: its packets are sent, and waiting burdens nobody."""
LOOKUPS = 3
"""How often a name is asked for again that leads to another address each time, where that one fails, too."""
PASSES = SOFT | {None}
"""How a step may end without ending the way of its host."""


class Turns:
    """Tries take turns at an agent's pace.

    Args:
        at_once: how many may be under way before they fall silent.

    Attributes:
        gap: the fewest seconds between the begin of one and the next: a limit on new connections must not be met.
    """

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._limiter = trio.CapacityLimiter(at_once)
        self._next = 0.0
        self.gap = 0.0

    @asynccontextmanager
    async def turn(self, *, silent: bool = False) -> AsyncIterator[None]:
        """Wait for a place, and keep it until the block ends.

        Args:
            silent: what is tried was silent before; it makes room once it has been so for a while.
        """
        holder = object()
        await self._limiter.acquire_on_behalf_of(holder)
        held = True

        def release() -> None:
            nonlocal held
            if held:
                held = False
                self._limiter.release_on_behalf_of(holder)

        async def give_way() -> None:
            await trio.sleep(GIVES_WAY_AFTER)
            release()

        try:
            begin = max(trio.current_time(), self._next)
            self._next = begin + self.gap
            await trio.sleep_until(begin)
            async with trio.open_nursery() as nursery:
                if silent:
                    nursery.start_soon(give_way)
                yield
                nursery.cancel_scope.cancel()
        finally:
            release()


class Again(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one try.

    Attributes:
        passed: whether it passes now, or says that there is no such host.
        met: the failure that it met further on than the one that was tried again, or None.
    """

    passed: bool
    met: Observation | None = None


async def again(session: Session, trace: Trace, failed: Observation, attempt: int, limits: Limits) -> Again:
    """Make the probe that failed once more.

    Args:
        session: the run, which keeps what is seen.
        trace: the host.
        failed: the observation that failed.
        attempt: which try this is, from 1.
        limits: how long to wait.
    """
    if failed.step is Step.DNS:
        return Again(passed=await _ask_again(session, trace, failed, attempt, limits))
    seen: list[Observation] = []
    scene = trace.probe.scene.control(EXPERIMENT, attempt)
    await chain.run(Attempt.of(session, trace.probe, scene, failed.address, seen, limits))
    session.controls.extend(seen)
    if trace.probe.candidate and any(o.failure is Failure.PROXY_CANNOT_RESOLVE for o in seen):
        trace.absent = True  # a number that does not exist, as the proxy says that otherwise failed
        return Again(passed=True)
    met = next((o for o in seen if o.failure not in PASSES), None)
    return Again(passed=passed(seen), met=met if met is not None and gets_past(failed, met) else None)


def passed(seen: Sequence[Observation]) -> bool:
    """Whether a try went all the way."""
    return bool(seen) and all(o.failure in PASSES for o in seen)


async def _ask_again(session: Session, trace: Trace, failed: Observation, attempt: int, limits: Limits) -> bool:
    assert isinstance(failed.detail, DnsDetail)
    said = failed.detail.resolver
    resolver = next((r for r in trace.probe.vantage.resolvers if str(r) == said), None)
    if resolver is None:
        return False  # a line of the hosts file says the same however often it is read
    family = 6 if failed.detail.rrtype == "AAAA" else 4
    scene = trace.probe.scene.control(EXPERIMENT, attempt)
    observation, addresses = await dns.ask(scene, resolver, family, limits)
    session.controls.append(observation)
    if trace.probe.candidate and _is_denied(session, trace):
        trace.absent = True  # a number that does not exist, as is known now: no resolver gave an address
    if observation.failure is not None:
        return is_overcome(failed.failure, observation.failure)
    if not trace.addresses:
        # The host would go on from here, and so does its first pass; what fails there is looked at by itself.
        trace.addresses.extend(addresses)
        trace.said |= frozenset(addresses)
        await chain.through_addresses(session, trace, trace.addresses)
    return True


def _is_denied(session: Session, trace: Trace) -> bool:
    """Whether the name is denied, going by the last answer to each question."""
    last: dict[tuple[str, str], Observation] = {}
    for o in (*trace.lookup, *session.controls):
        if o.step is Step.DNS and (o.experiment is None or (o.experiment == EXPERIMENT and _is_of(o, trace))):
            assert isinstance(o.detail, DnsDetail)
            question = (o.detail.resolver, o.detail.rrtype)
            if question not in last or is_overcome(last[question].failure, o.failure):
                last[question] = o
    return resolve.Lookup(observations=list(last.values())).is_absent


def _is_of(o: Observation, trace: Trace) -> bool:
    scene = trace.probe.scene
    return (o.vantage, o.host, o.port) == (scene.vantage, scene.host, scene.port)


async def resolve_again(session: Session, turns: Turns, trace: Trace, failed: Observation) -> None:
    """Ask once more for the name of a host that fails at an address: does it still lead there?

    Names of AWS rotate: the next answer may hold another address. Agents would go there, and so is it tried.
    """
    address = failed.address
    question = _what_led_to(address, trace) if address is not None else None
    if address is None or question is None:
        return
    resolver, name = question
    tried = {address}
    for attempt in range(1, LOOKUPS + 1):
        scene = trace.probe.scene.control(EXPERIMENT, attempt)
        observation, now = await dns.ask(scene, resolver, addresses.version_of(address), session.limits, name=name)
        session.controls.append(observation)
        new = next((a for a in now if a not in tried and a not in trace.steps), None)
        if new is None or not tried.isdisjoint(now):
            return
        tried.add(new)
        if await _works_at(session, turns, trace, new, attempt, silent=failed.failure is Failure.TIMEOUT):
            return


def _what_led_to(address: str, trace: Trace) -> tuple[Resolver, str | None] | None:
    """The resolver that gave an address in the first pass; None where a file gave it.

    With it stands the name that was asked for, where a search domain made that another one than the host's.
    """
    for o in trace.lookup:
        assert isinstance(o.detail, DnsDetail)
        if address in o.detail.answers:
            said = o.detail.resolver
            resolver = next((r for r in trace.probe.vantage.resolvers if str(r) == said), None)
            return None if resolver is None else (resolver, o.detail.asked or None)
    return None


async def _works_at(session: Session, turns: Turns, trace: Trace, address: str, attempt: int, *, silent: bool) -> bool:
    """Whether a host passes at an address that its name leads to by now: then it is one of its ways."""
    seen: list[Observation] = []
    scene = trace.probe.scene.control(EXPERIMENT, attempt)
    async with turns.turn(silent=silent):
        await chain.run(Attempt.of(session, trace.probe, scene, address, seen, session.limits.for_controls()))
    if not passed(seen):
        session.controls.extend(seen)
        return False
    trace.addresses.append(address)
    trace.steps[address] = [msgspec.structs.replace(o, experiment=None, attempt=0) for o in seen]
    return True
