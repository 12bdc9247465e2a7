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

_GATE = {
    "gate_waiver_expired": "A waiver has expired",
    "gate_proxy_unexpected": "A program uses another proxy than expected",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What there is to say of one rule.

    Attributes:
        id: the rule.
        title: the problem in a few words.
        folder: the package whose ``pages`` hold its page.
        source: the page or source file that it stands on; nothing for the gate's own.
        checked: the day that was read.
        sentence: what the source says, in its own words.
    """

    id: str
    title: str
    folder: str
    source: str = ""
    checked: str = ""
    sentence: str = ""


@functools.cache
def entries() -> Mapping[str, Entry]:
    """Every rule by its id, less those that share id and page with a finding of ``check`` (the proxy settings)."""
    from netprobe.diagnosis.taxonomy import TAXONOMY
    from netprobe.host.rules import RULES as HOST
    from netprobe.workload.rules import RULES as WORKLOAD

    found = [_entry(rule.id, rule.title, "netprobe.host", rule.source, rule.checked) for rule in HOST]
    found = [entry for entry in found if entry.id not in TAXONOMY]
    found += [
        _entry(rule.id, rule.title, "netprobe.workload", rule.source, rule.checked, rule.sentence) for rule in WORKLOAD
    ]
    found += [Entry(id=id_, title=title, folder="netprobe.host") for id_, title in _GATE.items()]
    return MappingProxyType({entry.id: entry for entry in found})


def _entry(id_: str, title: str, folder: str, source: str, checked: str, sentence: str = "") -> Entry:
    return Entry(id=id_, title=title, folder=folder, source=source, checked=checked, sentence=sentence)


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
    return f"{text}\nSource: {entry.source} (read {entry.checked}){says}\n"
