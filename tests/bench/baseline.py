"""Two runs of the bench, compared: which rows moved beyond noise.

The rule. A figure moved where it was measured at least :data:`ROUNDS` times in both runs and the two ranges, from the
least to the most, do not touch: every round of one run beat every round of the other. Nothing else is said to have
moved. Of figures that did not move, the rule takes one in ten for moved with three rounds a run, one in 126 with five
(all orders of the rounds are equally likely then); more rounds, fewer false alarms.

It knows nothing of what else the machine did: two runs are comparable where the machine, and its load, were the same.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

ROUNDS = 3
FIGURES = ("wall", "cpu", "memory")
Costs = Mapping[str, Sequence[float]]
"""Figure → one value a round."""


class Moved(enum.Enum):
    """What became of a figure."""

    MORE = "more"
    LESS = "less"
    NOISE = "within noise"
    UNKNOWN = "too few rounds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One figure of one row, then and now.

    Attributes:
        work: the work.
        program: who did it.
        figure: one of :data:`FIGURES`.
        then: the median of the earlier run.
        now: the median of this one.
        moved: what the rule says.
    """

    work: str
    program: str
    figure: str
    then: float
    now: float
    moved: Moved

    def __str__(self) -> str:
        ratio = f" ({self.now / self.then:.2f} x)" if self.then else ""
        return (
            f"{self.work}, {self.program}: {self.figure} {self.then:.3f} -> {self.now:.3f}{ratio}: {self.moved.value}"
        )


def judge(then: Sequence[float], now: Sequence[float]) -> Moved:
    """Apply the rule to one figure.

    Args:
        then: its values in the earlier run.
        now: its values in this one.
    """
    if min(len(then), len(now)) < ROUNDS:
        return Moved.UNKNOWN
    if min(now) > max(then):
        return Moved.MORE
    if max(now) < min(then):
        return Moved.LESS
    return Moved.NOISE


def compare(then: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> Iterator[Change]:
    """Every figure of every row that both runs have.

    Args:
        then: the rows of the earlier run, as ``--json`` writes them.
        now: those of this one.
    """
    before = {(row["work"], row["program"]): _costs(row) for row in then}
    for row in now:
        known = before.get((row["work"], row["program"]))
        if known is None:
            continue
        for figure, values in _costs(row).items():
            if any(values) or any(known[figure]):  # a row that does not measure a figure has zeros
                yield Change(
                    work=row["work"],
                    program=row["program"],
                    figure=figure,
                    then=median(known[figure]),
                    now=median(values),
                    moved=judge(known[figure], values),
                )


def unmatched(then: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> list[str]:
    """The rows that only one of two runs has."""
    before, after = ({f"{row['work']}, {row['program']}" for row in rows} for rows in (then, now))
    return sorted(before ^ after)


def _costs(row: Mapping[str, Any]) -> dict[str, list[float]]:
    return {figure: [float(cost[figure]) for cost in row["costs"]] for figure in FIGURES}


def read(file: Path) -> Mapping[str, Any]:
    """What an earlier run wrote with ``--json``.

    Raises:
        ValueError: it is no such file.
    """
    found: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    try:
        for row in found["rows"]:
            _costs(row)
            row["work"], row["program"]
        found["machine"]["load"]
    except (KeyError, TypeError) as error:
        raise ValueError(f"{file}: was not written by --json of the bench ({error} is missing)") from error
    return found


def lines(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """The comparison for people: what moved, how much did not, and what could not be compared.

    Args:
        then: the earlier run, as :func:`read` gives it.
        now: this one, in the same shape.
    """
    for when, run in (("then", then), ("now", now)):
        yield f"{when}: load {run['machine']['load'][0]:.2f}, {run['machine'].get('processors')} processors"
    changes = list(compare(then["rows"], now["rows"]))
    moved = [change for change in changes if change.moved in {Moved.MORE, Moved.LESS}]
    yield from map(str, moved)
    still = sum(change.moved is Moved.NOISE for change in changes)
    few = sum(change.moved is Moved.UNKNOWN for change in changes)
    yield f"{len(moved)} figures moved, {still} did not beyond noise, {few} have fewer than {ROUNDS} rounds"
    for name in unmatched(then["rows"], now["rows"]):
        yield f"only in one of the runs: {name}"
