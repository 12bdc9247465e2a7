"""From what was asked for to endpoints: the one way in which every command turns regions and groups into needs.

China is refused here, before anything else is read or sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from netprobe import catalog as catalogs
from netprobe import requirements
from netprobe.catalog import ORDINARY, Catalog, Endpoint, Forms, Region, overlay
from netprobe.errors import UsageError


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """What a command is about.

    Attributes:
        catalog: the facts.
        regions: the regions asked for, in the order given.
        endpoints: what must work there (or may: see ``Endpoint.required``).
    """

    catalog: Catalog
    regions: tuple[Region, ...]
    endpoints: tuple[Endpoint, ...]


def select(
    *,
    regions: Sequence[str],
    with_groups: Sequence[str] = (),
    without_groups: Sequence[str] = (),
    forms: Forms = ORDINARY,
    task_definitions: Sequence[Path] = (),
    own_endpoints: Sequence[Mapping[str, Any]] = (),
) -> Selection:
    """The regions and endpoints that are meant.

    Args:
        regions: region ids or ``all``.
        with_groups: groups beyond the default ones.
        without_groups: groups to leave out.
        forms: how the host names what it talks to.
        task_definitions: files whose needs count too.
        own_endpoints: the tables ``[[endpoint]]`` of netprobe.toml.

    Raises:
        UsageError: no region, an unknown or refused one, an unknown group, a file that cannot be used.
    """
    if not regions:
        raise UsageError(
            "--region",
            "no region is given, and netprobe does not guess one",
            'give -r us-east-2, set NETPROBE_REGION, or write region = ["us-east-2"] into netprobe.toml',
        )
    catalog = catalogs.load()
    chosen = catalog.select(regions)
    extra: list[Endpoint] = list(overlay.parse(own_endpoints, chosen))
    for origin in dict.fromkeys(one.origin for one in extra if one.origin):
        from netprobe.probes import trust  # late: hardly anybody has a mirror with a CA of its own

        trust.validate(Path(origin))
    if task_definitions:
        from netprobe import workload

        extra += workload.endpoints(task_definitions, catalog=catalog, regions=chosen, wanted=forms)
    endpoints = requirements.endpoints(
        catalog,
        regions=[one.id for one in chosen],
        with_groups=with_groups,
        without_groups=without_groups,
        forms=forms,
        extra=tuple(extra),
    )
    return Selection(catalog=catalog, regions=chosen, endpoints=endpoints)
