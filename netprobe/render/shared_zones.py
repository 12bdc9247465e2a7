"""Names under AWS's domains that lead to any customer's account, which is what makes a wide rule a way out for data.

Zones in which a customer picks the name (AWS's S3, API Gateway, ELB, ECR and EC2 documentation, read 2026-11-23). A
bucket's name may hold dots, so everything beneath an S3 zone is a customer's, at any depth. A service's shared endpoint
is no better: ``https://s3.us-east-2.amazonaws.com/BUCKET/KEY`` (a path-style request) reaches any bucket, and SQS takes
messages for any account's queue. This knows no list of buckets: it asks whether a rule would admit a name that somebody
could make, or use, tomorrow.
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
_SHARED = ("s3.{region}.{suffix}", "sqs.{region}.{suffix}", "s3.amazonaws.com")
"""Endpoints at which the path, or the request, says whose data it is; they stand for every service of a region."""


def admits_customers(claim: Claim, pattern: HostPattern, region: str) -> bool:
    """Whether ``claim`` admits a name that leads to any customer's account and that ``pattern`` does not ask for."""
    return any(claim.admits(name) and not _asked_for(pattern, name) for name in _witnesses(claim, pattern, region))


def is_shared(name: str, region: str) -> bool:
    """Whether a name is one at which the path, or the request, says whose data it is."""
    suffix = _dns_suffix(HostPattern.parse(name), region)
    return name in {shared.format(region=region, suffix=suffix) for shared in _SHARED}


def _asked_for(pattern: HostPattern, name: str) -> bool:
    return pattern.matches(Hostname.parse(name))


def _witnesses(claim: Claim, pattern: HostPattern, region: str) -> Iterator[str]:
    if claim.form is Form.CONTAINS:
        # Whoever owns any domain at all can put it behind the name.
        yield f"{claim.value.replace('*', _OWNED)}.{_OWNED}.example"
    suffix = _dns_suffix(pattern, region)
    yield from (name.format(region=region, suffix=suffix) for name in _SHARED)
    zones = [zone.format(region=region, suffix=suffix) for zone in _ZONES]
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
