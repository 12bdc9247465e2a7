"""``netprobe audit``: hold a capture or a log against the requirements."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netprobe.cli import options

if TYPE_CHECKING:
    from netprobe.audit.model import Audited

_FORMATS = ("text", "json")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("audit")(audit)


def audit(
    ctx: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Captures and logs, also gzipped.")],
    log_format: Annotated[
        str | None, typer.Option("--log-format", metavar="NAME", help="The logs' format, where it is not recognised.")
    ] = None,
    target: Annotated[
        str | None, typer.Option("--target", metavar="TARGET", help="End with what this device must allow.")
    ] = None,
    region: options.Region = None,
    with_groups: options.With = None,
    without_groups: options.Without = None,
    account: options.Account = None,
    task_definition: options.TaskDefinition = None,
    fips: options.Fips = False,
    dualstack: options.Dualstack = False,
    format: options.Format = "text",
    output: options.Output = None,
) -> int:
    """Hold evidence against the requirements: what was denied by which rule, never seen, or allowed without need.

    Reads captures and the logs of Squid, HAProxy, PAN-OS, Suricata and AWS Network Firewall, nftables and iptables,
    dnsmasq, unbound and BIND. Exit codes: 0 nothing required was denied, 1 something was, 4 nothing required was seen.
    """
    import shlex

    import msgspec

    from netprobe.audit import text
    from netprobe.audit.files import feed
    from netprobe.audit.judge import Judge
    from netprobe.catalog import Forms
    from netprobe.cli.output import check_destinations, width, write_output
    from netprobe.cli.selection import select
    from netprobe.errors import UsageError, printable
    from netprobe.observe.text import fitted

    if format not in _FORMATS:
        raise UsageError(format, "is not a format of this command", f"choose one of {', '.join(_FORMATS)}")
    if target is not None:
        from netprobe.render.targets import get

        get(target)  # an unknown target is told before a large log is read
    selection = select(
        ctx,
        region=region,
        with_groups=with_groups,
        without_groups=without_groups,
        forms=Forms(fips=fips, dualstack=dualstack, account=account),
        task_definition=task_definition,
    )
    check_destinations([output])  # told before a large log is read
    judge = Judge(selection.endpoints)
    sources = feed(files, judge, log_format=log_format)
    audited = judge.result([one.id for one in selection.regions], sources)
    denied = judge.denied()
    if format == "json":
        write_output(msgspec.json.format(msgspec.json.encode(audited), indent=2) + b"\n", output)
        return _exit_code(audited)
    shown = text.text(audited, width=width())
    if denied:
        shown += "\n" + fitted(["The smallest change that allows what was denied:"], width())
        if target is None:
            patterns = sorted({(one.pattern, one.port) for one in denied})
            changes = [f"  {pattern}:{port}" for pattern, port in patterns]
            shown += fitted([*changes, "(--target squid and the like write it for a device)"], width())
        else:
            from netprobe.render import Options, Origin, render

            names = [shlex.quote(printable(file.name)) for file in files]
            regions = ",".join(one.id for one in selection.regions)
            origin = Origin(
                command=f"netprobe audit {' '.join(names)} -r {regions} --target {target}",
                catalog=selection.catalog.version,
            )
            shown += render(target, denied, origin=origin, options=Options()).main
    write_output(shown, output)
    return _exit_code(audited)


def _exit_code(audited: Audited) -> int:
    from netprobe.audit.model import Status

    required = [one.status for one in audited.required()]
    if Status.DENIED in required:
        return 1
    return 4 if all(status is Status.NEVER_SEEN for status in required) else 0
