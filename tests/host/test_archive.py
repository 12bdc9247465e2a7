"""Hostile and honest archives: a clear error or a skipped rule, never a crash, an escape or a hang."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import time
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netprobe.errors import UnreadableFileError
from netprobe.host import diskformats
from netprobe.host.archive import open_root, read_archive
from netprobe.host.filesystem import FileKind, FileSystem, UnreadableError
from netprobe.host.streams import Budget
from tests.support.cli import netprobe


def member(name: str, data: bytes = b"", **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in fields.items():
        setattr(info, key, value)
    return info, data


def tar(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for info, data in members:
            archive.addfile(info, io.BytesIO(data) if info.isreg() else None)
    return stream.getvalue()


OS = member("etc/os-release", b"ID=debian\n")


def read(tmp_path: Path, data: bytes, budget: Budget | None = None, platform: str | None = None) -> FileSystem:
    path = tmp_path / "a.tar"
    path.write_bytes(data)
    return read_archive(path, budget, platform).root


def refused(tmp_path: Path, data: bytes, budget: Budget | None = None) -> str:
    with pytest.raises(UnreadableFileError) as caught:
        read(tmp_path, data, budget)
    return caught.value.reason


def test_absolute_names_are_taken_inside(tmp_path: Path) -> None:
    root = read(tmp_path, tar(member("/etc/os-release", b"ID=x\n"), member("//etc/b", b"b"), member("./etc/c", b"c")))
    assert root.names("/etc") == ("b", "c", "os-release")


def test_names_with_dots_are_left_out_and_told(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(tar(OS, member("../../etc/passwd", b"evil"), member("etc/../../up", b"evil")))
    opened = read_archive(path)
    assert opened.root.names("/") == ("etc",)
    assert opened.root.names("/etc") == ("os-release",)
    assert opened.notes == ("2 archive members point outside the root or at nothing and were left out",)


def test_member_below_a_link_goes_inside(tmp_path: Path) -> None:
    """The classic: a link to /, then a file below it. Unpacked it would overwrite the machine's own file."""
    root = read(
        tmp_path,
        tar(
            OS,
            member("x", type=tarfile.SYMTYPE, linkname="/"),
            member("x/etc/shadow", b"inside"),
            member("up", type=tarfile.SYMTYPE, linkname="../../../.."),
            member("up/etc/up", b"inside"),
        ),
    )
    assert root.text("/etc/shadow") == "inside"
    assert root.text("/etc/up") == "inside"


def test_hard_links(tmp_path: Path) -> None:
    root = read(
        tmp_path,
        tar(
            OS,
            member("etc/hard", type=tarfile.LNKTYPE, linkname="etc/os-release"),
            member("etc/nothing", type=tarfile.LNKTYPE, linkname="etc/absent"),
            member("etc/out", type=tarfile.LNKTYPE, linkname="../../etc/passwd"),
        ),
    )
    assert root.text("/etc/hard") == "ID=debian\n"
    assert not root.exists("/etc/nothing")
    assert not root.exists("/etc/out")


def test_devices_are_never_opened(tmp_path: Path) -> None:
    kinds = {"null": tarfile.CHRTYPE, "sda": tarfile.BLKTYPE, "fifo": tarfile.FIFOTYPE}
    root = read(tmp_path, tar(OS, *(member(f"etc/{name}", type=kind) for name, kind in kinds.items())))
    for name in kinds:
        entry = root.entry(f"/etc/{name}")
        assert entry is not None
        assert entry.kind is FileKind.OTHER
        assert root.text(f"/etc/{name}") is None


def test_sparse_members_cost_nothing(tmp_path: Path) -> None:
    """A pax header that claims 10 GB of holes around one byte."""
    headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "etc/hole",
               "GNU.sparse.realsize": str(10 * 1024**3)}  # fmt: skip
    body = b"1\n0\n1\n".ljust(512, b"\0") + b"x".ljust(512, b"\0")
    info, data = member("etc/GNUSparseFile.0/hole", body)
    info.pax_headers = headers
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(info, io.BytesIO(data))
        archive.addfile(*(lambda m: (m[0], io.BytesIO(m[1])))(OS))
    started = time.monotonic()
    root = read(tmp_path, stream.getvalue())
    assert time.monotonic() - started < 2
    assert root.text("/etc/os-release") == "ID=debian\n"
    entry = root.entry("/etc/hole")
    assert entry is not None
    assert entry.size == 10 * 1024**3
    with pytest.raises(UnreadableError):
        root.read("/etc/hole")


def test_header_that_claims_gigabytes(tmp_path: Path) -> None:
    """A pax header of 10 GB: tarfile alone would ask for all of it at once."""
    info, _ = member("etc/x")
    info.type = tarfile.XHDTYPE
    info.size = 10 * 1024**3
    data = info.tobuf(tarfile.GNU_FORMAT) + b"\0" * 4096
    assert "larger than any header" in refused(tmp_path, data)


def test_bomb_of_zeros_ends_at_the_budget(tmp_path: Path) -> None:
    info, _ = member("etc/zeros")
    info.size = 8 * 1024**3
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = b"\0" * (1 << 20)
    packed = packer.compress(info.tobuf()) + b"".join(packer.compress(zeros) for _ in range(64)) + packer.flush()
    assert "more than netprobe is willing" in refused(tmp_path, packed, Budget(unpacked=16 << 20))


def test_slow_archive_ends_at_the_deadline(tmp_path: Path) -> None:
    assert "was not read to its end" in refused(tmp_path, tar(OS), Budget(seconds=0.0))


@pytest.mark.parametrize("cut", [100, 511, 700, 1030])
def test_truncated(tmp_path: Path, cut: int) -> None:
    data = tar(member("etc/os-release", b"x" * 2000), OS)
    assert "damaged" in refused(tmp_path, data[:cut])


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_an_archive_without_its_end_mark_is_read_and_told(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    whole = tar(OS, member("etc/b", b"b"))
    path = tmp_path / "a.tar"
    for data, notes in ((whole, 0), (whole[:2560], 0), (whole[:2048], 1), (whole[:1024], 1)):
        path.write_bytes(pack(data))
        opened = read_archive(path)
        assert opened.root.read("/etc/os-release") is not None
        assert sum("no end mark: it may be cut short" in note for note in opened.notes) == notes, len(data)


def test_damaged_in_the_middle_is_no_end(tmp_path: Path) -> None:
    data = bytearray(tar(OS, member("etc/b", b"b")))
    data[1024 + 148] ^= 0xFF
    assert "damaged" in refused(tmp_path, bytes(data))


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "no tar archive"),
        (b"hello", "no tar archive"),
        (b"\x1f\x8b\x08\x00garbage", "damaged"),
        (b"BZh9garbage", "damaged"),
        (b"\xfd7zXZ\x00garbage", "damaged"),
        (b"\0" * 10240, "holds no files"),
    ],
)
def test_no_archive_at_all(tmp_path: Path, data: bytes, told: str) -> None:
    assert told in refused(tmp_path, data)


def sparse(at: int, mark: bytes) -> bytes:
    return bytes(at) + mark + bytes(70_000)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize(
    ("data", "told"),
    [
        (sparse(0, b"QFI\xfb"), "is a qcow2 disk"),
        (sparse(0, b"KDMV"), "is a VMDK disk"),
        (sparse(512, b"EFI PART"), "is a raw disk with partitions"),
        (sparse(510, b"\x55\xaa"), "is a raw disk with partitions"),
        (sparse(0, b"hsqs"), "is a squashfs file system"),
        (sparse(0x438, b"\x53\xef"), "is an ext file system"),
        (sparse(0x8001, b"CD001"), "is an ISO image"),
        (sparse(0x10040, b"_BHRfS_M"), "is a Btrfs file system"),
        (sparse(0, b"070701"), "is a cpio archive"),
    ],
)
def test_what_holds_a_root_and_is_none_is_named(
    tmp_path: Path, pack: Callable[[bytes], bytes], data: bytes, told: str
) -> None:
    """Data-center images are disks mostly; "no tar archive (bad checksum)" helped nobody on."""
    assert told in refused(tmp_path, pack(data))


def test_a_tar_bears_no_mark_of_a_disk() -> None:
    assert diskformats.named(tar(OS, member("etc/b", b"b" * 70_000))) is None


def test_a_root_one_folder_below_is_told(tmp_path: Path) -> None:
    """It was judged as a system that lacks everything."""
    below = tar(member("build/etc/os-release", b"ID=debian\n"), member("build/usr/bin/x"), member("build.log"))
    (tmp_path / "a.tar").write_bytes(below)
    (tmp_path / "empty").mkdir()
    (tmp_path / "vm.img").write_bytes(sparse(0, b"QFI\xfb"))
    for path, told in (
        ("vm.img", "is a qcow2 disk; take the root out of it: virt-tar-out"),
        ("a.tar", "neither /etc nor /usr): the root seems to be in build"),
        ("empty", "neither /etc nor /usr);"),
    ):
        ended = netprobe("image", path, cwd=tmp_path)
        assert (ended.code, len(ended.err.splitlines())) == (2, 1)
        assert told in ended.err


@pytest.mark.parametrize("pack", ["gz", "bz2", "xz"])
def test_compressed(tmp_path: Path, pack: str) -> None:
    import bz2
    import lzma

    packers: dict[str, Callable[[bytes], bytes]] = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}
    assert read(tmp_path, packers[pack](tar(OS))).text("/etc/os-release") == "ID=debian\n"


def test_zstandard_is_read_or_told(tmp_path: Path) -> None:
    try:
        from compression import zstd  # type: ignore[import-not-found]
    except ModuleNotFoundError:
        assert "zstd -d" in refused(tmp_path, b"\x28\xb5\x2f\xfd" + b"\0" * 100)
        return
    assert read(tmp_path, zstd.compress(tar(OS))).text("/etc/os-release") == "ID=debian\n"


def test_more_members_than_any_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netprobe.host.tree.MAX_NODES", 50)
    assert "no image of a server" in refused(tmp_path, tar(*(member(f"etc/{n}") for n in range(60))))


# --- images -----------------------------------------------------------------------------------------------------------


def blob(data: bytes) -> str:
    return f"blobs/sha256/{hashlib.sha256(data).hexdigest()}"


def docker(layers: Iterable[bytes], images: int = 1) -> bytes:
    """What ``docker save`` wrote before version 25."""
    names = [(f"{hashlib.sha256(data).hexdigest()}/layer.tar", data) for data in layers]
    manifest = json.dumps([{"Config": "c.json", "Layers": [name for name, _ in names]}] * images).encode()
    return tar(*(member(name, data) for name, data in names), member("manifest.json", manifest))


def oci(layers: Iterable[bytes], platforms: Iterable[str] = ("linux/amd64",)) -> dict[str, bytes]:
    """An OCI image layout, with a manifest a platform."""
    files = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}'}
    descriptors = []
    for data in layers:
        files[blob(data)] = data
        descriptors.append({"digest": "sha256:" + hashlib.sha256(data).hexdigest(), "size": len(data)})
    manifests = []
    for platform in platforms:
        os_name, architecture = platform.split("/")
        body = json.dumps({"schemaVersion": 2, "layers": descriptors, "annotations": {"for": platform}}).encode()
        files[blob(body)] = body
        manifests.append(
            {"digest": "sha256:" + hashlib.sha256(body).hexdigest(),
             "platform": {"os": os_name, "architecture": architecture}}
        )  # fmt: skip
    files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": manifests}).encode()
    return files


LOWER = tar(
    OS,
    member("etc/gone", b"1"),
    member("etc/changed", b"lower"),
    member("etc/opaque/old", b"1"),
    member("etc/dir/kept", b"1"),
    member("etc/was-dir/x", b"1"),
)
UPPER = tar(
    member("etc/.wh.gone"),
    member("etc/changed", b"upper"),
    member("etc/opaque/.wh..wh..opq"),
    member("etc/opaque/new", b"2"),
    member("etc/dir/added", b"2"),
    member("etc/was-dir", b"file"),
    member("etc/.wh.never-there"),
    member("etc/fresh/.wh.nothing"),
)


def assert_layered(root: FileSystem) -> None:
    assert root.text("/etc/os-release") == "ID=debian\n"
    assert not root.exists("/etc/gone")
    assert root.text("/etc/changed") == "upper"
    assert root.names("/etc/opaque") == ("new",)
    assert root.names("/etc/dir") == ("added", "kept")
    assert root.text("/etc/was-dir") == "file"
    assert root.names("/etc/fresh") == ()
    assert not [name for name in root.names("/etc") if name.startswith(".wh.")]


@pytest.mark.parametrize("outer", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("inner", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_layers_and_whiteouts(tmp_path: Path, outer: type, inner: type) -> None:
    layers = [inner(LOWER), inner(UPPER)]
    assert_layered(read(tmp_path, outer(docker(layers))))
    files = oci(layers)
    assert_layered(read(tmp_path, outer(tar(*(member(name, data) for name, data in files.items())))))


def test_oci_layout_as_a_folder(tmp_path: Path) -> None:
    for name, data in oci([gzip.compress(LOWER), UPPER]).items():
        path = tmp_path / "layout" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    with open_root(tmp_path / "layout") as opened:
        assert_layered(opened.root)


def test_layer_that_is_a_link_out_of_the_layout(tmp_path: Path) -> None:
    secret = tmp_path / "secret.tar"
    secret.write_bytes(tar(member("etc/stolen", b"x")))
    files = oci([LOWER])
    for name, data in files.items():
        path = tmp_path / "layout" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    layer = tmp_path / "layout" / blob(LOWER)
    layer.unlink()
    layer.symlink_to(secret)
    with pytest.raises(UnreadableFileError, match="does not hold"), open_root(tmp_path / "layout"):
        pass


def test_several_images_need_a_choice(tmp_path: Path) -> None:
    assert "holds 2 images" in refused(tmp_path, docker([LOWER], images=2))
    data = tar(*(member(n, d) for n, d in oci([LOWER], ["linux/amd64", "linux/arm64", "unknown/unknown"]).items()))
    assert "linux/amd64, linux/arm64" in refused(tmp_path, data)
    assert read(tmp_path, data, platform="linux/arm64").exists("/etc/os-release")
    with pytest.raises(UnreadableFileError, match="no image for linux/riscv64"):
        read(tmp_path, data, platform="linux/riscv64")


@pytest.mark.parametrize(
    "manifest",
    [b"{", b"[]", b"{}", b"[1]", b'[{"Layers": "x"}]', b'[{"Layers": [1]}]', b'[{"Layers": ["../../etc/passwd"]}]',
     b"[" * 100_000],
)  # fmt: skip
def test_hostile_manifests(tmp_path: Path, manifest: bytes) -> None:
    with pytest.raises(UnreadableFileError):
        read(tmp_path, tar(member("manifest.json", manifest)))


def test_layer_named_twice_counts_twice(tmp_path: Path) -> None:
    """Each entry of the list is laid over what is there, whatever was laid before."""
    root = read(tmp_path, docker([LOWER, UPPER, LOWER]))
    assert root.exists("/etc/gone")
    assert root.text("/etc/changed") == "lower"
    assert root.names("/etc/opaque") == ("new", "old")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_is_told(tmp_path: Path, data: st.DataObject) -> None:
    """Flip, cut and repeat bytes of valid archives: an index or one kind of error, whatever comes."""
    base = data.draw(st.sampled_from([tar(OS, member("a", type=tarfile.SYMTYPE, linkname="b")), docker([LOWER, UPPER]),
                                      gzip.compress(tar(OS))]))  # fmt: skip
    broken = bytearray(base)
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, len(broken) - 1))
        broken[place] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del broken[data.draw(st.integers(0, len(broken) - 1)) :]
    try:
        root = read(tmp_path, bytes(broken), Budget(unpacked=1 << 26, seconds=20))
    except UnreadableFileError:
        return
    assert root.names("/")


def test_command_line_says_it_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(b"hello")
    for given_, told in (
        (path, "no tar archive"),
        (tmp_path / "absent", "No such file"),
        (Path("/dev/null"), "neither"),
    ):
        ended = netprobe("image", str(given_))
        assert ended.code == 2
        assert told in ended.err
        assert len(ended.err.splitlines()) == 1
        assert ended.out == ""
