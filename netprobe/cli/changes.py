"""``netprobe changes``: what AWS needs now that it did not need then, for your regions, and for a file that you have.

Nothing is fetched: the history ships with the catalog. With ``--for FILE`` the exit code is 1 where the file lacks a
name that a host cannot do without.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netprobe.cli import options, tables, values
from netprobe.cli.output import say, write_output
from netprobe.errors import UsageError, printable

if TYPE_CHECKING:
    from netprobe.catalog import Catalog
    from netprobe.catalog.history import History
    from netprobe.changes import EndpointShift, WantedChanges, Written

_COLUMNS = (
    *("version", "what", "region", "endpoint", "group", "before", "after", "port", "required"),
    *("reason", "impact", "source"),
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("changes")(changes)


def changes(
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="VERSION|DATE", help="Start from this catalog (default: the first)."),
    ] = None,
    region: options.Region = None,
    with_groups: options.With = None,
    without_groups: options.Without = None,
    account: options.Account = None,
    fips: options.Fips = False,
    dualstack: options.Dualstack = False,
    for_: Annotated[
        Path | None,
        typer.Option("--for", metavar="FILE", help="Say what this file lacks: a render, a JSON report or a lock."),
    ] = None,
    format: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="text, json, csv, atom or markdown.")
    ] = "text",
    output: options.Output = None,
) -> int:
    """Show what AWS needs now and did not need before, and what that means for a file that netprobe wrote.

    Without --region it covers every region where AWS documents ECS Anywhere.
    """
    if format not in FORMATS:
        raise UsageError(format, "is not a format of changes", f"choose one of {', '.join(FORMATS)}")
    from msgspec.structs import replace

    from netprobe import catalog as catalogs
    from netprobe.catalog import Forms, history
    from netprobe.changes import WantedChanges, shifts, short

    # What a shell makes of a variable that is not set is no request for everything.
    if region and not options.listed(region):
        raise UsageError("--region", "is given, and names none", "name a region, or leave --region out for all")
    if since is not None and not since.strip():
        raise UsageError("--since", "is given, and names nothing", "name a version or day, or leave --since out")
    told, now = history.current(), catalogs.load()
    wanted = WantedChanges(
        regions=options.listed(region),
        groups=options.listed(with_groups),
        without_groups=options.listed(without_groups),
        forms=Forms(fips=fips, dualstack=dualstack, account=values.account(account)),
    )
    if for_ is None:
        start = history.version_at(told, since or told.first.version, now.version)
        if not wanted.regions:
            wanted = replace(wanted, regions=("all",))
        found = shifts(told, now, wanted, start)
        head = f"What changed since catalog {start}; this one is of {now.version}"
        write_output(FORMATS[format](found, head), output)
        return 0
    if since is not None:
        raise UsageError("--since --for", "exclude each other", "leave --since out: the file says what it was made of")
    return _for(for_, wanted, told, now, lambda found, head: write_output(FORMATS[format](found, head), output), short)


def _for(
    path: Path,
    asked: WantedChanges,
    told: History,
    now: Catalog,
    write: Callable[[Sequence[EndpointShift], str], None],
    short: Callable[[Sequence[EndpointShift]], tuple[EndpointShift, ...]],
) -> int:
    """What one file lacks."""
    from netprobe import changes as feed
    from netprobe import reading
    from netprobe.catalog import history
    from netprobe.report import stored

    data = stored.unpacked(reading.read(path, stored.MAX_BYTES, feed.REMEDY), str(path), feed.REMEDY)
    written = feed.read_back(str(path), data)
    wanted = asked if asked.regions else written.wanted
    if not wanted.regions:
        raise UsageError(str(path), "does not say for which regions it is", "name them with --region")
    name = printable(path.name)
    if not written.version:
        return _for_a_lock(name, written, wanted, now)
    start = history.version_at(told, written.version, now.version)
    lacking = short(feed.shifts(told, now, wanted, start))
    if not lacking:
        write((), f"{name}: made of catalog {written.version}; it lacks nothing that catalog {now.version} knows")
        return 0
    first = min(one.version for one in lacking)
    names = "1 name" if len(lacking) == 1 else f"{len(lacking)} names"
    write(lacking, f"{name}: made of catalog {written.version}; {names} short since {first}")
    return int(any(one.required for one in lacking))


def _for_a_lock(name: str, written: Written, wanted: WantedChanges, now: Catalog) -> int:
    from netprobe.changes import not_in_the_lock

    lacking = not_in_the_lock(written.patterns, now, wanted)
    for one in lacking:
        say(f"netprobe: {name}: no name of {one.pattern} is in it ({one.region} {one.id}); look again with --discover")
    if not lacking:
        write_output(f"{name}: it knows every numbered pattern of {', '.join(wanted.regions)}\n", None)
    return int(any(one.required for one in lacking))


def _text(found: Sequence[EndpointShift], head: str) -> str:
    lines = [head]
    for one in found:
        need = "required" if one.required else "optional"
        names = " -> ".join(name for name in (one.before, one.after) if name)
        lines.append("")
        lines.append(f"{one.version} {one.what}: {one.region} {one.endpoint} ({one.group}, {need}) {names}:{one.port}")
        lines += tables.wrapped([f"Why: {one.reason} ({one.source})", f"Means: {one.impact}"], indent=2)
    if not found and "lacks nothing" not in head:
        lines.append("Nothing.")
    return "\n".join(lines) + "\n"


def _json(found: Sequence[EndpointShift], head: str) -> str:
    return tables.json_text({"summary": head, "changes": found})


def _csv(found: Sequence[EndpointShift], head: str) -> str:
    return tables.csv_text(_COLUMNS, [tuple(str(getattr(one, name)) for name in _COLUMNS) for one in found])


def _markdown(found: Sequence[EndpointShift], head: str) -> str:
    lines = [f"# {head}", ""]
    if found:
        lines += [
            "| since | what | region | endpoint | host | required | what it means |",
            "|---|---|---|---|---|---|---|",
        ]
    for one in found:
        host = one.after or one.before
        cells = (one.version, one.what, one.region, one.endpoint, f"`{host}`", str(one.required).lower(), one.impact)
        lines.append(f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def _atom(found: Sequence[EndpointShift], head: str) -> str:
    from netprobe.atom import Item, feed

    items = [
        Item(
            id=f"urn:netprobe:catalog:{one.version}:{one.region}:{one.endpoint}:{one.what}",
            title=f"{one.region} {one.endpoint} {one.what}: {one.after or one.before}",
            day=one.version,
            text=f"{one.impact}. Why: {one.reason}.",
            source=one.source,
        )
        for one in found
    ]
    return feed("urn:netprobe:catalog:changes", head, items)


FORMATS: dict[str, Callable[[Sequence[EndpointShift], str], str]] = {
    "text": _text,
    "json": _json,
    "csv": _csv,
    "atom": _atom,
    "markdown": _markdown,
}
