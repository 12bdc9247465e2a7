"""Is a deployed file still what would be rendered?

Comments do not count: a new version of netprobe or of its facts that leads to the same rules makes nothing stale.
Everything else is compared byte by byte, line endings too, since some engines refuse a file for them. What is told is
which lines (on a list: which names) came and went, and which file is missing; never a difference of headers.
"""

from __future__ import annotations

import csv
import difflib
import io
import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from netprobe import natural, reading
from netprobe.errors import UnreadableFileError, printable
from netprobe.render.carry import FILLED
from netprobe.render.model import Comment

_REMEDY = "name the deployed file, or its folder"
MAX_BYTES = 32 << 20
_ABOUT = ("about", "made_by")
"""Members of a JSON document that stand for the header, which the language has no comment for."""
_MADE_BY = "made by"
"""The column that does in a table."""


def difference(folder: Path, wanted: Mapping[str, str], owned: Collection[str], style: Comment) -> list[str]:
    """What came and went, a line each; nothing where the deployed files say the same.

    Args:
        folder: where the files are deployed.
        wanted: what would be written, by file name.
        owned: every name that the target may write; one that is there and no longer wanted is stale.
        style: how the target's language marks a comment.

    Raises:
        UnreadableFileError: a deployed file cannot be read.
    """
    lines: list[str] = []
    for name in natural.ordered({*wanted, *owned}):
        deployed, text = _read(folder / name), wanted.get(name)
        if deployed is None:
            lines += [f"{name}: missing"] if text is not None else []
            continue
        changes = list(_changes(_rules(name, deployed, style), _rules(name, text or "", style)))
        if text is None:
            lines += [f"{name}: not rendered any more", *changes]
        elif changes:
            lines += [f"{name}:{_endings(deployed, text)}", *changes]
    return [_printable(line) for line in lines]


def of_tables(name: str, deployed: str, wanted: str) -> list[str]:
    """What came and went between two tables, a row each, for a file that holds its table in another form."""
    changes = list(_changes(_table(deployed), _table(wanted)))
    return [_printable(line) for line in ([f"{name}:", *changes] if changes else [])]


def _changes(deployed: list[str], wanted: list[str]) -> Iterator[str]:
    """Lines that went (``-``) and came (``+``), without those around them."""
    # The first two lines name the files.
    for line in list(difflib.unified_diff(deployed, wanted, lineterm="", n=0))[2:]:
        if not line.startswith("@@"):
            yield line


def _endings(deployed: str, wanted: str) -> str:
    """Where only the line endings differ, that is what is told."""
    same = deployed.replace("\r\n", "\n") == wanted.replace("\r\n", "\n")
    return " its lines end with CRLF, and would end with LF" if same and "\r\n" in deployed else ""


def _printable(line: str) -> str:
    return "\t".join(printable(part, limit=2000) for part in line.split("\t"))


def _rules(name: str, text: str, style: Comment) -> list[str]:
    """The lines that are rules; of a document without comments, all but what tells where it comes from."""
    if style is Comment.NONE and text.startswith("{"):
        return _document(text)
    if style is Comment.NONE and name.endswith(".csv"):
        return _table(text)
    lines = text.split("\n")
    if lines[-1]:
        lines[-1] += " (no newline at its end)"
    return [line for line in lines if line.strip() and not _is_comment(line.strip(), style)]


def _document(text: str) -> list[str]:
    """A JSON document without what its header would be, a value a line; what cannot be read is compared as it is."""
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return text.split("\n")
    kept = {key: value for key, value in told.items() if key not in _ABOUT}
    return json.dumps(kept, indent=1).split("\n")


def _table(text: str) -> list[str]:
    """The rows of a table without what it was made by and what people fill in, in an order that does not count."""
    rows = list(csv.reader(io.StringIO(text, newline="")))
    passed = {index for index, name in enumerate(rows[0] if rows else ()) if name in (_MADE_BY, *FILLED)}
    return sorted(",".join(cell for index, cell in enumerate(row) if index not in passed) for row in rows)


def _is_comment(line: str, style: Comment) -> bool:
    """Whether a line is nothing but a comment; one that may hold or swallow a rule is not taken for one."""
    mark = style.value.strip()
    if not mark or not line.startswith(mark) or line.endswith("\\"):
        return False
    return style is not Comment.XML or line.find("-->") == len(line) - len("-->")


def _read(path: Path) -> str | None:
    """The deployed text, or None where there is no such file."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as exc:
        raise UnreadableFileError(str(path), f"cannot be read ({reading.reason(exc)})", _REMEDY) from exc
    return reading.read(path, MAX_BYTES, _REMEDY).decode("utf-8", "replace")
