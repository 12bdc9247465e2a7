"""What diagnosis concludes of one run: what became of hosts, endpoints and capabilities. Types only."""

from __future__ import annotations

import msgspec

from netprobe.findings import Finding, Outcome, Verdict


class HostOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """One host of an endpoint."""

    host: str
    outcome: Outcome
    failed_step: str | None
    failure: str | None


class EndpointOutcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """One endpoint of one region."""

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
    not_run: str = ""


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
