"""JSON for people's terminals and CI logs: no character in it controls the screen that it is shown on.

JSON itself asks only for U+0000 to U+001F to be escaped (RFC 8259 section 7). U+007F, the C1 controls (U+009B begins an
escape sequence on some terminals) and the format characters that turn the direction of writing (U+202E) are legal in
it, change what a person sees, and may have come from a name on the network. Escaped they mean the same to every reader.
"""

from __future__ import annotations

import io
import re
import unicodedata
from typing import Any

import msgspec

from netprobe import cilog

_PART = 1 << 18
"""Bytes of a document, and on to the end of the line, that are text at one time."""
_SUSPECT = re.compile("[\x7f\x80-\U0010ffff]")


def encode(value: Any) -> bytes:
    """Write a value as indented JSON, ending in a line break.

    Args:
        value: anything that msgspec can encode.
    """
    return indented(msgspec.json.encode(value))


def indented(data: bytes) -> bytes:
    """Lay JSON out with two spaces of indent and a line break at the end, every character that controls escaped.

    Args:
        data: JSON in UTF-8, as msgspec encodes it.

    Returns:
        The document. Of a large one only parts are ever text, which takes up to four bytes a character: no string
        goes over the end of a line.
    """
    laid_out, done, start = msgspec.json.format(data, indent=2), io.BytesIO(), 0
    del data
    while start < len(laid_out):
        end = laid_out.find(b"\n", start + _PART) + 1 or len(laid_out)
        done.write(escaped(laid_out[start:end].decode("utf-8")).encode("utf-8"))
        start = end
    del laid_out
    done.write(b"\n")
    return done.getvalue()


def escaped(text: str) -> str:
    r"""JSON text in which every control and format character stands as ``\uXXXX``, and no command for a CI system."""
    text = cilog.in_json(text)
    if text.isascii() and "\x7f" not in text:
        return text
    return _SUSPECT.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    if unicodedata.category(character)[0] != "C" and character not in "\u2028\u2029":
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
