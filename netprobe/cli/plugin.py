"""As a monitoring plugin (``--format nagios``): also a mistake is told on stdout, and ends with 3, UNKNOWN.

For a monitoring system exit code 2 is CRITICAL: an alarm at night over a misspelt option. The format may be what is
misspelt or not yet read, so it is looked for in the words of the command line and in the environment.
"""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Sequence

from netprobe.errors import redacted

_FORMAT, _NAGIOS = "--format", "nagios"


def asked(argv: Sequence[str]) -> bool:
    """Whether a command line asks for the plugin's format."""
    given = [after for word, after in itertools.pairwise(argv) if word == _FORMAT]
    given += [word.partition("=")[2] for word in argv if word.startswith(f"{_FORMAT}=")]
    return (given[-1] if given else os.environ.get("NETPROBE_FORMAT", "")) == _NAGIOS


def unknown(problem: str) -> int:
    """Tell a mistake as a plugin does.

    Returns:
        The exit code.
    """
    from netprobe.report.formats import nagios

    sys.stdout.write(nagios.status(nagios.UNKNOWN, redacted(problem)) + "\n")
    return nagios.UNKNOWN
