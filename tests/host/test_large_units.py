"""Units of an image that are many and long: read once, within a bound that no unit of systemd comes near."""

from __future__ import annotations

import io
import tarfile
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from netprobe.cli import readiness
from netprobe.host import once, rules
from netprobe.host.filesystem import FileSystem, FolderRoot, UnreadableError
from netprobe.host.machine import Machine
from netprobe.host.readers import systemd
from netprobe.host.readers.settings import MAX_FILE
from netprobe.rules import Judgement
from tests.support import bounded, rootfs

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
    with FolderRoot(tmp_path) as root, pytest.raises(UnreadableError, match="more than 256 KiB"):
        systemd.files(root, "a.service")


def _drop_ins(root: Path, count: int, ending: str = ".conf") -> None:
    folder = root / "etc/systemd/system/docker.service.d"
    folder.mkdir(parents=True)
    for number in range(count):
        (folder / f"{number:05}{ending}").write_text("[Service]\n")


@pytest.mark.parametrize("ending", [".conf", ".txt"])
def test_thousands_of_drop_ins_are_refused_and_told(tmp_path: Path, ending: str) -> None:
    _drop_ins(tmp_path, 3000, ending)
    ended = bounded.netprobe("bundle", "--root", tmp_path, tmp_path / "bundle.tar.gz", cpu_seconds=10)
    assert ended.returncode == 0, ended.stderr
    assert ended.cpu_seconds < 4
    with tarfile.open(tmp_path / "bundle.tar.gz") as archive:
        host = archive.extractfile("netprobe-bundle/host.json")
        assert host is not None
        assert f"netprobe reads up to {systemd.MAX_DROP_INS}" in host.read().decode()


def test_each_drop_in_is_looked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many rules want the unit."""
    _drop_ins(tmp_path, 40)
    looked = Counter[str]()
    resolve = FolderRoot.resolve

    def counted(root: FolderRoot, path: str, *, follow_last: bool = True) -> tuple[str, ...] | None:
        looked[path] += 1
        return resolve(root, path, follow_last=follow_last)

    monkeypatch.setattr(FolderRoot, "resolve", counted)
    rootfs.judged(tmp_path)
    mine = [times for path, times in looked.items() if path.endswith("0.conf")]
    assert len(mine) == 4
    assert max(mine) <= 3  # is it one, how large is it, and its text


def test_a_rule_of_the_host_ends_where_it_takes_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forever(_machine: Machine) -> Judgement:
        while True:
            sum(range(1000))

    monkeypatch.setattr(rules, "RULES", (msgspec.structs.replace(rules.RULES[0], judge=forever), rules.RULES[2]))
    monkeypatch.setattr(readiness, "RULE_CPU_SECONDS", 0.2)
    with FolderRoot(tmp_path) as root:
        first, second = readiness.judged(Machine(root=root, subject="host"), root=tmp_path).rules
    assert first.not_run == "it takes more than 0.2 s of processor time"
    assert not second.not_run


def test_what_cannot_be_read_is_found_out_once(tmp_path: Path) -> None:
    asked: list[str] = []

    @once.for_a_root
    def read(_root: FileSystem, path: str) -> str:
        asked.append(path)
        if path == "bad":
            raise UnreadableError(path, "no", denied=True)
        return path.upper()

    with FolderRoot(tmp_path) as root, FolderRoot(tmp_path) as other:
        assert [read(root, "a"), read(root, "a"), read(other, "a")] == ["A", "A", "A"]
        for _ in range(2):
            with pytest.raises(UnreadableError, match="bad: no") as met:
                read(root, "bad")
            assert met.value.denied
    assert asked == ["a", "a", "bad"]
