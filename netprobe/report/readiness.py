"""A report of rules instead of probes: what ``host``, ``image``, ``workload`` and ``gate`` conclude.

The same :class:`Report` as of ``check``, so that every format shows all of them, with findings that point to files and
lines. No network was used: there are no regions, endpoints or observations unless a gate adds those of a check.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from msgspec.structs import replace

from netprobe import __version__
from netprobe.findings import Place
from netprobe.naming import HostIdentity
from netprobe.observations import CatalogVersion
from netprobe.report.model import SCHEMA_VERSION, Report, aged
from netprobe.rules import Judged, verdict

T = TypeVar("T")
NOBODY = HostIdentity()


def report(
    judged: Sequence[Judged[T]],
    *,
    catalog: CatalogVersion,
    started: datetime,
    seconds: float,
    notes: Iterable[str] = (),
    host: HostIdentity = NOBODY,
) -> Report:
    """Make a report of judged rules.

    Args:
        judged: every rule with what it found.
        catalog: which facts the rules stood on.
        started: when judging began.
        seconds: how long it took.
        notes: what else a reader should know.
        host: whose files were judged.
    """
    started_at = started.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return Report(
        schema_version=SCHEMA_VERSION,
        netprobe_version=__version__,
        catalog=aged(catalog, started_at),
        started_at=started_at,
        duration_seconds=round(seconds, 3),
        regions=(),
        verdict=verdict(judged),
        capabilities=(),
        endpoints=(),
        observations=(),
        findings=tuple(finding for one in judged if (finding := one.finding()) is not None),
        notes=tuple(notes),
        rules=tuple(one.outcome() for one in judged),
        host=host,
    )


def calling(report: Report, names: Mapping[str, str]) -> Report:
    """The same report with other names for the files that were judged.

    Done last, since a gate's waivers match the paths.

    Args:
        report: what was concluded.
        names: path as the user gave it → what the report shall call it; :meth:`netprobe.naming.Naming.files`.
    """

    def in_text(text: str) -> str:
        for path, name in names.items():
            text = text.replace(path, name)
        return text

    def at(places: Iterable[Place]) -> tuple[Place, ...]:
        return tuple(replace(place, file=names.get(place.file, place.file)) for place in places)

    rules = tuple(
        replace(one, subject=names.get(one.subject, one.subject), places=at(one.places), not_run=in_text(one.not_run))
        for one in report.rules
    )
    findings = tuple(replace(one, places=at(one.places)) for one in report.findings)
    return replace(report, rules=rules, findings=findings)
