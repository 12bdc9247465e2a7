"""JSON for people's terminals and CI logs: no character in it controls the screen that it is shown on.

JSON itself asks only for U+0000 to U+001F to be escaped (RFC 8259 section 7). U+007F, the C1 controls (U+009B begins an
escape sequence on some terminals) and the format characters that turn the direction of writing (U+202E) are legal in
it, change what a person sees, and may have come from a name on the network. Escaped they mean the same to every reader.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import msgspec

from netprobe import cilog

_SUSPECT = re.compile("[\x7f\x80-\U0010ffff]")


def encode(value: Any) -> bytes:
    """Write a value as indented JSON, ending in a line break.

    Args:
        value: anything that msgspec can encode.
    """
    data = msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"
    return escaped(data.decode("utf-8")).encode("utf-8")


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
