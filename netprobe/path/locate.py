"""``check --locate``: put into each finding where on the way it breaks."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import msgspec

from netprobe.findings import Finding, Location
from netprobe.observations import Observation
from netprobe.path import destinations
from netprobe.path.model import DestinationPath, NotRun
from netprobe.path.rate_limits import SendingLimits
from netprobe.path.run import Destination, look
from netprobe.report.model import Report


def wanted(report: Report) -> tuple[Destination, ...]:
    """The addresses that the evidence of the report's findings names."""
    return destinations.of_observations(_evidence(report), report.context.vantages)


def _evidence(report: Report) -> tuple[Observation, ...]:
    named = {one for finding in report.findings for one in finding.evidence}
    return tuple(one for one in report.observations if one.id in named)


async def apply(
    report: Report,
    *,
    deadline: float,
    limits: SendingLimits | None = None,
    connect_port: Callable[[int], int] | None = None,
    progress: Callable[[str], None] | None = None,
) -> Report:
    """Look at the path to what failed and put ``location`` into the findings.

    Args:
        report: a finished report.
        deadline: seconds for all of it.
        limits: bounds of rate and depth.
        connect_port: service port → the port to connect to (a vantage's; differs only in a lab).
        progress: told each address that is done.

    Returns:
        The report with locations; what could not be looked at is one of its notes.
    """
    mapped = tuple(
        destination
        if connect_port is None or destination.resolver
        else dataclasses.replace(destination, port=connect_port(destination.port))
        for destination in wanted(report)
    )
    unseen = destinations.out_of_sight(_evidence(report))
    if not mapped and not unseen:
        return report
    if not mapped:
        return msgspec.structs.replace(report, notes=(*report.notes, *map(_note, unseen)))
    seen = await look(mapped, limits or SendingLimits(), deadline=deadline, progress=progress)
    notes = tuple(map(_note, (*seen.not_run, *unseen)))
    findings = tuple(_located(finding, report, seen.targets) for finding in report.findings)
    return msgspec.structs.replace(report, findings=findings, notes=(*report.notes, *notes))


def _note(one: NotRun) -> str:
    return f"path not looked at: {one.part}: {one.reason}; needs {one.needs}"


def _located(finding: Finding, report: Report, seen: tuple[DestinationPath, ...]) -> Finding:
    """The finding with the location of the first of its addresses that has one; an exact one before a suspicion."""
    evidence = [one for one in report.observations if one.id in finding.evidence]
    addresses = {destination.address for destination in destinations.of_observations(evidence, report.context.vantages)}
    found = [one.location for one in seen if one.address in addresses and one.location is not None]
    best: Location | None = min(found, key=lambda one: one.certainty.value, default=None)
    return finding if best is None else msgspec.structs.replace(finding, location=best)
