"""``netprobe diagnose REPORT``: conclude again from the observations of a saved report, without a network.

The report may come from another machine: it is read with bounds and checked against the types before anything is
concluded. Findings of ``host``, ``image`` and ``workload`` rules stand on facts that a report does not hold; they are
kept as they are.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netprobe.cli import emit, options

if TYPE_CHECKING:
    from netprobe.report.model import Report


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("diagnose")(diagnose)


def diagnose(
    file: Annotated[
        Path, typer.Argument(metavar="REPORT", help="What 'check --format json' or html wrote; - is stdin.")
    ],
    format: options.ReportFormat = "text",
    output: options.Output = None,
    report: options.Reports = None,
    strict: options.Strict = False,
    full: options.Full = False,
    quiet: options.WellQuiet = False,
    docs_base: options.DocsBase = None,
) -> int:
    """Diagnose a saved report again.

    Exit codes as for check: 0 ready, 1 not ready, 2 not a report, 4 inconclusive.
    """
    wanted = emit.wanted(format, output, report, full=full, quiet=quiet, strict=strict, docs_base=docs_base)
    from netprobe.cli.saved import read

    again = _again(read(file))
    return emit.finish(again, wanted)


def _again(saved: Report) -> Report:
    """The report with fresh conclusions."""
    from msgspec.structs import replace

    from netprobe.diagnosis import diagnose as conclude
    from netprobe.findings import Verdict

    if not saved.endpoints and saved.rules:
        return saved
    diagnosis = conclude(saved.run())
    judged = {rule.id for rule in saved.rules}
    kept = tuple(finding for finding in saved.findings if finding.id in judged)
    findings = (*diagnosis.findings, *kept)
    return replace(
        saved,
        verdict=Verdict.of(findings, is_open=diagnosis.verdict is Verdict.INCONCLUSIVE),
        capabilities=diagnosis.capabilities,
        endpoints=diagnosis.endpoints,
        findings=findings,
    )
