"""Squid and HAProxy as Debian 11 and 13 have them: the same tests as with Debian 12's, in roots made of the packages.

The packages are unpacked, not installed: no script of theirs runs. A program of that root stands in front of the
machine's in PATH, and the tests of ``tests/engines`` are run as they are. HAProxy 2.2 of Debian 11 is too old for what
is written (named defaults came with 2.4): it must refuse the file, and so change nothing.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from netprobe.render import render
from tests.support import need
from tests.support.cli import ROOT
from tests.support.render_cases import CASES, ORIGIN, closed

pytestmark = [pytest.mark.engine, pytest.mark.root]
SUITES = {"bullseye": {"squid": "4.13", "haproxy": "2.2"}, "trixie": {"squid": "6.13", "haproxy": "3.0"}}
TESTS = {"squid": ("test_squid.py", "test_squid_splice.py"), "haproxy": ("test_haproxy.py",)}
_INSIDE = """#!/bin/sh
exec unshare --mount sh -c '
mount --bind /tmp "$0/tmp" && mount --bind /dev "$0/dev" && mount --bind /dev/shm "$0/dev/shm" &&
mount -t proc proc "$0/proc" && for one in hosts resolv.conf nsswitch.conf passwd group; do
  mount --bind "/etc/$one" "$0/etc/$one" || exit
done && exec chroot "$0" {program} "$@"
' {root} "$@"
"""


def _unpacked(folder: Path, suite: str) -> Path:
    """A root with both programs of a suite and all that they need."""
    need.root()
    root, packages = folder / "root", folder / "packages"
    wanted = ["--variant=minbase", "--include=haproxy,squid-openssl", "--download-only", suite, str(packages)]
    subprocess.run([str(need.engine("debootstrap")), *wanted], check=True, timeout=900, stdout=subprocess.DEVNULL)
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    for package in sorted((packages / "var/cache/apt/archives").glob("*.deb")):
        unpack = f"dpkg-deb --fsys-tarfile {shlex.quote(str(package))} | tar -x --keep-directory-symlink -C {root}"
        subprocess.run(["bash", "-o", "pipefail", "-c", unpack], check=True, timeout=120)
    for name in ("tmp", "dev", "proc", "etc/haproxy", "var/log/squid", "var/spool/squid"):
        (root / name).mkdir(parents=True, exist_ok=True)
    for name in ("var/log/squid", "var/spool/squid"):
        (root / name).chmod(0o777)  # its own user writes there
    for name in ("hosts", "resolv.conf", "nsswitch.conf", "passwd", "group"):
        (root / "etc" / name).touch()
    return root


@pytest.fixture(scope="module", params=SUITES)
def suite(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A suite's name, and the folder of its programs."""
    folder = tmp_path_factory.mktemp(request.param)
    root = _unpacked(folder, request.param)
    programs = folder / "programs"
    programs.mkdir()
    for name in TESTS:
        found = next(one for one in (f"/usr/sbin/{name}-openssl", f"/usr/sbin/{name}") if (root / one[1:]).exists())
        wrapper = programs / name
        wrapper.write_text(_INSIDE.format(program=found, root=shlex.quote(str(root))))
        wrapper.chmod(0o755)
    return request.param, programs


@pytest.mark.parametrize("program", TESTS)
def test_the_engine_of_another_release_decides_as_claimed(
    program: str, suite: tuple[str, Path], tmp_path: Path
) -> None:
    name, programs = suite
    version = SUITES[name][program]
    told = subprocess.run(
        [str(programs / program), "-v"], capture_output=True, text=True, timeout=60, check=True
    ).stdout
    assert version in told.splitlines()[0]
    if program == "haproxy" and version == "2.2":
        _refuses(programs / program, tmp_path)
        return
    files = [str(ROOT / "tests" / "engines" / one) for one in TESTS[program]]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *files],
        env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "CI": "true"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:]


def _refuses(program: Path, folder: Path) -> None:
    given = CASES["strict"]
    made = render("haproxy", given.endpoints, origin=ORIGIN, options=given.options, policy=closed("haproxy"))
    path = folder / "netprobe.cfg"
    path.write_text(made.main)
    done = subprocess.run(
        [str(program), "-c", "-f", str(path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "unexpected argument 'from'" in done.stderr
