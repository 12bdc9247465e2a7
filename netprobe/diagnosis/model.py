"""What diagnosis concludes of one run: what became of hosts, endpoints and capabilities. Types only."""

from __future__ import annotations

import msgspec

from netprobe.findings import Finding, Outcome, Verdict
from netprobe.observations import Subject


class HostOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """One host of an endpoint."""

    host: str
    outcome: Outcome
    failed_step: str | None
    failure: str | None


class EndpointOutcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """One endpoint of one region: its :class:`Subject`, and what became of it and of its hosts."""

    id: str
    region: str
    group: str
    pattern: str
    port: int
    required: bool
    used_by: tuple[str, ...]
    outcome: Outcome
    hosts: tuple[HostOutcome, ...]
    purpose: str = ""
    numbered: bool = False
    stands_in_for: str | None = None
    placeholder_account: bool = False
    candidates: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    unfinished: tuple[str, ...] = ()
    unused: str = ""
    not_run: str = ""
    entry: str = ""
    upgrade: bool = False

    @classmethod
    def of(
        cls, subject: Subject, outcome: Outcome, hosts: tuple[HostOutcome, ...], *, reason: str = ""
    ) -> EndpointOutcome:
        """What became of a subject; everything that is known of it is kept, so that a report can be judged again.

        Args:
            subject: the endpoint as the run took it up.
            outcome: what became of it.
            hosts: what became of its hosts.
            reason: why it could not be judged, where the run itself gave no reason.
        """
        known = {name: getattr(subject, name) for name in Subject.__struct_fields__}
        known["not_run"] = subject.not_run or reason
        return cls(**known, outcome=outcome, hosts=hosts)

    def subject(self) -> Subject:
        """The subject alone, as :meth:`of` was given it (with the reason, where it gave one)."""
        return Subject(**{name: getattr(self, name) for name in Subject.__struct_fields__})

    def touched_by(self, finding: Finding) -> bool:
        """Whether a finding is about what became of this endpoint.

        It is where it names a host of the endpoint that fails; an endpoint that knows of no failing host is touched by
        a finding that names the endpoint itself.
        """
        if finding.region not in (None, self.region):
            return False
        failing = {one.host for one in self.hosts if one.outcome is Outcome.FAIL}
        return not failing.isdisjoint(finding.hosts) if failing else self.id in finding.endpoints


class CapabilityOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What the host can or cannot do in one region, and which findings block it."""

    id: str
    region: str
    outcome: Outcome
    blocked_by: tuple[str, ...]


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """Everything concluded from one run."""

    verdict: Verdict
    capabilities: tuple[CapabilityOutcome, ...]
    endpoints: tuple[EndpointOutcome, ...]
    findings: tuple[Finding, ...]
