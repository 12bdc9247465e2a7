"""``netprobe regions``: which regions exist, and what AWS says of ECS Anywhere in each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from netprobe.cli import options, tables
from netprobe.cli.output import write_output

if TYPE_CHECKING:
    from netprobe.catalog import Catalog

_HEADER = ("region", "description", "partition", "dns_suffix", "support", "note")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("regions")(regions)


def regions(format: options.Format = "table", output: options.Output = None) -> int:
    """Show the regions that exist (formats: table, json, csv).

    '--region all' in other commands means those with support "documented". "unconfirmed": names are known, but no AWS
    page says that ECS Anywhere is offered there. "refused": netprobe sends nothing there.
    """
    tables.check_format(format)
    from netprobe import catalog

    write_output(_MAKE[format](catalog.load()), output)
    return 0


def _table(catalog: Catalog) -> str:
    lines = [f"{'REGION':<16}{'DESCRIPTION':<40}{'PARTITION':<12}SUPPORT"]
    lines += [
        f"{region.id:<16}{region.description:<40}{region.partition.id:<12}{region.support}"
        for region in catalog.regions
    ]
    noted = [f"{region.id}: {region.note}" for region in catalog.regions if region.note]
    return "\n".join([*lines, *([""] if noted else []), *tables.wrapped(noted)]) + "\n"


def _json(catalog: Catalog) -> str:
    return tables.json_text({"catalog": tables.version_of(catalog), "regions": catalog.regions})


def _csv(catalog: Catalog) -> str:
    return tables.csv_text(
        _HEADER,
        [
            (r.id, r.description, r.partition.id, r.partition.dns_suffix, str(r.support), r.note)
            for r in catalog.regions
        ],
    )


_MAKE = {"table": _table, "json": _json, "csv": _csv}
