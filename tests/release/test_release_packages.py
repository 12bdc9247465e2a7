"""deb, rpm and the image: what the readers of each kind make of them."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from netprobe import __version__
from netprobe.cli.commands import COMMANDS
from tests.release import manual, parts
from tests.support import need

pytestmark = [pytest.mark.root, pytest.mark.timeout(900)]
CONFIG = "/etc/netprobe/netprobe.toml"


@pytest.fixture
def unpacked_deb(dist: Path, tmp_path: Path) -> Path:
    (deb,) = dist.glob("*_amd64.deb")
    parts.run("dpkg-deb", "--raw-extract", str(deb), str(tmp_path / "deb"))
    return tmp_path / "deb"


def test_the_deb_has_what_debian_expects(unpacked_deb: Path) -> None:
    control = (unpacked_deb / "DEBIAN" / "control").read_text()
    assert "Package: netprobe-ecs\n" in control
    assert "Architecture: amd64\n" in control
    assert "Depends:" not in control, "it brings everything"
    assert (unpacked_deb / "DEBIAN" / "conffiles").read_text().split() == [CONFIG]
    for path in (
        "usr/lib/netprobe/netprobe",
        "usr/share/bash-completion/completions/netprobe",
        "usr/share/zsh/vendor-completions/_netprobe",
        "usr/share/fish/vendor_completions.d/netprobe.fish",
        "usr/share/doc/netprobe-ecs/copyright",
        "usr/lib/systemd/system/netprobe-check.timer",
        CONFIG.lstrip("/"),
    ):
        assert (unpacked_deb / path).is_file(), path
    assert (unpacked_deb / "usr/bin/netprobe").readlink() == Path("../lib/netprobe/netprobe")


def test_the_program_of_the_deb_runs_where_it_lies(unpacked_deb: Path) -> None:
    done = subprocess.run(
        [str(unpacked_deb / "usr/bin/netprobe"), "version", "-v"], env={}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "with its own interpreter, linux x86_64" in done.stdout
    assert re.search(r"missing +scapy", done.stdout)


def test_scripts_do_no_more_than_they_must(unpacked_deb: Path) -> None:
    scripts = {path.name for path in (unpacked_deb / "DEBIAN").iterdir()} - {"control", "conffiles", "md5sums"}
    assert scripts == {"postinst", "postrm"}
    text = "".join((unpacked_deb / "DEBIAN" / name).read_text() for name in scripts)
    assert not re.search(r"\b(curl|wget|rm|chmod|chown|useradd|enable|start)\b", text)


def test_there_is_a_page_for_every_command_and_option(unpacked_deb: Path) -> None:
    folder = unpacked_deb / "usr/share/man/man1"
    assert {f"netprobe-{name}.1.gz" for name in COMMANDS} <= {path.name for path in folder.iterdir()}
    page = gzip.decompress((folder / "netprobe-check.1.gz").read_bytes()).decode()
    for option in ("region", "lab", "handoff", "expect"):
        assert rf"\-\-{option}" in page


@pytest.mark.parametrize("name", [name for name, _ in manual.pages()])
def test_groff_reads_every_page_without_a_word(name: str) -> None:
    need.programs("groff")
    text = dict(manual.pages())[name]
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-z"], input=text, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_unit_is_hardened(unpacked_deb: Path) -> None:
    need.programs("systemd-analyze")
    unit = unpacked_deb / "usr/lib/systemd/system/netprobe-check.service"
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=30", "--no-pager", str(unit)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-400:] + done.stderr


def test_what_the_unit_runs_is_a_command_of_ours(unpacked_deb: Path, tmp_path: Path) -> None:
    unit = (unpacked_deb / "usr/lib/systemd/system/netprobe-check.service").read_text()
    command = re.search(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    assert command is not None
    words = command[1].replace("/usr/bin/netprobe", str(unpacked_deb / "usr/bin/netprobe"))
    words = words.replace(CONFIG, str(unpacked_deb) + CONFIG).replace("/var/lib/netprobe", str(tmp_path))
    done = subprocess.run(
        words.split(), env={"NETPROBE_LAB": "healthy"}, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "# EOF" in (tmp_path / "netprobe.prom").read_text()


def test_the_rpm_installs_and_verifies(dist: Path, tmp_path: Path) -> None:
    need.programs("rpm")
    (package,) = dist.glob("*.x86_64.rpm")
    root = tmp_path / "root"
    root.mkdir()
    rpm = ("rpm", "--root", str(root))
    parts.run(*rpm, "--initdb")
    parts.run(*rpm, "--install", "--noscripts", "--nodeps", "--nosignature", str(package))
    assert parts.run(*rpm, "--verify", "--nodeps", "netprobe-ecs") == ""
    assert parts.run(*rpm, "--query", "--configfiles", "netprobe-ecs").split() == [CONFIG]
    done = subprocess.run([str(root / "usr/bin/netprobe"), "--version"], capture_output=True, timeout=60, check=True)
    assert done.stdout.decode().startswith(f"netprobe {__version__}\ncatalog ")


@pytest.fixture
def layout(dist: Path, tmp_path: Path) -> Path:
    (packed,) = dist.glob("*-oci.tar")
    with tarfile.open(packed) as tar:
        tar.extractall(tmp_path / "oci", filter="data")
    return tmp_path / "oci"


def blob(layout: Path, described: dict[str, Any]) -> bytes:
    content: bytes = (layout / "blobs" / "sha256" / described["digest"].removeprefix("sha256:")).read_bytes()
    assert len(content) == described["size"]
    assert hashlib.sha256(content).hexdigest() == described["digest"].removeprefix("sha256:")
    return content


def test_the_layout_is_whole_and_says_who_runs_what(layout: Path, tmp_path: Path) -> None:
    assert json.loads((layout / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    (outer,) = json.loads((layout / "index.json").read_text())["manifests"]
    manifests = {one["platform"]["architecture"]: one for one in json.loads(blob(layout, outer))["manifests"]}
    manifest = manifests["amd64"]
    assert manifest["platform"] == {"architecture": "amd64", "os": "linux"}
    image = json.loads(blob(layout, manifest))
    config = json.loads(blob(layout, image["config"]))
    assert config["config"]["User"] == "65532:65532"
    plain = gzip.decompress(blob(layout, image["layers"][0]))
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(plain).hexdigest()}"]
    (tmp_path / "layer.tar").write_bytes(plain)
    with tarfile.open(tmp_path / "layer.tar") as tar:
        names = set(tar.getnames())
        tar.extractall(tmp_path / "root", filter="fully_trusted")  # as a container engine: with its sticky /tmp
    assert not [name for name in names if re.search(r"(^|/)(sh|bash|busybox|apt|dpkg)$", name)], "a shell"
    assert {"etc/ssl/certs/ca-certificates.crt", "etc/passwd"} <= names
    inside = ("/usr/sbin/chroot", "--userspec=65532:65532", str(tmp_path / "root"))
    done = subprocess.run(
        [*inside, *config["config"]["Entrypoint"], "check", "-r", "us-east-2", "--lab", "healthy"],
        env={},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
