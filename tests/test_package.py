"""A wheel built from the tree and unpacked elsewhere does what the checkout does, data and templates included."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from netprobe.cli.commands import COMMANDS
from tests.support import need

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


def test_man_finds_the_pages_after_pip_install(wheel: Path, tmp_path: Path) -> None:
    need.programs("man")
    place = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(place)], check=True, timeout=120)
    pip = (str(place / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps")
    subprocess.run([*pip, str(wheel)], check=True, timeout=120)
    env = {"PATH": f"{place / 'bin'}:/usr/bin:/bin", "HOME": str(tmp_path), "LC_ALL": "C.UTF-8", "MANWIDTH": "100"}
    for name in ("netprobe", *(f"netprobe-{command}" for command in COMMANDS)):
        found = subprocess.run(["man", "--where", name], env=env, capture_output=True, text=True, timeout=60)
        assert found.stdout.strip() == str(place / "share" / "man" / "man1" / f"{name}.1.gz"), found.stderr
    page = place / "share" / "man" / "man1" / "netprobe-check.1.gz"
    shown = subprocess.run(["man", "--local-file", str(page)], env=env, capture_output=True, text=True, timeout=60)
    assert shown.returncode == 0, shown.stderr
    assert "--region" in shown.stdout


def test_a_wheel_of_the_source_distribution_has_the_same_pages(wheel: Path, tmp_path: Path) -> None:
    """Also where neither git nor what netprobe needs is there: the pages lie in it ready made."""
    out = tmp_path / "out"
    build = (sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out))
    subprocess.run([*build, "--sdist", str(ROOT)], check=True, capture_output=True, timeout=120)
    (packed,) = out.glob("*.tar.gz")
    with tarfile.open(packed) as tar:
        tar.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()
    shutil.rmtree(source / "netprobe" / "cli")  # from here on nobody can make a page
    subprocess.run([*build, "--wheel", str(source)], check=True, capture_output=True, timeout=120)
    (again,) = out.glob("*.whl")
    assert pages(again) == pages(wheel) != {}


def pages(wheel: Path) -> dict[str, bytes]:
    """The man pages in a wheel: name → text."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if ".data/data/share/man/man1/" in name]
        return {name: gzip.decompress(archive.read(name)) for name in names}


def test_a_build_without_what_netprobe_needs_says_that_it_has_no_pages(tmp_path: Path) -> None:
    hidden = tmp_path / "typer"
    hidden.mkdir()
    (hidden / "__init__.py").write_text("raise ModuleNotFoundError('hidden', name='typer')")
    done = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path / "out"), str(ROOT)],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "no man pages: typer is not installed where this is built" in done.stdout + done.stderr
