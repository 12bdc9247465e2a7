"""What a check says of its first pass while it tries again what failed: a few lines, and nothing proven yet."""

from __future__ import annotations

from collections.abc import Iterator

from netprobe.observations import Run

MOST_TOLD = 5


def lines(run: Run) -> Iterator[str]:
    """The lines for people.

    Args:
        run: what was seen so far.
    """
    from netprobe.diagnosis import diagnose
    from netprobe.diagnosis.words import listing
    from netprobe.findings import Severity
    from netprobe.probes.experiments import SECONDS

    found = [finding for finding in diagnose(run).findings if finding.severity is not Severity.INFO]
    for finding in found[:MOST_TOLD]:
        hosts = f": {listing(finding.hosts)}" if finding.hosts else ""
        yield f"netprobe: so far: {finding.id} ({finding.severity.value}, {finding.certainty.value}){hosts}"
    if len(found) > MOST_TOLD:
        yield f"netprobe: so far: {len(found) - MOST_TOLD} more findings"
    yield f"netprobe: what failed is tried again, which takes up to {SECONDS:.0f} s"
