"""Saved reports as commands take them: from anybody, by mail, and so never a reason to send what nobody would send.

China is refused in them as everywhere. A look at the path sends packets, and a report could name any address and port
of this network: only what a check probes is taken from it, names of the catalog or of ``netprobe.toml`` at their own
ports, resolvers at port 53, proxies at the ports that proxies have.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import typer

    from netprobe.observations import Observation
    from netprobe.report.model import Report

PROXY_PORTS = frozenset({80, 443, 1080, 3128, 3129, 8000, 8080, 8081, 8443, 8888})
"""Where proxies listen: Squid, SOCKS, Tinyproxy, Zscaler, and what vendors' guides use."""
_MAX_TOLD = 5


def read(path: Path) -> Report:
    """Read a saved report.

    Raises:
        UnreadableFileError: it is none.
        RefusedRegionError: it is about a region of China.
    """
    from netprobe import catalog
    from netprobe.catalog.overlay import refuse_china
    from netprobe.errors import RefusedRegionError, UsageError
    from netprobe.report import read as decoded

    report = decoded(path)
    regions = {*report.regions, *(one.region for one in report.endpoints), *(o.region for o in report.observations)}
    known = catalog.load()
    for region in sorted(regions):
        try:
            known.region(region)
        except RefusedRegionError:
            raise
        except UsageError:
            continue  # a region that this catalog does not know: what to make of it is the command's
    for host in sorted({o.host for o in report.observations} | {h.host for e in report.endpoints for h in e.hosts}):
        refuse_china(host.rstrip(".").lower(), host)
    return report


def worth_a_look(ctx: typer.Context, observations: Iterable[Observation]) -> tuple[list[Observation], list[str]]:
    """The observations of what a check probes, and what else a report names (in words, the first few).

    Args:
        ctx: the command's context, for the endpoints of ``netprobe.toml``.
        observations: those of the report.
    """
    from netprobe import catalog
    from netprobe.catalog import overlay
    from netprobe.cli import config
    from netprobe.observe.matching import Matcher, every_endpoint

    known = catalog.load()
    regions = [region for region in known.regions if region.partition.support != "refused"]
    own = overlay.parse(config.of(ctx).tables("endpoint"), regions)
    matcher = Matcher([*every_endpoint(known), *own])
    kept: list[Observation] = []
    strange: dict[str, None] = {}
    for one in observations:
        ports = {endpoint.port for endpoint in matcher.find(one.host)}
        if one.port in ports and _ordinary(one):
            kept.append(one)
        else:
            strange[f"{one.host}:{one.port}"] = None
    more = [f"and {len(strange) - _MAX_TOLD} more"] if len(strange) > _MAX_TOLD else []
    return kept, [*list(strange)[:_MAX_TOLD], *more]


def _ordinary(one: Observation) -> bool:
    """Whether resolver and proxy of an observation are at the ports that such have."""
    from netprobe.observations import DnsDetail, ProxyDetail

    if isinstance(one.detail, DnsDetail):
        return one.detail.transport == "file" or one.detail.resolver.rpartition(":")[2] == "53"
    if isinstance(one.detail, ProxyDetail):
        port = one.detail.proxy.rpartition(":")[2]
        return port.isascii() and port.isdigit() and len(port) <= 5 and int(port) in PROXY_PORTS
    return True
