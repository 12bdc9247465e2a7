"""What the lab's tests probe: the default groups of one region, and how a test lays a lab out."""

from __future__ import annotations

from functools import cache

from netprobe import catalog, requirements
from netprobe.catalog import Catalog
from netprobe.catalog.model import Endpoint

REGION = "us-east-2"


@cache
def endpoints(region: str = REGION, *, ipv6_only: bool = False) -> tuple[Endpoint, ...]:
    """The endpoints of the default groups of one region."""
    return requirements.endpoints(catalog.load(), regions=[region], forms=catalog.Forms(ipv6_only=ipv6_only))


def facts() -> Catalog:
    """The catalog."""
    return catalog.load()


def name_of(endpoint_id: str, region: str = REGION) -> str:
    """The host of an endpoint, of a numbered one the first."""
    found = next(e for e in endpoints(region) if e.id == endpoint_id)
    return found.candidates((1,))[0].name
