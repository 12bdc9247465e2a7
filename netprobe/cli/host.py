"""``netprobe host``: is this host ready, as far as its files and its kernel tell? Sends nothing."""

from __future__ import annotations

import typer

from netprobe.cli import emit, options, values


def register(app: typer.Typer) -> None:
    """Add ``host``."""
    app.command("host")(host)


def host(
    ctx: typer.Context,
    format: options.ReportFormat = "text",
    output: options.Output = None,
    report: options.Reports = None,
    label: options.Labels = None,
    anonymous: options.Anonymous = False,
    strict: options.Strict = False,
    full: options.Full = False,
    quiet: options.WellQuiet = False,
    docs_base: options.DocsBase = None,
) -> int:
    """Judge this host without the network.

    Run it as root: some rules read files and firewall rules that only root may read, and say so where they could not.
    """
    from pathlib import Path

    from netprobe.cli import readiness
    from netprobe.host.filesystem import FolderRoot
    from netprobe.host.live import live
    from netprobe.host.machine import Machine

    wanted = emit.wanted(format, output, report, full=full, quiet=quiet, strict=strict, docs_base=docs_base)
    naming = values.naming(label, anonymous=anonymous)
    with FolderRoot(Path("/")) as root:
        found = readiness.judged(Machine(root=root, subject="host", live=live()), naming)
    return emit.finish(found, wanted)
