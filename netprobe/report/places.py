"""What SARIF and GitLab share: a finding as a problem at a place in a file, with a fingerprint that stays.

Code scanning wants a file of the repository for everything. What the network does is in no file, and a file of a host
or an image is in no repository; such a finding is put on the first line of ``netprobe.toml``, where the regions, groups
and expectations of the check are, or of another file that is there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from urllib.parse import quote

import msgspec
from msgspec.structs import replace

from netprobe.findings import Finding, Place

NO_FILE = Place(file="netprobe.toml", line=1)


class Repository(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the repository that a report's problems are shown in.

    Attributes:
        paths: a place's file → its path from the repository's root; files that are not in it are left out.
        anchor: the path of a file that is there, for what stands in no file of it; empty where there is none.
    """

    paths: Mapping[str, str]
    anchor: str


def places_in(finding: Finding, repository: Repository | None) -> list[Place]:
    """Where to show a finding: its places that exist in the repository, else a file that does.

    Args:
        finding: what to show.
        repository: what is known of it; None shows places as they are.
    """
    if repository is None:
        return list(finding.places) or [NO_FILE]
    there = [replace(one, file=repository.paths[one.file]) for one in finding.places if one.file in repository.paths]
    if there:
        return there
    return [Place(file=repository.anchor, line=1)] if repository.anchor else []


def uri(place: Place) -> str:
    """The file as a relative URI reference: paths of an image are relative to its root."""
    return quote(place.file.lstrip("/").encode("utf-8", "backslashreplace"), safe="/._-~") or NO_FILE.file


def fingerprint(finding: Finding) -> str:
    """The same for the same cause in the next run: what it is and where, not which hosts it happened to touch."""
    parts = [finding.id, finding.region or "", *sorted({place.file for place in finding.places})]
    if not finding.places:
        parts += sorted(finding.endpoints)
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "backslashreplace")).hexdigest()
