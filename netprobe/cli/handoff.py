"""``check --handoff``: the text for the network team, with the rules for their device where it is named.

The rules are rendered from what this very run found: only the endpoints that a finding of the network's touches, with
the numbered names and the addresses that the run saw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from netprobe.cli.output import check_destinations, say, write_output
from netprobe.errors import CannotExpressError, UsageError

if TYPE_CHECKING:
    from netprobe.catalog.model import Endpoint
    from netprobe.checking.selection import Selection
    from netprobe.diagnosis.model import Diagnosis
    from netprobe.observations import Run
    from netprobe.render import Addresses, SeenNames


NAME = "netprobe-handoff"
"""The stem of its objects, lists and files: a part of the endpoints never takes the place of the whole list."""


class Handoff(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for, checked before any work is done.

    Attributes:
        path: where the text goes.
        target: the device that rules are rendered for, or None.
    """

    path: Path
    target: str | None


def wanted(path: Path | None, target: str | None) -> Handoff | None:
    """Check ``--handoff`` and ``--handoff-target``.

    Raises:
        UsageError: there is no such target, a target without a file, or one that cannot be written.
    """
    if path is None:
        if target is not None:
            raise UsageError("--handoff-target", "there is no hand-off to put its rules into", "give --handoff FILE")
        return None
    if target is not None:
        from netprobe.render import targets

        targets.get(target)
    check_destinations([path])
    return Handoff(path=path, target=target)


def write(wanted: Handoff, run: Run, diagnosis: Diagnosis, selection: Selection) -> None:
    """Write the text.

    Raises:
        UsageError: the file cannot be written.
    """
    from netprobe.diagnosis.handoff import handoff

    rules = _rules(wanted.target, run, diagnosis, selection) if wanted.target is not None else ()
    write_output(handoff(run, diagnosis, target=wanted.target or "", rules=rules), wanted.path)


def _rules(target: str, run: Run, diagnosis: Diagnosis, selection: Selection) -> Sequence[str]:
    from netprobe.render import Origin, policy, render
    from netprobe.render.model import Layer
    from netprobe.render.targets import get

    module = get(target)
    endpoints = _blocked(diagnosis, selection.endpoints, names_only=module.LAYER is Layer.DNS)
    if not endpoints:
        return _nothing_to_list(target, diagnosis)
    origin = Origin(
        command=f"netprobe render {target} --from REPORT.json --name {NAME}",
        catalog=selection.catalog.named,
        notes=(f"only what the check of {run.started_at} found blocked",),
    )
    try:
        known = policy.Known(seen=_seen(run, endpoints), addresses=_addresses(run))
        settings = policy.options(module.CAPABILITY, endpoints, known=known)
        rendered = render(target, endpoints, origin=origin, options=settings, policy=policy.policy(name=NAME))
    except (CannotExpressError, UsageError) as exc:
        # The text is of use without the rules; why they are missing stands where they would.
        say(f"netprobe: no rules for {target} in the hand-off: {exc}")
        return (f"No rules can be given: {exc}",)
    return rendered.main.expandtabs(4).splitlines()


def _nothing_to_list(target: str, diagnosis: Diagnosis) -> Sequence[str]:
    """Where something is wrong and no list of destinations would mend it, the text says so."""
    from netprobe.findings import Owner, Severity

    wrong = [f for f in diagnosis.findings if f.owner is Owner.NETWORK and f.severity is not Severity.INFO]
    return (f"None: no list of destinations on {target} would remove what is described above.",) if wrong else ()


def _blocked(diagnosis: Diagnosis, endpoints: Sequence[Endpoint], *, names_only: bool) -> tuple[Endpoint, ...]:
    """The endpoints that the network's findings touch, as far as a list of them would help.

    Args:
        diagnosis: what was found.
        endpoints: what was asked for.
        names_only: the device decides which names resolve; otherwise it decides about connections.
    """
    from netprobe.diagnosis.handoff import mended_by_a_list
    from netprobe.findings import Outcome, Owner, Severity

    touched: dict[str | None, set[str]] = {}
    for finding in diagnosis.findings:
        helps = mended_by_a_list(finding, names_only=names_only)
        if helps and finding.owner is Owner.NETWORK and finding.severity is not Severity.INFO:
            touched.setdefault(finding.region, set()).update(finding.endpoints)
    bad = {(one.region, one.id) for one in diagnosis.endpoints if one.outcome in (Outcome.FAIL, Outcome.WARN)}
    everywhere = touched.get(None, set())
    return tuple(
        endpoint
        for endpoint in endpoints
        if (endpoint.region, endpoint.id) in bad and endpoint.id in everywhere | touched.get(endpoint.region, set())
    )


def _seen(run: Run, endpoints: Sequence[Endpoint]) -> dict[str, SeenNames]:
    """The numbered names that exist, as this run saw them."""
    from netprobe.render import SeenNames

    how = f"seen by netprobe check on {run.started_at}"
    there = {
        (subject.region, subject.id): tuple(name for name in subject.candidates if name not in subject.absent)
        for subject in run.subjects
    }
    return {
        endpoint.pattern: SeenNames(names=names, how=how)
        for endpoint in endpoints
        if endpoint.numbered and (names := there.get((endpoint.region, endpoint.id), ()))
    }


def _addresses(run: Run) -> Addresses:
    """The addresses that names have, as this run saw them."""
    from netprobe.observations import DnsDetail
    from netprobe.render import Addresses

    found: dict[str, dict[str, None]] = {}
    for observation in run.observations:
        if isinstance(observation.detail, DnsDetail) and observation.experiment is None:
            found.setdefault(observation.host, {}).update(dict.fromkeys(observation.detail.answers))
    by_host: Mapping[str, tuple[str, ...]] = {host: tuple(addresses) for host, addresses in found.items()}
    return Addresses(how=f"seen by netprobe check on {run.started_at}", by_host=by_host)
