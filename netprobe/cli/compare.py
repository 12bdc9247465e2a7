"""``netprobe compare OLD NEW``: what got better, what worse."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netprobe.cli import options

if TYPE_CHECKING:
    from netprobe.fleet.addresses import Addresses
    from netprobe.fleet.census import Census
    from netprobe.fleet.compare import FleetComparison
    from netprobe.fleet.latency import RunTimes


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("compare")(compare)


def compare(
    old: Annotated[
        Path | None, typer.Argument(metavar="OLD", help="A JSON report, or a folder or an archive of them.")
    ] = None,
    new: Annotated[Path | None, typer.Argument(metavar="NEW", help="The same, later.")] = None,
    format: Annotated[str, typer.Option("--format", metavar="FORMAT", help="text, json or markdown.")] = "text",
    output: options.Output = None,
    strict: options.Strict = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of the JSON output.")] = False,
) -> int:
    """Say what is fixed, new, changed and the same between two reports, or two folders of them.

    Exit codes: 0 nothing got worse, 1 something that worked does not (with --strict: or warns, or takes longer, or a
    host is gone), 2 nothing to compare, 4 nothing got worse, but something is no longer judged.
    """
    from netprobe.cli.output import check_destinations, for_people, say, width, write_output
    from netprobe.errors import UsageError
    from netprobe.fleet import compare as comparing
    from netprobe.fleet.formats import comparison

    if schema:
        import json

        write_output(json.dumps(comparison.schema(), indent=2) + "\n", output)
        return 0
    if old is None or new is None:
        raise UsageError("OLD NEW", "are missing", "name two reports, or two folders of them")
    if format not in comparison.FORMATS:
        raise UsageError(format, "is not a format of this command", f"choose one of {', '.join(comparison.FORMATS)}")
    check_destinations([output])
    (before, times_before, led_before), (after, times_after, led_after) = _read(old), _read(new)
    found = comparing.compare(before, after, times_before, times_after, led_before, led_after)
    if not found.old.hosts or (len(found.gone) == found.old.hosts and found.new.hosts):
        names = f"{old} and {new}"
        raise UsageError(names, "have no host in common", "name reports of the same hosts")
    if found.old.first > found.new.last:
        dates = f"OLD begins on {found.old.first}, after NEW ended on {found.new.last}"
        say(f"netprobe: {dates}; are they the wrong way round?")
    shown = comparison.render(found, format, width=width() if output is None else 80)
    if format == "text" and isinstance(shown, str):
        shown = for_people(shown, output)
    write_output(shown, output)
    return _exit_code(found, strict=strict)


def _read(path: Path) -> tuple[Census, dict[str, RunTimes], dict[str, Addresses]]:
    """The hosts of one side, how long their steps took, and where names led.

    Raises:
        UsageError: nothing of it can be read.
    """
    from netprobe.cli.output import say
    from netprobe.errors import UsageError
    from netprobe.fleet import addresses, latency
    from netprobe.fleet.census import Census
    from netprobe.fleet.files import Document, documents

    census = Census(time.time())
    times: dict[str, RunTimes] = {}
    led: dict[str, Addresses] = {}
    for document in documents([path]):
        read_before = census.reports
        census.add(document)
        if isinstance(document, Document) and census.reports > read_before:
            times[document.source] = latency.take(document.data)
            led[document.source] = addresses.take(document.data)
    for skipped in census.skipped[:5]:
        say(f"netprobe: {skipped.source} {skipped.reason}; skipped")
    if not census.reports:
        reason = census.skipped[0].reason if census.skipped else "it is empty"
        raise UsageError(
            str(path), f"holds no report that can be read ({reason})", "give what 'netprobe check --format json' wrote"
        )
    return census, times, led


def _exit_code(found: FleetComparison, *, strict: bool) -> int:
    from netprobe.fleet.compare import DifferenceKind, Weight

    if found.weight is Weight.WORSE or (strict and (found.weight is Weight.WARNING or found.gone)):
        return 1
    return 4 if found.counts[DifferenceKind.UNJUDGED] or found.gone else 0
