"""Amazon's address ranges by region, for devices that know only addresses.

AWS publishes its ranges in ip-ranges.json. No tag in it means ECS, SSM, ECR or CloudWatch: only the tag AMAZON covers
them all, together with every customer's EC2 address. So an allowlist of these prefixes is hundreds of entries long and
admits far more than was asked for, and it goes stale; ``netprobe.render`` says so. Addresses of PrivateLink and Direct
Connect are private and are not in here.

``GLOBAL`` is not a region: its prefixes (CloudFront, Route 53, Global Accelerator …) serve global names, and are kept
under their own key, so that a caller decides about them in the open.

A compact snapshot ships in the package, with its date; nothing here fetches anything. The file's form is described in
https://docs.aws.amazon.com/vpc/latest/userguide/aws-ip-syntax.html (read 2026-11-23).
"""

from __future__ import annotations

import datetime
import functools
import ipaddress
import re
from collections.abc import Iterable
from pathlib import Path

import msgspec

from netprobe import reading
from netprobe.catalog import edition
from netprobe.errors import UnreadableFileError

GLOBAL = "GLOBAL"
MAX_BYTES = 32 * 1024 * 1024
"""AWS's file has 2.6 MB (2026-08); anything above this is something else."""
_REMEDY = "give a copy of https://ip-ranges.amazonaws.com/ip-ranges.json"
_TAG = "AMAZON"
REGION = re.compile(r"[A-Za-z0-9-]{1,40}")


class Ranges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The prefixes of one region, collapsed and in order.

    Attributes:
        v4: IPv4 prefixes in CIDR form.
        v6: IPv6 prefixes in CIDR form.
    """

    v4: tuple[str, ...] = ()
    v6: tuple[str, ...] = ()


class Prefixes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One edition of Amazon's ranges.

    Attributes:
        created: when AWS made it, RFC 3339, UTC.
        sync_token: AWS's number of the edition.
        by_region: ranges by region id, and under ``GLOBAL``.
    """

    created: str
    sync_token: str
    by_region: dict[str, Ranges]

    def region(self, region: str, *, with_global: bool = False) -> Ranges | None:
        """The prefixes of one region, or None where the edition does not know it (the ISO regions).

        Args:
            region: a region id.
            with_global: add the prefixes that AWS ties to no region.
        """
        own = self.by_region.get(region)
        if own is None or not with_global:
            return own
        everywhere = self.by_region.get(GLOBAL, Ranges())
        return Ranges(v4=_v4(own.v4 + everywhere.v4), v6=_v6(own.v6 + everywhere.v6))


class _Four(msgspec.Struct):
    ip_prefix: str
    region: str
    service: str


class _Six(msgspec.Struct):
    ipv6_prefix: str
    region: str
    service: str


class _IpRanges(msgspec.Struct, rename="camel"):
    sync_token: str
    create_date: str
    prefixes: tuple[_Four, ...]
    ipv6_prefixes: tuple[_Six, ...] = msgspec.field(name="ipv6_prefixes")


WIDEST_V4 = 8
WIDEST_V6 = 20
"""AWS's widest prefixes are /11 and /32 (2026-08). Anything much wider in a file would open a firewall to everyone."""


def _v4(prefixes: Iterable[str]) -> tuple[str, ...]:
    """Validate, merge neighbours and order; a ValueError names the first prefix that cannot be used."""
    networks = [ipaddress.IPv4Network(prefix) for prefix in prefixes]
    _refuse_wide(networks, WIDEST_V4)
    return tuple(map(str, ipaddress.collapse_addresses(networks)))


def _v6(prefixes: Iterable[str]) -> tuple[str, ...]:
    """As :func:`_v4`."""
    networks = [ipaddress.IPv6Network(prefix) for prefix in prefixes]
    _refuse_wide(networks, WIDEST_V6)
    return tuple(map(str, ipaddress.collapse_addresses(networks)))


def _refuse_wide(networks: Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network], widest: int) -> None:
    for network in networks:
        if network.prefixlen < widest:
            raise ValueError(f"{network} is wider than any prefix of Amazon's")


def read(path: Path) -> Prefixes:
    """Read a copy of AWS's ip-ranges.json.

    Args:
        path: the file.

    Raises:
        UnreadableFileError: it is missing, too large, or not such a file.
    """
    data = reading.read(path, MAX_BYTES, _REMEDY)
    try:
        return parse(data)
    except (ValueError, RecursionError) as error:
        raise UnreadableFileError(str(path), f"it is not an ip-ranges.json ({_first_line(error)})", _REMEDY) from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:160]


def parse(data: bytes) -> Prefixes:
    """Make :class:`Prefixes` of the bytes of an ip-ranges.json.

    Raises:
        ValueError: it is not such a file (``msgspec.ValidationError`` is one).
    """
    source = msgspec.json.decode(data, type=_IpRanges)
    created = datetime.datetime.strptime(source.create_date, "%Y-%m-%d-%H-%M-%S").replace(tzinfo=datetime.UTC)
    if not (source.sync_token.isascii() and source.sync_token.isdigit() and len(source.sync_token) <= 20):
        raise ValueError("the syncToken is not a number")
    v4: dict[str, list[str]] = {}
    v6: dict[str, list[str]] = {}
    for four in source.prefixes:
        if four.service == _TAG:
            v4.setdefault(four.region, []).append(four.ip_prefix)
    for six in source.ipv6_prefixes:
        if six.service == _TAG:
            v6.setdefault(six.region, []).append(six.ipv6_prefix)
    for region in v4.keys() | v6.keys():
        if not REGION.fullmatch(region):
            raise ValueError("a region has an impossible name")
    if not v4:
        raise ValueError(f"no prefix in it is tagged {_TAG}")
    return Prefixes(
        created=created.isoformat().replace("+00:00", "Z"),
        sync_token=source.sync_token,
        by_region={
            region: Ranges(v4=_v4(v4.get(region, ())), v6=_v6(v6.get(region, ())))
            for region in sorted(v4.keys() | v6.keys())
        },
    )


def dump(prefixes: Prefixes) -> bytes:
    """The bytes of ``prefixes.json``: a line a region, so that a refresh is readable as a diff."""
    head = msgspec.json.encode({"created": prefixes.created, "sync_token": prefixes.sync_token})[1:-1]
    lines = b",\n".join(
        b"%s:%s" % (msgspec.json.encode(region), msgspec.json.encode(ranges))
        for region, ranges in sorted(prefixes.by_region.items())
    )
    return b"{" + head + b',"by_region":{\n' + lines + b"\n}}\n"


def parse_snapshot(data: bytes) -> Prefixes:
    """Read ``prefixes.json``; raises msgspec.ValidationError on anything unexpected."""
    return msgspec.json.decode(data, type=Prefixes)


@functools.cache
def snapshot() -> Prefixes:
    """The edition of the catalog that counts here: what ships with netprobe, or came with a newer catalog."""
    return parse_snapshot(edition.current().files["prefixes.json"])


def age_told(prefixes: Prefixes, now: datetime.datetime | None = None) -> str:
    """How old an edition is: ``98 days old``; AWS changes its networks several times a week.

    Args:
        prefixes: an edition.
        now: the moment; None for now.
    """
    created = datetime.datetime.fromisoformat(prefixes.created)
    days = max(0, ((now or datetime.datetime.now(datetime.UTC)) - created).days)
    return f"{days} {'day' if days == 1 else 'days'} old"
