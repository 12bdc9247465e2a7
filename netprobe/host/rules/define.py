"""How a rule of host and image is written down: the function's name is the rule's id."""

from __future__ import annotations

from collections.abc import Callable

from netprobe.findings import Owner, Severity
from netprobe.host.machine import Machine
from netprobe.host.rules.sources import CHECKED
from netprobe.rules import Judgement, Rule


def rule(
    judge: Callable[[Machine], Judgement],
    title: str,
    source: str,
    *,
    severity: Severity = Severity.ERROR,
    owner: Owner = Owner.HOST,
    running: bool = False,
    checked: str = CHECKED,
    reckoned: str = "",
) -> Rule[Machine]:
    """Make a rule of a function.

    Args:
        judge: the function; its name becomes the id.
        title: the problem in a few words.
        source: the page or source file that it stands on.
        severity: what a failure is worth.
        owner: who must act.
        running: whether it needs a running host.
        checked: the day the source was read, ``YYYY-MM-DD``.
        reckoned: how the rule foretells what it did not try, one clause; nothing where what was read is the fault.
    """
    return Rule(
        id=judge.__name__,
        title=title,
        severity=severity,
        owner=owner,
        source=source,
        checked=checked,
        judge=judge,
        running=running,
        reckoned=reckoned,
    )
