"""From options to endpoints: every command that takes regions and groups comes through here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from netprobe.checking.selection import Selection
from netprobe.checking.selection import select as chosen
from netprobe.cli import config, values
from netprobe.cli.options import listed

if TYPE_CHECKING:
    from netprobe.catalog.model import Forms


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
    from msgspec.structs import replace

    from netprobe.catalog import ORDINARY

    forms = forms or ORDINARY
    return chosen(
        regions=listed(region),
        with_groups=listed(with_groups),
        without_groups=listed(without_groups),
        forms=replace(forms, account=values.account(forms.account)),
        task_definitions=task_definition or (),
        own_endpoints=config.of(ctx).tables("endpoint"),
    )
