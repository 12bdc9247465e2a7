"""Every line by which README and examples install netprobe, run as it stands in an empty environment, and what follows.

The address of a release becomes a folder of this machine; nothing is fetched by name from an index.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hcl2
import pytest
import yaml
from packaging.requirements import Requirement

from netprobe import __version__
from tests.release import changes, lock, parts, roots
from tests.support import rootfs
from tests.support.cli import ROOT

pytestmark = [pytest.mark.root, pytest.mark.timeout(900)]
EXAMPLES = ROOT / "tests" / "examples"
BY_NAME = re.compile(r"\b(?:pip|pipx|uv)\s+(?:tool\s+)?(?:install|run)\b[^\n&|;]*")
BY_OUR_NAME = re.compile(r"[\"']?netprobe(-ecs)?([=<>~!].*)?[\"']?")


def install_lines() -> Iterator[tuple[str, str]]:
    """Every line that installs something with a Python installer: file and line."""
    files = [ROOT / "README.md", *EXAMPLES.iterdir(), *(ROOT / ".github").rglob("*.yml")]
    for path in files:
        if path.is_file() and path.suffix not in {".py", ".json"}:
            for line in BY_NAME.findall(path.read_text(encoding="utf-8")):
                yield path.name, line


def test_nothing_is_installed_by_its_name_from_an_index() -> None:
    """``netprobe`` there is somebody else's program; a typing error would run it, as root in an image build."""
    lines = list(install_lines())
    assert lines
    for name, line in lines:
        words = [word for word in line.split()[2:] if not word.startswith("-")]
        assert not [word for word in words if BY_OUR_NAME.fullmatch(word)], (
            name,
            line,
        )


@pytest.fixture
def mirror(dist: Path, tmp_path: Path) -> dict[str, str]:
    """A release in a folder, as the examples name it, and an environment with nothing else in it."""
    (tmp_path / "work").mkdir()
    (file,) = dist.glob("netprobe-*-linux-x86_64")
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "NETPROBE_URL": file.as_uri(),
        "NETPROBE_SHA256": parts.sha256(file),
        "NETPROBE_LAB": "healthy",
        "NETPROBE_CACHE": str(tmp_path / "cache"),
    }


def shell(script: str, folder: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


PIPELINES = ("github-workflow.yml", "gitlab-ci.yml", "gitlab-component.yml", "Jenkinsfile")


def component_job() -> dict[str, Any]:
    """The job of the GitLab component, its inputs put in as GitLab does."""
    header, job = (EXAMPLES / "gitlab-component.yml").read_text().split("\n---\n")
    inputs: Any = yaml.safe_load(header)["spec"]["inputs"]
    values = {name: one.get("default") for name, one in inputs.items()}
    values |= {"url": "$NETPROBE_URL", "sha256": "$NETPROBE_SHA256"}
    assert None not in values.values(), "an input that nobody gives"
    for name, value in values.items():
        job = job.replace(f"$[[ inputs.{name} ]]", str(value))
    assert "$[[" not in job
    document: Any = yaml.safe_load(job)["netprobe"]
    return dict(document)


def readme(where: str) -> list[str]:
    """What the README's table has people type in one place: each command, with the version of this tree."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (row,) = re.findall(rf"^\| {re.escape(where)}[^|]*\|([^|]*)\|$", text, re.MULTILINE)
    commands = [command.replace("$VERSION", __version__) for command in re.findall("`([^`]+)`", row)]
    assert commands
    return commands


def test_the_readme_s_first_lines_verify_a_download_and_check(
    mirror: dict[str, str], dist: Path, tmp_path: Path
) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (download,) = re.findall(r"^curl .*SHA256SUMS$", text, re.MULTILINE)
    (run_it,) = readme("any Linux")
    env = {**mirror, "RELEASE": dist.as_uri(), "VERSION": __version__}
    done = shell(f"{download}\n{run_it}", tmp_path / "work", env)
    assert done.returncode == 0, done.stderr
    assert f"netprobe-{__version__}-linux-x86_64: OK" in done.stdout
    assert "\nREADY" in done.stdout
    broken = tmp_path / "broken"
    shutil.copytree(dist, broken)
    with (broken / f"netprobe-{__version__}-linux-x86_64").open("ab") as stream:
        stream.write(b"x")
    done = shell(f"{download}\n{run_it}", tmp_path / "work", {**env, "RELEASE": broken.as_uri()})
    assert done.returncode != 0
    assert "READY" not in done.stdout, "what was not verified was run"


def scripts() -> dict[str, str]:
    """Of each example the lines that install netprobe and those that run it."""
    github: Any = yaml.safe_load((EXAMPLES / "github-workflow.yml").read_text())
    steps = github["jobs"]["gate"]["steps"]
    gitlab: Any = yaml.safe_load((EXAMPLES / "gitlab-ci.yml").read_text())["netprobe"]
    component = "\n".join([*component_job()["before_script"], *component_job()["script"]])
    jenkins = re.findall(r"sh '''(.*?)'''|sh '([^']*)'", (EXAMPLES / "Jenkinsfile").read_text(), re.DOTALL)
    return {
        "github-workflow.yml": "\n".join(step["run"] for step in steps if step.get("name") in ("Install", "Gate")),
        "gitlab-ci.yml": "\n".join([*gitlab["before_script"], *gitlab["script"]]),
        "gitlab-component.yml": component,
        "Jenkinsfile": "\n".join(long or short for long, short in jenkins),
    }


@pytest.mark.parametrize("name", PIPELINES)
def test_a_pipeline_installs_and_gates(name: str, mirror: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "work"
    for file in ("netprobe.toml", "task-definition.json"):
        shutil.copy(EXAMPLES / file, folder)
    done = shell(scripts()[name], folder, mirror)
    assert done.returncode == 0, done.stderr + done.stdout
    assert (folder / "netprobe.xml").exists() or (folder / "netprobe.sarif").exists()


@pytest.mark.parametrize("name", PIPELINES)
def test_a_pipeline_refuses_another_file(name: str, mirror: dict[str, str], tmp_path: Path) -> None:
    done = shell(scripts()[name], tmp_path / "work", {**mirror, "NETPROBE_SHA256": "0" * 64})
    assert done.returncode != 0
    assert "netprobe" in done.stderr + done.stdout
    assert not (tmp_path / "cache").exists(), "what was not verified was run"


def test_the_action_fetches_verifies_and_runs(dist: Path, mirror: dict[str, str], tmp_path: Path) -> None:
    action: Any = yaml.safe_load((ROOT / ".github" / "actions" / "netprobe" / "action.yml").read_text())
    fetch, run = action["runs"]["steps"]
    release = tmp_path / f"v{__version__}"
    release.mkdir()
    shutil.copy2(next(dist.glob("netprobe-*-linux-x86_64")), release)
    env = {**mirror, "RUNNER_TEMP": str(tmp_path), "GITHUB_OUTPUT": str(tmp_path / "output")}
    env |= {"BASE_URL": tmp_path.as_uri(), "VERSION": __version__, "SHA256": mirror["NETPROBE_SHA256"]}
    refused = shell(fetch["run"], tmp_path / "work", {**env, "SHA256": "0" * 64})
    assert refused.returncode != 0
    assert not os.access(tmp_path / "netprobe", os.X_OK), "what was not verified could be run"
    assert shell(fetch["run"], tmp_path / "work", env).returncode == 0
    done = shell(run["run"], tmp_path / "work", {**env, "ARGUMENTS": "check -r us-east-2 --lab refused"})
    assert done.returncode == 1, done.stderr
    assert (tmp_path / "output").read_text() == "exit-code=1\n"
    odd = shell(run["run"], tmp_path / "work", {**env, "ARGUMENTS": "regions;touch odd $(touch odd)"})
    assert odd.returncode == 2
    assert not (tmp_path / "work" / "odd").exists(), "an input was read by the shell"


@pytest.fixture
def host(debian_root: Path, dist: Path, tmp_path: Path) -> Path:
    """A Debian 12 host with Docker, ready for ECS Anywhere, that can fetch a release from its own /srv."""
    root = rootfs.clone(debian_root, tmp_path / "host")
    rootfs.plant(root, "/etc/machine-id", "")
    shutil.copy2(next(dist.glob("netprobe-*-linux-x86_64")), root / "srv" / "netprobe")
    return root


def of_the_host(host: Path) -> dict[str, str]:
    return {"NETPROBE_URL": "file:///srv/netprobe", "NETPROBE_SHA256": parts.sha256(host / "srv" / "netprobe")}


def packers_script() -> tuple[str, dict[str, str]]:
    """The provisioner as Packer runs it (``/bin/sh -e``), and its constant environment."""
    with (EXAMPLES / "packer.pkr.hcl").open() as stream:
        document = hcl2.load(stream)
    (provisioner,) = document["build"][0]["provisioner"]
    (shell_,) = provisioner.values()
    lines = [json.loads(line) for line in shell_["inline"]]
    given = dict(json.loads(line).split("=", 1) for line in shell_["environment_vars"])
    return "\n".join(lines), {name: value for name, value in given.items() if "${" not in value}


def test_packers_provisioner_passes_a_ready_image_and_leaves_nothing(host: Path) -> None:
    script, env = packers_script()
    assert env.keys() == {"NETPROBE_CACHE"}
    ended = roots.inside(host, "/bin/sh", "-ec", script, env={**env, **of_the_host(host)})
    assert ended.code == 0, ended.out + ended.err
    assert ended.out.startswith("READY")
    assert not (host / "var/tmp/netprobe").exists()
    assert not (host / "root/.cache").exists()


def test_packers_provisioner_ends_the_build_of_an_image_that_is_not_ready(host: Path) -> None:
    rootfs.plant(host, "/etc/docker/daemon.json", "{")
    script, env = packers_script()
    ended = roots.inside(host, "/bin/sh", "-ec", script, env={**env, **of_the_host(host)})
    assert ended.code == 1, ended.err
    assert "daemon.json" in ended.out
    other = {**of_the_host(host), "NETPROBE_SHA256": "0" * 64}
    (host / "var/tmp/netprobe").rename(host / "var/tmp/first")
    ended = roots.inside(host, "/bin/sh", "-ec", script, env={**env, **other})
    assert ended.code == 1
    assert "READY" not in ended.out, "what was not verified was run"


def provision(host: Path, env: dict[str, str], wait: str = "30m") -> roots.Ended:
    """Lay the files of the cloud-init example and run its commands, as cloud-init does."""
    document: Any = yaml.safe_load((EXAMPLES / "cloud-init.yml").read_text().replace("--wait 30m", f"--wait {wait}"))
    assert document.keys() == {"write_files", "runcmd"}
    for file in document["write_files"]:
        rootfs.plant(host, file["path"], file["content"])
        (host / file["path"].lstrip("/")).chmod(int(file["permissions"], 8))
    installer = '#!/bin/sh\necho "$*" > /registered\n'
    rootfs.plant(host, "/usr/local/sbin/ecs-anywhere-install.sh", installer)
    (host / "usr/local/sbin/ecs-anywhere-install.sh").chmod(0o755)
    given = {**of_the_host(host), "CLUSTER": "c1", "ACTIVATION_ID": "id1", "ACTIVATION_CODE": "code1"}
    settings = "".join(f"{name}={value}\n" for name, value in given.items())
    rootfs.plant(host, "/etc/netprobe/provision.env", settings)
    (command,) = document["runcmd"]
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return roots.inside(host, *command, mounts=roots.WITH_PROC, env={"PATH": path, **env})


def test_a_new_server_registers_when_the_network_is_ready(host: Path) -> None:
    ended = provision(host, {"NETPROBE_LAB": "healthy"})
    assert ended.code == 0, ended.err
    words = "--region us-east-2 --cluster c1 --activation-id id1 --activation-code code1\n"
    assert (host / "registered").read_text() == words
    assert (host / "var/log/netprobe.txt").read_text().startswith("READY")


def test_a_new_server_that_waits_in_vain_keeps_its_activation(host: Path) -> None:
    ended = provision(host, {"NETPROBE_LAB": "refused"}, wait="20s")  # long enough for one whole look on a busy machine
    assert ended.code == 1, ended.err
    assert not (host / "registered").exists()
    assert (host / "var/log/netprobe.txt").read_text().startswith("NOT READY")


def test_the_notes_of_a_version_come_from_the_changelog() -> None:
    text = "# Changelog\n\n## Unreleased\n\nsoon\n\n## [0.2.0] - 2026-12-01\n\n- this\n\n## 0.1.0\n\n- that\n"
    assert changes.notes(text, "0.2.0") == "- this\n"
    with pytest.raises(ValueError, match=r"no section for 0\.3\.0"):
        changes.notes(text, "0.3.0")


def test_the_checksums_are_those_of_the_files(dist: Path) -> None:
    done = shell("sha256sum --check SHA256SUMS", dist, {"PATH": "/usr/bin:/bin"})
    assert done.returncode == 0, done.stderr
    listed = {line.split()[1] for line in (dist / "SHA256SUMS").read_text().splitlines()}
    assert listed == {path.name for path in dist.iterdir()} - {"SHA256SUMS"}


def test_the_lock_holds_every_dependency_but_scapy() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {Requirement(text).name.lower(): Requirement(text) for text in project["dependencies"]}
    locked = dict(re.findall(r"^([A-Za-z0-9_.-]+)==([^\s;\\]+)", lock.PYTHON.read_text(), re.MULTILINE))
    assert wanted.keys() - locked.keys() == {lock.LEFT_OUT}
    for name in wanted.keys() & locked.keys():
        assert wanted[name].specifier.contains(locked[name]), f"{name} {locked[name]}: write the lock anew"
