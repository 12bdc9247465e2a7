"""Agents by settings: which proxy, exceptions, trust store and resolvers each program has, and where they differ.

A value that is not the commonest of its row is marked: a difference between two agents of one host is the usual reason
why one works and the other does not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from netprobe import natural
from netprobe.diagnosis.words import listing
from netprobe.errors import redacted
from netprobe.observations import VantageRecord
from netprobe.report.formats.html.index import Index
from netprobe.report.model import Report

_HOSTS = 4
_NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One setting of one agent."""

    text: str
    source: str
    differs: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingRow:
    """One row: a setting, a value an agent."""

    name: str
    values: tuple[Value, ...]
    differ: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsTable:
    """What the section shows."""

    agents: tuple[tuple[str, bool], ...]
    rows: tuple[SettingRow, ...]


def view(report: Report, index: Index) -> SettingsTable | None:
    """Every vantage of the run."""
    records = report.context.vantages
    if not records:
        return None
    return SettingsTable(
        agents=tuple((record.name, record.looked) for record in records),
        rows=tuple(_row(name, records, key, told) for name, key, told in _ROWS),
    )


def _proxy(record: VantageRecord) -> str:
    return redacted(record.proxy) if record.proxy else "none: it connects directly"


def _no_proxy(record: VantageRecord) -> str:
    return ", ".join(map(redacted, record.no_proxy)) or _NONE


def _exempt(record: VantageRecord) -> str:
    by_token: dict[str, list[str]] = {}
    for host, token in natural.items(record.exempt):
        by_token.setdefault(token, []).append(host)
    told = [f"{token} → {listing(hosts, most=_HOSTS)}" for token, hosts in by_token.items()]
    return "; ".join(told) or _NONE


def _resolvers(record: VantageRecord) -> str:
    return ", ".join(record.resolvers) or _NONE


def _families(record: VantageRecord) -> str:
    return " and ".join(f"IPv{family}" for family in record.families) or _NONE


_ROWS: tuple[tuple[str, str, Callable[[VantageRecord], str]], ...] = (
    ("Proxy", "proxy", _proxy),
    ("NO_PROXY", "no_proxy", _no_proxy),
    ("Goes direct, by token", "", _exempt),
    ("Trust store", "store", lambda record: record.store),
    ("Resolvers", "resolvers", _resolvers),
    ("Addresses", "families", _families),
)
"""Name, the key of the setting's source, and how its value is told."""


def _row(name: str, records: tuple[VantageRecord, ...], key: str, told: Callable[[VantageRecord], str]) -> SettingRow:
    texts = [told(record) for record in records]
    common = Counter(texts).most_common(1)[0][0]
    differ = len(set(texts)) > 1
    values = tuple(
        Value(text=text, source=_source(record, key, text), differs=text != common)
        for record, text in zip(records, texts, strict=True)
    )
    return SettingRow(name=name, values=values, differ=differ)


def _source(record: VantageRecord, key: str, text: str) -> str:
    source = record.sources.get(key, "")
    return "" if source == text else redacted(source)
