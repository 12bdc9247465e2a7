"""``netprobe path``: where on the way it breaks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netprobe.cli import options, values

if TYPE_CHECKING:
    from collections.abc import Callable

    from netprobe.path.model import PathReport
    from netprobe.path.rate_limits import SendingLimits
    from netprobe.path.run import Destination
    from netprobe.vantage import Resolver

FORMATS = ("text", "json")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("path")(path)


def path(
    ctx: typer.Context,
    hosts: Annotated[list[str] | None, typer.Argument(metavar="HOST[:PORT]...", help="Names or addresses.")] = None,
    from_report: Annotated[
        Path | None, typer.Option("--from", metavar="REPORT.json", help="Look at what failed in a saved report.")
    ] = None,
    resolver: options.Resolvers = None,
    ipv4_only: options.Ipv4Only = False,
    ipv6_only: options.Ipv6Only = False,
    server_name: Annotated[
        str | None, typer.Option("--server-name", metavar="NAME", help="The name in the ClientHello, for addresses.")
    ] = None,
    raw: Annotated[bool, typer.Option("--raw/--no-raw", help="Also send raw packets where this user may.")] = True,
    rate: Annotated[int, typer.Option("--rate", metavar="N", min=1, max=1000, help="Packets per second.")] = 100,
    timeout: options.Timeout = None,
    deadline: options.Deadline = None,
    label: options.Labels = None,
    anonymous: options.Anonymous = False,
    format: options.Format = "text",
    output: options.Output = None,
    quiet: options.Quiet = False,
) -> int:
    """Show where on the way it breaks: the last hop that answers, who rejects or resets, the path MTU.

    Works for every user; raw packets add the TTL left in resets. Packets go only to the addresses named, and the lookup
    of a name to its resolver.
    """
    from netprobe import cilog, identity, jsontext
    from netprobe.cli.output import check_destinations, for_people, say, width, write_output
    from netprobe.errors import UsageError
    from netprobe.path import picture, run
    from netprobe.path.rate_limits import SendingLimits
    from netprobe.probes.system import parse_resolver

    if format not in FORMATS:
        raise UsageError(format, "is not a format of this command", f"choose one of {', '.join(FORMATS)}")
    if bool(hosts) == bool(from_report):
        raise UsageError("path", "needs hosts or a report, one of the two", "give HOST…, or --from report.json")
    families = values.families(ipv4_only=ipv4_only, ipv6_only=ipv6_only)
    check_destinations([output])
    naming = values.naming(label, anonymous=anonymous)
    limits = SendingLimits(answer_timeout=timeout or 1.0, packets_per_second=float(rate))
    if from_report is not None:
        report = _from_report(ctx, from_report, families, limits, deadline or 120.0, raw, quiet)
    else:
        resolvers = tuple(parse_resolver(text) for text in options.listed(resolver))
        report = _named(hosts or [], resolvers, families, server_name, limits, deadline or 120.0, raw, quiet)
    report = run.with_host(report, identity.of_this_host(naming), anonymous=anonymous)
    if format == "json":
        write_output(jsontext.encode(report), output)
    else:
        shown = cilog.in_text(picture.text(report, width=min(width(), 80)))
        write_output(for_people(shown, output), output)
    if not report.targets:
        say("netprobe: nothing was looked at")
    return _exit_code(report)


def _exit_code(report: PathReport) -> int:
    """1 where something is in the way, 4 where something could not be looked at, 0 where every address answers."""
    if not all(target.passes() for target in report.targets):
        return 1
    return 4 if report.inconclusive else 0


def _named(
    hosts: list[str],
    resolvers: tuple[Resolver, ...],
    families: tuple[int, ...],
    server_name: str | None,
    limits: SendingLimits,
    deadline: float,
    raw: bool,
    quiet: bool,
) -> PathReport:
    """Resolve and look."""
    import dataclasses

    import trio

    from netprobe.hostnames import Hostname
    from netprobe.path import destinations, run

    asked = [destinations.parse(text) for text in hosts]
    name = Hostname.parse(server_name).name if server_name else ""

    async def everything() -> PathReport:
        found: list[Destination] = []
        missing = []
        for host, port in asked:
            some, trouble = await destinations.resolve(host, port, resolvers=resolvers, families=families, timeout=5.0)
            found += [dataclasses.replace(one, server_name=name or one.server_name) for one in some]
            if trouble:
                missing.append((host, trouble))
        report = await run.look(found, limits, deadline=deadline, use_raw=raw, progress=_progress(quiet))
        return run.with_missing(report, missing)

    return trio.run(everything)


def _at_53(resolvers: tuple[str, ...]) -> tuple[str, ...]:
    """Those that a report may send us to."""
    return tuple(one for one in resolvers if one.rpartition(":")[2] == "53")


def _from_report(
    ctx: typer.Context,
    path: Path,
    families: tuple[int, ...],
    limits: SendingLimits,
    deadline: float,
    raw: bool,
    quiet: bool,
) -> PathReport:
    """Look at what failed in a saved report."""
    import functools

    import msgspec
    import trio

    from netprobe import addresses
    from netprobe.cli import saved as reports
    from netprobe.errors import printable
    from netprobe.path import destinations, run
    from netprobe.path.model import NotRun

    saved = reports.read(path)
    seen, strange = reports.worth_a_look(ctx, saved.observations)
    vantages = [msgspec.structs.replace(one, resolvers=_at_53(one.resolvers)) for one in saved.context.vantages]
    found = destinations.of_observations(seen, vantages)
    strange += [f"{one.address}:{one.port}" for one in found if not destinations.is_one_host(one.address)]
    hosts = [one for one in found if destinations.is_one_host(one.address)]
    failed = [one for one in hosts if addresses.version_of(one.address) in families]
    report = trio.run(
        functools.partial(run.look, failed, limits, deadline=deadline, use_raw=raw, progress=_progress(quiet))
    )
    unseen = destinations.out_of_sight(seen)
    if strange:
        part, needs = printable(", ".join(strange)), "'netprobe path HOST:PORT', if you know what that is"
        unseen = (*unseen, NotRun(part=part, reason="the report names what no check probes", needs=needs))
    return msgspec.structs.replace(
        report, not_run=(*unseen, *report.not_run), inconclusive=report.inconclusive or bool(unseen)
    )


def _progress(quiet: bool) -> Callable[[str], None] | None:
    from netprobe.cli.output import say

    return None if quiet else lambda text: say(f"looked at {text}")
