"""Whose certificates stand where the origin's should: the name of the CA that an inspecting device signs with."""

from __future__ import annotations

from collections.abc import Iterable

from netprobe.observations import Observation, TlsDetail
from netprobe.report.glance import common_name


def authority(observations: Iterable[Observation]) -> str:
    """The name of the foreign CA that the observations show first, or nothing."""
    for one in observations:
        if isinstance(one.detail, TlsDetail) and one.detail.origin is False and one.detail.chain:
            return common_name(one.detail.chain[-1].issuer)
    return ""
