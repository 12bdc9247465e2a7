"""Break the prose of a Markdown page anew for a width, and leave alone what a line break would change.

Code, tables and headings stay as they are. So a page in a pipe is as wide as every other text there, and is still the
same page to whatever reads Markdown.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

_ITEM = re.compile(r" {0,6}(?:[-*+]|\d{1,3}[.)]) +")
_ALONE = re.compile(r"#{1,6} |\||>|</?[a-z]|---|\[[^\]]+\]: ")
"""Lines that mean something by being a line."""
_FENCE = re.compile(r" *(?:```|~~~)")
_CODE = re.compile(r"`[^`]+`")
_WOULD_OPEN = re.compile(r" (?=[<>|]|```|~~~|(?:[*+]|#{1,6}|=+|-+|\d{1,3}[.)])(?: |$))")
"""A space before what would begin a list, a heading or a quote at the beginning of a line."""
_KEPT = "\x00"
"""Stands for a space that no line ends at."""


def refilled(markdown: str, columns: int) -> str:
    """Break a page's paragraphs and list items anew.

    Args:
        markdown: the page.
        columns: the longest line of prose; a word, or a piece of code that is short enough for a line, is not broken.

    Returns:
        The page, whose reader sees the same.
    """
    lines: list[str] = []
    for block in _blocks(markdown.split("\n")):
        lines += block if _stays(block) else _filled(block, columns)
    return "\n".join(lines)


def _blocks(lines: list[str]) -> Iterator[list[str]]:
    """Lines that belong together: a paragraph or a list item; any other line stands alone."""
    block: list[str] = []
    fenced = False
    for line in lines:
        fence = _FENCE.match(line) is not None
        alone = fenced or fence or not line.strip() or _ALONE.match(line) is not None or _is_code(line, block)
        if block and (alone or _ITEM.match(line)):
            yield block
            block = []
        if alone:
            yield [line]
        else:
            block.append(line)
        fenced ^= fence
    if block:
        yield block


def _is_code(line: str, block: list[str]) -> bool:
    """Whether a line is indented code: four blanks after an empty line, never in the middle of a paragraph."""
    return not block and line.startswith("    ")


def _stays(block: list[str]) -> bool:
    """Whether a block is no prose, or has line breaks that are meant."""
    first = block[0]
    if len(block) == 1 and (
        not first.strip() or _ALONE.match(first) or _FENCE.match(first) or first.startswith("    ")
    ):
        return True
    return any(line.endswith(("  ", "\\")) for line in block)


def _filled(block: list[str], columns: int) -> list[str]:
    item = _ITEM.match(block[0])
    first = item[0] if item else ""
    text = " ".join([block[0][len(first) :], *block[1:]])
    room = columns - len(first)
    text = _WOULD_OPEN.sub(_KEPT, " ".join(text.split()))
    text = _CODE.sub(lambda code: code[0].replace(" ", _KEPT) if len(code[0]) < room else code[0], text)
    lines = textwrap.wrap(
        text,
        columns,
        initial_indent=first,
        subsequent_indent=" " * len(first),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_KEPT, " ") for line in lines]
