"""The names of AWS's APIs against botocore's rule sets, region by region: an oracle that is not ours.

botocore answers for any region, whether or not a name exists there; so it can prove how a name is built, not that a
FIPS name exists. Where AWS's own page says otherwise, the page wins, and the difference stands here.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from netprobe import catalog
from netprobe.catalog import Forms, Support

pytest.importorskip("botocore")

FACTS = catalog.load()
REGIONS = [region.id for region in FACTS.regions if region.partition.support is not Support.REFUSED]
SERVICES = {
    "ecs": "ecs",
    "ssm": "ssm",
    "ecr-api": "ecr",
    "logs": "logs",
    "monitoring": "cloudwatch",
    "kms": "kms",
    "sts": "sts",
    "secretsmanager": "secretsmanager",
    "xray": "xray",
    "s3": "s3",
    "dynamodb": "dynamodb",
    "sqs": "sqs",
    "sns": "sns",
    "kinesis": "kinesis",
    "firehose": "firehose",
}
# Rule sets and endpoints.json disagree on it (in aws the rule set gives the ordinary name): the catalog names no other.
DIFFERENT_DUAL_STACK = {"secretsmanager"}
DIFFERENT_FIPS = {"ecr-api": "ecr-fips.{region}.{suffix}"}


@cache
def rules(service: str) -> Any:
    from botocore.endpoint_provider import EndpointProvider
    from botocore.session import get_session

    loader = get_session().get_component("data_loader")
    return EndpointProvider(loader.load_service_model(service, "endpoint-rule-set-1"), loader.load_data("partitions"))


def name(service: str, region: str, *, fips: bool = False, dualstack: bool = False) -> str:
    parameters: dict[str, Any] = {"Region": region, "UseFIPS": fips, "UseDualStack": dualstack}
    if service == "sts":
        parameters["UseGlobalEndpoint"] = False
    url: str = rules(service).resolve_endpoint(**parameters).url
    return url.removeprefix("https://")


def ours(region: str, **form: Any) -> dict[str, str]:
    return {one.id: one.pattern for one in FACTS.endpoints(region, Forms(**form))}


@pytest.mark.parametrize(("endpoint_id", "service"), SERVICES.items())
def test_ordinary_names(endpoint_id: str, service: str) -> None:
    for region in REGIONS:
        assert ours(region)[endpoint_id] == name(service, region)


@pytest.mark.parametrize(("endpoint_id", "service"), SERVICES.items())
def test_dual_stack_names(endpoint_id: str, service: str) -> None:
    for region in REGIONS:
        found = ours(region, ipv6_only=True)[endpoint_id]
        if endpoint_id in DIFFERENT_DUAL_STACK:
            assert found == ours(region)[endpoint_id]
        else:
            assert found == name(service, region, dualstack=True)


@pytest.mark.parametrize(("endpoint_id", "service"), SERVICES.items())
def test_fips_names_where_we_say_that_they_exist(endpoint_id: str, service: str) -> None:
    (entry,) = [entry for entry in FACTS.entries if entry.id == endpoint_id]
    assert entry.fips_in
    for region in entry.fips_in:
        found = ours(region, fips=True)
        pattern = found.get(f"{endpoint_id}-fips", found[endpoint_id])
        if endpoint_id in DIFFERENT_FIPS:
            suffix = FACTS.region(region).partition.dns_suffix
            assert pattern == DIFFERENT_FIPS[endpoint_id].format(region=region, suffix=suffix)
        else:
            assert pattern == name(service, region, fips=True)


@pytest.mark.parametrize(("endpoint_id", "service"), SERVICES.items())
def test_names_that_are_both(endpoint_id: str, service: str) -> None:
    (entry,) = [entry for entry in FACTS.entries if entry.id == endpoint_id]
    for region in entry.fips_in:
        if endpoint_id not in DIFFERENT_DUAL_STACK:
            assert ours(region, fips=True, ipv6_only=True)[endpoint_id] == name(
                service, region, fips=True, dualstack=True
            )


def test_botocore_still_knows_no_message_services() -> None:
    from botocore.session import get_session

    assert not {"ssmmessages", "ec2messages"} & set(get_session().get_available_services())
