"""``netprobe check``: probe, diagnose, report.

Everything that the user wrote is checked before the first packet leaves: regions (China is refused), groups, formats,
limits, files. Ctrl-C ends the probes, not the report: what was seen until then is diagnosed and shown, with exit 130.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netprobe.cli import bug, emit, eyes, handing, options, values
from netprobe.cli.output import say, write_output
from netprobe.cli.selection import Selection, select
from netprobe.errors import UsageError

if TYPE_CHECKING:
    from netprobe.observations import Run
    from netprobe.probes.settings import Settings
    from netprobe.report.model import Report
    from netprobe.vantage import Vantage

Progress = Callable[[int, int], None]
MOST_CONCURRENT = 4096
NO_IPV4 = (
    "this host has a default route over IPv6 only: probed over IPv6, at the dual-stack names that the agents use then; "
    "give -4 to look over IPv4"
)


def register(app: typer.Typer) -> None:
    """Add ``check``."""
    app.command("check")(check)


def check(
    ctx: typer.Context,
    region: options.Region = None,
    with_groups: options.With = None,
    without_groups: options.Without = None,
    account: options.Account = None,
    task_definition: options.TaskDefinition = None,
    format: options.ReportFormat = "text",
    output: options.Output = None,
    report: options.Reports = None,
    as_: Annotated[
        list[str] | None,
        typer.Option(
            "--as",
            metavar="NAME",
            help="Probe as host, ecs-agent, ssm-agent, docker, ecs-init, installer or all. Repeatable.",
        ),
    ] = None,
    root: Annotated[
        Path | None, typer.Option("--root", metavar="DIR", help="Read the agents' settings from this root folder.")
    ] = None,
    resolver: options.Resolvers = None,
    proxy: options.Proxy = None,
    no_proxy: options.NoProxy = False,
    ca_file: options.CaFile = None,
    origin_ca: options.OriginCa = None,
    expect: options.Expect = None,
    fips: options.Fips = False,
    dualstack: options.Dualstack = False,
    ipv4_only: options.Ipv4Only = False,
    ipv6_only: options.Ipv6Only = False,
    ecs_numbers: options.EcsNumbers = None,
    timeout: options.Timeout = None,
    deadline: options.Deadline = None,
    concurrency: options.Concurrency = None,
    idle: Annotated[
        float | None,
        typer.Option("--idle", metavar="SECONDS", help="Hold WebSockets idle this long to find cuts (120 is advised)."),
    ] = None,
    lab: options.Lab = None,
    locate: Annotated[
        bool, typer.Option("--locate", help="Look for the hop on which it breaks, where something failed.")
    ] = False,
    handoff: Annotated[
        Path | None, typer.Option("--handoff", metavar="FILE", help="Write a text for the network team here.")
    ] = None,
    handoff_target: Annotated[
        str | None,
        typer.Option("--handoff-target", metavar="TARGET", help="With the rules for this firewall or proxy."),
    ] = None,
    strict: options.Strict = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of the JSON report.")] = False,
) -> int:
    """Probe the endpoints from here and say what is in the way.

    Exit codes: 0 ready (warnings only: too), 1 not ready, 2 the request is wrong, 4 inconclusive, 130 interrupted.
    """
    if schema:
        return _print_schema(output)
    from netprobe import requirements
    from netprobe.catalog import Forms

    wanted = emit.wanted(format, output, report)
    handing_off = handing.wanted(handoff, handoff_target)
    if ipv4_only and ipv6_only:
        raise UsageError("-4 -6", "exclude each other", "give one of them, or neither for both families")
    if proxy is not None and no_proxy:
        raise UsageError("--proxy --no-proxy", "exclude each other", "give one of them")
    families = (4,) if ipv4_only else (6,) if ipv6_only else (4, 6)
    without_ipv4 = eyes.without_ipv4(families, lab)
    own = eyes.hosts_own(root) if lab is None or root is not None else eyes.HostsOwn()
    selection = select(
        ctx,
        region=_region(region, own),
        with_groups=with_groups,
        without_groups=without_groups,
        forms=Forms(fips=fips, dualstack=dualstack, ipv6_only=without_ipv4, account=account),
        task_definition=task_definition,
    )
    settings = _settings(
        selection,
        timeout=values.seconds("--timeout", timeout),
        deadline=values.seconds("--deadline", deadline),
        concurrency=values.at_least_one("--concurrency", concurrency, MOST_CONCURRENT),
        ecs_numbers=values.numbers(ecs_numbers) if ecs_numbers is not None else None,
        idle=values.seconds("--idle", idle),
        families=families,
        own_hosts=own.hosts,
        expect=expect,
        lab=lab,
        genuine_chains=wanted.holds_observations,
    )
    if lab is None:
        look = eyes.on_this_host(
            names=options.listed(as_),
            root=root,
            resolvers=options.listed(resolver),
            proxy=proxy,
            no_proxy=no_proxy,
            ca_file=ca_file,
            origin_ca=origin_ca,
            families=families,
        )
    else:
        eyes.refuse_beside_lab(
            resolver=resolver, proxy=proxy, no_proxy=no_proxy, ca_file=ca_file, origin_ca=origin_ca, as_=as_, root=root
        )
        look = eyes.in_the_lab(lab, selection.endpoints)
    notes = [
        *requirements.notes(selection.regions, options.listed(with_groups), selection.catalog),
        *_placeholders(selection),
        *([NO_IPV4] if without_ipv4 and not ipv6_only else ()),
    ]
    if verbose:
        say(f"netprobe: {len(selection.endpoints)} endpoints, catalog {selection.catalog.version}")
    found = _probe(look, selection, settings, notes, locate=locate, show_progress=not quiet)
    if handing_off is not None:
        handing.write(handing_off, found.run(), found.diagnosis(), selection)
    emit.emit(found, wanted)
    return emit.exit_code(found, strict=strict)


def _region(given: Sequence[str] | None, own: eyes.HostsOwn) -> Sequence[str] | None:
    """The regions asked for; without any, that of the host's own agent, which is told."""
    if options.listed(given) or not own.region:
        return given
    say(f"netprobe: no --region given: checking {own.region}, the region of this host's agent ({own.where})")
    return [own.region]


def _print_schema(output: Path | None) -> int:
    import json

    from netprobe.report import schema

    write_output(json.dumps(schema(), indent=2) + "\n", output)
    return 0


def _placeholders(selection: Selection) -> Iterator[str]:
    """Tell for which endpoints an account was made up, so that nobody takes their pass for more than it is."""
    found = dict.fromkeys(endpoint.id for endpoint in selection.endpoints if endpoint.placeholder_account)
    if found:
        yield f"{', '.join(found)}: asked for with a placeholder account; give --account ID to check your own registry"


def _settings(
    selection: Selection,
    *,
    timeout: float | None,
    deadline: float | None,
    concurrency: int | None,
    ecs_numbers: tuple[int, ...] | None,
    idle: float | None,
    families: tuple[int, ...],
    own_hosts: tuple[str, ...],
    expect: Sequence[str] | None,
    lab: str | None,
    genuine_chains: bool,
) -> Settings:
    """The settings of the run; what was not given keeps the default of ``Settings``."""
    import msgspec

    from netprobe.probes.settings import Settings

    given = {"deadline": deadline, "concurrency": concurrency, "ecs_numbers": ecs_numbers}
    groups = {group.id for group in selection.catalog.groups} | {endpoint.group for endpoint in selection.endpoints}
    settings = Settings(
        timeout=timeout,
        families=families,
        own_hosts=own_hosts,
        expect=values.expectations(expect, groups),
        idle=idle,
        lab=lab,
        genuine_chains=genuine_chains,
        **{name: value for name, value in given.items() if value is not None},  # type: ignore[arg-type]
    )
    return settings if idle is None else msgspec.structs.replace(settings, deadline=settings.deadline + idle)


def _probe(
    look: eyes.Look,
    selection: Selection,
    settings: Settings,
    notes: Sequence[str],
    *,
    locate: bool,
    show_progress: bool,
) -> Report:
    """Probe and diagnose; a lab stays up until the paths have been looked at too."""
    import trio

    from netprobe.probes import run, spread

    async def probe(workers: spread.Workers | None) -> Report:
        async with look() as vantages:
            with _progress(show_progress) as progress:
                seen = await run.check(
                    selection.endpoints,
                    vantages,
                    settings,
                    catalog=selection.catalog,
                    progress=progress,
                    workers=workers,
                    keep_bugs=lambda text: bug.keep(text, sys.argv[1:]),
                )
            report = _diagnosed(seen, notes)
            if not locate:
                return report
            return await _located(report, vantages, settings)

    with spread.forked(selection.endpoints, look.ready or (), settings, say) as workers:
        import netprobe.diagnosis  # noqa: F401 - needed in any case, and now the workers work meanwhile

        return trio.run(probe, workers)


def _diagnosed(run: Run, notes: Sequence[str]) -> Report:
    import msgspec

    from netprobe.diagnosis import diagnose
    from netprobe.report.model import Report

    run = msgspec.structs.replace(run, notes=(*run.notes, *notes))
    return Report.of(run, diagnose(run))


async def _located(report: Report, vantages: Sequence[Vantage], settings: Settings) -> Report:
    """Put locations into the findings, within what is left of the deadline."""
    import msgspec

    from netprobe.path import locate

    left = settings.deadline - report.duration_seconds
    if report.context.interrupted or left <= 0:
        reason = "the run was interrupted" if report.context.interrupted else "the deadline was reached"
        return msgspec.structs.replace(report, notes=(*report.notes, f"path not looked at: {reason}"))
    return await locate.apply(report, deadline=left, connect_port=vantages[0].connect_port)


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
