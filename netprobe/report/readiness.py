"""A report of rules instead of probes: what ``host``, ``image``, ``workload`` and ``gate`` conclude.

The same :class:`Report` as of ``check``, so that every format shows all of them, with findings that point to files and
lines. No network was used: there are no regions, endpoints or observations unless a gate adds those of a check.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from netprobe import __version__
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
