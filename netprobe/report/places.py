"""What SARIF and GitLab share: a finding as a problem at a place in a file, with a fingerprint that stays.

Code scanning wants a file for everything. What the network does is in no file; such a finding is put on the first line
of ``netprobe.toml``, where the regions, groups and expectations of the check are.
"""

from __future__ import annotations

import hashlib
from urllib.parse import quote

from netprobe.findings import Finding, Place

NO_FILE = Place(file="netprobe.toml", line=1)


def place_of(finding: Finding) -> Place:
    """Where to show a finding."""
    return finding.places[0] if finding.places else NO_FILE


def uri(place: Place) -> str:
    """The file as a relative URI reference: paths of an image are relative to its root."""
    return quote(place.file.lstrip("/").encode("utf-8", "backslashreplace"), safe="/._-~") or NO_FILE.file


def fingerprint(finding: Finding) -> str:
    """The same for the same cause in the next run: what it is and where, not which hosts it happened to touch."""
    parts = [finding.id, finding.region or "", *sorted({place.file for place in finding.places})]
    if not finding.places:
        parts += sorted(finding.endpoints)
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "backslashreplace")).hexdigest()
