"""Task definitions and services: the endpoints they need, and what external instances cannot do for them.

Read from files, never from AWS. ``endpoints`` feeds probe and allowlist (``--task-definition FILE``); the rules in
``netprobe.workload.rules`` are those of ``netprobe workload``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netprobe.catalog import Catalog, Endpoint, Region


def endpoints(
    paths: Sequence[Path],
    *,
    catalog: Catalog,
    regions: Sequence[Region],
    fips: bool = False,
    dualstack: bool = False,
    ipv6_only: bool = False,
) -> tuple[Endpoint, ...]:
    """What the workloads in these files need, for the regions and in the forms that the user named.

    Raises:
        UnreadableFileError: a file is missing, broken, or holds no workload.
        UsageError: a file names a region that does not exist or is refused.
    """
    from netprobe.workload import forms, required

    wanted = required.Forms(fips=fips, dualstack=dualstack, ipv6_only=ipv6_only)
    return required.endpoints(forms.read(paths), catalog=catalog, regions=regions, forms=wanted)
