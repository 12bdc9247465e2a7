"""What the probes of one run share: limits, slots, gates, and the observations so far."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Callable, Iterable, Sequence

import msgspec

from netprobe.observations import Observation, TlsDetail
from netprobe.probes import certificates, early, rooms, tls
from netprobe.probes.ahead import Ahead, nothing
from netprobe.probes.bugs import Bug
from netprobe.probes.finder import Finder
from netprobe.probes.limits import Limits
from netprobe.probes.plan import Probe
from netprobe.probes.pulse import Pulse
from netprobe.probes.resolve import Gates
from netprobe.probes.scene import Scene
from netprobe.probes.scheduling import FIRST, NARROW, Pace
from netprobe.probes.settings import IN_FLIGHT, Settings
from netprobe.vantage import Vantage


class HostSeen(msgspec.Struct, kw_only=True):
    """What the first pass saw of one host, complete or cut short.

    Attributes:
        lookup: its DNS observations.
        addresses: the addresses that the host gets.
        steps: the other observations, by address (None through a proxy), in the order of the steps.
        said: every address that any resolver gave.
        says_absent: whoever has an answer denies the name, and nobody gives an address.
        absent: a candidate that does not exist, or cannot be told apart from names that cannot.
        complete: the first pass came to its end.
    """

    lookup: list[Observation] = msgspec.field(default_factory=list)
    addresses: list[str] = msgspec.field(default_factory=list)
    steps: dict[str | None, list[Observation]] = msgspec.field(default_factory=dict)
    said: frozenset[str] = frozenset()
    says_absent: bool = False
    absent: bool = False
    complete: bool = False


class Trace(HostSeen, kw_only=True):
    """One probe's first pass: what experiments and the report are made of.

    Attributes:
        probe: the host.
    """

    probe: Probe

    def observations(self) -> list[Observation]:
        """Everything that was seen of the probe."""
        return [*self.lookup, *(o for steps in self.steps.values() for o in steps)]

    @property
    def passed(self) -> bool:
        """Whether every step of some address went well."""
        return any(
            steps and all(o.failure is None for o in steps if o.experiment is None) for steps in self.steps.values()
        )


def unheard(_probe: Probe, _address: str | None) -> None:
    """Nobody waits for handshakes."""


MOST_UNFINISHED = 256
"""How many chains that lead to no root are kept in a run."""
LARGEST_KEPT = 16 << 10
"""Bytes of the certificates of one peer that are kept; a service's own have 3 to 6 KiB."""
MOST_INTERMEDIATES = 256
"""How many certificates of the origin's chains are kept in a run; there are about ten."""


class UnfinishedChain(msgspec.Struct, frozen=True, kw_only=True):
    """A chain that leads to no root: its CA is unknown, or the peer left an intermediate out.

    Attributes:
        scene: the host's scene.
        address: where it was seen.
        chain: DER, as the peer sent it.
        detail: what was observed with it.
        vantage: as whom.
    """

    scene: Scene
    address: str | None
    chain: tuple[bytes, ...]
    detail: TlsDetail
    vantage: Vantage


class Session(msgspec.Struct, kw_only=True):
    """One run while it is under way.

    Attributes:
        settings: what the user set.
        vantages: as whom the run looks.
        zero: the moment the run began, on trio's clock.
        limits: the time limits, which learn.
        slots: connections that may be open at once.
        gates: questions in flight to each resolver.
        finder: the addresses of proxies.
        ahead: what is imported while the first answers are under way.
        pulse: when this machine kept the run waiting.
        shaken: told of each handshake of the first pass that succeeded: with whom, and at which address.
        traces: the probes taken up so far.
        controls: the observations of control probes that belong to no first pass.
        intermediates: certificates (DER) that stood behind a leaf of the origin's.
        unfinished_chains: chains that lead to no root.
        judged_strictly: the digests of the chains that the experiment ``strict_chain`` has looked at.
        doubted: resolvers that denied a name for one family and knew it in another.
        notes: what there is to tell of the run itself.
        bugs: what we did wrong ourselves.
    """

    settings: Settings
    vantages: tuple[Vantage, ...]
    zero: float
    limits: Limits
    slots: Pace
    gates: Gates
    finder: Finder
    ahead: Ahead
    pulse: Pulse
    shaken: Callable[[Probe, str | None], None] = unheard
    traces: list[Trace] = msgspec.field(default_factory=list)
    controls: list[Observation] = msgspec.field(default_factory=list)
    intermediates: set[bytes] = msgspec.field(default_factory=set)
    unfinished_chains: list[UnfinishedChain] = msgspec.field(default_factory=list)
    judged_strictly: set[bytes] = msgspec.field(default_factory=set)
    doubted: set[str] = msgspec.field(default_factory=set)
    notes: list[str] = msgspec.field(default_factory=list)
    bugs: list[Bug] = msgspec.field(default_factory=list)
    _policies: dict[tuple[object, ...], tls.TlsPolicy] = msgspec.field(default_factory=dict)

    def keep_intermediates(self, chain: Iterable[bytes]) -> None:
        """Keep certificates (DER) that stood behind a leaf of the origin's."""
        for der in chain:
            if len(der) <= LARGEST_KEPT and len(self.intermediates) < MOST_INTERMEDIATES:
                self.intermediates.add(der)

    def keep_unfinished(self, seen: UnfinishedChain) -> None:
        """Keep a chain that leads to no root."""
        small = sum(map(len, seen.chain)) <= LARGEST_KEPT
        if seen.chain and small and len(self.unfinished_chains) < MOST_UNFINISHED:
            self.unfinished_chains.append(seen)

    def doubts(self, vantage: Vantage) -> bool:
        """Whether a denial that a vantage gets is about one family alone."""
        return not self.doubted.isdisjoint(map(str, vantage.resolvers))

    def verified(self, vantage: Vantage, sni: str) -> tls.TlsPolicy:
        """Verify with a vantage's own trust store, which is read once a run."""
        key = (vantage.store, vantage.ciphers, vantage.origin_ca)
        if key not in self._policies:
            self._policies[key] = msgspec.structs.replace(
                tls.verified(vantage, None), keep_genuine=self.settings.genuine_chains
            )
        return msgspec.structs.replace(self._policies[key], sni=sni)

    def prepare_handshakes(self) -> None:
        """Read the trust stores, and import what reads certificates where chains are described.

        Raises:
            UnreadableFileError: a store cannot be read.
        """
        for vantage in self.vantages:
            with contextlib.suppress(ssl.SSLError):  # the handshake fails by it, and tells it of its host
                self.verified(vantage, "")
        if self.settings.genuine_chains:
            certificates.prepare()

    @classmethod
    def begin(
        cls,
        settings: Settings,
        vantages: Sequence[Vantage],
        zero: float,
        *,
        among: int = 1,
        later: Callable[[], None] = nothing,
        asked: early.Asked = early.NOTHING,
    ) -> Session:
        """A session in which nothing was seen yet.

        Args:
            settings: what the user set.
            vantages: as whom the run looks.
            zero: the moment the run began, on trio's clock.
            among: how many processes make the first pass together: each takes its part of what may be under way.
            later: imports what is needed when the run is over.
            asked: the questions that are under way already.
        """
        certificates.begin_run()
        rooms.begin_run()
        limits, gates = Limits(settings.timeout), Gates(max(1, IN_FLIGHT // among), asked)
        return cls(
            settings=settings,
            vantages=tuple(vantages),
            zero=zero,
            limits=limits,
            slots=Pace(settings.concurrency, max(1, FIRST // among), max(1, NARROW // among)),
            gates=gates,
            finder=Finder(limits, gates, settings.families),
            ahead=Ahead(later),
            pulse=Pulse(zero),
        )
