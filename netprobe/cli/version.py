"""``netprobe version``: what this netprobe is. ``netprobe --version`` prints the first two lines alone, at once."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from netprobe.cli import options
from netprobe.cli.output import write_output
from netprobe.errors import UsageError

if TYPE_CHECKING:
    from netprobe.about import About

FORMATS = ("text", "json")


def register(app: typer.Typer) -> None:
    """Add ``version``."""
    app.command("version")(version)


def version(
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose", "-v", help="Also show the build, the catalog's age, the libraries and what is missing."
        ),
    ] = False,
    format: Annotated[str, typer.Option("--format", metavar="text|json", help="The output's format.")] = "text",
    output: options.Output = None,
) -> int:
    """Show which netprobe this is."""
    if format not in FORMATS:
        raise UsageError(format, "is not a format of version", f"choose one of {', '.join(FORMATS)}")
    from netprobe.about import about, in_short

    found = about(datetime.datetime.now(datetime.UTC).date())
    if format == "json":
        import msgspec

        text = msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n"
    else:
        text = in_words(found) if verbose else in_short()
    write_output(text, output)
    return 0


def in_words(found: About) -> str:
    """The lines of ``--verbose``."""
    days = "1 day" if found.catalog_age_days == 1 else f"{found.catalog_age_days} days"
    lines = [
        f"netprobe {found.version}",
        f"  build      {found.build}",
        f"  catalog    {found.catalog} ({days} old), {found.catalog_digest[:12]}",
        f"  facts      {found.catalog_from}",
        f"  addresses  AWS's ranges as of {found.prefixes_created}",
        f"  python     {found.python}",
        f"  openssl    {found.openssl}",
        f"  system     {found.system}",
        f"  packages   {', '.join(f'{name} {number}' for name, number in found.packages.items())}",
    ]
    for one in found.missing:
        lines.append(f"  missing    {one.what}: {one.means}; {one.remedy}")
    if not found.missing:
        lines.append("  missing    nothing")
    return "\n".join(lines) + "\n"
