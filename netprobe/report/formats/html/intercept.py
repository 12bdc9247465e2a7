"""Whose certificates stand where the origin's should: the name of the CA that an inspecting device signs with."""

from __future__ import annotations

import re
from collections.abc import Iterable

from netprobe.observations import Observation, TlsDetail

_CN = re.compile(r"(?:^|,)CN=((?:[^,\\]|\\.)+)")


def authority(observations: Iterable[Observation]) -> str:
    """The name of the foreign CA that the observations show first, or nothing."""
    for one in observations:
        if isinstance(one.detail, TlsDetail) and one.detail.origin is False and one.detail.chain:
            name = one.detail.chain[-1].issuer
            found = _CN.search(name)
            return found[1] if found else name
    return ""
