"""``fleet --handoff DIR``: a text per site and owner, with additive rules over all their hosts."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from netprobe.errors import CannotExpressError, UsageError

if TYPE_CHECKING:
    from netprobe.catalog.model import Endpoint
    from netprobe.fleet.census import Census
    from netprobe.fleet.handoff import HandoffRequest
    from netprobe.fleet.model import Fleet

NAME = "netprobe-fleet"
"""The stem of its objects: a part of the endpoints never takes the place of the whole list."""
_ENDING = ".txt"


def checked(folder: Path | None, target: str | None) -> str | None:
    """Check ``--handoff`` and ``--handoff-target`` before anything is read.

    Raises:
        UsageError: there is no such target, or a target without a folder.
    """
    if target is None:
        return None
    if folder is None:
        raise UsageError("--handoff-target", "there is no hand-off to put its rules into", "give --handoff DIR")
    from netprobe.render import targets

    targets.get(target)
    return target


def write(folder: Path, target: str | None, fleet: Fleet, census: Census) -> None:
    """Write one text for each site and owner that has something to change; old ones that are no longer due go.

    Raises:
        UsageError: the folder cannot be written, or holds somebody's file of such a name.
    """
    from netprobe import catalog
    from netprobe.cli.folder import write_folder
    from netprobe.fleet.handoff import requests, text

    edition = catalog.load().version
    files: dict[str, str] = {}
    for request in requests(fleet, census):
        rules = _rules(target, request) if target is not None else ()
        files[_file(request, files)] = text(request, fleet, edition=edition, target=target or "", rules=rules)
    ours = [path.name for path in folder.glob(f"*{_ENDING}")] if os.path.isdir(folder) else []
    write_folder(folder, files, owned=[*files, *ours])


def _file(request: HandoffRequest, taken: dict[str, str]) -> str:
    """A file name of plain letters: a site is a text that a host chose."""
    site = re.sub(r"[^a-z0-9.-]+", "-", request.site.lower()).strip("-.")[:60] or "no-site"
    stem = f"{site}-{request.owner}"
    number = 1
    while (name := f"{stem}{f'-{number}' if number > 1 else ''}{_ENDING}") in taken:
        number += 1
    return name


def _rules(target: str, request: HandoffRequest) -> Sequence[str]:
    """The rules for a device, or why there are none."""
    from netprobe import catalog
    from netprobe.cli.output import say
    from netprobe.render import Origin, policy, render
    from netprobe.render.model import Layer
    from netprobe.render.targets import get

    module = get(target)
    asked = request.names if module.LAYER is Layer.DNS else request.connections
    endpoints = _endpoints(asked)
    if not endpoints:
        return (f"None: no list of destinations on {target} would remove what is described above.",)
    origin = Origin(
        command=f"netprobe fleet REPORTS --handoff DIR --handoff-target {target}",
        catalog=catalog.load().named,
        notes=("only what the reports of these hosts found blocked",),
    )
    try:
        # Only where the device tells clients apart does a rule that allows name them.
        sources = request.addresses if module.SCOPE.narrows and len(request.addresses) <= policy.MAX_SOURCES else ()
        wanted = policy.policy(name=NAME, sources=sources)
        policy.settle(module, wanted)
        settings = policy.options(module.CAPABILITY, endpoints)
        rendered = render(target, endpoints, origin=origin, options=settings, policy=wanted)
    except (CannotExpressError, UsageError) as exc:
        say(f"netprobe: no rules for {target} in the hand-off to {request.site}: {exc}")
        return (f"No rules can be given: {exc}",)
    return rendered.main.expandtabs(4).splitlines()


def _endpoints(keys: Sequence[str]) -> tuple[Endpoint, ...]:
    """The catalog's endpoints of ``REGION/ID``; what a report calls otherwise is nobody's to allow."""
    from netprobe import catalog, requirements

    known = catalog.load()
    regions = sorted({key.partition("/")[0] for key in keys})
    wanted = set(keys)
    groups = [group.id for group in known.groups]
    found: list[Endpoint] = []
    for region in regions:
        try:
            every = requirements.endpoints(known, regions=[region], with_groups=groups)
        except UsageError:
            continue  # a region that this catalog does not know: nothing of it can be rendered
        found += [one for one in every if f"{one.region}/{one.id}" in wanted]
    return tuple(found)
