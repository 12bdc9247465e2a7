"""Small helpers for sentences: lists, counts, durations. No rule, no layout, nothing about a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from netprobe.errors import printable
from netprobe.findings import HopAt, Location
from netprobe.observations import Context


def listing(items: Iterable[str], *, most: int = 3) -> str:
    """``a``, ``a and b``, ``a, b and c``, ``a, b, c and 27 more``.

    Args:
        items: what to list, in order.
        most: how many to spell out.
    """
    texts = list(items)
    if len(texts) > most + 1:
        return f"{', '.join(texts[:most])} and {len(texts) - most} more"
    if len(texts) > 1:
        return f"{', '.join(texts[:-1])} and {texts[-1]}"
    return texts[0] if texts else "nothing"


def located(location: Location) -> str:
    """``hop 2 10.1.0.9 firewall (suspected); last to answer: hop 2 …``: where on the way it breaks, in words."""
    parts = (f"hop {location.hop}" if location.hop is not None else "", location.address, location.device)
    where = f"{' '.join(part for part in parts if part)} ({location.certainty})"
    told = hops_told(location)
    return f"{where}; {told}" if told else where


def hops_told(location: Location) -> str:
    """``last to answer: hop 2 (10.1.0.9); suspects: hop 2, or before hop 3 (10.2.0.1)``; nothing where unknown."""
    parts = [f"last to answer: {_hop(location.answered)}"] if location.answered is not None else []
    match location.suspects:
        case (one,):
            parts.append(f"suspect: {_hop(one)}")
        case (near, far, *_):
            parts.append(f"suspects: {_hop(near, with_address=near != location.answered)}, or before {_hop(far)}")
    return "; ".join(parts)


def _hop(at: HopAt, *, with_address: bool = True) -> str:
    if at.hop == 0:
        return "this host"
    return f"hop {at.hop} ({at.address})" if at.address and with_address else f"hop {at.hop}"


def count(number: int, noun: str, plural: str = "") -> str:
    """``1 name``, ``3 names``."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


_IRREGULAR = {"are": "is", "have": "has", "do": "does"}


def agree(number: int, verb: str) -> str:
    """The verb as one host or several take it: ``agree(1, "end")`` is ``ends``, ``agree(2, "end")`` is ``end``.

    Args:
        number: how many do it.
        verb: what several do: ``are``, ``fail``, ``pass``.
    """
    if number != 1:
        return verb
    if verb in _IRREGULAR:
        return _IRREGULAR[verb]
    return f"{verb}es" if verb.endswith(("s", "sh", "ch", "x", "o")) else f"{verb}s"


def remarks(context: Context, quotes: str = "“”") -> tuple[str, ...]:
    """What whoever reads of a run must know first: that it was a trial, or that not all was seen.

    Args:
        context: of the run.
        quotes: the two marks around a scenario's name.
    """
    found = []
    if context.lab is not None:
        found.append(f"Seen in the embedded network {quotes[0]}{printable(context.lab, 60)}{quotes[1]}, not on yours.")
    if context.interrupted:
        found.append("Interrupted: this is what was seen until then.")
    elif context.deadline_reached:
        found.append(f"The deadline of {context.deadline_seconds:g} s was reached: this is what was seen until then.")
    return tuple(found)


def duration(seconds: float) -> str:
    """``4 minutes 10 s``, ``52 s``, ``0.7 s``: exact enough to act on."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 120:
        return f"{minutes} minutes" + (f" {rest} s" if rest else "")
    hours = minutes / 60
    return f"{hours:.1f} hours" if hours < 48 else f"{hours / 24:.1f} days"
