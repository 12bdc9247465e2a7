"""A feed as Atom (RFC 4287): what a feed reader needs of ``netprobe changes``, and nothing more."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

import msgspec

NAMESPACE = "http://www.w3.org/2005/Atom"
NOTHING_YET = "1970-01-01"


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a feed.

    Attributes:
        id: a URI that stays the same for ever.
        title: one line.
        day: when, ``YYYY-MM-DD``.
        text: plain text.
        source: who says so; linked where it is an address of the web.
    """

    id: str
    title: str
    day: str
    text: str
    source: str


def feed(id: str, title: str, items: Sequence[Item]) -> str:
    """The document, newest entry first.

    Args:
        id: the feed's own URI.
        title: one line.
        items: in any order.
    """
    root = ElementTree.Element("feed", xmlns=NAMESPACE)
    newest = sorted(items, key=lambda item: item.day, reverse=True)
    _add(root, "id", id)
    _add(root, "title", title)
    _add(root, "updated", _moment(newest[0].day if newest else NOTHING_YET))
    _add(_add(root, "author", ""), "name", "netprobe")
    for item in newest:
        entry = _add(root, "entry", "")
        _add(entry, "id", item.id)
        _add(entry, "title", item.title)
        _add(entry, "updated", _moment(item.day))
        _add(entry, "summary", item.text)
        if item.source.startswith("https://"):
            ElementTree.SubElement(entry, "link", rel="alternate", href=item.source)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _add(parent: ElementTree.Element, name: str, text: str) -> ElementTree.Element:
    child = ElementTree.SubElement(parent, name)
    child.text = text or None
    return child


def _moment(day: str) -> str:
    return f"{day}T00:00:00Z"
