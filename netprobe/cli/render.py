"""``netprobe render``: the allowlist for a firewall or proxy, as exact as the device can be.

The file goes to stdout (or ``-o``), every loss to stderr. Nothing touches the network unless ``--discover``,
``--resolve`` or a URL asks for it. A required endpoint that cannot be said ends the command with 1 and writes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netprobe import cilog
from netprobe.cli import options, render_input, targets, values
from netprobe.cli.coercion import Folder
from netprobe.cli.output import say, write_output
from netprobe.errors import UsageError, redacted

if TYPE_CHECKING:
    from netprobe.catalog.model import Endpoint
    from netprobe.checking.selection import Selection
    from netprobe.render import Options, Origin, Rendered
    from netprobe.render.model import Lowered, Policy, Target

LOSSES = ("text", "json")
DEFAULT_NAME = "netprobe"
FROM_NAME = "netprobe-from"
"""The stem of a render of part of the endpoints, so that it never takes the place of the whole list's."""


def register(app: typer.Typer) -> None:
    """Add ``render``, and ``targets`` beside it."""
    app.command("render")(render)
    targets.register(app)


def render(
    ctx: typer.Context,
    target: Annotated[str, typer.Argument(metavar="TARGET", help="A name that 'netprobe targets' lists.")],
    region: options.Region = None,
    with_groups: options.With = None,
    without_groups: options.Without = None,
    account: options.Account = None,
    task_definition: options.TaskDefinition = None,
    fips: options.Fips = False,
    dualstack: options.Dualstack = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE/DIR", help="Write the main file here; into a folder (or NAME/): every file."
        ),
    ] = None,
    tool: Annotated[
        str | None,
        typer.Option(
            "--as", metavar="terraform|ansible", help="Write the rules for this tool, where the target supports it."
        ),
    ] = None,
    exact: Annotated[bool, typer.Option("--exact", help="Refuse everything that is not exact (exit 1).")] = False,
    allow_widening: Annotated[
        bool, typer.Option("--allow-widening", help="Permit rules that also admit names of other AWS customers.")
    ] = False,
    enumerate_names: Annotated[
        bool, typer.Option("--enumerate", help="List the numbered names that were seen rather than widen.")
    ] = False,
    losses: Annotated[
        str | None,
        typer.Option("--losses", metavar="text|json", help="Show what is wider or missing instead of the file."),
    ] = None,
    discover: Annotated[
        bool, typer.Option("--discover", help="Look for the numbered names and keep them in netprobe.lock.")
    ] = False,
    lock: Annotated[
        Path | None, typer.Option("--lock", metavar="FILE", help="The lock to read or write (default netprobe.lock).")
    ] = None,
    ecs_numbers: options.EcsNumbers = None,
    resolve: Annotated[
        bool, typer.Option("--resolve", help="Resolve the names now, for devices that know only addresses.")
    ] = False,
    ip_ranges: Annotated[
        str | None,
        typer.Option(
            "--ip-ranges", metavar="FILE|URL|snapshot", help="Use AWS's published networks, for the same devices."
        ),
    ] = None,
    resolver: options.Resolvers = None,
    ca_file: options.CaFile = None,
    ipv4_only: options.Ipv4Only = False,
    ipv6_only: options.Ipv6Only = False,
    lab: options.Lab = None,
    enforce: Annotated[
        bool, typer.Option("--enforce", help="Also deny everything else, for the hosts in --source.")
    ] = False,
    source: Annotated[
        list[str] | None,
        typer.Option("--source", metavar="CIDR|ADDRESS", help="The hosts that the rules are for. Repeatable."),
    ] = None,
    every_client: Annotated[
        bool, typer.Option("--every-client", help="Enforce for every client of the device.")
    ] = False,
    all_ports: Annotated[
        bool, typer.Option("--all-ports", help="Enforce on every port, not only those of the endpoints.")
    ] = False,
    keep: Annotated[
        list[str] | None,
        typer.Option("--keep", metavar="CIDR", help="A network that --all-ports leaves open. Repeatable."),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            metavar="STEM",
            help="What objects, lists and files are called (default netprobe); one that is free on the device.",
        ),
    ] = None,
    from_report: Annotated[
        Path | None, typer.Option("--from", metavar="REPORT", help="Only what this saved report found blocked.")
    ] = None,
    check: Annotated[
        Path | None, typer.Option("--check", metavar="FILE/DIR", help="Exit 1 with a diff if this is stale.")
    ] = None,
    compare: Annotated[
        Path | None,
        typer.Option(
            "--compare",
            metavar="FILE",
            help="Say what an existing configuration lacks, and what it allows beyond need.",
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="With --compare: exit 1 for rules that are too wide.")
    ] = False,
    timestamp: Annotated[bool, typer.Option("--timestamp", help="Say in the header when it was made.")] = False,
    quiet: options.Quiet = False,
) -> int:
    """Write the allowlist for a firewall or proxy.

    Exit codes: 0 written (losses are reported on stderr), 1 a required endpoint cannot be expressed, or --check found a
    difference, 2 the request is wrong.
    """
    import datetime

    from netprobe import requirements
    from netprobe.catalog import Forms, age
    from netprobe.cli.selection import select
    from netprobe.errors import MissingInputError
    from netprobe.render import Origin, lowering
    from netprobe.render import policy as policies
    from netprobe.render.targets import get

    module = _as(get(target), tool, comparing=compare is not None)
    if compare is None:
        _refuse_text_as_workbook(module, target, output if check is None and losses is None else check)
    _refuse_nonsense(losses=losses, resolve=resolve, ip_ranges=ip_ranges)
    families = values.families(ipv4_only=ipv4_only, ipv6_only=ipv6_only)
    sources, kept = options.listed(source), options.listed(keep)
    wanted = policies.policy(
        enforce=enforce,
        sources=sources,
        every_client=every_client,
        all_ports=all_ports,
        keep=kept,
        name=name or (FROM_NAME if from_report is not None else DEFAULT_NAME),
    )
    if compare is None and losses is None:
        policies.settle(module, wanted)
        policies.settle_families(module, wanted, families)
    numbers = values.numbers(ecs_numbers) if ecs_numbers is not None else None
    blocked = render_input.blocked(from_report) if from_report is not None else None
    selection = select(
        ctx,
        region=region or (list(blocked.regions) if blocked else None),
        with_groups=[*(with_groups or ()), *(blocked.groups(without_groups) if blocked else ())],
        without_groups=without_groups,
        forms=Forms(fips=fips, dualstack=dualstack, ipv6_only=ipv6_only, account=account),
        task_definition=task_definition,
    )
    endpoints = selection.endpoints if blocked is None else blocked.only(selection.endpoints)
    known = render_input.facts(
        module,
        endpoints,
        wishes=policies.Wishes(exact=exact, allow_widening=allow_widening, enumerate=enumerate_names),
        network=render_input.Network(
            discover=discover,
            resolve=resolve,
            ip_ranges=ip_ranges,
            numbers=numbers,
            resolvers=tuple(resolver or ()),
            ca_file=ca_file,
            families=families,
            lab=lab,
            lock=lock,
        ),
        guess=compare is None,
    )
    try:
        if losses is not None:
            lowered = lowering.lower(endpoints, module.CAPABILITY, known.options)
            return _show_losses(losses, module, selection, lowered, exact)
        if compare is not None:
            return _compare(compare, module, endpoints, known.options, strict)
        origin = Origin(
            command=render_input.command(
                module.NAME,
                lists={
                    "--region": options.listed(region) or (blocked.regions if blocked else ()),
                    "--with": options.listed(with_groups),
                    "--without": options.listed(without_groups),
                    "--account": (values.account(account) or "",) if account else (),
                    "--resolver": options.listed(resolver) if resolve else (),
                },
                repeated={
                    "--task-definition": task_definition or (),
                    "--source": sources,
                    "--keep": kept,
                },
                flags={
                    "--fips": fips,
                    "--dualstack": dualstack,
                    "-4": ipv4_only,
                    "-6": ipv6_only,
                    "--exact": exact,
                    "--allow-widening": allow_widening,
                    "--enumerate": enumerate_names,
                    "--resolve": resolve,
                    "--enforce": enforce,
                    "--every-client": every_client,
                    "--all-ports": all_ports,
                    "--timestamp": timestamp,
                },
                single={
                    "--config": _endpoints_of_a_file(ctx),
                    "--lock": known.lock,
                    "--from": from_report,
                    "--ip-ranges": _named(ip_ranges),
                    "--ca-file": ca_file,
                    "--ecs-numbers": ecs_numbers,
                    "--name": name,
                    "--as": tool,
                    "--lab": lab,
                },
            ),
            catalog=selection.catalog.named,
            made_at=_now() if timestamp else "",
            notes=(*requirements.notes(selection.regions), *known.notes),
            ways=render_input.WAYS,
        )
        made = _render(module, endpoints, origin, known.options, wanted)
    except MissingInputError as exc:
        raise policies.told(exc, render_input.WAYS) from exc
    if not quiet:
        # The age is told here and not in the file, which would differ from itself the next day.
        for note in (*origin.notes, *age.notes(selection.catalog.version, datetime.datetime.now(datetime.UTC).date())):
            say(f"netprobe: note: {note}")
        _tell_losses(made.lowered)
    if check is not None:
        return _check(check, module, made)
    _write(output, module, made)
    return 0


def _as(module: Target, tool: str | None, *, comparing: bool) -> Target:
    """The target in the language of a tool (``--as``), or as it is."""
    if tool is None:
        return module
    from netprobe.render import notations  # late: most renders are for the device itself

    if comparing:
        raise UsageError("--as --compare", "only a device's own configuration is read back", "leave --as out")
    return notations.noted(module, tool)


def _endpoints_of_a_file(ctx: typer.Context) -> Path | None:
    """The configuration file, where it adds endpoints; its options stand in the command already."""
    from netprobe.cli import config

    settings = config.of(ctx)
    return settings.path if settings.tables("endpoint") else None


def _named(ip_ranges: str | None) -> str | None:
    """A file's name without its folder, a URL without what may be secret in it, the word ``snapshot`` as it is."""
    if ip_ranges is None or "://" not in ip_ranges:
        return ip_ranges if ip_ranges is None else Path(ip_ranges).name
    url, question, _ = redacted(ip_ranges).partition("?")
    return f"{url}?***" if question else url


def _refuse_nonsense(*, losses: str | None, resolve: bool, ip_ranges: str | None) -> None:
    if losses is not None and losses not in LOSSES:
        raise UsageError(f"--losses {losses}", "there is no such format here", f"use one of {', '.join(LOSSES)}")
    if resolve and ip_ranges is not None:
        raise UsageError("--resolve --ip-ranges", "exclude each other", "give one of them")


def _is_workbook(path: Path | None) -> bool:
    return path is not None and path.suffix.lower() == ".xlsx"


def _refuse_text_as_workbook(module: Target, asked: str, path: Path | None) -> None:
    """A workbook is a file of its own kind: it is asked for by its name, and no other target has one."""
    if _is_workbook(path) and module.NAME != "csv":
        raise UsageError(str(path), f"{module.NAME} is no table, so it has no workbook", "take the target xlsx, or csv")
    if asked.lower() in ("xlsx", "excel") and not _is_workbook(path):
        raise UsageError(asked, "a workbook is no text, so it goes into a file", "give -o NAME.xlsx")


def _now() -> str:
    import datetime

    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _render(
    module: Target, endpoints: Sequence[Endpoint], origin: Origin, settings: Options, wanted: Policy
) -> Rendered:
    from netprobe import render as renderer

    return renderer.render(module, endpoints, origin=origin, options=settings, policy=wanted)


def _tell_losses(lowered: Lowered) -> None:
    from netprobe.render.header import loss_lines

    for line in loss_lines(lowered.losses, render_input.WAYS, lowered.beyond):
        say(f"netprobe: {line}")


def _show_losses(format: str, module: Target, selection: Selection, lowered: Lowered, exact: bool) -> int:
    """The losses as the output; exit 1 where the render itself would be refused."""
    from netprobe.cli import tables
    from netprobe.render.header import loss_lines
    from netprobe.render.model import LossKind

    if format == "text":
        write_output("\n".join(loss_lines(lowered.losses, render_input.WAYS, lowered.beyond)) + "\n", None)
    else:
        document = {
            "target": module.NAME,
            "catalog": tables.version_of(selection.catalog),
            "regions": [region.id for region in selection.regions],
            "entries": len(lowered.entries),
            "counts": {kind: sum(loss.kind is kind for loss in lowered.losses) for kind in LossKind},
            "losses": lowered.losses,
            "beyond": lowered.beyond,
        }
        write_output(tables.json_text(document), None)
    return int(any(loss.required or exact for loss in lowered.refused))


def _compare(path: Path, module: Target, endpoints: Sequence[Endpoint], settings: Options, strict: bool) -> int:
    from netprobe.render import compare

    if _is_workbook(path):
        from netprobe import workbook

        _refuse_text_as_workbook(module, module.NAME, path)
        configuration = compare.read_table(workbook.read_workbook(path))
    else:
        configuration = compare.read(path, module.NAME)
    found = compare.compare(configuration, endpoints, settings)
    write_output(cilog.in_text("\n".join(compare.lines(found)) + "\n"), None)
    if any(endpoint.required for endpoint in found.missing) or (strict and found.wide):
        return 1
    return 4 if any(endpoint.required for endpoint in found.unknown) else 0


def _check(path: Path, module: Target, made: Rendered) -> int:
    """Hold what is deployed against what would be written; the diff goes to stdout."""
    from netprobe.render import difference

    if _is_workbook(path):
        from netprobe import workbook

        found = difference.of_tables(path.name, workbook.read_workbook(path), made.main)
    elif os.path.isdir(path):
        found = difference.difference(path, made.files, made.owned, module.COMMENT)
    else:
        # One file is the one of stdout, or one of a folder's files, which may have the same name.
        of_folder = made.files.get(path.name)
        known = [made.main, *([of_folder] if of_folder is not None else [])]
        tried = [difference.difference(path.parent, {path.name: text}, {path.name}, module.COMMENT) for text in known]
        found = min(tried, key=len)
    if not found:
        return 0
    write_output(cilog.in_text("\n".join(found) + "\n"), None)
    return 1


def _write(output: Path | None, module: Target, made: Rendered) -> None:
    if output is None or not _is_folder(output):
        text = _with_cells(made, output)
        if not _is_workbook(output):
            write_output(text, output)
            return
        from netprobe import workbook

        write_output(workbook.workbook(text, "ECS Anywhere"), output)
        return
    from netprobe.cli.folder import write_folder

    write_folder(output, made.files, owned=made.owned)


def _with_cells(made: Rendered, output: Path | None) -> str:
    """The main file; of a change request with the cells that people filled in where the old one is."""
    if made.target != "csv" or output is None or not os.path.isfile(output):
        return made.main
    from netprobe import workbook
    from netprobe.render import carry, compare

    old = workbook.read_workbook(output) if _is_workbook(output) else compare.text_of(output)
    return carry.carried(old, made.main)


def _is_folder(output: Path) -> bool:
    """A folder that is there, or a new name without extension (``-o squid-allowlist``), with ``.d`` or a slash."""
    if isinstance(output, Folder):
        return True
    new = not os.path.exists(output) and output.suffix in ("", ".d") and str(output) != "-"
    return os.path.isdir(output) or new
