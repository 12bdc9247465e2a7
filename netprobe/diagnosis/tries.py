"""How a failure fared when it was tried again: the repeats of one run, put beside what they repeat.

A failure of which some try passes is no cause: the host works by chance, or it is slow. A way that works so is told as
one that works (with a warning), so that nothing is blamed for it. So too where no try goes all the way but one gets
past the failure: what it meets further on is what stands in the way, and that is looked at in its place.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from netprobe.observations import SOFT, DnsDetail, Experiment, Failure, Observation, Step, gets_past, is_overcome

REPEAT = Experiment.REPEAT
PASSES = SOFT | {None}
_NEARLY = 0.9
Key = tuple[str, str, int, str | None, str, str]


class Tries(msgspec.Struct, frozen=True, kw_only=True):
    """One failure, and the same tried again.

    Attributes:
        failed: the failure of the first pass.
        made: what each try saw, in their order.
    """

    failed: Observation
    made: tuple[tuple[Observation, ...], ...]

    @property
    def passing(self) -> tuple[tuple[Observation, ...], ...]:
        """The tries that overcame the failure; of a resolver that gave no answer, also those in which it gave one."""
        return tuple(seen for seen in self.made if self._is_through(seen) or gets_past(self.failed, end(seen)))

    @property
    def is_stopped_later(self) -> bool:
        """Whether the failure was overcome, and no try went all the way: they met another failure further on."""
        return bool(self.passing) and not any(map(self._is_through, self.made))

    def _is_through(self, seen: Sequence[Observation]) -> bool:
        return all(self._is_well(o) for o in seen)

    def _is_well(self, o: Observation) -> bool:
        if o.step is Step.DNS:
            return is_overcome(self.failed.failure, o.failure)
        if o.failure is not None and o.failure is self.failed.failure:
            return False  # what ends no way (a cut while idle) and comes again
        return o.failure in PASSES

    @property
    def best(self) -> tuple[Observation, ...]:
        """Of the tries that pass, one that found what was asked for, where there is one; else one that got furthest."""
        found = next((seen for seen in self.passing if all(o.failure in PASSES for o in seen)), None)
        if found is None and self.is_stopped_later:
            return _furthest(self.passing)
        return found or self.passing[0]

    @property
    def every(self) -> tuple[Observation, ...]:
        """All observations of all tries."""
        return tuple(o for seen in self.made for o in seen)

    @property
    def of(self) -> int:
        """How many tries there were, the first included."""
        return 1 + len(self.made)

    @property
    def seconds(self) -> float | None:
        """How long the step takes where it passes with patience each time, and only so; else None."""
        limit = self.failed.limit_seconds
        if self.failed.failure is not Failure.TIMEOUT or limit is None:
            return None
        took = [o.duration_seconds for seen in self.passing for o in seen if o.step is self.failed.step]
        if not took or min(took) < limit * _NEARLY:
            return None
        return max(took)


class Luck(msgspec.Struct, frozen=True, kw_only=True):
    """How often a failure that comes and goes came, over all names of a vantage where it passed sometimes.

    Attributes:
        failed: repeats that failed.
        made: repeats in all.
        names: names that were looked at, each of which may be the unlucky one.
    """

    failed: int
    made: int
    names: int

    @classmethod
    def of(cls, chances: Iterable[Tries], *, names: int) -> Luck:
        """Count the repeats; the first failure of each is what chose them, and says nothing about how often."""
        tries = list(chances)
        made = sum(len(t.made) for t in tries)
        return cls(failed=made - sum(len(t.passing) for t in tries), made=made, names=names)

    def unlucky(self, tries: int) -> float:
        """How many of the names are to be expected to fail so many times in a row, though nothing else ails them.

        Laplace's rule of succession, try after try: each further failure makes failing likelier, and how often tries
        fail is known only from those that were made.
        """
        chance = math.prod((self.failed + 1 + n) / (self.made + 2 + n) for n in range(tries))
        return self.names * chance


def end(seen: Sequence[Observation]) -> Observation:
    """Where a try ended: at its failure, or at its last step."""
    return next((o for o in seen if o.failure is not None), seen[-1])


def _furthest(tries: Sequence[tuple[Observation, ...]]) -> tuple[Observation, ...]:
    """The first of the tries past whose end no other got."""
    best = tries[0]
    for seen in tries[1:]:
        if gets_past(end(best), end(seen)):
            best = seen
    return best


def key(o: Observation) -> Key:
    """What makes an observation the repeat of another: the same question, or the same way to the same address."""
    if isinstance(o.detail, DnsDetail):
        return (o.vantage, o.host, o.port, None, o.detail.resolver, o.detail.rrtype)
    return (o.vantage, o.host, o.port, o.address, "", "way")


def repeats(observations: Iterable[Observation]) -> dict[Key, dict[int, list[Observation]]]:
    """The repeats of a run: for each key the observations of each attempt, in the order of the steps."""
    order = {step: number for number, step in enumerate(Step)}
    found: dict[Key, dict[int, list[Observation]]] = defaultdict(lambda: defaultdict(list))
    for o in observations:
        if o.experiment == REPEAT:
            found[key(o)][o.attempt].append(o)
    for attempts in found.values():
        for seen in attempts.values():
            seen.sort(key=lambda o: (order[o.step], o.started_seconds))
    return found
