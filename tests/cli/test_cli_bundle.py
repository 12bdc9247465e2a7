"""``netprobe bundle``: complete, listed before it is written, and without a secret."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from netprobe.cli.main import run
from tests.support.cli import netprobe

SECRET = "hunter2-the-password"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A host's root whose agent has a proxy with a password."""
    place = tmp_path / "root"
    for name, text in {
        "etc/ecs/ecs.config": f"ECS_CLUSTER=c\nHTTPS_PROXY=http://user:{SECRET}@proxy.corp.example:3128\n",
        "etc/resolv.conf": "nameserver 198.18.0.53\n",
        "etc/os-release": 'ID=debian\nVERSION_ID="12"\n',
        "etc/systemd/system/docker.service.d/p.conf": f'[Service]\nEnvironment="HTTPS_PROXY=http://u:{SECRET}@p:1"\n',
    }.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    return place


def contents(path: Path) -> dict[str, bytes]:
    found = {}
    with tarfile.open(path) as tar:
        for member in tar:
            stream = tar.extractfile(member)
            assert stream is not None
            found[member.name.removeprefix("netprobe-bundle/")] = stream.read()
    return found


def test_a_bundle_holds_report_rules_settings_and_versions(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report, target = tmp_path / "report.json", tmp_path / "bundle.tar.gz"
    made = netprobe("check", "-r", "us-east-2", "--lab", "refused", "--format", "json", "-o", str(report))
    assert made.code == 1
    assert run(["bundle", str(target), "--report", str(report), "--root", str(root)]) == 0
    listed = capsys.readouterr().err
    found = contents(target)
    assert set(found) == {"README.txt", "version.txt", "report-1.json", "host.json", "settings.json"}
    assert json.loads(found["report-1.json"]) == json.loads(report.read_text())
    assert "tcp_refused" in found["report-1.json"].decode()
    assert json.loads(found["host.json"])["schema_version"]
    assert any(one.get("proxy") == "http://proxy.corp.example:3128" for one in json.loads(found["settings.json"]))
    for name, content in found.items():
        assert f"{name}: " in listed
        assert f"{len(content)} bytes" in listed


def test_no_secret_is_in_a_bundle(root: Path, tmp_path: Path) -> None:
    target = tmp_path / "bundle.tar.gz"
    ended = netprobe("bundle", str(target), "--root", str(root), env={"HTTPS_PROXY": f"http://a:{SECRET}@b:1"})
    assert ended.code == 0, ended.err
    assert SECRET not in ended.out + ended.err
    for name, content in contents(target).items():
        assert SECRET.encode() not in content, name


def test_a_bundle_is_its_writers_alone_whatever_stood_there(root: Path, tmp_path: Path) -> None:
    target = tmp_path / "bundle.tar.gz"
    for _ in range(2):
        assert run(["bundle", str(target), "--root", str(root)]) == 0
        assert stat.S_IMODE(target.stat().st_mode) == 0o600
        target.chmod(0o644)
    report = tmp_path / "image.json"
    assert run(["image", str(root), "--format", "json", "-o", str(report)]) in (0, 1, 4)
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(report.stat().st_mode) == 0o666 & ~umask, "a report is for others to read"


def test_list_writes_nothing(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "bundle.tar.gz"
    assert run(["bundle", str(target), "--root", str(root), "--list"]) == 0
    assert "host.json" in capsys.readouterr().err
    assert not target.exists()


def test_what_is_no_report_is_refused_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.json").write_text("[]")
    target = tmp_path / "bundle.tar.gz"
    assert run(["bundle", str(target), "--report", str(tmp_path / "x.json")]) == 2
    assert "is not a netprobe report" in capsys.readouterr().err
    assert not target.exists()


@pytest.mark.parametrize("named", ["missing", "a file"])
def test_a_root_that_is_no_folder_is_a_users_mistake(
    named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a file").touch()
    target = tmp_path / "bundle.tar.gz"
    assert run(["bundle", str(target), "--root", str(tmp_path / named)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("; name a root folder")
    assert str(tmp_path / named) in line
    assert not target.exists()


def test_standard_output_holds_the_archive_alone(root: Path, tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "netprobe", "bundle", "-", "--root", str(root)], capture_output=True, timeout=60
    )
    assert ended.returncode == 0
    (tmp_path / "piped.tar.gz").write_bytes(ended.stdout)
    assert set(contents(tmp_path / "piped.tar.gz")) == {"README.txt", "version.txt", "host.json", "settings.json"}
