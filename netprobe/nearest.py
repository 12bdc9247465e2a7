"""What somebody who mistyped a name probably meant: the one place that looks for it and words it."""

from __future__ import annotations

from collections.abc import Iterable

_LONGEST = 100
"""Characters of a name that are compared: what is typed may be a pasted log line, and comparing is quadratic."""
_CUTOFF = 0.6


def nearest(asked: str, known: Iterable[str], *, most: int = 3, cutoff: float = _CUTOFF) -> list[str]:
    """The known names that look most like the one that was asked for, the likeliest first.

    Args:
        asked: what was typed, of any length.
        known: the names that exist.
        most: the most to return.
        cutoff: how alike they must be, from 0 (anything) to 1 (equal), as :mod:`difflib` counts it.
    """
    import difflib  # late: only a name that is not known needs it

    return difflib.get_close_matches(asked[:_LONGEST], list(known), n=most, cutoff=cutoff)


def meant(near: Iterable[str], otherwise: str = "") -> str:
    """A remedy: the names that were probably meant, and what helps if none of them was.

    Args:
        near: what :func:`nearest` found.
        otherwise: what helps else, for example how to see what there is; without a full stop.
    """
    names = " or ".join(near)
    return f"did you mean {names}? {otherwise}".rstrip() if names else otherwise
