"""What was learned, for people: as wide as the terminal at most (names apart), every foreign word escaped."""

from __future__ import annotations

import datetime
import textwrap
from collections.abc import Iterable

from netprobe.errors import printable
from netprobe.naming import in_words
from netprobe.observe.model import AskedName, Observed, Reset, Use

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
    lines += _whose(observed)
    return fitted(lines, width)


def _whose(observed: Observed) -> list[str]:
    """Which host it is about. A file does not say that; the host that read it may be another one."""
    heard, read = in_words(observed.host), in_words(observed.reader)
    if heard:
        return ["", f"Heard on {printable(heard, 600)}, {observed.started_at}, by {_version(observed)}."]
    if read:
        told = f"Read on {printable(read, 600)} by {_version(observed)}"
        return ["", f"{told}; the file itself does not say whose it is."]
    return []


def _version(observed: Observed) -> str:
    catalog = f", catalog {observed.catalog.version}" if observed.catalog is not None else ""
    return f"netprobe {observed.netprobe_version}{catalog}"


def fitted(lines: Iterable[str], width: int) -> str:
    """Lines for a terminal, broken between words; a name that is wider than the terminal stays whole, to be copied."""
    return "".join(f"{part}\n" for line in lines for part in _broken(line, width))


def _broken(line: str, width: int) -> list[str]:
    if len(line) <= width:
        return [line]
    words = line.lstrip(" ")
    indent = " " * (len(line) - len(words))
    return textwrap.wrap(
        words,
        width,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


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
        counts = ((use.resets, "reset"), (use.timeouts, "unanswered"), (use.silent, "opened and then silent"))
        trouble = "".join(f", {count} {word}" for count, word in counts if count)
        lines.append(f"  {printable(use.host)}:{use.port}/{use.protocol}")
        by = f" by {', '.join(use.local_addresses[:3])}" if use.local_addresses else ""
        what = f"    {use.connections} times{trouble}{by}"
        lines.append(what + (f" ({', '.join(use.endpoints[:3])})" if use.endpoints else ""))
        lines += [f"    {_reset(one)}" for one in use.resets_by]
        lines += [f"    the proxy answered {printable(status)}: {count} times" for status, count in use.answers.items()]
    return lines + _rest(len(found))


_MOMENTS = {
    "opening": "in answer to the SYN",
    "first_bytes": "after the client's first bytes",
    "answer": "after an answer",
}


def _reset(one: Reset) -> str:
    """Who reset, when, and whether the hop limit says that it was somebody else."""
    who = ("the client itself", one.by) if one.side == "local" else (one.by,)
    line = f"{one.count} reset by {', '.join(part for part in who if part)} {_MOMENTS[one.after]}"
    if one.foreign:
        return f"{line}; the hop limit of {one.foreign} differs from its other packets': a device on the way sent them"
    return line


def _questions(questions: list[AskedName]) -> list[str]:
    if not questions:
        return []
    lines = ["", "Names that were asked for and not connected to:"]
    for one in questions[:_SHOWN]:
        failures = "".join(f", {count} {printable(word)}" for word, count in one.failures.items())
        lines.append(f"  {printable(one.host)}: asked {one.asked}, answered {one.answered}{failures}")
    return lines + _rest(len(questions))


def _rest(count: int) -> list[str]:
    return [f"  and {count - _SHOWN} more (--format json has all)"] if count > _SHOWN else []
