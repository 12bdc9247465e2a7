"""Failures that say nothing, where the run itself shows loss or a limit: they were tried again too seldom, or never.

A line that loses packets, and a limit on new connections, fail hosts that are well. Most pass when they are tried
again; what is left over when the time for that ends is no fault of the host's, and no pass either. It counts as not
made: what is required and lacks it leaves the verdict open, which is neither a false alarm nor an all-clear. So does
what was left when a device turned the host away: then the check itself is what closed the way.
"""

from __future__ import annotations

from collections.abc import Iterator

from netprobe.diagnosis.evidence import Evidence
from netprobe.diagnosis.loss import could_be_limit, has_limit, is_lossy, is_turned_away, turned_away
from netprobe.diagnosis.proof import UNLUCKY_AT_MOST
from netprobe.diagnosis.views import View
from netprobe.observations import Failure, Observation


def undecided(world: Evidence) -> frozenset[str]:
    """The ids of failures of the first pass of which nobody knows whether they were only chance.

    Args:
        world: the run, in which all of its failures still count.
    """
    if not world.context.repeated:
        return frozenset()
    return frozenset(
        o.id for vantage in dict.fromkeys(view.vantage for view in world.views) for o in _of_vantage(world, vantage)
    )


def _of_vantage(world: Evidence, vantage: str) -> Iterator[Observation]:
    views = [view for view in world.views if view.vantage == vantage]
    failed = [o for view in views for o in _failures(view)]
    if has_limit(world, vantage):
        yield from (o for o in failed if could_be_limit(o) and world.tries(o) is None)
    if turned_away(world, vantage):
        yield from (o for o in failed if is_turned_away(world, o))
    if is_lossy(world, vantage):
        yield from (o for o in failed if o.failure is Failure.TIMEOUT and _may_be_chance(world, o))


def _failures(view: View) -> Iterator[Observation]:
    """What broke the ways of a host, and the questions that got no answer where it has no address."""
    for path in view.paths:
        if path.failed is not None:
            yield path.failed
    if not view.proxied and not view.lookups.addresses:
        yield from (o for o in view.lookups.every if o.failure is not None)


def _may_be_chance(world: Evidence, o: Observation) -> bool:
    """Whether it never passed, in so few tries that chance explains it, or ended at another step from try to try."""
    tries, luck = world.tries(o), world.luck_of(o)
    if tries is None:
        return True
    if tries.passing:
        return False
    ends = {next((end.step for end in seen if end.failure is not None), None) for seen in tries.made}
    return ends != {o.step} or (luck is not None and luck.unlucky(len(tries.made)) > UNLUCKY_AT_MOST)
