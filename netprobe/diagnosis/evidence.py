"""Indexes over a run's observations: what one vantage saw of one host, path by path.

The rules ask this module, never the flat list. A :class:`Sight` is one host (and port) as one vantage saw it in the
first pass; a :class:`Path` is one address of it, or the way through its proxy. Control probes stay apart
(:meth:`Evidence.controls`), because they must never count as "the host works".

Nothing is concluded here beyond "this path broke at that step".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property

from netprobe.diagnosis.addresses import AddressClass, classify, family
from netprobe.diagnosis.lookups import Lookups
from netprobe.observations import Context, DnsDetail, Failure, Observation, Run, Step, Subject, VantageRecord

STEPS = {step: number for number, step in enumerate(Step)}
SOFT = frozenset({Failure.HTTP_SERVICE_ERROR, Failure.WEBSOCKET_CUT})
"""Failures that show a working network path: they warn, and never make a host fail."""
WEBSOCKET_ENDPOINTS = frozenset({"ecs-a", "ecs-t", "ecs-a-unnumbered", "ecs-t-unnumbered", "ssmmessages"})
_WEB_PORTS = frozenset({80, 443})


class State(Enum):
    """What became of a host, seen from one vantage."""

    WORKS = "works"
    PARTLY = "partly"
    BROKEN = "broken"
    ABSENT = "absent"
    """A candidate name that does not exist; no fault."""
    UNSEEN = "unseen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """One address of a host (None: through a proxy that resolves), step by step.

    Attributes:
        address: the address, or None.
        steps: the observations of the first pass, in the order of the steps.
        complete: whether the chain reached its end.
    """

    address: str | None
    steps: tuple[Observation, ...]
    complete: bool

    @property
    def failed(self) -> Observation | None:
        """The observation at which the path broke."""
        return next((o for o in self.steps if o.failure is not None and o.failure not in SOFT), None)

    @property
    def soft(self) -> tuple[Observation, ...]:
        """Observations that warn although the path works."""
        return tuple(o for o in self.steps if o.failure in SOFT)

    @property
    def works(self) -> bool:
        """Whether every step was made and passed."""
        return self.failed is None and self.complete

    def step(self, step: Step) -> Observation | None:
        """The last observation of one step."""
        return next((o for o in reversed(self.steps) if o.step is step), None)


@dataclass(frozen=True, kw_only=True, eq=False)
class Sight:
    """One host and port as one vantage saw it; compared by identity.

    Attributes:
        vantage: who looked.
        host: the name.
        port: the service port.
        subjects: the endpoints that this host stands for.
        proxied: whether the way leads through an explicit proxy (then local DNS does not matter).
        lookups: what the resolvers answered.
        paths: one for each address that was tried.
        sinkholed: answers that no genuine service gives.
        also: other vantages with the same settings, for which the same probes stand.
    """

    vantage: str
    host: str
    port: int
    subjects: tuple[Subject, ...]
    proxied: bool
    lookups: Lookups
    paths: tuple[Path, ...]
    sinkholed: tuple[str, ...] = ()
    also: tuple[str, ...] = field(default=())

    @property
    def candidate(self) -> bool:
        """Whether the name is only a guess at a number that AWS may or may not use."""
        return bool(self.subjects) and all(subject.numbered for subject in self.subjects)

    @cached_property
    def state(self) -> State:
        """What became of it."""
        if not self.proxied and self.lookups.asked and not self.lookups.addresses:
            return State.ABSENT if self.candidate and self.lookups.missing else State.BROKEN
        if self.candidate and self.paths and all(_cannot_resolve(path) for path in self.paths):
            return State.ABSENT
        works = any(path.works for path in self.paths)
        tried = {path.address for path in self.paths}
        fails = any(path.failed for path in self.paths) or bool(set(self.sinkholed) - tried)
        if works:
            return State.PARTLY if fails else State.WORKS
        return State.BROKEN if fails else State.UNSEEN

    @property
    def exists(self) -> bool:
        """Whether somebody who resolves it knows the name: DNS gave an address, or the proxy found one."""
        if self.proxied:
            return any(_resolved_by_proxy(path) for path in self.paths)
        return bool(self.lookups.addresses) or (bool(self.paths) and not self.lookups.asked)

    @cached_property
    def failed(self) -> Observation | None:
        """The observation that stands for the failure: the one that got furthest."""
        broken = [path.failed for path in self.paths if path.failed is not None]
        if broken:
            return max(broken, key=lambda o: STEPS[o.step])
        if not self.proxied and not self.lookups.addresses:
            return self.lookups.failed
        return None


def _resolved_by_proxy(path: Path) -> bool:
    tunnel = path.step(Step.PROXY)
    return tunnel is not None and tunnel.failure in (
        None,
        Failure.PROXY_CANNOT_CONNECT,
        Failure.PROXY_UPSTREAM_TIMEOUT,
    )


def _cannot_resolve(path: Path) -> bool:
    return path.failed is not None and path.failed.failure is Failure.PROXY_CANNOT_RESOLVE


class Evidence:
    """Everything the rules may ask of one run."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.context: Context = run.context
        self.vantages: dict[str, VantageRecord] = {record.name: record for record in run.context.vantages}
        self._subjects_of: dict[tuple[str, int], list[Subject]] = defaultdict(list)
        by_name = {(subject.id, subject.region): subject for subject in run.subjects}
        for subject in run.subjects:
            for host in subject.candidates:
                self._subjects_of[host, subject.port].append(subject)
        for o in run.observations:
            subject_or_none = by_name.get((o.endpoint, o.region))
            if o.experiment is None and subject_or_none is not None:
                known = self._subjects_of[o.host, o.port]
                if subject_or_none not in known and not known:
                    known.append(subject_or_none)
        self.sights: tuple[Sight, ...] = tuple(self._sights())
        self._by_subject: dict[tuple[str, str], list[Sight]] = defaultdict(list)
        for sight in self.sights:
            for subject in sight.subjects:
                self._by_subject[subject.id, subject.region].append(sight)
        self._experiments: dict[str, list[Observation]] = defaultdict(list)
        for o in run.observations:
            if o.experiment is not None:
                self._experiments[o.experiment].append(o)

    def _sights(self) -> Iterator[Sight]:
        groups: dict[tuple[str, str, int], list[Observation]] = defaultdict(list)
        for o in self.run.observations:
            if o.experiment is None:
                groups[o.vantage, o.host, o.port].append(o)
        for (vantage, host, port), observations in groups.items():
            subjects = tuple(self._subjects_of.get((host, port), ()))
            if subjects and all(host in subject.absent for subject in subjects):
                continue
            record = self.vantages.get(vantage)
            wanted = set(self.context.families)
            if record is not None:
                wanted &= set(record.families)
            dns = [o for o in observations if o.step is Step.DNS]
            lookups = Lookups.of(dns, record.resolvers if record else (), wanted)
            proxied = any(o.step is Step.PROXY for o in observations)
            paths = tuple(self._paths([o for o in observations if o.step is not Step.DNS], subjects, wanted))
            sinkholed = tuple(a for a in lookups.addresses if self.address_class(a) is AddressClass.SINKHOLED)
            also = tuple(dict.fromkeys(name for o in observations for name in o.shared_with))
            yield Sight(
                vantage=vantage,
                host=host,
                port=port,
                subjects=subjects,
                proxied=proxied,
                lookups=lookups,
                paths=paths,
                sinkholed=() if proxied else sinkholed,
                also=also,
            )

    def _paths(
        self, observations: Iterable[Observation], subjects: tuple[Subject, ...], wanted: set[int]
    ) -> Iterator[Path]:
        """One path for each address of a family that this vantage uses."""
        by_address: dict[str | None, list[Observation]] = defaultdict(list)
        proxied = [o for o in observations if o.step is Step.PROXY]
        for o in observations:
            # A proxy's chain is one path, whatever address each of its steps names.
            by_address[None if proxied else o.address].append(o)
        for address, steps in by_address.items():
            if address is not None and wanted and family(address) not in wanted:
                continue
            ordered = tuple(sorted(steps, key=lambda o: (STEPS[o.step], o.started_seconds)))
            yield Path(address=address, steps=ordered, complete=self._complete(ordered, subjects))

    def _complete(self, steps: tuple[Observation, ...], subjects: tuple[Subject, ...]) -> bool:
        """Whether a chain was walked to its end; what a deadline cut off is not a pass."""
        made = {o.step for o in steps}
        port = steps[0].port
        if port in _WEB_PORTS and Step.HTTP not in made and Step.WEBSOCKET not in made:
            return False
        cut_short = self.context.deadline_reached or self.context.interrupted
        wants_websocket = any(subject.id in WEBSOCKET_ENDPOINTS for subject in subjects)
        return not (cut_short and wants_websocket and Step.WEBSOCKET not in made)

    def address_class(self, address: str) -> AddressClass:
        """What kind of address this is in this run."""
        return classify(address, self.context)

    def of(self, subject: Subject) -> tuple[Sight, ...]:
        """Every sight of the hosts of one endpoint."""
        return tuple(self._by_subject.get((subject.id, subject.region), ()))

    def controls(
        self, experiment: str, *, like: Observation | None = None, step: Step | None = None, same_host: bool = True
    ) -> tuple[Observation, ...]:
        """The control probes of one kind.

        Args:
            experiment: which kind.
            like: only those that the same vantage made for the same host (and address, where both have one).
            step: only this step.
            same_host: with False, any name at the same address counts (``other_sni``).
        """
        found = self._experiments.get(experiment, [])
        if step is not None:
            found = [o for o in found if o.step is step]
        if like is not None:
            found = [o for o in found if o.vantage == like.vantage and _comparable(o, like, same_host)]
        return tuple(found)

    def found(self, subject: Subject) -> bool:
        """Whether any name of a numbered endpoint is known to exist."""
        return any(sight.exists for sight in self.of(subject) if sight.state is not State.ABSENT)

    def _named(self, region: str, name: str | None) -> Subject | None:
        return next((s for s in self.run.subjects if s.region == region and s.id == name), None)

    def stand_in(self, subject: Subject) -> Subject | None:
        """The un-numbered endpoint that stands in for a numbered one."""
        here = (s for s in self.run.subjects if s.region == subject.region)
        return next((s for s in here if s.stands_in_for == subject.id), None)

    def requires(self, subject: Subject, sight: Sight) -> bool:
        """Whether the host is not ready when this sight of this endpoint is broken.

        Every number that was found is required, since AWS picks it; the un-numbered name only where none was found.
        """
        if subject.stands_in_for is not None:
            numbered = self._named(subject.region, subject.stands_in_for)
            if numbered is not None:
                return numbered.required and not self.found(numbered)
            return subject.required
        if subject.numbered and not sight.exists:
            return subject.required and not self.found(subject) and self.stand_in(subject) is None
        return subject.required

    def required(self, sight: Sight) -> bool:
        """Whether any endpoint requires this sight to work."""
        return any(self.requires(subject, sight) for subject in sight.subjects)

    def unneeded(self, sight: Sight) -> bool:
        """Whether the name's absence is no fault at all.

        An absent candidate number, an un-numbered name that does not exist where numbered ones do, and a registry
        name that was made up from a placeholder account.
        """
        if sight.state is State.ABSENT:
            return True
        if self.made_up(sight):
            return True
        if sight.state is not State.BROKEN or not _missing(sight):
            return False
        return bool(sight.subjects) and all(
            subject.placeholder_account or (subject.stands_in_for is not None and not self.requires(subject, sight))
            for subject in sight.subjects
        )

    def made_up(self, sight: Sight) -> bool:
        """A name that netprobe guessed, which the resolver answers like a name that cannot exist: it proves nothing."""
        guessed = bool(sight.subjects) and all(s.placeholder_account or s.stands_in_for for s in sight.subjects)
        if not guessed or sight.proxied or any(self.requires(s, sight) for s in sight.subjects if s.stands_in_for):
            return False
        wildcard = {
            address
            for o in self.controls("impossible_name")
            if isinstance(o.detail, DnsDetail) and o.vantage == sight.vantage and o.failure is None
            for address in o.detail.answers
        }
        return bool(wildcard) and bool(sight.lookups.addresses) and wildcard.issuperset(sight.lookups.addresses)

    def unknown_candidate(self, sight: Sight) -> bool:
        """A guessed number whose lookup failed, beside an un-numbered name that shares the fate: a consequence."""
        if not (sight.candidate and sight.state is State.BROKEN) or sight.exists:
            return False
        return all(
            self.stand_in(subject) is not None and not self.found(subject) and self._broken(self.stand_in(subject))
            for subject in sight.subjects
        )

    def _broken(self, subject: Subject | None) -> bool:
        return subject is not None and any(sight.state is State.BROKEN for sight in self.of(subject))


def _missing(sight: Sight) -> bool:
    """Whether the name does not exist, as far as whoever resolves it can tell."""
    if sight.proxied:
        return bool(sight.paths) and all(_cannot_resolve(path) for path in sight.paths)
    return sight.lookups.missing and not sight.lookups.addresses


def _comparable(o: Observation, like: Observation, same_host: bool) -> bool:
    if not same_host and o.address is not None and o.address == like.address:
        return True
    same_address = o.address is None or like.address is None or o.address == like.address
    return o.host == like.host and o.port == like.port and same_address
