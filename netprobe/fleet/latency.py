"""Whether a step takes longer than it did, beyond what two runs differ by anyway.

A check makes a few connections to each name, so a single name tells little. Two questions are asked:

- Of one endpoint: with at least three durations on both sides, is the fastest one now half as long again as the slowest
  one then?
- Of a step over all names: are at least eight names in both runs, is the middle ratio at least 1.5, and do so many of
  them go the same way that a fair coin does it once in a thousand (the sign test)?

Differences under 20 ms are never told: that is what a busy host adds.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping

import msgspec

LEAST_SECONDS = 0.02
LEAST_RATIO = 1.5
LEAST_SAMPLES = 3
LEAST_NAMES = 8
CHANCE = 0.001
_STEPS = ("dns", "tcp", "proxy", "tls", "http")
_MOST_OBSERVATIONS = 500_000


class RunTimes(msgspec.Struct, frozen=True, kw_only=True):
    """The durations of one run.

    Attributes:
        by_endpoint: (``REGION/ID``, step) → seconds, of steps that passed, control probes left out.
        by_name: (host name, step) → the middle of them.
    """

    by_endpoint: dict[tuple[str, str], tuple[float, ...]]
    by_name: dict[tuple[str, str], float]


class LatencyShift(msgspec.Struct, frozen=True, kw_only=True):
    """A step that takes another time.

    Attributes:
        step: which.
        endpoint: ``REGION/ID``, or nothing for the step over all names.
        before_seconds: the middle then.
        now_seconds: the middle now.
    """

    step: str
    endpoint: str
    before_seconds: float
    now_seconds: float


class _Observation(msgspec.Struct, frozen=True):
    region: str
    endpoint: str
    host: str
    step: str
    duration_seconds: float
    failure: str | None = None
    experiment: str | None = None


class _Report(msgspec.Struct, frozen=True):
    observations: tuple[_Observation, ...] = ()


_DECODER = msgspec.json.Decoder(_Report)


def take(data: bytes) -> RunTimes:
    """The durations in a report; none where its observations cannot be read.

    Args:
        data: the JSON text of a report that was read already.
    """
    try:
        observations = _DECODER.decode(data).observations[:_MOST_OBSERVATIONS]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return RunTimes(by_endpoint={}, by_name={})
    endpoints: dict[tuple[str, str], list[float]] = defaultdict(list)
    names: dict[tuple[str, str], list[float]] = defaultdict(list)
    for one in observations:
        if one.failure is None and one.experiment is None and one.step in _STEPS and one.duration_seconds >= 0:
            endpoints[f"{one.region}/{one.endpoint}"[:130], one.step].append(one.duration_seconds)
            names[one.host[:253], one.step].append(one.duration_seconds)
    return RunTimes(
        by_endpoint={key: tuple(values) for key, values in endpoints.items()},
        by_name={key: statistics.median(values) for key, values in names.items()},
    )


def shifts(before: RunTimes, now: RunTimes) -> Iterator[LatencyShift]:
    """What takes another time, beyond noise: of a step as a whole, or else of single endpoints."""
    whole = {shift.step: shift for step in _STEPS if (shift := _of_step(step, before.by_name, now.by_name))}
    yield from whole.values()
    for key in sorted(before.by_endpoint.keys() & now.by_endpoint.keys()):
        endpoint, step = key
        shift = _of_endpoint(endpoint, step, before.by_endpoint[key], now.by_endpoint[key])
        if shift is not None and step not in whole:
            yield shift


def _of_endpoint(endpoint: str, step: str, before: tuple[float, ...], now: tuple[float, ...]) -> LatencyShift | None:
    if min(len(before), len(now)) < LEAST_SAMPLES:
        return None
    slower = min(now) >= LEAST_RATIO * max(before) and min(now) - max(before) >= LEAST_SECONDS
    faster = min(before) >= LEAST_RATIO * max(now) and min(before) - max(now) >= LEAST_SECONDS
    if not slower and not faster:
        return None
    return LatencyShift(
        step=step,
        endpoint=endpoint,
        before_seconds=statistics.median(before),
        now_seconds=statistics.median(now),
    )


def _of_step(
    step: str, before: Mapping[tuple[str, str], float], now: Mapping[tuple[str, str], float]
) -> LatencyShift | None:
    both = [(before[key], now[key]) for key in before.keys() & now.keys() if key[1] == step]
    if len(both) < LEAST_NAMES:
        return None
    old, new = statistics.median(was for was, _ in both), statistics.median(is_now for _, is_now in both)
    ratio = statistics.median((is_now + 1e-6) / (was + 1e-6) for was, is_now in both)
    if abs(new - old) < LEAST_SECONDS or 1 / LEAST_RATIO < ratio < LEAST_RATIO:
        return None
    agreeing = sum((is_now > was) is (ratio > 1) for was, is_now in both)
    if _coin(len(both), agreeing) > CHANCE:
        return None
    return LatencyShift(step=step, endpoint="", before_seconds=old, now_seconds=new)


def _coin(throws: int, heads: int) -> float:
    """How likely a fair coin shows so many heads or more, or as many tails."""
    tail = sum(math.comb(throws, number) for number in range(heads, throws + 1))
    return min(1.0, 2 * tail / float(2**throws))
