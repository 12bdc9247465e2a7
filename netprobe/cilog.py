r"""No byte from outside becomes a command of the CI system in whose log it stands.

A runner reads what a job prints, and takes some lines as orders: to mask or to set variables, to mark the build as
passed, to take no more orders. A certificate's name or a file of an image must not give any.

- GitHub Actions: ``::name::`` where a line begins, blanks aside, and ``##[name]`` anywhere in it
  (actions/runner, ``src/Runner.Common/ActionCommand.cs``);
- Azure Pipelines: ``##vso[area.action]`` anywhere in a line, ``##[group]`` where it begins (Microsoft Learn, "Logging
  commands");
- TeamCity: ``##teamcity[name]`` anywhere (JetBrains, "Service Messages").

All read 2026-11-28. Each sink has its own way to write the same character otherwise, so each has a function here, and
it is applied to what is written, since wrapping may put a word where a line begins.
"""

from __future__ import annotations

import re

_HASHES = re.compile(r"#(?=#(?:\[|vso\[|teamcity\[))", re.IGNORECASE)
_LINE = re.compile(r"^([^\S\n]*):(?=:[A-Za-z][^\n]*::)", re.MULTILINE)  # every start compiles it: no IGNORECASE


def in_text(shown: str) -> str:
    """Text for people: the first character of a command is shown as its number, as control characters are."""
    return _LINE.sub(r"\1\\x3a", in_line(shown))


def in_line(shown: str) -> str:
    """A line of which another one decides how it begins."""
    return _HASHES.sub(r"\\x23", shown)


def in_json(document: str) -> str:
    """JSON, in which a string may write any character as its number; lines never begin with a string's content."""
    return _HASHES.sub(r"\\u0023", document)


def in_markup(document: str) -> str:
    """XML or HTML, in which a reference stands for the same character."""
    return _LINE.sub(r"\1&#58;", _HASHES.sub("&#35;", document))
