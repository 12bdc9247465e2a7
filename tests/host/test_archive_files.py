"""What is kept of an archive: what rules read, no more than they may, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from netprobe.host.archive_files import HEAD, MIB, keep
from netprobe.host.filesystem import FolderRoot
from netprobe.host.machine import Machine
from netprobe.host.rules import RULES
from netprobe.rules import judge
from tests.support import rootfs


@pytest.mark.parametrize(
    ("path", "size", "kept"),
    [
        ("etc/os-release", 300, 300),
        ("etc/large.db", 3 * MIB, 0),
        ("var/lib/dpkg/status", 10 * MIB, 10 * MIB),
        ("var/lib/dpkg/status", 17 * MIB, 0),
        ("usr/lib/systemd/systemd", 100_000, HEAD),
        ("usr/lib/systemd/system/chrony.service", 2000, 2000),
        ("usr/bin/dockerd", 90 * MIB, HEAD),
        ("usr/bin/tiny", 10, 10),
        ("home/alice/.aws/credentials", 100, 100),
        ("home/alice/.bashrc", 100, 0),
        ("usr/lib/libc.so", 2 * MIB, 0),
        ("opt/application/data", 10, 0),
        ("etcetera/x", 10, 0),
    ],
)
def test_kept_bytes(path: str, size: int, kept: int) -> None:
    assert keep(path, size) == kept


ONLY_LOOKED_FOR = {
    "/snap/amazon-ssm-agent/current",
    "/usr/local/bin/dockerd",
    "/usr/libexec/amazon-ecs-init",
    "/var/lib/snapd/snaps/x.conf",
}
"""Whether they are there, or what they hold, tells enough; nobody reads them."""


class Watched(FolderRoot):
    """A root that keeps in mind which paths it was asked for, and which folders were listed."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.asked: set[str] = set()
        self.listed: set[str] = set()

    def resolve(self, path: str, *, follow_last: bool = True) -> tuple[str, ...] | None:
        self.asked.add(path)
        return super().resolve(path, follow_last=follow_last)

    def names(self, folder: str) -> tuple[str, ...]:
        self.listed.add(folder)
        return super().names(folder)


@pytest.mark.parametrize("system", ["ID=debian\nVERSION_ID=13\n", 'ID=rhel\nVERSION_ID="9"\nID_LIKE=fedora\n'])
def test_every_file_that_a_rule_reads_is_kept(tmp_path: Path, system: str) -> None:
    """``/usr/lib/systemd/system.conf``, which newer systems have, was not: a tar of theirs was INCONCLUSIVE."""
    root = rootfs.make(tmp_path / "root", {"etc/os-release": system, "usr/sbin/dockerd": "", "etc/ecs/ecs.config": ""})
    watched = Watched(root)
    with watched:
        machine = Machine(root=watched, subject="image")
        judge(RULES, machine, "image", running=False)
    listed = {f"{folder}/x.conf" for folder in watched.listed}
    files = {path for path in watched.asked - watched.listed if not path.endswith((".d", ".wants"))} | listed
    assert len(files) > 100
    not_kept = {path for path in files - ONLY_LOOKED_FOR if keep(path.lstrip("/"), 50) == 0}
    assert not_kept == set()
