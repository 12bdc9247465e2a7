"""Metrics of a fleet, in the same dialect as those of one host: gauges that every reader takes.

One series a host and verdict would be more than Prometheus likes of four hundred hosts, so a host has one
(``netprobe_fleet_host_ready``), and endpoints and causes are counted by group.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from netprobe.findings import Verdict
from netprobe.fleet.model import Fleet
from netprobe.report.formats.openmetrics import written
from netprobe.report.measures import Sample

_READY = (Verdict.READY, Verdict.DEGRADED)


def render(fleet: Fleet, *, width: int) -> str:
    """Write every metric family and the end mark."""
    return written(_families(fleet))


def _families(fleet: Fleet) -> Iterator[tuple[str, str, str, list[Sample]]]:
    made = datetime.fromisoformat(fleet.made_at).timestamp()
    skipped = len(fleet.skipped) + fleet.skipped_more
    yield "netprobe_fleet_made_seconds", "seconds", "When the answer was made, Unix time.", [({}, made)]
    yield "netprobe_fleet_reports", "", "Reports that were read.", [({}, float(fleet.reports))]
    yield "netprobe_fleet_reports_unreadable", "", "Reports that could not be read.", [({}, float(skipped))]
    yield "netprobe_fleet_hosts_missing", "", "Expected hosts that sent nothing.", [({}, float(len(fleet.missing)))]
    yield "netprobe_fleet_hosts", "", "Hosts by group and verdict.", list(_verdicts(fleet))
    yield "netprobe_fleet_host_ready", "", "Whether the last report of a host found it ready.", list(_hosts(fleet))
    yield "netprobe_fleet_endpoint_hosts", "", "Hosts by group, endpoint and outcome.", list(_endpoints(fleet))
    yield "netprobe_fleet_cause_hosts", "", "Hosts that a cause touches, by group.", list(_causes(fleet))


def _verdicts(fleet: Fleet) -> Iterator[Sample]:
    for group in fleet.groups:
        for verdict, count in group.verdicts.items():
            yield {"group": group.name, "verdict": verdict}, float(count)


def _hosts(fleet: Fleet) -> Iterator[Sample]:
    for host in fleet.hosts:
        ready = host.verdict in _READY and not host.too_old
        yield {"host": host.name, "site": host.site}, float(ready)


def _endpoints(fleet: Fleet) -> Iterator[Sample]:
    for group in fleet.groups:
        for endpoint, count in zip(fleet.endpoints, group.endpoints, strict=True):
            region, _, id_ = endpoint.partition("/")
            labels = {"group": group.name, "region": region, "endpoint": id_}
            yield {**labels, "outcome": "pass"}, float(count.passing)
            yield {**labels, "outcome": "warn"}, float(count.warning)
            yield {**labels, "outcome": "fail"}, float(count.failing)
            yield {**labels, "outcome": "not_run"}, float(count.not_run)


def _causes(fleet: Fleet) -> Iterator[Sample]:
    """Two causes may have the same words (each of its own endpoints): they are numbered."""
    for group in fleet.groups:
        for number, (cause, count) in enumerate(zip(fleet.causes, group.causes, strict=True), start=1):
            labels = {
                "group": group.name,
                "number": str(number),
                "finding": cause.id,
                "cause": cause.cause,
                "severity": str(cause.severity),
                "owner": str(cause.owner),
            }
            yield labels, float(count)
