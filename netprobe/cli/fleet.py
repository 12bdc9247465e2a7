"""``netprobe fleet``: many reports, one answer."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netprobe.cli import options

if TYPE_CHECKING:
    from netprobe.fleet.model import Fleet

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_MOST_SAID = 5
_COPIES = "are they copies of one image, or one host that was renamed?"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("fleet")(fleet)


def fleet(
    reports: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="REPORT|DIR|ARCHIVE...",
            help="JSON reports, also gzipped; folders, tar and zip archives of them; - for JSON lines on stdin.",
        ),
    ] = None,
    by: Annotated[str, typer.Option("--by", metavar="site|subnet|proxy|LABEL", help="Group hosts by this.")] = "site",
    expect: Annotated[
        Path | None,
        typer.Option("--expect", metavar="FILE", help="Hosts that must have sent a report: names, or an inventory."),
    ] = None,
    max_age: Annotated[
        str | None,
        typer.Option("--max-age", metavar="AGE", help="Treat older reports as not sent: 90m, 36h, 7d."),
    ] = None,
    handoff: Annotated[
        Path | None,
        typer.Option("--handoff", metavar="DIR", help="Write one text per site and network team into this folder."),
    ] = None,
    handoff_target: Annotated[
        str | None,
        typer.Option("--handoff-target", metavar="TARGET", help="The device whose rules the texts end with."),
    ] = None,
    format: Annotated[
        str,
        typer.Option("--format", metavar="FORMAT", help="text, json, csv, xlsx, html, openmetrics or markdown."),
    ] = "text",
    output: options.Output = None,
    report: options.Reports = None,
    strict: options.Strict = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of the JSON output.")] = False,
) -> int:
    """Say which hosts cannot work, what they have in common, who changes what, and who sent nothing.

    What the failing hosts have in common is looked for in what each report says about its host, labels included. The
    host's public address is not in it, since only a third party could tell it, and none is asked: give it to the check
    with --label egress=198.51.100.7, and it counts like the rest.

    Exit codes: 0 every host can work, 1 one cannot (with --strict: or has warnings), 2 no report could be read, 4 none
    fails, but one could not be judged, is too old or sent nothing, or a file that may be a report could not be read.
    """
    from netprobe.cli.output import check_destinations, for_people, say, width, write_output, write_outputs
    from netprobe.errors import UsageError

    if schema:
        import json

        from netprobe.fleet.formats.json import schema as made

        write_output(json.dumps(made(), indent=2) + "\n", output)
        return 0
    if not reports:
        raise UsageError("REPORT", "is missing", "name reports, folders or archives, or - for stdin")
    from netprobe.cli import fleet_handoff
    from netprobe.fleet import expected, formats, words
    from netprobe.fleet.census import Census
    from netprobe.fleet.files import documents
    from netprobe.fleet.survey import BY, FleetOptions, labels, survey

    more = _more(report)
    formats.known_format(format)
    limit = _age(max_age)
    names = expected.read(expect) if expect is not None else None
    target = fleet_handoff.checked(handoff, handoff_target)
    check_destinations([output, *(path for _, path in more)])
    now = time.time()
    census = Census(now, limit)
    for document in documents(reports):
        census.add(document)
    for skipped in census.skipped[:_MOST_SAID]:
        say(f"netprobe: {skipped.source} {skipped.reason}; skipped")
    for source, moment in list(census.ahead.items())[:_MOST_SAID]:
        say(f"netprobe: {source} says that it was made at {moment}, which is yet to come; it counts as undated")
    for names_of_one in census.copies()[:_MOST_SAID]:
        say(f"netprobe: {words.hosts(names_of_one)} have one machine id and count as a host each; {_COPIES}")
    if twins := census.twins():
        say(f"netprobe: several hosts share the name and machine id of {words.hosts(twins)}: copies of an image?")
    if nameless := census.nameless():
        say(f"netprobe: {words.hosts(nameless)} name no host (--anonymous) and count as a host each")
    left = len(census.skipped) + census.skipped_more - _MOST_SAID
    if left > 0:
        say(f"netprobe: {left} more could not be read; --format json names them")
    if not census.reports:
        first = census.skipped[0] if census.skipped else None
        why = f"holds no report that can be read ({first.source} {first.reason})" if first else "holds no report"
        raise UsageError(str(reports[0]), why, "give what 'netprobe check --format json' wrote")
    if by not in BY and by not in labels(census):
        known = ", ".join([*BY, *sorted(labels(census))[:20]])
        raise UsageError(by, "no report has such a label", f"choose one of {known}")
    found = survey(census, FleetOptions(by=by, expected=names, max_age_seconds=limit, now=now))
    wrong = census.with_wrong_clocks(found.too_old)
    if wrong:
        say(f"netprobe: too old by the report's date, but the host's clock is wrong: {words.hosts(wrong)}")
    if handoff is not None:
        fleet_handoff.write(handoff, target, found, census)
    shown = formats.render(found, format, width=width() if output is None else 80)
    if format == "text" and isinstance(shown, str):
        shown = for_people(shown, output)
    write_outputs([*((formats.render(found, name), path) for name, path in more), (shown, output)])
    return _exit_code(found, strict=strict)


def _more(reports: list[str] | None) -> list[tuple[str, Path]]:
    """The formats and files of ``--report``.

    Raises:
        UsageError: one is not FORMAT=FILE, or its format is unknown.
    """
    from netprobe.errors import UsageError
    from netprobe.fleet.formats import known_format

    found = []
    for text in reports or ():
        name, separator, path = text.partition("=")
        if not separator or not path or path == "-":
            raise UsageError(text, "is not FORMAT=FILE", "write for example --report html=fleet.html")
        found.append((known_format(name), Path(path)))
    return found


def _age(text: str | None) -> float | None:
    """An age in seconds.

    Raises:
        UsageError: it is none.
    """
    from netprobe.errors import UsageError

    if text is None:
        return None
    number, unit = text[:-1], text[-1:]
    if unit not in _UNITS or not number.isascii() or not number.isdigit() or len(number) > 6:
        raise UsageError(text, "is not an age", "write it as 90m, 36h or 7d")
    return float(int(number) * _UNITS[unit])


def _exit_code(found: Fleet, *, strict: bool) -> int:
    from netprobe.findings import Verdict

    codes = {Verdict.READY: 0, Verdict.DEGRADED: int(strict), Verdict.NOT_READY: 1, Verdict.INCONCLUSIVE: 4}
    return codes[found.verdict]
