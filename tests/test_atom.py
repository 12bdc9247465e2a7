"""A feed whose texts somebody hostile chose stays a feed."""

from __future__ import annotations

import feedparser

from netprobe.atom import NOTHING_YET, Item, feed


def test_hostile_texts_stay_texts() -> None:
    text = "</summary><script>alert(1)</script>&amp;\u2028\"'"
    item = Item(id="urn:x", title=text, day="2026-11-28", text=text, source="javascript:alert(1)")
    read = feedparser.parse(feed("urn:y", text, [item]), sanitize_html=False)
    assert not read.bozo
    assert read.feed.title == text
    assert read.entries[0].summary == text
    assert "javascript" not in str(read.entries[0].get("links"))


def test_the_newest_is_first_and_an_empty_feed_is_one() -> None:
    items = [Item(id=f"urn:{day}", title=day, day=day, text="t", source="") for day in ("2026-01-01", "2026-03-01")]
    read = feedparser.parse(feed("urn:y", "t", items))
    assert [entry.title for entry in read.entries] == ["2026-03-01", "2026-01-01"]
    assert read.feed.updated.startswith("2026-03-01")
    empty = feedparser.parse(feed("urn:y", "t", []))
    assert not empty.bozo
    assert empty.feed.updated.startswith(NOTHING_YET)
