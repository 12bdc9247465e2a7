"""Files that nobody named: read where only we can have written them, and never waited for."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from netprobe import implicit
from netprobe.errors import UnreadableFileError
from tests.support import bounded, need

NOBODY = 65534


def _read(path: Path) -> bytes | None:
    return implicit.read(path, 100, option="--config")


def test_what_is_not_there_is_none(tmp_path: Path) -> None:
    assert _read(tmp_path / "none") is None


def test_our_own_is_read_to_one_byte_beyond_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 200)
    path.chmod(0o644)
    assert _read(path) == b"x" * 101


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to("file")
    with pytest.raises(UnreadableFileError, match="is a link"):
        _read(tmp_path / "link")


def test_what_others_may_write_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    path.chmod(0o666)
    with pytest.raises(UnreadableFileError, match="another user may have written it"):
        _read(path)


@pytest.mark.root
def test_what_another_user_owns_is_refused(tmp_path: Path) -> None:
    need.root()
    path = tmp_path / "file"
    path.write_bytes(b"x")
    os.chown(path, NOBODY, NOBODY)
    with pytest.raises(UnreadableFileError, match="another user may have written it"):
        _read(path)


@pytest.mark.root
def test_a_folder_that_the_user_may_not_enter_holds_nothing_of_his() -> None:
    """HOME is root's where a container or setpriv changes the user alone."""
    need.root()
    with tempfile.TemporaryDirectory() as name:
        place, closed = Path(name), Path(name, "closed")
        place.chmod(0o755)
        closed.mkdir(mode=0o700)
        unreadable = place / "file"
        for path in (closed / "file", unreadable):
            path.write_bytes(b"x")
            path.chmod(0o600)
        os.seteuid(NOBODY)
        try:
            assert _read(closed / "file") is None
            with pytest.raises(UnreadableFileError, match="permission denied"):
                _read(unreadable)
        finally:
            os.seteuid(0)


@pytest.mark.parametrize("name", ["netprobe.toml", "netprobe.lock"])
def test_a_pipe_in_their_place_holds_no_command(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / name)
    ended = bounded.netprobe("render", "hosts", "-r", "us-east-2", cwd=tmp_path, wall_seconds=20)
    assert ended.returncode == 2
    assert f"{name}: is no file, so it is not read unasked" in ended.stderr


@pytest.mark.parametrize("name", ["netprobe.toml", "netprobe.lock"])
def test_a_link_in_their_place_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).symlink_to("/etc/shadow")
    ended = bounded.netprobe("render", "hosts", "-r", "us-east-2", cwd=tmp_path)
    assert ended.returncode == 2
    assert f"{name}: is a link, so it is not read unasked" in ended.stderr
