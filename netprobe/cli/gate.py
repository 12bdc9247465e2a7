"""``netprobe gate``: run what ``netprobe.toml`` asks for (image, workloads, check) and give one verdict."""

from __future__ import annotations

import datetime
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netprobe.cli import config, emit, options
from netprobe.errors import UsageError

if TYPE_CHECKING:
    from netprobe.gate import Expectations
    from netprobe.report.model import Report


def register(app: typer.Typer) -> None:
    """Add ``gate``."""
    app.command("gate")(gate)


def gate(
    ctx: typer.Context,
    format: options.Format = "text",
    output: options.Output = None,
    report: options.Reports = None,
    today: Annotated[
        str | None, typer.Option("--today", metavar="YYYY-MM-DD", help="The day that waivers are held against.")
    ] = None,
    resolver: options.Resolvers = None,
    ca_file: options.CaFile = None,
    origin_ca: options.OriginCa = None,
    lab: options.Lab = None,
    strict: options.Strict = False,
) -> int:
    """Run what [gate] in netprobe.toml asks for; one verdict, one exit code.

    Image and workloads are judged first, without the network; regions are checked from here. [gate] takes regions,
    groups, without-groups, account, workloads, image, platform, expect, proxy, intercepted-by and fail-on; each
    [[waiver]] takes finding, reason, owner, expires, and where it is narrower region, host or file.
    """
    import msgspec

    from netprobe import gate as gates

    wanted = emit.wanted(format, output, report)
    settings = config.of(ctx)
    if settings.path is None:
        raise UsageError("netprobe gate", "there is no netprobe.toml here", "write one with [gate], or give --config")
    file = str(settings.path)
    asked = gates.expectations(settings.document.get("gate"), file)
    if strict:
        asked = msgspec.structs.replace(asked, fail_on="warning")
    waived = gates.waivers(settings.tables("waiver"), file, _findings())
    day = _day(today)
    parts = _offline(asked, settings)
    if asked.regions:
        parts.append(_check(ctx, asked, settings, resolver=resolver, ca_file=ca_file, origin_ca=origin_ca, lab=lab))
    whole = gates.conclude(parts, asked, waived, today=day, file=file)
    emit.emit(whole, wanted)
    return emit.exit_code(whole, strict=asked.fail_on == "warning")


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


def _offline(asked: Expectations, settings: config.Config) -> list[Report]:
    from netprobe.cli import readiness, workload

    parts = []
    if asked.image is not None:
        parts.append(readiness.image(Path(settings.relative(asked.image)), asked.platform))
    if asked.workloads:
        parts.append(workload.judged([Path(settings.relative(name)) for name in asked.workloads]))
    return parts


def _check(
    ctx: typer.Context,
    asked: Expectations,
    settings: config.Config,
    *,
    resolver: list[str] | None,
    ca_file: Path | None,
    origin_ca: Path | None,
    lab: str | None,
) -> Report:
    """Run ``check`` as the command line would, so that a gate never sees another network than a person does."""
    from netprobe.cli.check import check
    from netprobe.report import read

    with tempfile.TemporaryDirectory(prefix="netprobe-gate-") as folder:
        path = Path(folder, "check.json")
        check(
            ctx,
            region=list(asked.regions),
            with_groups=list(asked.groups),
            without_groups=list(asked.without_groups),
            account=asked.account,
            task_definition=[Path(settings.relative(name)) for name in asked.workloads],
            format="json",
            output=path,
            resolver=resolver,
            ca_file=ca_file,
            origin_ca=origin_ca,
            expect=[f"{group}={kind}" for group, kind in asked.expect.items()],
            lab=lab,
            quiet=True,
        )
        return read(path)
