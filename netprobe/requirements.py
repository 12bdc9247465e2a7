"""Regions and groups → the endpoints that must work.

The one place where ``check``, ``render`` and ``endpoints`` learn what a host needs, so that a probe and an allowlist
can never disagree. Refusals come first: a China region anywhere in the request ends it before anything else is looked
at, and long before a packet could leave.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from netprobe.catalog.model import ORDINARY, Endpoint, Forms, Region, Support
from netprobe.catalog.store import Catalog
from netprobe.errors import UsageError
from netprobe.nearest import meant, nearest


def endpoints(
    catalog: Catalog,
    *,
    regions: Sequence[str],
    with_groups: Iterable[str] = (),
    without_groups: Iterable[str] = (),
    forms: Forms = ORDINARY,
    extra: Sequence[Endpoint] = (),
) -> tuple[Endpoint, ...]:
    """What a host needs, in the order of the catalog, region by region.

    Args:
        catalog: the facts.
        regions: region ids, comma lists, ``all``.
        with_groups: groups (or comma lists of them) beyond the default ones.
        without_groups: groups to leave out. An endpoint stays while another chosen group needs it.
        forms: how the host names what it talks to, and the account of its registry.
        extra: the user's own endpoints (``catalog.overlay``) and a workload's; they need no ``with_groups``, may be in
            regions that were not asked for (an image in another region's registry), and ``without_groups`` applies.

    Raises:
        UsageError: a refused or unknown region, an unknown group, a bad account, or nothing left to look at.
    """
    chosen_regions = catalog.select(regions)
    known = (*(group.id for group in catalog.groups), *(endpoint.group for endpoint in extra))
    wanted = _words(with_groups, known)
    unwanted = _words(without_groups, known)
    groups = [g for g in catalog.groups if (g.default or g.id in wanted) and g.id not in unwanted]
    homes: dict[str, list[str]] = {}
    for group in groups:
        for member in group.endpoints:
            homes.setdefault(member, []).append(group.id)
    own = [endpoint for endpoint in extra if endpoint.group not in unwanted]
    found = [
        endpoint
        for region in chosen_regions
        for endpoint in (
            *(_at_home(one, homes[one.id]) for one in catalog.endpoints(region, forms) if one.id in homes),
            *(one for one in own if one.region == region.id),
        )
    ]
    chosen_ids = {region.id for region in chosen_regions}
    found += [one for one in own if one.region not in chosen_ids]
    if not found:
        raise UsageError(
            ", ".join(sorted(unwanted)) or "the request",
            "no endpoint is left to look at",
            "leave out fewer groups, or name one with --with",
        )
    return _merged(found)


def _at_home(endpoint: Endpoint, chosen: Sequence[str]) -> Endpoint:
    """The endpoint in a group that was asked for: with only ``exec`` chosen, kms says nothing of ``secrets``."""
    return endpoint if endpoint.group in chosen else msgspec.structs.replace(endpoint, group=chosen[0])


def _merged(found: Sequence[Endpoint]) -> tuple[Endpoint, ...]:
    """Each endpoint once, required if anyone requires it.

    Once a workload names its registries, the catalog's ``*.dkr.ecr…``, which stands for an account that nobody named
    and would admit everyone's, is not needed in any region.
    """
    named = {one.entry for one in found if not one.placeholder_account}
    merged: dict[tuple[str, str, str, int], Endpoint] = {}
    for one in found:
        if one.placeholder_account and one.entry in named:
            continue
        key = (one.id, one.region, one.pattern, one.port)
        before = merged.setdefault(key, one)
        if one.required and not before.required:
            merged[key] = msgspec.structs.replace(before, required=True)
    return tuple(_distinct(merged.values()))


def _distinct(found: Iterable[Endpoint]) -> Iterator[Endpoint]:
    """No two endpoints of a region share an id: the registry of a second account is named by that account, too."""
    ids: set[tuple[str, str]] = set()
    for one in found:
        label = re.sub(r"[^a-z0-9]+", "-", one.pattern.split(".")[0]).strip("-")
        for name in (one.id, f"{one.id}-{label}", f"{one.id}-{label}-{one.port}"):
            if (name, one.region) not in ids:
                break
        ids.add((name, one.region))
        yield one if name == one.id else msgspec.structs.replace(one, id=name)


def notes(
    regions: Sequence[Region], with_groups: Iterable[str] = (), catalog: Catalog | None = None
) -> tuple[str, ...]:
    """What a reader must know about these regions, one plain sentence each.

    Args:
        regions: the regions that were chosen.
        with_groups: the groups that were asked for; with ``catalog``, those that are empty in a region are told.
        catalog: the facts.
    """
    unconfirmed = [r.id for r in regions if r.partition.support is Support.UNCONFIRMED]
    found = []
    if unconfirmed:
        found.append(
            f"{', '.join(unconfirmed)}: no AWS page confirms that ECS Anywhere is offered there; "
            "names are built by the rules of the partition"
        )
    found += [f"{region.id}: {region.note}" for region in regions if region.note]
    if catalog is not None:
        wanted = _words(with_groups, (group.id for group in catalog.groups))
        for region in regions:
            there = {endpoint.id for endpoint in catalog.endpoints(region)}
            found += [
                f"{region.id}: the group {group.id} has no endpoint there"
                for group in catalog.groups
                if group.id in wanted and not there.intersection(group.endpoints)
            ]
    return tuple(found)


def _words(given: Iterable[str], known: Iterable[str]) -> frozenset[str]:
    """Split comma lists and refuse what is no group, naming the nearest."""
    ids = list(dict.fromkeys(known))
    words = [word.strip().lower() for text in given for word in text.split(",") if word.strip()]
    for word in words:
        if word not in ids:
            remedy = meant(nearest(word, ids, most=1), f"the groups are {', '.join(ids)}")
            raise UsageError(word, "there is no such group", remedy)
    return frozenset(words)
