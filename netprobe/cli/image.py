"""``netprobe image ROOT|TAR``: will hosts made of this image be ready? Nothing of the image is unpacked or executed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from netprobe.cli import emit, options, values


def register(app: typer.Typer) -> None:
    """Add ``image``."""
    app.command("image")(image)


def image(
    ctx: typer.Context,
    root: Annotated[
        Path, typer.Argument(metavar="ROOT|TAR", help="A root folder, a root tar, a docker save tar or an OCI layout.")
    ],
    platform: Annotated[
        str | None, typer.Option("--platform", metavar="OS/ARCH", help="Which image of an OCI layout with several.")
    ] = None,
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
    """Judge an image's root folder or tar.

    Rules that only a running host can answer are shown as not run; 'netprobe host' answers them there.
    """
    from netprobe.cli import readiness
    from netprobe.report.readiness import calling

    wanted = emit.wanted(format, output, report, full=full, quiet=quiet, strict=strict, docs_base=docs_base)
    naming = values.naming(label, anonymous=anonymous)
    found = calling(readiness.image(root, platform, naming), naming.files([root]))
    return emit.finish(found, wanted)
