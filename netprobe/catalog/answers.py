"""What the services answer to our requests, as ``data/answers.toml`` says: seen by somebody, or only expected.

Nobody has recorded what some services say to the very requests that probes make. A report that rests on such an
expectation should say so, and a transcript of one real network settles it (:mod:`netprobe.catalog.learn`).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import msgspec

from netprobe.catalog import tables
from netprobe.catalog.entries import EndpointEntry
from netprobe.catalog.model import Answered, Request

NAME = "answers.toml"
_DATE = re.compile(r"\d{4}(-\d{2}-\d{2})?")


class AnswerRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ``[[answer]]``: an answer, and the entries that give it."""

    of: tuple[str, ...]
    step: Literal["http", "websocket"]
    seen: bool
    told: str
    source: str
    date: str
    status: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a record that does not say of what, whence and when."""
        if not (self.of and self.told and self.source and _DATE.fullmatch(self.date)):
            raise ValueError(f"an answer of {', '.join(self.of) or 'nobody'} lacks words, source or date")


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    answer: tuple[AnswerRecord, ...]


def records(table: Mapping[str, Any]) -> tuple[AnswerRecord, ...]:
    """The records of ``answers.toml``; raises msgspec.ValidationError on anything unexpected."""
    return msgspec.convert(table, _File).answer


def parse(data: bytes) -> tuple[AnswerRecord, ...]:
    """Read ``answers.toml``; raises msgspec.ValidationError on anything unexpected."""
    return records(tables.parsed({NAME: data}, [NAME])[NAME])


def of_entries(
    records: Iterable[AnswerRecord], entries: Iterable[EndpointEntry], requests: Mapping[str, Request]
) -> dict[str, tuple[Answered, ...]]:
    """The answers of every entry: one to its request, and one to its upgrade where it makes one.

    Args:
        records: in the order of the file; of several the newest that was seen counts, else the last.
        entries: the catalog's entries.
        requests: what probes ask, by the names that entries use.

    Raises:
        ValueError: a record is about an entry or an upgrade that does not exist, or an entry's answer is missing.
    """
    found: dict[str, dict[str, Answered]] = defaultdict(dict)
    for record in records:
        answer = Answered(
            step=record.step,
            seen=record.seen,
            told=record.told,
            source=record.source,
            date=record.date,
            status=record.status,
        )
        for id_ in record.of:
            known = found[id_].get(record.step)
            if known is None or not known.seen or (answer.seen and answer.date >= known.date):
                found[id_][record.step] = answer
    wanted = {entry.id: ("http", "websocket") if requests[entry.probe].upgrade else ("http",) for entry in entries}
    for id_ in sorted(wanted.keys() | found.keys()):
        if set(found[id_]) != set(wanted.get(id_, ())):
            have, need = sorted(found[id_]), list(wanted.get(id_, ()))
            raise ValueError(f"{NAME}: the answers of {id_} are {have}, not {need}: add or mend its [[answer]]")
    return {id_: tuple(found[id_][step] for step in steps) for id_, steps in wanted.items()}
