"""Units of an image that are many and long: read once, within a bound that no unit of systemd comes near."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from netprobe.host.filesystem import FolderRoot, UnreadableError
from netprobe.host.readers import systemd
from netprobe.host.readers.settings import MAX_FILE
from tests.support import bounded

CASE = Path(__file__).parents[1] / "cases" / "hostile" / "unit-environment-hang.tar.gz"
UNITS = ("docker", "ecs", "amazon-ssm-agent", "containerd")


def test_fifty_megabytes_of_drop_ins_are_not_read() -> None:
    ended = bounded.netprobe("image", CASE, cpu_seconds=10)
    assert ended.returncode in (1, 2, 4), ended.stderr
    assert "its files hold more than 256 KiB" in " ".join(ended.stdout.split())
    assert ended.cpu_seconds < 2


@pytest.mark.parametrize("line", [b"a=b\n", b"Environment=a=b\n", b"x\n", b"ExecStart=a b c d\n"])
def test_as_many_lines_as_are_read_cost_little(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "image.tar"
    with tarfile.open(path, "w") as archive:
        files = {"etc/os-release": b"ID=debian\n"}
        files |= {f"lib/systemd/system/{unit}.service": b"[Service]\n" for unit in UNITS}
        content = b"[Service]\n" + line * (250_000 // len(line))
        files |= {f"etc/systemd/system/{unit}.service.d/a.conf": content for unit in UNITS}
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    ended = bounded.netprobe("image", path, cpu_seconds=20)
    assert ended.returncode in (1, 2, 4), ended.stderr
    assert ended.memory < 300 << 20


def test_a_unit_is_as_large_as_all_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "etc/systemd/system/a.service.d"
    folder.mkdir(parents=True)
    for number in range(2):
        (folder / f"{number}.conf").write_bytes(b"#" * (MAX_FILE // 2))
    with FolderRoot(tmp_path) as root:
        assert len(systemd.files(root, "a.service")) == 2
        (folder / "2.conf").write_text("#")
        with pytest.raises(UnreadableError, match="more than 256 KiB"):
            systemd.files(root, "a.service")
