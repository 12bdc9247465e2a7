"""Read a log line by line, also gzipped, with a bound on every line; and look at its beginning to tell its format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO

from netprobe import reading
from netprobe.audit.formats import FORMATS, Format, detect
from netprobe.errors import UsageError, printable
from netprobe.observe.files import rewound

MAX_LINE = 16_384
_LOOK_AT = 50


def read(stream: BinaryIO, malformed: Counter[str], name: str) -> Iterator[str]:
    """The lines of a stream, without their ends; what is too long is counted and left out.

    A byte order mark at the beginning, which programs of Windows write, is no part of the first line.

    Args:
        stream: the log; an error in it (a damaged gzip stream) comes after the lines before it.
        malformed: told what was left out.
        name: the file, for messages.

    Raises:
        UnreadableFileError: it is UTF-16.
    """
    first = True
    while line := stream.readline(MAX_LINE):
        if first:
            line, first = reading.unmarked(line, name), False
        if len(line) == MAX_LINE and not line.endswith(b"\n"):
            malformed["line is too long"] += 1
            while (rest := stream.readline(MAX_LINE)) and not rest.endswith(b"\n"):
                continue
            continue
        # a log that was emptied while its writer went on begins with as many zeros as it had bytes
        yield line.lstrip(b"\0").decode("utf-8", "replace").rstrip("\r\n")


def beginning(stream: BinaryIO) -> tuple[bytes, BinaryIO]:
    """The first lines of a stream, and the stream as it was before they were read."""
    taken = [line for _ in range(_LOOK_AT) if (line := stream.readline(MAX_LINE))]
    head = b"".join(taken)
    return head, rewound(head, stream)


def format_of(head: bytes, name: str) -> Format:
    """The format of a log, from its first lines.

    Raises:
        UsageError: no format knows any of them.
        UnreadableFileError: it is UTF-16.
    """
    found = detect(list(read(BytesIO(head), Counter(), name)))
    if found is None:
        known = ", ".join(FORMATS)
        raise UsageError(
            printable(name),
            "is neither a capture nor a log in a format that is known here",
            f"known formats are {known}; name one with --log-format",
        )
    return found
