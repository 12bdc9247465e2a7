"""The words of every judgement: outcome, severity, certainty, owner, verdict, and the finding that they describe.

Diagnosis, the rules of host, image and workload, the gate and every report speak them, so they live below all of
these and import none of them. Types only.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec


class Outcome(StrEnum):
    """What became of an endpoint, a host, a capability or a rule. What was not run is never shown as a pass."""

    PASS = "pass"  # noqa: S105 - an outcome, not a password
    WARN = "warn"
    FAIL = "fail"
    NOT_APPLICABLE = "not_applicable"
    NOT_RUN = "not_run"

    @property
    def rank(self) -> int:
        """Its place from the worst (0) to the one that says nothing; what was not run could hide a failure."""
        return _FROM_WORST.index(self)


_FROM_WORST = (Outcome.FAIL, Outcome.NOT_RUN, Outcome.WARN, Outcome.PASS, Outcome.NOT_APPLICABLE)


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """The outcome of several together: the worst of them.

    Raises:
        ValueError: there is none; the caller knows what nothing means.
    """
    return min(outcomes, key=lambda outcome: outcome.rank)


class Severity(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """Its place from the gravest (0) on."""
        return tuple(Severity).index(self)


class Certainty(StrEnum):
    """Whether the cause is proven: by an experiment, or as a fact that was read; or only suspected."""

    PROVEN = "proven"
    SUSPECTED = "suspected"


class Owner(StrEnum):
    """Who has to change something."""

    NETWORK = "network"
    HOST = "host"
    AWS = "aws"
    ORIGIN = "origin"
    """Whoever runs a service that is not AWS's: GitHub, Docker, your own registry's team."""
    WORKLOAD = "workload"


NOT_OURS = frozenset({Owner.AWS, Owner.ORIGIN})
"""Owners of what nobody here can change."""


class Verdict(StrEnum):
    """The answer of a run."""

    READY = "ready"
    DEGRADED = "degraded"
    NOT_READY = "not_ready"
    INCONCLUSIVE = "inconclusive"

    @classmethod
    def of(cls, findings: Iterable[Finding], *, is_open: bool) -> Verdict:
        """The one answer.

        An error decides. Without one, whatever is required and could not be judged leaves the answer open; then
        warnings count.

        Args:
            findings: everything that was found.
            is_open: whether nothing was judged, or something required could not be.
        """
        severities = {finding.severity for finding in findings}
        if Severity.ERROR in severities:
            return cls.NOT_READY
        if is_open:
            return cls.INCONCLUSIVE
        return cls.DEGRADED if Severity.WARNING in severities else cls.READY


class HopAt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One hop of a way.

    Attributes:
        hop: how far it is, in routers; 0 is this host.
        address: who answered from there (``a or b`` where routers share the load); empty where nobody did.
    """

    hop: int
    address: str = ""


class Location(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where on the way it breaks (``check --locate``).

    Attributes:
        hop: the hop in question: of the device that named itself, else the last that answered.
        address: its addresses.
        device: what it is, as far as that is known.
        certainty: whether somebody named himself, or silence alone speaks.
        answered: the last hop that answered before it breaks; None where none did.
        suspects: the hops of which one stops it, nearest first. One where a device named itself. Two where none did:
            a router decides after it has answered, so the last that answered is as likely as what stands before the
            next one.
    """

    hop: int | None = None
    address: str = ""
    device: str = ""
    certainty: Certainty = Certainty.SUSPECTED
    answered: HopAt | None = None
    suspects: tuple[HopAt, ...] = ()


class Place(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A place in a file that a finding of host, image or workload points at."""

    file: str
    line: int | None = None
    text: str = ""


class Acceptance(msgspec.Struct, frozen=True, kw_only=True):
    """Why a finding does not fail the gate: a ``[[waiver]]`` that covers it."""

    owner: str
    expires: str
    """The last day on which it counts, ``YYYY-MM-DD``."""
    reason: str


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """One cause, with everything it touches.

    Attributes:
        id: the taxonomy's id: ``tls_intercepted``, or the rule that failed for host, image and workload.
        severity: see :class:`Severity`.
        certainty: proven by an experiment, or a fact that was read; or suspected (then ``remedy`` or ``title`` says
            what is missing).
        region: the region, or nothing where the cause is the host's own or touches several.
        hosts: the hosts it touches, sorted.
        title: one sentence for people, with the names and addresses that matter.
        evidence: ids of the observations that show it.
        remedy: what to change, with exact values.
        owner: who must act.
        docs: the URL of the page that explains it; ``netprobe explain ID`` prints the same.
        endpoints: ids of the endpoints it touches.
        vantages: as whom it was seen.
        location: where on the way, if that was looked for.
        places: files and lines (host, image, workload).
        cause: what makes it the same cause on another host, where there is such a thing: the CA, the proxy, the
            resolver, the device that answered. Text that somebody else chose; credentials removed.
        patterns: the host names and patterns that ``remedy`` speaks of ("these 11 names"), to be copied.
        waiver: who accepts it and until when, where the gate's file says so.
    """

    id: str
    severity: Severity
    certainty: Certainty
    region: str | None
    hosts: tuple[str, ...]
    title: str
    evidence: tuple[str, ...]
    remedy: str
    owner: Owner
    docs: str
    endpoints: tuple[str, ...] = ()
    vantages: tuple[str, ...] = ()
    location: Location | None = None
    places: tuple[Place, ...] = ()
    cause: str = ""
    patterns: tuple[str, ...] = ()
    waiver: Acceptance | None = None


class RuleOutcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one rule of ``host``, ``image``, ``workload`` or ``gate``; a failed one has a finding of its id.

    Attributes:
        id: the rule, as ``netprobe explain`` knows it.
        outcome: pass, warn, fail, not_applicable or not_run.
        title: one sentence: what was found.
        subject: what was judged: ``host``, the image, the task definition's file or resource.
        places: the files and lines that show it.
        not_run: why it could not be judged, where it was not.
        hindered: it applies, something kept it from being judged (an unreadable file), and its failure would have been
            an error, so the verdict stays open. A rule that only a running host answers is not hindered on an image.
    """

    id: str
    outcome: Outcome
    title: str
    subject: str = ""
    places: tuple[Place, ...] = ()
    not_run: str = ""
    hindered: bool = False
