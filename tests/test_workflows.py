"""What lies in .github and beside it, by the published schemas and by what it names here."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from netprobe.cli.commands import COMMANDS
from tests.support.cli import ROOT
from tests.support.some import some

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
EXAMPLES = ROOT / "tests" / "examples"


def judged(schema: str, path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        *(("vendor.github-workflows", path) for path in [*WORKFLOWS, EXAMPLES / "github-workflow.yml"]),
        ("vendor.github-actions", GITHUB / "actions" / "netprobe" / "action.yml"),
        ("vendor.gitlab-ci", EXAMPLES / "gitlab-ci.yml"),
    ],
    ids=lambda value: value.name if isinstance(value, Path) else value,
)
def test_it_is_what_its_reader_expects(schema: str, path: Path) -> None:
    done = judged(schema, path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_schema_can_fail(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yml"
    bad.write_text("on: push\njobs:\n  a:\n    runs-on: x\n    stepps: []\n")
    assert judged("vendor.github-workflows", bad).returncode == 1


def zizmor(*paths: Path) -> subprocess.CompletedProcess[str]:
    """Zizmor, which looks for holes in workflows: rights, pins, what a stranger can put into a script."""
    program = Path(sys.executable).with_name("zizmor")
    return subprocess.run(
        [str(program), "--offline", "--no-progress", "--format", "plain", *map(str, paths)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_zizmor_finds_no_hole() -> None:
    done = zizmor(GITHUB, EXAMPLES / "github-workflow.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No findings to report" in done.stdout


def test_zizmor_can_find_one(tmp_path: Path) -> None:
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    text = (GITHUB / "workflows" / "ci.yml").read_text()
    assert "- run: bash .ci/run\n" in text
    (folder / "ci.yml").write_text(text.replace("bash .ci/run", "echo ${{ github.event.pull_request.title }}"))
    done = zizmor(tmp_path)
    assert done.returncode != 0
    assert "template-injection" in done.stdout


def test_the_audit_of_a_release_passes_over_nothing() -> None:
    """pip-audit 2.10.1 ends well, with "No known vulnerabilities found", where it could ask for no package at all."""
    steps: Any = yaml.safe_load((GITHUB / "workflows" / "release.yml").read_text())["jobs"]["build"]["steps"]
    (audit,) = [step["run"] for step in steps if "pip-audit" in step.get("run", "")]
    (command,) = [line for line in audit.splitlines() if "tests/release/python.lock" in line]
    assert {"--strict", "--require-hashes"} <= set(command.split())


@pytest.mark.parametrize("path", [*WORKFLOWS, EXAMPLES / "github-workflow.yml"], ids=lambda path: path.name)
def test_actions_are_pinned_by_digest_with_their_version_beside(path: Path) -> None:
    text = path.read_text()
    used = re.findall(r"uses: (\S+)(.*)", text)
    assert len(used) == text.count("uses:") > 0
    for action, comment in used:
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action), action
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), action


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_has_no_more_rights_than_it_names(path: Path) -> None:
    document: Any = yaml.safe_load(path.read_text())
    assert document["permissions"] in ({}, {"contents": "read"})
    text = path.read_text()
    # What a stranger can choose (a branch's name, a title) never becomes part of a script.
    scripts = re.findall(r"run: \|?\n?((?:.*\n)+?)(?=\s*- |\Z)", text)
    assert not [script for script in scripts if "${{ github.event" in script or "${{ github.head_ref" in script]


def test_files_and_modules_that_workflows_name_exist() -> None:
    text = "".join(path.read_text() for path in WORKFLOWS)
    for module in some(re.findall(r"python -m ((?:tests|netprobe)\.[\w.]+)", text)):
        assert (ROOT / (module.replace(".", "/") + ".py")).is_file(), module
    for name in some(re.findall(r"(?<![\w/.])(\.ci/run|tests/release/[\w.]+)", text)):
        assert (ROOT / name).is_file(), name


def test_the_hooks_run_commands_of_ours() -> None:
    hooks: Any = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    for hook in some(hooks):
        program, command = hook["entry"].split()
        assert (program, command in COMMANDS) == ("netprobe", True)
        pattern = re.compile(hook["files"])
        assert pattern.search("deploy/task-definition.json")
        assert pattern.search("taskdef.yaml")
        assert not pattern.search("package.json")
