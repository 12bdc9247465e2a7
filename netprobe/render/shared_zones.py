"""Names under AWS's domains that lead to any customer's account, which is what makes a wide rule a way out for data.

Zones in which a customer picks the name (AWS's S3, API Gateway, ELB, ECR and EC2 documentation, read 2026-11-23; the
FIPS and dual-stack forms of S3's and ECR's names: botocore 1.44.5, ``data/endpoints.json`` and the rule sets of ``s3``,
read 2026-11-29). A bucket's name may hold dots, so everything beneath an S3 zone is a customer's, at any depth; in the
other zones a name is one label, and what is beneath it is its owner's. A service's shared endpoint is no better:
``https://s3.us-east-2.amazonaws.com/BUCKET/KEY`` (a path-style request) reaches any bucket, and SQS takes messages for
any account's queue. This knows no list of buckets: it asks whether a rule would admit a name that somebody could make,
or use, tomorrow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from netprobe.hostnames import AWS_SUFFIXES, DUAL_STACK_SUFFIXES, Hostname, HostPattern
from netprobe.render.model import Claim, Form

_OWNED = "np-witness"
"""A label that no pattern of ours has; as a bucket's or an API's name anybody could take it."""
_S3 = ("s3", "s3-fips", "s3.dualstack", "s3-fips.dualstack")
_BUCKETS = (
    *(f"{s3}.{{region}}.{{suffix}}" for s3 in _S3),
    *(f"{s3.replace('s3', 's3-accesspoint', 1)}.{{region}}.{{suffix}}" for s3 in _S3),
    "s3.{suffix}",
    "s3-accelerate.{suffix}",
    "s3-accelerate.dualstack.{suffix}",
)
"""Zones whose names may hold dots, or that share S3's."""
_ZONES = (
    *_BUCKETS,
    "execute-api.{region}.{suffix}",
    "{region}.elb.{suffix}",
    "elb.{region}.{suffix}",
    "dkr.ecr.{region}.{suffix}",
    "dkr.ecr-fips.{region}.{suffix}",
    "dkr-ecr.{region}.on.aws",
    "dkr-ecr-fips.{region}.on.aws",
    "{region}.compute.{suffix}",
    "compute-1.{suffix}",
    "{region}.es.{suffix}",
    "lambda-url.{region}.on.aws",
    "cloudfront.net",
)
_SHARED = (
    *(f"{s3}.{{region}}.{{suffix}}" for s3 in _S3),
    "sqs.{region}.{suffix}",
    "sqs-fips.{region}.{suffix}",
    "s3.amazonaws.com",
)
"""Endpoints at which the path, or the request, says whose data it is; they stand for every service of a region."""
_REGION = re.compile(r"[a-z]{2,4}(?:-[a-z]+)+-[0-9]{1,2}")
_SUFFIX_LABELS = tuple(tuple(suffix.split(".")) for suffix in (*AWS_SUFFIXES, *DUAL_STACK_SUFFIXES))

_BY_SERVICE = (
    " (every service of the region has one there, S3's shared endpoint too), and that takes data for any customer's "
    "bucket: data can leave through it"
)
_BY_NAME = ", among them names that any AWS customer can own (buckets, load balancers): data can leave through it"
_BY_ANYBODY = ", among them names in anybody's own domain: data can leave through it"
_BY_DOMAIN = ", which is a whole domain: where others can have names in it, data can leave through it"


def way_out(claim: Claim, pattern: HostPattern, region: str) -> str:
    """How data can leave through names that ``claim`` admits and ``pattern`` does not ask for.

    Args:
        claim: what the device would be told.
        pattern: what is asked for.
        region: the region it is for, where the pattern names none itself.

    Returns:
        The end of a sentence about what is admitted besides; empty where no such name is known.
    """

    def admitted(names: Iterator[str]) -> bool:
        return any(claim.admits(name) and not pattern.matches(Hostname.parse(name)) for name in names)

    if claim.form is Form.CONTAINS:
        return _BY_ANYBODY
    if admitted(_owned(claim, pattern, region)):
        return _BY_NAME
    if admitted(iter(_filled(_SHARED, pattern, region))):
        return _BY_SERVICE
    wide = claim.form in (Form.SUFFIX, Form.SUBTREE, Form.GLOB_DOTS)
    return _BY_DOMAIN if wide and _whole_domain(claim.value) else ""


def is_shared(name: str, region: str) -> bool:
    """Whether a name is one at which the path, or the request, says whose data it is."""
    return name in _filled(_SHARED, HostPattern.parse(name), region)


def is_customers(pattern: HostPattern, region: str) -> bool:
    """Whether any customer can make a name that a pattern asks for: ``*.s3.REGION.amazonaws.com`` is every bucket."""
    if pattern.is_exact:
        return False
    return pattern.parent in _filled(_ZONES, pattern, region) or _beneath_bucket(pattern.parent, pattern, region)


def _owned(claim: Claim, pattern: HostPattern, region: str) -> Iterator[str]:
    """Names that some customer could make."""
    for zone in _filled(_ZONES, pattern, region):
        yield f"{_OWNED}.{zone}"
        if "*" in claim.value and claim.form is Form.GLOB_DOTS:
            yield f"{claim.value.partition('*')[0]}{_OWNED}.{zone}"
    if claim.form in (Form.SUFFIX, Form.SUBTREE) and _beneath_bucket(claim.value, pattern, region):
        yield f"{_OWNED}.{claim.value}"


def _beneath_bucket(name: str, pattern: HostPattern, region: str) -> bool:
    return any(name.endswith("." + zone) for zone in _filled(_BUCKETS, pattern, region))


def _filled(templates: tuple[str, ...], pattern: HostPattern, region: str) -> frozenset[str]:
    """The names of templates in the region and the partition of a pattern; none for a name that is not AWS's."""
    suffix = next((one for one in _SUFFIX_LABELS if pattern.labels[-len(one) :] == one), None)
    if suffix is None:
        return frozenset(name for name in templates if "{" not in name)
    own = [label for label in pattern.labels[: -len(suffix)] if _REGION.fullmatch(label)]
    words = {"region": own[-1] if own else region, "suffix": ".".join(suffix)}
    return frozenset(name.format_map(words) for name in templates)


def _whole_domain(value: str) -> bool:
    """Whether what follows the last asterisk is a name that is registered as one: ``corp.example``."""
    return HostPattern.parse(value).parent.count(".") == 1 if "*" in value else value.count(".") == 1
