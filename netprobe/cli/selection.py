"""From options to endpoints: the one way in which every command turns regions and groups into what must work.

China is refused here, before anything else is read or sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import typer

from netprobe.cli import config, values
from netprobe.cli.options import listed
from netprobe.errors import UsageError

if TYPE_CHECKING:
    from netprobe.catalog import Catalog
    from netprobe.catalog.model import Endpoint, Forms, Region


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
    ctx: typer.Context,
    *,
    region: Sequence[str] | None,
    with_groups: Sequence[str] | None = None,
    without_groups: Sequence[str] | None = None,
    forms: Forms | None = None,
    task_definition: Sequence[Path] | None = None,
) -> Selection:
    """Turn the shared options into regions and endpoints.

    Raises:
        UsageError: no region, an unknown or refused one, an unknown group, a file that cannot be used.
    """
    from netprobe import catalog as catalogs
    from netprobe import requirements
    from netprobe.catalog import overlay

    forms = forms or catalogs.ORDINARY
    forms = msgspec.structs.replace(forms, account=values.account(forms.account))
    names = listed(region)
    if not names:
        raise UsageError(
            "--region",
            "no region is given, and netprobe does not guess one",
            'give -r us-east-2, set NETPROBE_REGION, or write region = ["us-east-2"] into netprobe.toml',
        )
    catalog = catalogs.load()
    regions = catalog.select(names)
    settings = config.of(ctx)
    extra: list[Endpoint] = list(overlay.parse(settings.tables("endpoint"), regions))
    for origin in dict.fromkeys(one.origin for one in extra if one.origin):
        from netprobe.probes import trust  # late: hardly anybody has a mirror with a CA of its own

        trust.validate(Path(origin))
    if task_definition:
        from netprobe import workload

        extra += workload.endpoints(task_definition, catalog=catalog, regions=regions, wanted=forms)
    return Selection(
        catalog=catalog,
        regions=regions,
        endpoints=requirements.endpoints(
            catalog,
            regions=[one.id for one in regions],
            with_groups=listed(with_groups),
            without_groups=listed(without_groups),
            forms=forms,
            extra=tuple(extra),
        ),
    )
