"""A whole file that somebody named, read within a bound: the one place that opens it and says why it cannot be used."""

from __future__ import annotations

import codecs
import sys
from pathlib import Path

from netprobe.errors import UnreadableFileError

_KIB, _MIB = 1 << 10, 1 << 20


def read(path: Path, most: int, remedy: str, *, stdin: bool = False) -> bytes:
    """Read a file that the user named; a UTF-8 byte order mark, which Windows writes, is not part of it.

    Args:
        path: the file; a pipe is one, too.
        most: the most bytes that are taken.
        remedy: what to do where it cannot be used, without a full stop.
        stdin: whether ``-`` is the standard input.

    Raises:
        UnreadableFileError: it is missing, unreadable, UTF-16, or holds more than ``most`` bytes.
    """
    try:
        if stdin and str(path) == "-":
            data = sys.stdin.buffer.read(most + 1)
        else:
            with path.open("rb") as stream:
                data = stream.read(most + 1)
    except OSError as exc:
        raise UnreadableFileError(str(path), f"cannot be read ({reason(exc)})", remedy) from exc
    if len(data) > most:
        raise too_large(path, most, remedy)
    return unmarked(data, str(path))


UTF_16 = "is UTF-16"
SAVE_AS_UTF_8 = "save it as UTF-8 (iconv -f UTF-16 -t UTF-8; in PowerShell, Out-File -Encoding utf8)"


def unmarked(data: bytes, name: str) -> bytes:
    """Take the byte order mark off the beginning of a text.

    Args:
        data: the text, or its beginning.
        name: the file, for messages.

    Raises:
        UnreadableFileError: the mark is that of UTF-16, which Windows PowerShell's ``>`` writes.
    """
    if is_utf_16(data):
        raise UnreadableFileError(name, UTF_16, SAVE_AS_UTF_8)
    return data.removeprefix(codecs.BOM_UTF8)


def is_utf_16(data: bytes) -> bool:
    """Whether there is text behind the byte order mark of UTF-16."""
    return len(data) > len(codecs.BOM_UTF16) and data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))


def reason(error: OSError) -> str:
    """Why the system refused, as part of a sentence: ``no such file or directory``."""
    return (error.strerror or type(error).__name__).lower()


def too_large(path: Path, most: int, remedy: str) -> UnreadableFileError:
    """What is raised for a file that holds more than ``most`` bytes."""
    return UnreadableFileError(str(path), f"is larger than {_size(most)}", remedy)


def _size(most: int) -> str:
    if most >= _MIB:
        return f"{most // _MIB} MiB"
    return f"{most // _KIB} KiB" if most >= _KIB else f"{most} bytes"
