"""What a check says before its report: how far the first pass is, and what it saw while that is tried again.

A few lines each time, and nothing of it is proven yet.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from netprobe import natural
from netprobe.observations import Run

if TYPE_CHECKING:
    from netprobe.probes.news import News

MOST_TOLD = 5


def lines(run: Run) -> Iterator[str]:
    """The lines for people.

    Args:
        run: what was seen so far.
    """
    from netprobe.diagnosis import diagnose
    from netprobe.diagnosis.words import listing
    from netprobe.findings import Severity
    from netprobe.probes.experiments import LONGEST_SECONDS

    found = [finding for finding in diagnose(run).findings if finding.severity is not Severity.INFO]
    for finding in found[:MOST_TOLD]:
        hosts = f": {listing(finding.hosts)}" if finding.hosts else ""
        yield f"netprobe: so far: {finding.id} ({finding.severity.value}, {finding.certainty.value}){hosts}"
    if len(found) > MOST_TOLD:
        yield f"netprobe: so far: {len(found) - MOST_TOLD} more findings"
    yield f"netprobe: what failed is tried again, which takes up to {LONGEST_SECONDS:.0f} s"


class Bulletin:
    """Turns what is known into lines, each failure told once."""

    def __init__(self) -> None:
        self._told: set[tuple[str, str, str]] = set()

    def lines(self, news: News) -> Iterator[str]:
        """The lines for people.

        Args:
            news: what is known now.
        """
        from netprobe.diagnosis.words import listing

        yield f"netprobe: so far: {news.done} of {news.total} names looked at"
        fresh: dict[str, list[str]] = defaultdict(list)
        for o in news.failed:
            what = (o.step.value, str(o.failure), o.host)
            if what not in self._told:
                self._told.add(what)
                fresh[f"{o.step.value} {o.failure}"].append(o.host)
        for ending, hosts in list(fresh.items())[:MOST_TOLD]:
            yield f"netprobe: so far: {ending}, not tried again yet: {listing(natural.ordered(set(hosts)))}"
        if len(fresh) > MOST_TOLD:
            yield f"netprobe: so far: {len(fresh) - MOST_TOLD} more kinds of failure"
