"""The catalog against what AWS publishes. Expectations are written from the sources, never from the output."""

from __future__ import annotations

import datetime
import itertools
import re
import string
import subprocess
import sys
import tomllib
from importlib import resources
from typing import Any

import pytest

from netprobe import catalog
from netprobe.catalog import PLACEHOLDER_ACCOUNT, Agent, Catalog, Endpoint, Forms, Genuine, Support, store
from netprobe.catalog.entries import EndpointEntry
from netprobe.errors import RefusedRegionError, UnknownRegionError, UsageError
from netprobe.hostnames import Hostname, HostPattern

FACTS = catalog.load()
ALLOWED = tuple(region for region in FACTS.regions if region.partition.support is not Support.REFUSED)
FORMS = [
    {"fips": fips, "dualstack": dualstack, "ipv6_only": ipv6_only}
    for fips, dualstack, ipv6_only in itertools.product((False, True), repeat=3)
]

# Regions launched in 2024 or later, where AWS runs ssmmessages only (setting-up-messageAPIs, launch announcements).
WITHOUT_EC2MESSAGES = {
    "ap-east-2",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "eusc-de-east-1",
    "me-west-1",
    "mx-central-1",
    "sa-west-1",
}


def patterns(region: str, **form: Any) -> dict[str, str]:
    return {endpoint.id: endpoint.pattern for endpoint in FACTS.endpoints(region, Forms(**form))}


def one(region: str, endpoint_id: str, *, account: str | None = None, **form: Any) -> Endpoint:
    (found,) = [e for e in FACTS.endpoints(region, Forms(account=account, **form)) if e.id == endpoint_id]
    return found


class TestPartitions:
    @pytest.mark.parametrize(
        ("partition", "suffix", "dual_stack", "count"),
        [
            ("aws", "amazonaws.com", "api.aws", 36),
            ("aws-cn", "amazonaws.com.cn", "api.amazonwebservices.com.cn", 2),
            ("aws-us-gov", "amazonaws.com", "api.aws", 2),
            ("aws-eusc", "amazonaws.eu", "api.amazonwebservices.eu", 1),
            ("aws-iso", "c2s.ic.gov", "api.aws.ic.gov", 2),
            ("aws-iso-b", "sc2s.sgov.gov", "api.aws.scloud", 2),
            ("aws-iso-e", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk", 1),
            ("aws-iso-f", "csp.hci.ic.gov", "api.aws.hci.ic.gov", 2),
        ],
    )
    def test_suffixes_and_regions(self, partition: str, suffix: str, dual_stack: str, count: int) -> None:
        (found,) = [p for p in FACTS.partitions if p.id == partition]
        assert (found.dns_suffix, found.dual_stack_dns_suffix) == (suffix, dual_stack)
        assert sum(region.partition.id == partition for region in FACTS.regions) == count

    def test_there_is_no_other_partition(self) -> None:
        assert len(FACTS.partitions) == 8

    def test_support(self) -> None:
        support = {p.id: p.support for p in FACTS.partitions}
        assert support.pop("aws") is Support.DOCUMENTED
        assert support.pop("aws-cn") is Support.REFUSED
        assert set(support.values()) == {Support.UNCONFIRMED}

    def test_no_pseudo_region_is_a_region(self) -> None:
        assert not [region.id for region in FACTS.regions if "global" in region.id]

    @pytest.mark.parametrize("region", ["me-west-1", "sa-west-1"])
    def test_regions_that_botocore_lists_no_service_for_say_so(self, region: str) -> None:
        assert "may not be open" in FACTS.region(region).note

    def test_every_region_has_a_launch_class_and_every_note_a_region(self) -> None:
        ours = tomllib.loads((resources.files("netprobe.catalog") / "data" / "regions.toml").read_text())
        before, since = ours["launched"]["before_2024"], ours["launched"]["since_2024"]
        ids = [region.id for region in FACTS.regions]
        assert sorted(before + since) == sorted(ids)
        assert set(since) == WITHOUT_EC2MESSAGES
        assert set(ours["notes"]) <= set(ids)
        assert set(ours["support"]) - {"source", "checked"} == {p.id for p in FACTS.partitions}
        assert {r.id for r in FACTS.regions if r.closed} == set(ours["closed"]["regions"])
        for table in ("support", "launched", "closed"):
            assert ours[table]["source"].startswith("https://")
            datetime.date.fromisoformat(ours[table]["checked"])


class TestRegionNames:
    @pytest.mark.parametrize("name", ["us-east-2", "US-EAST-2", " us-east-2 "])
    def test_finds(self, name: str) -> None:
        assert FACTS.region(name).id == "us-east-2"

    @pytest.mark.parametrize("name", ["cn-north-1", "cn-northwest-1", "CN-North-1", "cn-foo-9", "cn-", "cn"])
    def test_china_is_refused_whether_or_not_it_exists(self, name: str) -> None:
        for ask in (FACTS.region, FACTS.endpoints, lambda n: FACTS.select([n])):
            with pytest.raises(RefusedRegionError, match="does not register external instances") as caught:
                ask(name)
            assert caught.value.value == name.strip().lower()
            assert caught.value.exit_code == 2

    def test_china_is_refused_wherever_it_stands(self) -> None:
        for names in (["us-east-2,cn-north-1"], ["nowhere-1", "cn-north-1"], ["all", "cn-north-1"]):
            with pytest.raises(RefusedRegionError):
                FACTS.select(names)

    def test_china_is_refused_as_an_object_too(self) -> None:
        (beijing,) = [region for region in FACTS.regions if region.id == "cn-north-1"]
        with pytest.raises(RefusedRegionError):
            FACTS.endpoints(beijing)

    @pytest.mark.parametrize(
        ("name", "meant"),
        [
            ("us-east2", "us-east-2"),
            ("us-east-2a", "us-east-2"),
            ("us-esat-2", "us-east-2"),
            ("eu-centrl-1", "eu-central-1"),
            ("ohio", "us-east-2"),
            ("Frankfurt", "eu-central-1"),
            ("eusc-de-east-2", "eusc-de-east-1"),
        ],
    )
    def test_an_unknown_region_tells_what_was_meant(self, name: str, meant: str) -> None:
        with pytest.raises(UnknownRegionError) as caught:
            FACTS.region(name)
        assert caught.value.remedy.startswith("did you mean ")
        assert meant in caught.value.remedy
        assert "netprobe regions" in caught.value.remedy

    @pytest.mark.parametrize("name", ["cm-north-1", "nc-north-1"])
    def test_china_is_never_suggested(self, name: str) -> None:
        with pytest.raises(UnknownRegionError) as caught:
            FACTS.region(name)
        assert "cn-" not in caught.value.remedy

    @pytest.mark.parametrize("name", ["", "   ", "aws-global", "GLOBAL", "us-east-2\x1b[31m", "us-east-2/../x", "*"])
    def test_anything_else_is_unknown_and_safe_to_print(self, name: str) -> None:
        with pytest.raises(UnknownRegionError) as caught:
            FACTS.region(name)
        assert "\x1b" not in str(caught.value)
        assert caught.value.exit_code == 2


class TestSelect:
    def test_lists_and_duplicates(self) -> None:
        assert [r.id for r in FACTS.select(["us-east-2, eu-west-1", "us-east-2", "eu-west-1,"])] == [
            "us-east-2",
            "eu-west-1",
        ]

    def test_all_is_where_ecs_anywhere_is_documented(self) -> None:
        chosen = FACTS.select(["all"])
        assert len(chosen) == 34
        assert {region.partition.id for region in chosen} == {"aws"}
        assert not {"me-west-1", "sa-west-1"} & {region.id for region in chosen}, "they are not open yet"

    def test_all_and_one_more(self) -> None:
        assert FACTS.select(["us-gov-west-1,all,us-east-2"])[0].id == "us-gov-west-1"
        assert len(FACTS.select(["us-gov-west-1,all,us-east-2"])) == 35

    @pytest.mark.parametrize("names", [[], [""], [",", " , "]])
    def test_nothing_is_refused(self, names: list[str]) -> None:
        with pytest.raises(UsageError, match="--region"):
            FACTS.select(names)


class TestEntries:
    """What every entry must have."""

    @pytest.mark.parametrize("entry", FACTS.entries, ids=lambda entry: entry.id)
    def test_is_complete(self, entry: EndpointEntry) -> None:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", entry.id)
        assert entry.source.startswith("https://")
        checked = datetime.date.fromisoformat(entry.checked)
        assert datetime.date(2026, 1, 1) <= checked <= datetime.date.fromisoformat(FACTS.version)
        assert re.fullmatch(r"[A-Za-z].{20,150}\.", entry.purpose)
        assert entry.purpose.count(". ") == 0, "one sentence"
        assert entry.used_by
        assert entry.port == 443
        assert entry.probe in FACTS.requests
        assert set(entry.groups) <= {group.id for group in FACTS.groups}
        assert not entry.note.endswith(".")

    def test_ids_are_unique_with_every_form(self) -> None:
        ids = [i for entry in FACTS.entries for i in entry.ids]
        assert len(ids) == len(set(ids))

    def test_every_probe_is_used_and_asks_for_something_real(self) -> None:
        assert {entry.probe for entry in FACTS.entries} == set(FACTS.requests)
        for request in FACTS.requests.values():
            assert request.method in {"GET", "OPTIONS"}
            assert request.path.startswith("/")
            assert request.upgrade_path.startswith("/")

    @pytest.mark.parametrize("entry", FACTS.entries, ids=lambda entry: entry.id)
    def test_templates_hold_only_known_words_and_regions(self, entry: EndpointEntry) -> None:
        known = {region.id for region in FACTS.regions}
        assert known.issuperset((*entry.fips_in, *entry.only_in, *entry.not_in))
        assert {p.id for p in FACTS.partitions}.issuperset((*entry.partitions, *entry.dualstack_partitions))
        for template in filter(None, (entry.host, entry.fips, entry.dualstack, entry.fips_dualstack)):
            words = {field for _, field, _, _ in string.Formatter().parse(template) if field is not None}
            assert words <= {"region", "suffix", "dualstack_suffix", "account", *(["word"] if entry.words else [])}
        assert known.issuperset(entry.words)

    def test_the_newer_names_of_the_ssm_agent(self) -> None:
        """AWS's SSM Agent technical details, read 2026-11-28; the dual-stack ec2messages is evidenced nowhere."""
        found = patterns("us-east-2", fips=True)
        assert found["ssmmessages-fips"] == "ssmmessages-fips.us-east-2.amazonaws.com"
        assert found["ec2messages-fips"] == "ec2messages-fips.us-east-2.amazonaws.com"
        assert "ssmmessages-fips" not in patterns("eu-west-1", fips=True)
        assert "ec2messages-dualstack" not in patterns("us-east-2", dualstack=True)
        assert not one("us-east-2", "ssmmessages-fips", fips=True).required

    @pytest.mark.parametrize(
        ("region", "snapshots", "documents"),
        [
            ("us-east-2", "patch-baseline-snapshot-us-east-2", "aws-patch-manager-us-east-2-552881074"),
            ("ap-south-2", "patch-baseline-snapshot-ap-south-2-50209442", "aws-patch-manager-ap-south-2-32f4b4128"),
            ("eu-south-2", "patch-baseline-snapshot-eu-south-2-df2c9d70", "aws-patch-manager-eu-south-2-a4cf248b1"),
            ("me-south-1", "patch-baseline-snapshot-me-south-1-uduvl7q8", "aws-patch-manager-me-south-1-a53fc9dce"),
        ],
    )
    def test_buckets_of_patch_manager(self, region: str, snapshots: str, documents: str) -> None:
        """AWS's page on the S3 buckets of patching operations, read 2026-11-28."""
        buckets = {p.partition(".s3.")[0] for p in patterns(region).values() if p.startswith(("patch-", "aws-patch-"))}
        assert buckets == {snapshots, documents}

    def test_docker_hubs_third_store_of_layers(self) -> None:
        third = one("us-east-2", "docker-hub-layers-3")
        assert third.pattern == "docker-images-prod.6aa30f8b08e16409b46e0173d6de2f56.r2.cloudflarestorage.com"
        assert third.required

    def test_names_outside_the_sovereign_cloud_are_unconfirmed_there(self) -> None:
        for endpoint in FACTS.endpoints("eusc-de-east-1"):
            if endpoint.pattern.endswith(".amazonaws.com"):
                assert not endpoint.required, endpoint.id
                assert "is not confirmed" in endpoint.note
        assert one("us-east-2", "installer-script").required

    def test_every_entry_exists_somewhere(self) -> None:
        seen = {endpoint.id for region in ALLOWED for endpoint in FACTS.endpoints(region)}
        assert seen == {entry.id for entry in FACTS.entries}

    @pytest.mark.parametrize("region", ALLOWED, ids=lambda region: region.id)
    def test_every_pattern_is_valid_in_every_region_and_form(self, region: catalog.Region) -> None:
        for form in FORMS:
            for account in (None, "012345678901"):
                found = FACTS.endpoints(region, Forms(account=account, **form))
                assert len({endpoint.id for endpoint in found}) == len(found)
                for endpoint in found:
                    assert HostPattern.parse(endpoint.pattern).pattern == endpoint.pattern
                    assert "{" not in endpoint.pattern + endpoint.request.path
                    assert endpoint.region == region.id
                    assert not endpoint.pattern.endswith(".cn")
                    if endpoint.required and not endpoint.numbered:
                        assert endpoint.candidates(), "a required host that no probe can ask for"

    def test_every_partition_uses_its_own_suffix(self) -> None:
        for region in ALLOWED:
            assert one(region.id, "ecs").pattern == f"ecs.{region.id}.{region.partition.dns_suffix}"

    def test_groups(self) -> None:
        default = [group.id for group in FACTS.groups if group.default]
        assert default == ["control", "ssm", "images", "logs", "metrics"]
        optional = {group.id for group in FACTS.groups if not group.default}
        assert optional >= {"install", "exec", "secrets", "storage", "tracing", "public-images", "docker-hub"}
        for group in FACTS.groups:
            assert group.endpoints
            assert group.description
        homes = {entry.groups[0] for entry in FACTS.entries}
        assert homes <= {group.id for group in FACTS.groups}


class TestControl:
    """ecs-anywhere.html and vpc-endpoints.html."""

    def test_the_names_that_aws_lists(self) -> None:
        found = patterns("us-east-2")
        assert found["ecs"] == "ecs.us-east-2.amazonaws.com"
        assert found["ecs-a"] == "ecs-a-*.us-east-2.amazonaws.com"
        assert found["ecs-t"] == "ecs-t-*.us-east-2.amazonaws.com"
        assert found["ssm"] == "ssm.us-east-2.amazonaws.com"
        assert found["ssmmessages"] == "ssmmessages.us-east-2.amazonaws.com"
        assert found["ec2messages"] == "ec2messages.us-east-2.amazonaws.com"

    @pytest.mark.parametrize("channel", ["ecs-a", "ecs-t"])
    def test_numbered_and_bare(self, channel: str) -> None:
        numbered, bare = one("us-east-2", channel), one("us-east-2", f"{channel}-unnumbered")
        assert numbered.numbered
        assert numbered.required
        assert bare.pattern == f"{channel}.us-east-2.amazonaws.com"
        assert bare.stands_in_for == channel
        assert not bare.numbered
        assert not numbered.host_pattern.matches(Hostname.parse(bare.pattern))
        names = numbered.candidates(range(1, 33))
        assert [str(names[0]), str(names[-1])] == [
            f"{channel}-1.us-east-2.amazonaws.com",
            f"{channel}-32.us-east-2.amazonaws.com",
        ]
        assert bare.candidates(range(1, 33)) == (Hostname.parse(bare.pattern),)
        for endpoint in (numbered, bare):
            assert endpoint.request.genuine is Genuine.ECS_WEBSOCKET
            assert endpoint.request.upgrade
            assert endpoint.request.upgrade_path == "/ws"
            assert endpoint.used_by == (Agent.ECS_AGENT,)

    def test_the_channels_keep_their_names_on_every_kind_of_host(self) -> None:
        plain = patterns("us-east-2")
        for form in FORMS:
            found = patterns("us-east-2", **form)
            for channel in ("ecs-a", "ecs-a-unnumbered", "ecs-t", "ecs-t-unnumbered"):
                assert found[channel] == plain[channel]

    @pytest.mark.parametrize("region", ALLOWED, ids=lambda region: region.id)
    def test_ec2messages_only_where_aws_runs_it(self, region: catalog.Region) -> None:
        found = {e.id: e for e in FACTS.endpoints(region)}
        assert ("ec2messages" in found) == (region.id not in WITHOUT_EC2MESSAGES)
        if "ec2messages" in found:
            assert not found["ec2messages"].required
            assert found["ec2messages"].optional_since == "ssm-agent 3.3.40.0"

    def test_the_ssm_channel_is_a_websocket(self) -> None:
        request = one("us-east-2", "ssmmessages").request
        assert request.upgrade
        assert request.upgrade_path.startswith("/v1/control-channel/")

    def test_service_connect_and_evidently_are_not_needed(self) -> None:
        for form in FORMS:
            names = " ".join(patterns("us-east-2", **form).values())
            assert "ecs-sc" not in names
            assert "evidently" not in names


class TestImages:
    """gr/ecr and the ECR VPC endpoint page."""

    def test_the_registry_of_an_account(self) -> None:
        registry = one("us-east-2", "ecr-registry", account="210987654321")
        assert registry.pattern == "210987654321.dkr.ecr.us-east-2.amazonaws.com"
        assert not registry.placeholder_account
        assert [str(name) for name in registry.candidates()] == [registry.pattern]

    def test_without_an_account_the_allowlist_is_wide_and_the_probe_has_a_placeholder(self) -> None:
        registry = one("us-east-2", "ecr-registry")
        assert registry.pattern == "*.dkr.ecr.us-east-2.amazonaws.com"
        assert registry.placeholder_account
        assert registry.required
        (asked,) = registry.candidates(range(1, 33))
        assert asked.name == f"{PLACEHOLDER_ACCOUNT}.dkr.ecr.us-east-2.amazonaws.com"
        assert registry.host_pattern.matches(asked)

    @pytest.mark.parametrize("account", ["", "1", "12345678901", "1234567890123", "12345678901x", "\uff11" * 12, "*"])
    def test_an_account_has_twelve_digits(self, account: str) -> None:
        with pytest.raises(UsageError, match="twelve digits"):
            FACTS.endpoints("us-east-2", Forms(account=account))

    def test_layers_come_from_s3(self) -> None:
        layers = one("eu-west-1", "ecr-layers")
        assert layers.pattern == "prod-eu-west-1-starport-layer-bucket.s3.eu-west-1.amazonaws.com"
        assert layers.required
        assert layers.request.genuine is Genuine.S3

    def test_api_and_registry_are_recognised(self) -> None:
        assert one("us-east-2", "ecr-api").pattern == "api.ecr.us-east-2.amazonaws.com"
        registry = one("us-east-2", "ecr-registry").request
        assert (registry.method, registry.path, registry.genuine) == ("GET", "/v2/", Genuine.ECR_REGISTRY)


class TestRecognisers:
    """The evidence: OPTIONS with Origin was seen to be answered with a request id by the AWS APIs."""

    @pytest.mark.parametrize("endpoint_id", ["ecs", "ecr-api", "ssm", "logs", "monitoring", "sts", "secretsmanager"])
    def test_aws_apis_are_asked_for_their_options(self, endpoint_id: str) -> None:
        request = one("us-east-2", endpoint_id).request
        assert request.method == "OPTIONS"
        assert request.genuine is Genuine.AWS_API
        assert set(request.headers) == {"Origin", "Access-Control-Request-Method"}

    def test_third_parties_and_registries(self) -> None:
        assert one("us-east-2", "installer-keys").request.genuine is Genuine.HTTP
        assert one("us-east-2", "docker-packages").request.genuine is Genuine.HTTP
        for registry in ("public-ecr", "docker-hub-registry"):
            request = one("us-east-2", registry).request
            assert (request.path, request.genuine) == ("/v2/", Genuine.DOCKER_REGISTRY)

    def test_the_installer_reads_a_public_file_of_the_region(self) -> None:
        assert one("eu-west-1", "installer-packages").request.path == "/amazon-ssm-eu-west-1/latest/VERSION"


class TestForms:
    """FIPS, dual stack, IPv6 only."""

    US = ("us-east-1", "us-east-2", "us-west-1", "us-west-2")

    def test_the_ecs_agent_takes_the_fips_name_where_it_exists(self) -> None:
        for region in ALLOWED:
            where_it_exists = region.id in (*self.US, "us-gov-east-1", "us-gov-west-1")
            name = "ecs-fips" if where_it_exists else "ecs"
            expected = f"{name}.{region.id}.{region.partition.dns_suffix}"
            assert one(region.id, "ecs", fips=True).pattern == expected

    def test_a_fips_name_that_an_agent_must_be_told_stands_beside_the_ordinary_one(self) -> None:
        found = {e.id: e for e in FACTS.endpoints("us-east-2", Forms(fips=True))}
        assert found["ssm"].pattern == "ssm.us-east-2.amazonaws.com"
        assert found["ssm"].required
        assert found["ssm-fips"].pattern == "ssm-fips.us-east-2.amazonaws.com"
        assert not found["ssm-fips"].required
        assert "told" in found["ssm-fips"].note
        assert found["ecr-api-fips"].pattern == "ecr-fips.us-east-2.amazonaws.com"
        assert found["ecr-registry-fips"].pattern == "*.dkr.ecr-fips.us-east-2.amazonaws.com"
        assert found["ecr-registry-fips"].placeholder_account
        assert "ssm-fips" not in patterns("eu-west-1", fips=True)
        assert "ssm-fips" not in patterns("us-gov-west-1", fips=True)

    def test_s3_fips_regions_are_the_agents(self) -> None:
        with_fips = {r.id for r in ALLOWED if one(r.id, "s3", fips=True).pattern.startswith("s3-fips.")}
        assert with_fips == {*self.US, "us-gov-east-1", "us-gov-west-1", "ca-central-1", "ca-west-1"}

    def test_dual_stack_names_stand_beside_those_the_agents_use(self) -> None:
        plain = FACTS.endpoints("us-east-2")
        found = {e.id: e for e in FACTS.endpoints("us-east-2", Forms(dualstack=True))}
        for endpoint in plain:
            if endpoint.group in {"control", "ssm", "images", "logs", "metrics"}:
                assert found[endpoint.id] == endpoint
        assert found["ecs-dualstack"].pattern == "ecs.us-east-2.api.aws"
        assert found["ecr-api-dualstack"].pattern == "ecr.us-east-2.api.aws"
        assert found["ecr-registry-dualstack"].pattern == "*.dkr-ecr.us-east-2.on.aws"
        assert not any(e.required for e in found.values() if e.id.endswith("-dualstack"))

    def test_both_at_once(self) -> None:
        found = patterns("us-east-2", fips=True, dualstack=True)
        assert found["ecs"] == "ecs-fips.us-east-2.amazonaws.com"
        assert found["ecs-dualstack"] == "ecs-fips.us-east-2.api.aws"
        assert found["xray"] == "xray-fips.us-east-2.api.aws"
        assert patterns("eu-west-1", fips=True, dualstack=True)["xray"] == "xray.eu-west-1.api.aws"

    def test_what_a_host_without_ipv4_uses(self) -> None:
        found = patterns("us-east-2", ipv6_only=True)
        assert found["ecs"] == "ecs.us-east-2.api.aws"
        assert found["ecr-api"] == "ecr.us-east-2.api.aws"
        assert found["ssm"] == "ssm.us-east-2.api.aws"
        assert found["logs"] == "logs.us-east-2.api.aws"
        assert found["installer-packages"] == "s3.dualstack.us-east-2.amazonaws.com"
        assert found["ecs-a"] == "ecs-a-*.us-east-2.amazonaws.com"
        assert not [i for i in found if i.endswith(("-fips", "-dualstack"))]
        required = {e.id for e in FACTS.endpoints("us-east-2") if e.required}
        assert {e.id for e in FACTS.endpoints("us-east-2", Forms(ipv6_only=True)) if e.required} == required

    def test_a_host_without_ipv4_in_fips_mode(self) -> None:
        found = patterns("us-east-2", ipv6_only=True, fips=True)
        assert found["ecs"] == "ecs-fips.us-east-2.api.aws"
        assert patterns("eu-west-1", ipv6_only=True, fips=True)["ecs"] == "ecs.eu-west-1.api.aws"

    def test_the_registrys_dual_stack_domain_is_not_guessed_for_other_partitions(self) -> None:
        assert "ecr-registry-dualstack" not in patterns("eusc-de-east-1", dualstack=True)
        assert patterns("us-iso-east-1", ipv6_only=True)["ecr-registry"] == "*.dkr.ecr.us-iso-east-1.c2s.ic.gov"


class TestInstallAndOthers:
    def test_install(self) -> None:
        found = {e.pattern for e in FACTS.endpoints("eu-west-1") if e.group == "install"}
        assert found >= {
            "amazon-ecs-agent.s3.amazonaws.com",
            "s3.eu-west-1.amazonaws.com",
            "raw.githubusercontent.com",
            "download.docker.com",
        }

    def test_images_beyond_ecr(self) -> None:
        found = set(patterns("us-east-2").values())
        assert found >= {
            "public.ecr.aws",
            "api.ecr-public.us-east-1.amazonaws.com",
            "d2glxqk2uabbnd.cloudfront.net",
            "d5l0dvt14r5h8.cloudfront.net",
            "registry-1.docker.io",
            "auth.docker.io",
            "production.cloudflare.docker.com",
            "production.cloudfront.docker.com",
        }
        assert "public-ecr" not in patterns("us-gov-west-1")

    def test_the_installer_does_not_know_the_iso_partitions(self) -> None:
        assert not [e for e in FACTS.endpoints("us-iso-east-1") if e.group == "install"]
        assert one("eusc-de-east-1", "installer-packages").pattern == "s3.eusc-de-east-1.amazonaws.eu"

    def test_systems_manager_buckets_with_their_exceptions(self) -> None:
        assert "ssm-distributor" in patterns("us-east-2")
        assert "ssm-distributor-file" not in patterns("us-east-2")
        for region in ("af-south-1", "eu-south-1"):
            assert "ssm-distributor" not in patterns(region)
            assert patterns(region)["ssm-distributor-file"].startswith(f"aws-ssm-distributor-file-{region}.")
        for region, suffix in (("me-south-1", "-uduvl7q8"), ("af-south-1", "-tbxdb5b9")):
            buckets = [p for p in patterns(region).values() if p.startswith("patch-baseline-snapshot-")]
            assert buckets == [f"patch-baseline-snapshot-{region}{suffix}.s3.{region}.amazonaws.com"]

    def test_a_wildcard_that_no_one_can_ask_for_has_no_candidates(self) -> None:
        assert one("us-east-2", "s3-buckets").candidates(range(1, 33)) == ()


class TestLoading:
    def test_is_made_once_and_names_its_facts(self) -> None:
        assert catalog.load() is catalog.load()
        assert re.fullmatch(r"[0-9a-f]{64}", FACTS.digest)
        datetime.date.fromisoformat(FACTS.version)

    def test_the_digest_covers_every_file(self) -> None:
        data = resources.files("netprobe.catalog") / "data"
        files = {
            n: (data / n).read_bytes() for n in ("endpoints.toml", "answers.toml", "partitions.json", "regions.toml")
        }
        digests = {store.build(files).digest}
        for name in files:
            digests.add(store.build(files | {name: files[name] + b"\n"}).digest)
        assert len(digests) == 1 + len(files)
        assert FACTS.digest in digests

    def test_imports_nothing_heavy(self) -> None:
        code = (
            "import sys, netprobe.catalog, netprobe.requirements; netprobe.catalog.load();"
            "heavy = {'trio', 'dns', 'httpx', 'cryptography', 'scapy', 'jinja2', 'rich', 'typer', 'botocore', 'ssl'};"
            "print(sorted(heavy & set(sys.modules)))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "[]"

    def test_an_entry_that_contradicts_itself_is_a_fault(self) -> None:
        for broken in (b"groups = []", b'groups = ["control"]\nfips = "x"', b'groups = ["control"]\nbeside = ["x"]'):
            data = (
                b'version = "2026-01-01"\n[probe.p]\n[[group]]\nid = "control"\ndescription = "d"\n'
                b'[[endpoint]]\nid = "e"\nhost = "a.b"\npurpose = "p"\nused_by = []\nsource = "s"\nchecked = "c"\n'
                b'probe = "p"\n' + broken
            )
            with pytest.raises(ValueError):
                build_with(data)


def build_with(endpoints: bytes) -> Catalog:
    data = resources.files("netprobe.catalog") / "data"
    files = {n: (data / n).read_bytes() for n in ("answers.toml", "partitions.json", "regions.toml")}
    return store.build({**files, "endpoints.toml": endpoints})
