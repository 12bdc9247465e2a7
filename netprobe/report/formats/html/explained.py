"""The page of ``netprobe explain`` inside a card: the same Markdown, as HTML, by the renderer that rich brings along.

Only ids of our registries have pages, and only text of the package is rendered: nothing from outside is Markdown here.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from markupsafe import Markup

from netprobe.diagnosis.taxonomy import TAXONOMY

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_HEADING = re.compile(r"^## (.+)$", re.MULTILINE)


def sections(id_: str) -> tuple[tuple[str, Markup], ...]:
    """Heading and HTML of each part of a page; nothing for an id that has none."""
    text = _page(id_)
    if text is None:
        return ()
    _, *parts = _HEADING.split(text)
    renderer = _renderer()
    # ruff would rather have the text escaped: it is the package's own, and the renderer escapes markup in it.
    return tuple(
        (heading.strip(), Markup(renderer.render(body)))  # noqa: S704
        for heading, body in zip(parts[::2], parts[1::2], strict=True)
    )


def _page(id_: str) -> str | None:
    if id_ in TAXONOMY:
        from netprobe.diagnosis.pages import page

        return page(id_).text
    from netprobe import rulebook

    return rulebook.page(id_) if id_ in rulebook.entries() else None


@functools.cache
def _renderer() -> MarkdownIt:
    from markdown_it import MarkdownIt

    # No links: a report loads nothing and leads nowhere, and an address in a page is there to be read.
    return MarkdownIt("commonmark", {"html": False}).enable("table").disable(["link", "image", "autolink"])
