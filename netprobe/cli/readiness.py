"""What host, image and gate share: judge a machine and make the report."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netprobe.host.machine import Machine
    from netprobe.report.model import Report


def judged(machine: Machine, notes: Iterable[str] = ()) -> Report:
    """Judge every rule of host and image."""
    from netprobe import catalog as catalogs
    from netprobe.host.rules import RULES
    from netprobe.observations import CatalogVersion
    from netprobe.report import readiness
    from netprobe.rules import judge

    started, clock = datetime.now(UTC), time.monotonic()
    found = judge(RULES, machine, machine.subject, running=machine.running)
    catalog = catalogs.load()
    return readiness.report(
        found,
        catalog=CatalogVersion(version=catalog.version, digest=catalog.digest),
        started=started,
        seconds=time.monotonic() - clock,
        notes=notes,
    )


def image(path: Path, platform: str | None = None) -> Report:
    """Open an image and judge it.

    Raises:
        UnreadableFileError: it cannot be read, or holds no root file system.
    """
    from netprobe.host.archive import open_root
    from netprobe.host.machine import Machine

    with open_root(path, platform) as opened:
        return judged(Machine(root=opened.root, subject=str(path)), opened.notes)
