"""When a command began and on which facts it stands, for the reports that no check makes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netprobe.catalog import Catalog
    from netprobe.observations import CatalogVersion


def stamp() -> str:
    """Now, RFC 3339."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def version_of(catalog: Catalog, started_at: str) -> CatalogVersion:
    """A catalog's version, with its age on the day of the run."""
    from netprobe.observations import CatalogVersion
    from netprobe.report.model import aged

    return aged(CatalogVersion(version=catalog.version, digest=catalog.digest), started_at)
