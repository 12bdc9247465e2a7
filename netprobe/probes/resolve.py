"""Which addresses does a host get for a name, given its hosts file and its resolvers?

Every configured resolver is asked on its own, so that a dead or a lying one shows. Whose answer *counts* follows the
stub resolver (glibc ``res_send``; Go's resolver does alike): the servers in their order, and the next one only after
silence, a refusal or a server failure. A wrong answer of the first is what the host gets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import trio

from netprobe.addresses import version_of
from netprobe.observations import DnsDetail, Failure, Observation, Step
from netprobe.probes import dns, dnswire, early, hostsfile
from netprobe.probes.limits import Limits
from netprobe.probes.scene import Scene
from netprobe.probes.scheduling import Slots, side_by_side
from netprobe.probes.settings import IN_FLIGHT
from netprobe.vantage import Resolver, Vantage

_FINAL = frozenset({None, Failure.DNS_NXDOMAIN, Failure.DNS_NO_ANSWER})
_ABSENT = frozenset({Failure.DNS_NXDOMAIN, Failure.DNS_NO_ANSWER})
_KNOWN = frozenset({None, Failure.DNS_NO_ANSWER})
_SILENCE = frozenset({Failure.TIMEOUT, Failure.DNS_TCP_BLOCKED})
GIVEN_UP_AFTER = 8
SHORT_WAIT = 1.2
_RRTYPE = {4: "A", 6: "AAAA"}


class Gate:
    """What a run knows of one resolver: its questions in flight, and whether it ever answers.

    Args:
        in_flight: how many questions may be under way.
        asked: how many are, and were sent before there was a gate.

    Attributes:
        answered: the questions that were answered.
        silent: those that met silence.
    """

    def __init__(self, in_flight: int = IN_FLIGHT, asked: int = 0) -> None:
        self.slots = Slots(in_flight, held=asked)
        self.answered = 0
        self.silent = 0

    def note(self, failure: Failure | None) -> None:
        """Take note of how a question ended."""
        if failure in _SILENCE:
            self.silent += 1
        else:
            self.answered += 1

    @property
    def patience(self) -> float | None:
        """The longest wait for one more question, or None for the usual limit.

        A resolver that was asked :data:`GIVEN_UP_AFTER` questions, answered none, and was silent to one of them for the
        full time, is asked the rest too, but not waited for as long. Those in flight count as asked: they run out in
        the same moment, and whoever takes the first place that is free must not wait in full once more.
        """
        asked = self.silent + self.slots.taken
        return SHORT_WAIT if self.silent and not self.answered and asked >= GIVEN_UP_AFTER else None


class Gates:
    """The gates of a run, one in front of each resolver.

    Args:
        in_flight: how many questions may be under way to one resolver.
        asked: the questions that are under way already.
    """

    def __init__(self, in_flight: int = IN_FLIGHT, asked: early.Asked = early.NOTHING) -> None:
        self._in_flight = in_flight
        self.asked = asked
        self.made: dict[Resolver, Gate] = {}

    def of(self, resolver: Resolver) -> Gate:
        """The gate in front of one resolver."""
        if resolver not in self.made:
            self.made[resolver] = Gate(self._in_flight, self.asked.count(resolver))
        return self.made[resolver]


class Lookup(msgspec.Struct, kw_only=True):
    """What all resolvers said of one name.

    Attributes:
        observations: one a question.
        addresses: what the host gets, IPv4 first, each family sorted.
    """

    observations: list[Observation] = msgspec.field(default_factory=list)
    addresses: tuple[str, ...] = ()

    @property
    def said(self) -> frozenset[str]:
        """Every address that any resolver gave, whether or not the host gets it."""
        return frozenset(a for o in self.observations if isinstance(o.detail, DnsDetail) for a in o.detail.answers)

    @property
    def is_denied(self) -> bool:
        """Whether a resolver says that there is no such name, and none knows it.

        Then it need not be asked for in another family: NXDOMAIN is about the name, whatever was asked of it (RFC 8020
        section 2).
        """
        failures = {o.failure for o in self.observations}
        return Failure.DNS_NXDOMAIN in failures and failures.isdisjoint(_KNOWN)

    @property
    def is_absent(self) -> bool:
        """Whether nobody gives an address, and whoever has an answer denies the name.

        One NXDOMAIN denies the name for every family (RFC 8020, RFC 2308 section 5), whatever became of the question
        for the other. A resolver that is silent or fails denies nothing, and a stub asks the next one.
        """
        said: dict[str, list[Failure | None]] = {}
        for o in self.observations:
            assert isinstance(o.detail, DnsDetail)
            said.setdefault(o.detail.resolver, []).append(o.failure)
        if any(None in failures for failures in said.values()):
            return False
        return any(Failure.DNS_NXDOMAIN in failures or _ABSENT.issuperset(failures) for failures in said.values())

    @property
    def unanswered(self) -> tuple[str, ...]:
        """The record types of which nobody knows: no resolver gave a final answer, and none denied the name."""
        said: dict[str, set[Failure | None]] = {}
        for o in self.observations:
            assert isinstance(o.detail, DnsDetail)
            said.setdefault(o.detail.rrtype, set()).add(o.failure)
        if any(Failure.DNS_NXDOMAIN in failures for failures in said.values()):
            return ()
        return tuple(rrtype for rrtype, failures in said.items() if failures.isdisjoint(_FINAL))

    @property
    def is_shortened(self) -> bool:
        """Whether an answer held more addresses than are kept of one, which its detail then tells."""
        details = [o.detail for o in self.observations if o.failure is None and isinstance(o.detail, DnsDetail)]
        return any(len(detail.answers) == dnswire.MAX_ADDRESSES and detail.error for detail in details)


async def resolve(
    scene: Scene,
    vantage: Vantage,
    families: Sequence[int],
    limits: Limits,
    gates: Gates,
    *,
    name: str | None = None,
    into: Lookup | None = None,
) -> Lookup:
    """Ask for a name as ``vantage`` would, and keep everything that was said.

    Args:
        scene: what is probed.
        vantage: whose hosts file and resolvers.
        families: the families to ask for.
        limits: the run's time limits.
        gates: the run's gates in front of resolvers.
        name: another name than the scene's host.
        into: where to put what was seen, so that it is there also when the run is cut short.
    """
    lookup = Lookup() if into is None else into
    entries = hostsfile.lookup(vantage.hosts_file, name or scene.host)
    if entries:
        _from_file(scene, vantage, families, entries, lookup)
        return lookup
    for longer in vantage.searched(scene.host) if name is None else ():
        if await _captured(scene, vantage, families, limits, gates, longer, lookup):
            return lookup
    answers: dict[tuple[Resolver, int], tuple[Observation, tuple[str, ...]]] = {}

    async def one(question: tuple[Resolver, int]) -> None:
        resolver, family = question
        gate = gates.of(resolver)
        sent = gates.asked.take(resolver, name or scene.host, family)
        async with gate.slots if sent is None else gate.slots.held():  # the slot first, then the clock
            answer = await dns.ask(scene, resolver, family, limits, name=name, at_most=gate.patience, sent=sent)
        gate.note(answer[0].failure)
        answers[question] = answer

    try:
        await side_by_side(one, [(resolver, family) for resolver in vantage.resolvers for family in families])
    finally:
        lookup.observations = [observation for observation, _ in answers.values()]
    lookup.addresses = tuple(a for family in families for a in counted(answers, vantage.resolvers, family))
    return lookup


async def _captured(
    scene: Scene,
    vantage: Vantage,
    families: Sequence[int],
    limits: Limits,
    gates: Gates,
    longer: str,
    lookup: Lookup,
) -> bool:
    """Whether a search domain answers before the name itself is asked: then that is what the host gets."""
    asked = await resolve(scene, vantage, families, limits, gates, name=longer)
    if not asked.addresses:
        return False
    lookup.observations, lookup.addresses = asked.observations, asked.addresses
    return True


def counted(
    answers: Mapping[tuple[Resolver, int], tuple[Observation, tuple[str, ...]]],
    resolvers: Sequence[Resolver],
    family: int,
) -> tuple[str, ...]:
    """The addresses that a stub resolver would hand out: those of the first server with a final answer."""
    for resolver in resolvers:
        observation, addresses = answers[resolver, family]
        if observation.failure in _FINAL:
            return addresses
    return ()


def _from_file(
    scene: Scene, vantage: Vantage, families: Sequence[int], entries: Sequence[hostsfile.PinnedAddress], lookup: Lookup
) -> None:
    now = trio.current_time()
    found: list[str] = []
    for family in families:
        mine = [entry for entry in entries if version_of(entry.address) == family]
        if mine:
            addresses = tuple(dict.fromkeys(entry.address for entry in mine))
            detail = DnsDetail(
                resolver=f"{vantage.hosts_file}:{mine[0].line}",
                rrtype=_RRTYPE[family],
                transport="file",
                answers=addresses,
                attempts=0,
            )
            lookup.observations.append(scene.observe(Step.DNS, now, None, detail))
            found.extend(addresses)
    if not found:  # the line ends the search, and gives nothing that can be used
        for family in families:
            detail = DnsDetail(
                resolver=f"{vantage.hosts_file}:{entries[0].line}", rrtype=_RRTYPE[family], transport="file", attempts=0
            )
            lookup.observations.append(scene.observe(Step.DNS, now, Failure.DNS_NO_ANSWER, detail))
    lookup.addresses = tuple(found)
