"""Paths are resolved inside the root and nowhere else, for a folder and for an archive alike."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netprobe.host.archive import read_archive
from netprobe.host.filesystem import MAX_FILE, FileKind, FileSystem, FolderRoot, UnreadableError
from tests.support import need, rootfs

Open = Callable[[Path], FileSystem]
FILES: dict[str, str | bytes] = {
    "etc/os-release": "ID=inside\n",
    "etc/absolute": "->/etc/os-release",
    "etc/relative": "->../etc/os-release",
    "etc/escape": "->../../../../../../etc/os-release",
    "etc/chain1": "->chain2",
    "etc/chain2": "->absolute",
    "etc/loop1": "->loop2",
    "etc/loop2": "->loop1",
    "etc/self": "->.",
    "etc/dangling": "->/nowhere/at/all",
    "etc/host-secret": "->/proc/1/environ",
    "folder": "->/etc",
    "etc/a.conf": "a",
    "etc/b.conf": "->a.conf",
    "etc/c.conf": "->loop1",
}


@pytest.fixture(params=["folder", "tar"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> FileSystem:
    made = rootfs.make(tmp_path / "root", FILES)
    if request.param == "folder":
        return FolderRoot(made)
    return read_archive(rootfs.tar(made, tmp_path / "root.tar")).root


@pytest.mark.parametrize(
    "path",
    [
        "/etc/os-release",
        "/etc/absolute",
        "/etc/relative",
        "/etc/escape",
        "/etc/chain1",
        "/folder/os-release",
        "/etc/self/self/os-release",
        "/../../etc/./os-release",
        "//etc//os-release",
    ],
)
def test_links_end_inside(root: FileSystem, path: str) -> None:
    assert root.text(path) == "ID=inside\n"


@pytest.mark.parametrize("path", ["/etc/dangling", "/etc/host-secret", "/nowhere", "/etc/os-release/below", "/etc"])
def test_nothing_to_read(root: FileSystem, path: str) -> None:
    assert root.text(path) is None


def test_loops_are_told(root: FileSystem) -> None:
    with pytest.raises(UnreadableError, match="loop"):
        root.text("/etc/loop1")


def test_glob_passes_over_loops(root: FileSystem) -> None:
    assert root.glob("/etc", ".conf") == ("/etc/a.conf", "/etc/b.conf")


def test_lentry_does_not_follow(root: FileSystem) -> None:
    entry = root.lentry("/etc/dangling")
    assert entry is not None
    assert (entry.kind, entry.target) == (FileKind.LINK, "/nowhere/at/all")
    assert root.entry("/etc/dangling") is None
    assert root.entry("/") is not None


def test_lines_are_numbered_from_one(tmp_path: Path) -> None:
    made = rootfs.make(tmp_path / "r", {"f": "a\nb\n"})
    assert list(FolderRoot(made).lines("/f"))[:2] == [(1, "a"), (2, "b")]


def test_fifo_device_and_socket_are_not_opened(tmp_path: Path) -> None:
    made = rootfs.make(tmp_path / "r", {"etc/x": ""})
    os.mkfifo(made / "etc/machine-id")
    with FolderRoot(made) as root:
        entry = root.entry("/etc/machine-id")
        assert entry is not None
        assert entry.kind is FileKind.OTHER
        assert root.text("/etc/machine-id") is None


def test_fifo_put_in_place_while_we_look(tmp_path: Path) -> None:
    """The kind was checked a moment ago; the open itself must not block or answer."""
    made = rootfs.make(tmp_path / "r", {"etc/x": ""})
    os.mkfifo(made / "etc/fifo")
    with FolderRoot(made) as root, pytest.raises(UnreadableError, match="regular"):
        root._read(("etc", "fifo"), 10)


def test_link_put_in_place_while_we_look(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    made = rootfs.make(tmp_path / "r", {"etc/link": f"->{outside}/secret", "deep": f"->{outside}"})
    with FolderRoot(made) as root:
        for real in (("etc", "link"), ("deep", "secret")):
            with pytest.raises(UnreadableError):
                root._read(real, 10)
            assert root._entry(("deep", "secret")) is None


def test_too_large_is_told(tmp_path: Path) -> None:
    made = rootfs.make(tmp_path / "r", {})
    with (made / "big").open("wb") as stream:
        stream.truncate(MAX_FILE + 1)
    with FolderRoot(made) as root:
        with pytest.raises(UnreadableError, match="larger"):
            root.text("/big")
        assert root.head("/big", 4) == b"\0\0\0\0"


@pytest.mark.root
def test_unreadable_file_is_an_error_not_an_absence(tmp_path: Path) -> None:
    """As an ordinary user: a file that may not be read makes the rule not run, never pass."""
    need.root()
    made = rootfs.make(tmp_path / "r", {"etc/hosts": "x"})
    (made / "etc/hosts").chmod(0)
    for folder in (made, *made.parents):
        folder.chmod(folder.stat().st_mode | 0o055)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgid(65534)
        os.setuid(65534)
        try:
            FolderRoot(made).text("/etc/hosts")
            os.write(writing, b"read")
        except UnreadableError as exc:
            os.write(writing, exc.reason.encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    assert os.read(reading, 100) == b"Permission denied"
    os.close(reading)


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="./abé\x00\n", max_size=60))
def test_no_path_leaves_the_root(path: str) -> None:
    """Whatever the path, nothing outside answers: the only file outside would be found by ``..``."""
    from netprobe.host.tree import TreeRoot

    tree = TreeRoot()
    real = tree.resolve(path)
    assert real is None or real == ()
