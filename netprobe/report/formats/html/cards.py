"""A card a cause: what, how sure and by which experiment, who, the change to copy, its risk and the way back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import wrap

from markupsafe import Markup

from netprobe.diagnosis.changes import change_for
from netprobe.diagnosis.handoff import destinations, sources
from netprobe.diagnosis.proof import NEEDS
from netprobe.diagnosis.taxonomy import TAXONOMY
from netprobe.diagnosis.words import located
from netprobe.errors import redacted
from netprobe.findings import NOT_OURS, Certainty, Finding, Outcome, Owner, Severity
from netprobe.report.formats.html.explained import sections
from netprobe.report.formats.html.index import Index
from netprobe.report.formats.html.marks import OF_SEVERITY, brief
from netprobe.report.model import Report
from netprobe.report.words import TEAMS, counted, waived

_WIDTH = 76
_MOST_PLACES = 20
_MOST_WITNESSES = 24
_MOST_ON_A_SHEET = 60
"""Lines of a change that A4 and Letter have room for beside the rest of its card, in two columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One cause.

    Attributes:
        anchor: where it stands on the page.
        finding: the finding itself.
        outcome: its severity as a mark.
        severity: ``must change``, ``should change``, ``good to know`` or ``accepted for now``.
        waiver: who accepts it, until when and why; nothing where nobody does.
        headline: what is wrong, in a few words.
        sentence: the same with names and addresses; nothing where the headline says it all.
        certainty: how sure that is, and by which experiment.
        team: who acts.
        location: on which hop, where that was looked for.
        block: the change, to copy, in lines; empty where none is asked for.
        long: whether it may not fit a sheet of paper: then it is divided within that block, and nowhere else.
        risk: what else the change does.
        rollback: how it is taken back.
        witnesses: endpoints whose evidence shows it, with their anchors.
        unseen: how many more of these there are.
        page: the page of ``netprobe explain``, by heading.
        told_by: the card that has the page, where it is another one.
    """

    anchor: str
    finding: Finding
    outcome: Outcome
    severity: str
    waiver: str
    headline: str
    sentence: str
    certainty: str
    team: str
    location: str
    block: tuple[str, ...]
    long: bool
    risk: str
    rollback: str
    witnesses: tuple[tuple[str, str], ...]
    unseen: int
    page: tuple[tuple[str, Markup], ...]
    told_by: str


_SEVERITIES = {
    Severity.ERROR: "Must change",
    Severity.WARNING: "Should change",
    Severity.INFO: "Good to know",
}
_ACCEPTED = "Accepted for now"


def view(report: Report, index: Index) -> tuple[Card, ...]:
    """A card for every finding, errors first; a page is told once."""
    cards: list[Card] = []
    told: dict[str, str] = {}
    several = len(report.regions) > 1
    for finding in index.findings:
        anchor = index.card(finding)
        first = told.setdefault(finding.id, anchor)
        change = change_for(finding)
        block = _block(finding, report, index)
        touching = [one for one in report.endpoints if one.touched_by(finding)]
        cards.append(
            Card(
                anchor=anchor,
                finding=finding,
                outcome=OF_SEVERITY[finding.severity],
                severity=_SEVERITIES[finding.severity] if finding.waiver is None else _ACCEPTED,
                waiver=waived(finding),
                headline=brief(finding),
                sentence=finding.title if finding.id in TAXONOMY else "",
                certainty=_certainty(finding),
                team=TEAMS[finding.owner],
                location=located(finding.location) if finding.location is not None else "",
                block=block,
                long=len(block) > _MOST_ON_A_SHEET,
                risk=change.risk,
                rollback=change.rollback,
                witnesses=tuple(
                    (f"{one.id} in {one.region}" if several else one.id, index.endpoint(one))
                    for one in touching[:_MOST_WITNESSES]
                ),
                unseen=max(len(touching) - _MOST_WITNESSES, 0),
                page=sections(finding.id) if first == anchor else (),
                told_by="" if first == anchor else first,
            )
        )
    return tuple(cards)


def _certainty(finding: Finding) -> str:
    need = NEEDS.get(finding.id)
    seen = f" {counted(len(finding.evidence), 'observation')} show it." if finding.evidence else ""
    if need is None:
        return "Proven: it is read from the files named below." if finding.places else f"Proven by what was read.{seen}"
    if finding.certainty is Certainty.SUSPECTED:
        return f"Suspected, not proven. What would prove it: {need.control}{seen}"
    if need.experiments is None:
        return f"Proven. {need.control}{seen}"
    return f"Proven: it was tried again, unchanged and alone, and failed alike each time. {need.control}{seen}"


def _block(finding: Finding, report: Report, index: Index) -> tuple[str, ...]:
    """The change as text that stands for itself in a mail or a ticket.

    What is asked of the network is a list, a line for each pattern and complete; the remedy beside it names only a few.
    """
    if finding.owner in NOT_OURS or not finding.remedy:
        return ()
    asked = list(_asked(finding, report, index)) if finding.owner is Owner.NETWORK else []
    if asked:
        return tuple(asked)
    lines = wrap(redacted(finding.remedy), _WIDTH, break_long_words=False, break_on_hyphens=False)
    return (*lines, *_places(finding))


def _asked(finding: Finding, report: Report, index: Index) -> Iterator[str]:
    touched = [one for one in report.endpoints if one.id in finding.endpoints and _speaks_of(finding, one.region)]
    seen = index.evidence(finding)
    first, *rest = (line.strip() for line in destinations(finding, touched, seen))
    if not rest:
        return
    yield first
    yield from (f"  {line}" for line in rest)
    addresses = sources(seen) or sources(report.observations)
    if addresses:
        yield ""
        yield f"Source: {', '.join(addresses)}"


def _speaks_of(finding: Finding, region: str) -> bool:
    return finding.region in (None, region)


def _places(finding: Finding) -> Iterator[str]:
    if finding.places:
        yield ""
    for place in finding.places[:_MOST_PLACES]:
        line = "" if place.line is None else f":{place.line}"
        yield f"{place.file}{line}  {redacted(place.text)}".rstrip()
    if len(finding.places) > _MOST_PLACES:
        yield f"and {len(finding.places) - _MOST_PLACES} more places"
