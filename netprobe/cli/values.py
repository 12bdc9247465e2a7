"""Option values that are more than a word: ranges of numbers, expectations, time limits. One line for each mistake."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from netprobe.cli.options import listed
from netprobe.errors import UsageError
from netprobe.naming import Naming, parse

MAX_NUMBER = 999
MAX_SECONDS = 86_400.0
MOST_CONCURRENT = 4096
MAX_DURATION = 31 * MAX_SECONDS
_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_DURATION = re.compile(
    r"(?P<plain>[0-9]{1,7})|(?:(?P<d>[0-9]{1,4})d)?(?:(?P<h>[0-9]{1,5})h)?(?:(?P<m>[0-9]{1,6})m)?(?:(?P<s>[0-9]{1,7})s)?"
)


def numbers(text: str) -> tuple[int, ...]:
    """Parse ``1-64`` or ``1,2,16`` (or both, by commas) into sorted numbers.

    Raises:
        UsageError: it is not that, or a number is outside 1 to 999.
    """
    found: set[int] = set()
    for part in listed([text]):
        first, dash, last = part.partition("-")
        low, high = first.strip(), (last if dash else first).strip()
        if not (low.isascii() and low.isdigit() and high.isascii() and high.isdigit() and len(low + high) <= 6):
            raise UsageError(text, "is not a range of numbers", "write for example --ecs-numbers 1-64 or 1,2,16")
        if not 1 <= int(low) <= int(high) <= MAX_NUMBER:
            raise UsageError(text, f"must rise, between 1 and {MAX_NUMBER}", "write for example --ecs-numbers 1-64")
        found |= set(range(int(low), int(high) + 1))
    if not found:
        raise UsageError(text or "''", "is not a range of numbers", "write for example --ecs-numbers 1-64")
    return tuple(sorted(found))


def account(text: str | None) -> str | None:
    """An account as AWS's console shows it (``1234-5678-9012``) or as it is; requirements refuse what is none."""
    return None if text is None else text.replace("-", "").replace(" ", "")


def expectations(values: Iterable[str] | None) -> dict[str, str]:
    """Parse ``GROUP=private|public``.

    Args:
        values: as given, comma lists too.

    Raises:
        UsageError: not of that form, or two expectations of one group.
    """
    found: dict[str, str] = {}
    for text in listed(values):
        group, _, kind = text.partition("=")
        if kind not in ("private", "public"):
            raise UsageError(text, "is not GROUP=private or GROUP=public", "write for example --expect images=private")
        if found.setdefault(group, kind) != kind:
            raise UsageError(text, "the same group is expected to be both", "give one --expect for each group")
    return found


def seconds(option: str, value: float | None) -> float | None:
    """Check a time limit.

    Raises:
        UsageError: it is not a positive number of at most a day.
    """
    if value is not None and not (math.isfinite(value) and 0 < value <= MAX_SECONDS):
        raise UsageError(
            f"{option} {value}", "is not a time between 0 and 86400 seconds", f"write for example {option} 5"
        )
    return value


def duration(option: str, text: str) -> float:
    """A length of time as people write it: ``90``, ``90s``, ``30m``, ``1h30m``, ``2d``.

    Args:
        option: whose value it is.
        text: the value.

    Returns:
        Seconds.

    Raises:
        UsageError: it is not that, or not between a second and a month.
    """
    remedy = f"write for example {option} 30m, {option} 90s or {option} 1h30m"
    found = _DURATION.fullmatch(text.strip().lower())
    if found is None or not text.strip():
        raise UsageError(f"{option} '{text}'", "is not a length of time", remedy)
    if found["plain"]:
        length = float(found["plain"])
    else:
        length = sum(int(found[unit] or 0) * size for unit, size in _UNITS.items())
    if not 1 <= length <= MAX_DURATION:
        raise UsageError(f"{option} {text}", "is not between one second and 31 days", remedy)
    return float(length)


def at_least_one(option: str, value: int | None, most: int) -> int | None:
    """Check a count.

    Raises:
        UsageError: it is not between 1 and ``most``.
    """
    if value is not None and not 1 <= value <= most:
        raise UsageError(f"{option} {value}", f"is not between 1 and {most}", f"write for example {option} 64")
    return value


def families(*, ipv4_only: bool, ipv6_only: bool) -> tuple[int, ...]:
    """The address families that ``-4`` and ``-6`` leave.

    Raises:
        UsageError: both were given.
    """
    if ipv4_only and ipv6_only:
        raise UsageError("-4 -6", "exclude each other", "give one of them, or neither for both families")
    if ipv4_only:
        return (4,)
    return (6,) if ipv6_only else (4, 6)


def refuse_both(*, proxy: str | None, no_proxy: bool) -> None:
    """Refuse ``--proxy`` beside ``--no-proxy``.

    Raises:
        UsageError: both were given.
    """
    if proxy is not None and no_proxy:
        raise UsageError("--proxy --no-proxy", "exclude each other", "give one of them")


def naming(labels: Iterable[str] | None, *, anonymous: bool) -> Naming:
    """Read ``--label`` and ``--anonymous``.

    Raises:
        UsageError: a label is none, or is given twice.
    """
    return Naming(labels=parse(listed(labels)), anonymous=anonymous)
