"""Terraform is read as far as it is written, with lines; what only Terraform can work out is not judged and told."""

from __future__ import annotations

import builtins
import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.errors import UnreadableFileError
from netprobe.findings import Outcome
from netprobe.rules import Judgement, judge
from netprobe.workload import forms, terraform
from netprobe.workload.rules import RULES
from tests.support.cli import netprobe

WRITTEN = """\
# all that external instances cannot do, each on a line of its own
resource "aws_ecs_task_definition" "app" {
  family                   = "app"
  network_mode             = "awsvpc"
  requires_compatibilities = ["FARGATE"]
  container_definitions = jsonencode([
    {
      name  = "app"
      "image" : "${aws_ecr.x.url}:1",
      logConfiguration = {
        logDriver = "awslogs"
        options = { "awslogs-group" = "x" }
      }
      portMappings = [{ containerPort = 80, hostPort = 51679 }]
    }
  ])
  volume {
    name = "v"
    efs_volume_configuration {
      file_system_id = aws_efs_file_system.x.id
    }
  }
}

resource "aws_ecs_service" "app" {
  name            = "app"
  launch_type     = "EC2"
  load_balancer {
    target_group_arn = aws_lb_target_group.x.arn
  }
}

resource "aws_s3_bucket" "other" {}
"""
HEREDOC = """\
resource "aws_ecs_task_definition" "app" {
  execution_role_arn = aws_iam_role.x.arn
  network_mode = "bridge"
  container_definitions = <<EOF
[
  {
    "name": "app",
    "image": "${var.repository}/app:1",
    "logConfiguration": {"logDriver": "awslogs"}
  }
]
EOF
}
"""


def judged(path: Path, text: str) -> dict[str, Judgement]:
    path.write_text(text)
    return {one.rule.id: one.judgement for one in judge(RULES, forms.read([path]), path.name, running=True)}


def lines_of(found: dict[str, Judgement]) -> dict[str, list[int | None]]:
    bad = (Outcome.FAIL, Outcome.WARN)
    return {id_: [place.line for place in one.places] for id_, one in found.items() if one.outcome in bad}


def test_what_is_written_is_judged_at_its_line(tmp_path: Path) -> None:
    assert lines_of(judged(tmp_path / "main.tf", WRITTEN)) == {
        "network_mode_unsupported": [4],
        "compatibility_excludes_external": [5],
        "image_unresolved": [9],
        "awslogs_region_missing": [11],
        "execution_role_missing": [11],
        "agent_port_mapped": [14],
        "efs_volume_unsupported": [19],
        "launch_type_not_external": [27],
        "load_balancer_unsupported": [28],
    }


MODULE = {
    "variables.tf": 'variable "image" {\n  type = string\n}\n',
    "task.tf": """\
resource "aws_ecs_task_definition" "app" {
  network_mode = "awsvpc"
  container_definitions = jsonencode(
    # as 'terraform fmt' leaves it
    [
      {
        name  = "app"
        image = "nginx"
        portMappings = [{ containerPort = 80, hostPort = 51679 }]
      },
    ]
  )
}
""",
    "service.tf": 'resource "aws_ecs_service" "app" {\n  name = "app"\n  launch_type = "EC2"\n}\n',
}


def test_the_files_of_a_folder_are_one_module(tmp_path: Path) -> None:
    """``netprobe workload *.tf`` was refused for the file of variables, and a call over several lines was open."""
    for name, text in MODULE.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    ended = netprobe("workload", *(str(tmp_path / name) for name in MODULE), "--format", "json")
    assert ended.code == 1
    report = json.loads(ended.out)
    failed = {finding["id"] for finding in report["findings"] if finding["severity"] == "error"}
    assert {"network_mode_unsupported", "agent_port_mapped", "launch_type_not_external"} <= failed
    assert [one for one in report["findings"] if one["id"] == "image_unresolved"] == []


def test_a_module_without_any_of_it_is_refused(tmp_path: Path) -> None:
    for name in ("a.tf", "b.tf"):
        (tmp_path / name).write_text(MODULE["variables.tf"], encoding="utf-8")
    ended = netprobe("workload", str(tmp_path / "a.tf"), str(tmp_path / "b.tf"))
    assert ended.code == 2
    assert f"{tmp_path}: holds no task definition and no service" in ended.err


def test_json_in_a_string_is_judged_at_its_line(tmp_path: Path) -> None:
    found = judged(tmp_path / "main.tf", HEREDOC)
    assert lines_of(found) == {"image_unresolved": [8], "awslogs_region_missing": [9]}


@pytest.mark.parametrize(
    "definitions",
    ['file("c.json")', "var.definitions", "local.x", 'templatefile("c.tpl", {})', "jsonencode(concat(a, b))",
     "jsonencode(var.c)", '<<EOF\n[{"name": "a", "cpu": ${var.cpu}}]\nEOF'],
)  # fmt: skip
def test_what_needs_terraform_is_not_run_and_told(tmp_path: Path, definitions: str) -> None:
    text = f'resource "aws_ecs_task_definition" "a" {{\n  container_definitions = {definitions}\n}}\n'
    found = judged(tmp_path / "main.tf", text)
    for id_ in ("image_unresolved", "awslogs_region_missing", "agent_port_mapped"):
        assert found[id_].outcome is Outcome.NOT_RUN
        assert "main.tf line 2 leaves containerDefinitions open" in found[id_].title
    assert found["network_mode_unsupported"].outcome is Outcome.PASS


def test_a_verdict_without_the_containers_is_inconclusive(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(
        'resource "aws_ecs_task_definition" "a" {\n  container_definitions = file("c.json")\n}\n'
    )
    ended = netprobe("workload", "main.tf", cwd=tmp_path)
    assert ended.code == 4
    assert "INCONCLUSIVE" in ended.out
    endpoints = netprobe("endpoints", "-r", "us-east-2", "--task-definition", "main.tf", cwd=tmp_path)
    assert endpoints.code == 2
    assert "leaves containerDefinitions open" in endpoints.err


def test_fields_left_open_are_no_pass(tmp_path: Path) -> None:
    text = (
        'resource "aws_ecs_service" "s" {\n  launch_type = var.type\n'
        '  dynamic "load_balancer" {\n    for_each = var.lbs\n    content {}\n  }\n}\n'
        'resource "aws_ecs_task_definition" "t" {\n  network_mode = var.mode\n'
        "  requires_compatibilities = [var.kind]\n  container_definitions = jsonencode([])\n}\n"
    )
    found = judged(tmp_path / "main.tf", text)
    for id_, line in (
        ("launch_type_not_external", 2),
        ("load_balancer_unsupported", 3),
        ("network_mode_unsupported", 9),
        ("compatibility_excludes_external", 10),
    ):
        assert found[id_].outcome is Outcome.NOT_RUN
        assert f"line {line} leaves" in found[id_].title


OPEN_CONTAINER = """\
resource "aws_ecs_task_definition" "t" {
  execution_role_arn = aws_iam_role.x.arn
  container_definitions = jsonencode([
    module.sidecar.json_map_object,
    merge(local.base, { image = "nginx" }),
    {
      name  = "web"
      image = "nginx"
      portMappings = [{ hostPort = PORT }]
    },
  ])
}
"""


def test_a_container_that_is_open_hides_nothing_and_is_no_pass(tmp_path: Path) -> None:
    """It was passed over in silence: a task of such containers alone was READY."""
    found = judged(tmp_path / "main.tf", OPEN_CONTAINER.replace("PORT", "8080"))
    for id_ in ("image_unresolved", "awslogs_region_missing", "agent_port_mapped", "task_proxy_before_credentials"):
        assert found[id_].outcome is Outcome.NOT_RUN
        assert "main.tf line 4 leaves containerDefinitions open: its plan tells it" in found[id_].title
    bad = judged(tmp_path / "main.tf", OPEN_CONTAINER.replace("PORT", "51679"))
    assert lines_of(bad) == {"agent_port_mapped": [9]}
    ended = netprobe("endpoints", "-r", "us-east-2", "--task-definition", "main.tf", cwd=tmp_path)
    assert ended.code == 2
    assert "line 4 leaves containerDefinitions open" in ended.err


@pytest.mark.parametrize("turned", [False, True])
def test_a_block_beside_a_dynamic_one_is_judged(tmp_path: Path, turned: bool) -> None:
    """The second of the two took the place of the first."""
    blocks = [
        '  volume {\n    name = "v"\n    efs_volume_configuration {\n      file_system_id = "fs-1"\n    }\n  }\n',
        '  dynamic "volume" {\n    for_each = var.v\n    content {}\n  }\n',
    ]
    text = "".join(reversed(blocks) if turned else blocks)
    found = judged(tmp_path / "main.tf", f'resource "aws_ecs_task_definition" "t" {{\n{text}}}\n')
    assert found["efs_volume_unsupported"].outcome is Outcome.FAIL


def test_a_target_that_is_dynamic_is_not_run(tmp_path: Path) -> None:
    """It ended as a bug of netprobe's."""
    text = (
        'resource "aws_cloudwatch_event_target" "t" {\n  dynamic "ecs_target" {\n    for_each = var.t\n'
        '    content {\n      launch_type = "EXTERNAL"\n    }\n  }\n}\n'
    )
    found = judged(tmp_path / "main.tf", text)
    assert found["launch_type_not_external"].outcome is Outcome.NOT_RUN
    assert "line 2 leaves ecsTarget open" in found["launch_type_not_external"].title


def test_targets_of_eventbridge(tmp_path: Path) -> None:
    text = (
        'resource "aws_cloudwatch_event_target" "t" {\n  ecs_target {\n    launch_type = "EXTERNAL"\n'
        "    network_configuration {\n      subnets = []\n    }\n  }\n}\n"
        'resource "aws_cloudwatch_event_target" "f" {\n  ecs_target {\n    launch_type = "FARGATE"\n  }\n}\n'
    )
    assert lines_of(judged(tmp_path / "main.tf", text)) == {"awsvpc_configuration_unsupported": [4]}


def test_schedules(tmp_path: Path) -> None:
    text = (
        'resource "aws_scheduler_schedule" "s" {\n  target {\n    ecs_parameters {\n      launch_type = "EXTERNAL"\n'
        "      network_configuration {\n        subnets = []\n      }\n    }\n  }\n}\n"
        'resource "aws_scheduler_schedule" "f" {\n  target {\n    ecs_parameters {\n      launch_type = "FARGATE"\n'
        "    }\n  }\n}\n"
    )
    assert lines_of(judged(tmp_path / "main.tf", text)) == {"awsvpc_configuration_unsupported": [5]}


@pytest.mark.parametrize(
    "block",
    ['resource "aws_cloudwatch_event_target" "t" {\n  ecs_target {\n    launch_type = var.kind\n  }\n}\n',
     'resource "aws_scheduler_schedule" "t" {\n  target {\n    ecs_parameters {\n launch_type = var.kind\n}\n}\n}\n'],
)  # fmt: skip
def test_a_target_that_terraform_decides_is_not_run(tmp_path: Path, block: str) -> None:
    found = judged(tmp_path / "main.tf", block)
    assert found["launch_type_not_external"].outcome is Outcome.NOT_RUN


def test_a_daemon_service_passes(tmp_path: Path) -> None:
    text = 'resource "aws_ecs_service" "s" {\n  launch_type = "EXTERNAL"\n  scheduling_strategy = "DAEMON"\n}\n'
    assert lines_of(judged(tmp_path / "main.tf", text)) == {}


def test_escapes_and_literals(tmp_path: Path) -> None:
    text = (
        'resource "aws_ecs_task_definition" "t" {\n  container_definitions = "[{\\"name\\": \\"a\\", '
        '\\"image\\": \\"ghcr.io/\\u0061/b\\"}]"\n}\n'
    )
    path = tmp_path / "main.tf"
    path.write_text(text)
    (task,) = forms.read([path]).tasks
    (container,) = task.parts("containerDefinitions")
    assert container.text("image") == "ghcr.io/a/b"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('resource "a" {', "is no Terraform"),
        ("x = [1", "is no Terraform"),
        ('resource "aws_s3_bucket" "b" {}\n', "holds no task definition"),
        ("x = " + "[" * 20_000, "is n"),
        ("a = 1\n" * 60_000, "is larger than"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "main.tf"
    path.write_text(text)
    began = time.process_time()
    with pytest.raises(UnreadableFileError, match=told):
        forms.read([path])
    assert time.process_time() - began < 20


@pytest.mark.parametrize(("begin", "end"), [("[", "]"), ("{a=", "}"), ("jsonencode(", ")")])
def test_what_the_grammar_reads_and_is_nested_too_deep_is_told(begin: str, end: str) -> None:
    """The grammar keeps a stack of its own; whoever walks its tree leans on Python's."""
    text = 'resource "aws_ecs_service" "s" {\n a = ' + begin * 1500 + "1" + end * 1500 + "\n}\n"
    with pytest.raises(UnreadableFileError, match="nested too deep"):
        terraform.resources(text, "main.tf")


@given(st.text(alphabet='abresouc"{}[]()=$<>\\\n EOF,:.?', max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        terraform.resources('resource "aws_ecs_service" "s" {\n a = ' + text + "\n}\n", "main.tf")
    except UnreadableFileError:
        return


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *rest: object, **more: object) -> object:
        if name == "hcl2":
            raise ImportError(name)
        return real(name, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(UnreadableFileError, match=r"install netprobe\[terraform\]"):
        terraform.resources("a = 1\n", "main.tf")
