"""How a command that judges ends: the report where it was asked for, several formats at once, and the exit code.

Shared by check, diagnose, host, image, workload and gate, so that they all end alike.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from netprobe import manual
from netprobe.cli.output import ascii_only, check_destinations, coloured, width, write_outputs
from netprobe.errors import UsageError

if TYPE_CHECKING:
    from netprobe.report.model import Report
    from netprobe.report.places import Repository


class WantedReports(msgspec.Struct, frozen=True, kw_only=True):
    """The reports that were asked for, checked before any work is done.

    Attributes:
        format: the main report's.
        output: where it goes, or None for stdout.
        more: further formats and their files.
        full: whether text shows each thing that passes.
        quiet: whether nothing is said to people where all is well.
        strict: whether warnings are failures.
        docs_base: where the manual is.
    """

    format: str
    output: Path | None
    more: tuple[tuple[str, Path], ...]
    full: bool = False
    quiet: bool = False
    strict: bool = False
    docs_base: str = manual.BASE

    @property
    def holds_observations(self) -> bool:
        """Whether a report was asked for that holds every observation as it is."""
        return not {"json", "html"}.isdisjoint({self.format, *(format for format, _ in self.more)})


def wanted(
    format: str,
    output: Path | None,
    reports: Sequence[str] | None = None,
    *,
    full: bool = False,
    quiet: bool = False,
    strict: bool = False,
    docs_base: str | None = None,
) -> WantedReports:
    """Check ``--format``, ``--output``, ``--report FORMAT=FILE`` and ``--docs-base``.

    Args:
        format: the main report's.
        output: where it goes, or None for stdout.
        reports: further ones, each ``FORMAT=FILE``.
        full: ``--full``.
        quiet: ``--quiet``.
        strict: ``--strict``.
        docs_base: ``--docs-base``, or None for the project's own manual.

    Raises:
        UsageError: an unknown format, a report without a file, two reports in one file, one that cannot be written, a
            base that is no address of a web page.
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
    return WantedReports(
        format=main,
        output=output,
        more=tuple(more),
        full=full,
        quiet=quiet,
        strict=strict,
        docs_base=manual.BASE if docs_base is None else manual.checked(docs_base),
    )


def load(wanted: WantedReports) -> None:
    """Import every format that was asked for."""
    from netprobe import report

    for format in (wanted.format, *(format for format, _ in wanted.more)):
        report.load(format)


def finish(report: Report, wanted: WantedReports) -> int:
    """Write every report that was asked for, and say with which code the command ends.

    Raises:
        UsageError: a file cannot be written.
    """
    emit(report, wanted)
    return code(report, wanted)


def code(report: Report, wanted: WantedReports) -> int:
    """The exit code of a report: a monitoring plugin's where its format was asked for, else netprobe's own."""
    if wanted.format == "nagios":
        from netprobe.report.formats import nagios

        return nagios.state(report, strict=wanted.strict)
    return exit_code(report, strict=wanted.strict)


def emit(report: Report, wanted: WantedReports) -> None:
    """Write every report that was asked for, or none; the files first, so that a broken pipe does not lose them.

    Raises:
        UsageError: a file cannot be written.
    """
    from netprobe.report import FOR_PEOPLE, render

    report = _with_docs(report, wanted.docs_base)
    how: dict[str, Any] = {
        "full": wanted.full,
        "strict": wanted.strict,
        "docs_base": wanted.docs_base,
        "repository": _repository(report, wanted),
    }
    outputs: list[tuple[str | bytes, Path | None]] = [
        (render(report, format, **how), path) for format, path in wanted.more
    ]
    to_terminal = wanted.output is None
    if not (to_terminal and wanted.quiet and wanted.format in FOR_PEOPLE and _all_is_well(report)):
        shown = render(
            report,
            wanted.format,
            width=width() if to_terminal else 80,
            colour=to_terminal and coloured(sys.stdout),
            ascii=to_terminal and ascii_only(),
            **how,
        )
        outputs.append((shown, wanted.output))
    write_outputs(outputs)


def _repository(report: Report, wanted: WantedReports) -> Repository | None:
    """What is known of the repository, where a format shows problems in it."""
    from netprobe.report import IN_A_REPOSITORY

    if IN_A_REPOSITORY.isdisjoint({wanted.format, *(format for format, _ in wanted.more)}):
        return None
    from netprobe.cli import repository

    return repository.around(report, Path.cwd())


def _all_is_well(report: Report) -> bool:
    from netprobe.findings import Verdict

    return report.verdict is Verdict.READY and not report.context.interrupted


def _with_docs(report: Report, base: str) -> Report:
    """Say of each finding where it is explained; what a saved report says of that is somebody else's word."""
    from msgspec.structs import replace

    findings = tuple(replace(one, docs=manual.finding(one.id, base)) for one in report.findings)
    return replace(report, findings=findings)


def exit_code(report: Report, *, strict: bool = False) -> int:
    """The exit code of a report; with ``strict`` warnings are failures."""
    from netprobe.findings import Verdict

    if report.context.interrupted:
        return 130
    codes = {Verdict.READY: 0, Verdict.DEGRADED: int(strict), Verdict.NOT_READY: 1, Verdict.INCONCLUSIVE: 4}
    return codes[report.verdict]
