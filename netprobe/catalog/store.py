"""The catalog as one object: what is in ``data/``, read once, and the questions that everyone asks of it.

Loading costs a few milliseconds and imports nothing heavy, so that ``netprobe render`` feels instant. The files ship in
the package: a fault in them is a bug, not a user's mistake, and surfaces as such; tests hold the data to its rules. An
import (``netprobe.catalog.imports``) was held to the same rules before it was kept.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from netprobe.catalog import answers, edition, tables
from netprobe.catalog.edition import FACTS, Imported
from netprobe.catalog.entries import EndpointEntry
from netprobe.catalog.model import ORDINARY, Answered, Endpoint, Forms, Group, Partition, Region, Request, Support
from netprobe.errors import RefusedRegionError, UnknownRegionError, UsageError
from netprobe.nearest import meant, nearest

_LIST = "see them with: netprobe regions"


class PartitionData(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One partition of ``partitions.json``."""

    id: str
    dns_suffix: str
    dual_stack_dns_suffix: str
    regions: dict[str, str]


class PartitionsFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``partitions.json``: what botocore knows, and which botocore it was."""

    botocore: str
    partitions: tuple[PartitionData, ...]


class _GroupData(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: str
    description: str
    default: bool = False


class _EndpointsFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: str
    probe: dict[str, Request]
    group: tuple[_GroupData, ...]
    endpoint: tuple[EndpointEntry, ...]


class Catalog(msgspec.Struct, frozen=True, kw_only=True):
    """The facts, and queries over them.

    Attributes:
        version: the day of the newest hand-made change.
        digest: SHA-256 of the data files; the same digest gives the same endpoints.
        botocore: the botocore that partitions and regions were taken from.
        partitions: every partition, China's too.
        regions: every region, the refused ones too, by partition and name.
        groups: in the order of the data file.
        entries: the endpoints before they are made concrete for a region.
        requests: what probes ask, by the names that entries use.
        answers: what the services answer to it, by entry, and how that is known.
        launched_before_2024: the regions for which AWS runs the older APIs as well.
        imported: where it came from; None for what ships.
    """

    version: str
    digest: str
    botocore: str
    partitions: tuple[Partition, ...]
    regions: tuple[Region, ...]
    groups: tuple[Group, ...]
    entries: tuple[EndpointEntry, ...]
    requests: Mapping[str, Request]
    answers: Mapping[str, tuple[Answered, ...]]
    launched_before_2024: frozenset[str]
    imported: Imported | None = None

    @property
    def imported_from(self) -> str:
        """Of which file, when, and signed by whom; nothing for what ships."""
        return self.imported.told() if self.imported is not None else ""

    @property
    def named(self) -> str:
        """The version, and of an import who signed it: what stands in a file that was made of it."""
        return f"{self.version} (imported, signed by {self.imported.signed_by})" if self.imported else self.version

    def region(self, name: str) -> Region:
        """One region by its id.

        Raises:
            RefusedRegionError: a China region, whether it exists or not.
            UnknownRegionError: no such region; the nearest names are told.
        """
        wanted = name.strip().lower()
        if _is_china(wanted):
            raise RefusedRegionError(
                wanted,
                "Amazon ECS Anywhere does not register external instances in the China regions, and netprobe sends "
                "nothing there",
                "name a region of another partition",
            )
        for region in self.regions:
            if region.id == wanted:
                return region
        raise UnknownRegionError(wanted or "an empty name", "no AWS region has this name", self._nearest(wanted))

    def _nearest(self, wanted: str) -> str:
        """A remedy that names what was probably meant, by id or by the words of a description (``ohio``)."""
        known = [r for r in self.regions if r.partition.support is not Support.REFUSED]
        ids = [r.id for r in known]
        near = [r.id for r in known if len(wanted) > 3 and wanted in r.description.lower()]
        near += [i for i in nearest(wanted, ids, cutoff=0.7) if i not in near]
        return meant(near[:3], _LIST)

    def select(self, names: Iterable[str]) -> tuple[Region, ...]:
        """The regions that ``names`` mean, each once, in the order given.

        Args:
            names: region ids, comma lists of them, or ``all`` for every region where AWS documents ECS Anywhere.

        Raises:
            RefusedRegionError: a China region is among them, wherever it stands.
            UnknownRegionError: one of them does not exist.
            UsageError: nothing is named.
        """
        words = [word.strip().lower() for name in names for word in name.split(",") if word.strip()]
        if not words:
            raise UsageError("no region", "nothing was named", "name one with --region, for example us-east-2")
        for word in filter(_is_china, words):
            self.region(word)
        chosen: dict[str, Region] = {}
        for word in words:
            found = self.supported() if word == "all" else (self.region(word),)
            chosen.update((region.id, region) for region in found)
        return tuple(chosen.values())

    def supported(self) -> tuple[Region, ...]:
        """Every region where an AWS page offers ECS Anywhere (what ``all`` means)."""
        return tuple(r for r in self.regions if r.support is Support.DOCUMENTED)

    def endpoints(self, region: Region | str, forms: Forms = ORDINARY) -> tuple[Endpoint, ...]:
        """Every endpoint of every group in one region, in the order of the data file.

        Args:
            region: a region or its id.
            forms: how the host names them.

        Raises:
            UsageError: a region that is refused or unknown, or an account that is not twelve digits.
        """
        where = self.region(region if isinstance(region, str) else region.id)
        account = forms.account
        if account is not None and not (len(account) == 12 and account.isascii() and account.isdigit()):
            raise UsageError(account, "an AWS account id has twelve digits", "give the id of the registry's account")
        old = where.id in self.launched_before_2024
        return tuple(
            endpoint
            for entry in self.entries
            if entry.exists_in(where, launched_before_2024=old)
            for endpoint in entry.expand(where, self.requests[entry.probe], forms, self.answers[entry.id])
        )


def _is_china(name: str) -> bool:
    return name == "cn" or name.startswith("cn-")


def parse_partitions(data: bytes) -> PartitionsFile:
    """Read ``partitions.json``; raises msgspec.ValidationError on anything unexpected."""
    return msgspec.json.decode(data, type=PartitionsFile)


def build(files: Mapping[str, bytes]) -> Catalog:
    """Make a catalog of the bytes of its data files.

    Args:
        files: the content of ``endpoints.toml``, ``answers.toml``, ``partitions.json`` and ``regions.toml`` by name,
            and of the twin of those that are TOML, which may be missing or old.
    """
    known = parse_partitions(files["partitions.json"])
    table = tables.parsed(files)
    ours = table["regions.toml"]
    endpoints = msgspec.convert(table["endpoints.toml"], _EndpointsFile)
    partitions = tuple(
        Partition(
            id=p.id,
            dns_suffix=p.dns_suffix,
            dual_stack_dns_suffix=p.dual_stack_dns_suffix,
            support=Support(ours["support"][p.id]),
        )
        for p in known.partitions
    )
    digest = hashlib.sha256()
    for name in FACTS:
        digest.update(f"{name} {len(files[name])}\n".encode() + files[name])
    return Catalog(
        version=endpoints.version,
        digest=digest.hexdigest(),
        botocore=known.botocore,
        partitions=partitions,
        regions=_regions(known.partitions, partitions, ours),
        groups=tuple(_group(g, endpoints.endpoint) for g in endpoints.group),
        entries=endpoints.endpoint,
        requests=endpoints.probe,
        answers=answers.of_entries(answers.records(table[answers.NAME]), endpoints.endpoint, endpoints.probe),
        launched_before_2024=frozenset(ours["launched"]["before_2024"]),
    )


def _regions(
    data: Sequence[PartitionData], partitions: Sequence[Partition], ours: Mapping[str, Any]
) -> tuple[Region, ...]:
    return tuple(
        Region(
            id=name,
            description=description,
            partition=partition,
            note=ours["notes"].get(name, ""),
            closed=name in ours["closed"]["regions"],
        )
        for known, partition in zip(data, partitions, strict=True)
        for name, description in known.regions.items()
    )


def _group(data: _GroupData, entries: Sequence[EndpointEntry]) -> Group:
    ids = tuple(i for entry in entries if data.id in entry.groups for i in entry.ids)
    return Group(id=data.id, description=data.description, default=data.default, endpoints=ids)


@functools.cache
def load() -> Catalog:
    """The catalog that counts here: what ships with netprobe, or a newer one that was imported.

    Raises:
        UnreadableFileError: an import cannot be used.
    """
    newest = edition.current()
    return msgspec.structs.replace(build(newest.files), imported=newest.imported)
