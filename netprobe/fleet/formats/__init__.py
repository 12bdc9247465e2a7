"""A fleet, shown: each format is a module with ``render(fleet, *, width)``, imported when it is asked for.

The command line imports it. Everything in a fleet came from hosts, so each format escapes in its own way; a format
never concludes and never prints.
"""

from __future__ import annotations

import importlib
from types import MappingProxyType
from typing import TYPE_CHECKING

from netprobe.errors import UsageError

if TYPE_CHECKING:
    from netprobe.fleet.model import Fleet

FORMATS = MappingProxyType(
    {
        "text": "for people; fits the terminal",
        "json": "everything, versioned; see --schema",
        "csv": "one line a host and endpoint, with the causes",
        "xlsx": "a workbook: causes, sites, hosts, and the map of both",
        "html": "one self-contained page to sort and filter",
        "openmetrics": "for Prometheus, also as a node_exporter textfile",
        "markdown": "for a ticket, a merge request or a chat",
    }
)
"""Format → what it is for."""


def known_format(name: str) -> str:
    """Check the name of a format.

    Raises:
        UsageError: there is no such format.
    """
    if name not in FORMATS:
        raise UsageError(name, "is not a format of this command", f"choose one of {', '.join(FORMATS)}")
    return name


def render(fleet: Fleet, format: str, *, width: int = 80) -> str | bytes:
    """Show a fleet.

    Args:
        fleet: what to show.
        format: one of :data:`FORMATS`.
        width: the columns that text may use.
    """
    module = importlib.import_module(f"netprobe.fleet.formats.{known_format(format)}")
    shown: str | bytes = module.render(fleet, width=width)
    return shown
