"""What one vantage saw of one host: its lookups, its paths, and what became of it.

A :class:`View` is one host (and port) as one vantage saw it in the first pass; a :class:`ViewedPath` is one address of
it, or the way through its proxy. Nothing is concluded here beyond "this path broke at that step".
"""

from __future__ import annotations

from enum import Enum
from functools import cached_property

import msgspec

from netprobe.diagnosis.lookups import Lookups, answers, asked_longer
from netprobe.diagnosis.tries import Tries
from netprobe.observations import SOFT, Failure, Observation, Step, Subject

STEPS = {step: number for number, step in enumerate(Step)}


class State(Enum):
    """What became of a host, seen from one vantage."""

    WORKS = "works"
    PARTLY = "partly"
    BROKEN = "broken"
    ABSENT = "absent"
    """A candidate name that does not exist; no fault."""
    UNSEEN = "unseen"


class ViewedPath(msgspec.Struct, frozen=True, kw_only=True):
    """One address of a host (None: through a proxy that resolves), step by step.

    Attributes:
        address: the address, or None.
        steps: the observations of the first pass, in the order of the steps.
        complete: whether the chain reached its end.
        outweighed: ids of failures that another observation outweighs (a control, the request before): they warn.
    """

    address: str | None
    steps: tuple[Observation, ...]
    complete: bool
    outweighed: frozenset[str] = frozenset()

    @property
    def failed(self) -> Observation | None:
        """The observation at which the path broke."""
        return next((o for o in self.steps if o.failure is not None and not self._warns(o)), None)

    @property
    def soft(self) -> tuple[Observation, ...]:
        """Observations that warn although the path works."""
        return tuple(o for o in self.steps if o.failure is not None and self._warns(o))

    def _warns(self, o: Observation) -> bool:
        return o.failure in SOFT or o.id in self.outweighed

    @property
    def works(self) -> bool:
        """Whether every step was made and passed."""
        return self.failed is None and self.complete

    def step(self, step: Step) -> Observation | None:
        """The last observation of one step."""
        return next((o for o in reversed(self.steps) if o.step is step), None)


class View(msgspec.Struct, frozen=True, kw_only=True, eq=False, dict=True):
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
        chances: failures of the first pass that passed when they were tried again; its ways and lookups are those of
            the try that passed.
        cut: whether the deadline or the user ended the run before this host was done with, by whichever vantage.
        own: the host's own number, which AWS gave it at the last discovery.
        undecided: whether a failure of it counts as not made, since it may be chance and was not tried again enough.
    """

    vantage: str
    host: str
    port: int
    subjects: tuple[Subject, ...]
    proxied: bool
    lookups: Lookups
    paths: tuple[ViewedPath, ...]
    sinkholed: tuple[str, ...] = ()
    also: tuple[str, ...] = msgspec.field(default=())
    cut: bool = False
    own: bool = False
    chances: tuple[Tries, ...] = ()
    undecided: bool = False

    @property
    def candidate(self) -> bool:
        """Whether the name is only a guess at a number that AWS may or may not use."""
        return bool(self.subjects) and not self.own and all(subject.numbered for subject in self.subjects)

    @cached_property
    def state(self) -> State:
        """What became of it; unseen also where a part that was not seen could still change it."""
        if self.cut and self._is_open:
            return State.UNSEEN
        if not self.proxied and self.lookups.asked and not self.lookups.addresses:
            return State.ABSENT if self.candidate and self.lookups.missing and not self.exists else State.BROKEN
        if self.candidate and self.paths and all(cannot_resolve(path) for path in self.paths):
            return State.ABSENT
        works = any(path.works for path in self.paths)
        tried = {path.address for path in self.paths}
        fails = any(path.failed for path in self.paths) or bool(set(self.sinkholed) - tried)
        if works:
            return State.PARTLY if fails else State.WORKS
        return State.BROKEN if fails else State.UNSEEN

    @property
    def _is_open(self) -> bool:
        """Whether an answer, an address or a step is missing that was still to come."""
        if not self.proxied and not self.lookups.addresses:
            return not self.lookups.settled
        untried = set(self.lookups.addresses).difference(path.address for path in self.paths)
        return bool(untried and not self.proxied) or any(not path.works and path.failed is None for path in self.paths)

    @property
    def exists(self) -> bool:
        """Whether somebody who resolves it knows the name: any DNS server gave an address, or the proxy found one.

        A number that only the second server knows is one that AWS may hand out, and that this host cannot find.
        """
        if self.proxied:
            return any(_resolved_by_proxy(path) for path in self.paths)
        return any(map(answers, self.lookups.every)) or (bool(self.paths) and not self.lookups.asked)

    @property
    def captured(self) -> bool:
        """Whether the host gets what a search domain answers, and not what the name itself would."""
        return any(asked_longer(o) and answers(o) for o in self.lookups.chosen.values())

    @cached_property
    def failed(self) -> Observation | None:
        """The observation that stands for the failure: the one that got furthest."""
        broken = [path.failed for path in self.paths if path.failed is not None]
        if broken:
            return max(broken, key=lambda o: STEPS[o.step])
        if not self.proxied and not self.lookups.addresses:
            return self.lookups.failed
        return None


def _resolved_by_proxy(path: ViewedPath) -> bool:
    tunnel = path.step(Step.PROXY)
    return tunnel is not None and tunnel.failure in (
        None,
        Failure.PROXY_CANNOT_CONNECT,
        Failure.PROXY_UPSTREAM_TIMEOUT,
    )


def cannot_resolve(path: ViewedPath) -> bool:
    """Whether the proxy says that there is no such name."""
    return path.failed is not None and path.failed.failure is Failure.PROXY_CANNOT_RESOLVE
