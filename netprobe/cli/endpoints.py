"""``netprobe endpoints``: what a host must reach, by whom, and why; for people, scripts and spreadsheets."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import TYPE_CHECKING

import typer

from netprobe import __version__
from netprobe.cli import options, tables
from netprobe.cli.output import say, write_output
from netprobe.render.carry import COLUMNS, HOSTS

if TYPE_CHECKING:
    from netprobe.catalog.model import Endpoint
    from netprobe.checking.selection import Selection

_HEADER = (
    *COLUMNS,
    "used_by",
    "note",
    "checked",
    "answer",
    "answer_source",
    "upgrade_answer",
    "upgrade_answer_source",
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("endpoints")(endpoints)


def endpoints(
    ctx: typer.Context,
    region: options.Region = None,
    with_groups: options.With = None,
    without_groups: options.Without = None,
    account: options.Account = None,
    task_definition: options.TaskDefinition = None,
    fips: options.Fips = False,
    dualstack: options.Dualstack = False,
    ipv6_only: options.Ipv6Only = False,
    format: options.Format = "table",
    output: options.Output = None,
    quiet: options.Quiet = False,
) -> int:
    """Show what is needed, by whom, and why (formats: table, json, csv)."""
    tables.check_format(format)
    from netprobe import requirements
    from netprobe.catalog import Forms
    from netprobe.cli.selection import select

    selection = select(
        ctx,
        region=region,
        with_groups=with_groups,
        without_groups=without_groups,
        forms=Forms(fips=fips, dualstack=dualstack, ipv6_only=ipv6_only, account=account),
        task_definition=task_definition,
    )
    notes = requirements.notes(selection.regions, options.listed(with_groups), selection.catalog)
    write_output(_MAKE[format](selection, notes), output)
    if not quiet:
        for note in notes:
            say(f"netprobe: note: {note}")
    return 0


def _need(endpoint: Endpoint) -> str:
    if endpoint.stands_in_for:
        return f"required where no numbered {endpoint.stands_in_for} exists"
    if endpoint.optional_since:
        return f"optional since {endpoint.optional_since}"
    return "required" if endpoint.required else "optional"


def _why(endpoint: Endpoint) -> str:
    unknown = " The asterisk is the account: name yours with --account." if endpoint.placeholder_account else ""
    return endpoint.purpose + unknown


def _answers(endpoint: Endpoint) -> str:
    """Which of the endpoint's answers were ever seen."""
    words = {"http": "answer", "websocket": "answer to an upgrade"}
    return "; ".join(f"{words[one.step]} {one.short}" for one in endpoint.answers)


def _known(endpoint: Endpoint, step: str) -> tuple[str, str]:
    """The answer to one step in words, and its source; nothing where none is asked for."""
    found = next((one for one in endpoint.answers if one.step == step), None)
    return (f"{found.short}: {found.told}", found.source) if found is not None else ("", "")


def _table(selection: Selection, _notes: tuple[str, ...]) -> str:
    """Two lines and a sentence an endpoint: host names are too long for columns that a terminal could hold."""
    descriptions = {region.id: region.description for region in selection.catalog.regions}
    purposes = {group.id: group.description for group in selection.catalog.groups}
    lines: list[str] = []
    for region, here in groupby(selection.endpoints, key=lambda one: one.region):
        lines += [f"{region} ({descriptions[region]})", ""]
        for group, members in _by_group(here).items():
            lines += tables.wrapped([f"{group}: {purposes.get(group, 'named in your own files')}"])
            for one in members:
                lines.append(f"  {one.pattern}")
                lines += tables.wrapped(
                    [f"{one.id}, port {one.port}, {_need(one)}, for {', '.join(one.used_by)}", _why(one)], indent=4
                )
                lines += tables.wrapped([_answers(one)] if one.answers else [], indent=4)
            lines.append("")
    return "\n".join(lines[:-1]) + "\n"


def _by_group(endpoints: Iterable[Endpoint]) -> dict[str, list[Endpoint]]:
    found: dict[str, list[Endpoint]] = {}
    for one in endpoints:
        found.setdefault(one.group, []).append(one)
    return found


def _json(selection: Selection, notes: tuple[str, ...]) -> str:
    import msgspec

    return tables.json_text(
        {
            "catalog": tables.version_of(selection.catalog),
            "regions": [region.id for region in selection.regions],
            "notes": notes,
            "endpoints": [msgspec.structs.asdict(endpoint) for endpoint in selection.endpoints],
        }
    )


def _request(one: Endpoint) -> tuple[str, ...]:
    """The columns that a change request has, in the same order, with what people fill in left to them."""
    told = {
        "destination": one.pattern,
        "port": str(one.port),
        "protocol": "TCP",
        "purpose": one.purpose,
        "source": HOSTS,
        "region": one.region,
        "group": one.group,
        "endpoint": one.id,
        "required": "yes" if one.required else "no",
        "reference": one.source,
        "made by": f"netprobe {__version__}; netprobe endpoints",
    }
    return tuple(told.get(column, "") for column in COLUMNS)


def _csv(selection: Selection, _notes: tuple[str, ...]) -> str:
    return tables.csv_text(
        _HEADER,
        [
            (
                *_request(one),
                " ".join(one.used_by),
                one.note,
                one.checked,
                *_known(one, "http"),
                *_known(one, "websocket"),
            )
            for one in selection.endpoints
        ],
    )


_MAKE = {"table": _table, "json": _json, "csv": _csv}
