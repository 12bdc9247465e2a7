"""Full-text search over pages: the words of a question, weighted by how few pages have them. No index on disk."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from netprobe.messages import MAX_TEXT

_WORD = re.compile(r"[a-z]+|[0-9]+")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_IN_TITLE = 4.0
_EMPTY = frozenset(
    {"a", "an", "and", "are", "as", "at", "be", "by", "can", "cannot", "for", "from", "has", "have", "in", "is", "it"}
    | {"its", "no", "not", "of", "on", "or", "that", "the", "this", "to", "was", "what", "when", "which", "who", "why"}
    | {"will", "with", "you", "your", "error", "failed", "unable"}
)
"""Words that say nothing of a page."""


@dataclass(frozen=True, slots=True)
class SearchedPage:
    """One page.

    Attributes:
        id: what 'netprobe explain' calls it.
        title: in a few words.
        text: the whole page.
    """

    id: str
    title: str
    text: str


def words(text: str) -> list[str]:
    """The words of a text, also those inside ``CannotPullContainerError`` and ``tls_path_mtu``."""
    return [
        word for word in _WORD.findall(_HUMP.sub(" ", text[:MAX_TEXT]).lower()) if len(word) > 1 and word not in _EMPTY
    ]


def ranked(question: str, pages: Iterable[SearchedPage], *, every_word: bool = False) -> list[SearchedPage]:
    """The pages that have words of a question, the best first.

    Args:
        question: what somebody typed or pasted.
        pages: all of them.
        every_word: leave out pages that lack one of the words.
    """
    asked = set(words(question))
    known = [(page, Counter(words(page.text)), set(words(f"{page.id} {page.title}"))) for page in pages]
    having = {word: sum(word in counts or word in title for _, counts, title in known) for word in asked}
    scored = []
    for page, counts, title in known:
        met = [word for word in asked if word in counts or word in title]
        if met and (not every_word or len(met) == len(asked)):
            scored.append((sum(_weight(word, counts, title, having[word], len(known)) for word in met), page))
    scored.sort(key=lambda item: (-item[0], item[1].id))
    return [page for _, page in scored]


def _weight(word: str, counts: Counter[str], title: set[str], having: int, every: int) -> float:
    """Rare words count more, in a title most, and said often a little more than once."""
    times = math.log1p(counts[word]) / (1 + math.log1p(counts.total()) / 4)
    return math.log(1 + every / having) * (times + (_IN_TITLE if word in title else 0.0))
