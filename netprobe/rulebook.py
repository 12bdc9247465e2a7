"""Every rule by its id, and its page for ``netprobe explain``: host, image, workload and gate together.

A page is Markdown in the package, with the headings of every other page of netprobe; the source of its rule and the
day that was read are put below it from the rule itself, so that the two cannot disagree.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from netprobe.rules import Rule

_GATE = {
    "gate_waiver_expired": "A waiver has expired",
    "gate_proxy_unexpected": "A program uses another proxy than expected",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleEntry:
    """What there is to say of one rule.

    Attributes:
        id: the rule.
        title: the problem in a few words.
        folder: the package whose ``pages`` hold its page.
        source: the page or source file that it stands on; nothing for the gate's own.
        checked: the day that was read.
        sentence: what the source says, in its own words.
        reckoned: how the rule foretells what it did not try; nothing where what it reads is the fault.
    """

    id: str
    title: str
    folder: str
    source: str = ""
    checked: str = ""
    sentence: str = ""
    reckoned: str = ""


@functools.cache
def entries() -> Mapping[str, RuleEntry]:
    """Every rule by its id, less those that share id and page with a finding of ``check`` (the proxy settings)."""
    from netprobe.diagnosis.taxonomy import TAXONOMY
    from netprobe.host.rules import RULES as HOST
    from netprobe.workload.rules import RULES as WORKLOAD

    found = [_entry(rule, "netprobe.host") for rule in HOST]
    found = [entry for entry in found if entry.id not in TAXONOMY]
    found += [_entry(rule, "netprobe.workload") for rule in WORKLOAD]
    found += [RuleEntry(id=id_, title=title, folder="netprobe.host") for id_, title in _GATE.items()]
    return MappingProxyType({entry.id: entry for entry in found})


def _entry(rule: Rule[Any], folder: str) -> RuleEntry:
    return RuleEntry(
        id=rule.id,
        title=rule.title,
        folder=folder,
        source=rule.source,
        checked=rule.checked,
        sentence=rule.sentence,
        reckoned=rule.reckoned,
    )


def page(id_: str) -> str:
    """The page of a rule, Markdown.

    Raises:
        KeyError: there is no such rule; ids never become paths unchecked.
    """
    entry = entries()[id_]
    text = (files(entry.folder) / "pages" / f"{entry.id}.md").read_text(encoding="utf-8")
    if not entry.source:
        return text
    says = f", which says: “{entry.sentence}”" if entry.sentence else ""
    stands = f"Suspected: it is {entry.reckoned}." if entry.reckoned else "Proven as a fact: it is what was read."
    return f"{text}\n{stands}\n\nSource: {entry.source} (read {entry.checked}){says}\n"
