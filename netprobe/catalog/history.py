"""What AWS needed when: every change of the catalog, from its first version on.

``data/history.json`` holds the facts of the first version and every change since, each with its date, the reason, the
source and what it means for a host. A test holds the sum of them equal to the catalog, so that nobody can change what
hosts need without saying why. What concerns no allowlist (the words of a purpose, what a probe asks) is no change.

Only ``msgspec`` is needed; nothing here touches the network.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeAlias

import msgspec

from netprobe.catalog import edition
from netprobe.catalog.entries import EndpointEntry
from netprobe.catalog.model import Group
from netprobe.catalog.store import Catalog, load
from netprobe.errors import UsageError

NAME = "history.json"
SHORTEST = 20
"""A reason or an impact of no more characters says nothing."""
Fields: TypeAlias = Mapping[str, Any]
Facts: TypeAlias = Mapping[str, Fields]
"""What is stated of each subject: an entry by its id, a region as ``region NAME``."""


class CatalogChangeKind(StrEnum):
    """What a change is about."""

    ADDED = "added"
    REMOVED = "removed"
    REQUIRED = "required"
    HOSTS = "hosts"
    REGIONS = "regions"
    AGENTS = "agents"
    GROUPS = "groups"


_KINDS = {
    CatalogChangeKind.REQUIRED: ("required", "stands_in_for"),
    CatalogChangeKind.HOSTS: ("host", "port", "fips", "dualstack", "fips_dualstack", "beside", "numbered", "words"),
    CatalogChangeKind.REGIONS: (
        *("partitions", "only_in", "not_in", "fips_in", "dualstack_partitions", "before_2024"),
        *("partition", "support", "launched_before_2024"),
    ),
    CatalogChangeKind.AGENTS: ("used_by",),
    CatalogChangeKind.GROUPS: ("groups",),
}
"""Of which kind the change of a field is; fields of regions are the last three."""
_REGION = "region "


class CatalogChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One change of one subject.

    Attributes:
        version: the catalog's version that has it first, a day.
        subject: an entry's id, or ``region NAME``.
        kind: what it is about.
        before: the fields that it changes, as they were; a field at its default is left out.
        after: the same, as they are.
        reason: why the catalog changed.
        source: the page or file that says so.
        impact: what it means for a host and for an allowlist.
    """

    version: str
    subject: str
    kind: CatalogChangeKind
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    reason: str = ""
    source: str = ""
    impact: str = ""


class First(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first version, whole."""

    version: str
    facts: dict[str, dict[str, Any]]


class History(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file.

    Attributes:
        first: where it begins.
        changes: in the order of their versions.
    """

    first: First
    changes: tuple[CatalogChange, ...] = ()

    def facts(self, version: str) -> Facts:
        """What was stated by the catalog of that version."""
        return apply(self.first.facts, [change for change in self.changes if change.version <= version])

    @property
    def versions(self) -> tuple[str, ...]:
        """Every version in which something changed, and the first."""
        return tuple(dict.fromkeys((self.first.version, *(change.version for change in self.changes))))

    def of(self, subject: str) -> tuple[str, tuple[CatalogChange, ...]]:
        """The version that has a subject first, and what changed of it since.

        Args:
            subject: an entry's id, or ``region NAME``.

        Raises:
            KeyError: nothing was ever stated of it.
        """
        mine = [change for change in self.changes if change.subject == subject]
        if subject in self.first.facts:
            return self.first.version, tuple(mine)
        came = next((change for change in mine if change.kind is CatalogChangeKind.ADDED), None)
        if came is None:
            raise KeyError(subject)
        return came.version, tuple(mine)


def parse(data: bytes) -> History:
    """Read ``history.json``; raises msgspec.ValidationError on anything unexpected."""
    return msgspec.json.decode(data, type=History)


@functools.cache
def current() -> History:
    """The history of the catalog that counts here."""
    return parse(edition.current().files[NAME])


def facts_of(catalog: Catalog) -> Facts:
    """What a catalog states of entries and regions, as plain data; what is at its default is left out."""
    known = {name for fields in _KINDS.values() for name in fields}
    found: dict[str, dict[str, Any]] = {}
    for entry in catalog.entries:
        stated = {
            field.name: msgspec.to_builtins(getattr(entry, field.name))
            for field in msgspec.structs.fields(EndpointEntry)
            if field.name in known and getattr(entry, field.name) != field.default
        }
        found[entry.id] = _listed(stated)
    for region in catalog.regions:
        stated = {"partition": region.partition.id, "support": str(region.support)}
        if region.id in catalog.launched_before_2024:
            stated["launched_before_2024"] = True
        found[f"{_REGION}{region.id}"] = stated
    return found


def _listed(fields: Fields) -> dict[str, Any]:
    """As JSON gives it back: lists, never tuples; an empty one is no statement."""
    plain = {name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()}
    return {name: value for name, value in plain.items() if value not in ([], {})}


def diff(before: Facts, after: Facts) -> tuple[CatalogChange, ...]:
    """What changed, without the words: one change a subject and kind. Equal facts give none.

    Args:
        before: the facts of one version.
        after: those of a later one.
    """
    found: list[CatalogChange] = []
    for subject in sorted({*before, *after}):
        if subject not in before:
            found.append(
                CatalogChange(version="", subject=subject, kind=CatalogChangeKind.ADDED, after=dict(after[subject]))
            )
        elif subject not in after:
            found.append(
                CatalogChange(version="", subject=subject, kind=CatalogChangeKind.REMOVED, before=dict(before[subject]))
            )
        else:
            found += _changed(subject, before[subject], after[subject])
    return tuple(found)


def _changed(subject: str, before: Fields, after: Fields) -> Iterator[CatalogChange]:
    differing = [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
    for kind in CatalogChangeKind:
        mine = [name for name in differing if _kind(name) is kind]
        if mine:
            yield CatalogChange(
                version="",
                subject=subject,
                kind=kind,
                before={name: before[name] for name in mine if name in before},
                after={name: after[name] for name in mine if name in after},
            )


def _kind(field: str) -> CatalogChangeKind:
    return next((kind for kind, fields in _KINDS.items() if field in fields), CatalogChangeKind.HOSTS)


def apply(facts: Facts, changes: Iterable[CatalogChange]) -> Facts:
    """The facts after some changes.

    Raises:
        ValueError: a change is about something else than what is there.
    """
    found = {subject: dict(fields) for subject, fields in facts.items()}
    for change in changes:
        stated = found.get(change.subject)
        if (stated is None) is not (change.kind is CatalogChangeKind.ADDED):
            raise ValueError(f"{change.version}: {change.subject} cannot be {change.kind}")
        stated = stated if stated is not None else {}
        for name in {*change.before, *change.after}:
            if stated.get(name) != change.before.get(name):
                raise ValueError(f"{change.version}: {change.subject}: {name} was not {change.before.get(name)!r}")
            stated.pop(name, None)
        if change.kind is CatalogChangeKind.REMOVED:
            del found[change.subject]
        else:
            found[change.subject] = {**stated, **change.after}
    return found


def version_at(history: History, moment: str, newest: str) -> str:
    """The version of the catalog on a day.

    Args:
        history: the history.
        moment: a version or any day, ``YYYY-MM-DD``.
        newest: the version of the catalog that is here.

    Raises:
        UsageError: it is no day, or this netprobe knows nothing of that time.
    """
    import datetime

    try:
        day = datetime.date.fromisoformat(moment.strip()).isoformat()
    except ValueError as exc:
        raise UsageError(
            moment, "is neither a version of the catalog nor a day", "write for example 2026-11-23"
        ) from exc
    if day < history.first.version:
        remedy = f"name a day from {history.first.version} on"
        raise UsageError(moment, f"the catalog's history begins on {history.first.version}", remedy)
    if day > newest:
        raise UsageError(
            moment, f"is newer than this catalog, which is of {newest}", "take a newer netprobe or catalog"
        )
    return max(version for version in history.versions if version <= day)


def catalog_at(history: History, version: str, now: Catalog | None = None) -> Catalog:
    """The catalog as it was: its entries and regions, and what is asked of them as today.

    Args:
        history: the history.
        version: one of its versions.
        now: the catalog of today.
    """
    now = now or load()
    facts = history.facts(version)
    entries = tuple(_entries(facts, now))
    there = [region for region in now.regions if f"{_REGION}{region.id}" in facts]
    stated = {region.id: facts[f"{_REGION}{region.id}"] for region in there}
    regions = tuple(
        msgspec.structs.replace(region, closed=stated[region.id]["support"] != region.partition.support)
        for region in there
    )
    return msgspec.structs.replace(
        now,
        version=version,
        entries=entries,
        regions=regions,
        groups=tuple(_group(group, entries) for group in now.groups),
        answers={entry.id: now.answers.get(entry.id, ()) for entry in entries},
        launched_before_2024=frozenset(name for name, fields in stated.items() if "launched_before_2024" in fields),
    )


def _entries(facts: Facts, now: Catalog) -> Iterator[EndpointEntry]:
    """Those that are still there in the order of today, then those that are not."""
    known = {entry.id: entry for entry in now.entries}
    gone = [subject for subject in facts if not subject.startswith(_REGION) and subject not in known]
    for subject in [*(name for name in known if name in facts), *gone]:
        today = known.get(subject)
        words = {
            "purpose": today.purpose if today else "no longer needed",
            "source": today.source if today else "",
            "checked": today.checked if today else "",
            "optional_since": today.optional_since if today else "",
            "note": today.note if today else "",
            "probe": today.probe if today else next(iter(now.requests)),
        }
        yield msgspec.convert({"id": subject, **facts[subject], **words}, EndpointEntry)


def _group(group: Group, entries: Sequence[EndpointEntry]) -> Group:
    ids = tuple(i for entry in entries if group.id in entry.groups for i in entry.ids)
    return msgspec.structs.replace(group, endpoints=ids)


def missing(history: History, catalog: Catalog) -> tuple[CatalogChange, ...]:
    """What the catalog states and its history does not tell yet, without the words."""
    return diff(history.facts(catalog.version), facts_of(catalog))


DRAFT = "DRAFT: "
"""What a reason or an impact begins with that a machine wrote; no catalog is released, or imported, with one."""
_IMPACTS = {
    CatalogChangeKind.ADDED: "say who needs it, and whether a host is not ready without it",
    CatalogChangeKind.REMOVED: "say what takes its place, and whether a rule for it may go",
    CatalogChangeKind.REQUIRED: "say which hosts are not ready without it now, or no longer need it",
    CatalogChangeKind.HOSTS: "say which rules are short of a name now",
    CatalogChangeKind.REGIONS: "say what that means for hosts of these regions",
    CatalogChangeKind.AGENTS: "say which programs open the connection now",
    CatalogChangeKind.GROUPS: "say for whom it is needed now",
}


def drafted(history: History, catalog: Catalog, day: str, source: str) -> History:
    """The history with an entry for each change that it does not tell yet, for a person to put into words.

    Args:
        history: the history; its drafts of before count as told.
        catalog: the catalog as it is.
        day: the version of new entries.
        source: the page that says so, as far as a machine knows: where the generated data came from.
    """
    names = {f"{_REGION}{region.id}": region.description for region in catalog.regions}
    found = []
    for change in diff(apply(history.first.facts, history.changes), facts_of(catalog)):
        subject = " ".join(filter(None, (change.subject, names.get(change.subject, ""))))
        fields = ", ".join(sorted({*change.before, *change.after}))
        found.append(
            msgspec.structs.replace(
                change,
                version=day,
                reason=f"{DRAFT}{subject}: {change.kind} ({fields}); say why",
                source=source,
                impact=f"{DRAFT}{_IMPACTS[change.kind]}",
            )
        )
    return msgspec.structs.replace(history, changes=(*history.changes, *found))


def dump(history: History) -> bytes:
    """The bytes of ``history.json``."""
    return msgspec.json.format(msgspec.json.encode(history), indent=1) + b"\n"
