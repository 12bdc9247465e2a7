"""The user's own endpoints: ``[[endpoint]]`` in netprobe.toml, held to the rules that the catalog's own entries keep.

    [[endpoint]]
    id = "harbor"
    pattern = "harbor.corp.example"         # or "*.cdn.corp.example", "{region}.mirror.corp.example"
    purpose = "Our own image registry."
    used_by = ["docker"]

Such a host ends up in firewall configurations and in probes, and the file may come from a pull request: so nothing in
it is taken on trust. Unknown keys are refused, since a misspelt ``required`` would pass silently; so is every control
character, and every AWS name in China. This module reads no file; ``netprobe.cli.config`` does.
"""

from __future__ import annotations

import datetime
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from netprobe.catalog.model import Agent, Endpoint, Genuine, Region, Request
from netprobe.catalog.store import load
from netprobe.errors import InvalidHostnameError, RefusedRegionError, UsageError, printable
from netprobe.hostnames import HostPattern

MAX_ENTRIES = 1000
MAX_TEXT = 300
_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,46}[a-z0-9])?")
_PATH = re.compile(r"/[!-~]{0,199}")
_REMEDY = "mend this [[endpoint]] in netprobe.toml"
_CHINA = (".amazonaws.com.cn", ".amazonwebservices.com.cn")


class _Own(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys of one ``[[endpoint]]``.

    ``required`` is true unless the pattern is a wildcard, of which no probe can know a member. ``origin`` is a PEM file
    of the roots that the genuine service chains to: a mirror with a certificate of the company's own CA is no
    interception.
    """

    id: str
    pattern: str
    purpose: str = "Named in netprobe.toml."
    group: str = "own"
    port: int = 443
    used_by: tuple[Agent, ...] = (Agent.TASK,)
    required: bool | None = None
    method: Literal["GET", "HEAD", "OPTIONS"] = "GET"
    path: str = "/"
    genuine: Genuine = Genuine.HTTP
    source: str = "netprobe.toml"
    checked: datetime.date | None = None
    note: str = ""
    origin: str = ""
    regions: tuple[str, ...] = ()


def parse(tables: Sequence[Mapping[str, Any]], regions: Sequence[Region]) -> tuple[Endpoint, ...]:
    """Make endpoints of the user's tables, one for each region that they apply to.

    Args:
        tables: the ``[[endpoint]]`` tables as they were parsed.
        regions: the regions that were asked for.

    Raises:
        UsageError: a table breaks a rule; the message names the table, the rule and what to do.
    """
    if len(tables) > MAX_ENTRIES:
        raise UsageError("[[endpoint]]", f"there are {len(tables)}, more than {MAX_ENTRIES}", "take some out")
    taken = {i for entry in load().entries for i in entry.ids}
    found: list[Endpoint] = []
    for number, table in enumerate(tables, start=1):
        own = _read(table, f"[[endpoint]] {number}")
        place = f"[[endpoint]] {number} ({own.id})"
        if own.id in taken:
            raise UsageError(place, "this id is taken", "give it an id of its own")
        taken.add(own.id)
        _check_words(own, place)
        wanted = {load().region(name).id for name in own.regions}
        # A pattern is checked once even where no region of it was asked for: a bad file must not pass by luck.
        _pattern(own, regions[0] if regions else load().regions[0], place)
        found += [_endpoint(own, region, place) for region in regions if not wanted or region.id in wanted]
    return tuple(found)


def _read(table: Mapping[str, Any], place: str) -> _Own:
    try:
        return msgspec.convert(table, _Own)
    except msgspec.ValidationError as error:
        raise UsageError(place, f"is not as it must be ({printable(str(error))})", _REMEDY) from error


def _check_words(own: _Own, place: str) -> None:
    """Hold every free text to its form."""
    for key, value in (("id", own.id), ("group", own.group)):
        if not _ID.fullmatch(value):
            raise UsageError(
                f"{place}: {key}",
                "takes up to 48 lower-case letters, digits and hyphens, neither first nor last a hyphen",
                _REMEDY,
            )
    if not 1 <= own.port <= 65535:
        raise UsageError(f"{place}: port {own.port}", "a TCP port is a number from 1 to 65535", _REMEDY)
    if not _PATH.fullmatch(own.path):
        raise UsageError(f"{place}: path", "starts with / and holds up to 200 printable ASCII characters", _REMEDY)
    if not own.used_by:
        raise UsageError(f"{place}: used_by", "names no agent", f"name some of {', '.join(Agent)}")
    for key, value in (
        ("purpose", own.purpose),
        ("note", own.note),
        ("source", own.source),
        ("origin", own.origin),
    ):
        if len(value) > MAX_TEXT or any(unicodedata.category(c)[0] == "C" or c in "\u2028\u2029" for c in value):
            raise UsageError(
                f"{place}: {key}", f"is one line of at most {MAX_TEXT} characters without control characters", _REMEDY
            )
    if not own.purpose.strip():
        raise UsageError(f"{place}: purpose", "is empty", "say in one sentence why a host needs it")


def _pattern(own: _Own, region: Region, place: str) -> HostPattern:
    words = {"{region}": region.id, "{suffix}": region.partition.dns_suffix}
    text = re.sub(r"\{region\}|\{suffix\}", lambda match: words[match[0]], own.pattern)
    try:
        pattern = HostPattern.parse(text)
    except InvalidHostnameError as error:
        raise UsageError(f"{place}: {own.pattern}", error.reason, error.remedy) from error
    refuse_china(str(pattern), f"{place}: {own.pattern}")
    return pattern


def refuse_china(name: str, value: str) -> None:
    """Refuse a host name or pattern of the China regions.

    Args:
        name: the name, in lower case.
        value: what the user gave, for the message.

    Raises:
        RefusedRegionError: it is one.
    """
    if f".{name}".endswith(_CHINA):
        raise RefusedRegionError(
            value,
            "Amazon ECS Anywhere does not register external instances in the China regions, and netprobe sends "
            "nothing there",
            "take it out",
        )


def _endpoint(own: _Own, region: Region, place: str) -> Endpoint:
    pattern = _pattern(own, region, place)
    return Endpoint(
        id=own.id,
        region=region.id,
        group=own.group,
        pattern=pattern.pattern,
        port=own.port,
        purpose=own.purpose,
        used_by=own.used_by,
        required=pattern.is_exact if own.required is None else own.required,
        source=own.source,
        checked=own.checked.isoformat() if own.checked else "",
        request=Request(method=own.method, path=own.path, genuine=own.genuine),
        note=own.note,
        origin=own.origin,
    )
