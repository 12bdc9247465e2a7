"""Which entries of the catalog explain a host name. Shared with ``netprobe.audit``."""

from __future__ import annotations

import re
from collections.abc import Iterable

from netprobe.catalog import Catalog
from netprobe.catalog.model import ORDINARY, Endpoint, Forms, Support
from netprobe.errors import UsageError
from netprobe.hostnames import Hostname

_MAX_KNOWN = 10_000
_REDACTED = re.compile(r"^[^.]*[^.a-z0-9-][^.]*(?=\.dkr(?:\.|-)ecr(?:-fips)?\.)")
"""What no host name holds, in the place of a registry's account: who hands a log on takes the account out of it
(``<account>``, ``ACCOUNT_ID``, ``***``)."""


class Matcher:
    """Finds endpoints by name: exact names in one step, patterns by what follows their asterisk."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self._exact: dict[str, list[Endpoint]] = {}
        self._patterns: dict[str, list[Endpoint]] = {}
        self._known: dict[str, tuple[Endpoint, ...]] = {}
        for endpoint in endpoints:
            pattern = endpoint.host_pattern
            if pattern.is_exact:
                self._exact.setdefault(pattern.pattern, []).append(endpoint)
            else:
                self._patterns.setdefault(pattern.parent, []).append(endpoint)

    def find(self, host: str) -> tuple[Endpoint, ...]:
        """Every endpoint whose pattern matches ``host``; none where it is no host name."""
        known = self._known.get(host)
        if known is None:
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            known = self._known[host] = self._search(host)
        return known

    def _search(self, host: str) -> tuple[Endpoint, ...]:
        found = list(self._exact.get(host, ()))
        candidates: list[Endpoint] = []
        parent = host
        while parent:
            candidates += self._patterns.get(parent, ())
            parent = parent.partition(".")[2]
        if candidates:
            try:
                name = Hostname.parse(_REDACTED.sub("account", host))
            except UsageError:
                return tuple(found)
            found += [one for one in candidates if one.host_pattern.matches(name)]
        return tuple(found)


def every_endpoint(catalog: Catalog) -> tuple[Endpoint, ...]:
    """The endpoints of every region that is not refused, of every group, in all their forms."""
    found: dict[tuple[str, str, str], Endpoint] = {}
    for region in catalog.regions:
        if region.partition.support is Support.REFUSED:
            continue
        for forms in (ORDINARY, Forms(fips=True), Forms(dualstack=True)):
            for one in catalog.endpoints(region, forms):
                found[one.region, one.id, one.pattern] = one
    return tuple(found.values())
