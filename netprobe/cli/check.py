"""``netprobe check``: probe, diagnose, report.

Everything that the user wrote is checked before the first packet leaves: regions (China is refused), groups, formats,
limits, files. Ctrl-C ends the probes, not the report: what was seen until then is diagnosed and shown, with exit 130.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netprobe.cli import asking, bug, config, emit, options, transcribing, watching
from netprobe.cli import handoff as handoffs
from netprobe.cli.output import say, write_output

if TYPE_CHECKING:
    from netprobe.checking.perform import Prepared
    from netprobe.report.model import Report

Progress = Callable[[int, int], None]


def register(app: typer.Typer) -> None:
    """Add ``check``."""
    app.command("check")(check)


@asking.in_groups
def check(
    ctx: typer.Context,
    *,
    what: asking.WhatToProbe,
    format: options.ReportFormat = "text",
    output: options.Output = None,
    report: options.Reports = None,
    how: asking.HowToProbe,
    handoff: Annotated[
        Path | None, typer.Option("--handoff", metavar="FILE", help="Write a text for the network team to this file.")
    ] = None,
    handoff_target: Annotated[
        str | None,
        typer.Option(
            "--handoff-target", metavar="TARGET", help="Add the rules for this firewall or proxy to that text."
        ),
    ] = None,
    transcript: options.Transcript = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Check again and again until Ctrl-C, and say what changed and when.")
    ] = False,
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="ready", help="Watch, and exit with 0 as soon as the host is ready."),
    ] = None,
    for_: Annotated[
        str | None,
        typer.Option("--for", metavar="30m", help="Watch for this long at most; then the last report decides."),
    ] = None,
    wait: Annotated[
        str | None,
        typer.Option("--wait", metavar="30m", help="Short for --until ready --for 30m: for provisioning scripts."),
    ] = None,
    strict: options.Strict = False,
    full: options.Full = False,
    docs_base: options.DocsBase = None,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of the JSON report.")] = False,
) -> int:
    """Probe the endpoints from here and say what is in the way.

    Exit codes: 0 ready (also with warnings only), 1 not ready, 2 the request is wrong, 4 inconclusive, 130 interrupted.
    With --wait 30m it checks again and again, and exits with 0 as soon as the host is ready.
    """
    if schema:
        return _print_schema(output)
    from netprobe.checking.perform import Outside, prepare, run

    wanted = emit.wanted(format, output, report, full=full or verbose, quiet=quiet, strict=strict, docs_base=docs_base)
    handing_off = handoffs.wanted(handoff, handoff_target)
    transcribing.check(transcript)
    wish = watching.wish(watch=watch, until=until, for_=for_, wait=wait, strict=strict)
    watching.refuse_beside(wish, locate=how.locate, idle=how.idle)
    request = asking.request(
        what,
        how,
        own_endpoints=config.of(ctx).tables("endpoint"),
        genuine_chains=wanted.holds_observations or transcript is not None,
    )
    outside = Outside(
        say=say,
        progress=lambda: _progress(not quiet),
        keep_bug=lambda traceback: bug.keep(traceback, sys.argv[1:]),
        meanwhile=None if quiet else say,
        afterwards=lambda: emit.load(wanted),
    )
    prepared = prepare(request, outside)
    if verbose:
        say(f"netprobe: {len(prepared.selection.endpoints)} endpoints, catalog {prepared.selection.catalog.version}")
    if wish is None:
        found = run(prepared, outside)
        _hand_out(found, prepared, wanted, handing_off, transcript)
        return emit.code(found, wanted)
    ended = watching.run(request, prepared, outside, wish, wanted)
    if ended.report is None:
        return watching.INTERRUPTED
    _hand_out(ended.report, prepared, wanted, handing_off, transcript)
    return watching.exit_code(ended, emit.code(ended.report, wanted))


def _hand_out(
    found: Report,
    prepared: Prepared,
    wanted: emit.WantedReports,
    handing_off: handoffs.Handoff | None,
    transcript: Path | None,
) -> None:
    """Write everything that was asked for.

    Args:
        found: the report.
        prepared: the check that it is of.
        wanted: the formats.
        handing_off: the text for the network team, or None.
        transcript: where the transcript goes, or None.
    """
    transcribing.write(transcript, found)
    if handing_off is not None:
        handoffs.write(handing_off, found.run(), found.diagnosis(), prepared.selection)
    emit.emit(found, wanted)


def _print_schema(output: Path | None) -> int:
    import json

    from netprobe.report import schema

    write_output(json.dumps(schema(), indent=2) + "\n", output)
    return 0


@contextmanager
def _progress(wanted: bool) -> Iterator[Progress | None]:
    """A bar on stderr, on a terminal only; rich is imported for it and for nothing else."""
    if not wanted or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("probing"), BarColumn(), MofNCompleteColumn(), TextColumn("hosts"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("probing", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
