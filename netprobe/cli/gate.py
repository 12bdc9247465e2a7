"""``netprobe gate``: run what ``netprobe.toml`` asks for (image, workloads, check) and give one verdict."""

from __future__ import annotations

import datetime
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netprobe.cli import asking, bug, config, emit, options, transcribing
from netprobe.cli.output import say
from netprobe.errors import UsageError

if TYPE_CHECKING:
    from netprobe.gate import Expectations
    from netprobe.naming import Naming
    from netprobe.report.model import Report


def register(app: typer.Typer) -> None:
    """Add ``gate``."""
    app.command("gate")(gate)


@asking.in_groups
def gate(
    ctx: typer.Context,
    *,
    format: options.ReportFormat = "text",
    output: options.Output = None,
    report: options.Reports = None,
    today: Annotated[
        str | None, typer.Option("--today", metavar="YYYY-MM-DD", help="The day on which waivers are judged.")
    ] = None,
    how: asking.HowToProbe,
    transcript: options.Transcript = None,
    strict: options.Strict = False,
    full: options.Full = False,
    quiet: options.WellQuiet = False,
    docs_base: options.DocsBase = None,
) -> int:
    """Run what [gate] in netprobe.toml asks for; one verdict, one exit code.

    Image and workloads are judged first, without the network; regions are checked from here. [gate] takes regions,
    groups, without-groups, account, workloads, image, platform, expect, proxy, intercepted-by and fail-on; each
    [[waiver]] takes finding, reason, owner, expires, and to narrow it region, host or file.
    """
    import msgspec

    from netprobe import gate as gates
    from netprobe.report.readiness import calling

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
    naming = how.naming()
    parts = _offline(asked, settings, naming)
    if asked.regions:
        from netprobe.checking.perform import Outside, perform

        request = asking.request(_what(asked, settings), how, own_endpoints=settings.tables("endpoint"))
        outside = Outside(say=say, keep_bug=lambda traceback: bug.keep(traceback, sys.argv[1:]))
        checked = perform(request, outside)
        transcribing.write(transcript, checked)
        parts.append(checked)
    whole = gates.conclude(parts, asked, waived, today=day, file=file)
    whole = calling(whole, naming.files(_files(asked, settings, settings.path)))
    return emit.finish(whole, msgspec.structs.replace(wanted, strict=asked.fail_on == "warning"))


def _files(asked: Expectations, settings: config.Config, own: Path) -> list[Path]:
    """Every file that a finding of the gate may point at."""
    images = [asked.image] if asked.image is not None else []
    return [*(Path(settings.relative(name)) for name in (*images, *asked.workloads)), own]


def _what(asked: Expectations, settings: config.Config) -> asking.WhatToProbe:
    """Which endpoints ``[gate]`` names, as options would."""
    return asking.WhatToProbe(
        region=list(asked.regions),
        with_groups=list(asked.groups),
        without_groups=list(asked.without_groups),
        account=asked.account,
        task_definition=[Path(settings.relative(name)) for name in asked.workloads],
        expect=[f"{group}={kind}" for group, kind in asked.expect.items()],
    )


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
