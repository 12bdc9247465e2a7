"""Is a deployed file still what would be rendered?

Comments do not count: a new version of netprobe or of its facts that leads to the same rules makes nothing stale.
Languages without comments are compared as they are.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from pathlib import Path

from netprobe.errors import UnreadableFileError, printable
from netprobe.render.model import Comment

MAX_BYTES = 32 << 20


def difference(folder: Path, wanted: Mapping[str, str], owned: Collection[str], style: Comment) -> list[str]:
    """A unified diff from what is deployed to what would be written; empty where nothing is stale.

    Args:
        folder: where the files are deployed.
        wanted: the text that would be written, by file name.
        owned: every name that the target may write; one that is there and no longer wanted is stale.
        style: how the target marks comments.

    Raises:
        UnreadableFileError: a deployed file cannot be read.
    """
    lines: list[str] = []
    for name in sorted({*wanted, *owned}):
        deployed, text = _read(folder / name), wanted.get(name, "")
        if _rules(deployed, style) == _rules(text, style):
            continue
        lines += difflib.unified_diff(
            deployed.splitlines(), text.splitlines(), f"deployed/{name}", f"rendered/{name}", lineterm="", n=2
        )
    return [_printable(line) for line in lines]


def _printable(line: str) -> str:
    return "\t".join(printable(part, limit=2000) for part in line.split("\t"))


def _rules(text: str, style: Comment) -> list[str]:
    return [line for line in text.splitlines() if line.strip() and not _is_comment(line.strip(), style)]


def _is_comment(line: str, style: Comment) -> bool:
    """Whether a line is nothing but a comment; one that may hold or swallow a rule is not taken for one."""
    mark = style.value.strip()
    if not mark or not line.startswith(mark) or line.endswith("\\"):
        return False
    return style is not Comment.XML or line.find("-->") == len(line) - len("-->")


def _read(path: Path) -> str:
    """The deployed text; a file that is not there is an empty one, and shows as all new."""
    try:
        if not path.exists():
            return ""
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as exc:
        reason = f"cannot be read ({(exc.strerror or '').lower()})"
        raise UnreadableFileError(str(path), reason, "name the deployed file, or its folder") from exc
    if len(data) > MAX_BYTES:
        raise UnreadableFileError(str(path), f"is larger than {MAX_BYTES >> 20} MiB", "name the deployed file")
    return data.decode("utf-8", "replace")
