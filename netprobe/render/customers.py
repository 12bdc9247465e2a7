"""Names under AWS's domains that any customer can own, which is what makes a wide rule a way out for data.

Zones in which a customer picks the name (AWS's S3, API Gateway, ELB, ECR and EC2 documentation, read 2026-11-23). A
bucket's name may hold dots, so everything beneath an S3 zone is a customer's, at any depth. This knows no list of
buckets: it asks whether a rule would admit a name that somebody could make tomorrow.
"""

from __future__ import annotations

from collections.abc import Iterator

from netprobe.hostnames import Hostname, HostPattern
from netprobe.render.model import Claim, Form

_OWNED = "np-witness"
"""A label that no pattern of ours has; as a bucket's or an API's name anybody could take it."""
_ZONES = (
    "s3.{region}.{suffix}",
    "s3.dualstack.{region}.{suffix}",
    "s3-accesspoint.{region}.{suffix}",
    "s3.{suffix}",
    "s3-accelerate.{suffix}",
    "execute-api.{region}.{suffix}",
    "{region}.elb.{suffix}",
    "elb.{region}.{suffix}",
    "dkr.ecr.{region}.{suffix}",
    "{region}.compute.{suffix}",
    "{region}.es.{suffix}",
    "lambda-url.{region}.on.aws",
    "cloudfront.net",
)


def admits_customers(claim: Claim, pattern: HostPattern, region: str) -> bool:
    """Whether ``claim`` admits a name that any customer could own and that ``pattern`` does not ask for."""
    return any(claim.admits(name) and not _asked_for(pattern, name) for name in _witnesses(claim, pattern, region))


def _asked_for(pattern: HostPattern, name: str) -> bool:
    return pattern.matches(Hostname.parse(name))


def _witnesses(claim: Claim, pattern: HostPattern, region: str) -> Iterator[str]:
    if claim.form is Form.CONTAINS:
        # Whoever owns any domain at all can put it behind the name.
        yield f"{claim.value.replace('*', _OWNED)}.{_OWNED}.example"
    zones = [zone.format(region=region, suffix=_dns_suffix(pattern, region)) for zone in _ZONES]
    for zone in zones:
        yield f"{_OWNED}.{zone}"
        if "*" in claim.value and claim.form is Form.GLOB_DOTS:
            yield f"{claim.value.partition('*')[0]}{_OWNED}.{zone}"
        if claim.form in (Form.SUFFIX, Form.SUBTREE) and claim.value.endswith("." + zone):
            yield f"{_OWNED}.{claim.value}"


def _dns_suffix(pattern: HostPattern, region: str) -> str:
    """What follows the region in the name; for a name without a region, the last two labels."""
    _, found, rest = pattern.pattern.partition(f".{region}.")
    return rest if found else ".".join(pattern.labels[-2:])
