"""What changed for somebody's regions and groups between two versions of the catalog, and for a file made of the older.

The same way from regions and groups to endpoints is gone twice, over the catalog of then and over that of now, so that
nothing is told that an allowlist would not show.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import TypeVar

import msgspec

from netprobe import requirements
from netprobe.catalog import history as histories
from netprobe.catalog.history import CatalogChange, History
from netprobe.catalog.model import ORDINARY, Endpoint, Forms
from netprobe.catalog.store import Catalog
from netprobe.errors import UnreadableFileError

T = TypeVar("T")
REMEDY = "name a file that netprobe wrote: a render, a report (JSON or HTML), a hand-off or a lock"


class What(StrEnum):
    """What became of an endpoint."""

    ADDED = "added"
    REMOVED = "removed"
    RENAMED = "renamed"
    REQUIRED = "required"
    OPTIONAL = "optional"
    AGENTS = "agents"


class WantedChanges(msgspec.Struct, frozen=True, kw_only=True):
    """For whom the changes are told.

    Attributes:
        regions: region ids, comma lists, ``all``.
        groups: groups beyond the default ones.
        without_groups: groups to leave out.
        forms: how the host names what it talks to.
    """

    regions: tuple[str, ...]
    groups: tuple[str, ...] = ()
    without_groups: tuple[str, ...] = ()
    forms: Forms = ORDINARY


class EndpointShift(msgspec.Struct, frozen=True, kw_only=True):
    """One endpoint of one region that is not what it was.

    Attributes:
        version: the version of the catalog that has it first, a day.
        what: what became of it.
        region: the region.
        endpoint: its id.
        group: its group.
        before: its host pattern then, or nothing.
        after: its host pattern now, or nothing.
        port: the TCP port.
        required: whether a host is not ready without it.
        reason: why.
        source: who says so.
        impact: what it means.
    """

    version: str
    what: What
    region: str
    endpoint: str
    group: str
    before: str
    after: str
    port: int
    required: bool
    reason: str
    source: str
    impact: str


def shifts(history: History, now: Catalog, wanted: WantedChanges, since: str) -> tuple[EndpointShift, ...]:
    """What changed for somebody since a version, oldest first.

    Args:
        history: the history.
        now: the catalog of today.
        wanted: for whom.
        since: a version of the history.

    Raises:
        UsageError: an unknown or refused region, an unknown group.
    """
    later = [version for version in history.versions if version > since]
    now.select(wanted.regions)
    found: list[EndpointShift] = []
    before = _endpoints(histories.catalog_at(history, since, now), wanted)
    for version in later:
        after = _endpoints(histories.catalog_at(history, version, now), wanted)
        changes = [change for change in history.changes if change.version == version]
        found += _between(version, before, after, changes)
        before = after
    return tuple(found)


_Endpoints = Mapping[tuple[str, str], Endpoint]


def _endpoints(catalog: Catalog, wanted: WantedChanges) -> _Endpoints:
    """The endpoints by region and id; of regions that the catalog of then did not know, none."""
    there = {region.id for region in catalog.regions}
    regions = [region.id for region in catalog.select(wanted.regions)] if "all" in wanted.regions else wanted.regions
    known = [name for name in regions if name in there]
    if not known:
        return {}
    found = requirements.endpoints(
        catalog,
        regions=known,
        with_groups=wanted.groups,
        without_groups=wanted.without_groups,
        forms=wanted.forms,
    )
    return {(one.region, one.id): one for one in found}


def _between(
    version: str, before: _Endpoints, after: _Endpoints, changes: Sequence[CatalogChange]
) -> Iterator[EndpointShift]:
    for key in sorted({*before, *after}):
        old, new = before.get(key), after.get(key)
        what = _what(old, new)
        one = new or old
        if what is None or one is None:
            continue
        why = _why(changes, one, what)
        yield EndpointShift(
            version=version,
            what=what,
            region=one.region,
            endpoint=one.id,
            group=one.group,
            before=old.pattern if old else "",
            after=new.pattern if new else "",
            port=one.port,
            required=one.required,
            reason=why.reason if why else "",
            source=why.source if why else one.source,
            impact=why.impact if why else "",
        )


def _what(old: Endpoint | None, new: Endpoint | None) -> What | None:
    if old is None or new is None:
        return What.ADDED if old is None else What.REMOVED
    if (old.pattern, old.port) != (new.pattern, new.port):
        return What.RENAMED
    if old.required != new.required:
        return What.REQUIRED if new.required else What.OPTIONAL
    return What.AGENTS if old.used_by != new.used_by else None


def _why(changes: Sequence[CatalogChange], endpoint: Endpoint, what: What) -> CatalogChange | None:
    """The change of the catalog behind it: of the entry, else of the region."""
    mine = [change for change in changes if change.subject == endpoint.entry]
    mine += [change for change in changes if change.subject == f"region {endpoint.region}"]
    best = [change for change in mine if change.kind.value == what.value]
    return next(iter(best or mine), None)


def short(found: Iterable[EndpointShift]) -> tuple[EndpointShift, ...]:
    """What a file lacks that was made before these shifts: names that came and are still there."""
    last = {(one.region, one.endpoint): one for one in found}
    return tuple(one for one in last.values() if one.what in (What.ADDED, What.RENAMED))


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What a file that netprobe wrote says of itself.

    Attributes:
        version: of the catalog that it was made of; nothing where it only lists names (a lock).
        wanted: for whom it was made.
        patterns: the patterns that it holds, where it lists them (a lock).
    """

    version: str
    wanted: WantedChanges
    patterns: frozenset[str] = frozenset()


_VERSION = re.compile(r"\bcatalog\s{1,20}(\d{4}-\d\d-\d\d)\b")
_COMMAND = re.compile(r"netprobe render (?!\S{1,60}\s{1,20}-r\s{1,20}REGION\b)([^;\"'\r\n]{1,2000})")
"""The command of a header; in the prose of a report or hand-off it names no region, but REGION."""
_REGIONS = re.compile(r"\bRegions: ([a-z0-9, -]{1,2000})")


class _ReportHead(msgspec.Struct, kw_only=True):
    """The part of a JSON report that is asked for."""

    class Facts(msgspec.Struct, kw_only=True):
        version: str

    class Place(msgspec.Struct, kw_only=True):
        group: str

    catalog: Facts
    regions: tuple[str, ...]
    endpoints: tuple[Place, ...]


class _LockHead(msgspec.Struct, kw_only=True):
    patterns: dict[str, object]


def read_back(name: str, data: bytes) -> Written:
    """Read what a file says of itself.

    Args:
        name: the file's, for messages.
        data: its bytes, bounded by whoever read them, and unpacked.

    Raises:
        UnreadableFileError: netprobe did not write it.
    """
    report = _decoded(data, _ReportHead)
    if report is not None:
        groups = tuple(sorted({one.group for one in report.endpoints}))
        return Written(version=report.catalog.version, wanted=WantedChanges(regions=report.regions, groups=groups))
    lock = _decoded(data, _LockHead)
    if lock is not None:
        return Written(version="", wanted=WantedChanges(regions=()), patterns=frozenset(lock.patterns))
    text = data.decode("utf-8", "replace")
    version, command, regions = _VERSION.search(text), _COMMAND.search(text), _REGIONS.search(text)
    if version is None:
        raise UnreadableFileError(name, "names no version of netprobe's catalog", REMEDY)
    # A comment of XML holds no two hyphens side by side.
    wanted = _wanted(command[1].replace("- -", "--")) if command else WantedChanges(regions=())
    if not wanted.regions and regions is not None:
        found = tuple(word.strip() for word in regions[1].split(",") if word.strip())
        wanted = msgspec.structs.replace(wanted, regions=found)
    return Written(version=version[1], wanted=wanted)


def _decoded(data: bytes, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, RecursionError, ValueError):
        return None


def _wanted(command: str) -> WantedChanges:
    """The options of a render that decide which endpoints it holds."""
    try:
        words = shlex.split(command)
    except ValueError:
        words = command.split()
    values: dict[str, list[str]] = {}
    for word, following in zip(words, [*words[1:], ""], strict=True):
        name, separator, value = word.partition("=")
        values.setdefault(name, []).append(value if separator else following)

    def listed(*names: str) -> tuple[str, ...]:
        return tuple(part for name in names for text in values.get(name, ()) for part in text.split(",") if part)

    return WantedChanges(
        regions=listed("--region", "-r"),
        groups=listed("--with"),
        without_groups=listed("--without"),
        forms=Forms(
            fips="--fips" in words,
            dualstack="--dualstack" in words,
            account=next(iter(listed("--account")), None),
        ),
    )


def not_in_the_lock(patterns: frozenset[str], now: Catalog, wanted: WantedChanges) -> tuple[Endpoint, ...]:
    """The endpoints with a pattern that a lock does not know, though it knows others of their region."""
    return tuple(one for one in _endpoints(now, wanted).values() if one.pattern not in patterns and one.numbered)
