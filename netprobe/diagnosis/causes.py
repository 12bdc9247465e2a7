"""One cause, one finding: what the rules say about single hosts is put together here.

A rule looks at one view and returns a :class:`Cause`: which finding, and a ``key`` that makes it the same cause
(the resolver, the CA, the proxy, the device that answered). Thirty endpoints behind one dead resolver have the same id
and key, and become one finding that lists them. The sentence is written after that, by the rule's own ``say``, because
only then is it known how many names it touches.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable

import msgspec

from netprobe import manual, natural
from netprobe.diagnosis import numbered
from netprobe.diagnosis.evidence import Evidence
from netprobe.diagnosis.proof import Doubt, Proof, Standing, judge
from netprobe.diagnosis.taxonomy import TAXONOMY
from netprobe.diagnosis.views import View
from netprobe.diagnosis.words import agree, listing
from netprobe.errors import printable, redacted
from netprobe.findings import Certainty, Finding, Owner, Place, Severity
from netprobe.observations import Experiment, Observation, Subject

LONGEST_SENTENCE = 1200
FEW_NAMES = 3
"""As many as a sentence spells out."""
ALL = "all "
"""How :attr:`CauseGroup.names` begins where every endpoint of the run is meant."""
MOST_REASONS = 2
_ELSEWHERE = frozenset({Experiment.WORKING_ADDRESS, Experiment.OTHER_ADDRESS})
"""Controls at the address of a host that passed: what a finding compares with, and not what it is about."""


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """What a finding says to people.

    Attributes:
        title: one sentence, with the names and addresses that matter.
        remedy: what to change, with exact values.
        owner: who must act, where it is not the one that usually must.
    """

    title: str
    remedy: str
    owner: Owner | None = None


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule says about one host, or about the run.

    Attributes:
        id: the finding.
        say: writes the sentence, once all hosts with the same cause are known.
        key: what makes it the same cause.
        view: the host, or None for a cause of the whole run.
        evidence: the observations that show it, the failing one first.
        controls: those of them that tell its look-alikes apart, where they do. They count only for their own host.
        repeat: where no step failed, the observation that saw the same again.
        doubt: what is lacking, in words without a full stop, where the controls leave it open.
        blocking: whether the host has no way left because of it.
        severity: where the rule knows better than the taxonomy.
        vantages: for a cause without a view.
        places: files and lines.
        whole_host: the cause is the host's own, whatever the region.
    """

    id: str
    say: Callable[[CauseGroup], Words]
    key: str = ""
    view: View | None = None
    evidence: tuple[Observation, ...] = ()
    controls: tuple[Observation, ...] = ()
    repeat: Observation | None = None
    doubt: str = ""
    blocking: bool = False
    severity: Severity | None = None
    vantages: tuple[str, ...] = ()
    places: tuple[Place, ...] = ()
    whole_host: bool = False


class CauseGroup(msgspec.Struct, frozen=True, kw_only=True):
    """All causes with one id and key that stand alike, proven or suspected: what becomes one finding."""

    id: str
    key: str
    causes: tuple[Cause, ...]
    standings: tuple[Standing, ...]
    world: Evidence

    @property
    def views(self) -> tuple[View, ...]:
        """The hosts, each once a vantage."""
        return tuple(dict.fromkeys(c.view for c in self.causes if c.view is not None))

    @property
    def hosts(self) -> tuple[str, ...]:
        """The host names, in the order in which a person looks for them."""
        return tuple(natural.ordered({view.host for view in self.views}))

    @property
    def names(self) -> str:
        """The host names for a sentence; where every host of the run is meant, how many endpoints those are."""
        # A guessed number is a consequence of its un-numbered name's failure, and no host of its own.
        told = [view for view in self.world.views if not self.world.unknown_candidate(view)]
        everything = {view.host for view in told}
        if len(everything) > FEW_NAMES and everything == set(self.hosts):
            endpoints = {(s.id, s.region) for view in told for s in self.world.touched(view)}
            return f"{ALL}{len(endpoints)} endpoints"
        return listing(self.hosts)

    def they(self, verb: str) -> str:
        """The host names and what they do, one or several: ``ecs… ends``, ``ecs… and ssm… end``."""
        return f"{self.names} {agree(len(self.hosts), verb)}"

    @property
    def patterns(self) -> str:
        """The same for a sentence; where they are several, the finding lists them, so that they can be copied."""
        found = self.host_patterns
        return found[0] if len(found) == 1 else f"these {len(found)} names"

    @property
    def host_patterns(self) -> tuple[str, ...]:
        """The catalog's host patterns of these hosts, as an allowlist needs them."""
        found = {subject.pattern for subject in self.subjects}
        return tuple(natural.ordered(found or set(self.hosts)))

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """The endpoints that it touches, each once."""
        return tuple(dict.fromkeys(subject for view in self.views for subject in self.world.touched(view)))

    @property
    def ports(self) -> str:
        """The ports, for a sentence."""
        return listing(natural.ordered({str(view.port) for view in self.views}) or ["443"])

    @property
    def addresses(self) -> str:
        """The addresses at which it was seen, for a sentence; nothing where all of it was seen through a proxy."""
        found = seen_at(self.evidence)
        return listing(found, most=6) if found else ""

    @property
    def evidence(self) -> tuple[Observation, ...]:
        """Every observation, each once."""
        return tuple({o.id: o for cause in self.causes for o in cause.evidence}.values())

    @property
    def first(self) -> Observation:
        """The observation that speaks for all."""
        return next(c for c in self.causes if c.evidence).evidence[0]

    @property
    def proven(self) -> bool:
        """Whether it is proven, and so for each of its hosts."""
        return not any(isinstance(standing, Doubt) for standing in self.standings)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it is only suspected, each reason once, the most frequent first."""
        told = Counter(standing.reason for standing in self.standings if isinstance(standing, Doubt))
        return tuple(reason for reason, _ in told.most_common())

    @property
    def blocks(self) -> bool:
        """Whether it leaves a required host without any way."""
        return any(c.blocking and c.view is not None and self.world.required(c.view) for c in self.causes)

    @property
    def severity(self) -> Severity:
        """The rule's own; else an error where it blocks a required host, and only there."""
        explicit = [c.severity for c in self.causes if c.severity is not None]
        if explicit:
            return min(explicit, key=list(Severity).index)
        if self.blocks:
            return Severity.ERROR
        usual = TAXONOMY[self.id].usual
        return Severity.WARNING if usual is Severity.ERROR else usual


def seen_at(evidence: Iterable[Observation]) -> list[str]:
    """The addresses that a finding is about, sorted: not those of hosts that were compared with.

    Args:
        evidence: of the finding.
    """
    return natural.ordered({o.address for o in evidence if o.address is not None and o.experiment not in _ELSEWHERE})


def gather(causes: Iterable[Cause], world: Evidence) -> tuple[CauseGroup, ...]:
    """Put the causes with one id and key together: those that are proven for their hosts, and those that are not."""
    groups: dict[tuple[str, str, bool], list[tuple[Cause, Standing]]] = defaultdict(list)
    for cause in causes:
        standing = judge(world, cause)
        shown = _with_proof(cause, standing)
        # What is wrong with the host itself is one thing, however it shows: proven only if all of it is.
        apart = isinstance(standing, Doubt) and not cause.whole_host
        groups[cause.id, cause.key, apart].append((shown, standing))
    return tuple(
        CauseGroup(
            id=id_,
            key=key,
            causes=tuple(cause for cause, _ in found),
            standings=tuple(standing for _, standing in found),
            world=world,
        )
        for (id_, key, _), found in groups.items()
    )


def _with_proof(cause: Cause, standing: Standing) -> Cause:
    """A cause with what proves it among its evidence."""
    if not isinstance(standing, Proof):
        return cause
    proving = (o for o in (standing.repeat, standing.control) if o not in cause.evidence)
    return msgspec.structs.replace(cause, evidence=(*cause.evidence, *proving))


def finding(group: CauseGroup) -> Finding:
    """Write down one group as a finding."""
    words = group.causes[0].say(group)
    title = words.title + _pardon(group) + _optional(group)
    if not group.proven:
        title += f" Suspected: {'; '.join(group.reasons[:MOST_REASONS])}."
    subjects = tuple({(s.id, s.region): s for view in group.views for s in view.subjects}.values())
    regions = {subject.region for subject in subjects} or {o.region for o in group.evidence}
    vantages = {v for c in group.causes for v in c.vantages}
    vantages |= {v for view in group.views for v in (view.vantage, *view.also)}
    whole = any(cause.whole_host for cause in group.causes)
    return Finding(
        id=group.id,
        severity=group.severity,
        certainty=Certainty.PROVEN if group.proven else Certainty.SUSPECTED,
        region=next(iter(regions)) if len(regions) == 1 and not whole else None,
        hosts=group.hosts,
        title=printable(title, LONGEST_SENTENCE),
        evidence=tuple(o.id for o in group.evidence),
        remedy=printable(words.remedy, LONGEST_SENTENCE),
        owner=words.owner or TAXONOMY[group.id].owner,
        docs=manual.finding(group.id),
        endpoints=_endpoints(group),
        vantages=tuple(sorted(vantages)),
        places=tuple(dict.fromkeys(place for cause in group.causes for place in cause.places)),
        cause=printable(redacted(group.key)),
        patterns=group.host_patterns if group.patterns in words.remedy else (),
    )


def _pardon(group: CauseGroup) -> str:
    """What there is to say of one dark number among others that work."""
    views = group.views
    alone = bool(views) and all(numbered.forgiven(group.world, view) for view in views)
    return f" {numbered.PARDON}" if alone else ""


def _optional(group: CauseGroup) -> str:
    """What a host can do without: which of the endpoints are optional, and what they are for."""
    if group.severity is Severity.INFO:
        return ""
    subjects = tuple({s.id: s for view in group.views for s in view.subjects}.values())
    spared = [s for s in subjects if not s.required and s.stands_in_for is None]
    if not spared:
        return ""
    if len(spared) < len(subjects):
        return f" Optional of these: {listing(sorted(s.id for s in spared))}."
    purposes = [purpose for s in spared if (purpose := s.purpose.rstrip("."))]
    told = f": {'; '.join(dict.fromkeys(purposes[:MOST_REASONS]))}" if purposes else ""
    return f" {'It is' if len(group.hosts) == 1 else 'They are'} optional, the host is ready without{told}."


def _endpoints(group: CauseGroup) -> tuple[str, ...]:
    """The ids of the endpoints that it touches."""
    return tuple(sorted({subject.id for subject in group.subjects}))
