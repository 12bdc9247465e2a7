"""``netprobe audit``: hold a capture or a log against the requirements."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netprobe import natural
from netprobe.cli import options, values
from netprobe.cli.facts import stamp, version_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netprobe.audit.model import Audited, EvidenceFile
    from netprobe.catalog.model import Endpoint
    from netprobe.naming import Naming

FORMATS = ("text", "json")
_INTERRUPTED = 130
NAME = "netprobe-audit"
"""The stem of the names in its rules: a part of the endpoints never takes the place of the whole list."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("audit")(audit)


def audit(
    ctx: typer.Context,
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE...", help="Captures and logs, also gzipped; - for stdin.")
    ] = None,
    log_format: Annotated[
        str | None, typer.Option("--log-format", metavar="NAME", help="The logs' format, where it is not recognised.")
    ] = None,
    target: Annotated[
        str | None, typer.Option("--target", metavar="TARGET", help="End with what this device must allow.")
    ] = None,
    formats: Annotated[bool, typer.Option("--formats", help="List the log formats that are known.")] = False,
    region: options.Region = None,
    with_groups: options.With = None,
    without_groups: options.Without = None,
    account: options.Account = None,
    task_definition: options.TaskDefinition = None,
    fips: options.Fips = False,
    dualstack: options.Dualstack = False,
    label: options.Labels = None,
    anonymous: options.Anonymous = False,
    format: options.Format = "text",
    output: options.Output = None,
) -> int:
    """Compare captures and logs with what is required: what was denied and by which rule, never seen, or not needed.

    Reads captures and the logs of firewalls, proxies and DNS servers: files, pipes, or - for stdin. 'netprobe audit
    --formats' lists what is known. The report names the host that read them. Exit codes: 0 nothing required was
    stopped, 1 something was, 4 nothing required was seen.
    """
    import shlex

    from msgspec.structs import replace

    from netprobe import cilog, identity, jsontext
    from netprobe.audit import text
    from netprobe.audit.files import feed
    from netprobe.audit.judge import Judge
    from netprobe.catalog import Forms
    from netprobe.cli.output import check_destinations, say, width, write_output
    from netprobe.cli.selection import select
    from netprobe.errors import UsageError, printable
    from netprobe.observe.text import fitted

    if formats:
        write_output(_known_formats(), output)
        return 0
    if not files:
        raise UsageError("FILE", "is missing", "name captures and logs, or - for stdin")
    if format not in FORMATS:
        raise UsageError(format, "is not a format of this command", f"choose one of {', '.join(FORMATS)}")
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
    naming, started_at = values.naming(label, anonymous=anonymous), stamp()
    judge = Judge(selection.endpoints)
    interrupted = False
    try:
        sources = feed(files, judge, log_format=log_format)
    except KeyboardInterrupt:
        interrupted, sources = True, ()
        say("stopped; this is what was seen so far")
    audited = replace(
        judge.result([one.id for one in selection.regions], _called(sources, naming)),
        reader=identity.of_this_host(naming),
        started_at=started_at,
        catalog=version_of(selection.catalog, started_at),
    )
    denied = judge.denied()
    if format == "json":
        write_output(jsontext.encode(audited), output)
        return _INTERRUPTED if interrupted else _exit_code(audited)
    shown = cilog.in_text(text.text(audited, width=width()))
    if denied:
        shown += "\n" + fitted(["The smallest change that allows what was denied:"], width())
        if target is None:
            changes = [f"  {place}" for place in natural.ordered({f"{one.pattern}:{one.port}" for one in denied})]
            shown += fitted([*changes, "(--target squid and the like write it for a device)"], width())
        else:
            names = [shlex.quote(printable(name)) for name in naming.files(files).values()]
            regions = ",".join(one.id for one in selection.regions)
            command = f"netprobe audit {' '.join(names)} -r {regions} --target {target}"
            shown += _rules(target, denied, command, selection.catalog.named)
    write_output(shown, output)
    return _INTERRUPTED if interrupted else _exit_code(audited)


def _called(sources: Sequence[EvidenceFile], naming: Naming) -> tuple[EvidenceFile, ...]:
    """The files by the names that the report may give them."""
    from msgspec.structs import replace

    names = naming.files(Path(one.path) for one in sources)
    return tuple(replace(one, path=names[one.path]) for one in sources)


def _rules(target: str, denied: Sequence[Endpoint], command: str, catalog: str) -> str:
    """The rules for a device, or why a log alone does not give them: the audit itself stands either way."""
    from netprobe.cli.output import say
    from netprobe.errors import NetprobeError
    from netprobe.render import Origin, policy, render
    from netprobe.render.targets import get

    try:
        settings = policy.options(get(target).CAPABILITY, denied)
        stem = policy.policy(name=NAME)
        return render(
            target, denied, origin=Origin(command=command, catalog=catalog), options=settings, policy=stem
        ).main
    except NetprobeError as exc:
        say(f"netprobe: no rules for {target}: {exc}")
        return f"No rules for {target} can be given from a log alone; netprobe render {target} takes what is missing.\n"


def _known_formats() -> str:
    """One line for each format."""
    from netprobe.audit.formats import FORMATS as LOG_FORMATS

    return "".join(f"{name:<18}{one.SUMMARY}\n" for name, one in LOG_FORMATS.items())


def _exit_code(audited: Audited) -> int:
    from netprobe.audit.model import Status

    if audited.stopped():
        return 1
    return 4 if all(one.status is Status.NEVER_SEEN for one in audited.required()) else 0
