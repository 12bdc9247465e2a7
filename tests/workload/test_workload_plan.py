"""A plan of Terraform's has everything worked out: judged at the resource's address, and open where the apply tells."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from netprobe.errors import UnreadableFileError
from netprobe.findings import Outcome
from netprobe.rules import Judgement, judge
from netprobe.workload import forms
from netprobe.workload.rules import RULES
from tests.support.cli import netprobe

ADDRESS = 'module.web["a[0]"].aws_ecs_task_definition.app[0]'
WRITTEN = "aws_ecs_task_definition.app"
CONTAINER = {"name": "app", "image": "ghcr.io/x/y:1", "portMappings": [{"containerPort": 80, "hostPort": 8080}]}


def task(**values: object) -> dict[str, Any]:
    good = {"family": "app", "network_mode": "bridge", "requires_compatibilities": ["EXTERNAL"], "volume": [],
            "execution_role_arn": None, "container_definitions": json.dumps([CONTAINER])}  # fmt: skip
    return {"address": ADDRESS, "mode": "managed", "type": "aws_ecs_task_definition", "values": {**good, **values}}


def service(**values: object) -> dict[str, Any]:
    good = {
        "launch_type": "EXTERNAL",
        "load_balancer": [],
        "network_configuration": [],
        "capacity_provider_strategy": [],
    }
    return {"address": "aws_ecs_service.s", "mode": "managed", "type": "aws_ecs_service", "values": {**good, **values}}


def plan(
    *resources: dict[str, Any], unknown: dict[str, Any] | None = None, written: tuple[str, ...] = ()
) -> dict[str, Any]:
    """As 'terraform show -json' of 1.11.4 prints one, with the resources in a module."""
    inner = {"resources": [{"address": WRITTEN, "expressions": {key: {} for key in written}}]}
    changes = [{"address": ADDRESS, "change": {"actions": ["create"], "after_unknown": unknown or {}}}]
    return {
        "format_version": "1.2",
        "terraform_version": "1.11.4",
        "planned_values": {"root_module": {"child_modules": [{"address": "module.web", "resources": list(resources)}]}},
        "resource_changes": changes,
        "configuration": {"root_module": {"module_calls": {"web": {"module": inner}}}},
    }


def judged(path: Path, value: object) -> dict[str, Judgement]:
    path.write_text(json.dumps(value))
    return {one.rule.id: one.judgement for one in judge(RULES, forms.read([path]), path.name, running=True)}


def bad_of(found: dict[str, Judgement]) -> dict[str, list[str]]:
    bad = (Outcome.FAIL, Outcome.WARN)
    return {id_: [place.text for place in one.places] for id_, one in found.items() if one.outcome in bad}


def test_a_good_plan_passes(tmp_path: Path) -> None:
    found = judged(tmp_path / "plan.json", plan(task(), service()))
    assert {one.outcome for one in found.values()} == {Outcome.PASS, Outcome.NOT_APPLICABLE}


def test_what_is_planned_is_judged_at_its_address(tmp_path: Path) -> None:
    volume = [{"name": "v", "efs_volume_configuration": [{"file_system_id": "fs-1"}]}]
    logs = {"logDriver": "awslogs", "options": {"awslogs-group": "x"}}
    containers = json.dumps([{**CONTAINER, "portMappings": [{"hostPort": 51679}], "logConfiguration": logs}])
    bad = task(network_mode="awsvpc", volume=volume, container_definitions=containers)
    found = judged(tmp_path / "p.json", plan(bad, service(load_balancer=[{"container_name": "x"}])))
    assert bad_of(found) == {
        "network_mode_unsupported": [f"{ADDRESS} networkMode: awsvpc"],
        "efs_volume_unsupported": [f"{ADDRESS} efsVolumeConfiguration"],
        "agent_port_mapped": [f"{ADDRESS} hostPort: 51679"],
        "awslogs_region_missing": [f"{ADDRESS} awslogs without awslogs-region"],
        "execution_role_missing": [f"{ADDRESS} awslogs"],
        "load_balancer_unsupported": ["aws_ecs_service.s loadBalancers"],
    }


def test_what_the_apply_will_tell_is_not_run(tmp_path: Path) -> None:
    unknown = {"container_definitions": True, "volume": True}
    without = task()
    for key in unknown:
        del without["values"][key]
    found = judged(tmp_path / "p.json", plan(without, unknown=unknown))
    for id_ in ("agent_port_mapped", "awslogs_region_missing", "efs_volume_unsupported"):
        assert found[id_].outcome is Outcome.NOT_RUN
        assert ADDRESS in found[id_].title


@pytest.mark.parametrize(("written", "outcome"), [((), Outcome.PASS), (("network_mode",), Outcome.NOT_RUN)])
def test_a_default_of_aws_is_not_open(tmp_path: Path, written: tuple[str, ...], outcome: Outcome) -> None:
    """Where nothing is written AWS chooses bridge, and the plan calls that unknown."""
    without = task()
    del without["values"]["network_mode"]
    found = judged(tmp_path / "p.json", plan(without, unknown={"network_mode": True}, written=written))
    assert found["network_mode_unsupported"].outcome is outcome


def test_a_value_within_a_block_may_be_open(tmp_path: Path) -> None:
    target = {"address": ADDRESS, "mode": "managed", "type": "aws_cloudwatch_event_target",
              "values": {"ecs_target": [{"task_count": 1}]}}  # fmt: skip
    found = judged(tmp_path / "p.json", plan(target, unknown={"ecs_target": [{"launch_type": True}]}))
    assert found["launch_type_not_external"].outcome is Outcome.NOT_RUN


def test_a_dollar_sign_in_a_plan_is_one(tmp_path: Path) -> None:
    """In a configuration ``${…}`` is for Terraform to fill in; in a plan it has been, and this is for the container."""
    values = {"network_mode": "${var.mode}", "requires_compatibilities": ["EXTERNAL"]}
    declared = {"resource": {"aws_ecs_task_definition": {"app": values}}}
    assert judged(tmp_path / "main.tf.json", declared)["network_mode_unsupported"].outcome is Outcome.NOT_RUN
    expression = {**values, "container_definitions": "${jsonencode([{}])}", "network_mode": "awsvpc"}
    found = judged(tmp_path / "main.tf.json", {"resource": {"aws_ecs_task_definition": {"app": expression}}})
    assert bad_of(found) == {"network_mode_unsupported": ["aws_ecs_task_definition.app networkMode: awsvpc"]}
    assert found["agent_port_mapped"].outcome is Outcome.NOT_RUN
    environment = [{"name": "HTTP_PROXY", "value": "http://p:1"}, {"name": "NO_PROXY", "value": "${NO_PROXY}"}]
    containers = json.dumps([{**CONTAINER, "environment": environment}])
    found = judged(tmp_path / "p.json", plan(task(container_definitions=containers)))
    assert found["task_proxy_before_credentials"].outcome is Outcome.FAIL


def test_many_services_are_read_in_time(tmp_path: Path) -> None:
    """Each is told at its own line where the plan is written over several; so many need one pass for that."""
    many = [{**service(launch_type="EC2"), "address": f'aws_ecs_service.s["<{n}>"]'} for n in range(18_000)]
    text = json.dumps(plan(*many), indent=0)
    (tmp_path / "p.json").write_text(text)
    began = time.process_time()
    workload = forms.read([tmp_path / "p.json"])
    assert time.process_time() - began < 10
    wanted = [text[: text.index(f"<{n}>")].count("\n") + 1 for n in (0, 17_999)]
    assert [one.place().line for one in (workload.services[0], workload.services[-1])] == wanted


def test_a_large_plan_is_read_in_time(tmp_path: Path) -> None:
    """Twelve megabytes, most of it other resources; a task definition as JSON or YAML may have one."""
    others = [
        {"address": f"aws_x.y[{n}]", "mode": "managed", "type": "aws_x", "values": {"a": "b" * 1000}}
        for n in range(12_000)
    ]
    began = time.process_time()
    found = judged(tmp_path / "p.json", plan(*others, task(network_mode="awsvpc")))
    assert time.process_time() - began < 10
    assert set(bad_of(found)) == {"network_mode_unsupported"}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"PK\x03\x04\x14\x00\x08\x00\xff", "terraform show -json"),
        (b'{"format_version":"1.2","terraform_version":"1.11.4","planned', "is no JSON, or only a part of it"),
        (b'{"format_version":"1.2","terraform_version":"1.11.4","planned_values":{}}', "holds no task definition"),
        (b'{"format_version":"1.2","terraform_version":[],"planned_values":[1]}', "holds no task definition"),
        (b'{"resource":{"aws_ecs_service":[1]}}', "holds no task definition"),
    ],
)  # fmt: skip
def test_mistakes_are_told(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "p.json").write_bytes(content)
    ended = netprobe("workload", "p.json", cwd=tmp_path)
    assert ended.code == 2
    assert told in ended.err
    assert len(ended.err.splitlines()) == 1


def test_a_number_in_the_place_of_anything_never_crashes(tmp_path: Path) -> None:
    whole = plan(task(), service(), unknown={"volume": [True]})
    for key in list(whole):
        wrongs: list[object] = [1, "x", [], {}, [1], None]
        for wrong in wrongs:
            try:
                judged(tmp_path / "p.json", {**whole, key: wrong})
            except UnreadableFileError:
                continue
