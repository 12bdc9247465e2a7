"""What external instances cannot do: each defect fails exactly its own rule, at its own line, in every form."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.session import get_session
from botocore.validate import ParamValidator

from netprobe import catalog
from netprobe.errors import UnreadableFileError
from netprobe.findings import Outcome
from netprobe.rules import Rule, judge
from netprobe.workload import forms
from netprobe.workload.document import List, Map, parse
from netprobe.workload.images import nearly_ecr
from netprobe.workload.model import Workload
from netprobe.workload.rules import RULES
from netprobe.workload.template import REGION, SUFFIX, UNKNOWN
from tests.support.cli import netprobe

FAIL, WARN, PASS = Outcome.FAIL, Outcome.WARN, Outcome.PASS
GOOD_TASK: dict[str, Any] = {
    "family": "web",
    "networkMode": "bridge",
    "requiresCompatibilities": ["EXTERNAL"],
    "executionRoleArn": "arn:aws:iam::111122223333:role/ecsTaskExecutionRole",
    "taskRoleArn": "arn:aws:iam::111122223333:role/web",
    "containerDefinitions": [
        {
            "name": "web",
            "image": "111122223333.dkr.ecr.us-east-2.amazonaws.com/web:1",
            "portMappings": [{"containerPort": 80, "hostPort": 8080}],
            "environment": [
                {"name": "HTTPS_PROXY", "value": "http://proxy.corp.example:3128"},
                {"name": "NO_PROXY", "value": "169.254.170.2"},
            ],
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {"awslogs-group": "w", "awslogs-region": "us-east-2"},
            },
        }
    ],
}
GOOD_SERVICE: dict[str, Any] = {
    "serviceName": "web",
    "taskDefinition": "web:1",
    "launchType": "EXTERNAL",
    "desiredCount": 2,
    "enableExecuteCommand": True,
}


def judged(value: object, name: str = "w.json") -> dict[str, tuple[Outcome, tuple[int | None, ...]]]:
    """Every finding, with its lines."""
    workload = forms.parse(parse(json.dumps(value, indent=1), name), name)
    found = judge(RULES, workload, name, running=True)
    return {
        one.rule.id: (one.judgement.outcome, tuple(place.line for place in one.judgement.places))
        for one in found
        if one.finding() is not None
    }


def container(**change: object) -> dict[str, Any]:
    return {**GOOD_TASK, "containerDefinitions": [{**GOOD_TASK["containerDefinitions"][0], **change}]}


def without(value: dict[str, Any], *names: str) -> dict[str, Any]:
    return {key: item for key, item in value.items() if key not in names}


def test_good_workloads_pass() -> None:
    assert judged(GOOD_TASK) == {}
    assert judged({"taskDefinition": {**GOOD_TASK, "compatibilities": ["EC2", "EXTERNAL"]}}) == {}
    assert judged(GOOD_SERVICE) == {}
    assert judged({"services": [GOOD_SERVICE]}) == {}


@pytest.mark.parametrize(
    ("value", "rule", "outcome"),
    [
        ({**GOOD_TASK, "networkMode": "awsvpc"}, "network_mode_unsupported", FAIL),
        ({**GOOD_TASK, "requiresCompatibilities": ["FARGATE"]}, "compatibility_excludes_external", FAIL),
        ({"taskDefinition": {**without(GOOD_TASK, "requiresCompatibilities"), "compatibilities": ["EC2", "FARGATE"]}},
         "compatibility_excludes_external", FAIL),
        ({**GOOD_TASK, "volumes": [{"name": "v", "efsVolumeConfiguration": {"fileSystemId": "fs-1"}}]},
         "efs_volume_unsupported", FAIL),
        ({**GOOD_TASK, "proxyConfiguration": {"type": "APPMESH", "containerName": "e"}}, "app_mesh_unsupported", FAIL),
        ({**GOOD_TASK, "inferenceAccelerators": [{"deviceName": "d", "deviceType": "eia2.medium"}]},
         "inference_accelerator_unsupported", FAIL),
        (container(resourceRequirements=[{"type": "GPU", "value": "1"}]), "gpu_needs_preparation", WARN),
        (without(GOOD_TASK, "executionRoleArn"), "execution_role_missing", FAIL),
        (container(logConfiguration={"logDriver": "awslogs", "options": {"awslogs-group": "w"}}),
         "awslogs_region_missing", FAIL),
        (container(portMappings=[{"containerPort": 80, "hostPort": 51679}]), "agent_port_mapped", FAIL),
        (container(environment=[{"name": "http_proxy", "value": "http://p:1"}]),
         "task_proxy_before_credentials", FAIL),
        (container(image="111122223333.dkr.ecr.us-east-2.amazon.aws.com/x"), "registry_nearly_ecr", WARN),
        (container(image="registry:5000/x"), "registry_without_name", WARN),
        ({**GOOD_TASK, "placementConstraints": [{"type": "memberOf",
          "expression": "attribute:ecs.capability.external !exists"}]}, "placement_excludes_external", FAIL),
        ({**GOOD_TASK, "placementConstraints": [{"type": "memberOf",
          "expression": "attribute:ecs.instance-type =~ t3.*"}]}, "placement_excludes_external", FAIL),
        ({**GOOD_TASK, "ephemeralStorage": {"sizeInGiB": 30}}, "fargate_setting_ignored", WARN),
        (container(command=["aws", "ecs", "update-container-agent"]), "update_container_agent_unsupported", WARN),
        ({**GOOD_SERVICE, "launchType": "FARGATE"}, "launch_type_not_external", FAIL),
        (without(GOOD_SERVICE, "launchType"), "launch_type_not_external", FAIL),
        ({**without(GOOD_SERVICE, "launchType"), "deploymentController": {"type": "EXTERNAL"}},
         "launch_type_not_external", WARN),
        ({**GOOD_SERVICE, "loadBalancers": [{"targetGroupArn": "a"}]}, "load_balancer_unsupported", FAIL),
        ({**GOOD_SERVICE, "serviceRegistries": [{"registryArn": "a"}]}, "service_discovery_unsupported", FAIL),
        ({**GOOD_SERVICE, "serviceConnectConfiguration": {"enabled": True}}, "service_connect_unsupported", FAIL),
        ({**without(GOOD_SERVICE, "launchType"), "capacityProviderStrategy": [{"capacityProvider": "x"}]},
         "capacity_provider_unsupported", FAIL),
        ({**GOOD_SERVICE, "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["s"]}}},
         "awsvpc_configuration_unsupported", FAIL),
        ({**GOOD_SERVICE, "schedulingStrategy": "DAEMON", "deploymentController": {"type": "EXTERNAL"}},
         "daemon_scheduling_unsupported", FAIL),
        ({**GOOD_SERVICE, "schedulingStrategy": "DAEMON", "deploymentController": {"type": "CODE_DEPLOY"}},
         "daemon_scheduling_unsupported", FAIL),
    ],
)  # fmt: skip
def test_defect_fails_its_rule(value: dict[str, Any], rule: str, outcome: Outcome) -> None:
    found = judged(value)
    assert {id_: one[0] for id_, one in found.items()} == {rule: outcome}
    assert all(line is not None and line > 0 for line in found[rule][1])


OPEN = {"Ref": "Nobody"}
"""A parameter that is told when the stack is made."""
TOLD_BY_IMAGE_UNRESOLVED = {"registry_nearly_ecr", "registry_without_name"}
SEARCHED_AS_TEXT = {"update_container_agent_unsupported"}


def opened(value: Any) -> Iterator[Any]:
    """The same with one of its values open, for each value in it."""
    yield OPEN
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        for one in opened(item):
            changed = value.copy()
            changed[key] = one
            yield changed


def as_read(value: Any) -> Any:
    """What the reader of documents makes of it, without its cost."""
    if isinstance(value, dict):
        found = Map(1)
        for key, item in value.items():
            found[key], found.lines[key] = as_read(item), 1
        return found
    if isinstance(value, list):
        items = List(1)
        items.extend(as_read(item) for item in value)
        items.lines = [1] * len(value)
        return items
    return value


def test_what_is_open_is_no_pass() -> None:
    """Whichever value of a bad file is open, its rule fails still, or is not run: it never says that all is well."""
    (mark,) = [mark for mark in test_defect_fails_its_rule.pytestmark if mark.name == "parametrize"]
    rules = {rule.id: rule for rule in RULES}
    seen = set()
    for bad, id_, _ in mark.args[1]:
        if id_ in TOLD_BY_IMAGE_UNRESOLVED | SEARCHED_AS_TEXT:
            continue
        body = bad["taskDefinition"] if isinstance(bad.get("taskDefinition"), dict) else bad
        kind = "AWS::ECS::TaskDefinition" if "containerDefinitions" in body else "AWS::ECS::Service"
        for properties in list(opened(pascal(body)))[1:]:
            template = as_read({"Resources": {"R": {"Type": kind, "Properties": properties}}})
            (found,) = judge([rules[id_]], forms.parse([template], "t.yaml"), "t.yaml", running=True)
            assert found.judgement.outcome in (FAIL, WARN, Outcome.NOT_RUN), (id_, properties)
            seen.add(found.judgement.outcome)
    assert seen == {FAIL, WARN, Outcome.NOT_RUN}


@pytest.mark.parametrize(
    "value",
    [
        {**GOOD_SERVICE, "serviceConnectConfiguration": {"enabled": False}},
        {**GOOD_SERVICE, "loadBalancers": [], "serviceRegistries": [], "schedulingStrategy": "REPLICA"},
        {**GOOD_TASK, "placementConstraints": [{"expression": "attribute:ecs.capability.external exists"}]},
        {**GOOD_SERVICE, "schedulingStrategy": "DAEMON"},
        {**GOOD_SERVICE, "schedulingStrategy": "DAEMON", "deploymentController": {"type": "ECS"}},
        container(environment=[{"name": "HTTPS_PROXY", "value": "http://p:1"}]),
        container(portMappings=[{"containerPort": 80, "hostPort": 51681}]),
        {**GOOD_TASK, "networkMode": "host"},
        {**GOOD_TASK, "networkMode": "none"},
        {**GOOD_TASK, "volumes": [{"name": "v", "host": {"sourcePath": "/data"}}]},
    ],
)
def test_what_works_is_not_told(value: dict[str, Any]) -> None:
    assert judged(value) == {}


def test_line_is_that_of_the_field() -> None:
    text = json.dumps({**GOOD_TASK, "networkMode": "awsvpc"}, indent=1)
    expected = next(n for n, line in enumerate(text.splitlines(), 1) if "networkMode" in line)
    assert judged({**GOOD_TASK, "networkMode": "awsvpc"})["network_mode_unsupported"] == (FAIL, (expected,))


def pascal(value: object) -> object:
    """CloudFormation's names of the same fields; keys of options stay."""
    if isinstance(value, dict):
        fixed = {"efsVolumeConfiguration": "EFSVolumeConfiguration"}
        return {
            key if key.startswith("awslogs") else fixed.get(key, key[0].upper() + key[1:]): pascal(item)
            for key, item in value.items()
        }
    return [pascal(item) for item in value] if isinstance(value, list) else value


def test_cloudformation_is_judged_alike() -> None:
    bad = {**GOOD_TASK, "networkMode": "awsvpc",
           "volumes": [{"name": "v", "efsVolumeConfiguration": {"fileSystemId": "x"}}]}  # fmt: skip
    service = {**GOOD_SERVICE, "loadBalancers": [{"targetGroupArn": "a"}]}
    template = {"Resources": {
        "Task": {"Type": "AWS::ECS::TaskDefinition", "Properties": pascal(bad)},
        "Service": {"Type": "AWS::ECS::Service", "Properties": pascal(service)},
        "Bucket": {"Type": "AWS::S3::Bucket"},
    }}  # fmt: skip
    assert set(judged(template)) == {"network_mode_unsupported", "efs_volume_unsupported", "load_balancer_unsupported"}


def test_both_branches_of_a_condition_are_judged() -> None:
    text = (
        "Resources:\n  S:\n    Type: AWS::ECS::Service\n    Properties:\n"
        "      LaunchType: !If [OnPrem, EXTERNAL, FARGATE]\n"
    )
    workload = forms.parse(parse(text, "t.yaml"), "t.yaml")
    found = {one.rule.id: one.judgement for one in judge(RULES, workload, "t.yaml", running=True)}
    assert found["launch_type_not_external"].outcome is FAIL
    assert found["launch_type_not_external"].places[0].line == 5


def test_a_condition_around_a_map_hides_nothing() -> None:
    """The log configuration is there in one of two cases, and is judged; what is NoValue is not there."""
    text = """
Resources:
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      EphemeralStorage: !Ref AWS::NoValue
      ProxyConfiguration: {Ref: "AWS::NoValue"}
      ContainerDefinitions:
        - Name: a
          Image: ghcr.io/x/y
          LogConfiguration: !If [Logs, {LogDriver: awslogs}, !Ref AWS::NoValue]
        - Name: b
          Image: ghcr.io/x/y
          LogConfiguration: {"Fn::If": [Logs, {Ref: "AWS::NoValue"}, {LogDriver: awslogs}]}
"""
    workload = forms.parse(parse(text, "t.yaml"), "t.yaml")
    found = {one.rule.id: one.judgement for one in judge(RULES, workload, "t.yaml", running=True)}
    assert [place.line for place in found["awslogs_region_missing"].places] == [11, 14]
    assert found["fargate_setting_ignored"].outcome is PASS
    assert found["app_mesh_unsupported"].outcome is PASS


def test_both_kinds_of_logs_are_judged() -> None:
    """Of a choice between two log drivers only the first was looked at."""
    text = """
Resources:
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      ContainerDefinitions:
        - Name: a
          Image: ghcr.io/x/y
          LogConfiguration: !If
            - Splunk
            - {LogDriver: splunk}
            - !If [Short, {LogDriver: awslogs}, {LogDriver: awslogs, Options: {awslogs-region: us-east-2}}]
"""
    workload = forms.parse(parse(text, "t.yaml"), "t.yaml")
    found = {one.rule.id: one.judgement for one in judge(RULES, workload, "t.yaml", running=True)}
    assert [place.line for place in found["awslogs_region_missing"].places] == [12]
    assert [place.line for place in found["execution_role_missing"].places] == [12, 12]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("gpus: all", WARN),
        ("runtime: nvidia", WARN),
        ("gpus: [{driver: nvidia, count: 1}]", WARN),
        ("deploy: {resources: {reservations: {devices: [{capabilities: [gpu]}]}}}", WARN),
        ("runtime: runc", PASS),
    ],
)
def test_every_way_to_ask_for_a_gpu_in_a_compose_file(lines: str, expected: Outcome) -> None:
    text = f"services:\n  a:\n    image: ghcr.io/x/y\n    {lines}\n"
    workload = forms.parse(parse(text, "c.yaml"), "c.yaml")
    found = {one.rule.id: one.judgement for one in judge(RULES, workload, "c.yaml", running=True)}
    assert found["gpu_needs_preparation"].outcome is expected


LOOP = """
Transform: AWS::LanguageExtensions
Resources:
  S: {Type: AWS::ECS::Service, Properties: {LaunchType: EXTERNAL}}
  Fn::ForEach::Tasks:
    - Mode
    - [bridge, awsvpc]
    - Fn::ForEach::Names:
        - Name
        - !Ref Names
        - Task${Mode}${Name}:
            Type: AWS::ECS::TaskDefinition
            Properties:
              NetworkMode: !Ref Mode
              ContainerDefinitions: [{Name: !Ref Name, Image: !Sub "ghcr.io/${Name}/x"}]
"""


def test_what_a_loop_repeats_is_judged() -> None:
    workload = forms.parse(parse(LOOP, "t.yaml"), "t.yaml")
    assert len(workload.tasks) == 1
    found = {one.rule.id: one.judgement for one in judge(RULES, workload, "t.yaml", running=True)}
    assert found["network_mode_unsupported"].outcome is FAIL
    assert found["network_mode_unsupported"].places[0].line == 14
    assert found["image_unresolved"].outcome is PASS


def test_a_list_that_a_parameter_holds_is_judged() -> None:
    """A CommaDelimitedList is written with commas."""
    for default, outcome in (("EC2, EXTERNAL", PASS), ("EC2,FARGATE", FAIL)):
        text = (
            f"Parameters:\n  Kinds: {{Type: CommaDelimitedList, Default: '{default}'}}\nResources:\n  T:\n"
            "    Type: AWS::ECS::TaskDefinition\n    Properties: {RequiresCompatibilities: !Ref Kinds}\n"
        )
        workload = forms.parse(parse(text, "t.yaml"), "t.yaml")
        found = {one.rule.id: one.judgement for one in judge(RULES, workload, "t.yaml", running=True)}
        assert found["compatibility_excludes_external"].outcome is outcome


def test_exec_without_task_role_in_one_template() -> None:
    template = {"Resources": {
        "Task": {"Type": "AWS::ECS::TaskDefinition", "Properties": pascal(without(GOOD_TASK, "taskRoleArn"))},
        "Service": {"Type": "AWS::ECS::Service", "Properties": pascal(GOOD_SERVICE)},
    }}  # fmt: skip
    assert {id_: one[0] for id_, one in judged(template).items()} == {"exec_needs_task_role": WARN}


def test_open_image_is_told() -> None:
    template = {"Parameters": {"Image": {"Type": "String"}}, "Resources": {"Task": {
        "Type": "AWS::ECS::TaskDefinition", "Properties": pascal(container(image={"Ref": "Image"}))}}}  # fmt: skip
    assert set(judged(template)) == {"image_unresolved"}


@pytest.mark.parametrize("wrong", [None, 1, "x", [], {}, [1], [[]], {"a": 1}, True, [None], [{"name": []}]])
@pytest.mark.parametrize(
    "field", ["containerDefinitions", "volumes", "placementConstraints", "networkMode", "executionRoleArn"]
)
def test_fields_of_the_wrong_type_never_crash(field: str, wrong: object) -> None:
    judged({"family": "x", "containerDefinitions": [], **{field: wrong}, "serviceName": "s", "taskDefinition": "t"})


def test_command_shows_file_and_line_in_ci_formats(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(json.dumps({**GOOD_TASK, "networkMode": "awsvpc"}, indent=1))
    ended = netprobe("workload", "t.json", "--format", "sarif", "--report", "junit=j.xml", cwd=tmp_path)
    assert ended.code == 1, ended.err
    (result,) = json.loads(ended.out)["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("t.json", 3)
    from junitparser import JUnitXml

    suites = JUnitXml.fromfile(str(tmp_path / "j.xml"))
    assert (suites.failures, suites.errors) == (1, 0)


TESTED_ELSEWHERE = {"exec_needs_task_role", "host_unresolved", "image_unresolved"}
"""By the tests named after them."""


def test_every_rule_is_seen_to_fail() -> None:
    """A rule without a case above would be one that nobody has seen at work."""
    (mark,) = [mark for mark in test_defect_fails_its_rule.pytestmark if mark.name == "parametrize"]
    assert {case[1] for case in mark.args[1]} | TESTED_ELSEWHERE == {rule.id for rule in RULES}


@pytest.mark.parametrize("one", RULES, ids=lambda one: one.id)
def test_every_rule_rests_on_a_sentence_of_aws(one: Rule[Workload]) -> None:
    """No wish of a roadmap, no source file: what AWS's documentation or API says, and when that was read."""
    assert one.source.startswith("https://docs.aws.amazon.com/AmazonECS/latest/")
    assert len(one.sentence) > 20
    assert one.checked >= "2026-11-28"


def test_explain_shows_the_sentence() -> None:
    ended = netprobe("explain", "daemon_scheduling_unsupported")
    assert "CODE_DEPLOY or EXTERNAL deployment controller types don't support" in " ".join(ended.out.split())


CONTAINER = without(GOOD_TASK["containerDefinitions"][0], "logConfiguration")


def test_an_array_of_container_definitions() -> None:
    """What stands around the containers is not in the file: neither missed nor praised."""
    logs = {"logDriver": "awslogs", "options": {"awslogs-group": "x"}}
    assert judged([CONTAINER]) == {}
    found = judged([CONTAINER, {"name": "b", "image": "nginx", "logConfiguration": logs}])
    assert {id_: one[0] for id_, one in found.items()} == {"awslogs_region_missing": FAIL}


def rule_with(target: dict[str, Any]) -> dict[str, Any]:
    targets = [{"Id": "1", "Arn": "arn:aws:ecs:us-east-2:111122223333:cluster/c", "EcsParameters": target}]
    return {"Resources": {"R": {"Type": "AWS::Events::Rule", "Properties": {"Targets": targets}}}}


def test_targets_of_eventbridge() -> None:
    """A rule's, a schedule's, and what put-targets takes; a target for Fargate concerns other hosts."""
    good = {"TaskDefinitionArn": "web:1", "LaunchType": "EXTERNAL"}
    bad = {**good, "NetworkConfiguration": {"AwsVpcConfiguration": {"Subnets": ["s"]}}}
    assert judged(rule_with(good)) == {}
    assert set(judged(rule_with(bad))) == {"awsvpc_configuration_unsupported"}
    schedule = {"Type": "AWS::Scheduler::Schedule", "Properties": {"Target": {"Arn": "a", "EcsParameters": bad}}}
    assert set(judged({"Resources": {"S": schedule}})) == {"awsvpc_configuration_unsupported"}
    given_to_cli = {"Rule": "nightly", "Targets": [{"Id": "1", "Arn": "a", "EcsParameters": bad}]}
    assert set(judged(given_to_cli)) == {"awsvpc_configuration_unsupported"}
    with pytest.raises(UnreadableFileError, match="holds no task definition"):
        judged(rule_with({**bad, "LaunchType": "FARGATE"}))


@pytest.mark.parametrize("launch_type", ["EXTERNAL", "FARGATE", "EC2"])
@pytest.mark.parametrize("call", ["put-targets", "create-schedule"])
def test_targets_as_the_cli_takes_them(call: str, launch_type: str) -> None:
    """A file of its own with another launch type is judged, as a service's is; botocore says that the CLI takes it."""
    task = {"TaskDefinitionArn": "arn:aws:ecs:us-east-2:111122223333:task-definition/web:1", "LaunchType": launch_type}
    cluster = "arn:aws:ecs:us-east-2:111122223333:cluster/c"
    target: dict[str, Any] = {"Arn": cluster, "RoleArn": "arn:aws:iam::111122223333:role/r", "EcsParameters": task}
    given: dict[str, Any] = {"Rule": "nightly", "Targets": [{"Id": "1", **target}]}
    service, operation = "events", "PutTargets"
    if call == "create-schedule":
        given = {"Name": "nightly", "ScheduleExpression": "rate(1 day)", "Target": target,
                 "FlexibleTimeWindow": {"Mode": "OFF"}}  # fmt: skip
        service, operation = "scheduler", "CreateSchedule"
    shape = get_session().get_service_model(service).operation_model(operation).input_shape
    assert not ParamValidator().validate(given, shape).has_errors()
    wrong = {} if launch_type == "EXTERNAL" else {"launch_type_not_external": FAIL}
    assert {id_: one[0] for id_, one in judged(given).items()} == wrong


@pytest.mark.parametrize("beside", [{}, {"S": {"Type": "AWS::ECS::Service", "Properties": GOOD_SERVICE}}])
def test_a_target_whose_launch_type_is_open_is_not_run(beside: dict[str, Any]) -> None:
    """It may be external: neither passed over in silence nor held to what only external instances cannot do."""
    target = {"TaskDefinitionArn": "web:1", "LaunchType": {"Ref": "Type"}, "NetworkConfiguration": {"x": {}}}
    template = rule_with(target)
    template["Parameters"] = {"Type": {"Type": "String"}}
    template["Resources"] |= beside
    workload = forms.parse(parse(json.dumps(template), "t.json"), "t.json")
    found = {one.rule.id: one.judgement for one in judge(RULES, workload, "t.json", running=True)}
    assert found["launch_type_not_external"].outcome is Outcome.NOT_RUN
    assert "leaves launchType open" in found["launch_type_not_external"].title
    assert found["awsvpc_configuration_unsupported"].outcome is not FAIL


def test_of_mixed_targets_those_for_other_hosts_are_left_out() -> None:
    one = {"Id": "1", "Arn": "a", "EcsParameters": {"TaskDefinitionArn": "web:1", "LaunchType": "EXTERNAL"}}
    other = {"Id": "2", "Arn": "a", "EcsParameters": {"TaskDefinitionArn": "web:1", "LaunchType": "FARGATE"}}
    assert judged({"Rule": "r", "Targets": [one, other]}) == {}


FARGATE_TASK: dict[str, Any] = {**GOOD_TASK, "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc"}
FARGATE_SERVICE: dict[str, Any] = {**GOOD_SERVICE, "launchType": "FARGATE", "loadBalancers": [{"targetGroupArn": "a"}]}


def of_stack(*resources: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    named = {f"R{number}": {"Type": kind, "Properties": pascal(body)} for number, (kind, body) in enumerate(resources)}
    return {"Resources": named}


def test_of_a_mixed_template_what_is_for_other_hosts_is_told_and_not_judged() -> None:
    """A balancer on Fargate beside workers on the company's own servers: neither is wrong."""
    ours = [("AWS::ECS::TaskDefinition", GOOD_TASK), ("AWS::ECS::Service", GOOD_SERVICE)]
    others = [("AWS::ECS::TaskDefinition", FARGATE_TASK), ("AWS::ECS::Service", FARGATE_SERVICE)]
    found = judged(of_stack(*ours, *others))
    assert {id_: one[0] for id_, one in found.items()} == {
        "launch_type_not_external": WARN,
        "compatibility_excludes_external": WARN,
    }
    assert all(len(lines) == 1 for _, lines in found.values())
    alone = judged(of_stack(*others))
    assert {id_ for id_, one in alone.items() if one[0] is FAIL} == {
        "launch_type_not_external",
        "compatibility_excludes_external",
        "load_balancer_unsupported",
        "network_mode_unsupported",
    }


def test_a_task_that_excludes_external_is_judged_where_every_service_is_external() -> None:
    """Then an external service is what starts it, and is refused."""
    tasks = [("AWS::ECS::TaskDefinition", GOOD_TASK), ("AWS::ECS::TaskDefinition", FARGATE_TASK)]
    for services in ([], [("AWS::ECS::Service", GOOD_SERVICE)]):
        assert judged(of_stack(*tasks, *services))["compatibility_excludes_external"][0] is FAIL


def _mixed(ours: object, theirs: object, **theirs_task: object) -> dict[str, Any]:
    """A task definition and service for external instances, and the same for EC2; each service starts what is said."""
    there = {**without(FARGATE_TASK, "requiresCompatibilities"), "family": "theirs", **theirs_task}
    return {"Resources": {
        "Ours": {"Type": "AWS::ECS::TaskDefinition", "Properties": pascal({**GOOD_TASK, "family": "ours"})},
        "Theirs": {"Type": "AWS::ECS::TaskDefinition", "Properties": pascal(there)},
        "A": {"Type": "AWS::ECS::Service", "Properties": {**pascal(GOOD_SERVICE), "TaskDefinition": ours}},  # type: ignore[dict-item]
        "B": {"Type": "AWS::ECS::Service", "Properties": {**pascal(FARGATE_SERVICE), "TaskDefinition": theirs}},  # type: ignore[dict-item]
    }}  # fmt: skip


_ARN = "arn:aws:ecs:us-east-2:111122223333:task-definition/"


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({"Ref": "Ours"}, {"Ref": "Theirs"}),
        ({"Fn::GetAtt": ["Ours", "TaskDefinitionArn"]}, {"Fn::GetAtt": "Theirs.TaskDefinitionArn"}),
        ("ours:3", "theirs"),
        (f"{_ARN}ours:3", f"{_ARN}theirs:1"),
        ("of-another-file", {"Ref": "Theirs"}),
    ],
)
def test_what_other_hosts_alone_start_is_not_judged(ours: object, theirs: object) -> None:
    """A task definition for EC2 need not name a compatibility."""
    found = judged(_mixed(ours, theirs))
    assert {id_: one[0] for id_, one in found.items()} == {
        "launch_type_not_external": WARN,
        "compatibility_excludes_external": WARN,
    }


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({"Ref": "Theirs"}, {"Ref": "Theirs"}),
        ({"Ref": "Parameter"}, {"Ref": "Theirs"}),
        ({"Fn::ImportValue": "x"}, {"Ref": "Theirs"}),
        ({"Ref": "Ours"}, {"Ref": "Parameter"}),
    ],
)
def test_what_an_external_service_may_start_is_judged(ours: object, theirs: object) -> None:
    assert judged(_mixed(ours, theirs))["network_mode_unsupported"][0] is FAIL


def test_a_task_for_fargate_that_an_external_service_starts_is_judged() -> None:
    """AWS refuses it: it was passed over with a warning, since a service elsewhere stood beside."""
    found = judged(_mixed({"Ref": "Theirs"}, {"Ref": "Theirs"}, requiresCompatibilities=["FARGATE"]))
    assert found["compatibility_excludes_external"][0] is FAIL


@pytest.mark.parametrize("launch_type", [{}, {"launchType": {"Ref": "Type"}}])
def test_a_service_that_names_no_launch_type_is_judged_beside_an_external_one(launch_type: dict[str, Any]) -> None:
    service = {**without(GOOD_SERVICE, "launchType"), **launch_type, "loadBalancers": [{"targetGroupArn": "a"}]}
    assert judged({"services": [GOOD_SERVICE, service]})["load_balancer_unsupported"][0] is FAIL


def test_a_template_that_cdk_synthesised() -> None:
    """The shape of ExternalService(daemon: true) in aws-cdk's own snapshot: GetAtt, Join and metadata around it."""
    image = {"Fn::Join": ["", ["111122223333.dkr.ecr.", {"Ref": "AWS::Region"}, ".", {"Ref": "AWS::URLSuffix"},
                              "/cdk-assets:abc"]]}  # fmt: skip
    logs = {"LogDriver": "awslogs", "Options": {"awslogs-group": {"Ref": "Logs"}, "awslogs-stream-prefix": "x",
                                                "awslogs-region": {"Ref": "AWS::Region"}}}  # fmt: skip
    task = {
        "ContainerDefinitions": [{"Essential": True, "Image": image, "Name": "web", "LogConfiguration": logs}],
        "ExecutionRoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
        "NetworkMode": "bridge",
        "RequiresCompatibilities": ["EXTERNAL"],
        "TaskRoleArn": {"Fn::GetAtt": ["TaskRole", "Arn"]},
    }
    service = {
        "Cluster": {"Ref": "Cluster"}, "LaunchType": "EXTERNAL", "SchedulingStrategy": "DAEMON",
        "TaskDefinition": {"Ref": "Task"}, "EnableECSManagedTags": False,
    }  # fmt: skip
    template = {
        "Resources": {
            "Task": {"Type": "AWS::ECS::TaskDefinition", "Properties": task, "Metadata": {"aws:cdk:path": "s/Task"}},
            "Service": {"Type": "AWS::ECS::Service", "Properties": service, "DependsOn": ["TaskRole"]},
            "CDKMetadata": {"Type": "AWS::CDK::Metadata", "Properties": {"Analytics": "v2:deflate64:x"}},
        },
        "Parameters": {"BootstrapVersion": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/cdk/version"}},
    }
    assert judged(template) == {}


def test_a_compose_file_with_awslogs() -> None:
    text = (
        "services:\n  web:\n    image: ghcr.io/a/b\n    logging:\n"
        "      driver: awslogs\n      options: {awslogs-group: x}\n"
    )
    workload = forms.parse(parse(text, "compose.yaml"), "compose.yaml")
    found = [one for one in judge(RULES, workload, "compose.yaml", running=True) if one.finding() is not None]
    assert [(one.rule.id, one.judgement.places[0].line) for one in found] == [("awslogs_region_missing", 5)]


@pytest.mark.parametrize(
    ("published", "meets"),
    [("51678-51680:80-82", True), ("51000-52000:51000-52000", True), ("51681-51690:1-10", False),
     ("1-65535:1-65535", True), ("8080:80", False), ("51679:80", True), ("9-1:80", False), ("-:80", False),
     ("1-99999999999:80", False)],
)  # fmt: skip
def test_ranges_of_ports_in_compose_files(published: str, meets: bool) -> None:
    """Held against the agent's by their ends, however many ports they stand for."""
    text = f"services:\n  web:\n    image: ghcr.io/a/b\n    ports: ['{published}']\n"
    workload = forms.parse(parse(text, "compose.yaml"), "compose.yaml")
    found = {one.rule.id: one.judgement.outcome for one in judge(RULES, workload, "compose.yaml", running=True)}
    assert (found["agent_port_mapped"] is FAIL) == meets


def test_a_launch_type_that_the_file_leaves_open_is_not_run() -> None:
    template = {
        "Parameters": {"Type": {"Type": "String"}},
        "Resources": {"S": {"Type": "AWS::ECS::Service", "Properties": {"LaunchType": {"Ref": "Type"}}}},
    }
    workload = forms.parse(parse(json.dumps(template), "t.json"), "t.json")
    found = {one.rule.id: one.judgement for one in judge(RULES, workload, "t.json", running=True)}
    assert found["launch_type_not_external"].outcome is Outcome.NOT_RUN


@pytest.mark.parametrize(
    ("host", "right"),
    [
        ("111122223333.dkr.ecr.us-east-2.amazon.aws.com", "111122223333.dkr.ecr.us-east-2.amazonaws.com"),
        ("111122223333.drk.ecr.us-east-2.amazonaws.com", "111122223333.dkr.ecr.us-east-2.amazonaws.com"),
        ("111122223333.dkr.ecr.us-east-2.amazonaws.co", "111122223333.dkr.ecr.us-east-2.amazonaws.com"),
        ("111122223333.ecr.us-east-2.amazonaws.com", "111122223333.dkr.ecr.us-east-2.amazonaws.com"),
        ("11112222333.dkr.ecr.us-east-2.amazonaws.com", "ACCOUNT.dkr.ecr.us-east-2.amazonaws.com"),
        ("111122223333-dkr.ecr.us-gov-west-1.amazonaws.com", "111122223333.dkr.ecr.us-gov-west-1.amazonaws.com"),
        ("111122223333.dkr.ecr.amazonaws.com", "111122223333.dkr.ecr.REGION.amazonaws.com"),
        ("public.erc.aws", "public.ecr.aws"),
        ("111122223333.dkr.ecr.useast-2.amazonaws.com", "111122223333.dkr.ecr.us-east-2.amazonaws.com"),
        ("111122223333.dkr.ecr.us-east2.amazonaws.com", "111122223333.dkr.ecr.us-east-2.amazonaws.com"),
        (
            "111122223333.dkr.ecr-fips.us-gov-west1.amazonaws.com",
            "111122223333.dkr.ecr-fips.us-gov-west-1.amazonaws.com",
        ),
        ("111122223333.dkr.ecr.frankfurt.amazonaws.com", "111122223333.dkr.ecr.REGION.amazonaws.com"),
        ("111122223333.drk.ecr.useast-2.amazonaws.com", "111122223333.dkr.ecr.us-east-2.amazonaws.com"),
        ("111122223333.dkr.ecr.us-east-2.amazonaws.com.cn", "111122223333.dkr.ecr.us-east-2.amazonaws.com"),
        ("111122223333.dkr.ecr.cn-north-1.amazonaws.com", "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn"),
        ("111122223333.dkr.ecr.cn-nort-1.amazonaws.com", "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn"),
        ("111122223333.dkr.ecr.eusc-de-east-1.amazonaws.com", "111122223333.dkr.ecr.eusc-de-east-1.amazonaws.eu"),
        ("111122223333.dkr-ecr.us-east2.on.aws", "111122223333.dkr-ecr.us-east-2.on.aws"),
        ("111122223333.dkr-ecr.cn-north-1.on.aws", "111122223333.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn"),
        ("111122223333.dkr-ecr.us-east-2.amazonaws.com", "111122223333.dkr.ecr.us-east-2.amazonaws.com"),
        ("111122223333.dkr-ecr.amazonaws.com", "111122223333.dkr.ecr.REGION.amazonaws.com"),
        ("111122223333.dkr-ecr.on.aws", "111122223333.dkr-ecr.REGION.on.aws"),
        ("111122223333.dkr.ecr.us-east-2.on.aws", "111122223333.dkr-ecr.us-east-2.on.aws"),
        (f"{UNKNOWN}.dkr.ecr.useast-2.amazonaws.com", "ACCOUNT.dkr.ecr.us-east-2.amazonaws.com"),
        (f"111122223333.dkr.ecr.useast-2.{SUFFIX}", f"111122223333.dkr.ecr.us-east-2.{SUFFIX}"),
        (f"111122223333.dkr.ecr.{REGION}.amazonaws.com", ""),
        (f"{UNKNOWN}.dkr.ecr.{UNKNOWN}.{SUFFIX}", ""),
        ("registry.example.com", ""),
        ("quay.io", ""),
        ("ghcr.io", ""),
        ("111122223333.example.com", ""),
        ("registry-12345678.amazonia.example", ""),
    ],
)
def test_names_that_are_nearly_ecr(host: str, right: str) -> None:
    assert nearly_ecr(host, catalog.load().regions) == right


def test_ecrs_name_of_every_region_is_no_slip() -> None:
    for region in catalog.load().regions:
        host = f"111122223333.dkr.ecr.{region.id}.{region.partition.dns_suffix}"
        assert nearly_ecr(host, catalog.load().regions) == ""


def test_a_region_that_does_not_exist_is_told_at_its_line() -> None:
    found = judged(container(image="111122223333.dkr.ecr.useast-2.amazonaws.com/web:1"))
    assert {id_: one[0] for id_, one in found.items()} == {"registry_nearly_ecr": WARN}


@pytest.mark.parametrize(
    "host",
    ["111122223333.dkr.ecr.us-east-2.amazonaws.com", "111122223333.dkr.ecr-fips.us-gov-west-1.amazonaws.com",
     "111122223333.dkr.ecr.eusc-de-east-1.amazonaws.eu", "111122223333.dkr-ecr.us-east-2.on.aws", "public.ecr.aws",
     "ecr-public.aws.com"],
)  # fmt: skip
def test_the_right_names_are_no_slips(host: str) -> None:
    assert judged(container(image=f"{host}/x:1")) == {}
