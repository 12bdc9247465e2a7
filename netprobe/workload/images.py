"""An image reference, and the hosts that pulling it needs: registry, token service, blobs.

The reference grammar is Docker's (distribution/reference, read 2026-11-23): the part before the first slash is a
registry if it holds a dot or a colon or is ``localhost``; else the image is Docker Hub's. Where a registry redirects
its blobs to hosts of their own, those that its operator documents are listed with the page; CDN names can change.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from netprobe import addresses
from netprobe.catalog import Region
from netprobe.hostnames import AWS_SUFFIXES
from netprobe.nearest import nearest
from netprobe.workload import placeholders
from netprobe.workload.template import REGION, SUFFIX, UNKNOWN

_ON_AWS, _ON_AWS_CHINA = "on.aws", "on.amazonwebservices.com.cn"
"""The suffixes of the dual-stack names (amazon-ecr-credential-helper, ecr-login/api/client.go, read 2026-11-29)."""
_ECR = re.compile(
    r"([0-9]{12}|\x00)\.dkr\.ecr(?:-fips)?\.([a-z0-9-]+|\x01|\x00)\.("
    + "|".join(map(re.escape, AWS_SUFFIXES))
    + r"|\x02|\x00)"
)
_ECR_DUAL = re.compile(
    r"([0-9]{12}|\x00)\.dkr-ecr(?:-fips)?\.([a-z0-9-]+|\x01|\x00)\.("
    + "|".join(map(re.escape, (_ON_AWS, _ON_AWS_CHINA)))
    + ")"
)
_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
"""A part of a repository's path (distribution/reference, regexp.go, read 2026-11-29)."""
_IN_AN_ACCOUNTS_PLACE = re.compile(r"([\w-]+)(\.dkr(?:\.ecr|-ecr)(?:-fips)?\..+)", re.ASCII)
"""What stands before ECR's own part of a name, which is an account's number in every name of ECR's."""
_HOST = re.compile(r"[a-z0-9.:\x00-\x02-]+")
"""Every character that a registry may have, and what stands for an open piece."""
_ACCOUNT = re.compile(r"([0-9]{6,18})[.-](.{1,200})")
_NO_REGION = frozenset({"dkr", "ecr", "ecr-fips", "dkr-ecr", "dkr-ecr-fips", "amazonaws", "amazon", "aws", "com", "cn"})
"""Labels of ECR's names that stand for themselves."""
_ALIKE = 0.8
_HUB = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io", "hub.docker.com"})
_ECR_PUBLIC = frozenset({"public.ecr.aws", "ecr-public.aws.com"})


class RegistryKind(StrEnum):
    """Who runs the registry."""

    ECR = "ecr"
    ECR_PUBLIC = "ecr-public"
    DOCKER_HUB = "docker-hub"
    KNOWN = "known"
    OTHER = "other"
    UNKNOWN = "unknown"
    """The reference is left open by the file."""
    NAMELESS = "nameless"
    """An address or a single label, which no allowlist of names can hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """Where an image comes from.

    Attributes:
        kind: who runs it.
        host: its host, as written (for ECR too).
        port: 443 unless the reference says otherwise.
        account: ECR's account, or None where the file leaves it open.
        region: ECR's region; ``REGION`` for the region that the user names; None where it is open.
        unfilled: what is written for the account and is nobody's (``XXXXXXXXXXXX``, ``123456789012``), or nothing.
    """

    kind: RegistryKind
    host: str = ""
    port: int = 443
    account: str | None = None
    region: str | None = None
    unfilled: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Companion:
    """A further host that a known registry's images come from.

    Attributes:
        pattern: the host.
        purpose: why.
        source: the operator's page.
    """

    pattern: str
    purpose: str
    source: str


_GITHUB = "https://docs.github.com/en/actions/reference/runners/self-hosted-runners"
_QUAY = "https://access.redhat.com/articles/7084334"
_MICROSOFT = "https://learn.microsoft.com/azure/container-registry/container-registry-firewall-access-rules"
_GITLAB = "https://docs.gitlab.com/user/gitlab_com/"
KNOWN: dict[str, tuple[Companion, ...]] = {
    "ghcr.io": (
        Companion(pattern="pkg-containers.githubusercontent.com", purpose="layers of images in GHCR", source=_GITHUB),
    ),
    "quay.io": tuple(
        Companion(pattern=pattern, purpose="layers of images in Quay", source=_QUAY)
        for pattern in (
            *(f"{name}.quay.io" for name in ("cdn", "cdn01", "cdn02", "cdn03", "cdn04", "cdn05", "cdn06")),
            "quayio-production-s3.s3.amazonaws.com",  # Red Hat's list of sites for OpenShift, read 2026-11-28
        )
    ),
    "mcr.microsoft.com": (
        Companion(pattern="*.data.mcr.microsoft.com", purpose="layers of Microsoft's images", source=_MICROSOFT),
    ),
    "registry.gitlab.com": (
        Companion(pattern="gitlab.com", purpose="tokens for images in GitLab's registry", source=_GITLAB),
        Companion(pattern="cdn.registry.gitlab-static.net", purpose="layers in GitLab's registry", source=_GITLAB),
    ),
}


def registry(reference: str) -> Registry:
    """Where an image reference points to.

    What a pipeline has yet to fill in (``<IMAGE1_NAME>``, ``${ACCOUNT}``, ``CHANGEME``) is open, as a parameter
    without a default is: Docker takes no such word, so it is no image of Docker Hub's.
    """
    first, slash, _ = placeholders.opened(reference.strip()).partition("/")
    if not slash or not (set(".:\x00\x01\x02") & set(first) or first == "localhost"):
        repository = first if slash else re.split("[:@]", first, maxsplit=1)[0]
        hub = _COMPONENT.fullmatch(repository) is not None
        return Registry(kind=RegistryKind.DOCKER_HUB if hub else RegistryKind.UNKNOWN)
    host, port = _split(first.lower())
    host, unfilled = _without_account(host)
    if _HOST.fullmatch(host) is None and not host.startswith("["):
        return Registry(kind=RegistryKind.UNKNOWN)
    for pattern in (_ECR, _ECR_DUAL):
        match = pattern.fullmatch(host)
        if match is not None:
            account = None if match[1] == UNKNOWN else match[1]
            region = None if match[2] == UNKNOWN else match[2]
            return Registry(kind=RegistryKind.ECR, host=host, account=account, region=region, unfilled=unfilled)
    if any(mark in host for mark in (UNKNOWN, REGION, SUFFIX)) or placeholders.is_host(host):
        return Registry(kind=RegistryKind.UNKNOWN, host=host)
    if host in _ECR_PUBLIC:
        return Registry(kind=RegistryKind.ECR_PUBLIC, host=host)
    if host in _HUB:
        return Registry(kind=RegistryKind.DOCKER_HUB, host=host)
    if "." not in host or addresses.is_address(host.strip("[]")):
        return Registry(kind=RegistryKind.NAMELESS, host=host, port=port)
    return Registry(kind=RegistryKind.KNOWN if host in KNOWN else RegistryKind.OTHER, host=host, port=port)


def _without_account(host: str) -> tuple[str, str]:
    """The host with what only stands in an account's place left open, and that word; nothing where none does."""
    found = _IN_AN_ACCOUNTS_PLACE.fullmatch(host)
    if found is None or not placeholders.is_account(found[1]):
        return host, ""
    if any(map(placeholders.is_region, found[2].split("."))):
        return UNKNOWN, ""
    return UNKNOWN + found[2], found[1]


def nearly_ecr(host: str, regions: Iterable[Region]) -> str:
    """The name of Amazon ECR that a host is nearly.

    Either ECR's form is right and its region does not exist or has another suffix, or there is an account's number and
    ``ecr`` or ``dkr`` beside ``amazon``.

    Args:
        host: the registry's host, with :data:`UNKNOWN` and the like where the file leaves it open.
        regions: those that exist.

    Returns:
        That name, with words in capitals for what cannot be told; nothing where the host is like no such name, or is
        right.
    """
    known = {region.id: region for region in regions}
    for form in (_ECR, _ECR_DUAL):
        found = form.fullmatch(host)
        if found is not None:
            right = _with_region(host, found, known)
            return "" if right == host else right.replace(UNKNOWN, "ACCOUNT", 1)
    if difflib.SequenceMatcher(None, host, "public.ecr.aws").ratio() > _ALIKE and host not in _ECR_PUBLIC:
        return "public.ecr.aws"
    return _by_account(host, known)


def _with_region(host: str, found: re.Match[str], known: Mapping[str, Region]) -> str:
    """A name of ECR's form with a region that exists and that region's suffix."""
    written, suffix = found[2], found[3]
    region = written
    if written not in known and written not in (REGION, UNKNOWN):
        region = next(iter(nearest(written, known, most=1)), "REGION")
    if region in known and suffix not in (SUFFIX, UNKNOWN):
        suffix = _suffix(known[region], dual_stack=found.re is _ECR_DUAL)
    return f"{host[: found.start(2)]}{region}.{suffix}"


def _suffix(region: Region, *, dual_stack: bool) -> str:
    if not dual_stack:
        return region.partition.dns_suffix
    return _ON_AWS_CHINA if region.partition.id == "aws-cn" else _ON_AWS


def _by_account(host: str, known: Mapping[str, Region]) -> str:
    """The name that a host with an account's number is nearly; nothing where it is like none."""
    found = _ACCOUNT.fullmatch(host)
    if found is None:
        return ""
    account, rest = found.groups()
    region = _region_among(rest.split("."), known)
    number = account if len(account) == 12 else "ACCOUNT"
    is_named = re.search(r"\b(?:dkr|ecr)\b", rest) is not None
    if is_named and rest.endswith(f".{_ON_AWS}"):
        return f"{number}.dkr-ecr.{region or 'REGION'}.{_ON_AWS}"
    likely = f"dkr.ecr.{region}.amazonaws.com"
    is_alike = difflib.SequenceMatcher(None, rest, likely).ratio() > _ALIKE
    if not is_alike and not (is_named and "amazon" in rest):
        return ""
    suffix = known[region].partition.dns_suffix if region in known else "amazonaws.com"
    return f"{number}.dkr.ecr.{region or 'REGION'}.{suffix}"


def _region_among(labels: Iterable[str], known: Mapping[str, Region]) -> str:
    """The region that one of a name's labels is or nearly is; nothing where none is."""
    for label in labels:
        near = () if label in _NO_REGION else nearest(label, known, most=1, cutoff=_ALIKE)
        for region in near:
            return region
    return ""


def _split(text: str) -> tuple[str, int]:
    """Host and port of a registry; what has another form than ``HOST:PORT`` is left whole, and is no name."""
    place = addresses.take_apart(text)
    port = addresses.port_number(place.port)
    return (text, 443) if port is None else (place.host, port)
