"""How old the facts are: a note from 90 days on, never an error, for old facts are mostly still right."""

from __future__ import annotations

import datetime

OLD_DAYS = 90


def days(version: str, today: datetime.date) -> int:
    """Days since a version of the catalog, which is the day of its newest change.

    Args:
        version: of the catalog.
        today: the day from which it is counted.
    """
    return (today - datetime.date.fromisoformat(version)).days


def notes(version: str, today: datetime.date) -> tuple[str, ...]:
    """A sentence where the facts are old; nothing else."""
    age = days(version, today)
    if age <= OLD_DAYS:
        return ()
    return (f"the catalog of {version} is {age} days old: what AWS needs may have changed; take a newer netprobe",)
