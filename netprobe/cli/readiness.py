"""What host, image and gate share: judge a machine and make the report.

No rule gets more than so much processor time. An image is judged in a process of its own besides, since its bytes may
have been chosen to cost or to crash; what was judged before a limit was hit stands, and the rest is told as not run.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from netprobe import apart
from netprobe.cli import bug
from netprobe.naming import NAMED, HostIdentity
from netprobe.rules import CannotJudgeError, Judged, Judgement, cut_short, judge_one

if TYPE_CHECKING:
    from netprobe.host.machine import Machine
    from netprobe.naming import Naming
    from netprobe.report.model import Report

MEMORY = 2 << 30
CPU_SECONDS = 180
WALL_SECONDS = 300.0
RULE_CPU_SECONDS = 20.0
_REMEDY = "give an unpacked root folder, a root tar, a docker save tar or an OCI image layout"


class _One(msgspec.Struct, array_like=True):
    """What the child says of one rule, with the tracebacks of bugs in it."""

    judgement: Judgement
    hindered: bool
    bugs: list[str]


def judged(machine: Machine, naming: Naming = NAMED, root: Path | None = None) -> Report:
    """Judge every rule of host and image for a host.

    Args:
        machine: its files.
        naming: its labels, and whether the report names it.
        root: the root folder, if it is not this host's own.
    """
    from netprobe import identity
    from netprobe.host.rules import RULES

    started, clock = datetime.now(UTC), time.monotonic()
    bugs: list[str] = []

    def met(error: Exception) -> None:
        bugs.append("".join(traceback.format_exception(error)))

    found = [
        judge_one(rule, machine, machine.subject, running=machine.running, within=_within, met=met) for rule in RULES
    ]
    return _report(found, started, clock, _kept(bugs), identity.of_this_host(naming, root=root))


def _within() -> AbstractContextManager[None]:
    """Bounds one rule."""
    return apart.within(
        RULE_CPU_SECONDS, lambda: CannotJudgeError(f"it takes more than {RULE_CPU_SECONDS:g} s of processor time")
    )


def _report(
    found: Sequence[Judged[Machine]], started: datetime, clock: float, notes: Iterable[str], host: HostIdentity
) -> Report:
    from netprobe import catalog as catalogs
    from netprobe.observations import CatalogVersion
    from netprobe.report import readiness

    catalog = catalogs.load()
    return readiness.report(
        found,
        catalog=CatalogVersion(version=catalog.version, digest=catalog.digest, imported=catalog.imported_from),
        started=started,
        seconds=time.monotonic() - clock,
        notes=notes,
        host=host,
    )


def _kept(bugs: Sequence[str]) -> Iterator[str]:
    """What to say of bugs in rules, once their tracebacks are in a file."""
    if bugs:
        where = bug.keep("\n".join(bugs), sys.argv[1:])
        yield f"bug in netprobe, met in {len(bugs)} rules; {where}; please report it with the traceback"


def image(path: Path, platform: str | None = None, naming: Naming = NAMED) -> Report:
    """Open an image and judge it.

    Args:
        path: the root folder, tar or layout.
        platform: which image of a layout with several.
        naming: labels for the report.

    Raises:
        UnreadableFileError: it cannot be read, holds no root file system, or takes more than it is given to read.
    """
    from netprobe.errors import UnreadableFileError
    from netprobe.host.rules import RULES
    from netprobe.identity import labelled

    started, clock = datetime.now(UTC), time.monotonic()
    limits = apart.ChildLimits(memory=MEMORY, cpu_seconds=CPU_SECONDS, wall_seconds=WALL_SECONDS)
    decoder = msgspec.msgpack.Decoder(_One)
    notes: list[str] | None = None
    host = labelled(naming)
    found: list[Judged[Machine]] = []
    bugs: list[str] = []
    why = ""
    try:
        for data in apart.run(lambda: _judgements(path, platform, naming), limits):
            if notes is None:
                notes = msgspec.msgpack.decode(data, type=list[str])
                continue
            if len(found) == len(RULES):
                host = msgspec.msgpack.decode(data, type=HostIdentity)
                continue
            one = decoder.decode(data)
            bugs += one.bugs
            rule = RULES[len(found)]
            found.append(Judged(rule=rule, subject=str(path), judgement=one.judgement, hindered=one.hindered))
    except apart.LimitError as error:
        if notes is None:
            raise UnreadableFileError(str(path), f"cannot be read: {error}", _REMEDY) from error
        why = str(error)
    found += [cut_short(rule, str(path), f"the image was not judged to its end: {why}") for rule in RULES[len(found) :]]
    return _report(found, started, clock, [*(notes or ()), *_kept(bugs)], host)


def _judgements(path: Path, platform: str | None, naming: Naming) -> Iterator[bytes]:
    """In the child: what is to be said of the image, then each rule's judgement, then what it is, encoded."""
    from netprobe import identity
    from netprobe.host.archive import open_root
    from netprobe.host.machine import Machine
    from netprobe.host.rules import RULES

    with open_root(path, platform) as opened:
        yield msgspec.msgpack.encode(opened.notes)
        machine = Machine(root=opened.root, subject=str(path))
        bugs: list[str] = []

        def met(error: Exception) -> None:
            bugs.append("".join(traceback.format_exception(error)))

        for rule in RULES:
            bugs.clear()
            one = judge_one(rule, machine, machine.subject, running=False, within=_within, met=met)
            yield msgspec.msgpack.encode((one.judgement, one.hindered, bugs))
        yield msgspec.msgpack.encode(identity.of_image(machine, naming))
