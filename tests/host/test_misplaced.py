"""A folder, FIFO, socket or device in the place of a file: told once, opened never."""

from __future__ import annotations

import io
import json
import os
import socket
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from netprobe.findings import Outcome
from netprobe.host.archive import read_archive
from netprobe.host.filesystem import FileKind
from netprobe.host.machine import Machine
from netprobe.host.rules import RULES
from netprobe.rules import Judged, judge
from tests.support import bounded, need, rootfs

RULE = "not_a_regular_file"
OS = "ID=debian\nVERSION_ID=12\n"
CONFIG = "/etc/ecs/ecs.config"


def _folder(path: Path) -> None:
    path.mkdir(parents=True)


def _fifo(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(path)


def _socket(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    here = os.getcwd()
    os.chdir(path.parent)  # the name of a socket holds 108 bytes, and pytest's folders are longer
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(path.name)
    finally:
        os.chdir(here)


def _device(path: Path) -> None:
    need.root()
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mknod(path, stat.S_IFCHR | 0o644, os.makedev(1, 5))


def _null(path: Path) -> None:
    need.root()
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mknod(path, stat.S_IFCHR | 0o644, os.makedev(1, 3))


MAKERS: dict[str, Callable[[Path], None]] = {"folder": _folder, "fifo": _fifo, "socket": _socket, "device": _device}


def put(root: Path, path: str, make: Callable[[Path], None]) -> None:
    make(root / path.lstrip("/"))


def told(found: dict[str, Judged[Machine]]) -> Judged[Machine]:
    return found[RULE]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        *((CONFIG, kind) for kind in MAKERS),
        *((path, "folder") for path in ("/var/lib/ecs/ecs.config", "/etc/docker/daemon.json", "/etc/resolv.conf")),
    ],
)
def test_what_the_host_cannot_do_without_is_an_error(tmp_path: Path, path: str, kind: str) -> None:
    root = rootfs.make(tmp_path / "root", {"etc/os-release": OS})
    put(root, path, MAKERS[kind])
    one = told(rootfs.judged(root))
    assert one.judgement.outcome is Outcome.FAIL
    assert path in one.judgement.title
    assert [place.file for place in one.judgement.places] == [path]
    assert ("a folder" in one.judgement.title) is (kind == "folder")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/etc/hosts", "folder"),
        ("/etc/environment", "fifo"),
        ("/etc/os-release", "folder"),
        ("/etc/default/docker", "fifo"),
        ("/etc/systemd/system/docker.service.d/proxy.conf", "folder"),
        ("/etc/sysctl.d/90-forward.conf", "fifo"),
        ("/root/.aws/credentials", "folder"),
        ("/etc/selinux/config", "fifo"),
    ],
)
def test_every_other_file_is_a_warning(tmp_path: Path, path: str, kind: str) -> None:
    unit = "[Service]\nEnvironmentFile=-/etc/default/docker\nExecStart=/usr/bin/dockerd\n"
    root = rootfs.make(tmp_path / "root", {"lib/systemd/system/docker.service": unit})
    put(root, path, MAKERS[kind])
    one = told(rootfs.judged(root))
    assert one.judgement.outcome is Outcome.WARN
    assert [place.file for place in one.judgement.places] == [path]


def test_several_are_told_in_one_finding(tmp_path: Path) -> None:
    root = rootfs.make(tmp_path / "root", {"etc/os-release": OS})
    for path in ("/etc/hosts", CONFIG, "/etc/environment"):
        put(root, path, _folder)
    found = rootfs.judged(root)
    assert told(found).judgement.title.startswith(f"{CONFIG} is a folder and no file: the install script cannot")
    assert told(found).judgement.title.endswith("; 2 more")
    assert len(told(found).judgement.places) == 3
    assert [one.rule.id for one in found.values() if CONFIG in one.judgement.title] == [RULE]


def test_what_masks_a_file_is_no_fault(tmp_path: Path) -> None:
    """Nor are folders in folders of certificates and of drop-ins, where every name is looked at."""
    root = rootfs.make(
        tmp_path / "root",
        {
            "etc/os-release": OS,
            "etc/ssl/certs/java/cacerts": "x",
            "etc/systemd/system/docker.service.d/old/a.conf": "x",
            "etc/default/docker": "SSL_CERT_DIR=/etc/ssl/certs\n",
            "lib/systemd/system/docker.service": "[Service]\nEnvironmentFile=/etc/default/docker\n",
            "etc/systemd/system/docker.service.d/a.conf": "->/dev/null",
            "root/.docker/config.json": "->/dev/null",
        },
    )
    put(root, "/dev/null", _null)
    put(root, "/etc/environment", _null)
    one = told(rootfs.judged(root))
    assert one.judgement.outcome is Outcome.PASS, one.judgement


def test_nothing_hangs_and_the_folder_is_told(tmp_path: Path) -> None:
    root = rootfs.make(tmp_path / "root", {"etc/os-release": OS})
    put(root, CONFIG, _folder)
    for path in ("/etc/hosts", "/etc/resolv.conf", "/etc/docker/daemon.json", "/etc/machine-id", "/etc/ssl/cert.pem"):
        put(root, path, _fifo)
    ended = bounded.netprobe("image", root, "--format", "json", cpu_seconds=10, wall_seconds=30)
    assert ended.returncode == 1, ended.stderr
    (title,) = [one["title"] for one in json.loads(ended.stdout)["findings"] if CONFIG in one["title"]]
    assert title.startswith(f"{CONFIG} is a folder and no file")
    assert title.endswith("; 5 more")


@pytest.mark.parametrize(
    ("kind", "numbers", "outcome"),
    [
        (tarfile.DIRTYPE, (0, 0), Outcome.FAIL),
        (tarfile.FIFOTYPE, (0, 0), Outcome.FAIL),
        (tarfile.CHRTYPE, (1, 5), Outcome.FAIL),
        (tarfile.BLKTYPE, (1, 3), Outcome.FAIL),
        (tarfile.CHRTYPE, (1, 3), Outcome.PASS),
    ],
)
def test_an_archive_tells_the_same(tmp_path: Path, kind: bytes, numbers: tuple[int, int], outcome: Outcome) -> None:
    path = tmp_path / "image.tar"
    with tarfile.open(path, "w") as archive:
        release = tarfile.TarInfo("etc/os-release")
        release.size = len(OS)
        archive.addfile(release, io.BytesIO(OS.encode()))
        config = tarfile.TarInfo(CONFIG.lstrip("/"))
        config.type, (config.devmajor, config.devminor) = kind, numbers
        archive.addfile(config)
    root = read_archive(path).root
    machine = Machine(root=root, subject="image")
    found = {one.rule.id: one for one in judge(RULES, machine, "image", running=False)}
    assert told(found).judgement.outcome is outcome
    entry = root.entry(CONFIG)
    assert entry is not None
    assert (entry.kind is FileKind.NULL) is (outcome is Outcome.PASS)
