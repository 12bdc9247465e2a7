"""The ready-made examples are run, not only shown: every netprobe command in them, and every file by a real parser."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import hcl2
import pytest
import yaml

from tests.support.cli import Ended, netprobe

HERE = Path(__file__).resolve().parent
FILES = ("netprobe.toml", "task-definition.json")


def commands(name: str) -> list[list[str]]:
    """The netprobe commands in a file, as argument lists."""
    text = (HERE / name).read_text()
    found = re.findall(r'(?:^|[\s"/])netprobe ((?:gate|check|image|host|workload)\b[^"\n&]*)', text)
    return [shlex.split(command) for command in found]


def run(folder: Path, arguments: list[str]) -> Ended:
    for name in FILES:
        shutil.copy(HERE / name, folder / name)
    return netprobe(*arguments, cwd=folder, env={"NETPROBE_LAB": "healthy"})


def test_every_example_has_a_test() -> None:
    known = {"github-workflow.yml", "gitlab-ci.yml", "packer.pkr.hcl", "Containerfile"}
    known |= {"gitlab-component.yml", "Jenkinsfile", "cloud-init.yml"}
    known |= {"netprobe-textfile.service", "netprobe-textfile.timer", *FILES}
    assert {path.name for path in HERE.iterdir() if path.suffix != ".py" and path.is_file()} == known


def test_gate_of_the_examples_passes(tmp_path: Path) -> None:
    ended = run(tmp_path, ["gate"])
    assert ended.code == 0, ended.out + ended.err


def test_github_workflow(tmp_path: Path) -> None:
    document = yaml.safe_load((HERE / "github-workflow.yml").read_text())
    steps = document["jobs"]["gate"]["steps"]
    assert document["permissions"]["security-events"] == "write"
    (arguments,) = commands("github-workflow.yml")
    ended = run(tmp_path, arguments)
    assert ended.code == 0, ended.err
    uploaded = next(step["with"]["sarif_file"] for step in steps if "sarif" in str(step.get("uses")))
    assert json.loads((tmp_path / uploaded).read_text())["version"] == "2.1.0"
    summary = next(step["run"] for step in steps if "STEP_SUMMARY" in step.get("run", ""))
    out = tmp_path / "summary"
    subprocess.run(
        ["bash", "-euc", summary], cwd=tmp_path, env={"GITHUB_STEP_SUMMARY": str(out)}, check=True, timeout=10
    )
    assert out.read_text()


def test_github_workflow_annotates_the_line(tmp_path: Path) -> None:
    (arguments,) = commands("github-workflow.yml")
    for name in FILES:
        shutil.copy(HERE / name, tmp_path / name)
    task = tmp_path / "task-definition.json"
    task.write_text(task.read_text().replace('"bridge"', '"awsvpc"'))
    ended = netprobe(*arguments, cwd=tmp_path)
    assert ended.code == 1
    assert re.search(r"^::error [^\n]*file=task-definition\.json,[^\n]*line=3", ended.out, re.MULTILINE)


def test_github_workflow_does_not_fail_twice(tmp_path: Path) -> None:
    """Every later step waits for the file that it needs: a usage error writes none, a failure writes all."""
    steps = yaml.safe_load((HERE / "github-workflow.yml").read_text())["jobs"]["gate"]["steps"]
    later = [step for step in steps if "always()" in str(step.get("if"))]
    needed = {re.search(r"hashFiles\('([^']+)'\) != ''", step["if"])[1] for step in later}  # type: ignore[index]
    assert needed == {"netprobe.md", "netprobe.sarif"}
    for step in later:
        name = re.search(r"hashFiles\('([^']+)'\)", step["if"])[1]  # type: ignore[index]
        assert name in json.dumps({key: value for key, value in step.items() if key != "if"})
    (arguments,) = commands("github-workflow.yml")
    assert run(tmp_path, [*arguments, "--today", "soon"]).code == 2
    assert not [name for name in needed if (tmp_path / name).exists()]
    (tmp_path / "netprobe.toml").unlink()
    assert netprobe(*arguments, cwd=tmp_path).code == 2
    assert not [name for name in needed if (tmp_path / name).exists()]
    for name in FILES:
        shutil.copy(HERE / name, tmp_path / name)
    task = tmp_path / "task-definition.json"
    task.write_text(task.read_text().replace('"bridge"', '"awsvpc"'))
    assert netprobe(*arguments, cwd=tmp_path).code == 1
    assert all((tmp_path / name).stat().st_size for name in needed)


def test_gitlab_job(tmp_path: Path) -> None:
    job = yaml.safe_load((HERE / "gitlab-ci.yml").read_text())["netprobe"]
    (arguments,) = commands("gitlab-ci.yml")
    assert run(tmp_path, arguments).code == 0
    for artifact in job["artifacts"]["reports"].values():
        assert (tmp_path / artifact).stat().st_size > 0
    assert isinstance(json.loads((tmp_path / "gl-code-quality.json").read_text()), list)


def test_packer_provisioner(tmp_path: Path) -> None:
    with (HERE / "packer.pkr.hcl").open() as stream:
        document = hcl2.load(stream)
    assert document["build"]
    (arguments,) = commands("packer.pkr.hcl")
    assert arguments == ["image", "/"]
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    before = sorted(root.rglob("*"))
    # A root without a system is not ready; that the exit code ends the build is the point of the provisioner.
    assert netprobe("image", str(root), cwd=tmp_path).code == 1
    assert sorted(root.rglob("*")) == before
    text = (HERE / "packer.pkr.hcl").read_text()
    made = set(re.findall(r'"mkdir -m 700 (\S+)"', text))
    assert made
    assert made == set(re.findall(r'rm -rf (\S+)",\n    \]', text)), "what was installed is removed at the end"


@pytest.mark.parametrize("name", ["netprobe-textfile.service", "netprobe-textfile.timer"])
def test_systemd_units(name: str, tmp_path: Path) -> None:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(HERE / name)
    assert "Unit" in parser.sections()
    analyze = shutil.which("systemd-analyze")
    if analyze is not None:
        text = (HERE / name).read_text().replace("/usr/local/bin/netprobe", "/bin/true")
        for other in ("netprobe-textfile.service", "netprobe-textfile.timer"):
            shutil.copy(HERE / other, tmp_path / other)
        (tmp_path / name).write_text(text)
        done = subprocess.run(
            [analyze, "verify", "--man=no", str(tmp_path / name)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert name not in done.stderr, done.stderr


def test_textfile_command_writes_metrics(tmp_path: Path) -> None:
    from prometheus_client.openmetrics.parser import text_string_to_metric_families

    (arguments,) = commands("netprobe-textfile.service")
    target = arguments.index("--output") + 1
    arguments[target] = str(tmp_path / "netprobe.prom")
    ended = run(tmp_path, arguments)
    assert ended.code == 0, ended.err
    families = text_string_to_metric_families((tmp_path / "netprobe.prom").read_text())  # type: ignore[no-untyped-call]
    assert list(families)
    assert [path.name for path in tmp_path.glob(".netprobe.prom*")] == []


def test_containerfile() -> None:
    lines = (HERE / "Containerfile").read_text().splitlines()
    words = [line.split(" ", 1)[0] for line in lines if line and not line.startswith("#")]
    assert words[0] == "FROM"
    assert set(words) <= {"FROM", "RUN", "USER", "ENTRYPOINT", "CMD", "COPY", "ENV", "WORKDIR"}
    # It does not run as root, and its arguments are netprobe's.
    assert "USER netprobe" in lines
    assert 'ENTRYPOINT ["netprobe"]' in lines
