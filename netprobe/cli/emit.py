"""How a command that judges ends: the report where it was asked for, several formats at once, and the exit code.

Shared by check, diagnose, host, image, workload and gate, so that they all end alike.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from netprobe.cli.output import check_destinations, coloured, width, write_outputs
from netprobe.errors import UsageError

if TYPE_CHECKING:
    from netprobe.report.model import Report


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """The reports that were asked for, checked before any work is done.

    Attributes:
        format: the main report's.
        output: where it goes, or None for stdout.
        more: further formats and their files.
    """

    format: str
    output: Path | None
    more: tuple[tuple[str, Path], ...]

    @property
    def holds_observations(self) -> bool:
        """Whether a report was asked for that holds every observation as it is."""
        return not {"json", "html"}.isdisjoint({self.format, *(format for format, _ in self.more)})


def wanted(format: str, output: Path | None, reports: Sequence[str] | None = None) -> Wanted:
    """Check ``--format``, ``--output`` and ``--report FORMAT=FILE``.

    Raises:
        UsageError: an unknown format, a report without a file, two reports in one file, one that cannot be written.
    """
    from netprobe.report import known_format

    more = []
    for text in reports or ():
        name, separator, path = text.partition("=")
        if not separator or not path:
            raise UsageError(text, "is not FORMAT=FILE", "write for example --report junit=netprobe.xml")
        if path == "-":
            raise UsageError(text, "stdout is for the report of --format", f"give --format {name}, or name a file")
        more.append((known_format(name), Path(path)))
    files = [path for path in (output, *(path for _, path in more)) if path is not None]
    twice = next((path for path in files if files.count(path) > 1), None)
    if twice is not None and not str(twice).startswith("/dev/"):
        raise UsageError(str(twice), "is named for two reports", "give each report a file of its own")
    main = known_format(format)
    check_destinations(files)
    return Wanted(format=main, output=output, more=tuple(more))


def emit(report: Report, wanted: Wanted) -> None:
    """Write every report that was asked for, or none; the files first, so that a broken pipe does not lose them.

    Raises:
        UsageError: a file cannot be written.
    """
    from netprobe.report import render

    files = [(render(report, format), path) for format, path in wanted.more]
    to_terminal = wanted.output is None
    shown = render(
        report, wanted.format, width=width() if to_terminal else 80, colour=to_terminal and coloured(sys.stdout)
    )
    write_outputs([*files, (shown, wanted.output)])


def exit_code(report: Report, *, strict: bool = False) -> int:
    """The exit code of a report; with ``strict`` warnings are failures."""
    from netprobe.findings import Verdict

    if report.context.interrupted:
        return 130
    codes = {Verdict.READY: 0, Verdict.DEGRADED: int(strict), Verdict.NOT_READY: 1, Verdict.INCONCLUSIVE: 4}
    return codes[report.verdict]
