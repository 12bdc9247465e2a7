"""``netprobe workload FILE…``: can external instances run these task definitions and services? Sends nothing."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netprobe.cli import emit, options, values

if TYPE_CHECKING:
    from netprobe.naming import Naming
    from netprobe.report.model import Report


def register(app: typer.Typer) -> None:
    """Add ``workload``."""
    app.command("workload")(workload)


def workload(
    ctx: typer.Context,
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Task definitions, services, templates, Terraform, compose files."),
    ],
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
    """Judge task definitions, services and EventBridge targets for external instances.

    Reads JSON and YAML as the AWS CLI takes them, arrays of container definitions, CloudFormation, SAM and CDK
    templates, Terraform (.tf, with netprobe[terraform], or a plan as 'terraform show -json' prints it) and compose
    files. What a file leaves open is reported as not run.

    'netprobe endpoints --task-definition FILE' shows which endpoints they need.
    """
    wanted = emit.wanted(format, output, report, full=full, quiet=quiet, strict=strict, docs_base=docs_base)
    from netprobe.report import readiness

    naming = values.naming(label, anonymous=anonymous)
    found = readiness.calling(judged(files, naming), naming.files(files))
    return emit.finish(found, wanted)


def judged(files: Sequence[Path], naming: Naming) -> Report:
    """Judge every rule of workload over each file, and over each module of Terraform.

    Args:
        files: the task definitions, services or templates.
        naming: labels for the report; no host is judged.

    Raises:
        UnreadableFileError: a file is missing, broken, or holds no workload.
    """
    from netprobe import catalog as catalogs
    from netprobe.identity import labelled
    from netprobe.observations import CatalogVersion
    from netprobe.report import readiness
    from netprobe.rules import judge
    from netprobe.workload import forms
    from netprobe.workload.rules import RULES

    started, clock = datetime.now(UTC), time.monotonic()
    units = forms.together(files).items()
    found = [one for name, unit in units for one in judge(RULES, forms.read(unit), name, running=True)]
    catalog = catalogs.load()
    return readiness.report(
        found,
        catalog=CatalogVersion(version=catalog.version, digest=catalog.digest, imported=catalog.imported_from),
        started=started,
        seconds=time.monotonic() - clock,
        host=labelled(naming),
    )
