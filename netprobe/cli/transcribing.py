"""``--transcript`` of check and gate: what the services answered, in a file that is made to be shared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from netprobe.cli.output import check_destinations, write_output
from netprobe.errors import UsageError

if TYPE_CHECKING:
    from netprobe.report.model import Report


def check(path: Path | None, *, regions: Sequence[str] | None = None) -> None:
    """Find out before any work is done whether the file can be written, and whether anything will answer.

    Raises:
        UsageError: it cannot, or a gate checks no region.
    """
    if path is None:
        return
    if regions is not None and not regions:
        raise UsageError("--transcript", "[gate] checks no region, so nothing answers", "name regions in [gate]")
    check_destinations([path])


def write(path: Path | None, report: Report) -> None:
    """Write the transcript of a check, beside the file first and then in its place.

    Raises:
        UsageError: the file cannot be written.
    """
    if path is None:
        return
    from netprobe import transcript

    write_output(transcript.of(report.run()), path)
