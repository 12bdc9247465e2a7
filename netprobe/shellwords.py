"""Words of a line as a POSIX shell quotes them, in time linear in the line.

For ``systemd`` units, ``iptables-save``, environment files and exports, which come from an image or from somebody
else. :mod:`shlex` means the same words, but builds each of them character by character, and needs minutes for one word
of a megabyte.
"""

from __future__ import annotations

import re

_PIECE = re.compile(
    r"""
      (?P<space>[ \t\r\n]+)
    | (?P<plain>[^ \t\r\n'"\\]+)
    | '(?P<single>[^']*)'
    | "(?P<double>[^"\\]*(?:\\.[^"\\]*)*)"
    | \\(?P<escaped>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPED_IN_DOUBLE = re.compile(r'\\([\\"])')


def split(text: str) -> list[str]:
    """Take a text apart into words.

    Args:
        text: a line, or several; of any length.

    Returns:
        The words, without their quotes; the same ones as ``shlex.split(text)``.

    Raises:
        ValueError: a quote is not closed, or nothing follows a backslash.
    """
    words: list[str] = []
    pieces: list[str] | None = None  # of the word so far; None between words, because a word may be empty
    at = 0
    while at < len(text):
        found = _PIECE.match(text, at)
        if found is None:
            raise ValueError("no closing quotation, or nothing behind a backslash")
        at = found.end()
        if found.lastgroup == "space":
            if pieces is not None:
                words.append("".join(pieces))
            pieces = None
            continue
        piece = found[found.lastgroup or 0]
        if found.lastgroup == "double":
            piece = _ESCAPED_IN_DOUBLE.sub(r"\1", piece)
        if pieces is None:
            pieces = []
        pieces.append(piece)
    if pieces is not None:
        words.append("".join(pieces))
    return words
