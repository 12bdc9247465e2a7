"""``netprobe gate``: run what ``netprobe.toml`` asks for (image, workloads, check) and give one verdict."""

from __future__ import annotations

import datetime
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netprobe.cli import bug, config, emit, options, transcribing, values
from netprobe.cli.output import say
from netprobe.errors import UsageError

if TYPE_CHECKING:
    from netprobe.gate import Expectations
    from netprobe.naming import Naming
    from netprobe.report.model import Report


def register(app: typer.Typer) -> None:
    """Add ``gate``."""
    app.command("gate")(gate)


def gate(
    ctx: typer.Context,
    format: options.ReportFormat = "text",
    output: options.Output = None,
    report: options.Reports = None,
    today: Annotated[
        str | None, typer.Option("--today", metavar="YYYY-MM-DD", help="The day on which waivers are judged.")
    ] = None,
    as_: options.As = None,
    root: options.Root = None,
    resolver: options.Resolvers = None,
    proxy: options.Proxy = None,
    no_proxy: options.NoProxy = False,
    ca_file: options.CaFile = None,
    origin_ca: options.OriginCa = None,
    fips: options.Fips = False,
    dualstack: options.Dualstack = False,
    ipv4_only: options.Ipv4Only = False,
    ipv6_only: options.Ipv6Only = False,
    ecs_numbers: options.EcsNumbers = None,
    timeout: options.Timeout = None,
    deadline: options.Deadline = None,
    concurrency: options.Concurrency = None,
    idle: options.Idle = None,
    lab: options.Lab = None,
    locate: options.Locate = False,
    transcript: options.Transcript = None,
    label: options.Labels = None,
    anonymous: options.Anonymous = False,
    strict: options.Strict = False,
    full: options.Full = False,
    quiet: options.WellQuiet = False,
    docs_base: options.DocsBase = None,
) -> int:
    """Run what [gate] in netprobe.toml asks for; one verdict, one exit code.

    Image and workloads are judged first, without the network; regions are checked from here. [gate] takes regions,
    groups, without-groups, account, workloads, image, platform, expect, proxy, intercepted-by and fail-on; each
    [[waiver]] takes finding, reason, owner, expires, and where it is narrower region, host or file.
    """
    import msgspec

    from netprobe import gate as gates

    wanted = emit.wanted(format, output, report, full=full, quiet=quiet, strict=strict, docs_base=docs_base)
    settings = config.of(ctx)
    if settings.path is None:
        raise UsageError("netprobe gate", "there is no netprobe.toml here", "write one with [gate], or give --config")
    file = str(settings.path)
    asked = gates.expectations(settings.document.get("gate"), file)
    if strict:
        asked = msgspec.structs.replace(asked, fail_on="warning")
    waived = gates.waivers(settings.tables("waiver"), file, _findings())
    day = _day(today)
    transcribing.check(transcript, regions=asked.regions)
    naming = values.naming(label, anonymous=anonymous)
    parts = _offline(asked, settings, naming)
    if asked.regions:
        from netprobe.checking.perform import Outside, perform
        from netprobe.checking.request import CheckRequest

        values.refuse_both(proxy=proxy, no_proxy=no_proxy)
        request = CheckRequest(
            regions=options.listed(asked.regions),
            groups=options.listed(asked.groups),
            without_groups=options.listed(asked.without_groups),
            account=values.account(asked.account),
            fips=fips,
            dualstack=dualstack,
            task_definitions=[Path(settings.relative(name)) for name in asked.workloads],
            own_endpoints=settings.tables("endpoint"),
            families=values.families(ipv4_only=ipv4_only, ipv6_only=ipv6_only),
            agents=options.listed(as_),
            root=root,
            resolvers=options.listed(resolver),
            proxy=proxy,
            no_proxy=no_proxy,
            ca_file=ca_file,
            origin_ca=origin_ca,
            expect=asked.expect,
            ecs_numbers=values.numbers(ecs_numbers) if ecs_numbers is not None else None,
            timeout=values.seconds("--timeout", timeout),
            deadline=values.seconds("--deadline", deadline),
            concurrency=values.at_least_one("--concurrency", concurrency, values.MOST_CONCURRENT),
            idle=values.seconds("--idle", idle),
            lab=lab,
            locate=locate,
            naming=naming,
        )
        outside = Outside(say=say, keep_bug=lambda traceback: bug.keep(traceback, sys.argv[1:]))
        checked = perform(request, outside)
        transcribing.write(transcript, checked)
        parts.append(checked)
    whole = gates.conclude(parts, asked, waived, today=day, file=file)
    return emit.finish(whole, msgspec.structs.replace(wanted, strict=asked.fail_on == "warning"))


def _findings() -> frozenset[str]:
    """Every id that a finding can have."""
    from netprobe import rulebook
    from netprobe.diagnosis.taxonomy import TAXONOMY

    return frozenset(TAXONOMY) | frozenset(rulebook.entries())


def _day(text: str | None) -> datetime.date:
    if text is None:
        return datetime.datetime.now(datetime.UTC).date()
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise UsageError(text, "is not a day", "write it as 2027-01-31") from None


def _offline(asked: Expectations, settings: config.Config, naming: Naming) -> list[Report]:
    from netprobe.cli import readiness, workload

    parts = []
    if asked.image is not None:
        parts.append(readiness.image(Path(settings.relative(asked.image)), asked.platform, naming))
    if asked.workloads:
        parts.append(workload.judged([Path(settings.relative(name)) for name in asked.workloads], naming))
    return parts
