"""A catalog entry as it stands in ``endpoints.toml``, and what it becomes in one region.

An entry names a host by a template (``ecs.{region}.{suffix}``) and, where AWS has them, the other forms of that name.
What a host *uses* decides which form is required, not what exists:

- ``fips`` and ``dualstack`` take the place of the ordinary name, as in AWS's SDKs; but a form that is listed in
  ``beside`` is used only by an agent that was told to (the SSM Agent builds its own names, agents on dual-stack hosts
  keep the IPv4 names, amazon-ecs-agent#4694). Then the ordinary name stays as it is and the other form becomes an
  optional endpoint of its own, ``ID-fips`` or ``ID-dualstack``.
- a host that has no IPv4 cannot use a name without IPv6 addresses: there the dual-stack form always takes the place.

The templates were read where each entry's ``source`` says; nothing here reads a file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from netprobe.catalog.model import Agent, Answered, Endpoint, Forms, Region, Request, Variant

_BESIDE = {
    Variant.FIPS: "used only by an agent or task that was told to use FIPS names",
    Variant.DUALSTACK: "used only by an agent or task that was told to use dual-stack names",
}


class EndpointEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ``[[endpoint]]`` of ``endpoints.toml``.

    Attributes:
        id: a stable word.
        groups: the groups that it belongs to; the first is its home.
        host: the ordinary name, a template of ``{region} {suffix} {dualstack_suffix} {account} {word}``.
        purpose: one plain sentence.
        used_by: which agents talk to it.
        source: the page or source file that says so.
        checked: the day it was read.
        probe: which ``[probe.…]`` of the file a probe makes.
        port: the TCP port.
        required: whether a host that needs the group is not ready without it.
        fips: the FIPS form, or None.
        fips_in: the regions where that form exists.
        dualstack: the dual-stack form, or None.
        dualstack_partitions: the partitions where that form exists; empty for all.
        fips_dualstack: the form that is both, or None.
        beside: which forms stand beside the ordinary name (see the module).
        partitions: the partitions where it exists; empty for all.
        only_in: the regions where it exists; empty for all.
        not_in: the regions where it does not.
        words: region → the word for ``{word}``, where AWS gave a bucket a suffix; it exists in these regions only.
        before_2024: it exists only in regions launched before 2024.
        numbered: the asterisk of ``host`` is a number that AWS picks.
        stands_in_for: the numbered endpoint that makes this one unneeded.
        optional_since: the agent's version from which it is optional, or nothing.
        note: what else a reader should know.
    """

    id: str
    groups: tuple[str, ...]
    host: str
    purpose: str
    used_by: tuple[Agent, ...]
    source: str
    checked: str
    probe: str
    port: int = 443
    required: bool = False
    fips: str | None = None
    fips_in: tuple[str, ...] = ()
    dualstack: str | None = None
    dualstack_partitions: tuple[str, ...] = ()
    fips_dualstack: str | None = None
    beside: tuple[Variant, ...] = ()
    partitions: tuple[str, ...] = ()
    only_in: tuple[str, ...] = ()
    not_in: tuple[str, ...] = ()
    words: dict[str, str] = {}
    before_2024: bool = False
    numbered: bool = False
    stands_in_for: str | None = None
    optional_since: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        """Refuse an entry that contradicts itself (``msgspec`` reports a ValueError with the entry's place)."""
        if not self.groups:
            raise ValueError(f"{self.id} belongs to no group")
        if Variant.ORDINARY in self.beside:
            raise ValueError(f"{self.id}: beside holds something other than fips and dualstack")
        if bool(self.fips) != bool(self.fips_in):
            raise ValueError(f"{self.id}: a FIPS form needs the regions where it exists")

    @property
    def ids(self) -> tuple[str, ...]:
        """Every endpoint id that the entry can become."""
        names = {Variant.FIPS: self.fips, Variant.DUALSTACK: self.dualstack}
        return (self.id, *(self._id(variant) for variant, name in names.items() if name and variant in self.beside))

    def _id(self, variant: Variant) -> str:
        return self.id if variant is Variant.ORDINARY else f"{self.id}-{variant}"

    def exists_in(self, region: Region, *, launched_before_2024: bool) -> bool:
        """Whether AWS runs this in ``region``."""
        return (
            (not self.partitions or region.partition.id in self.partitions)
            and (not self.only_in or region.id in self.only_in)
            and region.id not in self.not_in
            and (not self.words or region.id in self.words)
            and (launched_before_2024 or not self.before_2024)
        )

    def expand(
        self, region: Region, request: Request, forms: Forms, answers: tuple[Answered, ...] = ()
    ) -> Iterator[Endpoint]:
        """What the entry becomes in ``region``: one endpoint, and one for each form that stands beside it."""
        for template, variant in self._names(region, forms):
            yield self._endpoint(region, request, answers, forms.account, template, variant)

    def _names(self, region: Region, forms: Forms) -> Iterator[tuple[str, Variant]]:
        """Each name as a template, with the form that it is in."""
        fips_name = self.fips if forms.fips and region.id in self.fips_in else None
        dual_name = self.dualstack if self._has_dualstack(region) else None
        if forms.ipv6_only and dual_name:
            yield (self.fips_dualstack or dual_name) if fips_name else dual_name, Variant.ORDINARY
            return
        ordinary = self.host
        if fips_name and Variant.FIPS not in self.beside:
            ordinary = fips_name
            dual_name = dual_name and (self.fips_dualstack or dual_name)
        in_place = forms.dualstack and Variant.DUALSTACK not in self.beside
        yield (dual_name if in_place and dual_name else ordinary), Variant.ORDINARY
        if fips_name and Variant.FIPS in self.beside:
            yield fips_name, Variant.FIPS
        if dual_name and forms.dualstack and not in_place:
            yield dual_name, Variant.DUALSTACK

    def _has_dualstack(self, region: Region) -> bool:
        return not self.dualstack_partitions or region.partition.id in self.dualstack_partitions

    def _endpoint(
        self,
        region: Region,
        request: Request,
        answers: tuple[Answered, ...],
        account: str | None,
        template: str,
        variant: Variant,
    ) -> Endpoint:
        words = {
            "region": region.id,
            "suffix": region.partition.dns_suffix,
            "dualstack_suffix": region.partition.dual_stack_dns_suffix,
            "account": account or "*",
        }
        if self.words:
            words["word"] = self.words[region.id]
        pattern = template.format_map(words)
        # Nothing says that a host in the European Sovereign Cloud reaches out to the other partition's names.
        unconfirmed = region.partition.id == _SOVEREIGN and pattern.endswith(".amazonaws.com")
        notes = (self.note, _UNCONFIRMED if unconfirmed else "", _BESIDE.get(variant, ""))
        return Endpoint(
            id=self._id(variant),
            entry=self.id,
            variant=variant,
            region=region.id,
            group=self.groups[0],
            pattern=pattern,
            port=self.port,
            purpose=self.purpose,
            used_by=self.used_by,
            required=self.required and variant is Variant.ORDINARY and not unconfirmed,
            source=self.source,
            checked=self.checked,
            request=_filled(request, words),
            answers=answers,
            numbered=self.numbered,
            stands_in_for=self.stands_in_for,
            optional_since=self.optional_since,
            note="; ".join(note for note in notes if note),
            placeholder_account="{account}" in template and account is None,
        )


_SOVEREIGN = "aws-eusc"
_UNCONFIRMED = "that hosts in the European Sovereign Cloud use this name outside of it is not confirmed"


def _filled(request: Request, words: Mapping[str, str]) -> Request:
    """The request with its path made concrete (``/amazon-ssm-{region}/latest/VERSION``)."""
    return msgspec.structs.replace(request, path=request.path.format_map(words))
