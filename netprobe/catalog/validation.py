"""The rules that every edition of the catalog keeps: ours is held to them by a test, an import before it is kept.

What the files' own types refuse (an unknown key, an answer of nobody) is refused while they are read. Here is the rest:
sizes, plain text, templates without tricks, names that are host names in every region and form, China refused, and a
history that adds up. Texts end in firewall configurations, terminals and pages, and templates are filled in: so no
template is filled before it was looked at.
"""

from __future__ import annotations

import datetime
import ipaddress
import itertools
import re
import string
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from netprobe.catalog import history, prefixes, store, tables
from netprobe.catalog.entries import EndpointEntry
from netprobe.catalog.model import Forms, Region, Support
from netprobe.catalog.store import Catalog
from netprobe.errors import InvalidHostnameError, printable
from netprobe.hostnames import HostPattern

MOST_ENTRIES = 400
MOST_REGIONS = 150
MOST_TEXT = 2000
MOST_TABLE_BYTES = 512 << 10
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_PURPOSE = re.compile(r"[A-Za-z].{20,150}\.")
_PATH = re.compile(r"/[!-~]{0,199}")
_WORDS = frozenset({"region", "suffix", "dualstack_suffix", "account"})
_ACCOUNT = "012345678901"
_REFUSED = re.compile(r"(^|\.)cn$")


def problems(files: Mapping[str, bytes]) -> tuple[str, ...]:
    """Every rule that an edition breaks, one sentence each; empty where it keeps all of them.

    Args:
        files: the bytes of :data:`netprobe.catalog.edition.FILES` by name.
    """
    try:
        for name in ("endpoints.toml", "answers.toml", "regions.toml"):
            if len(files[name]) > MOST_TABLE_BYTES:
                return (f"{name} is larger than {MOST_TABLE_BYTES >> 10} KiB",)
        catalog = store.build(files)
        told = history.parse(files[history.NAME])
        ranges = prefixes.parse_snapshot(files["prefixes.json"])
    except (ValueError, KeyError, RecursionError, msgspec.MsgspecError) as exc:
        return (f"it cannot be read ({_reason(exc)})",)
    broken = [
        *_sizes(catalog),
        *_texts(files),
        *_version(catalog),
        *_regions(catalog),
        *_requests(catalog),
        *(f"{entry.id}: {problem}" for entry in catalog.entries for problem in _entry(entry, catalog)),
        *_groups(catalog),
        *_ranges(ranges),
    ]
    # What follows fills templates in and counts on what was looked at above.
    return tuple(broken or [*_names(catalog), *_history(told, catalog)])


def _reason(exc: Exception) -> str:
    """The first line; of a key that is missing its name."""
    told = f"{exc.args[0]} is missing" if isinstance(exc, KeyError) else str(exc) or type(exc).__name__
    return printable(told.partition("\n")[0], limit=300)


def _sizes(catalog: Catalog) -> Iterator[str]:
    for what, number, most in (
        ("endpoints", len(catalog.entries), MOST_ENTRIES),
        ("regions", len(catalog.regions), MOST_REGIONS),
        ("groups", len(catalog.groups), MOST_ENTRIES),
        ("probes", len(catalog.requests), MOST_ENTRIES),
    ):
        if not 0 < number <= most:
            yield f"it has {number} {what}; 1 to {most} are taken"


def _texts(files: Mapping[str, bytes]) -> Iterator[str]:
    """Every string of every table: one line, no control character, no override of the direction of writing."""
    documents: dict[str, Any] = dict(tables.parsed(files))
    for name in ("partitions.json", history.NAME):
        documents[name] = msgspec.json.decode(files[name])
    for name, document in documents.items():
        for text in _strings(document):
            if len(text) > MOST_TEXT or any(_hidden(character) for character in text):
                yield f"{name}: {printable(text, limit=40)} is no single line of plain text"
                return


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield str(key)
            yield from _strings(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _strings(inner)


def _hidden(character: str) -> bool:
    return unicodedata.category(character)[0] == "C" or character in "\u2028\u2029"


def _version(catalog: Catalog) -> Iterator[str]:
    try:
        datetime.date.fromisoformat(catalog.version)
    except ValueError:
        yield f"its version {printable(catalog.version, limit=20)} is no day"


def _regions(catalog: Catalog) -> Iterator[str]:
    for partition in catalog.partitions:
        china = bool(_REFUSED.search(partition.dns_suffix)) or partition.id == "aws-cn"
        if china and partition.support is not Support.REFUSED:
            yield f"{partition.id}: China is not refused"
    for region in catalog.regions:
        if not _ID.fullmatch(region.id):
            yield f"{printable(region.id, limit=40)} is no name of a region"
        if region.id.startswith("cn-") and region.partition.support is not Support.REFUSED:
            yield f"{region.id}: China is not refused"
    known = {region.id for region in catalog.regions}
    if len(known) != len(catalog.regions):
        yield "a region stands twice"
    for name in sorted(catalog.launched_before_2024 - known):
        yield f"{name} was launched before 2024 and is no region"


def _requests(catalog: Catalog) -> Iterator[str]:
    unused = set(catalog.requests) - {entry.probe for entry in catalog.entries}
    for name in sorted(unused):
        yield f"the probe {name} is of no endpoint"
    for name, request in catalog.requests.items():
        for path in (request.path, request.upgrade_path):
            if not _PATH.fullmatch(path):
                yield f"the probe {name}: a path begins with / and holds up to 200 printable ASCII characters"
            yield from (f"the probe {name}: {problem}" for problem in _template(path, _WORDS | {"word"}))


def _entry(entry: EndpointEntry, catalog: Catalog) -> Iterator[str]:
    regions = {region.id for region in catalog.regions}
    if not _ID.fullmatch(entry.id):
        yield "its id is no stable word"
    if not entry.source.startswith("https://"):
        yield "its source is no page"
    try:
        if not datetime.date(2026, 1, 1) <= datetime.date.fromisoformat(entry.checked) <= _day(catalog):
            yield f"it was checked on {entry.checked}, which is not before the catalog's day"
    except ValueError:
        yield "the day when it was checked is none"
    if not _PURPOSE.fullmatch(entry.purpose) or ". " in entry.purpose:
        yield "its purpose is not one sentence"
    if not entry.used_by:
        yield "nobody uses it"
    if entry.port != 443:
        yield "its port is not 443"
    if entry.probe not in catalog.requests:
        yield f"there is no probe {printable(entry.probe, limit=40)}"
    if not set(entry.groups) <= {group.id for group in catalog.groups}:
        yield "it belongs to a group that does not exist"
    if not {*entry.fips_in, *entry.only_in, *entry.not_in, *entry.words} <= regions:
        yield "it names a region that does not exist"
    if not {*entry.partitions, *entry.dualstack_partitions} <= {one.id for one in catalog.partitions}:
        yield "it names a partition that does not exist"
    known = _WORDS | ({"word"} if entry.words else set())
    for template in filter(None, (entry.host, entry.fips, entry.dualstack, entry.fips_dualstack)):
        yield from _template(template, known)


def _day(catalog: Catalog) -> datetime.date:
    try:
        return datetime.date.fromisoformat(catalog.version)
    except ValueError:
        return datetime.date.max  # told once, as the catalog's


def _template(text: str, known: Iterable[str]) -> Iterator[str]:
    """A template holds the known words in plain braces: no attribute, no conversion, no width."""
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError:
        yield f"{printable(text, limit=60)} is no template"
        return
    for _, field, width, conversion in parts:
        if field is not None and (field not in known or width or conversion):
            yield f"{printable(text, limit=60)} holds something other than {', '.join(sorted(known))}"


def _groups(catalog: Catalog) -> Iterator[str]:
    ids = [name for entry in catalog.entries for name in entry.ids]
    if len(ids) != len(set(ids)):
        yield "an id of an endpoint stands twice"
    for group in catalog.groups:
        if not _ID.fullmatch(group.id) or not group.endpoints or not group.description:
            yield f"the group {printable(group.id, limit=40)} has no endpoint or no description"


def _ranges(ranges: prefixes.Prefixes) -> Iterator[str]:
    try:
        datetime.datetime.fromisoformat(ranges.created)
        for one in ranges.by_region.values():
            for prefix in one.v4:
                ipaddress.IPv4Network(prefix)
            for prefix in one.v6:
                ipaddress.IPv6Network(prefix)
    except ValueError as exc:
        yield f"prefixes.json: {printable(str(exc), limit=100)}"
    if not all(map(prefixes.REGION.fullmatch, ranges.by_region)):
        yield "prefixes.json names an impossible region"


def _names(catalog: Catalog) -> Iterator[str]:
    """Every endpoint of every region in every form is a host pattern, and every entry exists somewhere."""
    switches = itertools.product((False, True), repeat=3)
    forms = [Forms(fips=fips, dualstack=dual, ipv6_only=only) for fips, dual, only in switches]
    forms.append(Forms(account=_ACCOUNT))
    allowed = [region for region in catalog.regions if region.partition.support is not Support.REFUSED]
    seen: set[str] = set()
    good: set[str] = set()
    for region, form in itertools.product(allowed, forms):
        found = catalog.endpoints(region, form)
        seen |= {endpoint.entry for endpoint in found}
        for endpoint in found:
            if endpoint.pattern in good:
                continue
            problem = _name(endpoint.pattern)
            if problem:
                yield f"{endpoint.id} in {region.id}: {printable(endpoint.pattern, limit=80)} {problem}"
                return
            good.add(endpoint.pattern)
        yield from _unasked(catalog, region, form)
    for entry in catalog.entries:
        if entry.id not in seen:
            yield f"{entry.id} exists in no region"


def _name(pattern: str) -> str:
    """What is wrong with a pattern; nothing where it is one."""
    try:
        canonical = HostPattern.parse(pattern).pattern
    except InvalidHostnameError as exc:
        return exc.reason
    if canonical != pattern:
        return "is not in its plain form"
    return "is a name in China" if _REFUSED.search(pattern) else ""


def _unasked(catalog: Catalog, region: Region, form: Forms) -> Iterator[str]:
    if form != Forms():
        return
    for endpoint in catalog.endpoints(region, form):
        if endpoint.required and not endpoint.numbered and not endpoint.candidates():
            yield f"{endpoint.id} in {region.id} is required, and no probe can ask for it"


def _history(told: history.History, catalog: Catalog) -> Iterator[str]:
    """It adds up to the catalog, in order, and says why of every change."""
    try:
        missing = history.missing(told, catalog)
    except ValueError as exc:
        yield f"its history does not add up: {printable(str(exc), limit=200)}"
        return
    for change in missing:
        yield f"its history does not tell that {change.subject} changed ({change.kind})"
    before = told.first.version
    for change in told.changes:
        if not told.first.version < change.version <= catalog.version or change.version < before:
            yield f"its history is out of order: {change.subject}, {printable(change.version, limit=20)}"
        before = max(before, change.version)
        if change.reason.startswith(history.DRAFT) or change.impact.startswith(history.DRAFT):
            yield f"its history has a draft that nobody has put into words: {change.subject}"
        words = min(len(change.reason), len(change.impact))
        if words <= history.SHORTEST or not change.source.startswith("https://"):
            yield f"its history does not say why {change.subject} changed, or who says so"
