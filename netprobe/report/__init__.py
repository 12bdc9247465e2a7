"""One run, shown: text, JSON and the formats that CI systems read. Concludes nothing.

Each format is a module with ``render(report, *, width, colour)``; it is imported when it is asked for. ``width`` and
``colour`` mean something to text only. Whatever a report holds came from outside (host names, certificate fields,
titles of block pages, a file that someone else saved), so each format escapes it in its own way.

The command line, ``gate`` and ``checking`` may import it. It never judges, and never prints: it returns text.
"""

from __future__ import annotations

import importlib
from types import MappingProxyType
from typing import TYPE_CHECKING

from netprobe.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from netprobe.report.model import Report

FORMATS = MappingProxyType(
    {
        "text": "for people; fits the terminal",
        "json": "everything, versioned; see --schema",
        "junit": "JUnit XML, as Jenkins and GitLab read it",
        "sarif": "SARIF 2.1.0, for code scanning",
        "github": "GitHub workflow annotations",
        "gitlab": "GitLab code quality JSON",
        "tap": "Test Anything Protocol 13",
        "markdown": "for a step summary or a merge request",
        "openmetrics": "for Prometheus, also as a node_exporter textfile",
        "html": "one self-contained page",
    }
)
"""Format → what it is for."""


def known_format(name: str) -> str:
    """Check the name of a format.

    Raises:
        UsageError: there is no such format.
    """
    if name not in FORMATS:
        raise UsageError(name, "is not a report format", f"choose one of {', '.join(FORMATS)}")
    return name


def render(report: Report, format: str, *, width: int = 80, colour: bool = False) -> str | bytes:
    """Show a report in one of :data:`FORMATS`.

    Args:
        report: what to show.
        format: its name.
        width: columns that text may use.
        colour: whether text may hold colour codes.

    Raises:
        UsageError: there is no such format.
    """
    module = importlib.import_module(f"netprobe.report.formats.{known_format(format)}")
    shown: str | bytes = module.render(report, width=width, colour=colour)
    return shown


def read(path: Path) -> Report:
    """Read a saved JSON report; see :func:`netprobe.report.stored.read`."""
    from netprobe.report import stored

    return stored.read(path)


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the JSON report; see :func:`netprobe.report.stored.schema`."""
    from netprobe.report import stored

    return stored.schema()
