"""What it means: the way of a host from registering to running commands, and where that way ends.

The order is that of a host's life. A capability behind the break keeps its own outcome, since its endpoints were
looked at too; only the way there is drawn as broken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from netprobe.diagnosis.capabilities import CAPABILITIES
from netprobe.diagnosis.model import CapabilityOutcome
from netprobe.findings import Outcome, worst
from netprobe.report.formats.html.index import Index
from netprobe.report.model import Report

_CHAIN = (
    ("Register", ("register",)),
    ("Receive tasks", ("receive-tasks",)),
    ("Pull images", ("pull-images",)),
    ("Run", ("keep-credentials", "serve-tasks", "read-secrets")),
    ("Logs", ("ship-logs",)),
    ("Metrics", ("report-metrics",)),
    ("Commands", ("run-commands",)),
)
"""Name → the capabilities that it needs."""
_SUMMARY = {one.id: one.summary for one in CAPABILITIES}
_WORDS = {
    Outcome.PASS: "works",
    Outcome.WARN: "works, with a warning",
    Outcome.FAIL: "does not work",
    Outcome.NOT_RUN: "could not be looked at",
    Outcome.NOT_APPLICABLE: "was not looked at",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CapabilityLink:
    """One link of the chain.

    Attributes:
        name: ``Pull images``.
        needs: what stands behind it, in words.
        outcome: the worst of all regions; ``not_applicable`` where nobody asked.
        told: what became of it.
        blocked_by: ids of findings with the anchors of their cards.
        ends: whether the way ends here.
        behind: whether it lies behind the end.
    """

    name: str
    needs: str
    outcome: Outcome
    told: str
    blocked_by: tuple[tuple[str, str], ...]
    ends: bool = False
    behind: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What the section shows."""

    sentence: str
    chain: tuple[CapabilityLink, ...]
    others: tuple[CapabilityLink, ...]


def view(report: Report, index: Index) -> Meaning | None:
    """The chain, and every other capability that was asked for."""
    if not report.capabilities:
        return None
    cards: dict[str, str] = {}
    for finding in index.findings:
        cards.setdefault(finding.id, index.card(finding))
    links = [_link(name, _of(report, ids), ids, cards) for name, ids in _CHAIN]
    end = next((at for at, link in enumerate(links) if link.outcome is Outcome.FAIL), None)
    chained = {id_ for _, ids in _CHAIN for id_ in ids}
    others = [one.id for one in report.capabilities if one.id not in chained]
    return Meaning(
        sentence=_sentence(links, end),
        chain=tuple(_placed(link, at, end) for at, link in enumerate(links)),
        others=tuple(_link(_name(id_), _of(report, (id_,)), (id_,), cards) for id_ in dict.fromkeys(others)),
    )


def _of(report: Report, ids: Sequence[str]) -> list[CapabilityOutcome]:
    return [one for one in report.capabilities if one.id in ids]


def _name(id_: str) -> str:
    text = id_.replace("-", " ").replace("_", " ")
    return text[:1].upper() + text[1:]


def _link(name: str, found: list[CapabilityOutcome], ids: Sequence[str], cards: dict[str, str]) -> CapabilityLink:
    outcome = worst(one.outcome for one in found) if found else Outcome.NOT_APPLICABLE
    regions = {one.region for one in found}
    bad = {one.region for one in found if one.outcome is outcome}
    partly = f" in {len(bad)} of {len(regions)} regions" if outcome is not Outcome.PASS and len(regions) > 1 else ""
    blocking = dict.fromkeys(id_ for one in found for id_ in one.blocked_by)
    return CapabilityLink(
        name=name,
        needs="; ".join(_SUMMARY[id_] for id_ in _looked_at(found, ids) if id_ in _SUMMARY),
        outcome=outcome,
        told=_WORDS[outcome] + partly,
        blocked_by=tuple((id_, cards.get(id_, "")) for id_ in blocking),
    )


def _looked_at(found: list[CapabilityOutcome], ids: Sequence[str]) -> list[str]:
    present = {one.id for one in found}
    return [id_ for id_ in ids if id_ in present] or list(ids[:1])


def _placed(link: CapabilityLink, at: int, end: int | None) -> CapabilityLink:
    if end is None or at < end:
        return link
    return replace(link, ends=at == end, behind=at > end)


def _sentence(links: list[CapabilityLink], end: int | None) -> str:
    if end is None:
        open_ = [link.name.lower() for link in links if link.outcome is Outcome.NOT_RUN]
        return f"Open: {', '.join(open_)}." if open_ else "The whole way is free."
    if end == 0:
        return "The way ends at the first step: the host cannot even register."
    return f"The way ends at “{links[end].name.lower()}”; what lies behind it is of no use until then."
