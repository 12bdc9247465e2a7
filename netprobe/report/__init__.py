"""One run, shown: text, JSON and the formats that CI systems read. Concludes nothing.

Each format is a module with ``render(report, *, width, colour)``; it is imported when it is asked for. ``width`` and
``colour`` mean something to text only. Whatever a report holds came from outside (host names, certificate fields,
titles of block pages, a file that someone else saved), so each format escapes it in its own way.

The command line, ``gate`` and ``checking`` may import it. It never judges, and never prints: it returns text.
"""

from __future__ import annotations

import importlib
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING

from netprobe.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from netprobe.report.model import Report
    from netprobe.report.places import Repository

FORMATS = MappingProxyType(
    {
        "text": "for people; fits the terminal",
        "line": "one line, for cron and logs",
        "nagios": "a monitoring plugin's line with performance data; its exit codes are 0, 1, 2, 3",
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
IN_A_REPOSITORY = frozenset({"sarif", "gitlab", "github"})
"""Formats whose readers show each problem in a file of the repository."""
FOR_PEOPLE = frozenset({"text", "line"})
"""Formats that look different on different terminals, and say nothing with ``--quiet`` where all is well."""


def known_format(name: str) -> str:
    """Check the name of a format.

    Raises:
        UsageError: there is no such format.
    """
    if name not in FORMATS:
        raise UsageError(name, "is not a report format", f"choose one of {', '.join(FORMATS)}")
    return name


def render(
    report: Report,
    format: str,
    *,
    width: int = 80,
    colour: bool = False,
    ascii: bool = False,
    full: bool = False,
    strict: bool = False,
    repository: Repository | None = None,
    docs_base: str | None = None,
) -> str | bytes:
    """Show a report in one of :data:`FORMATS`.

    Args:
        report: what to show.
        format: its name.
        width: columns that text may use.
        colour: whether text may hold colour codes.
        ascii: whether text may hold nothing but ASCII.
        full: whether text shows each thing that passes.
        strict: whether warnings count as failures, in formats that say whether all is well.
        repository: the one that the formats of code scanning show problems in, as far as it is known.
        docs_base: where the manual is, for formats that name it beside the findings; None for the project's own.

    Raises:
        UsageError: there is no such format.
    """
    module = load(format)
    more: dict[str, Any] = {}
    if format in FOR_PEOPLE:
        more = {"ascii": ascii, "full": full}
    elif format in ("nagios", "openmetrics"):
        more = {"strict": strict}
    elif format in IN_A_REPOSITORY:
        more = {"repository": repository}
    if format == "sarif" and docs_base is not None:
        more["docs_base"] = docs_base
    shown: str | bytes = module.render(report, width=width, colour=colour, **more)
    return shown


def load(format: str) -> ModuleType:
    """Import a format, which may be done long before there is a report.

    Args:
        format: its name.

    Raises:
        UsageError: there is no such format.
    """
    return importlib.import_module(f"netprobe.report.formats.{known_format(format)}")


def read(path: Path) -> Report:
    """Read a saved JSON report; see :func:`netprobe.report.stored.read`."""
    from netprobe.report import stored

    return stored.read(path)


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the JSON report; see :func:`netprobe.report.stored.schema`."""
    from netprobe.report import stored

    return stored.schema()
