"""Task definitions and services: the endpoints they need, and what external instances cannot do for them.

Read from files, never from AWS. ``endpoints`` feeds probe and allowlist (``--task-definition FILE``); the rules in
``netprobe.workload.rules`` are those of ``netprobe workload``.

The command line and ``checking`` may import it, probes and render never do: they take the endpoints. It never asks AWS,
and never runs what a file says.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from netprobe.catalog import ORDINARY

if TYPE_CHECKING:
    from netprobe.catalog import Catalog, Endpoint, Forms, Region

_REMEDY = "give the task definition as 'aws ecs describe-task-definition' prints it, or Terraform's plan as JSON"


def endpoints(
    paths: Sequence[Path],
    *,
    catalog: Catalog,
    regions: Sequence[Region],
    wanted: Forms = ORDINARY,
) -> tuple[Endpoint, ...]:
    """What the workloads in these files need, for the regions and in the forms that the user named.

    Raises:
        UnreadableFileError: a file is missing, broken, or holds no workload.
        UsageError: a file names a region that does not exist or is refused.
    """
    from netprobe.errors import UnreadableFileError
    from netprobe.rules import CannotJudgeError
    from netprobe.workload import forms, required

    try:
        return required.endpoints(forms.read(paths), catalog=catalog, regions=regions, forms=wanted)
    except CannotJudgeError as exc:
        names = ", ".join(map(str, paths))
        raise UnreadableFileError(names, f"needs what the file does not tell ({exc})", _REMEDY) from exc
