"""What was learned, for people: at most as wide as the terminal, every foreign word escaped."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

from netprobe.errors import printable
from netprobe.observe.model import Observed, Question, Use

_SHOWN = 50


def text(observed: Observed, *, width: int = 80) -> str:
    """Show an observation.

    Args:
        observed: what was learned.
        width: the columns that may be used.
    """
    lines = [_summary(observed)]
    lines += _uses("Endpoints of the catalog that were used", observed.used)
    lines += _uses("Names that no catalog entry explains (--learn writes them as [[endpoint]])", observed.unexplained)
    lines += _uses("Connections by bare address (no name was seen)", observed.bare_addresses)
    lines += _questions([one for one in observed.questions if not one.connected])
    for title, counts in (("Could not be read", observed.malformed), ("Had to be forgotten", observed.dropped)):
        if counts:
            lines += ["", f"{title}:", *(f"  {count:>8} {printable(what)}" for what, count in counts.items())]
    if not observed.complete:
        lines += ["", "The capture ended before its end was reached: what is not shown may still be in it."]
    return "\n".join(line[:width] for line in lines) + "\n"


def _summary(observed: Observed) -> str:
    when = ""
    if observed.first_seconds is not None and observed.last_seconds is not None:
        when = f", {observed.last_seconds - observed.first_seconds:.0f} s from {moment(observed.first_seconds)}"
    return f"{observed.packets} packets{when}"


def moment(seconds: float) -> str:
    """A time for people, UTC; the bare number where no calendar has it."""
    try:
        return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return f"{seconds:g}"


def _uses(title: str, uses: Iterable[Use]) -> list[str]:
    found = list(uses)
    if not found:
        return []
    lines = ["", f"{title}:"]
    for use in found[:_SHOWN]:
        trouble = "".join(
            f", {count} {word}" for count, word in ((use.resets, "reset"), (use.timeouts, "unanswered")) if count
        )
        lines.append(f"  {printable(use.host)}:{use.port}/{use.protocol}")
        what = f"    {use.connections} times{trouble} by {', '.join(use.local_addresses[:3])}"
        lines.append(what + (f" ({', '.join(use.endpoints[:3])})" if use.endpoints else ""))
    return lines + _rest(len(found))


def _questions(questions: list[Question]) -> list[str]:
    if not questions:
        return []
    lines = ["", "Names that were asked for and not connected to:"]
    for one in questions[:_SHOWN]:
        failures = "".join(f", {count} {printable(word)}" for word, count in one.failures.items())
        lines.append(f"  {printable(one.host)}: asked {one.asked}, answered {one.answered}{failures}")
    return lines + _rest(len(questions))


def _rest(count: int) -> list[str]:
    return [f"  and {count - _SHOWN} more (--format json has all)"] if count > _SHOWN else []
