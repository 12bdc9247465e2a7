"""Read a log line by line, also gzipped, with a bound on every line; and look at its beginning to tell its format."""

from __future__ import annotations

import gzip
import zlib
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO, cast

from netprobe.audit.formats import Format, detect
from netprobe.errors import UnreadableFileError, UsageError

MAX_LINE = 16_384
_LOOK_AT = 50
_REMEDY = "name its format with --log-format"


class Damaged(Exception):
    """A gzip stream that ends in the middle or lies."""


def read(path: Path, malformed: Counter[str]) -> Iterator[str]:
    """The lines of a file, without their ends; what is too long is counted and left out.

    Args:
        path: the file.
        malformed: told what was left out.

    Raises:
        UnreadableFileError: it is missing or may not be read.
        Damaged: a gzip stream that ends in the middle; the lines before it were given.
    """
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            yield from _lines(cast(BinaryIO, gzip.GzipFile(fileobj=raw)) if packed else raw, malformed)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Damaged from error
    except OSError as error:
        raise UnreadableFileError(str(path), f"cannot be read ({error.strerror})", "name a readable file") from error


def _lines(stream: BinaryIO, malformed: Counter[str]) -> Iterator[str]:
    while line := stream.readline(MAX_LINE):
        if len(line) == MAX_LINE and not line.endswith(b"\n"):
            malformed["line is too long"] += 1
            while (rest := stream.readline(MAX_LINE)) and not rest.endswith(b"\n"):
                continue
            continue
        yield line.decode("utf-8", "replace").rstrip("\r\n")


def format_of(path: Path) -> Format:
    """The format of a log, from its first lines.

    Raises:
        UsageError: no format knows any of them.
    """
    found = None
    try:
        found = detect(list(islice(read(path, Counter()), _LOOK_AT)))
    except Damaged:
        found = None
    if found is None:
        raise UsageError(str(path), "is neither a capture nor a log in a format that is known here", _REMEDY)
    return found
