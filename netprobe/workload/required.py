"""A workload's needs as endpoints of the catalog's kind, so that probe and allowlist follow it exactly.

What the catalog knows is taken from it, for the region that the file names; what it does not know (GHCR, Quay, a
private registry, a log server) becomes an endpoint of the group ``workload``. Every one says which line asks for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from netprobe.catalog import Agent, Catalog, Endpoint, Forms, Genuine, Region, Request, Variant
from netprobe.catalog.overlay import refuse_china
from netprobe.errors import InvalidHostnameError, printable
from netprobe.hostnames import HostPattern
from netprobe.workload import placeholders
from netprobe.workload.images import KNOWN, Registry, RegistryKind
from netprobe.workload.model import Workload
from netprobe.workload.needs import Bucket, Host, Image, Need, Service, needs
from netprobe.workload.template import REGION, SUFFIX, UNKNOWN

GROUP = "workload"
_S3_BUCKETS = "s3-buckets"
_ECR_REGISTRY = "ecr-registry"
_ECR_IDS = ("ecr-api", "ecr-layers")
_PUBLIC_IDS = ("public-ecr", "public-ecr-layers", "public-ecr-layers-2")
_HUB_IDS = ("docker-hub-registry", "docker-hub-auth", "docker-hub-layers", "docker-hub-layers-2")
_CHECKED = "2026-11-23"
_S3_USER_GUIDE = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/use-environment-file.html"
_REGISTRY = Request(path="/v2/", genuine=Genuine.HTTP)


def endpoints(workload: Workload, *, catalog: Catalog, regions: Sequence[Region], forms: Forms) -> tuple[Endpoint, ...]:
    """What a workload needs.

    Args:
        workload: the files.
        catalog: the facts.
        regions: the regions that the user named; what the files leave open is needed in each of them.
        forms: the forms of the services' names; a registry keeps the form in which the image is written.

    Raises:
        UnknownRegionError: a file names a region that does not exist.
        RefusedRegionError: a file names a region in China.
        CannotJudgeError: a file leaves open what they need.
    """
    workload.ask_anew()
    found: dict[tuple[str, str, str, int], Endpoint] = {}
    for need in needs(workload):
        for endpoint in _of(need, catalog, regions, forms):
            found.setdefault((endpoint.id, endpoint.region, endpoint.pattern, endpoint.port), endpoint)
    workload.settled()
    return tuple(found.values())


def _regions(name: str | None, catalog: Catalog, regions: Sequence[Region]) -> Sequence[Region]:
    return regions if name in (None, REGION) else (catalog.region(str(name)),)


def _of(need: Need, catalog: Catalog, regions: Sequence[Region], forms: Forms) -> Iterator[Endpoint]:
    asked = f"asked for by {printable(need.file)} line {need.line}"
    match need:
        case Service():
            for region in _regions(need.region, catalog, regions):
                yield from _known(catalog, region, need.ids, forms, asked)
        case Image():
            yield from _image(need.registry, catalog, regions, forms, asked)
        case Bucket():
            for region in regions:
                yield from _known(catalog, region, ("s3",), forms, asked)
                yield from _bucket(need.name, region, asked)
        case Host() if not placeholders.is_host(need.host):
            for region in regions[:1]:
                yield from _own(need.host, need.port, region, need.purpose, asked, Request(genuine=Genuine.HTTP))


def _known(catalog: Catalog, region: Region, ids: Sequence[str], forms: Forms, asked: str) -> Iterator[Endpoint]:
    for endpoint in catalog.endpoints(region, forms):
        if endpoint.entry in ids:
            yield _asked(endpoint, asked)


def _registry(catalog: Catalog, region: Region, image: Registry, asked: str) -> Iterator[Endpoint]:
    """The registry's own name in the form that the image is written in: Docker asks for that one, whatever the host."""
    dualstack, fips = ".dkr-ecr" in image.host, "ecr-fips." in image.host
    written = Forms(fips=fips, ipv6_only=dualstack, account=image.account)
    variant = Variant.FIPS if fips and not dualstack else Variant.ORDINARY
    is_open = any(mark in image.host for mark in (UNKNOWN, REGION, SUFFIX))
    known = [one for one in catalog.endpoints(region, written) if one.entry == _ECR_REGISTRY]
    found = [one for one in known if one.variant is variant and (is_open or one.pattern == image.host)]
    if found:
        yield from (_asked(one, asked) for one in found)
        return
    for own in _own(image.host, image.port, region, "pulls images", asked, _REGISTRY):
        yield msgspec.structs.replace(own, entry=_ECR_REGISTRY)


def _asked(endpoint: Endpoint, asked: str) -> Endpoint:
    note = f"{endpoint.note}; {asked}" if endpoint.note else asked
    return msgspec.structs.replace(endpoint, required=True, note=note)


def _image(
    registry: Registry, catalog: Catalog, regions: Sequence[Region], forms: Forms, asked: str
) -> Iterator[Endpoint]:
    match registry.kind:
        case RegistryKind.ECR:
            for region in _regions(registry.region, catalog, regions):
                yield from _registry(catalog, region, registry, asked)
                yield from _known(catalog, region, _ECR_IDS, forms, asked)
        case RegistryKind.ECR_PUBLIC:
            yield from _known(catalog, regions[0], _PUBLIC_IDS, forms, asked)
        case RegistryKind.DOCKER_HUB:
            yield from _known(catalog, regions[0], _HUB_IDS, forms, asked)
        case RegistryKind.KNOWN | RegistryKind.OTHER:
            yield from _own(registry.host, registry.port, regions[0], "pulls images", asked, _REGISTRY)
            for companion in KNOWN.get(registry.host, ()):
                yield Endpoint(
                    id=_id(companion.pattern),
                    region=regions[0].id,
                    group=GROUP,
                    pattern=companion.pattern,
                    port=443,
                    purpose=companion.purpose,
                    used_by=(Agent.DOCKER,),
                    required="*" not in companion.pattern,
                    source=companion.source,
                    checked=_CHECKED,
                    request=Request(genuine=Genuine.HTTP),
                    note=asked,
                )
        case RegistryKind.UNKNOWN | RegistryKind.NAMELESS:
            # Told by the rules image_unresolved and registry_without_name; there is no name to probe or to allow.
            return


def _own(host: str, port: int, region: Region, purpose: str, asked: str, request: Request) -> Iterator[Endpoint]:
    try:
        pattern = HostPattern.parse(host)
    except InvalidHostnameError:
        # An address, a single label or a name that the file leaves open; no list of names can hold it.
        return
    if not pattern.is_exact:
        return
    refuse_china(str(pattern), host)
    yield Endpoint(
        id=_id(f"{pattern}" if port == 443 else f"{pattern}-{port}"),
        region=region.id,
        group=GROUP,
        pattern=str(pattern),
        port=port,
        purpose=purpose,
        used_by=(Agent.DOCKER,),
        required=True,
        source="the task definition",
        checked=_CHECKED,
        request=request,
        note=asked,
    )


def _bucket(name: str, region: Region, asked: str) -> Iterator[Endpoint]:
    """The bucket's own host; a name with dots is asked for by path, on the service's host."""
    if "." in name:
        return
    yield Endpoint(
        id=_id(f"s3-{name}"),
        entry=_S3_BUCKETS,
        region=region.id,
        group=GROUP,
        pattern=f"{name}.s3.{region.id}.{region.partition.dns_suffix}",
        port=443,
        purpose="environment files and configuration in S3",
        used_by=(Agent.ECS_AGENT,),
        required=True,
        source=_S3_USER_GUIDE,
        checked=_CHECKED,
        request=Request(genuine=Genuine.S3),
        note=asked,
    )


def _id(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60]
