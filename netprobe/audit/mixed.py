"""One file with the lines of several programs, as a syslog server writes it: those that its own format does not know.

A line that is passed over could be the one denial that matters. So whatever the file's format does not take is shown to
the others; of many such lines only the first ones, so that a large log of something else costs little.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from netprobe.audit.formats import FORMATS, Format, parser
from netprobe.audit.model import Event

MOST_LOOKS = 5000
"""Lines of a file that are shown to every format; after them only to those that have been met in it."""


class Others:
    """The other formats in one file.

    Attributes:
        lines: name of a format → how many of the file's lines are of it.
    """

    def __init__(self, own: Format) -> None:
        self.lines: Counter[str] = Counter()
        self._own = own
        self._looks = MOST_LOOKS
        self._parsers: dict[str, Callable[[str], tuple[Event, ...]]] = {}

    def parse(self, line: str) -> tuple[Event, ...] | None:
        """What a line says, of which the file's own format knows nothing.

        Returns:
            None where it is of no other format, either.

        Raises:
            ValueError: it is of one, and malformed.
        """
        if not (self._looks or self._parsers) or self._own.matches(line):
            return None
        name = self._format_of(line)
        if name is None:
            return None
        self.lines[name] += 1
        return self._parsers[name](line)

    def _format_of(self, line: str) -> str | None:
        for name in self._parsers:
            if FORMATS[name].matches(line):
                return name
        if not self._looks:
            return None
        self._looks -= 1
        for name, one in FORMATS.items():
            if one is not self._own and one.matches(line):
                self._parsers[name] = parser(one)
                return name
        return None
