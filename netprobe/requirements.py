"""Regions × groups → the endpoints that must work.

The one place where ``check``, ``render`` and ``endpoints`` learn what a host needs, so that a probe and an allowlist can
never disagree. Refusals come first: a China region anywhere in the request ends it before anything else is looked at,
and long before a packet could leave.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from netprobe.catalog.model import Endpoint, Group, Region, Support
from netprobe.catalog.store import Catalog
from netprobe.errors import UsageError


def endpoints(
    catalog: Catalog,
    *,
    regions: Sequence[str],
    with_groups: Iterable[str] = (),
    without_groups: Iterable[str] = (),
    account: str | None = None,
    fips: bool = False,
    dualstack: bool = False,
    ipv6_only: bool = False,
    extra: Sequence[Endpoint] = (),
) -> tuple[Endpoint, ...]:
    """What a host needs, in the order of the catalog, region by region.

    Args:
        catalog: the facts.
        regions: region ids, comma lists, ``all``.
        with_groups: groups (or comma lists of them) beyond the default ones.
        without_groups: groups to leave out. An endpoint stays while another chosen group needs it.
        account: the account of the ECR registry, twelve digits.
        fips: name the FIPS forms.
        dualstack: name the dual-stack forms.
        ipv6_only: name what a host without IPv4 uses.
        extra: the user's own endpoints (``catalog.overlay``); those whose region is not asked for are left out, and
            ``without_groups`` applies to them too.

    Raises:
        UsageError: a refused or unknown region, an unknown group, a bad account, or nothing left to look at.
    """
    chosen_regions = catalog.select(regions)
    known = (*catalog.groups, *_own_groups(extra))
    wanted = _words(with_groups, known)
    unwanted = _words(without_groups, known)
    groups = [g for g in known if (g.default or g.id in wanted) and g.id not in unwanted]
    ids = frozenset(i for group in groups for i in group.endpoints)
    found = tuple(
        endpoint
        for region in chosen_regions
        for endpoint in (
            *catalog.endpoints(region, account=account, fips=fips, dualstack=dualstack, ipv6_only=ipv6_only),
            *(own for own in extra if own.region == region.id),
        )
        if endpoint.id in ids
    )
    if not found:
        raise UsageError(
            ", ".join(sorted(unwanted)) or "the request",
            "no endpoint is left to look at",
            "leave out fewer groups, or name one with --with",
        )
    return found


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
        wanted = _words(with_groups, catalog.groups)
        for region in regions:
            there = {endpoint.id for endpoint in catalog.endpoints(region)}
            found += [
                f"{region.id}: the group {group.id} has no endpoint there"
                for group in catalog.groups
                if group.id in wanted and not there.intersection(group.endpoints)
            ]
    return tuple(found)


def _own_groups(extra: Sequence[Endpoint]) -> tuple[Group, ...]:
    """The user's endpoints by group: written down means wanted, whatever the default of the group."""
    names = dict.fromkeys(endpoint.group for endpoint in extra)
    return tuple(
        Group(
            id=name,
            description="of netprobe.toml",
            default=True,
            endpoints=tuple(dict.fromkeys(endpoint.id for endpoint in extra if endpoint.group == name)),
        )
        for name in names
    )


def _words(given: Iterable[str], known: Sequence[Group]) -> frozenset[str]:
    """Split comma lists and refuse what is no group, naming the nearest."""
    ids = list(dict.fromkeys(group.id for group in known))
    words = [word.strip().lower() for text in given for word in text.split(",") if word.strip()]
    for word in words:
        if word not in ids:
            near = difflib.get_close_matches(word, ids, n=1)
            meant = f"did you mean {near[0]}? " if near else ""
            raise UsageError(word, "there is no such group", f"{meant}the groups are {', '.join(ids)}")
    return frozenset(words)
