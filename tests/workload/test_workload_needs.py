"""Which endpoints a workload needs: exactly what its files name, in the region that they name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from netprobe import catalog as catalogs
from netprobe import requirements, workload
from netprobe.catalog import Endpoint, Forms
from netprobe.errors import RefusedRegionError, UnreadableFileError, UsageError
from netprobe.workload.images import RegistryKind, registry
from tests.support.cli import netprobe
from tests.support.some import some

R = "us-east-2"


def needed(
    tmp_path: Path, text: str, name: str = "f.yaml", regions: tuple[str, ...] = (R,), /, **forms: Any
) -> tuple[Endpoint, ...]:
    path = tmp_path / name
    path.write_text(text)
    catalog = catalogs.load()
    return workload.endpoints([path], catalog=catalog, regions=catalog.select(regions), wanted=Forms(**forms))


def patterns(found: tuple[Endpoint, ...]) -> set[str]:
    return {f"{one.pattern}:{one.port}" if one.port != 443 else one.pattern for one in found}


def task(**container: object) -> str:
    return json.dumps({"family": "x", "containerDefinitions": [{"name": "a", **container}]})


HUB = {"registry-1.docker.io", "auth.docker.io", "production.cloudflare.docker.com", "production.cloudfront.docker.com"}
PUBLIC = {"public.ecr.aws", "d2glxqk2uabbnd.cloudfront.net", "d5l0dvt14r5h8.cloudfront.net"}


def ecr(account: str, region: str) -> set[str]:
    return {
        f"api.ecr.{region}.amazonaws.com",
        f"{account}.dkr.ecr.{region}.amazonaws.com",
        f"prod-{region}-starport-layer-bucket.s3.{region}.amazonaws.com",
    }


@pytest.mark.parametrize(
    ("image", "hosts"),
    [
        ("nginx", HUB),
        ("library/nginx:1.27", HUB),
        ("docker.io/library/nginx@sha256:" + "0" * 64, HUB),
        ("111122223333.dkr.ecr.eu-west-1.amazonaws.com/app:1", ecr("111122223333", "eu-west-1")),
        ("public.ecr.aws/docker/library/nginx:1", PUBLIC),
        ("ghcr.io/o/r:1", {"ghcr.io", "pkg-containers.githubusercontent.com"}),
        ("mcr.microsoft.com/dotnet/runtime", {"mcr.microsoft.com", "*.data.mcr.microsoft.com"}),
        ("registry.corp.example:5000/app", {"registry.corp.example:5000"}),
        ("Registry.Corp.Example/app", {"registry.corp.example"}),
        ("localhost/app", set()),
        ("localhost:5000/app", set()),
        ("10.0.0.1:5000/app", set()),
        ("[::1]:5000/app", set()),
        ("xn--80ak6aa92e.example/app", set()),
    ],
)
def test_images(tmp_path: Path, image: str, hosts: set[str]) -> None:
    assert patterns(needed(tmp_path, task(image=image), "t.json")) == hosts


def test_quay_has_its_blob_hosts(tmp_path: Path) -> None:
    found = patterns(needed(tmp_path, task(image="quay.io/x/y"), "t.json"))
    assert {"quay.io", "cdn.quay.io", "cdn01.quay.io"} <= found


@pytest.mark.parametrize(
    "image",
    [
        "<IMAGE1_NAME>",
        "${IMAGE}",
        "$REPO:$TAG",
        "{{ image }}",
        "%IMAGE%",
        "$(REGISTRY)/app",
        "CHANGEME_IMAGE",
        "__IMAGE__:1",
        "[Your Private Repo]/app:latest",
        "aws_account_id.dkr.ecr.region.amazonaws.com/app",
        "",
    ],
)
def test_what_a_pipeline_has_yet_to_fill_in_is_open(tmp_path: Path, image: str) -> None:
    """It was taken for an image of Docker Hub's: four hosts in an allowlist by a guess, and "ready"."""
    assert registry(image).kind is RegistryKind.UNKNOWN
    assert patterns(needed(tmp_path, task(image=image), "t.json")) == set()
    ended = netprobe("workload", str(tmp_path / "t.json"), "--format", "json")
    (finding,) = json.loads(ended.out)["findings"]
    assert finding["id"] == "image_unresolved"


@pytest.mark.parametrize("account", ["${AWS_ACCOUNT_ID}", "<ACCOUNT>", "{{account}}", "$(ACCOUNT)"])
def test_an_account_that_is_filled_in_later_leaves_the_region(tmp_path: Path, account: str) -> None:
    image = f"{account}.dkr.ecr.eu-west-1.amazonaws.com/app:${{GIT_SHA}}"
    assert patterns(needed(tmp_path, task(image=image), "t.json")) == ecr("*", "eu-west-1")
    assert "execution_role_missing" in netprobe("workload", str(tmp_path / "t.json")).out


@pytest.mark.parametrize("image", ["nginx:${TAG}", "nginx:<TAG>", "library/nginx@{{digest}}", "Nginx.example/x"])
def test_a_tag_that_is_filled_in_later_leaves_the_registry(image: str) -> None:
    assert registry(image).kind in (RegistryKind.DOCKER_HUB, RegistryKind.OTHER)


@pytest.mark.parametrize(
    "image", ["", "/", ":", "a/b/c/d", "a:b:c/d", "[/x", "..../x", "-a.b/x", "a..b/x", "\x00", "é.com/x"]
)
def test_strange_references_never_fail(image: str) -> None:
    assert registry(image).kind in RegistryKind


def test_two_accounts_of_one_region_are_two_endpoints(tmp_path: Path) -> None:
    text = json.dumps({"containerDefinitions": [
        {"image": f"{account}.dkr.ecr.eu-west-1.amazonaws.com/x"} for account in ("111122223333", "444455556666")
    ]})  # fmt: skip
    found = needed(tmp_path, text, "t.json")
    assert patterns(found) == ecr("111122223333", "eu-west-1") | ecr("444455556666", "eu-west-1")
    merged = requirements.endpoints(
        catalogs.load(), regions=["eu-west-1"], forms=Forms(account="777788889999"), extra=found
    )
    registries = {one.id: one.pattern.partition(".")[0] for one in merged if one.id.startswith("ecr-registry")}
    assert registries == {
        "ecr-registry": "777788889999",
        "ecr-registry-111122223333": "111122223333",
        "ecr-registry-444455556666": "444455556666",
    }


@pytest.mark.parametrize(
    "registry_host",
    [
        "111122223333.dkr.ecr.us-east-2.amazonaws.com",
        "111122223333.dkr.ecr-fips.us-east-2.amazonaws.com",
        "111122223333.dkr-ecr.us-east-2.on.aws",
        "111122223333.dkr-ecr-fips.us-east-2.on.aws",
    ],
)
@pytest.mark.parametrize("forms", [{}, {"fips": True}, {"dualstack": True}, {"ipv6_only": True}])
def test_docker_asks_for_the_registry_as_the_image_is_written(
    tmp_path: Path, registry_host: str, forms: dict[str, bool]
) -> None:
    found = needed(tmp_path, task(image=f"{registry_host}/app:1"), "t.json", **forms)
    assert [one.pattern for one in found if one.id.startswith("ecr-registry")] == [registry_host]


@pytest.mark.parametrize(
    ("form", "hosts"),
    [
        ("fips", {"logs.us-east-2.amazonaws.com", "logs-fips.us-east-2.amazonaws.com"}),
        ("dualstack", {"logs.us-east-2.amazonaws.com", "logs.us-east-2.api.aws"}),
        ("ipv6_only", {"logs.us-east-2.api.aws"}),
    ],
)
def test_services_take_the_forms_that_the_host_uses(tmp_path: Path, form: str, hosts: set[str]) -> None:
    text = task(logConfiguration={"logDriver": "awslogs", "options": {"awslogs-region": R}})
    assert patterns(needed(tmp_path, text, "t.json", **{form: True})) == hosts


def test_china_and_unknown_regions_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedRegionError):
        needed(tmp_path, task(image="111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn/x"), "t.json")
    logs = {"logDriver": "awslogs", "options": {"awslogs-endpoint": "https://logs.cn-north-1.amazonaws.com.cn"}}
    with pytest.raises(RefusedRegionError):
        needed(tmp_path, task(image="nginx", logConfiguration=logs), "t.json")
    with pytest.raises(UsageError, match="us-east-22"):
        needed(tmp_path, task(image="111122223333.dkr.ecr.us-east-22.amazonaws.com/x"), "t.json")


def log(driver: str, **options: str) -> str:
    return task(image="localhost/x", logConfiguration={"logDriver": driver, "options": options})


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        (log("awslogs", **{"awslogs-region": "eu-west-1"}), {"logs.eu-west-1.amazonaws.com"}),
        (log("awslogs"), {f"logs.{R}.amazonaws.com"}),
        (log("awslogs", **{"awslogs-endpoint": "https://vpce-1.logs.example.com"}), {"vpce-1.logs.example.com"}),
        (log("awsfirelens", Name="cloudwatch_logs", region="eu-west-1"), {"logs.eu-west-1.amazonaws.com"}),
        (log("awsfirelens", Name="kinesis_firehose", region="eu-west-1"), {"firehose.eu-west-1.amazonaws.com"}),
        (log("awsfirelens", Name="datadog", Host="http-intake.logs.datadoghq.com", TLS="on"),
         {"http-intake.logs.datadoghq.com"}),
        (log("awsfirelens", Name="forward", Host="fluentd.corp.example", Port="24224"), {"fluentd.corp.example:24224"}),
        (log("splunk", **{"splunk-url": "https://splunk.corp.example:8088"}), {"splunk.corp.example:8088"}),
        (log("json-file"), set()),
        (task(image="localhost/x", secrets=[{"name": "A", "valueFrom":
              "arn:aws:secretsmanager:ap-south-1:111122223333:secret:a-b"}]),
         {"secretsmanager.ap-south-1.amazonaws.com"}),
        (task(image="localhost/x", secrets=[{"name": "A", "valueFrom": "/prod/db"}]), {f"ssm.{R}.amazonaws.com"}),
        (task(image="localhost/x", secrets=[{"name": "A", "valueFrom":
              "arn:aws:ssm:eu-west-1:111122223333:parameter/a"}]), {"ssm.eu-west-1.amazonaws.com"}),
        (task(image="localhost/x", repositoryCredentials={"credentialsParameter":
              "arn:aws:secretsmanager:eu-west-1:111122223333:secret:r"}), {"secretsmanager.eu-west-1.amazonaws.com"}),
        (task(image="localhost/x", environmentFiles=[{"type": "s3", "value": "arn:aws:s3:::conf-bucket/app.env"}]),
         {f"s3.{R}.amazonaws.com", f"conf-bucket.s3.{R}.amazonaws.com"}),
        (task(image="localhost/amazon/aws-xray-daemon:3.x"), {f"xray.{R}.amazonaws.com"}),
    ],
)  # fmt: skip
def test_logs_secrets_files_and_traces(tmp_path: Path, text: str, hosts: set[str]) -> None:
    assert patterns(needed(tmp_path, text, "t.json")) == hosts


def test_every_endpoint_says_who_asks(tmp_path: Path) -> None:
    text = "family: x\ncontainerDefinitions:\n- name: a\n  image: ghcr.io/x/y\n"
    for one in some(needed(tmp_path, text)):
        assert one.required is ("*" not in one.pattern)
        assert one.note.endswith("f.yaml line 4")
        assert str(one.host_pattern) == one.pattern


TEMPLATE = """
Parameters:
  Repo: {Type: String, Default: app}
  Tag: {Type: String}
Mappings:
  Regional: {eu-west-1: {logs: eu-central-1}}
Conditions: {Prod: !Equals [a, a]}
Resources:
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Family: x
      ContainerDefinitions:
        - Name: a
          Image: !Sub "111122223333.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/${Repo}:${Tag}"
          LogConfiguration:
            LogDriver: awslogs
            Options:
              awslogs-region: !FindInMap [Regional, !Ref "AWS::Region", logs]
        - Name: b
          Image: !If [Prod, "ghcr.io/x/y", !Join ["/", ["registry.corp.example", !Ref Repo]]]
          Secrets:
            - Name: S
              ValueFrom: !Sub "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:x"
            - Name: T
              ValueFrom: !Ref SomeSecret
  Service:
    Type: AWS::ECS::Service
    Properties: {LaunchType: EXTERNAL, TaskDefinition: !Ref Task, EnableExecuteCommand: true}
"""


def test_cloudformation_is_resolved_as_far_as_it_tells(tmp_path: Path) -> None:
    found = needed(tmp_path, TEMPLATE, "f.yaml", ("eu-west-1",))
    assert patterns(found) == {
        *ecr("111122223333", "eu-west-1"),
        "logs.eu-central-1.amazonaws.com",
        "ghcr.io",
        "pkg-containers.githubusercontent.com",
        "registry.corp.example",
        "secretsmanager.eu-west-1.amazonaws.com",
        "ssm.eu-west-1.amazonaws.com",
        "ssmmessages.eu-west-1.amazonaws.com",
    }


def test_open_account_keeps_the_region_and_the_layers(tmp_path: Path) -> None:
    text = TEMPLATE.replace("111122223333", "${AWS::AccountId}")
    found = {one.id: one for one in needed(tmp_path, text)}
    assert found["ecr-registry"].placeholder_account
    assert found["ecr-layers"].pattern.startswith(f"prod-{R}-starport")


def test_json_template_reads_as_yaml_does(tmp_path: Path) -> None:
    image = {"Fn::Sub": "111122223333.dkr.ecr.${AWS::Region}.amazonaws.com/x"}
    body = {"Resources": {"T": {"Type": "AWS::ECS::TaskDefinition",
                                "Properties": {"ContainerDefinitions": [{"Image": image}]}}}}  # fmt: skip
    assert patterns(needed(tmp_path, json.dumps(body), "t.json")) == ecr("111122223333", R)


COMPOSE = """
services:
  web:
    image: ghcr.io/x/web:${TAG:-1}
    environment: [HTTPS_PROXY=http://proxy:3128]
    logging: {driver: awslogs, options: {awslogs-region: eu-west-1}}
  open:
    image: ${REGISTRY}/app
"""


def test_compose(tmp_path: Path) -> None:
    found = patterns(needed(tmp_path, COMPOSE))
    assert found == {"ghcr.io", "pkg-containers.githubusercontent.com", "logs.eu-west-1.amazonaws.com"}


@pytest.mark.parametrize(
    "text",
    [
        "a: 1",
        "[]",
        "Resources: {B: {Type: AWS::S3::Bucket}}",
        "just text",
        "services: {}\nversion: '3'",
        "- - -",
        "services: {web: null}",
    ],
)
def test_a_file_without_a_workload_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(UnreadableFileError, match="holds no task definition"):
        needed(tmp_path, text)


def test_describe_and_register_forms_are_one(tmp_path: Path) -> None:
    inner = json.loads(task(image="ghcr.io/x/y"))
    wrapped = json.dumps({"taskDefinition": {**inner, "status": "ACTIVE"}, "tags": []})
    assert (
        needed(tmp_path, wrapped, "a.json")[0].pattern
        == needed(tmp_path, task(image="ghcr.io/x/y"), "b.json")[0].pattern
    )


def test_probe_and_allowlist_follow_the_workload(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text(task(image="444455556666.dkr.ecr.eu-west-1.amazonaws.com/x"))
    ended = netprobe("endpoints", "-r", R, "--task-definition", str(path), "--format", "json")
    assert ended.code == 0, ended.err
    assert "444455556666.dkr.ecr.eu-west-1.amazonaws.com" in ended.out
    rendered = netprobe("render", "squid", "-r", R, "--task-definition", str(path))
    assert rendered.code == 0, rendered.err
    assert "444455556666.dkr.ecr.eu-west-1.amazonaws.com" in rendered.out


def test_requirements_merge_a_workload(tmp_path: Path) -> None:
    extra = needed(tmp_path, task(image=f"444455556666.dkr.ecr.{R}.amazonaws.com/x"), "t.json")
    found = requirements.endpoints(catalogs.load(), regions=[R], extra=extra)
    registries = [one.pattern for one in found if one.id.startswith("ecr-registry")]
    assert registries == [f"444455556666.dkr.ecr.{R}.amazonaws.com"]


def test_a_table_by_region_gives_the_image_of_every_row(tmp_path: Path) -> None:
    """The region is the user's, so each row may be meant."""
    text = """
Mappings:
  Images:
    us-east-2: {App: ghcr.io/o/r}
    eu-west-1: {App: registry.corp.example/r}
Resources:
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      ContainerDefinitions:
        - Name: a
          Image: !FindInMap [Images, !Ref AWS::Region, App]
"""
    assert {"ghcr.io", "registry.corp.example"} <= patterns(needed(tmp_path, text))
