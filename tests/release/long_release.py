"""What takes too long for every run: ``tests/release/run [DIST]`` on a machine of the project's before a release.

Built twice, the bytes are equal; the deb lives and dies in a Debian 11 root; the image is read by skopeo and umoci and
run by runc; lintian and rpmlint have nothing to say that is not excused here with its reason.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.release import parts
from tests.support.cli import ROOT

pytestmark = pytest.mark.timeout(1800)
LINTIAN_EXCUSED = {
    "embedded-library": "it brings its own libraries on purpose: it runs where the host's are too old",
    "hardening-no-pie": "the start program is static",
    "initial-upload-closes-no-bugs": "it is not uploaded to Debian",
    "package-installs-python-bytecode": "bytecode of the interpreter that is inside",
    "shared-library-is-executable": "the dynamic loader is a program here",
    "shared-library-lacks-prerequisites": "compiled modules of Python take their symbols from the interpreter",
    "statically-linked-binary": "the start program must run on any host",
    "undeclared-elf-prerequisites": "it brings what it is linked with, so it depends on no package",
    "copyright-without-copyright-notice": "the notice stands in the licence's own text",
}
RPMLINT_EXCUSED = {
    "binary-or-shlib-calls-gethostbyname": "the interpreter's own socket module",
    "invalid-license": "rpmlint's list of licences is older than SPDX names",
    "manpage-not-compressed": "gzipped with the file name that man looks for; rpmlint wants to do it itself",
    "missing-hash-section": "Debian's libraries have the GNU hash section alone",
    "no-changelogname-tag": "CHANGELOG.md of the project tells it",
    "no-dependency-on": "it brings its own libraries",
    "no-documentation": "the pages of man are its documentation",
    "no-manual-page-for-binary": "every command has one; the binary in /usr/lib is not for people",
    "no-signature": "a release is attested, and its checksums are published",
    "non-versioned-file-in-library-package": "it is no library package, though it holds libraries",
    "not-listed-as-documentation": "nfpm marks no files as documentation",
    "position-independent-executable-suggested": "the start program is static",
    "postin-without-ldconfig": "nothing of it is for the host's loader",
    "postun-without-ldconfig": "nothing of it is for the host's loader",
    "python-bytecode-without-source": "bytecode of the interpreter that is inside",
    "shared-library-not-executable": "libraries are read, not run",
    "shared-library-without-dependency-information": "compiled modules take their symbols from the interpreter",
    "statically-linked-binary": "the start program must run on any host",
    "uncompressed-zip": "stored, so that a start need not inflate; the package is compressed as a whole",
}


@pytest.fixture(scope="module")
def given() -> Path:
    """A whole release: what NETPROBE_TEST_DIST names."""
    return Path(os.environ["NETPROBE_TEST_DIST"]).resolve()


def build(out: Path, *arguments: str) -> None:
    parts.run(sys.executable, "-m", "tests.release.build", "--out", str(out), "--refresh", *arguments, cwd=ROOT)


def test_built_twice_the_bytes_are_equal(tmp_path: Path) -> None:
    for name in ("one", "two"):
        build(
            tmp_path / name, "--arch", "x86_64", "--only", "onefile", "--only", "deb", "--only", "rpm", "--only", "oci"
        )
    assert (tmp_path / "one" / "SHA256SUMS").read_bytes() == (tmp_path / "two" / "SHA256SUMS").read_bytes()


def debootstrap(folder: Path) -> Path:
    parts.run("debootstrap", "--variant=minbase", "bullseye", str(folder))
    return folder


def inside(root: Path, *command: str, code: int = 0) -> str:
    done = subprocess.run(
        ["chroot", str(root), *command],
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "DEBIAN_FRONTEND": "noninteractive"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_deb_lives_and_dies_in_debian_11(given: Path, tmp_path: Path) -> None:
    (deb,) = given.glob("*_amd64.deb")
    root = debootstrap(tmp_path / "root")
    newer = tmp_path / "newer"
    parts.run("dpkg-deb", "--raw-extract", str(deb), str(newer))
    control = newer / "DEBIAN" / "control"
    control.write_text(re.sub(r"(Version: [^\n-]+)-1", r"\1-2", control.read_text()))
    (newer / "etc/netprobe/netprobe.toml").write_text("# newer\n")
    parts.run("dpkg-deb", "--build", "--root-owner-group", str(newer), str(root / "newer.deb"))
    (root / "older.deb").write_bytes(deb.read_bytes())
    inside(root, "dpkg", "--install", "/older.deb")
    assert "ready" in inside(root, "netprobe", "check", "-r", "us-east-2", "--lab", "healthy").lower()
    config = root / "etc/netprobe/netprobe.toml"
    config.write_text('region = ["eu-central-1"]\n')
    inside(root, "dpkg", "--install", "--force-confold", "/newer.deb")
    assert "eu-central-1" in config.read_text(), "what a person changed stays"
    inside(root, "dpkg", "--remove", "netprobe-ecs")
    assert config.exists()
    assert not (root / "usr/lib/netprobe").exists()
    inside(root, "dpkg", "--purge", "netprobe-ecs")
    assert not (root / "etc/netprobe").exists()


def test_lintian_says_nothing_that_is_not_excused(given: Path) -> None:
    (deb,) = given.glob("*_amd64.deb")
    said = subprocess.run(
        ["lintian", "--allow-root", "--fail-on=none", "--tag-display-limit=0", str(deb)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    ).stdout
    found = set(re.findall(r"^[EW]: [^:]+: (\S+)", said, re.MULTILINE))
    assert found - set(LINTIAN_EXCUSED) == set(), said


def test_rpmlint_says_nothing_that_is_not_excused(given: Path) -> None:
    (package,) = given.glob("*.x86_64.rpm")
    said = subprocess.run(["rpmlint", str(package)], capture_output=True, text=True, timeout=600, check=False).stdout
    found = set(re.findall(r"^\S+: [EW]: (\S+)", said, re.MULTILINE))
    assert found, "it said nothing at all"
    assert found - set(RPMLINT_EXCUSED) == set(), said


def test_the_image_is_read_by_skopeo_and_umoci_and_run_by_runc(given: Path, tmp_path: Path) -> None:
    (packed,) = given.glob("*-oci.tar")
    shown = parts.run("skopeo", "inspect", "--override-arch", "amd64", f"oci-archive:{packed}")
    assert json.loads(shown)["Architecture"] == "amd64"
    layout, bundle = tmp_path / "layout", tmp_path / "bundle"
    parts.run("skopeo", "copy", "--override-arch", "amd64", f"oci-archive:{packed}", f"oci:{layout}:netprobe")
    parts.run("umoci", "unpack", "--image", f"{layout}:netprobe", str(bundle))
    config = bundle / "config.json"
    document = json.loads(config.read_text())
    document["process"]["args"] = ["/usr/lib/netprobe/netprobe", "check", "-r", "us-east-2", "--lab", "healthy"]
    document["process"]["terminal"] = False
    document["root"]["readonly"] = True
    # The unpacked tree is under a fresh tmpfs only where something is written: bug files and the lab's certificates.
    document["mounts"].append({"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["mode=1777"]})
    document["linux"].pop("resources", None)
    config.write_text(json.dumps(document))
    done = subprocess.run(
        ["runc", "--root", str(tmp_path / "runc"), "run", "--bundle", str(bundle), f"netprobe-{os.getpid()}"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "ready" in done.stdout.lower()


def test_the_zipapp_runs_on_this_python(given: Path, tmp_path: Path) -> None:
    (pyz,) = given.glob("*.pyz")
    done = subprocess.run(
        [sys.executable, str(pyz), "check", "-r", "us-east-2", "--lab", "healthy"],
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_arm64_tree_has_the_files_of_the_other(given: Path) -> None:
    sizes = {path.name.rpartition("-")[2]: path.stat().st_size for path in given.glob("netprobe-*-linux-*")}
    assert set(sizes) == {"x86_64", "arm64"}
    assert max(sizes.values()) <= 26_000_000


def test_the_arm64_file_runs_under_emulation(given: Path, tmp_path: Path) -> None:
    (arm,) = given.glob("netprobe-*-linux-arm64")
    done = subprocess.run(
        ["qemu-aarch64-static", str(arm), "--version"],
        env={"NETPROBE_CACHE": str(tmp_path / "cache"), "PATH": "/usr/bin"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    # qemu-user runs the start program; whether it may execute the loader depends on binfmt_misc of this machine.
    assert "netprobe" in done.stdout + done.stderr
    (unpacked,) = (path for path in (tmp_path / "cache").iterdir() if not path.name.startswith("."))
    lib = unpacked / "lib"
    inner = ("--inhibit-cache", "--library-path", str(lib), str(lib / "python3.11"), str(lib / "boot.py"))
    for arguments in (("--version",), ("render", "squid", "-r", "us-east-2"), ("explain", "tls_intercepted")):
        ended = subprocess.run(
            ["qemu-aarch64-static", str(lib / "netprobe"), *inner, *arguments],
            env={"PATH": "/usr/bin"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
