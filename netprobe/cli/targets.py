"""``netprobe targets``: what can be rendered, how exactly each device can say it, and by what that is proven."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec
import typer

from netprobe.cli import options
from netprobe.cli.output import for_people, write_output

if TYPE_CHECKING:
    from netprobe.render.model import Notation, Source, Target, TargetProof

_HEADER = (
    "target",
    "family",
    "title",
    "layer",
    "expresses",
    "regex",
    "default_action",
    "forms",
    "files",
    "as",
    "proof",
    "proven_by",
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("targets")(targets)


def targets(ctx: typer.Context, format: options.Format = "table", output: options.Output = None) -> int:
    """Show what can be rendered, and how exactly (formats: table, json, csv)."""
    from netprobe.cli import tables
    from netprobe.render import targets as registry

    tables.check_format(format)

    known = [(family, registry.get(name)) for family, names in registry.TARGETS.items() for name in names]
    shown = _MAKE[format]([_row(family, target) for family, target in known])
    write_output(for_people(shown, output) if format == "table" else shown, output)
    return 0


def _row(family: str, target: Target) -> dict[str, Any]:
    """Everything that a target declares, as plain data."""
    from netprobe.render import notations
    from netprobe.render.model import Form

    can = target.CAPABILITY
    return {
        "target": target.NAME,
        "family": family,
        "title": target.TITLE,
        "layer": target.LAYER,
        "expresses": [form for form in Form if form in can.forms],
        **{field.name: getattr(can, field.name) for field in msgspec.structs.fields(can) if field.name != "forms"},
        "addresses_only": can.addresses_only,
        "main_file": target.MAIN.name,
        "files": [file.name for file in target.FILES],
        "as": {tool: _notation(one) for tool, one in notations.of(target.NAME).items()},
        "scope": msgspec.structs.asdict(target.SCOPE),
        "commands": msgspec.structs.asdict(target.COMMANDS),
        "proof": _proof(target.PROOF),
        "sources": _sources(target.SOURCES),
    }


def _notation(one: Notation) -> dict[str, Any]:
    """A form for a tool, as plain data."""
    return {
        "title": one.title,
        "files": [file.name for file in one.files],
        "proof": _proof(one.proof),
        "sources": _sources(one.sources),
    }


def _proof(proof: TargetProof) -> dict[str, str]:
    return {**msgspec.structs.asdict(proof), "kind": proof.kind, "by": proof.by}


def _sources(sources: Iterable[Source]) -> list[dict[str, str]]:
    return [{"where": source.where, "read": source.read} for source in sources]


def _table(found: list[dict[str, Any]]) -> str:
    from netprobe.cli import tables  # late: render registers this command, and shows no table

    lines: list[str] = []
    for row in found:
        lines.append(f"{row['target']}: {row['title']}")
        says = ", ".join(row["expresses"])
        lines += tables.wrapped([f"at: {row['layer']}; says: {says}", f"else: {row['default_action']}"], indent=4)
        proof = f"proof: {row['proof']['kind']} ({row['proof']['by']})"
        lines += tables.wrapped([f"forms: {_forms(row['scope'])}", proof], indent=4)
        lines += tables.wrapped(_also(row["as"]), indent=4)
    return "\n".join(lines) + "\n"


def _also(forms: dict[str, Any]) -> list[str]:
    """The forms for tools, and by what each is proven."""
    return [f"--as {tool}: {one['title']}; proof: {one['proof']['kind']}" for tool, one in forms.items()]


def _forms(scope: dict[str, Any]) -> str:
    """Whether it can only allow, also deny, and for whom."""
    if not scope["enforces"]:
        return "a list; it denies nothing"
    additive = "additive, " if scope["additive"] else ""
    whom = "decides for every client"
    if scope["clients"]:
        whom = f"for some clients by {scope['clients']}"
    elif scope["own_host"]:
        whom = "for what the host itself sends"
    elif scope["selector"]:
        whom = "for the workloads that it selects"
    return f"{additive}enforce ({whom})"


def _json(found: list[dict[str, Any]]) -> str:
    from netprobe.cli import tables  # late: render registers this command, and shows no table

    return tables.json_text({"targets": found})


def _csv(found: list[dict[str, Any]]) -> str:
    from netprobe.cli import tables  # late: render registers this command, and shows no table

    return tables.csv_text(
        _HEADER,
        [
            (
                row["target"],
                row["family"],
                row["title"],
                row["layer"],
                " ".join(row["expresses"]),
                row["regex"] or "",
                row["default_action"],
                _forms(row["scope"]),
                " ".join(row["files"]),
                " ".join(row["as"]),
                row["proof"]["kind"],
                row["proof"]["by"],
            )
            for row in found
        ],
    )


_MAKE = {"table": _table, "json": _json, "csv": _csv}
