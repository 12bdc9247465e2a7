"""``netprobe render``: the allowlist for a firewall or proxy, as exact as the device can be.

The file goes to stdout (or ``-o``), every loss to stderr. Nothing touches the network unless ``--discover``,
``--resolve`` or a URL asks for it. A required endpoint that cannot be said ends the command with 1 and writes nothing.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netprobe.cli import options, targets, values
from netprobe.cli.output import say, write_output
from netprobe.errors import UsageError

if TYPE_CHECKING:
    from netprobe.catalog.model import Endpoint
    from netprobe.cli.selection import Selection
    from netprobe.render import Addresses, Options, Origin, Rendered
    from netprobe.render.lock import Lock
    from netprobe.render.model import Lowered, Target

LOSSES = ("text", "json")


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
    from_report: Annotated[
        Path | None, typer.Option("--from", metavar="REPORT", help="Only what this saved report found blocked.")
    ] = None,
    check: Annotated[
        Path | None, typer.Option("--check", metavar="FILE/DIR", help="Exit 1 with a diff if this is stale.")
    ] = None,
    compare: Annotated[
        Path | None,
        typer.Option("--compare", metavar="FILE", help="Say what an existing configuration lacks, and has to spare."),
    ] = None,
    timestamp: Annotated[bool, typer.Option("--timestamp", help="Tell in the header when it was made.")] = False,
    quiet: options.Quiet = False,
) -> int:
    """Write the allowlist for a firewall or proxy.

    Exit codes: 0 written (losses are told on stderr), 1 a required endpoint cannot be said, or --check found a
    difference, 2 the request is wrong.
    """
    from netprobe import requirements
    from netprobe.cli.selection import select
    from netprobe.render import Origin, lowering
    from netprobe.render.targets import get

    module = get(target)
    _refuse_nonsense(losses=losses, ipv4_only=ipv4_only, ipv6_only=ipv6_only, resolve=resolve, ip_ranges=ip_ranges)
    numbers = values.numbers(ecs_numbers) if ecs_numbers is not None else None
    blocked = _blocked(from_report) if from_report is not None else None
    selection = select(
        ctx,
        region=region or (list(blocked.regions) if blocked else None),
        with_groups=[*(with_groups or ()), *(blocked.groups(without_groups) if blocked else ())],
        without_groups=without_groups,
        account=account,
        fips=fips,
        dualstack=dualstack,
        ipv6_only=ipv6_only,
        task_definition=task_definition,
    )
    endpoints = selection.endpoints if blocked is None else blocked.only(selection.endpoints)
    settings, sources = _lowering_options(
        module,
        endpoints,
        exact=exact,
        allow_widening=allow_widening,
        enumerate_names=enumerate_names,
        network=_Network(
            discover=discover,
            resolve=resolve,
            ip_ranges=ip_ranges,
            numbers=numbers,
            resolvers=tuple(resolver or ()),
            ca_file=ca_file,
            families=(4,) if ipv4_only else (6,) if ipv6_only else (4, 6),
            lab=lab,
            lock=lock,
        ),
    )
    if losses is not None:
        return _show_losses(losses, module, selection, lowering.lower(endpoints, module.CAPABILITY, settings), exact)
    if compare is not None:
        return _compare(compare, module, endpoints, settings)
    origin = Origin(
        command=_command(
            target,
            region=options.listed(region) or (blocked.regions if blocked else ()),
            with_groups=options.listed(with_groups),
            without_groups=options.listed(without_groups),
            account=account,
            task_definition=task_definition,
            flags={
                "--fips": fips,
                "--dualstack": dualstack,
                "-4": ipv4_only,
                "-6": ipv6_only,
                "--exact": exact,
                "--allow-widening": allow_widening,
                "--enumerate": enumerate_names,
                "--resolve": resolve,
            },
            files={"--lock": lock, "--from": from_report},
            words={"--ip-ranges": ip_ranges, "--ecs-numbers": ecs_numbers},
        ),
        catalog=selection.catalog.version,
        made_at=_now() if timestamp else "",
        notes=(*requirements.notes(selection.regions), *sources),
    )
    made = _render(module, endpoints, origin, settings)
    if not quiet:
        for note in origin.notes:
            say(f"netprobe: note: {note}")
        _tell_losses(made.lowered)
    if check is not None:
        return _check(check, module, made)
    _write(output, module, made)
    return 0


def _refuse_nonsense(
    *, losses: str | None, ipv4_only: bool, ipv6_only: bool, resolve: bool, ip_ranges: str | None
) -> None:
    if losses is not None and losses not in LOSSES:
        raise UsageError(f"--losses {losses}", "there is no such format here", f"use one of {', '.join(LOSSES)}")
    if ipv4_only and ipv6_only:
        raise UsageError("-4 -6", "exclude each other", "give one of them, or neither for both families")
    if resolve and ip_ranges is not None:
        raise UsageError("--resolve --ip-ranges", "exclude each other", "give one of them")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Blocked:
    """What a saved report found blocked."""

    regions: tuple[str, ...]
    endpoints: frozenset[tuple[str, str]]
    of_groups: frozenset[str]

    def groups(self, unwanted: Sequence[str] | None) -> list[str]:
        """The groups that hold them, so that the selection does."""
        return sorted(self.of_groups - set(options.listed(unwanted)))

    def only(self, endpoints: Sequence[Endpoint]) -> tuple[Endpoint, ...]:
        """Those endpoints; an endpoint that this catalog does not know is told."""
        kept = tuple(e for e in endpoints if (e.region, e.id) in self.endpoints)
        known = {(e.region, e.id) for e in kept}
        for region, endpoint in sorted(self.endpoints - known):
            say(f"netprobe: note: {endpoint} in {region} was blocked, and is not among what was asked for: left out")
        return kept


def _blocked(path: Path) -> _Blocked:
    from netprobe import catalog
    from netprobe.diagnosis.model import Outcome
    from netprobe.report import read

    report = read(path)
    groups = {group.id for group in catalog.load().groups}
    blocked = [e for e in report.endpoints if Outcome.FAIL in (e.outcome, *(host.outcome for host in e.hosts))]
    if not blocked:
        raise UsageError(str(path), "it found nothing blocked", "leave --from out to render everything")
    return _Blocked(
        regions=tuple(dict.fromkeys(e.region for e in blocked)),
        endpoints=frozenset((e.region, e.id) for e in blocked),
        of_groups=frozenset(e.group for e in blocked) & groups,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Network:
    """What may be asked of the network, and what is known already."""

    discover: bool
    resolve: bool
    ip_ranges: str | None
    numbers: tuple[int, ...] | None
    resolvers: tuple[str, ...]
    ca_file: Path | None
    families: tuple[int, ...]
    lab: str | None
    lock: Path | None


def _lowering_options(
    module: Target,
    endpoints: Sequence[Endpoint],
    *,
    exact: bool,
    allow_widening: bool,
    enumerate_names: bool,
    network: _Network,
) -> tuple[Options, tuple[str, ...]]:
    """What lowering may use, and sentences that tell where names and addresses come from."""
    from netprobe.render import Options
    from netprobe.render import lock as locks

    known = _lock(network, endpoints)
    seen = known.seen()
    if network.numbers is not None and not network.discover and not network.resolve:
        seen = {**locks.numbered(endpoints, network.numbers, "numbers given with --ecs-numbers, not seen"), **seen}
    addresses = _ranges(network, module.CAPABILITY.addresses_only) or known.addresses()
    notes = (f"addresses: {addresses.how}",) if addresses is not None and module.CAPABILITY.addresses_only else ()
    wishes = Options(
        exact=exact, allow_widening=allow_widening, enumerate=enumerate_names, seen=seen, addresses=addresses
    )
    return wishes, notes


def _lock(network: _Network, endpoints: Sequence[Endpoint]) -> Lock:
    """The lock that was read, with what was looked at now."""
    from netprobe.render import lock as locks

    path = network.lock or locks.implicit()
    # A lock that is named must be there, unless this very command is to make it.
    fresh = path is None or (network.discover and not path.exists())
    known = locks.Lock() if path is None or fresh else locks.read(path)
    if not (network.discover or network.resolve):
        return known
    from netprobe.cli import lookup

    looked = lookup.look(
        endpoints,
        numbers=network.numbers or lookup.NUMBERS,
        exact=network.resolve,
        resolvers=network.resolvers,
        families=network.families,
        lab=network.lab,
    )
    known = known.with_look(looked)
    if network.discover:
        write_output(locks.write(known), path or locks.DEFAULT)
    return known if not network.resolve else looked


def _ranges(network: _Network, needed: bool) -> Addresses | None:
    if network.ip_ranges is None or not needed:
        return None
    from netprobe.cli import lookup
    from netprobe.render import Addresses

    prefixes, source = lookup.ip_ranges(network.ip_ranges, network.ca_file)
    families = network.families
    return Addresses(
        how=f"AWS's networks of {prefixes.created}, {source}",
        by_region={
            region: (*(ranges.v4 if 4 in families else ()), *(ranges.v6 if 6 in families else ()))
            for region, ranges in prefixes.by_region.items()
        },
    )


def _command(
    target: str,
    *,
    region: Sequence[str],
    with_groups: Sequence[str],
    without_groups: Sequence[str],
    account: str | None,
    task_definition: Sequence[Path] | None,
    flags: dict[str, bool],
    files: dict[str, Path | None],
    words: dict[str, str | None],
) -> str:
    """The command that makes the output again; of files only the name, since the output travels."""
    argv = ["netprobe", "render", target]
    for option, given in (("--region", region), ("--with", with_groups), ("--without", without_groups)):
        argv += [option, ",".join(given)] if given else []
    argv += ["--account", account] if account else []
    for path in task_definition or ():
        argv += ["--task-definition", path.name]
    argv += [flag for flag, given in flags.items() if given]
    for option, name in files.items():
        argv += [option, name.name] if name is not None else []
    for option, word in words.items():
        argv += [option, word if "://" in word else Path(word).name] if word is not None else []
    return shlex.join(argv)


def _now() -> str:
    import datetime

    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _render(module: Target, endpoints: Sequence[Endpoint], origin: Origin, settings: Options) -> Rendered:
    from netprobe import render as renderer

    return renderer.render(module, endpoints, origin=origin, options=settings)


def _tell_losses(lowered: Lowered) -> None:
    from netprobe.render.header import loss_lines

    for line in loss_lines(lowered.losses):
        say(f"netprobe: {line}")


def _show_losses(format: str, module: Target, selection: Selection, lowered: Lowered, exact: bool) -> int:
    """The losses as the output; exit 1 where the render itself would be refused."""
    from netprobe.cli import rows
    from netprobe.render.header import loss_lines
    from netprobe.render.model import LossKind

    if format == "text":
        write_output("\n".join(loss_lines(lowered.losses)) + "\n", None)
    else:
        document = {
            "target": module.NAME,
            "catalog": rows.version_of(selection.catalog),
            "regions": [region.id for region in selection.regions],
            "entries": len(lowered.entries),
            "counts": {kind: sum(loss.kind is kind for loss in lowered.losses) for kind in LossKind},
            "losses": lowered.losses,
        }
        write_output(rows.json_text(document), None)
    return int(any(loss.required or exact for loss in lowered.refused))


def _compare(path: Path, module: Target, endpoints: Sequence[Endpoint], settings: Options) -> int:
    from netprobe.render import compare

    found = compare.compare(compare.read(path, module.NAME), endpoints, settings)
    write_output("\n".join(compare.lines(found)) + "\n", None)
    return int(any(endpoint.required for endpoint in found.missing))


def _check(path: Path, module: Target, made: Rendered) -> int:
    """Hold what is deployed against what would be written; the diff goes to stdout."""
    from netprobe.render import stale

    wanted = made.files if path.is_dir() else {path.name: made.main}
    folder = path if path.is_dir() else path.parent
    owned = {file.name for file in module.FILES} if path.is_dir() else set(wanted)
    found = stale.difference(folder, wanted, owned, module.COMMENT)
    if not found:
        return 0
    write_output("\n".join(found) + "\n", None)
    return 1


def _write(output: Path | None, module: Target, made: Rendered) -> None:
    if output is None or not _is_folder(output):
        write_output(made.main, output)
        return
    from netprobe.cli.folder import write_folder

    write_folder(output, made.files, owned=[file.name for file in module.FILES])


def _is_folder(output: Path) -> bool:
    """A folder that is there, or a new name without an extension (``-o squid-allowlist``)."""
    return output.is_dir() or (not output.exists() and not output.suffix and str(output) != "-")
