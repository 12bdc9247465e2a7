"""A wheel built from the tree and unpacked elsewhere does what the checkout does, data and templates included."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of the tree as it stands, built without isolation (hatchling is in the test extra)."""
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)],
        check=True,
        capture_output=True,
        timeout=120,
    )
    (built,) = out.glob("*.whl")
    return built


def _run(installed: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the unpacked wheel with the test environment's dependencies, from a folder that is not the checkout."""
    return subprocess.run(
        [sys.executable, "-m", "netprobe", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=installed.parent,
        env={**os.environ, "PYTHONPATH": str(installed)},
    )


def test_the_installed_wheel_checks_and_renders(wheel: Path, tmp_path: Path) -> None:
    installed = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    where = _run(installed, "--version")
    assert where.returncode == 0

    check = _run(installed, "check", "--region", "us-east-2", "--lab", "healthy")
    assert check.returncode == 0, check.stderr
    assert "ready" in check.stdout.lower()

    squid = _run(installed, "render", "squid", "--region", "us-east-2")
    assert squid.returncode == 0, squid.stderr
    assert "ecs-a-" in squid.stdout

    page = _run(installed, "explain", "tls_intercepted")
    assert page.returncode == 0
    assert str(ROOT) not in check.stdout + check.stderr + squid.stdout + squid.stderr


def test_the_wheel_holds_every_template_and_data_file(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    tracked = subprocess.run(
        ["git", "ls-files", "netprobe", "templates"], cwd=ROOT, capture_output=True, text=True, timeout=30
    )
    if tracked.returncode != 0:
        pytest.skip("not a git checkout: what belongs into the wheel is not known")
    wanted = {
        name if name.startswith("netprobe/") else f"netprobe/{name}"
        for name in tracked.stdout.split()
        if (ROOT / name).exists()
    }
    assert wanted - packed == set()
