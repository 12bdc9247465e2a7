"""The report: a run and what was concluded from it, in the shape that users' jobs and dashboards lean on.

The JSON Schema is made from these types (``netprobe check --schema``). ``schema_version`` changes its first number
when a key is renamed or removed, its second when one is added.
"""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from netprobe.diagnosis.model import CapabilityOutcome, Diagnosis, EndpointOutcome
from netprobe.findings import Finding, RuleOutcome, Verdict
from netprobe.naming import HostIdentity
from netprobe.observations import CatalogVersion, Context, Observation, Run, Seconds

SCHEMA_VERSION = "1.3"


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One run, complete: what was seen and what it means.

    ``check`` fills endpoints, capabilities and observations; ``host``, ``image`` and ``workload`` fill ``rules``;
    ``gate`` may fill all. Findings and the verdict are everyone's.
    """

    schema_version: str
    netprobe_version: str
    catalog: CatalogVersion
    started_at: str
    duration_seconds: Seconds
    regions: tuple[str, ...]
    verdict: Verdict
    capabilities: tuple[CapabilityOutcome, ...]
    endpoints: tuple[EndpointOutcome, ...]
    observations: tuple[Observation, ...]
    findings: tuple[Finding, ...]
    context: Context = Context()
    notes: tuple[str, ...] = ()
    rules: tuple[RuleOutcome, ...] = ()
    host: HostIdentity = HostIdentity()

    @classmethod
    def of(cls, run: Run, diagnosis: Diagnosis) -> Report:
        """Put a run and its diagnosis together."""
        return cls(
            schema_version=SCHEMA_VERSION,
            netprobe_version=run.netprobe_version,
            catalog=aged(run.catalog, run.started_at),
            started_at=run.started_at,
            duration_seconds=run.duration_seconds,
            regions=run.regions,
            verdict=diagnosis.verdict,
            capabilities=diagnosis.capabilities,
            endpoints=diagnosis.endpoints,
            observations=run.observations,
            findings=diagnosis.findings,
            context=run.context,
            notes=run.notes,
        )

    def diagnosis(self) -> Diagnosis:
        """What was concluded, alone."""
        return Diagnosis(
            verdict=self.verdict, capabilities=self.capabilities, endpoints=self.endpoints, findings=self.findings
        )

    def run(self) -> Run:
        """The run alone, so that it can be diagnosed again (``netprobe diagnose``)."""
        return Run(
            netprobe_version=self.netprobe_version,
            catalog=self.catalog,
            started_at=self.started_at,
            duration_seconds=self.duration_seconds,
            regions=self.regions,
            context=self.context,
            subjects=tuple(endpoint.subject() for endpoint in self.endpoints),
            observations=self.observations,
            notes=self.notes,
        )


def aged(catalog: CatalogVersion, started_at: str) -> CatalogVersion:
    """The catalog with its age on the day of the run.

    Args:
        catalog: its version is the day on which its facts were read.
        started_at: when the run began, RFC 3339. What is no day of either leaves the age unknown.
    """
    try:
        days = (datetime.fromisoformat(started_at).date() - date.fromisoformat(catalog.version)).days
    except ValueError:
        return catalog
    return msgspec.structs.replace(catalog, age_days=days)
